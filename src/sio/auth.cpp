#include "sio/auth.hpp"

#include <vector>

#include "base/text_buffer.hpp"
#include "value/json_write.hpp"
#include "value/msgpack_read.hpp"
#include "value/msgpack_write.hpp"

namespace socketio::sio {

Auth::Text Auth::read(const Element& from) {
  Text text;
  if (from.as_raw(text.bytes)) return text;
  const Value value = Value::read(from);
  base::TextBuffer out;
  std::vector<base::Bytes> binaries;
  value::JsonWriter json(out, binaries);
  value.write(json);
  if (!binaries.empty()) {
    text.packed = true;
    out.clear(0);
    value::MsgpackWriter writer(out);
    value.write(writer);
    writer.finish();
  }
  text.bytes = out.view();
  return text;
}

Value Auth::value() const {
  if (!packed_) return Value::parse(bytes_).value_or(Value(Object()));
  value::MsgpackDocument document;
  if (!document.parse(bytes_, bytes_.size()).empty()) return Object();
  return Value::read(document.root());
}

}  // namespace socketio::sio
