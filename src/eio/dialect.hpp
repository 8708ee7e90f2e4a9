// How a client speaks, as the query of its requests says. Everything here is false for a client of
// Socket.IO 3 and later.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/bytes.hpp"

namespace socketio::eio {

struct Dialect {
  bool v3 = false;      // Engine.IO 3 (Socket.IO 2): anything but `EIO=4`
  bool base64 = false;  // v3: the carrier takes no binary (`b64=1`), so it goes as base64
  bool jsonp = false;   // polling by <script> and <form> (`j=`), where v3 is allowed
  bool operator==(const Dialect&) const = default;
};

// The pairs of a query, decoded, for the layer above: there, a CONNECT of Socket.IO 2 has one.
inline constexpr std::size_t kMaxQueryPairs = 1000;
std::vector<std::pair<std::string, std::string>> read_query(base::Bytes query);

}  // namespace socketio::eio
