// JSON in: one full parse, after which nothing malformed can come to light. Short plain texts, as
// most events are, are read by JsonScan where they lie; all others by simdjson into a reused tape
// (depth <= 512). What JS accepts and simdjson refuses (integers of 2^64 and more, lone surrogates)
// is normalised once and parsed again.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/bytes.hpp"
#include "value/document.hpp"

namespace socketio::value {

// Arrays and objects inside each other; an empty innermost one does not count. What reads values
// recurses, so this bounds its stack.
inline constexpr std::size_t kMaxDepth = 512;
// The buffers take about 14 bytes per byte of text. Those of a longer text are given back when the
// next one is shorter than this.
inline constexpr std::size_t kKeptCapacity = std::size_t{64} * 1024;

class JsonDocument final : public Document {
 public:
  // tape_only: without JsonScan, to compare the two.
  enum class Reader : std::uint8_t { usual, tape_only };
  // `max_depth`: from kMaxScanDepth to kMaxDepth.
  explicit JsonDocument(Reader reader = Reader::usual, std::size_t max_depth = kMaxDepth);
  ~JsonDocument() override;
  JsonDocument(const JsonDocument&) = delete;
  JsonDocument& operator=(const JsonDocument&) = delete;

  // `text` is followed by base::kPadding readable bytes and must outlive the document's use. False:
  // not one valid JSON value.
  bool parse(base::Bytes text);
  // parse(), first_string() and rest_of_array() of what most packets are: an array that begins with
  // a string. False: it is none, or nothing valid.
  bool parse_event(base::Bytes text, base::Bytes& name, base::Bytes& rest);
  // As parse(), for text without padding (copies it).
  bool parse_copy(base::Bytes text);
  Element root() const;

  // The attachments placeholders refer to; without them {"_placeholder":…} is an ordinary object.
  // Checks every placeholder in one pass: false when a "num" is missing, not an integer, or out of
  // range. The views must outlive the use.
  bool bind_attachments(std::span<const base::Bytes> attachments);

  // The first element of the root array, when it is a string. (What at(0) tells in a few calls:
  // this is asked of every event.)
  bool first_string(std::string_view& out) const;

  // The text between the brackets of the root array behind its first element ("" when there is
  // none, or the root is no array): what an echo passes on unparsed.
  base::Bytes rest_of_array() const;

  // Forgets the document and gives the buffers back.
  void release();

  // Bytes of text the buffers are made for.
  std::size_t capacity() const;

  Kind kind(std::size_t at) const override;
  bool as_bool(std::size_t at, bool& out) const override;
  bool as_integer(std::size_t at, std::int64_t& out) const override;
  bool as_unsigned(std::size_t at, std::uint64_t& out) const override;
  bool as_number(std::size_t at, double& out) const override;
  bool as_string(std::size_t at, std::string_view& out) const override;
  bool as_binary(std::size_t at, std::string_view& out) const override;
  bool as_raw(std::size_t at, std::string& out) const override;
  bool as_raw_view(std::size_t at, std::string_view& out) const override;
  std::size_t size(std::size_t at) const override;
  Element::Cursor children(std::size_t at) const override;
  bool advance(Element::Cursor& cursor) const override;

 private:
  bool read(base::Bytes text);
  bool read_tape(base::Bytes text);
  struct Tape;
  std::unique_ptr<Tape> tape_;
};

// True when `text` is valid UTF-8 (simdjson).
bool valid_utf8(base::Bytes text);

}  // namespace socketio::value
