#include "http/url.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "http/chars.hpp"

namespace socketio::http {
namespace {

using base::Bytes;

// encodeURIComponent leaves these (ECMA-262 §19.2.6.4).
constexpr CharSet kUnescaped = alphanumeric_and("-_.!~*'()");

// A path of these alone is its own normal form, unless a segment begins with a dot.
constexpr CharSet kPlainPath = alphanumeric_and("/-._~!$&'()*+,;=:@");

// What a byte of a query is to its reader.
enum class Role : std::uint8_t { plain, ampersand, equals, decoded };
constexpr std::array<Role, 256> kRoles = [] {
  std::array<Role, 256> roles{};
  for (std::size_t i = 0x80; i < roles.size(); ++i) roles[i] = Role::decoded;
  roles['%'] = roles['+'] = Role::decoded;
  roles['&'] = Role::ampersand;
  roles['='] = Role::equals;
  return roles;
}();

bool is_normal(Bytes path) {
  bool good = path.starts_with('/');
  char before = '\0';
  for (const char c : path) {
    good &= kPlainPath[static_cast<unsigned char>(c)] && !(c == '.' && before == '/');
    before = c;
  }
  return good;
}

// The byte an escape at text[at] stands for, or -1.
int escape_at(Bytes text, std::size_t at) {
  if (at + 2 >= text.size()) return -1;
  const int high = hex_value(text[at + 1]);
  const int low = hex_value(text[at + 2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

// Length of the UTF-8 sequence at the front of `text`, which is not empty; when it is invalid,
// minus the length of the part that one U+FFFD replaces (WHATWG "maximal subpart").
int utf8_sequence(Bytes text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return -1;
  const int size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  // The second byte excludes overlong forms, surrogates and what is above U+10FFFF.
  const unsigned low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const unsigned high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  for (int i = 1; i < size; ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (at >= text.size()) return -i;
    const unsigned c = byte(at);
    if (c < (i == 1 ? low : 0x80) || c > (i == 1 ? high : 0xbf)) return -i;
  }
  return size;
}

bool valid_utf8(Bytes text) {
  while (!text.empty()) {
    const int n = utf8_sequence(text);
    if (n < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

std::string replace_invalid_utf8(Bytes text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const int n = utf8_sequence(text);
    const auto size = static_cast<std::size_t>(n < 0 ? -n : n);
    out += n < 0 ? Bytes("\xef\xbf\xbd") : text.substr(0, size);
    text.remove_prefix(size);
  }
  return out;
}

// As Node's querystring.unescape, with '+' as a space.
std::string decode_leniently(Bytes text) {
  if (text.find_first_of("%+") == Bytes::npos && valid_utf8(text)) return std::string(text);
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int byte = text[i] == '%' ? escape_at(text, i) : -1;
    if (byte >= 0) {
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return valid_utf8(out) ? out : replace_invalid_utf8(out);
}

// True when a decoded segment hides further segments that climb ("%2f..%2f").
bool hides_climbing(Bytes segment) {
  if (segment.find('/') == Bytes::npos) return false;
  for (;;) {
    const std::size_t slash = segment.find('/');
    const Bytes part = segment.substr(0, slash);
    if (part == "." || part == "..") return true;
    if (slash == Bytes::npos) return false;
    segment.remove_prefix(slash + 1);
  }
}

}  // namespace

std::optional<std::string> percent_decode(Bytes text, bool plus) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      const int byte = escape_at(text, i);
      if (byte < 0) return std::nullopt;
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += plus && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::string percent_encode(Bytes text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (kUnescaped[byte]) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

std::optional<std::string> normalise_path(Bytes path) {
  if (!path.starts_with('/')) return std::nullopt;
  std::string out;
  std::vector<std::size_t> starts;  // where each kept segment's '/' is, to climb back in O(1)
  bool open = false;                // the path ends in "/", "/." or "/.."
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::optional<std::string> segment = percent_decode(path.substr(0, end));
    path.remove_prefix(end);
    if (!segment || hides_climbing(*segment)) return std::nullopt;
    if (segment->find('\0') != std::string::npos || segment->find('\\') != std::string::npos)
      return std::nullopt;
    open = *segment == "." || *segment == "..";
    if (*segment == "..") {
      if (starts.empty()) return std::nullopt;
      out.resize(starts.back());
      starts.pop_back();
    } else if (!open) {
      starts.push_back(out.size());
      out.append("/").append(*segment);
    }
  }
  if (open) out += '/';
  if (!valid_utf8(out)) return std::nullopt;
  return out;
}

std::optional<Bytes> normalise_path(Bytes path, std::string& room) {
  if (is_normal(path)) return path;
  std::optional<std::string> normal = normalise_path(path);
  if (!normal) return std::nullopt;
  room = *std::move(normal);
  return room;
}

bool QueryReader::next() {
  while (!rest_.empty()) {
    std::size_t end = 0;
    std::size_t equals = Bytes::npos;
    decode_key_ = decode_value_ = false;
    for (; end < rest_.size(); ++end) {
      const Role role = kRoles[static_cast<unsigned char>(rest_[end])];
      if (role == Role::plain) [[likely]]
        continue;
      if (role == Role::ampersand) break;
      if (role == Role::decoded) {
        (equals == Bytes::npos ? decode_key_ : decode_value_) = true;
      } else if (equals == Bytes::npos) {
        equals = end;
      }
    }
    const Bytes pair = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    if (pair.empty()) continue;
    key_ = pair.substr(0, equals);
    value_ = equals == Bytes::npos ? Bytes{} : pair.substr(equals + 1);
    return true;
  }
  return false;
}

Bytes QueryReader::key() {
  if (std::exchange(decode_key_, false)) key_ = decoded_key_ = decode_leniently(key_);
  return key_;
}

Bytes QueryReader::value(std::string& room) const {
  if (!decode_value_) return value_;
  room = decode_leniently(value_);
  return room;
}

Query parse_query(Bytes query, std::size_t max) {
  Query pairs;
  std::string room;
  QueryReader reader(query);
  while (pairs.size() < max && reader.next()) pairs.emplace_back(reader.key(), reader.value(room));
  return pairs;
}

QueryValue query_value(Bytes query, Bytes key) {
  std::string room;
  QueryReader reader(query);
  QueryValue found;
  while (reader.next()) {
    if (reader.key() == key) found = {true, std::string(reader.value(room))};
  }
  return found;
}

}  // namespace socketio::http
