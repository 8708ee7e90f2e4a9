// RFC 6455 §7.4.1 close codes and which of them may stand in a close frame.
#pragma once

#include <cstdint>

namespace socketio::ws {

enum class CloseCode : std::uint16_t {
  none = 0,  // a close frame without a body
  normal = 1000,
  going_away = 1001,
  protocol_error = 1002,
  unsupported_data = 1003,
  no_status = 1005,  // never on the wire
  abnormal = 1006,   // never on the wire
  invalid_payload = 1007,
  policy_violation = 1008,
  too_big = 1009,
  internal_error = 1011,
};

// 1000–1003, 1007–1014, 3000–4999.
constexpr bool may_be_sent(std::uint16_t code) {
  return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
         (code >= 3000 && code <= 4999);
}

}  // namespace socketio::ws
