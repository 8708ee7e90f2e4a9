// Arguments that outlive the packet they came in: kept as values, and readable again like a packet.
// For middlewares that change packets and for answers that cross threads.
#pragma once

#include <utility>

#include <socketio/value.hpp>

#include "value/value_document.hpp"

namespace socketio::server {

class OwnedArgs {
 public:
  explicit OwnedArgs(Args values) : values_(std::move(values)) { document_.show(values_); }
  OwnedArgs(const OwnedArgs&) = delete;  // the document points at the values
  OwnedArgs& operator=(const OwnedArgs&) = delete;

  // The whole array; valid while this object lives.
  Element root() const { return document_.root(); }

 private:
  Value values_;
  value::ValueDocument document_;
};

}  // namespace socketio::server
