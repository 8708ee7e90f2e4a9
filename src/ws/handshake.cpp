#include "ws/handshake.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "base/base64.hpp"
#include "ws/sha1.hpp"
#include "ws/token.hpp"

namespace socketio::ws {
namespace {

using base::Bytes;

constexpr Bytes kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 §1.3
constexpr std::size_t kKeySize = 24;

constexpr std::array<bool, 256> kKeyAlphabet = [] {
  std::array<bool, 256> letters{};
  for (const char c : Bytes("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))
    letters[static_cast<unsigned char>(c)] = true;
  return letters;
}();

bool equals_ignoring_case(Bytes a, Bytes b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [lower](char x, char y) { return lower(x) == lower(y); });
}

bool is_token(Bytes text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

Bytes trim(Bytes text) {
  const std::size_t from = text.find_first_not_of(" \t");
  if (from == Bytes::npos) return {};
  return text.substr(from, text.find_last_not_of(" \t") - from + 1);
}

// 16 bytes in base64 (RFC 6455 §4.1): the form is checked as `ws` does, not the value.
bool is_key(Bytes key) {
  if (key.size() != kKeySize || !key.ends_with("==")) return false;
  key.remove_suffix(2);
  return std::all_of(key.begin(), key.end(),
                     [](char c) { return kKeyAlphabet[static_cast<unsigned char>(c)]; });
}

// A list of distinct tokens (§4.1 point 10). Sorted instead of compared pairwise: a head holds
// thousands of names.
bool is_protocol_list(Bytes list) {
  std::vector<Bytes> names;
  for (std::size_t from = 0; from <= list.size();) {
    const std::size_t end = std::min(list.find(',', from), list.size());
    const Bytes name = trim(list.substr(from, end - from));
    if (!is_token(name)) return false;
    names.push_back(name);
    from = end + 1;
  }
  std::sort(names.begin(), names.end());
  return std::adjacent_find(names.begin(), names.end()) == names.end();
}

bool in_list(Bytes list, Bytes name) {
  for (std::size_t from = 0; from <= list.size();) {
    const std::size_t end = std::min(list.find(',', from), list.size());
    if (trim(list.substr(from, end - from)) == name) return true;
    from = end + 1;
  }
  return false;
}

}  // namespace

std::optional<Refusal> check_upgrade(const UpgradeRequest& request) {
  if (request.method != "GET") return Refusal{405, "Invalid HTTP method"};
  if (!request.http_1_1) return Refusal{400, "Invalid HTTP version"};  // §4.1 point 2
  if (!equals_ignoring_case(request.upgrade, "websocket"))
    return Refusal{400, "Invalid Upgrade header"};
  if (request.key_count != 1 || !is_key(request.key))
    return Refusal{400, "Missing or invalid Sec-WebSocket-Key header"};
  if (request.version != "13" && request.version != "8")
    return Refusal{400, "Missing or invalid Sec-WebSocket-Version header", true};
  if (!request.protocols.empty() && !is_protocol_list(request.protocols))
    return Refusal{400, "Invalid Sec-WebSocket-Protocol header"};
  // `extensions` is not looked at here: a server that has permessage-deflate on asks
  // answer_deflate(); for others, what is not negotiated need not be understood (§9.1).
  return std::nullopt;
}

Bytes first_protocol(Bytes protocols) {
  return trim(protocols.substr(0, protocols.find(',')));
}

std::string accept_key(Bytes key) {
  std::string text(key);
  text += kGuid;
  const std::array<char, 20> digest = sha1(text);
  return base::base64_encode(Bytes(digest.data(), digest.size()));
}

std::string make_key(base::Random& random) {
  std::array<char, 16> nonce;
  random.fill(nonce);
  return base::base64_encode(Bytes(nonce.data(), nonce.size()));
}

std::optional<Bytes> check_response(const UpgradeResponse& response, Bytes key, Bytes offered,
                                    bool extension_offered) {
  if (response.status != 101) return "Unexpected server response";
  if (!equals_ignoring_case(response.upgrade, "websocket")) return "Invalid Upgrade header";
  if (response.accept != accept_key(key)) return "Invalid Sec-WebSocket-Accept header";
  if (!response.protocol.empty()) {
    if (offered.empty()) return "Server sent a subprotocol but none was requested";
    if (!in_list(offered, response.protocol)) return "Server sent an invalid subprotocol";
  } else if (!offered.empty()) {
    return "Server sent no subprotocol";
  }
  if (!response.extensions.empty() && !extension_offered)
    return "Server sent a Sec-WebSocket-Extensions header but no extension was requested";
  return std::nullopt;
}

}  // namespace socketio::ws
