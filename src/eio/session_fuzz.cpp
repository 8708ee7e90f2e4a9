// Bytes drive random operations on a session: `closed` at most once, no event after `gone`, no
// message after `closed`, a parked poll is always answered before `gone`, and nothing is held at
// the end.
#include <cstdint>
#include <string>

#include "base/check.hpp"
#include "eio/test_peer.hpp"

namespace {

using namespace socketio;
using namespace std::chrono_literals;
using eio::test::Peer;

class Script {
 public:
  Script(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  std::uint8_t byte() {
    if (size_ == 0) return 0;
    --size_;
    return *data_++;
  }
  // Up to the next newline.
  base::Bytes line() {
    const base::Bytes rest(reinterpret_cast<const char*>(data_), size_);
    const base::Bytes text = rest.substr(0, rest.find('\n'));
    const std::size_t used = std::min(size_, text.size() + 1);
    data_ += used;
    size_ -= used;
    return text;
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
};

class Run {
 public:
  Run(Script& script, eio::Transport transport, const eio::Options& options, eio::Dialect dialect)
      : script_(script), peer_(transport, options, dialect), session_(*peer_) {
    connection_ = &peer_.websocket();
    attached_ = transport == eio::Transport::websocket;
  }

  void all() {
    while (!script_.empty()) {
      step(static_cast<char>(script_.byte()));
      drain();
    }
    // However it was left, it comes to an end, on its own time.
    session_.close(eio::CloseReason::forced_close, {}, peer_.now);
    drain();
    for (int i = 0; i < 3 && !session_.gone(); ++i) {
      SIO_CHECK(session_.deadline() != base::kNever);
      peer_.now = session_.deadline();
      session_.on_deadline(peer_.now);
      drain();
    }
    SIO_CHECK(session_.gone() && closed_);
    SIO_CHECK(!session_.poll_parked() && session_.queued_bytes() == 0);
    SIO_CHECK(peer_.held_at_the_end() == 0);
  }

 private:
  void step(char operation) {
    switch (operation) {
      case 'g':
        session_.on_poll(peer_.now);
        break;
      case 'G':
        session_.on_poll_aborted(peer_.now);
        break;
      case 'p':
        session_.on_post_begin(script_.line(), peer_.now);
        break;
      case 'P':
        on_post(script_.line());
        break;
      case 'f':
        session_.on_post_failed((script_.byte() & 1) != 0, peer_.now);
        break;
      case 'a':
        if (attached_) break;
        connection_ = &peer_.new_connection();
        attached_ = session_.attach_probe(*connection_, peer_.now, (script_.size() & 1) != 0);
        probe_ = true;
        break;
      case 't':
        if (attached_) on_frame(script_.line(), false);
        break;
      case 'b':
        if (attached_) on_frame(script_.line(), true);
        break;
      case 'w':
        if (!attached_) break;
        attached_ = false;
        session_.on_websocket_closed(probe_, (script_.byte() & 1) != 0, "detail", peer_.now);
        break;
      case 's':
        send(script_.line());
        break;
      case 'x':
        session_.close(eio::CloseReason::forced_close, {}, peer_.now);
        break;
      case 'X':
        session_.discard(eio::CloseReason::forced_close, {}, peer_.now);
        break;
      case 'd':
        peer_.now += std::chrono::milliseconds(script_.byte() * 50);
        session_.on_deadline(peer_.now);
        break;
      case 'n':
        ++peer_.shared.dispatch;
        break;
      case 'u':
        session_.on_flushed((script_.byte() & 1) != 0);
        break;
      default:
        eio::test::take_frames(*connection_);
        break;
    }
  }

  void on_post(base::Bytes body) {
    input_.emplace(body);
    session_.on_post(input_->view(), peer_.now);
  }

  void on_frame(base::Bytes bytes, bool binary) {
    input_.emplace(bytes);
    if (binary) {
      session_.on_binary(input_->view(), probe_, peer_.now);
    } else {
      session_.on_text(input_->view(), probe_, peer_.now);
    }
  }

  void send(base::Bytes text) {
    const bool open = session_.open();
    bool taken = false;
    switch (text.size() % 4) {
      case 0:
        taken = session_.send_text(text, text);
        break;
      case 1:
        taken = session_.send_binary(text);
        break;
      case 2:
        taken = session_.send(eio::Message::text(text, {}, &peer_.ledger));
        break;
      default:
        taken = session_.send(eio::Message::binary(text, &peer_.ledger));
        break;
    }
    SIO_CHECK(open || !taken);
    SIO_CHECK(taken == session_.open());
    if (taken) SIO_CHECK(!session_.writable());
  }

  void drain() {
    while (true) {
      bool any = false;
      while (true) {
        const eio::Event event = session_.next(peer_.now);
        if (event.kind == eio::EventKind::none) break;
        any = true;
        on_event(event);
      }
      if (session_.poll_ready()) {
        const std::string answer = peer_.take();
        SIO_CHECK(!answer.empty());
      } else if (!any) {
        return;
      }
    }
  }

  void on_event(const eio::Event& event) {
    SIO_CHECK(!gone_);
    switch (event.kind) {
      case eio::EventKind::message:
        SIO_CHECK(!closed_);
        // A handler that answers, and one that closes, while a body is being read.
        if (event.payload.size() == 1) send(base::as_bytes(event.payload));
        if (event.payload.size() == 2)
          session_.close(eio::CloseReason::forced_close, {}, peer_.now);
        break;
      case eio::EventKind::closed:
        SIO_CHECK(!closed_ && !session_.open());
        closed_ = true;
        break;
      case eio::EventKind::upgraded:
        SIO_CHECK(attached_ && probe_);
        probe_ = false;
        break;
      case eio::EventKind::close_probe:
        SIO_CHECK(attached_ && probe_);
        attached_ = false;
        break;
      case eio::EventKind::close_websocket:
        SIO_CHECK(attached_ && !probe_);
        attached_ = false;
        break;
      case eio::EventKind::gone:
        SIO_CHECK(closed_ && session_.gone() && !session_.poll_parked());
        SIO_CHECK(!attached_);
        gone_ = true;
        break;
      case eio::EventKind::noted:
        session_.take_notes();
        break;
      case eio::EventKind::none:
        break;
    }
  }

  Script& script_;
  Peer peer_;
  eio::Session& session_;
  eio::Outlet* connection_ = nullptr;
  std::optional<eio::test::Input> input_;
  bool attached_ = false;
  bool probe_ = false;
  bool closed_ = false;
  bool gone_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Script script(data, size);
  const std::uint8_t how = script.byte();
  eio::Options options;
  if ((how & 2) != 0) options.max_payload = 8;
  if ((how & 4) != 0) options.send_hard = 300;
  options.ping_interval = 3s;
  options.ping_timeout = 2s;
  eio::Dialect dialect;
  dialect.v3 = (how & 8) != 0;
  dialect.base64 = dialect.v3 && (how & 16) != 0;
  dialect.jsonp = (how & 32) != 0;
  Run(script, (how & 1) != 0 ? eio::Transport::websocket : eio::Transport::polling, options,
      dialect)
      .all();
  return 0;
}
