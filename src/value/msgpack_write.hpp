// MessagePack out, with the bytes notepack.io writes: the smallest form of every integer (a double
// without fraction is one), float 64 for other numbers, str, bin. An array's head tells how many
// items follow, which is known at its end only: one byte is left for it, and finish() makes room
// for the heads of those that are longer than 15, all in one pass.
#pragma once

#include <vector>

#include <socketio/value.hpp>

#include "base/text_buffer.hpp"

namespace socketio::value {

class MsgpackWriter final : public Writer {
 public:
  // Appends to `out`.
  explicit MsgpackWriter(base::TextBuffer& out) : out_(out) {}

  void null() override;
  void boolean(bool v) override;
  void integer(std::int64_t v) override;
  void unsigned_integer(std::uint64_t v) override;
  void number(double v) override;  // NaN and infinities as they are
  void string(std::string_view utf8) override;
  void binary(std::string_view bytes) override;
  void given_binary(Binary bytes) override;
  void raw(std::string_view json) override;  // translated; null when it is no JSON
  void begin_array() override;
  void end_array() override;
  void begin_object() override;
  void key(std::string_view name) override;
  void end_object() override;

  // Closes what is open and completes the heads. Positions before the first array stay.
  void finish();
  // Forgets what was not finished.
  void restart();

 private:
  struct Open {
    std::size_t position;
    std::uint32_t count;  // of values; a key is not one
    bool object;
  };
  char* start(std::size_t size);
  void begin(bool object);
  void end();
  void text(std::string_view utf8);
  template <class Integer>
  void tagged(unsigned char tag, Integer bits);

  base::TextBuffer& out_;
  std::vector<Open> open_;
  std::vector<Open> long_;  // closed, more than 15 values; by their ends
};

}  // namespace socketio::value
