#include "lab.hpp"

#include <cstdio>
#include <stdexcept>
#include <string>
#include <utility>

#include <unistd.h>

#include "suites.hpp"
#include "support/on_signal.hpp"

using socketio::Value;

void ServerLog::add(Value entry) {
  const std::lock_guard lock(mutex_);
  entries_.push_back(std::move(entry));
}

socketio::Array ServerLog::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(entries_, {});
}

std::int64_t resident_bytes() {
  long pages = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%*s %ld", &pages) != 1) pages = 0;
    std::fclose(file);
  }
  return pages * sysconf(_SC_PAGESIZE);
}

std::chrono::milliseconds lab_duration(const Value& value) {
  return std::chrono::milliseconds(value.to_integer());
}

void set_times(const SuiteOptions& given, socketio::ServerOptions& options) {
  const std::optional<Value> json = Value::parse(given.options);
  if (!json) throw std::invalid_argument("--options takes a JSON object");
  const auto set = [&json](std::string_view name, std::chrono::milliseconds& member) {
    if (const Value& value = (*json)[name]; !value.is_null()) member = lab_duration(value);
  };
  set("ping_timeout", options.ping_timeout);
  set("connect_timeout", options.connect_timeout);
  set("close_timeout", options.close_timeout);
}

namespace {

std::vector<LabTopic>& topics() {
  static std::vector<LabTopic> all;
  return all;
}

void set(socketio::ServerOptions& options, std::string_view name, const Value& value) {
  for (const LabTopic& topic : LabTopic::all()) {
    for (const LabTopic::Option& option : topic.options()) {
      if (option.name == name) return option.set(options, value);
    }
  }
  throw std::invalid_argument("the lab has no option " + std::string(name));
}

}  // namespace

LabTopic::LabTopic(std::initializer_list<Option> options, Install install)
    : options_(options), install_(std::move(install)) {
  topics().push_back(*this);
}

const std::vector<LabTopic>& LabTopic::all() {
  return topics();
}

void run_lab(const SuiteOptions& given) {
  const std::optional<Value> json = Value::parse(given.options);
  if (!json || json->get_if<socketio::Object>() == nullptr)
    throw std::invalid_argument("--options takes a JSON object");
  socketio::ServerOptions options;
  options.threads = given.threads;
  options.backend = given.backend;
  for (const auto& [name, value] : *json->get_if<socketio::Object>()) set(options, name, value);
  ServerLog log;
  socketio::Server io(options);
  for (const LabTopic& topic : LabTopic::all()) topic.install()(Lab{io, log, *json});
  io.listen(given.port);
  announce(io.port());
  const OnSignal stop([&io] { io.close(); });
  io.run();
}
