// One request in flight: its head, copied once out of the receive buffer, the header table and the
// Request that views both, in a single block charged to the ledger.
//
//   [Exchange | Header, Header, ... | GET /... CRLF ... CRLF CRLF]
#pragma once

#include <memory>

#include "base/ledger.hpp"
#include "http/message.hpp"

namespace socketio::http {

class Exchange {
 public:
  struct Free {
    void operator()(Exchange* exchange) const;
  };
  using Ptr = std::unique_ptr<Exchange, Free>;

  // Copies `head`, with room for `header_lines` headers. Uses the block of `old` again when it is
  // large enough.
  static Ptr make(base::Bytes head, std::size_t header_lines, base::Ledger& ledger, Ptr old);

  base::Bytes head() const { return head_; }
  std::span<Header> room() const { return room_; }
  std::size_t held() const { return capacity_; }

  Request request;

 private:
  Exchange(std::size_t capacity, base::Ledger& ledger) : capacity_(capacity), ledger_(&ledger) {}
  ~Exchange() = default;
  void fill(base::Bytes head, std::size_t header_lines);

  base::Bytes head_;
  std::span<Header> room_;
  std::size_t capacity_;  // of what follows this object
  base::Ledger* ledger_;
};

}  // namespace socketio::http
