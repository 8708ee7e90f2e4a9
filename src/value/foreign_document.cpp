#include "value/foreign_document.hpp"

#include <vector>

#include "value/json_write.hpp"

namespace socketio::value {

std::pair<std::string*, bool> ForeignDocument::text(std::size_t at, Text what) const {
  const auto [found, inserted] = texts_.try_emplace({at, what});
  return {&found->second, inserted};
}

bool ForeignDocument::as_raw(std::size_t at, std::string& out) const {
  base::TextBuffer json;
  std::vector<base::Bytes> attachments;
  JsonWriter writer(json, attachments);
  copy(Element(this, at), writer);
  if (!attachments.empty()) return false;
  out = json.view();
  return true;
}

bool ForeignDocument::as_raw_view(std::size_t at, std::string_view& out) const {
  const auto [json, made] = text(at, Text::json);
  if (made) as_raw(at, *json);
  if (json->empty()) return false;  // JSON never is: there was binary
  out = *json;
  return true;
}

bool ForeignDocument::raw_rest(std::size_t at, std::string_view& out) const {
  const auto [rest, made] = text(at, Text::rest);
  if (made && kind(at) == Kind::array) {
    base::TextBuffer json;
    std::vector<base::Bytes> attachments;
    JsonWriter writer(json, attachments);
    Element::Cursor item = children(at);
    for (bool behind = false; advance(item); behind = true) {
      if (behind) copy(item.value(), writer);
    }
    if (attachments.empty()) *rest = json.view();
  }
  out = *rest;
  return true;
}

}  // namespace socketio::value
