#include "server/file_reader.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "http/static_file.hpp"

namespace socketio::server {
namespace {

// openat2 keeps every step of the path, links included, beneath the folder.
int open_beneath(int directory, const std::string& file) {
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  how.resolve = RESOLVE_BENEATH;
  return static_cast<int>(syscall(SYS_openat2, directory, file.c_str(), &how, sizeof how));
}

}  // namespace

FileJob::FileJob(std::string directory, std::string file, const http::Request& request)
    : directory_(std::move(directory)), file_(std::move(file)), request_(request) {}

void FileJob::read() {
  response_.status = 404;
  const int directory = ::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return;
  const int fd = open_beneath(directory, file_);
  ::close(directory);
  if (fd < 0) return;
  answer(fd);
  ::close(fd);
}

void FileJob::answer(int fd) {
  struct stat facts {};
  if (fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode)) return;
  const std::vector<http::Header> headers = request_.headers();
  http::Request request;
  request.method = request_.method();
  request.headers = headers;
  http::FilePlan plan =
      http::plan_file(request, file_,
                      {static_cast<std::uint64_t>(facts.st_size),
                       std::int64_t{facts.st_mtim.tv_sec} * 1'000'000'000 + facts.st_mtim.tv_nsec});
  if (plan.length > kMaxFileBytes) {
    response_.status = 413;
    return;
  }
  response_ = std::move(plan.head);
  response_.status = plan.status;
  response_.body.resize(plan.length);
  std::size_t done = 0;
  while (done < response_.body.size()) {
    const ssize_t n = pread(fd, response_.body.data() + done, response_.body.size() - done,
                            static_cast<off_t>(plan.first + done));
    if (n <= 0) {  // cut short while we read it
      response_ = http::Response{500, {}, {}};
      return;
    }
    done += static_cast<std::size_t>(n);
  }
}

}  // namespace socketio::server
