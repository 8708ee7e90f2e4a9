// Reads one file for one request on the worker thread: opens beneath the folder (links must not
// lead out of it), of several folders the first that has it, plans the answer with http::plan_file,
// and reads the bytes the plan wants.
#pragma once

#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "http/content_coding.hpp"
#include "http/message.hpp"
#include "http/static_file.hpp"
#include "http/stored_head.hpp"
#include "server/disk_job.hpp"
#include "server/routes.hpp"

namespace socketio::server {

// Larger files (or ranges) are answered with 413 rather than held in memory; serve big downloads
// from a web server.
inline constexpr std::uint64_t kMaxFileBytes = 64ULL * 1024 * 1024;

// Why no file can be opened at all: the kernel (before Linux 5.6) or a sandbox has no openat2.
std::error_code files_refused();

class FileJob final : public DiskJob {
 public:
  FileJob(std::vector<FileInFolder> files, const http::Request& request);
  void read() override;

 private:
  // Memory may run out while one is open.
  class Descriptor {
   public:
    explicit Descriptor(int fd = -1) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
      std::swap(fd_, other.fd_);
      return *this;
    }
    ~Descriptor();
    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }

   private:
    int fd_;
  };
  struct Opened {
    Descriptor fd{};
    http::FileFacts facts{};
  };
  static Opened open(int directory, const std::string& file);
  bool find(const FileInFolder& place);
  void prefer_sibling(int directory, const std::string& name, Opened& file);
  void answer(const std::string& name, const Opened& file);
  const std::vector<FileInFolder> files_;  // places where it may be
  http::HeadCopy request_;
  http::Coding coding_ = http::Coding::identity;
};

}  // namespace socketio::server
