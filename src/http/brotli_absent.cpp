// Stands in for brotli.cpp in builds without libbrotlienc: nothing is offered in that coding.
#include "http/compressor.hpp"

namespace socketio::http {

bool has_brotli() {
  return false;
}

std::string brotli(base::Bytes) {
  return {};
}

}  // namespace socketio::http
