// A received packet that is not JSON text (MessagePack, or the Values a user's parser made). Who
// asks for JSON (Raw, RawView, EventView::raw) gets it written on demand: nobody else pays for it.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "value/document.hpp"

namespace socketio::value {

class ForeignDocument : public Document {
 public:
  bool as_raw(std::size_t at, std::string& out) const final;
  bool as_raw_view(std::size_t at, std::string_view& out) const final;
  bool raw_rest(std::size_t at, std::string_view& out) const final;

 protected:
  // Texts that views were given of. They live until this is called.
  void forget_texts() { texts_.clear(); }
  enum class Text : std::uint8_t { json, rest, date };
  // The text made before for the same element, or a new empty one.
  std::pair<std::string*, bool> text(std::size_t at, Text what) const;

 private:
  mutable std::map<std::pair<std::size_t, Text>, std::string> texts_;
};

}  // namespace socketio::value
