// Strangers' text made fit for a line of a log: one line, no terminal commands, no longer than it
// may be. What a peer sends must not be able to begin a line of its own or to move the cursor.
#pragma once

#include <string>

#include "base/bytes.hpp"

namespace socketio::base {

// Appends at most `limit` bytes of `text`; of a longer one the rest is "...". Control characters
// (C0, DEL, C1) and bytes that are no UTF-8 become \n, \r, \t or \xNN (which count as they are
// written), and a backslash becomes two. Linear.
void append_printable(std::string& out, Bytes text, std::size_t limit);

}  // namespace socketio::base
