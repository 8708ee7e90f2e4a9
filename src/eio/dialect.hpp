// How a client speaks, as the query of its requests says. Everything here is false for a client of
// Socket.IO 3 and later.
#pragma once

namespace socketio::eio {

struct Dialect {
  bool v3 = false;      // Engine.IO 3 (Socket.IO 2): anything but `EIO=4`
  bool base64 = false;  // v3: the carrier takes no binary (`b64=1`), so it goes as base64
  bool jsonp = false;   // polling by <script> and <form> (`j=`), where v3 is allowed
  bool operator==(const Dialect&) const = default;
};

}  // namespace socketio::eio
