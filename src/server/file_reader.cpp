#include "server/file_reader.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

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

std::error_code files_refused() {
  const int fd = open_beneath(AT_FDCWD, ".");
  const int error = fd < 0 ? errno : 0;
  if (fd >= 0) ::close(fd);
  if (error != ENOSYS && error != EPERM) return {};
  return {error, std::system_category()};
}

FileJob::Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

FileJob::FileJob(std::vector<FileInFolder> files, const http::Request& request)
    : files_(std::move(files)), request_(std::string(request.head)) {}

// The file, or nothing when it is none or not there.
FileJob::Opened FileJob::open(int directory, const std::string& file) {
  Opened opened;
  struct stat facts {};
  opened.fd = Descriptor(open_beneath(directory, file));
  if (!opened.fd) {
    expect_absent(errno);
    return opened;
  }
  if (fstat(opened.fd.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) return {};
  opened.facts = {static_cast<std::uint64_t>(facts.st_size),
                  std::int64_t{facts.st_mtim.tv_sec} * 1'000'000'000 + facts.st_mtim.tv_nsec};
  return opened;
}

// Instead of the file a compressed one beside it ("x.js.br", "x.js.gz"), when the client takes it
// and it is not older.
void FileJob::prefer_sibling(int directory, const std::string& name, Opened& file) {
  const std::string accepted(request_.header("accept-encoding").value_or(base::Bytes()));
  std::vector<http::Coding> left{http::Coding::br, http::Coding::gzip};
  while (!left.empty()) {
    const http::Coding coding = http::choose_coding(accepted, left);
    if (coding == http::Coding::identity) return;
    Opened sibling = open(directory, name + (coding == http::Coding::br ? ".br" : ".gz"));
    if (sibling.fd && sibling.facts.modified_ns >= file.facts.modified_ns) {
      file = std::move(sibling);
      coding_ = coding;
      return;
    }
    std::erase(left, coding);
  }
}

void FileJob::read() {
  const auto place =
      std::ranges::find_if(files_, [this](const FileInFolder& one) { return find(one); });
  absent_ = place == files_.end();
  if (absent_) response_.status = 404;
  for (const auto& [name, value] : (absent_ ? files_.front() : *place).folder->headers) {
    if (http::adds_up(name)) {
      response_.headers.emplace_back(name, value);
    } else {
      response_.set(name, value);
    }
  }
}

// False: it is not there. Else the answer is made.
bool FileJob::find(const FileInFolder& place) {
  const Descriptor directory(
      ::open(place.folder->directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return expect_absent(errno), false;
  Opened file = open(directory.get(), place.file);
  if (!file.fd) return false;
  prefer_sibling(directory.get(), place.file, file);
  answer(place.file, file);
  return true;
}

void FileJob::answer(const std::string& name, const Opened& file) {
  const std::vector<http::Header> headers = request_.headers();
  http::Request request;
  request.method = request_.method();
  request.headers = headers;
  http::FilePlan plan = http::plan_file(request, name, file.facts);
  if (coding_ != http::Coding::identity && plan.status < 400) {
    plan.head.set("Vary", "Accept-Encoding");
    if (plan.status != 304) plan.head.set("Content-Encoding", http::coding_name(coding_));
  }
  if (plan.length > kMaxFileBytes) {
    response_.status = 413;
    return;
  }
  response_ = std::move(plan.head);
  response_.status = plan.status;
  if (plan.length == 0 || request.method == "HEAD") return;
  base::Chunk chunk = base::Chunk::allocate(plan.length);
  std::size_t done = 0;
  while (done < plan.length) {
    const ssize_t n = pread(file.fd.get(), chunk.data() + done, plan.length - done,
                            static_cast<off_t>(plan.first + done));
    if (n <= 0) {  // cut short while we read it
      response_ = http::Response{500, {}, {}};
      return;
    }
    done += static_cast<std::size_t>(n);
  }
  body_ = {std::move(chunk), 0, static_cast<std::uint32_t>(plan.length)};
}

}  // namespace socketio::server
