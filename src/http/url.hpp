// Percent-decoding, path normalisation and query strings (WHATWG URL's
// application/x-www-form-urlencoded, RFC 3986 §5.2.4).
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.hpp"

namespace socketio::http {

// nullopt for a '%' without two hex digits. `plus` also turns '+' into a space.
std::optional<std::string> percent_decode(base::Bytes text, bool plus = false);
// encodeURIComponent.
std::string percent_encode(base::Bytes text);

// Removes "." and ".." segments of a still-encoded absolute path (also their %2e spellings) and
// returns it decoded; nullopt when it climbs above the root, decodes to a NUL, a backslash or
// invalid UTF-8, or does not start with '/'. "//a" keeps its empty segment.
std::optional<std::string> normalise_path(base::Bytes path);
// The same without a copy of a path that is its own normal form, as nearly all are; `room` holds
// the others.
std::optional<base::Bytes> normalise_path(base::Bytes path, std::string& room);

// Pairs one after the other, decoded leniently as Node does (a broken % stays as it is); "&&" holds
// none. Allocates only for what has escapes.
class QueryReader {
 public:
  explicit QueryReader(base::Bytes query) : rest_(query) {}
  // False at the end.
  bool next();
  // Valid until the next call.
  base::Bytes key();
  // A part of the query, or of `room`.
  base::Bytes value(std::string& room) const;

 private:
  base::Bytes rest_;
  base::Bytes key_;
  base::Bytes value_;
  std::string decoded_key_;
  bool decode_key_ = false;
  bool decode_value_ = false;
};

// All pairs in order, at most `max`.
using Query = std::vector<std::pair<std::string, std::string>>;
Query parse_query(base::Bytes query, std::size_t max = 1000);
// The last value of a key, which is the one that counts, without building the list.
struct QueryValue {
  bool present = false;
  std::string value;
};
QueryValue query_value(base::Bytes query, base::Bytes key);

}  // namespace socketio::http
