// MsgpackDocument. An element is addressed by the position of its first byte, and by the number of
// containers that begin before it: that is where its end is looked up when it is one itself.
//
//   at:  [ container : 32 | position : 32 ]
#include "value/msgpack_read.hpp"

#include <bit>
#include <limits>

#include "value/date.hpp"
#include "value/json_read.hpp"
#include "value/number.hpp"

namespace socketio::value {

namespace {

static_assert(sizeof(std::size_t) == 8);
constexpr std::size_t kKeptContainers = 8192;

constexpr std::size_t pack(std::size_t position, std::size_t container) {
  return container << 32 | position;
}
constexpr std::size_t position_of(std::size_t at) {
  return at & 0xFFFFFFFF;
}
constexpr std::size_t container_of(std::size_t at) {
  return at >> 32;
}

enum class Form : std::uint8_t {
  nil,
  boolean,
  integer,  // fits std::int64_t
  natural,  // above it
  real,
  string,
  binary,
  date,
  array,
  map
};

// The first bytes of a value: all of a scalar, and what stands before the content of the others.
struct Head {
  Form form = Form::nil;
  std::uint32_t size = 1;    // of the head
  std::size_t content = 0;   // bytes behind it; 0 for arrays and maps
  std::uint64_t scalar = 0;  // its bits; of arrays and maps, how many items or members
};

std::uint64_t big_endian(const char* from, std::size_t size) {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < size; ++i) out = out << 8 | static_cast<unsigned char>(from[i]);
  return out;
}

template <class Narrow>
std::uint64_t widened(std::uint64_t bits) {
  return static_cast<std::uint64_t>(std::int64_t{static_cast<Narrow>(bits)});
}

void set_natural(Head& head, std::uint64_t value) {
  head.form = value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())
                  ? Form::natural
                  : Form::integer;
  head.scalar = value;
}

// Dates no JS Date can hold are null, as JSON.stringify has them.
void set_date(Head& head, std::int64_t milliseconds) {
  head.form = is_date(milliseconds) ? Form::date : Form::nil;
  head.scalar = static_cast<std::uint64_t>(milliseconds);
}

// Extension -1: 32 bits of seconds; 30 of nanoseconds and 34 of seconds; or 32 and 64.
void read_timestamp(const char* content, std::size_t size, Head& head) {
  std::uint64_t nanoseconds = 0;
  std::uint64_t seconds = 0;
  if (size == 4) {
    seconds = big_endian(content, 4);
  } else if (size == 8) {
    const std::uint64_t both = big_endian(content, 8);
    nanoseconds = both >> 34;
    seconds = both & 0x3FFFFFFFF;
  } else if (size == 12) {
    nanoseconds = big_endian(content, 4);
    seconds = big_endian(content + 4, 8);
  } else {
    return;  // bytes after all
  }
  const auto wide = static_cast<std::int64_t>(seconds);
  // Far outside of what a date can be, where multiplying would overflow.
  const bool far = wide > kMaxDate || wide < -kMaxDate;
  set_date(head, far ? std::numeric_limits<std::int64_t>::max()
                     : wide * 1000 + static_cast<std::int64_t>(nanoseconds / 1'000'000));
}

class HeadReader {
 public:
  HeadReader(base::Bytes bytes, std::size_t at)
      : from_(bytes.data() + at), left_(bytes.size() - at) {}

  // False: malformed, or longer than the bytes that are left.
  bool read(Head& head) {
    if (left_ == 0) return false;
    const auto tag = static_cast<unsigned char>(*from_);
    head = {};
    if (tag < 0x80 || tag >= 0xe0) {
      head.form = Form::integer;
      head.scalar = widened<std::int8_t>(tag);
      return true;
    }
    if (tag < 0x90) return container(head, Form::map, tag & 0x0F);
    if (tag < 0xa0) return container(head, Form::array, tag & 0x0F);
    if (tag < 0xc0) return content(head, Form::string, tag & 0x1F);
    return read_tagged(tag, head);
  }

 private:
  bool read_tagged(unsigned char tag, Head& head) {
    switch (tag) {
      case 0xc0:
        return true;
      case 0xc2:
      case 0xc3:
        head.form = Form::boolean;
        head.scalar = tag & 1;
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return number(head, std::size_t{1} << (tag - 0xc4)) &&
               content(head, Form::binary, head.scalar);
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return number(head, std::size_t{1} << (tag - 0xc7)) && extension(head, head.scalar, false);
      case 0xca:
      case 0xcb:
        return real(head, tag == 0xca ? 4 : 8);
      case 0xcc:
      case 0xcd:
      case 0xce:
      case 0xcf:
        if (!number(head, std::size_t{1} << (tag - 0xcc))) return false;
        set_natural(head, head.scalar);
        return true;
      case 0xd0:
      case 0xd1:
      case 0xd2:
      case 0xd3:
        return signed_number(head, std::size_t{1} << (tag - 0xd0));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return extension(head, std::uint64_t{1} << (tag - 0xd4), true);
      case 0xd9:
      case 0xda:
      case 0xdb:
        return number(head, std::size_t{1} << (tag - 0xd9)) &&
               content(head, Form::string, head.scalar);
      case 0xdc:
      case 0xdd:
        return number(head, tag == 0xdc ? 2 : 4) && container(head, Form::array, head.scalar);
      case 0xde:
      case 0xdf:
        return number(head, tag == 0xde ? 2 : 4) && container(head, Form::map, head.scalar);
      default:  // 0xc1
        return false;
    }
  }

  // `size` bytes behind what of the head is read.
  bool number(Head& head, std::size_t size) {
    if (left_ - head.size < size) return false;
    head.scalar = big_endian(from_ + head.size, size);
    head.size += static_cast<std::uint32_t>(size);
    return true;
  }
  bool signed_number(Head& head, std::size_t size) {
    if (!number(head, size)) return false;
    head.form = Form::integer;
    if (size == 1) head.scalar = widened<std::int8_t>(head.scalar);
    if (size == 2) head.scalar = widened<std::int16_t>(head.scalar);
    if (size == 4) head.scalar = widened<std::int32_t>(head.scalar);
    return true;
  }
  bool real(Head& head, std::size_t size) {
    if (!number(head, size)) return false;
    head.form = Form::real;
    if (size == 4) {
      const double wide = std::bit_cast<float>(static_cast<std::uint32_t>(head.scalar));
      head.scalar = std::bit_cast<std::uint64_t>(wide);
    }
    return true;
  }
  bool content(Head& head, Form form, std::uint64_t size) {
    if (left_ - head.size < size) return false;
    head.form = form;
    head.content = size;
    return true;
  }
  // The least an item takes is a byte, and a member two.
  bool container(Head& head, Form form, std::uint64_t count) {
    const std::size_t least = form == Form::map ? 2 : 1;
    if (count > (left_ - head.size) / least) return false;
    head.form = form;
    head.scalar = count;
    return true;
  }
  // `fixed`: a form of its own for this size, which notepack 2 uses for what is not binary.
  bool extension(Head& head, std::uint64_t size, bool fixed) {
    if (left_ - head.size < 1) return false;
    const std::uint64_t type = big_endian(from_ + head.size, 1);
    ++head.size;
    if (!content(head, Form::binary, size)) return false;
    const char* const bytes = from_ + head.size;
    if (type == 0xff) {
      read_timestamp(bytes, size, head);
    } else if (type == 0 && fixed && size == 1) {
      head.form = Form::nil;
    } else if (type == 0 && fixed && size == 8) {
      set_date(head, static_cast<std::int64_t>(big_endian(bytes, 8)));
    }
    return true;
  }

  const char* from_;
  std::size_t left_;
};

// Of a value that has been checked.
Head head_at(base::Bytes bytes, std::size_t position) {
  Head head;
  HeadReader(bytes, position).read(head);
  return head;
}

bool is_container(Form form) {
  return form == Form::array || form == Form::map;
}

double as_double(const Head& head) {
  return std::bit_cast<double>(head.scalar);
}

}  // namespace

base::Bytes MsgpackDocument::parse(base::Bytes bytes, std::size_t depth) {
  bytes_ = bytes;
  ok_ = false;
  if (containers_.capacity() > kKeptContainers) std::vector<Container>().swap(containers_);
  containers_.clear();
  unfinished_.clear();
  forget_texts();
  std::size_t position = 0;
  // Positions are kept in 32 bits.
  if (bytes.size() > std::numeric_limits<std::uint32_t>::max() || !read(depth, position))
    return "Could not parse";
  ok_ = position == bytes.size();
  return ok_ ? base::Bytes() : "trailing bytes";
}

bool MsgpackDocument::read(std::size_t depth, std::size_t& position) {
  do {
    const bool key =
        !unfinished_.empty() && unfinished_.back().object && unfinished_.back().left % 2 == 0;
    Head head;
    if (!HeadReader(bytes_, position).read(head)) return false;
    if (key && head.form != Form::string) return false;
    position += head.size;
    if (is_container(head.form) && head.scalar > 0) {
      if (unfinished_.size() == depth) return false;
      const bool object = head.form == Form::map;
      unfinished_.push_back({static_cast<std::uint32_t>(containers_.size()),
                             static_cast<std::uint32_t>(head.scalar << (object ? 1 : 0)), object});
      containers_.emplace_back();
      continue;
    }
    if (head.form == Form::string && !valid_utf8(bytes_.substr(position, head.content)))
      return false;
    position += head.content;
    while (!unfinished_.empty() && --unfinished_.back().left == 0) {
      containers_[unfinished_.back().container] = {static_cast<std::uint32_t>(position),
                                                   static_cast<std::uint32_t>(containers_.size())};
      unfinished_.pop_back();
    }
  } while (!unfinished_.empty());
  return true;
}

Element MsgpackDocument::root() const {
  return ok_ ? Element(this, pack(0, 0)) : Element();
}

// The address behind a value.
std::size_t MsgpackDocument::after(std::size_t at) const {
  const Head head = head_at(bytes_, position_of(at));
  if (is_container(head.form) && head.scalar > 0) {
    const Container& container = containers_[container_of(at)];
    return pack(container.end, container.next);
  }
  return at + head.size + head.content;
}

Kind MsgpackDocument::kind(std::size_t at) const {
  switch (head_at(bytes_, position_of(at)).form) {
    case Form::nil:
      return Kind::null;
    case Form::boolean:
      return Kind::boolean;
    case Form::integer:
      return Kind::integer;
    case Form::natural:
      return Kind::unsigned_integer;
    case Form::real:
      return Kind::number;
    case Form::string:
    case Form::date:
      return Kind::string;
    case Form::binary:
      return Kind::binary;
    case Form::array:
      return Kind::array;
    case Form::map:
      return Kind::object;
  }
  return Kind::null;
}

bool MsgpackDocument::as_bool(std::size_t at, bool& out) const {
  const Head head = head_at(bytes_, position_of(at));
  if (head.form != Form::boolean) return false;
  out = head.scalar != 0;
  return true;
}

bool MsgpackDocument::as_integer(std::size_t at, std::int64_t& out) const {
  const Head head = head_at(bytes_, position_of(at));
  if (head.form == Form::real) return exact_integer(as_double(head), out);
  if (head.form != Form::integer) return false;
  out = static_cast<std::int64_t>(head.scalar);
  return true;
}

bool MsgpackDocument::as_unsigned(std::size_t at, std::uint64_t& out) const {
  const Head head = head_at(bytes_, position_of(at));
  if (head.form == Form::real) return exact_unsigned(as_double(head), out);
  const bool natural = head.form == Form::natural ||
                       (head.form == Form::integer && static_cast<std::int64_t>(head.scalar) >= 0);
  if (!natural) return false;
  out = head.scalar;
  return true;
}

bool MsgpackDocument::as_number(std::size_t at, double& out) const {
  const Head head = head_at(bytes_, position_of(at));
  if (head.form == Form::real) {
    out = as_double(head);
  } else if (head.form == Form::integer) {
    out = static_cast<double>(static_cast<std::int64_t>(head.scalar));
  } else if (head.form == Form::natural) {
    out = static_cast<double>(head.scalar);
  } else {
    return false;
  }
  return true;
}

bool MsgpackDocument::as_string(std::size_t at, std::string_view& out) const {
  const Head head = head_at(bytes_, position_of(at));
  if (head.form == Form::string) {
    out = bytes_.substr(position_of(at) + head.size, head.content);
    return true;
  }
  if (head.form != Form::date) return false;
  const auto [date, made] = text(at, Text::date);
  if (made) *date = iso_date(static_cast<std::int64_t>(head.scalar));
  out = *date;
  return true;
}

bool MsgpackDocument::as_binary(std::size_t at, std::string_view& out) const {
  const Head head = head_at(bytes_, position_of(at));
  if (head.form != Form::binary) return false;
  out = bytes_.substr(position_of(at) + head.size, head.content);
  return true;
}

std::size_t MsgpackDocument::size(std::size_t at) const {
  const Head head = head_at(bytes_, position_of(at));
  return is_container(head.form) ? head.scalar : 0;
}

Element::Cursor MsgpackDocument::children(std::size_t at) const {
  const Head head = head_at(bytes_, position_of(at));
  if (!is_container(head.form) || head.scalar == 0) return {};
  return make_cursor(this, pack(position_of(at) + head.size, container_of(at) + 1),
                     containers_[container_of(at)].end, head.form == Form::map);
}

bool MsgpackDocument::advance(Element::Cursor& cursor) const {
  std::size_t at = position(cursor);
  if (position_of(at) >= end(cursor)) return false;
  base::Bytes key;
  if (is_object(cursor)) {
    const Head head = head_at(bytes_, position_of(at));
    key = bytes_.substr(position_of(at) + head.size, head.content);
    at += head.size + head.content;
  }
  move(cursor, after(at), key, Element(this, at));
  return true;
}

}  // namespace socketio::value
