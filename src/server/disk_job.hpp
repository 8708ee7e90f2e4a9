// An answer that is made on the worker, from the disk. Who waits for one is in the DiskLine.
#pragma once

#include <cerrno>
#include <system_error>

#include "base/chunk.hpp"
#include "http/message.hpp"

namespace socketio::server {

// open() has failed. What is not there is answered 404, which caches keep. Thrown: want of
// descriptors or of memory, which passes, and what a sandbox forbids (ENOSYS, EPERM).
inline void expect_absent(int error) {
  for (const int absent : {ENOENT, ENOTDIR, EISDIR, ELOOP, EXDEV, EACCES, ENAMETOOLONG, EINVAL,
                           EILSEQ, ENXIO, ENODEV}) {
    if (error == absent) return;
  }
  throw std::system_error(error, std::generic_category());
}

class DiskJob {
 public:
  DiskJob() = default;
  virtual ~DiskJob() = default;
  DiskJob(const DiskJob&) = delete;
  DiskJob& operator=(const DiskJob&) = delete;

  // On the worker. Throws when it is not for the want of a file that there is no answer.
  virtual void read() = 0;
  // Instead of an answer: what read() has thrown. Needs no memory.
  void fail(std::error_code why) { error_ = why; }
  std::error_code error() const { return error_; }
  const http::Response& response() const { return response_; }
  // The response says that no folder has the file, for which others may have an answer.
  bool absent() const { return absent_; }
  // Instead of the response's, when there is one: the connection sends it from where it was read.
  base::Span& body() { return body_; }
  // Bytes of the body that are charged to the server's output: not those of a file that is shared.
  std::uint32_t charged = 0;

 protected:
  http::Response response_;
  base::Span body_;
  bool absent_ = false;

 private:
  std::error_code error_;
};

}  // namespace socketio::server
