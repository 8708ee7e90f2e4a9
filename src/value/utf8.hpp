// Invalid UTF-8 on its way out: a text frame holding it would make the peer close the connection.
#pragma once

#include <string>

#include "base/bytes.hpp"

namespace socketio::value {

// Each maximal invalid part becomes one U+FFFD, as TextDecoder and Buffer.toString() do.
std::string replace_invalid_utf8(base::Bytes text);

}  // namespace socketio::value
