// A chunked body (RFC 9112 §7.1), decoded by llhttp under our own caps: digits of a chunk size,
// bytes of chunk extensions per body, bytes and lines of trailers. Each byte outside chunk data is
// looked at by our rules before llhttp gets it, so the answer does not depend on how the input was
// split.
//
//   [size ;extensions CRLF] [data CRLF] ... [0 CRLF] [trailers CRLF]
//    Phase::line             Phase::data    line      Phase::trailers
#pragma once

#include <array>

#include "http/head_scan.hpp"
#include "http/request_parser.hpp"

namespace socketio::http {

inline constexpr std::size_t kMaxChunkSizeDigits = 16;  // leading zeros included: 400

class ChunkedBody {
 public:
  // `parser` has just read the head; `max_trailers` (bytes) is what the head left of max_head,
  // `max_lines` of trailers, `max_extensions` for the whole body.
  ChunkedBody(const RequestParser& parser, std::size_t max_trailers, std::size_t max_lines,
              std::size_t max_extensions)
      : parser_(parser),
        extensions_left_(max_extensions),
        trailers_left_(max_trailers),
        lines_left_(max_lines) {}

  struct Step {
    std::size_t consumed = 0;
    base::Bytes data{};           // to be appended to the body
    std::uint64_t announced = 0;  // size of the chunk whose header was just read
    bool done = false;
    HeadVerdict verdict{};
  };
  // Decodes up to the next boundary. Consumes something unless it failed or `in` is empty.
  Step step(base::Bytes in);

 private:
  enum class Phase : std::uint8_t { line, data, trailers };
  std::size_t check_line(base::Bytes in, HeadVerdict& verdict);
  std::size_t check_trailers(base::Bytes in, HeadVerdict& verdict);
  bool good_in_trailer(char c);

  RequestParser parser_;
  std::size_t extensions_left_;
  std::size_t trailers_left_;
  std::size_t lines_left_;
  std::uint8_t digits_ = 0;
  Phase phase_ = Phase::line;
  bool in_extension_ = false;
  bool after_cr_ = false;
  bool line_start_ = true;      // trailers: at the first byte of a line
  std::uint8_t name_size_ = 0;  // trailers: of this line's name so far, lower case
  bool in_name_ = true;
  std::array<char, 18> name_{};  // longer than any name that matters
};

}  // namespace socketio::http
