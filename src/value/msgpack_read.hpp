// MessagePack in: one pass checks a whole message and notes where its arrays and maps end; after
// that nothing malformed can come to light, and values are read where they lie. Nothing is
// allocated by an announced length: an array has at most as many items as there are bytes left.
//
// What is read, from all three dialects of JS (notepack.io 2 and 3, @msgpack/msgpack):
//   int, uint      integers, exactly         nil, d4 00 xx   null (undefined of notepack 2)
//   float 32, 64   numbers                   str             strings, valid UTF-8 or refused
//   bin, ext 0     binary                    d7 00, ext -1   dates: the string JSON would have
//   other ext      binary: its bytes alone   map             objects; keys must be strings
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.hpp"
#include "value/foreign_document.hpp"

namespace socketio::value {

class MsgpackDocument final : public ForeignDocument {
 public:
  // Exactly one value, which must outlive the document's use. Otherwise the error's text: "Could
  // not parse" or "trailing bytes". `depth`: arrays and objects inside each other; an empty
  // innermost one does not count.
  base::Bytes parse(base::Bytes bytes, std::size_t depth);
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
  // An array or map that is not empty, in the order they begin.
  struct Container {
    std::uint32_t end = 0;   // the byte behind its last item
    std::uint32_t next = 0;  // the first container that begins there or later
  };
  // While parsing: a container whose items are not all read. A map's keys are items too.
  struct Unfinished {
    std::uint32_t container = 0;
    std::uint32_t left = 0;
    bool object = false;
  };
  bool read(std::size_t depth, std::size_t& position);
  std::size_t after(std::size_t at) const;

  base::Bytes bytes_;
  std::vector<Container> containers_;
  std::vector<Unfinished> unfinished_;
  bool ok_ = false;
};

}  // namespace socketio::value
