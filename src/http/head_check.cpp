#include "http/head_check.hpp"

#include <algorithm>
#include <charconv>

#include "http/chars.hpp"

namespace socketio::http {
namespace {

using base::Bytes;

// RFC 3986 §3.2.2: reg-name, IP literals and the port.
constexpr CharSet kHostChars = alphanumeric_and("-._~!$&'()*+,;=%:[]");
constexpr std::size_t kMaxMethod = 32;

// What framing and routing need to know of all headers together.
struct Seen {
  int hosts = 0;
  Bytes host{};
  int lengths = 0;
  int encodings = 0;
  Bytes encoding{};
  bool close = false;
  bool keep_alive = false;
  bool connection_upgrade = false;
  bool upgrade = false;
  bool websocket = false;
  bool unknown_expectation = false;
  bool coded_content = false;
};

HeadVerdict bad(Bytes detail) {
  return {400, detail};
}

// Methods that llhttp knows for certain.
bool is_common(Bytes method) {
  return method == "GET" || method == "POST";
}

constexpr bool is_space(char c) {
  return c == ' ' || c == '\t';
}

HeadVerdict check_version(Bytes version, Bytes method, Request& out) {
  if (version == "HTTP/1.1") {
    out.minor = 1;
    return {};
  }
  if (version == "HTTP/1.0") {
    out.minor = 0;
    return {};
  }
  const bool well_formed = version.size() == 8 && version.starts_with("HTTP/") &&
                           is_digit(version[5]) && version[6] == '.' && is_digit(version[7]);
  if (!well_formed) return bad("malformed HTTP version");
  if (method == "PRI") return bad("HTTP/2 preface");
  return {505, "HTTP version not supported"};
}

// RFC 9112 §3: exactly one SP on either side of the target, nothing else.
HeadVerdict check_request_line(Bytes line, Request& out) {
  const std::size_t first = line.find(' ');
  if (first == Bytes::npos) return bad("malformed request line");
  out.method = line.substr(0, first);
  const std::size_t second = line.find(' ', first + 1);
  if (second == Bytes::npos) return bad("request line without a version");  // HTTP/0.9
  out.target = line.substr(first + 1, second - first - 1);
  if (!is_token(out.method)) return bad("malformed method");
  if (out.target.empty()) return bad("empty request target");
  unsigned char bits = 0;
  bool visible = true;
  for (const char c : out.target) {
    bits |= static_cast<unsigned char>(c);
    visible &= c > ' ' && c != '\x7f';
  }
  if (bits >= 0x80 || !visible) return bad("invalid character in the request target");
  if (const HeadVerdict v = check_version(line.substr(second + 1), out.method, out); v.status != 0)
    return v;
  if (out.method.size() > kMaxMethod) return {501, "method too long"};
  // TRACE would echo what a proxy added (RFC 9110 §9.3.8); this is no proxy (§9.3.6).
  if (out.method == "CONNECT" || out.method == "TRACE") return {405, "method not allowed"};
  return {};
}

HeadVerdict check_target(Request& out, TargetParts& parts) {
  if (out.target.find('#') != Bytes::npos) return bad("fragment in the request target");
  if (out.target == "*") {
    if (out.method != "OPTIONS") return bad("asterisk target");  // RFC 9112 §3.2.4
    out.path = out.target;
    return {};
  }
  parts = split_target(out.target);
  if (out.target.front() != '/' && !parts.absolute) return bad("malformed request target");
  if (parts.absolute && (parts.authority.empty() || !all_of(parts.authority, kHostChars)))
    return bad("malformed authority in the request target");
  out.path = parts.path;
  out.query = parts.query;
  return {};
}

HeadVerdict content_length(Bytes value, Seen& seen, Request& out) {
  // RFC 9112 §6.3: also equal values twice are refused, in one header or two.
  if (++seen.lengths > 1) return bad("two Content-Length headers");
  std::uint64_t length = 0;
  const char* end = value.data() + value.size();
  if (value.empty() || !is_digit(value.front())) return bad("malformed Content-Length");
  const auto [stop, error] = std::from_chars(value.data(), end, length);
  if (error != std::errc{} || stop != end) return bad("malformed Content-Length");
  out.content_length = length;
  return {};
}

HeadVerdict note_header(const Header& header, Seen& seen, Request& out) {
  const auto is = [&header](Bytes name) { return iequals(header.name, name); };
  switch (header.name.size()) {
    case 4:
      if (!is("host")) break;
      if (++seen.hosts > 1) return bad("two Host headers");  // RFC 9112 §3.2
      if (!all_of(header.value, kHostChars)) return bad("malformed Host");
      seen.host = header.value;
      break;
    case 6:
      if (!is("expect")) break;
      if (iequals(header.value, "100-continue")) {
        out.expects_continue = true;
      } else {
        seen.unknown_expectation = true;
      }
      break;
    case 7:
      if (!is("upgrade")) break;
      seen.upgrade = true;
      seen.websocket = seen.websocket || list_contains(header.value, "websocket");
      break;
    case 10:
      if (!is("connection")) break;
      for (Bytes rest = header.value; !rest.empty();) {
        const Bytes option = next_listed(rest);
        seen.close = seen.close || iequals(option, "close");
        seen.keep_alive = seen.keep_alive || iequals(option, "keep-alive");
        seen.connection_upgrade = seen.connection_upgrade || iequals(option, "upgrade");
      }
      break;
    case 14:
      if (is("content-length")) return content_length(header.value, seen, out);
      break;
    case 16:
      if (is("content-encoding") && !iequals(header.value, "identity")) seen.coded_content = true;
      break;
    case 17:
      if (!is("transfer-encoding")) break;
      if (++seen.encodings > 1) return bad("two Transfer-Encoding headers");
      seen.encoding = header.value;
      break;
    default:
      break;
  }
  return {};
}

Bytes without_default_port(Bytes authority, bool secure) {
  const Bytes port = secure ? ":443" : ":80";
  if (authority.ends_with(port)) authority.remove_suffix(port.size());
  return authority;
}

HeadVerdict check_framing(const Seen& seen, Request& out) {
  if (seen.encodings > 0) {
    // RFC 9112 §6.1: with both, or in HTTP/1.0, somebody on the way reads it differently.
    if (seen.lengths > 0) return bad("Content-Length and Transfer-Encoding");
    if (out.minor == 0) return bad("Transfer-Encoding in HTTP/1.0");
    if (!iequals(seen.encoding, "chunked")) {
      return is_token(seen.encoding) ? HeadVerdict{501, "transfer coding not supported"}
                                     : bad("malformed Transfer-Encoding");
    }
    out.chunked = true;
  }
  return {};
}

HeadVerdict check_together(const Seen& seen, const TargetParts& target, Request& out) {
  if (out.minor == 1 && seen.hosts == 0) return bad("no Host header");
  if (target.absolute && seen.hosts > 0 &&
      !iequals(without_default_port(target.authority, target.secure),
               without_default_port(seen.host, target.secure)))
    return bad("Host differs from the request target");
  if (const HeadVerdict v = check_framing(seen, out); v.status != 0) return v;
  // HTTP/1.0 knows neither (RFC 9110 §7.8, §10.1.1).
  out.upgrade = out.minor == 1 && seen.upgrade && seen.connection_upgrade;
  out.expects_continue = out.expects_continue && out.minor == 1;
  out.keep_alive = !seen.close && (out.minor == 1 || seen.keep_alive);
  if (out.upgrade && seen.websocket && out.has_body()) return bad("upgrade request with a body");
  if (seen.unknown_expectation) return {417, "unknown expectation"};
  if (seen.coded_content && out.has_body()) return {415, "content coding not supported"};
  return {};
}

}  // namespace

TargetParts split_target(base::Bytes target) {
  TargetParts parts;
  Bytes rest = target;
  if (!rest.empty() && rest.front() != '/') {
    const Bytes plain = "http://";
    const Bytes secure = "https://";
    if (iequals(rest.substr(0, plain.size()), plain)) {
      parts.absolute = true;
      rest.remove_prefix(plain.size());
    } else if (iequals(rest.substr(0, secure.size()), secure)) {
      parts.absolute = parts.secure = true;
      rest.remove_prefix(secure.size());
    }
  }
  if (parts.absolute) {
    const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
    parts.authority = rest.substr(0, end);
    rest.remove_prefix(end);
  }
  const std::size_t mark = rest.find('?');
  parts.path = rest.substr(0, mark);
  if (mark != Bytes::npos) parts.query = rest.substr(mark + 1);
  if (parts.path.empty() && parts.absolute) parts.path = "/";
  return parts;
}

HeadVerdict check_head(base::Bytes head, std::span<Header> room, Request& out) {
  out = Request{};
  out.head = head;
  std::size_t at = head.find('\r');
  TargetParts target;
  if (const HeadVerdict v = check_request_line(head.substr(0, at), out); v.status != 0) return v;
  if (const HeadVerdict v = check_target(out, target); v.status != 0) return v;

  Seen seen;
  bool plain = !target.absolute && is_common(out.method);
  const char* const text = head.data();
  std::size_t count = 0;
  for (at += 2; text[at] != '\r';) {
    std::size_t colon = at;
    while (kTokenChars[static_cast<unsigned char>(text[colon])]) ++colon;
    // Also refuses obs-fold (RFC 9112 §5.2), a space before the colon (§5.1) and lines without one.
    if (colon == at || text[colon] != ':') return bad("malformed header line");
    const std::size_t from = colon + (text[colon + 1] == ' ' ? 2 : 1);
    const std::size_t end = head.find('\r', from);
    Header& header = room[count++];
    header.name = {text + at, colon - at};
    header.value = {text + from, end - from};
    if (from < end && (is_space(text[from]) || is_space(text[end - 1]))) {
      header.value = trim(header.value);
      plain = false;
    }
    if (const HeadVerdict v = note_header(header, seen, out); v.status != 0) return v;
    at = end + 2;
  }
  out.headers = room.first(count);
  HeadVerdict verdict = check_together(seen, target, out);
  verdict.plain = plain && !out.chunked;
  return verdict;
}

}  // namespace socketio::http
