// The program of every user in this folder: what the README shows, as small as it gets.
#include <cstdio>

#include <socketio/value.hpp>

int main() {
  const auto value = socketio::Value::object({{"event", "hello"}, {"count", 3}});
  const auto text = value.to_json();
  std::puts(text.c_str());
  return text == R"({"event":"hello","count":3})" ? 0 : 1;
}
