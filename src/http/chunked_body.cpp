#include "http/chunked_body.hpp"

#include "http/chars.hpp"

namespace socketio::http {

using base::Bytes;

// Up to and including the LF, or up to the byte that breaks a rule.
std::size_t ChunkedBody::check_line(Bytes in, HeadVerdict& verdict) {
  for (std::size_t i = 0; i < in.size(); ++i) {
    const char c = in[i];
    if (c == '\n') {
      digits_ = 0;
      in_extension_ = false;
      return i + 1;
    }
    if (c == '\r') continue;
    if (c == ';') in_extension_ = true;
    if (in_extension_) {
      if (extensions_left_ == 0) {
        verdict = {400, "chunk extensions too large"};
        return i;
      }
      --extensions_left_;
    } else if (++digits_ > kMaxChunkSizeDigits) {
      verdict = {400, "chunk size too long"};
      return i;
    }
  }
  return in.size();
}

// llhttp alone would let pass folded lines and fields that mean something before the body only
// (RFC 9110 §6.5.1): whoever merges them into the head would frame the message anew.
bool ChunkedBody::good_in_trailer(char c) {
  if (after_cr_) return c == '\n';
  if (line_start_ && (c == ' ' || c == '\t')) return false;
  if (in_name_ && c == ':') {
    in_name_ = false;
    const Bytes name(name_.data(), name_size_);
    return name != "content-length" && name != "transfer-encoding" && name != "host";
  }
  if (in_name_ && name_size_ < name_.size()) name_[name_size_++] = lower(c);
  return !is_control(c) || c == '\r' || c == '\t';
}

// Up to and including the empty line, or up to the byte that breaks a rule.
std::size_t ChunkedBody::check_trailers(Bytes in, HeadVerdict& verdict) {
  for (std::size_t i = 0; i < in.size(); ++i) {
    const char c = in[i];
    const bool begins = line_start_ && !after_cr_ && c != '\r';
    if (trailers_left_ == 0 || (begins && lines_left_ == 0)) {
      verdict = {431, begins && lines_left_ == 0 ? "too many trailers" : "trailers too large"};
      return i;
    }
    --trailers_left_;
    if (begins) --lines_left_;
    if (!good_in_trailer(c)) {
      verdict = {400, "malformed trailer"};
      return i;
    }
    if (after_cr_) {
      after_cr_ = false;
      if (line_start_) return i + 1;
      line_start_ = in_name_ = true;
      name_size_ = 0;
    } else if (c == '\r') {
      after_cr_ = true;
    } else {
      line_start_ = false;
    }
  }
  return in.size();
}

ChunkedBody::Step ChunkedBody::step(Bytes in) {
  Step step;
  HeadVerdict ours;
  std::size_t window = in.size();
  if (phase_ == Phase::line) window = check_line(in, ours);
  if (phase_ == Phase::trailers) window = check_trailers(in, ours);
  const RequestParser::Step theirs = parser_.execute(in.substr(0, window));
  step.consumed = theirs.consumed;
  step.data = theirs.body;
  using Stop = RequestParser::Stop;
  switch (theirs.stop) {
    case Stop::input_end:
      step.verdict = ours;
      return step;
    case Stop::chunk_header:
      step.announced = theirs.chunk_size;
      phase_ = theirs.chunk_size == 0 ? Phase::trailers : Phase::data;
      return step;
    case Stop::chunk_end:
      phase_ = Phase::line;
      return step;
    case Stop::message_end:
      step.done = true;
      return step;
    case Stop::head_end:
    case Stop::refused:
      break;
  }
  step.verdict = {400, "malformed chunked body"};
  return step;
}

}  // namespace socketio::http
