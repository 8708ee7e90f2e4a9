#include "sio/old_clients.hpp"

#include <algorithm>

#include "eio/dialect.hpp"

namespace socketio::sio {

ConnectV3 split_connect_v3(base::Bytes nsp) {
  const std::size_t at = std::min(nsp.find('?'), nsp.size());
  return {nsp.substr(0, at), nsp.substr(std::min(at + 1, nsp.size()))};
}

std::string ConnectV3::auth() const {
  if (query.empty()) return {};
  base::TextBuffer text;
  std::vector<base::Bytes> none;
  value::JsonWriter writer(text, none);
  writer.begin_object();
  // A key may come twice: whoever reads an object takes the last value.
  for (const auto& [key, value] : eio::read_query(query)) {
    writer.key(key);
    writer.string(value);
  }
  writer.end_object();
  return std::string(text.view());
}

std::string public_id_v3(base::Bytes sid, base::Bytes nsp) {
  std::string id;
  if (nsp != "/") {
    id += nsp;
    id += '#';
  }
  id += sid;
  return id;
}

void write_error_v3(Writer& writer, base::Bytes message, base::Bytes data) {
  const bool nothing =
      data.empty() || data == "null" || data == "false" || data == "0" || data == "\"\"";
  nothing ? writer.string(message) : writer.raw(data);
}

}  // namespace socketio::sio
