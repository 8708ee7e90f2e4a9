// A request's head beyond its request: copied, to be read for as long as a job needs it, or packed,
// to be kept for as long as a session lives.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http/message.hpp"

namespace socketio::http {

// Its parts are views, found when asked for. Empty text: everything is empty.
class HeadCopy {
 public:
  HeadCopy() = default;
  explicit HeadCopy(std::string text) : text_(std::move(text)) {}
  HeadCopy(const HeadCopy&) = delete;
  HeadCopy& operator=(const HeadCopy&) = delete;
  base::Bytes text() const { return text_; }
  base::Bytes method() const;
  base::Bytes target() const;
  base::Bytes path() const;
  base::Bytes query() const;
  std::vector<Header> headers() const;
  std::optional<base::Bytes> header(base::Bytes name) const;

 private:
  std::string text_;
};

// One heap block, in which what nearly every head says takes a byte: of 180 bytes 50 are left, of a
// browser's 600 about 300. Beside the head it keeps a short note (at most 255 bytes).
class StoredHead {
 public:
  StoredHead() = default;
  explicit StoredHead(const Request& request, base::Bytes note = {});
  explicit operator bool() const { return block_ != nullptr; }
  StoredHead copy() const;
  HeadCopy open() const;
  base::Bytes note() const;
  std::size_t bytes() const;  // of the block

 private:
  std::unique_ptr<char[]> block_;
};

}  // namespace socketio::http
