// The browser client's files, read once, compressed once for each coding somebody asked for, and
// kept. Shared by the shards.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "http/content_coding.hpp"
#include "http/message.hpp"
#include "server/disk_job.hpp"

namespace socketio::server {

// One file in one coding.
struct ClientFile {
  std::string etag;  // of the client's version: the same in every coding, as in JS
  base::Chunk body;  // shared by all who are sent it
  http::Coding coding = http::Coding::identity;
};

// Thread-safe.
class ClientBundle {
 public:
  // Where the library was installed with the client (CMake's SOCKETIO_CLIENT_DIST): beside the code
  // that runs, else below the prefix it was configured for; empty: nowhere.
  static std::string installed_folder();
  // True for the closed list of names: what socket.io 4.8 serves.
  static bool has(std::string_view name);

  // An empty folder: installed_folder().
  explicit ClientBundle(std::string folder);

  // What has been made before, or null.
  std::shared_ptr<const ClientFile> find(std::string_view name, http::Coding coding) const;
  // Reads and compresses it when it is new: for the worker. Null: the file is not there.
  std::shared_ptr<const ClientFile> make(std::string_view name, http::Coding coding);

 private:
  using Key = std::pair<std::string, http::Coding>;
  std::string folder_;
  mutable std::mutex mutex_;
  std::map<Key, std::shared_ptr<const ClientFile>> files_;
};

// One request for one file: answered at once when the file has been made before, else by the worker
// (as a FileJob is).
class ClientJob final : public DiskJob {
 public:
  ClientJob(std::shared_ptr<ClientBundle> bundle, std::string_view name,
            const http::Request& request);
  // False: read() has to make it.
  bool known();
  void read() override;

 private:
  void answer(const ClientFile& file);
  std::shared_ptr<ClientBundle> bundle_;
  std::string name_;
  http::Coding coding_;
  std::string if_none_match_;
};

}  // namespace socketio::server
