// JSON out, as JSON.stringify writes it: compact, non-ASCII unescaped, shortest doubles in JS
// notation, key order kept. Binary becomes a placeholder, and the bytes a view in `attachments`
// (they must outlive the encoding of the packet; those that were given are kept here).
#pragma once

#include <forward_list>
#include <vector>

#include <socketio/value.hpp>

#include "base/text_buffer.hpp"

namespace socketio::value {

class JsonWriter final : public Writer {
 public:
  // Appends to `out`.
  JsonWriter(base::TextBuffer& out, std::vector<base::Bytes>& attachments)
      : out_(out), attachments_(attachments) {}

  void null() override;
  void boolean(bool v) override;
  void integer(std::int64_t v) override;
  void unsigned_integer(std::uint64_t v) override;
  void number(double v) override;
  void string(std::string_view utf8) override;
  void binary(std::string_view bytes) override;
  void given_binary(Binary bytes) override;
  void raw(std::string_view json) override;
  void begin_array() override;
  void end_array() override;
  void begin_object() override;
  void key(std::string_view name) override;
  void end_object() override;

  // The beginning of a text: an array whose first item is this string.
  void begin_event(std::string_view name);
  // The next value is the first again.
  void restart() { comma_ = false; }
  // `attachments` is empty again: nobody looks at the bytes any more.
  void release_given() { given_.clear(); }

 private:
  char* start(std::size_t size);
  void close(char bracket);
  void word(std::string_view text);
  template <class Number>
  void digits(Number v);

  base::TextBuffer& out_;
  std::vector<base::Bytes>& attachments_;
  std::forward_list<Binary> given_;  // they stay where they are
  bool comma_ = false;
};

// A JSON string literal with quotes.
void write_json_string(base::TextBuffer& out, std::string_view utf8);

}  // namespace socketio::value
