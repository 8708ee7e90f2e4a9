// Property: whoever a header says has sent a request is no proxy of ours and counts the same by
// text and by bytes; what stands before it changes nothing, nor does a proxy's entry behind it. And
// a list of networks is taken or refused.
#include <cstdint>

#include "base/check.hpp"
#include "server/network.hpp"

using namespace socketio;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const server::Networks proxies = server::Networks::parse({"10.0.0.0/8", "::1"}).value();
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto address = server::forwarded_for(text, proxies);
  const auto behind = server::forwarded_for(text + ", 10.1.2.3", proxies);
  SIO_CHECK(address.has_value() == behind.has_value());
  if (address) {
    SIO_CHECK(!proxies.contains(*address));
    SIO_CHECK(behind->host() == address->host());
    SIO_CHECK(server::forwarded_for("192.0.2.1," + text, proxies)->host() == address->host());
    SIO_CHECK(server::network_of(address->host()) == server::network_of(*address));
  }
  if (const auto networks = server::Networks::parse({text})) {
    if (address) networks->contains(*address);
  }
  server::network_of(text);
  return 0;
}
