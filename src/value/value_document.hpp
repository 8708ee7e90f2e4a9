// Values shown as a received packet: what a user's parser made of one. An element is addressed by
// its Value.
#pragma once

#include "value/foreign_document.hpp"

namespace socketio::value {

class ValueDocument final : public ForeignDocument {
 public:
  // `root` must outlive the document's use and stay where it is.
  void show(const Value& root);
  Element root() const;

  Kind kind(std::size_t at) const override;
  bool as_bool(std::size_t at, bool& out) const override;
  bool as_integer(std::size_t at, std::int64_t& out) const override;
  bool as_unsigned(std::size_t at, std::uint64_t& out) const override;
  bool as_number(std::size_t at, double& out) const override;
  bool as_string(std::size_t at, std::string_view& out) const override;
  bool as_binary(std::size_t at, std::string_view& out) const override;
  std::size_t size(std::size_t at) const override;
  Element::Cursor children(std::size_t at) const override;
  bool advance(Element::Cursor& cursor) const override;

 private:
  const Value* root_ = nullptr;
};

}  // namespace socketio::value
