// Our own strict reading of a collected head (RFC 9112), before llhttp sees it: llhttp, even in
// strict mode, lets pass HTTP/0.9, two Hosts or none, obs-fold and ",chunked". What comes out is
// the one reading that the machine acts on; llhttp afterwards only has a veto, and is asked only
// about heads in which there is something to veto (HeadVerdict::plain).
#pragma once

#include "http/head_scan.hpp"
#include "http/message.hpp"

namespace socketio::http {

// `head` was found by HeadScan. Fills `out`, whose views point into `head`; the headers are written
// to `room`, which has place for one per line.
HeadVerdict check_head(base::Bytes head, std::span<Header> room, Request& out);

// Splits a target in origin or absolute form. An absolute form without a path means "/".
struct TargetParts {
  base::Bytes authority{};  // absolute form only
  bool absolute = false;
  bool secure = false;  // https
  base::Bytes path{};
  base::Bytes query{};
};
TargetParts split_target(base::Bytes target);

}  // namespace socketio::http
