// The server side of an HTTP/1.1 connection (RFC 9112) as a value: requests in, responses out, in
// order.
//
//   feed(bytes) -> next(): head -> accept_body(max) | respond -> next(): complete{body} -> respond
//
// One request is in flight at a time: while a complete request is unanswered next() yields nothing
// (pipelined bytes wait inside, bounded). The head is collected contiguously and checked by our own
// strict rules before llhttp sees it.
#pragma once

#include "base/in_buffer.hpp"
#include "base/out_queue.hpp"
#include "base/time.hpp"
#include "http/message.hpp"

namespace socketio::http {

struct Limits {
  std::size_t max_head = 16 * 1024;              // request line and headers: 431 (414 for the line)
  std::size_t max_line = 8 * 1024;               // request line: 414
  std::size_t max_headers = 100;                 // 431
  std::size_t max_chunk_extensions = 16 * 1024;  // of a body: 400
  std::size_t max_body = 1'000'000;  // when accept_body() was not called with another: 413
  std::size_t max_pipelined =
      64 * 1024;  // bytes waiting behind an unanswered request; then has_room() is false
  base::Duration head_timeout = std::chrono::seconds(10);  // from the first byte (or accept): 408
  base::Duration body_timeout = std::chrono::seconds(30);  // the whole body: 408
  base::Duration idle_timeout = std::chrono::seconds(75);  // keep-alive between requests: close
  base::Duration send_timeout = std::chrono::seconds(30);  // no progress on a response: close
};

enum class EventKind : std::uint8_t {
  none,
  head,  // a request's head is there; answer already (the body is then read and dropped), or let it
         // come
  complete,  // the whole request; `body` contiguous, padded, valid until the next call
  failed,  // the peer broke the rules or a limit; our answer (if any is due) is in the output: send
           // it, then close. If a head had been reported, that request will never complete.
  closed,  // nothing more will come: the connection is to be closed once the output is sent
};

struct Event {
  EventKind kind = EventKind::none;
  const Request* request =
      nullptr;  // head, complete: valid until the response is written or take_rest()
  base::MutBytes body{};
  int status = 0;        // failed: what was answered; 0: nothing
  base::Bytes detail{};  // failed: for the log
};

struct Env {
  base::OutQueue& out;
  base::Arena& arena;
  base::Ledger& ledger;
};

class ServerMachine {
 public:
  explicit ServerMachine(const Limits& limits, base::Time now);  // `limits` outlives the machine
  ~ServerMachine();
  ServerMachine(const ServerMachine&) = delete;
  ServerMachine& operator=(const ServerMachine&) = delete;

  void feed(base::MutBytes bytes, base::Time now);
  // The peer shut down its writing side: what is complete is still answered.
  void on_eof();
  Event next(Env env, base::Time now);
  // See ws::Machine::keep().
  void keep(base::Ledger& ledger);
  bool has_input() const;
  // Bytes of a further request wait, and nothing else is to be told before it.
  bool has_request() const;
  // See ws::Machine::held().
  std::size_t held() const;
  // False while too much is waiting behind an unanswered request: stop receiving.
  bool has_room() const;

  // After `head`: how large a body may be (default limits.max_body). A Content-Length above it
  // fails at once with 413, without reading; a chunked one when it gets there. The request is then
  // reported `failed` and the connection closes after the 413.
  void accept_body(std::size_t max);

  // Answers the request in flight; a no-op when there is none (it failed meanwhile).
  // Content-Length, Connection and, for HEAD, no body are the machine's business (a Content-Length
  // given for HEAD is taken); status 204, 304 and 1xx have no body. Responding before `complete`
  // reads and drops the rest of the body, or closes if it is large. `close` ends the connection
  // after this response. An invalid header makes it a 500 with an empty body. `body`, if there is
  // one, is sent as it is instead of the response's.
  void respond(const Response& response, Env env, base::Time now, bool close = false,
               base::Span body = {});
  // The same without a Response object, for hot paths: `head` is the header lines after the status
  // line, each ending in CRLF, known to be valid.
  void respond(int status, base::Bytes header_lines, base::Bytes body, Env env, base::Time now,
               bool close = false);

  // After `complete`, before anything else: `body`, the event's, is wanted later. It is kept until
  // it is taken, or the request answered.
  void keep_body(base::MutBytes body, base::Ledger& ledger);
  base::InBuffer take_body();  // empty: none was kept

  // The request in flight is an upgrade that was accepted: hands over the bytes behind its head;
  // the machine is over. The 101 itself is written by the caller into the same output.
  base::InBuffer take_rest(base::Ledger& ledger);

  // After `head`, before anything else: the request unread, its head and every byte behind it, for
  // another machine to be fed with. The machine is over.
  base::InBuffer take_request(base::Ledger& ledger);

  bool answering() const;          // a request is in flight
  const Request& request() const;  // while answering()
  base::Time deadline() const;
  // The driver reports progress of sending (for send_timeout).
  void on_progress(base::Time now, bool drained);
  void on_deadline(base::Time now, Env env);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace socketio::http
