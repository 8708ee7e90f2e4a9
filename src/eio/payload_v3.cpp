#include "eio/payload_v3.hpp"

#include <charconv>

#include "eio/payload.hpp"
#include "ws/utf8.hpp"

namespace socketio::eio {
namespace {

constexpr char kText = 0;
constexpr char kBinary = 1;
constexpr char kLengthEnd = '\xff';
constexpr std::size_t kMaxDigits = 20;  // of a size_t

// Of a code point, by its first byte; 0 for a byte that begins none.
std::size_t utf8_size(char first) {
  const auto byte = static_cast<unsigned char>(first);
  if (byte < 0x80) return 1;
  if (byte < 0xC2) return 0;
  return byte < 0xE0 ? 2U : byte < 0xF0 ? 3U : byte < 0xF5 ? 4U : 0U;
}

std::size_t digits(std::size_t number) {
  std::size_t count = 1;
  for (; number >= 10; number /= 10) ++count;
  return count;
}

void append_header(std::string& out, char kind, std::size_t length, FormV3 form) {
  char text[kMaxDigits];
  char* const end = std::to_chars(text, text + kMaxDigits, length).ptr;
  if (form == FormV3::text) {
    out.append(text, end);
    out += ':';
    return;
  }
  out += kind;
  for (const char* digit = text; digit != end; ++digit) out += static_cast<char>(*digit - '0');
  out += kLengthEnd;
}

}  // namespace

PayloadReaderV3::PayloadReaderV3(base::MutBytes body, FormV3 form, std::uint32_t packets,
                                 std::uint32_t most)
    : rest_(body), packets_(packets), most_(most), form_(form), over_(false) {}

PayloadReaderV3::Status PayloadReaderV3::fail() {
  over_ = true;
  return Status::malformed;
}

PayloadReaderV3::Status PayloadReaderV3::next(Packet& out) {
  if (over_) return Status::end;
  if (rest_.empty() && packets_ == 0 && form_ == FormV3::text) return fail();
  while (!rest_.empty()) {
    if (++packets_ > most_) return fail();
    bool skipped = false;
    const std::optional<Packet> packet = form_ == FormV3::text ? next_text(skipped) : next_binary();
    if (skipped) continue;
    if (!packet) return fail();
    over_ = rest_.empty();
    out = *packet;
    return Status::packet;
  }
  over_ = true;
  return Status::end;
}

// Digits and `end`, taken off the rest. The digits are characters in the text form and numbers in
// the binary one; what JavaScript also takes for a number ("1e1", " 1") is not a length.
bool PayloadReaderV3::read_length(char end, std::size_t& length) {
  const char zero = form_ == FormV3::text ? '0' : '\0';
  length = 0;
  std::size_t at = 0;
  for (; at < rest_.size() && rest_[at] != end; ++at) {
    const int digit = rest_[at] - zero;
    if (digit < 0 || digit > 9 || at == kMaxLengthDigits) return false;
    // More than there is stays more than there is.
    if (length <= rest_.size()) length = length * 10 + static_cast<std::size_t>(digit);
  }
  if (at == 0 || at == rest_.size()) return false;
  rest_ = rest_.subspan(at + 1);
  return true;
}

// Takes a text of so many UTF-16 units off the rest. False: it is shorter, ends within a code
// point, or is not UTF-8.
bool PayloadReaderV3::skip_units(std::size_t units, base::MutBytes& record) {
  std::size_t at = 0;
  while (units > 0) {
    const std::size_t size = at < rest_.size() ? utf8_size(rest_[at]) : 0;
    const std::size_t more = size == 4 ? 2 : 1;
    if (size == 0 || size > rest_.size() - at || more > units) return false;
    at += size;
    units -= more;
  }
  record = rest_.first(at);
  rest_ = rest_.subspan(at);
  return ws::valid_utf8(base::as_bytes(record));
}

std::optional<Packet> PayloadReaderV3::next_text(bool& skipped) {
  std::size_t units = 0;
  base::MutBytes record;
  if (!read_length(':', units) || units > rest_.size() || !skip_units(units, record))
    return std::nullopt;
  skipped = record.empty();
  return parse_text_packet_v3(record);
}

std::optional<Packet> PayloadReaderV3::next_binary() {
  const bool text = rest_[0] == kText;
  rest_ = rest_.subspan(1);
  std::size_t length = 0;
  if (!read_length(kLengthEnd, length) || length > rest_.size()) return std::nullopt;
  const base::MutBytes record = rest_.first(length);
  rest_ = rest_.subspan(length);
  if (!text) return parse_binary_packet_v3(record);
  if (!ws::valid_utf8(base::as_bytes(record))) return std::nullopt;
  return parse_text_packet_v3(record);
}

std::size_t utf16_length(base::Bytes utf8) {
  std::size_t units = 0;
  for (const char c : utf8) {
    const auto byte = static_cast<unsigned char>(c);
    units += ((byte & 0xC0U) != 0x80U ? 1U : 0U) + (byte >= 0xF0U ? 1U : 0U);
  }
  return units;
}

void append_text_v3(std::string& out, base::Bytes packet, FormV3 form) {
  const std::size_t length = form == FormV3::text ? utf16_length(packet) : packet.size();
  append_header(out, kText, length, form);
  out += packet;
}

void append_binary_v3(std::string& out, base::Bytes data, FormV3 form) {
  if (form == FormV3::text) {
    append_header(out, kText, base64_packet_size(data.size()), form);
    append_base64_packet(out, data);
  } else {
    append_header(out, kBinary, kBinaryTypeSize + data.size(), form);
    append_binary_packet(out, data);
  }
}

std::size_t text_size_v3(std::size_t packet) {
  return 1 + digits(packet) + 1 + packet;
}

std::size_t binary_size_v3(std::size_t data, FormV3 form) {
  const std::size_t packet =
      form == FormV3::text ? base64_packet_size(data) : kBinaryTypeSize + data;
  return 1 + digits(packet) + 1 + packet;
}

}  // namespace socketio::eio
