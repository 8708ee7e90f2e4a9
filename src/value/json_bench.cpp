// The price of an event's JSON: parse and read what a handler takes, and write it.
#include <benchmark/benchmark.h>

#include <socketio/codec.hpp>

#include "value/json_read.hpp"
#include "value/json_write.hpp"

namespace {

using namespace socketio;

std::string padded(std::string text) {
  text.reserve(text.size() + base::kPadding);
  return text;
}

std::string event(std::size_t size) {
  return padded("[\"m\",\"" + std::string(size, 'x') + "\"]");
}

void parse_event(benchmark::State& state) {
  const std::string text = event(static_cast<std::size_t>(state.range(0)));
  value::JsonDocument document;
  for (auto _ : state) {
    std::tuple<std::string_view, std::string_view> out;
    benchmark::DoNotOptimize(document.parse(text) && decode(document.root(), out));
    benchmark::DoNotOptimize(out);
  }
}
BENCHMARK(parse_event)->Arg(32)->Arg(1024)->Arg(65536);

const char* const kObject =
    R"(["move",{"id":"player-17","x":12.5,"y":-3.25,"alive":true,"tags":["a","b"],"hp":100}])";

void parse_object(benchmark::State& state) {
  const std::string text = padded(kObject);
  value::JsonDocument document;
  for (auto _ : state) benchmark::DoNotOptimize(document.parse(text));
}
BENCHMARK(parse_object);

void parse_object_to_value(benchmark::State& state) {
  const std::string text = padded(kObject);
  value::JsonDocument document;
  for (auto _ : state) {
    benchmark::DoNotOptimize(document.parse(text));
    benchmark::DoNotOptimize(Value::read(document.root()));
  }
}
BENCHMARK(parse_object_to_value);

void rest_of_event(benchmark::State& state) {
  const std::string text = event(32);
  value::JsonDocument document;
  benchmark::DoNotOptimize(document.parse(text));
  for (auto _ : state) benchmark::DoNotOptimize(document.rest_of_array());
}
BENCHMARK(rest_of_event);

void write_event(benchmark::State& state) {
  const std::string text(static_cast<std::size_t>(state.range(0)), 'x');
  base::TextBuffer out;
  std::vector<base::Bytes> attachments;
  for (auto _ : state) {
    out.clear(value::kKeptCapacity);
    value::JsonWriter writer(out, attachments);
    writer.begin_array();
    encode(writer, "m");
    encode(writer, text);
    writer.end_array();
    benchmark::DoNotOptimize(out.view());
  }
}
BENCHMARK(write_event)->Arg(32)->Arg(1024)->Arg(65536);

void write_non_ascii(benchmark::State& state) {
  std::string text;
  for (int i = 0; i < 512; ++i) text += "\xC3\xA9";
  base::TextBuffer out;
  for (auto _ : state) {
    out.clear(value::kKeptCapacity);
    value::write_json_string(out, text);
    benchmark::DoNotOptimize(out.view());
  }
}
BENCHMARK(write_non_ascii);

void write_doubles(benchmark::State& state) {
  const std::vector<double> numbers(64, 12.345678);
  base::TextBuffer out;
  std::vector<base::Bytes> attachments;
  for (auto _ : state) {
    out.clear(value::kKeptCapacity);
    value::JsonWriter writer(out, attachments);
    encode(writer, numbers);
    benchmark::DoNotOptimize(out.view());
  }
}
BENCHMARK(write_doubles);

void write_value(benchmark::State& state) {
  const auto value = Value::parse(kObject);
  base::TextBuffer out;
  std::vector<base::Bytes> attachments;
  for (auto _ : state) {
    out.clear(value::kKeptCapacity);
    value::JsonWriter writer(out, attachments);
    value->write(writer);
    benchmark::DoNotOptimize(out.view());
  }
}
BENCHMARK(write_value);

}  // namespace
