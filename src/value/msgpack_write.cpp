#include "value/msgpack_write.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "value/document.hpp"
#include "value/json_read.hpp"
#include "value/number.hpp"
#include "value/utf8.hpp"

namespace socketio::value {

namespace {

constexpr std::size_t kFixMax = 15;

template <class Integer>
char* write_big_endian(char* to, Integer bits) {
  for (std::size_t i = sizeof bits; i-- > 0;)
    *to++ = static_cast<char>(static_cast<std::uint64_t>(bits) >> (8 * i));
  return to;
}

// Behind the one byte that was left for it.
std::size_t extra(std::uint32_t count) {
  return count <= 0xFFFF ? 2 : 4;
}

}  // namespace

// Room for one value of `size` bytes, which the array or object it is in counts.
char* MsgpackWriter::start(std::size_t size) {
  if (!open_.empty()) ++open_.back().count;
  return out_.room(size);
}

template <class Integer>
void MsgpackWriter::tagged(unsigned char tag, Integer bits) {
  char* to = start(1 + sizeof bits);
  *to++ = static_cast<char>(tag);
  out_.to(write_big_endian(to, bits));
}

void MsgpackWriter::null() {
  start(1);
  out_.push_back('\xc0');
}

void MsgpackWriter::boolean(bool v) {
  start(1);
  out_.push_back(v ? '\xc3' : '\xc2');
}

void MsgpackWriter::integer(std::int64_t v) {
  if (v >= 0) return unsigned_integer(static_cast<std::uint64_t>(v));
  if (v >= -32) {
    start(1);
    out_.push_back(static_cast<char>(v));
  } else if (v >= std::numeric_limits<std::int8_t>::min()) {
    tagged(0xd0, static_cast<std::uint8_t>(v));
  } else if (v >= std::numeric_limits<std::int16_t>::min()) {
    tagged(0xd1, static_cast<std::uint16_t>(v));
  } else if (v >= std::numeric_limits<std::int32_t>::min()) {
    tagged(0xd2, static_cast<std::uint32_t>(v));
  } else {
    tagged(0xd3, static_cast<std::uint64_t>(v));
  }
}

void MsgpackWriter::unsigned_integer(std::uint64_t v) {
  if (v < 0x80) {
    start(1);
    out_.push_back(static_cast<char>(v));
  } else if (v <= std::numeric_limits<std::uint8_t>::max()) {
    tagged(0xcc, static_cast<std::uint8_t>(v));
  } else if (v <= std::numeric_limits<std::uint16_t>::max()) {
    tagged(0xcd, static_cast<std::uint16_t>(v));
  } else if (v <= std::numeric_limits<std::uint32_t>::max()) {
    tagged(0xce, static_cast<std::uint32_t>(v));
  } else {
    tagged(0xcf, v);
  }
}

void MsgpackWriter::number(double v) {
  std::int64_t whole = 0;
  std::uint64_t natural = 0;
  if (exact_integer(v, whole)) return integer(whole);
  if (exact_unsigned(v, natural)) return unsigned_integer(natural);
  tagged(0xcb, std::bit_cast<std::uint64_t>(v));
}

void MsgpackWriter::text(std::string_view utf8) {
  if (!valid_utf8(utf8)) return text(replace_invalid_utf8(utf8));
  char* to = out_.room(5 + utf8.size());
  const std::size_t size = utf8.size();
  if (size < 32) {
    *to++ = static_cast<char>(0xa0 | size);
  } else if (size <= 0xFF) {
    *to++ = '\xd9';
    to = write_big_endian(to, static_cast<std::uint8_t>(size));
  } else if (size <= 0xFFFF) {
    *to++ = '\xda';
    to = write_big_endian(to, static_cast<std::uint16_t>(size));
  } else {
    *to++ = '\xdb';
    to = write_big_endian(to, static_cast<std::uint32_t>(size));
  }
  out_.to(to);
  out_.append(utf8);
}

void MsgpackWriter::string(std::string_view utf8) {
  start(0);
  text(utf8);
}

void MsgpackWriter::key(std::string_view name) {
  text(name);
}

void MsgpackWriter::binary(std::string_view bytes) {
  if (bytes.size() <= 0xFF) {
    tagged(0xc4, static_cast<std::uint8_t>(bytes.size()));
  } else if (bytes.size() <= 0xFFFF) {
    tagged(0xc5, static_cast<std::uint16_t>(bytes.size()));
  } else {
    tagged(0xc6, static_cast<std::uint32_t>(bytes.size()));
  }
  out_.append(bytes);
}

void MsgpackWriter::given_binary(Binary bytes) {
  binary(bytes.view());
}

// Several values joined by commas are several values, as in JSON.
void MsgpackWriter::raw(std::string_view json) {
  JsonDocument document;
  if (!document.parse_copy("[" + std::string(json) + "]") || document.root().size() == 0)
    return null();
  for (auto value = document.root().children(); value.next();) copy(value.value(), *this);
}

void MsgpackWriter::begin(bool object) {
  start(1);
  open_.push_back({out_.size(), 0, object});
  out_.push_back('\0');
}

void MsgpackWriter::end() {
  if (open_.empty()) return;
  const Open closed = open_.back();
  open_.pop_back();
  if (closed.count > kFixMax) return long_.push_back(closed);
  out_.data()[closed.position] = static_cast<char>((closed.object ? 0x80 : 0x90) | closed.count);
}

void MsgpackWriter::begin_array() {
  begin(false);
}

void MsgpackWriter::end_array() {
  end();
}

void MsgpackWriter::begin_object() {
  begin(true);
}

void MsgpackWriter::end_object() {
  end();
}

// From the last head to the first, so that every byte moves once.
void MsgpackWriter::finish() {
  while (!open_.empty()) end();
  if (long_.empty()) return;
  std::sort(long_.begin(), long_.end(),
            [](const Open& a, const Open& b) { return a.position < b.position; });
  std::size_t shift = 0;
  for (const Open& head : long_) shift += extra(head.count);
  std::size_t end = out_.size();
  out_.to(out_.room(shift) + shift);
  char* const data = out_.data();
  for (auto head = long_.rbegin(); head != long_.rend(); ++head) {
    const std::size_t from = head->position + 1;
    std::memmove(data + from + shift, data + from, end - from);
    end = head->position;
    shift -= extra(head->count);
    char* const to = data + head->position + shift;
    if (extra(head->count) == 2) {
      *to = head->object ? '\xde' : '\xdc';
      write_big_endian(to + 1, static_cast<std::uint16_t>(head->count));
    } else {
      *to = head->object ? '\xdf' : '\xdd';
      write_big_endian(to + 1, head->count);
    }
  }
  long_.clear();
}

void MsgpackWriter::restart() {
  open_.clear();
  long_.clear();
}

}  // namespace socketio::value
