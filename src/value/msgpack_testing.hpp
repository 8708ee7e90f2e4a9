// For tests of MessagePack, here and above: bytes from and to hex, Values to bytes, and Values at
// random.
#pragma once

#include <random>
#include <string>

#include "value/msgpack_write.hpp"

namespace socketio::value::testing {

inline std::string from_hex(base::Bytes hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    out += static_cast<char>(digit(hex[i]) << 4 | digit(hex[i + 1]));
  return out;
}

inline std::string to_hex(base::Bytes bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

inline std::string packed(const Value& value) {
  base::TextBuffer out;
  MsgpackWriter writer(out);
  value.write(writer);
  writer.finish();
  return std::string(out.view());
}

inline std::string random_text(std::mt19937_64& random) {
  static constexpr std::string_view kParts[] = {"a", "é", "😀", "\0", "\"", "text", "x y", "\n"};
  std::string out;
  for (auto n = random() % 9; n > 0; --n) out += kParts[random() % std::size(kParts)];
  // Now and then over the edge of the one-byte and two-byte lengths.
  if (random() % 50 == 0) out.append(30 + random() % 300, 'l');
  return out;
}

inline Value random_value(std::mt19937_64& random, int depth) {
  switch (random() % (depth > 0 ? 10 : 8)) {
    case 0:
      return nullptr;
    case 1:
      return random() % 2 == 0;
    case 2:
      return static_cast<std::int64_t>(random()) >> random() % 64;
    case 3:
      return random() >> random() % 64;
    case 4:
      return static_cast<double>(static_cast<std::int64_t>(random())) / 1024;
    case 5:
    case 6:
      return random_text(random);
    case 7:
      return Binary(random_text(random));
    case 8: {
      Array items;
      for (auto n = random() % (random() % 20 == 0 ? 40 : 5); n > 0; --n)
        items.push_back(random_value(random, depth - 1));
      return items;
    }
    default: {
      Object members;
      for (auto n = random() % (random() % 20 == 0 ? 40 : 5); n > 0; --n)
        members[random_text(random)] = random_value(random, depth - 1);
      return members;
    }
  }
}

}  // namespace socketio::value::testing
