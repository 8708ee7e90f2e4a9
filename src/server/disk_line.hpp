// Requests that wait for an answer from the disk, in order. The first of them are with the worker,
// which stops when it has read about as much as a turn may answer: the rest is not read before
// these have been answered (shard_disk.cpp).
//
//   [reading: [done | not begun] | waiting ...]
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "server/connection.hpp"
#include "server/disk_job.hpp"

namespace socketio::server {

struct DiskLine {
  // Beyond it no further file is begun before these have been answered.
  static constexpr std::size_t kReadAhead = std::size_t{1024} * 1024;
  struct Place {
    ConnectionId connection;
    std::uint32_t request;
    std::shared_ptr<DiskJob> job;
  };
  std::vector<Place> places;
  std::size_t reading = 0;
  // Bytes that the worker has read and charged to the output: no answer yet.
  std::atomic<std::int64_t> ahead{0};
};

}  // namespace socketio::server
