// The lab: a Socket.IO server whose options come as JSON on the command line, for the tests in
// tests/e2e that show what an option does to a real peer. Each topic has a file of its own,
// lab_<topic>.cpp, and registers there what it adds:
//
//   const LabTopic topic({{"ping_interval", [](LabOptions& o, const Value& v) { ... }}},
//                        [](Lab& lab) { ... });
#pragma once

#include <functional>
#include <initializer_list>
#include <mutex>
#include <string_view>
#include <vector>

#include <socketio/server.hpp>

// What /__log answers and clears.
class ServerLog {
 public:
  void add(socketio::Value entry);
  socketio::Array take();

 private:
  std::mutex mutex_;  // every thread writes
  socketio::Array entries_;
};

// Bytes of this process that are in memory.
std::int64_t resident_bytes();

struct Lab {
  socketio::Server& io;
  ServerLog& log;
  const socketio::Value& given;  // the whole JSON object of the command line
};

class LabTopic {
 public:
  struct Option {
    std::string_view name;  // of the member in the JSON object
    std::function<void(socketio::ServerOptions&, const socketio::Value&)> set;
  };
  using Install = std::function<void(const Lab&)>;  // before the server listens

  LabTopic(std::initializer_list<Option> options, Install install);

  static const std::vector<LabTopic>& all();
  const std::vector<Option>& options() const { return options_; }
  const Install& install() const { return install_; }

 private:
  std::vector<Option> options_;
  Install install_;
};

// A member in milliseconds.
std::chrono::milliseconds lab_duration(const socketio::Value& value);
