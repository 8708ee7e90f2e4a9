// Writes into Values: what is written may cross threads, or be handed to a user's parser.
#pragma once

#include <string>
#include <vector>

#include <socketio/value.hpp>

namespace socketio::value {

class ValueWriter final : public Writer {
 public:
  void null() override;
  void boolean(bool v) override;
  void integer(std::int64_t v) override;
  void unsigned_integer(std::uint64_t v) override;
  void number(double v) override;
  void string(std::string_view utf8) override;
  void binary(std::string_view bytes) override;
  void given_binary(Binary bytes) override;
  void raw(std::string_view json) override;  // parsed; null when it is no JSON
  void begin_array() override;
  void end_array() override;
  void begin_object() override;
  void key(std::string_view name) override;
  void end_object() override;

  // The values written since the last take(), one after the other.
  Args take();

 private:
  // An array or an object that is being written.
  struct Level {
    bool is_object = false;
    bool has_key = false;  // the last member has no value yet
    Array items{};
    std::vector<Object::Member> members{};
  };
  void add(Value value);

  std::vector<Level> open_;
  Args done_;
};

}  // namespace socketio::value
