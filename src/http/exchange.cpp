#include "http/exchange.hpp"

#include <cstring>
#include <new>

namespace socketio::http {

void Exchange::Free::operator()(Exchange* exchange) const {
  exchange->ledger_->credit_input(exchange->capacity_);
  exchange->~Exchange();
  ::operator delete(exchange);
}

Exchange::Ptr Exchange::make(base::Bytes head, std::size_t header_lines, base::Ledger& ledger,
                             Ptr old) {
  const std::size_t needed = header_lines * sizeof(Header) + head.size();
  if (old == nullptr || old->capacity_ < needed) {
    old.reset();
    void* memory = ::operator new(sizeof(Exchange) + needed);
    old.reset(new (memory) Exchange(needed, ledger));
    ledger.charge_input(needed);
  }
  old->fill(head, header_lines);
  return old;
}

void Exchange::fill(base::Bytes head, std::size_t header_lines) {
  static_assert(sizeof(Exchange) % alignof(Header) == 0);
  auto* headers = reinterpret_cast<Header*>(this + 1);
  for (std::size_t i = 0; i < header_lines; ++i) new (headers + i) Header;
  auto* bytes = reinterpret_cast<char*>(headers + header_lines);
  std::memcpy(bytes, head.data(), head.size());
  room_ = {headers, header_lines};
  head_ = {bytes, head.size()};
}

}  // namespace socketio::http
