// Serving files, the pure half: which file a path means, its content type, validators and ranges
// (RFC 9110 §8.8, §13, §14). The driver reads the disk (on the offload worker) and asks these
// functions what to answer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "http/message.hpp"

namespace socketio::http {

// By the file name's ending; "application/octet-stream" when unknown. Text types carry ";
// charset=utf-8".
base::Bytes content_type(base::Bytes file_name);

// The path below the root for a request path ("/" and "/dir/" mean index.html), or nullopt:
// traversal, dot files, NUL, backslash, a path that is not below `prefix`. Never touches the disk;
// symbolic links are the driver's business (it opens beneath the root).
std::optional<std::string> file_for(base::Bytes request_path, base::Bytes prefix);

struct FileFacts {
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;  // since the epoch
};
std::string etag(const FileFacts& facts);  // weak: W/"<size hex>-<mtime hex>"
std::string http_date(std::int64_t seconds);

struct FilePlan {
  int status = 200;  // 200, 206, 304, 405, 412, 416
  std::uint64_t first = 0;
  std::uint64_t length = 0;  // of the body
  Response head;             // status and headers without body
};
// GET and HEAD only (else 405 with Allow); If-Match or If-Unmodified-Since, then If-None-Match or
// If-Modified-Since; one range is honoured, several give the whole file.
FilePlan plan_file(const Request& request, base::Bytes file_name, const FileFacts& facts);

}  // namespace socketio::http
