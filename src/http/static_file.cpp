#include "http/static_file.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "http/chars.hpp"
#include "http/url.hpp"

namespace socketio::http {
namespace {

using base::Bytes;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr Bytes kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr Bytes kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::int64_t modified_seconds(const FileFacts& facts) {
  return std::max<std::int64_t>(facts.modified_ns, 0) / kSecond;
}

template <class T>
std::optional<T> number(Bytes text) {
  T value = 0;
  const char* end = text.data() + text.size();
  if (text.empty() || !is_digit(text.front())) return std::nullopt;
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

// IMF-fixdate (RFC 9110 §5.6.7). The two obsolete forms are not read: a condition that is not
// understood is ignored, which only costs sending the file.
std::optional<std::int64_t> parse_http_date(Bytes text) {
  if (text.size() != 29 || !text.ends_with(" GMT") || text[3] != ',' || text[19] != ':' ||
      text[22] != ':')
    return std::nullopt;
  const auto* const month = std::ranges::find(kMonths, text.substr(8, 3));
  const auto day = number<unsigned>(text.substr(5, 2));
  const auto year = number<int>(text.substr(12, 4));
  const auto hour = number<int>(text.substr(17, 2));
  const auto minute = number<int>(text.substr(20, 2));
  const auto second = number<int>(text.substr(23, 2));
  if (month == std::end(kMonths) || !day || !year || !hour || !minute || !second)
    return std::nullopt;
  const auto index = static_cast<unsigned>(month - std::begin(kMonths)) + 1;
  const std::chrono::year_month_day date{std::chrono::year{*year}, std::chrono::month{index},
                                         std::chrono::day{*day}};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return ((days * 24 + *hour) * 60 + *minute) * 60 + *second;
}

// RFC 9110 §13.1.2: weak comparison against a list, or "*".
bool etag_matches(Bytes list, Bytes tag) {
  const auto opaque = [](Bytes t) {
    if (t.starts_with("W/")) t.remove_prefix(2);
    return t;
  };
  if (trim(list) == "*") return true;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (opaque(trim(list.substr(0, comma))) == opaque(tag)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

// RFC 9110 §13.1.1: If-Match compares strongly, and our tags are weak. §13.1.4: with it
// If-Unmodified-Since is ignored.
bool precondition_fails(const Request& request, const FileFacts& facts) {
  if (const auto tags = request.find("if-match")) return trim(*tags) != "*";
  const auto since = request.find("if-unmodified-since");
  const auto date = since ? parse_http_date(*since) : std::nullopt;
  return date && modified_seconds(facts) > *date;
}

bool not_modified(const Request& request, const FileFacts& facts, Bytes tag) {
  // RFC 9110 §13.1.3: If-Modified-Since is ignored when there is an If-None-Match.
  if (const auto tags = request.find("if-none-match")) return etag_matches(*tags, tag);
  const auto since = request.find("if-modified-since");
  const auto date = since ? parse_http_date(*since) : std::nullopt;
  return date && modified_seconds(facts) <= *date;
}

enum class RangeKind : std::uint8_t { whole, part, unsatisfiable };

// RFC 9110 §14.1.2. What is malformed, or several ranges, means the whole file.
RangeKind read_range(Bytes value, std::uint64_t size, std::uint64_t& first, std::uint64_t& length) {
  constexpr Bytes kUnit = "bytes=";
  if (!iequals(value.substr(0, kUnit.size()), kUnit)) return RangeKind::whole;
  const Bytes spec = trim(value.substr(kUnit.size()));
  const std::size_t dash = spec.find('-');
  if (dash == Bytes::npos || spec.find(',') != Bytes::npos) return RangeKind::whole;
  const Bytes from = spec.substr(0, dash);
  const Bytes to = spec.substr(dash + 1);
  const auto last = number<std::uint64_t>(to);
  if (from.empty()) {  // the last n bytes
    if (!last) return RangeKind::whole;
    if (*last == 0 || size == 0) return RangeKind::unsatisfiable;
    length = std::min(*last, size);
    first = size - length;
    return RangeKind::part;
  }
  const auto start = number<std::uint64_t>(from);
  if (!start || (!to.empty() && !last) || (last && *last < *start)) return RangeKind::whole;
  if (*start >= size) return RangeKind::unsatisfiable;
  first = *start;
  length = (last ? std::min(*last, size - 1) : size - 1) - first + 1;
  return RangeKind::part;
}

RangeKind wanted_range(const Request& request, const FileFacts& facts, std::uint64_t& first,
                       std::uint64_t& length) {
  const auto range = request.find("range");
  if (!range || request.method != "GET") return RangeKind::whole;
  // RFC 9110 §13.1.5: our tags are weak, so only the exact date can vouch for a range.
  const auto condition = request.find("if-range");
  if (condition && *condition != http_date(modified_seconds(facts))) return RangeKind::whole;
  return read_range(*range, facts.size, first, length);
}

}  // namespace

Bytes content_type(Bytes file_name) {
  struct Row {
    Bytes ending;
    Bytes type;
  };
  static constexpr Row kRows[] = {
      {"html", "text/html; charset=utf-8"},
      {"htm", "text/html; charset=utf-8"},
      {"css", "text/css; charset=utf-8"},
      {"js", "application/javascript; charset=utf-8"},
      {"mjs", "application/javascript; charset=utf-8"},
      {"json", "application/json; charset=utf-8"},
      {"map", "application/json; charset=utf-8"},
      {"webmanifest", "application/manifest+json; charset=utf-8"},
      {"txt", "text/plain; charset=utf-8"},
      {"md", "text/markdown; charset=utf-8"},
      {"csv", "text/csv; charset=utf-8"},
      {"xml", "application/xml; charset=utf-8"},
      {"svg", "image/svg+xml; charset=utf-8"},
      {"png", "image/png"},
      {"jpg", "image/jpeg"},
      {"jpeg", "image/jpeg"},
      {"gif", "image/gif"},
      {"webp", "image/webp"},
      {"avif", "image/avif"},
      {"ico", "image/x-icon"},
      {"woff", "font/woff"},
      {"woff2", "font/woff2"},
      {"ttf", "font/ttf"},
      {"otf", "font/otf"},
      {"wasm", "application/wasm"},
      {"pdf", "application/pdf"},
      {"zip", "application/zip"},
      {"gz", "application/gzip"},
      {"mp3", "audio/mpeg"},
      {"ogg", "audio/ogg"},
      {"wav", "audio/wav"},
      {"mp4", "video/mp4"},
      {"webm", "video/webm"},
  };
  const std::size_t dot = file_name.rfind('.');
  const Bytes ending = dot == Bytes::npos ? Bytes{} : file_name.substr(dot + 1);
  for (const Row& row : kRows) {
    if (iequals(row.ending, ending)) return row.type;
  }
  return "application/octet-stream";
}

std::optional<std::string> file_for(Bytes request_path, Bytes prefix) {
  const std::optional<std::string> path = normalise_path(request_path);
  if (!path) return std::nullopt;
  Bytes rest = *path;
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  if (!rest.starts_with(prefix)) return std::nullopt;
  rest.remove_prefix(prefix.size());
  if (rest.empty()) return "index.html";
  if (rest.front() != '/') return std::nullopt;  // "/static" is no prefix of "/statics/x"
  rest.remove_prefix(1);

  std::string file;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const Bytes segment = rest.substr(0, end);
    rest.remove_prefix(end);
    if (segment.empty() || segment.front() == '.') return std::nullopt;
    if (std::ranges::any_of(segment, is_control)) return std::nullopt;
    file += segment;
    if (rest.empty()) break;
    file += '/';
    rest.remove_prefix(1);
  }
  const std::optional<std::string> again = percent_decode(file);
  if (again && *again != file) return std::nullopt;  // escaped twice
  if (file.empty() || file.back() == '/') file += "index.html";
  return file;
}

std::string etag(const FileFacts& facts) {
  const auto hex = [](std::uint64_t value) {
    char text[16];
    return std::string(text, std::to_chars(text, text + sizeof text, value, 16).ptr);
  };
  const auto modified = static_cast<std::uint64_t>(std::max<std::int64_t>(facts.modified_ns, 0));
  return "W/\"" + hex(facts.size) + "-" + hex(modified) + "\"";
}

std::string http_date(std::int64_t seconds) {
  const std::int64_t day_number = seconds >= 0 ? seconds / 86400 : (seconds - 86399) / 86400;
  const auto in_day = static_cast<unsigned>(seconds - day_number * 86400);
  const std::chrono::sys_days day{std::chrono::days{day_number}};
  const std::chrono::year_month_day date{day};
  std::string out(kDays[std::chrono::weekday{day}.c_encoding()]);
  const auto two = [&out](unsigned value) {
    out += static_cast<char>('0' + value / 10);
    out += static_cast<char>('0' + value % 10);
  };
  out += ", ";
  two(static_cast<unsigned>(date.day()));
  out.append(" ").append(kMonths[static_cast<unsigned>(date.month()) - 1]).append(" ");
  const auto year = static_cast<unsigned>(std::clamp(static_cast<int>(date.year()), 0, 9999));
  two(year / 100);
  two(year % 100);
  out += ' ';
  two(in_day / 3600);
  out += ':';
  two(in_day / 60 % 60);
  out += ':';
  two(in_day % 60);
  return out + " GMT";
}

FilePlan plan_file(const Request& request, Bytes file_name, const FileFacts& facts) {
  FilePlan plan;
  if (request.method != "GET" && request.method != "HEAD") {
    plan.status = plan.head.status = 405;
    plan.head.set("Allow", "GET, HEAD");
    return plan;
  }
  if (precondition_fails(request, facts)) {
    plan.status = plan.head.status = 412;
    return plan;
  }
  const std::string tag = etag(facts);
  const auto validators = [&plan, &tag, &facts] {
    plan.head.set("ETag", tag);
    plan.head.set("Last-Modified", http_date(modified_seconds(facts)));
    plan.head.set("Cache-Control", "public, max-age=0");
  };
  if (not_modified(request, facts, tag)) {
    plan.status = plan.head.status = 304;
    validators();
    return plan;
  }
  plan.length = facts.size;
  const RangeKind kind = wanted_range(request, facts, plan.first, plan.length);
  const std::string total = "/" + std::to_string(facts.size);
  if (kind == RangeKind::unsatisfiable) {
    plan.status = plan.head.status = 416;
    plan.first = plan.length = 0;
    plan.head.set("Content-Range", "bytes *" + total);
    return plan;
  }
  plan.head.set("Content-Type", content_type(file_name));
  // The type is what it is: no browser shall find a script in an image.
  plan.head.set("X-Content-Type-Options", "nosniff");
  plan.head.set("Content-Length", std::to_string(plan.length));
  plan.head.set("Accept-Ranges", "bytes");
  validators();
  if (kind == RangeKind::part) {
    plan.status = plan.head.status = 206;
    plan.head.set("Content-Range", "bytes " + std::to_string(plan.first) + "-" +
                                       std::to_string(plan.first + plan.length - 1) + total);
  }
  return plan;
}

}  // namespace socketio::http
