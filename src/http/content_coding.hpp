// Which coding of a body a client likes best (RFC 9110 §12.5.3).
#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.hpp"

namespace socketio::http {

enum class Coding : std::uint8_t { identity, gzip, deflate, br };

// As in Content-Encoding: "gzip", "deflate", "br"; empty for identity.
base::Bytes coding_name(Coding coding);

enum class Ties : std::uint8_t {
  ours,    // equal weights: the order of `offered`
  theirs,  // equal weights: the order of the header
};

// The one of `offered` with the greatest weight, or identity when the client takes none of them. An
// absent header (empty) takes none. A weight that is no number counts as 0. Linear in the header
// times the few offered.
Coding choose_coding(base::Bytes accept_encoding, std::span<const Coding> offered,
                     Ties ties = Ties::ours);

}  // namespace socketio::http
