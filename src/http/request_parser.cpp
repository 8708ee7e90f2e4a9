#include "http/request_parser.hpp"

#include <new>

#include <llhttp.h>

namespace socketio::http {
namespace {

static_assert(LLHTTP_STRICT_MODE == 1, "loose llhttp accepts smuggled requests");

using Stop = RequestParser::Stop;

RequestParser::Step& step_of(llhttp_t* parser) {
  return *static_cast<RequestParser::Step*>(parser->data);
}

template <Stop stop>
int stop_at(llhttp_t* parser) {
  step_of(parser).stop = stop;
  return HPE_PAUSED;
}

int on_chunk_header(llhttp_t* parser) {
  step_of(parser).chunk_size = parser->content_length;
  return stop_at<Stop::chunk_header>(parser);
}

int on_chunk_complete(llhttp_t* parser) {
  // After the trailers the message is complete without another byte: no stop in between.
  if ((parser->flags & F_TRAILING) != 0) return 0;
  return stop_at<Stop::chunk_end>(parser);
}

int on_body(llhttp_t* parser, const char* at, std::size_t size) {
  step_of(parser).body = {at, size};
  return 0;
}

constexpr llhttp_settings_t kSettings = [] {
  llhttp_settings_t settings{};
  settings.on_headers_complete = stop_at<Stop::head_end>;
  settings.on_chunk_header = on_chunk_header;
  settings.on_chunk_complete = on_chunk_complete;
  settings.on_message_complete = stop_at<Stop::message_end>;
  settings.on_body = on_body;
  return settings;
}();

}  // namespace

RequestParser::RequestParser() {
  static_assert(sizeof(llhttp_t) <= sizeof(llhttp_));
  static_assert(std::is_trivially_copyable_v<llhttp_t>);
  llhttp_init(new (llhttp_) llhttp_t, HTTP_REQUEST, &kSettings);
}

RequestParser::Step RequestParser::execute(base::Bytes in) {
  auto* parser = std::launder(reinterpret_cast<llhttp_t*>(llhttp_));
  Step step;
  parser->data = &step;
  const llhttp_errno_t error = llhttp_execute(parser, in.data(), in.size());
  parser->data = nullptr;
  if (error == HPE_OK) {
    step.consumed = in.size();
    return step;
  }
  step.consumed = static_cast<std::size_t>(llhttp_get_error_pos(parser) - in.data());
  if (error == HPE_PAUSED) {
    llhttp_resume(parser);
    return step;
  }
  step.stop = Stop::refused;
  step.unknown_method = error == HPE_INVALID_METHOD;
  step.detail = llhttp_get_error_reason(parser);
  return step;
}

}  // namespace socketio::http
