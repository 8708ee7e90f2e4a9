#include "eio/dialect.hpp"

#include "http/url.hpp"

namespace socketio::eio {

std::vector<std::pair<std::string, std::string>> read_query(base::Bytes query) {
  return http::parse_query(query, kMaxQueryPairs);
}

}  // namespace socketio::eio
