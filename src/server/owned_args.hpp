// Arguments that outlive the packet they came in: kept as values, and readable again like a packet.
// The slow way, for middlewares that change packets and for answers that cross threads.
#pragma once

#include <vector>

#include <socketio/value.hpp>

#include "base/text_buffer.hpp"
#include "value/json_read.hpp"

namespace socketio::server {

class OwnedArgs {
 public:
  explicit OwnedArgs(Args values);

  // The whole array; valid while this object lives.
  Element root() const { return document_.root(); }
  // As EventView::raw(): what stands behind the first element; empty with binary.
  std::string_view rest() const;

 private:
  Args values_;  // attachments are views into them
  base::TextBuffer text_;
  std::vector<base::Bytes> attachments_;
  value::JsonDocument document_;
};

}  // namespace socketio::server
