// For tests: one Session with everything around it (shard, connections, clock), driven as the
// server's driver does it. What comes out is kept as text, in order.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "eio/session.hpp"

namespace socketio::eio::test {

// Bytes as a machine gets them: writable, padded, and of exactly this size for ASan to see.
class Input {
 public:
  explicit Input(base::Bytes bytes)
      : bytes_(std::make_unique<char[]>(bytes.size() + base::kPadding)), size_(bytes.size()) {
    bytes.copy(bytes_.get(), bytes.size());
  }
  base::MutBytes view() { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t size_;
};

// Drops `queue` and returns the frames in it: text as it is, binary with "bin:" in front.
inline std::vector<std::string> take_frames(Outlet& outlet) {
  base::OutQueue& queue = outlet.out;
  std::string bytes;
  while (!queue.empty()) {
    std::array<base::Bytes, 16> parts;
    std::size_t taken = 0;
    for (std::size_t i = 0, n = queue.gather(parts); i < n; ++i) {
      bytes += parts[i];
      taken += parts[i].size();
    }
    queue.consume(taken);
  }
  std::vector<std::string> frames;
  for (base::Bytes rest = bytes; !rest.empty();) {
    const auto byte = [&rest](std::size_t i) { return static_cast<std::uint8_t>(rest[i]); };
    std::size_t header = 2;
    std::size_t size = byte(1);
    if (size >= 126) {
      header = size == 126 ? 4 : 10;
      size = 0;
      for (std::size_t i = 2; i < header; ++i) size = size << 8 | byte(i);
    }
    SIO_CHECK(rest.size() >= header + size);
    SIO_CHECK(byte(0) == 0x81 || byte(0) == 0x82);
    frames.push_back((byte(0) == 0x82 ? "bin:" : "") + std::string(rest.substr(header, size)));
    rest.remove_prefix(header + size);
  }
  return frames;
}

inline std::vector<std::string> split_payload(base::Bytes payload) {
  std::vector<std::string> records(1);
  for (const char c : payload) {
    if (c == kSeparator) {
      records.emplace_back();
    } else {
      records.back() += c;
    }
  }
  return records;
}

inline Sid make_test_sid() {
  return *parse_sid("abcdefghijklmnopqrst");
}

class Peer {
 public:
  explicit Peer(Transport transport = Transport::polling, const Options& chosen = {},
                Dialect dialect = {})
      : options(chosen),
        session(std::make_unique<Session>(shared, make_test_sid(), transport, 7, now, base::Bytes(),
                                          dialect)) {
    if (transport == Transport::websocket) session->attach_websocket(websocket());
  }

  // The handshake is done: its answer was fetched.
  static std::unique_ptr<Peer> opened(Transport transport = Transport::polling,
                                      const Options& chosen = {}, Dialect dialect = {}) {
    auto peer = std::make_unique<Peer>(transport, chosen, dialect);
    if (transport == Transport::polling) {
      peer->poll();
    } else {
      take_frames(peer->websocket());
    }
    return peer;
  }

  Session& operator*() { return *session; }
  Session* operator->() { return session.get(); }

  // Whichever connection carries the session's WebSocket (or its first probe).
  Outlet& websocket() { return connections.front(); }
  Outlet& new_connection() { return connections.emplace_back(); }

  // Everything next() has, as text.
  std::vector<std::string> drain() {
    std::vector<std::string> events;
    while (true) {
      const Event event = session->next(now);
      if (event.kind == EventKind::none) return events;
      if (event.kind == EventKind::noted) {
        for (const Note& note : session->take_notes()) events.push_back(describe(note));
        continue;
      }
      std::string text = describe(event);
      log.push_back(text);
      events.push_back(std::move(text));
    }
  }

  // A GET, answered at the end of the turn if there is something to say; "parked" if not.
  std::string poll() {
    switch (session->on_poll(now)) {
      case Session::Poll::overlap:
        return "overlap";
      case Session::Poll::refused:
        return "refused";
      case Session::Poll::parked:
        break;
    }
    return session->poll_ready() ? take() : "parked";
  }
  std::string take() {
    std::string body;
    session->take_payload(body, now);
    return body;
  }
  // The parked poll's answer, if it is due.
  std::string answer() { return session->poll_ready() ? take() : "nothing"; }

  std::vector<std::string> post(base::Bytes body,
                                base::Bytes content_type = "text/plain;charset=UTF-8") {
    SIO_CHECK(session->on_post_begin(content_type, now) == Session::Post::accepted);
    return post_body(body);
  }
  std::vector<std::string> post_body(base::Bytes body) {
    Input input(body);
    session->on_post(input.view(), now);
    return drain();
  }
  std::vector<std::string> text(base::Bytes frame, bool probe = false) {
    Input input(frame);
    if (!probe && session->is_plain_message(input.view())) {  // as the driver does
      Event event;
      event.kind = EventKind::message;
      event.payload = session->take_message(input.view(), now);
      log.push_back(describe(event));
      return {log.back()};
    }
    session->on_text(input.view(), probe, now);
    return drain();
  }
  std::vector<std::string> binary(base::Bytes frame, bool probe = false) {
    Input input(frame);
    session->on_binary(input.view(), probe, now);
    return drain();
  }
  std::vector<std::string> advance(base::Duration duration) {
    now += duration;
    session->on_deadline(now);
    return drain();
  }

  // What the ledger still holds when everything is gone.
  std::int64_t held_at_the_end() {
    session.reset();
    connections.clear();
    arena.release();
    return ledger.output() + ledger.input();
  }

  Options options;
  base::Ledger ledger;
  base::Arena arena{&ledger};
  Shared shared{options, arena, ledger};
  base::Time now{std::chrono::hours(1)};
  std::deque<Outlet> connections{1};
  std::unique_ptr<Session> session;
  std::vector<std::string> log;

 private:
  static std::string describe(const Event& event) {
    switch (event.kind) {
      case EventKind::none:
        break;
      case EventKind::message:
        return (event.binary ? "binary:" : "message:") + std::string(base::as_bytes(event.payload));
      case EventKind::upgraded:
        return "upgraded";
      case EventKind::closed: {
        std::string text = "closed:" + std::string(eio::text(event.reason));
        return event.detail.empty() ? text : text + ":" + std::string(event.detail);
      }
      case EventKind::close_websocket:
        return "close_websocket";
      case EventKind::close_probe:
        return "close_probe";
      case EventKind::gone:
        return "gone";
      case EventKind::noted:
        break;
    }
    return "none";
  }
  // "received 3", "created 4hi", "created b:hi", "flushing 2", "drained 5".
  static std::string describe(const Note& note) {
    const std::string packet =
        note.binary ? "b:" + note.data
                    : static_cast<char>('0' + static_cast<int>(note.type)) + note.data;
    switch (note.kind) {
      case Note::Kind::received:
        return "received " + packet;
      case Note::Kind::created:
        return "created " + packet;
      case Note::Kind::flushing:
        return "flushing " + std::to_string(note.count);
      case Note::Kind::drained:
        return "drained " + std::to_string(note.count);
      case Note::Kind::upgrading:
        break;
    }
    return "upgrading";
  }
};

}  // namespace socketio::eio::test
