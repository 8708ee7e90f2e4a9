#include "server/client_bundle.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <new>
#include <optional>
#include <span>
#include <system_error>

#include <dlfcn.h>

#include "http/compressor.hpp"
#include "http/static_file.hpp"

namespace socketio::server {
namespace {

constexpr std::array<std::string_view, 8> kNames = {
    "socket.io.js",
    "socket.io.min.js",
    "socket.io.esm.min.js",
    "socket.io.msgpack.min.js",
    "socket.io.js.map",
    "socket.io.min.js.map",
    "socket.io.esm.min.js.map",
    "socket.io.msgpack.min.js.map",
};
constexpr int kLevel = 9;  // once, for ever
// Far more than any client's file has.
constexpr std::size_t kMaxBytes = std::size_t{16} * 1024 * 1024;

// Nothing when it is not there, and when it is no file of a client.
std::optional<std::string> read_file(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"),
                                                             &std::fclose);
  if (file == nullptr) return expect_absent(errno), std::nullopt;
  std::string body;
  std::array<char, 65536> piece;
  while (const std::size_t n = std::fread(piece.data(), 1, piece.size(), file.get())) {
    if (n > kMaxBytes - body.size()) return std::nullopt;
    body.append(piece.data(), n);
  }
  if (std::ferror(file.get()) != 0) return std::nullopt;
  return body;
}

// "4.8.4", as the banner says it.
std::optional<std::string> version_of(base::Bytes script) {
  constexpr base::Bytes kBanner = "Socket.IO v";
  const std::size_t at = script.substr(0, 512).find(kBanner);
  if (at == base::Bytes::npos) return std::nullopt;
  script.remove_prefix(at + kBanner.size());
  const std::size_t end = script.find_first_not_of("0123456789.abcdefghijklmnopqrstuvwxyz-");
  return std::string(script.substr(0, std::min<std::size_t>(end, 32)));
}

// For files without a banner: FNV-1a of what they are.
std::string digest(base::Bytes body) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : body) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3;
  std::array<char, 17> text;
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(hash));
  return text.data();
}

std::string encoded(std::string body, http::Coding coding) {
  if (coding == http::Coding::identity) return body;
  if (coding == http::Coding::br) return http::brotli(body);
  return std::string(http::Compressor(kLevel).compress(coding, body));
}

}  // namespace

// A static library's code is in the program, which the user installs in the same tree or elsewhere;
// a shared one's lies in the tree that the client was installed to, wherever that is now.
std::string ClientBundle::installed_folder() {
  const std::string_view configured = SOCKETIO_CLIENT_FOLDER;
  if (configured.empty()) return {};
  std::error_code error;
  Dl_info code{};
  const bool found =
      dladdr(reinterpret_cast<const void*>(&ClientBundle::has), &code) != 0 && code.dli_fname;
  const auto library = std::filesystem::canonical(found ? code.dli_fname : "", error);
  const auto program = std::filesystem::canonical("/proc/self/exe", error);
  const auto& [at, beside] =
      library.empty() || library == program
          ? std::pair(program, std::string_view(SOCKETIO_CLIENT_BESIDE_PROGRAM))
          : std::pair(library, std::string_view(SOCKETIO_CLIENT_BESIDE_LIBRARY));
  const auto folder = (at.parent_path() / beside).lexically_normal();
  return std::filesystem::is_directory(folder, error) ? folder.string() : std::string(configured);
}

bool ClientBundle::has(std::string_view name) {
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

ClientBundle::ClientBundle(std::string folder)
    : folder_(folder.empty() ? installed_folder() : std::move(folder)) {}

std::shared_ptr<const ClientFile> ClientBundle::find(std::string_view name,
                                                     http::Coding coding) const {
  const std::lock_guard lock(mutex_);
  const auto it = files_.find(Key(name, coding));
  return it == files_.end() ? nullptr : it->second;
}

std::shared_ptr<const ClientFile> ClientBundle::make(std::string_view name, http::Coding coding) {
  if (auto known = find(name, coding)) return known;
  if (folder_.empty() || !has(name)) return nullptr;
  const std::string path = folder_ + '/' + std::string(name);
  std::optional<std::string> body = read_file(path);
  if (!body) return nullptr;
  std::optional<std::string> version = version_of(*body);
  if (!version && name.ends_with(".map")) {  // its script knows
    const std::optional<std::string> script = read_file(path.substr(0, path.size() - 4));
    if (script) version = version_of(*script);
  }
  auto file = std::make_shared<ClientFile>();
  file->etag = '"' + version.value_or(digest(*body)) + '"';
  file->coding = coding;
  file->body = base::Chunk::copy(encoded(*std::move(body), coding));
  const std::lock_guard lock(mutex_);
  return files_.try_emplace(Key(name, coding), std::move(file)).first->second;
}

// -- ClientJob

namespace {

// By what the request accepts; equal weights: its own order.
http::Coding best_coding(base::Bytes accept_encoding) {
  static constexpr std::array kCodings = {http::Coding::br, http::Coding::gzip,
                                          http::Coding::deflate};
  const std::span<const http::Coding> offered(kCodings);
  return http::choose_coding(accept_encoding, http::has_brotli() ? offered : offered.subspan(1),
                             http::Ties::theirs);
}

}  // namespace

ClientJob::ClientJob(std::shared_ptr<ClientBundle> bundle, std::string_view name,
                     const http::Request& request)
    : bundle_(std::move(bundle)),
      name_(name),
      coding_(best_coding(request.header("accept-encoding"))),
      if_none_match_(request.header("if-none-match")) {}

bool ClientJob::known() {
  const std::shared_ptr<const ClientFile> file = bundle_->find(name_, coding_);
  if (file != nullptr) answer(*file);
  return file != nullptr;
}

void ClientJob::read() {
  const std::shared_ptr<const ClientFile> file = bundle_->make(name_, coding_);
  if (file != nullptr) return answer(*file);
  response_ = {404,
               {{"Content-Type", "text/plain; charset=utf-8"}},
               "The browser client is not installed: set ServerOptions::client_dist to the "
               "client-dist folder of npm's socket.io.\n"};
}

void ClientJob::answer(const ClientFile& file) {
  if (if_none_match_ == file.etag || if_none_match_ == "W/" + file.etag) {
    response_ = {304, {}, {}};
    return;
  }
  response_ = {200,
               {{"Cache-Control", "public, max-age=0"},
                {"Content-Type", std::string(http::content_type(name_))},
                {"ETag", file.etag},
                {"Vary", "Accept-Encoding"},
                {"X-Content-Type-Options", "nosniff"}},
               {}};
  if (file.coding != http::Coding::identity)
    response_.set("Content-Encoding", http::coding_name(file.coding));
  body_ = {file.body, 0, static_cast<std::uint32_t>(file.body.capacity())};
}

}  // namespace socketio::server
