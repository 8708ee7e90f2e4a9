// An answer that is made on the worker, from the disk. Who waits for one is in the DiskLine.
#pragma once

#include "base/chunk.hpp"
#include "http/message.hpp"

namespace socketio::server {

class DiskJob {
 public:
  DiskJob() = default;
  virtual ~DiskJob() = default;
  DiskJob(const DiskJob&) = delete;
  DiskJob& operator=(const DiskJob&) = delete;

  virtual void read() = 0;  // on the worker
  // Instead, when memory has run out in it. Needs none.
  void refuse() {
    response_ = {503, {}, {}};
    body_ = {};
  }
  const http::Response& response() const { return response_; }
  // Instead of the response's, when there is one: the connection sends it from where it was read.
  base::Span& body() { return body_; }
  // Bytes of the body that are charged to the server's output: not those of a file that is shared.
  std::uint32_t charged = 0;

 protected:
  http::Response response_;
  base::Span body_;
};

}  // namespace socketio::server
