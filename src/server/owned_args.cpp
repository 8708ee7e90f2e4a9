#include "server/owned_args.hpp"

#include "base/check.hpp"
#include "value/json_write.hpp"

namespace socketio::server {

OwnedArgs::OwnedArgs(Args values) : values_(std::move(values)) {
  value::JsonWriter writer(text_, attachments_);
  writer.begin_array();
  for (const Value& value : values_) value.write(writer);
  writer.end_array();
  SIO_CHECK(document_.parse_copy(text_.view()));
  if (!attachments_.empty()) SIO_CHECK(document_.bind_attachments(attachments_));
}

std::string_view OwnedArgs::rest() const {
  return attachments_.empty() ? document_.rest_of_array() : std::string_view();
}

}  // namespace socketio::server
