// Property: a normalised path starts with '/', has no dot segments and, encoded again, is its own
// normal form; encoding is undone by decoding; the look-up of one query value agrees with the list;
// a file name never leaves the root; a cookie is one header.
#include <algorithm>
#include <cstdint>

#include "base/check.hpp"
#include "http/cookie.hpp"
#include "http/static_file.hpp"
#include "http/url.hpp"

using namespace socketio;

namespace {

bool has_dot_segment(base::Bytes path) {
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const base::Bytes segment = path.substr(0, end);
    if (segment == "." || segment == "..") return true;
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return false;
}

void check_path(base::Bytes text) {
  if (const auto path = http::normalise_path(text)) {
    SIO_CHECK(path->starts_with('/') && !has_dot_segment(*path));
    std::string encoded;
    for (const char c : *path) encoded += c == '/' ? "/" : http::percent_encode({&c, 1});
    SIO_CHECK(http::normalise_path(encoded) == path);
  }
  if (const auto file = http::file_for(text, ""))
    SIO_CHECK(!file->empty() && file->front() != '/' && !has_dot_segment(*file) &&
              file->find('\\') == std::string::npos && file->find('\0') == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const base::Bytes text(reinterpret_cast<const char*>(data), size);
  check_path(text);
  check_path("/" + std::string(text));
  SIO_CHECK(http::percent_decode(http::percent_encode(text)) == text);

  constexpr std::size_t kMost = 50;
  const http::Query query = http::parse_query(text, kMost);
  for (const auto& entry : query) {
    const std::string& key = entry.first;
    if (query.size() == kMost) break;  // there may be more of them
    const auto last = std::find_if(query.rbegin(), query.rend(),
                                   [&](const auto& pair) { return pair.first == key; });
    const http::QueryValue found = http::query_value(text, key);
    if (key.find("\xef\xbf\xbd") == std::string::npos)
      SIO_CHECK(found.present && found.value == last->second);
  }

  http::Cookie cookie;
  cookie.name = "io";
  cookie.value = text;
  if (const auto line = http::serialise(cookie)) SIO_CHECK(http::valid_header("Set-Cookie", *line));
  return 0;
}
