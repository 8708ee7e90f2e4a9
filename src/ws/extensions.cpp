#include "ws/extensions.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "ws/token.hpp"

namespace socketio::ws {
namespace {

using base::Bytes;

constexpr Bytes kName = "permessage-deflate";

// One "name; parameter; parameter=value" of the list.
struct Offer {
  bool server_no_context_takeover = false;
  bool client_no_context_takeover = false;
  bool has_client_max_window_bits = false;
  std::optional<int> server_max_window_bits{};
  std::optional<int> client_max_window_bits{};
};

// Reads the header from left to right; every function leaves at_ behind what it has read.
class Reader {
 public:
  explicit Reader(Bytes text) : text_(text) {}

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  bool done() const { return at_ == text_.size(); }
  bool take(char c) {
    if (done() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  // Empty: there is none.
  Bytes token() {
    const std::size_t from = at_;
    while (at_ < text_.size() && is_token_char(text_[at_])) ++at_;
    return text_.substr(from, at_ - from);
  }
  // A token, or a quoted string whose content is one.
  std::optional<std::string> value() {
    if (!take('"')) {
      const Bytes plain = token();
      if (plain.empty()) return std::nullopt;
      return std::string(plain);
    }
    std::string out;
    while (!take('"')) {
      take('\\');
      if (done() || !is_token_char(text_[at_])) return std::nullopt;
      out += text_[at_++];
    }
    if (out.empty()) return std::nullopt;
    return out;
  }

 private:
  Bytes text_;
  std::size_t at_ = 0;
};

// 8 to 15, in decimal digits without anything around them.
std::optional<int> window_bits(const std::optional<std::string>& value) {
  if (!value) return std::nullopt;
  int bits = 0;
  const char* const end = value->data() + value->size();
  const auto [stop, error] = std::from_chars(value->data(), end, bits);
  if (error != std::errc{} || stop != end || bits < kMinWindowBits || bits > kMaxWindowBits)
    return std::nullopt;
  return bits;
}

// False: unknown, twice, or with a value it cannot have.
bool set(Offer& offer, Bytes name, const std::optional<std::string>& value) {
  const auto flag = [&value](bool& seen) { return !value && !std::exchange(seen, true); };
  if (name == "server_no_context_takeover") return flag(offer.server_no_context_takeover);
  if (name == "client_no_context_takeover") return flag(offer.client_no_context_takeover);
  if (name == "server_max_window_bits") {
    if (offer.server_max_window_bits) return false;
    offer.server_max_window_bits = window_bits(value);
    return offer.server_max_window_bits.has_value();
  }
  if (name == "client_max_window_bits") {
    if (std::exchange(offer.has_client_max_window_bits, true)) return false;
    offer.client_max_window_bits = window_bits(value);
    return !value || offer.client_max_window_bits.has_value();
  }
  return false;
}

// Calls take(offer) for every well-formed permessage-deflate of the list. False: the list is
// malformed, or one of the offers is.
template <class Take>
bool read_list(Bytes header, Take take) {
  Reader reader(header);
  bool good = true;
  do {
    reader.skip_space();
    const Bytes name = reader.token();
    if (name.empty()) return false;
    Offer offer;
    reader.skip_space();
    while (reader.take(';')) {
      reader.skip_space();
      const Bytes parameter = reader.token();
      if (parameter.empty()) return false;
      std::optional<std::string> value;
      if (reader.take('=')) {
        value = reader.value();
        if (!value) return false;
      }
      if (name == kName && !set(offer, parameter, value)) good = false;
      reader.skip_space();
    }
    if (name == kName) take(offer);
  } while (reader.take(','));
  return good && reader.done();
}

bool acceptable(const Offer& offer, const DeflateOptions& options) {
  if (options.server_max_window_bits && offer.server_max_window_bits &&
      *options.server_max_window_bits > *offer.server_max_window_bits)
    return false;
  if (!options.client_max_window_bits) return true;
  return offer.has_client_max_window_bits &&
         *options.client_max_window_bits <= offer.client_max_window_bits.value_or(kMaxWindowBits);
}

void add(std::string& out, bool wanted, Bytes name, std::optional<int> value = std::nullopt) {
  if (!wanted) return;
  out += "; ";
  out += name;
  if (value) out += '=' + std::to_string(*value);
}

}  // namespace

DeflateAnswer answer_deflate(Bytes header, const DeflateOptions& options, bool thrifty) {
  DeflateAnswer answer;
  if (header.empty()) return answer;
  std::optional<Offer> taken;
  bool offered = false;
  const bool good = read_list(header, [&](const Offer& offer) {
    offered = true;
    if (!taken && acceptable(offer, options)) taken = offer;
  });
  if (!good || (offered && !taken)) {
    answer.kind = DeflateAnswer::Kind::refused;
    return answer;
  }
  if (!offered) return answer;
  answer.kind = DeflateAnswer::Kind::accepted;
  DeflateParams& params = answer.params;
  params.server_no_context_takeover =
      taken->server_no_context_takeover || options.server_no_context_takeover || thrifty;
  params.client_no_context_takeover =
      taken->client_no_context_takeover || options.client_no_context_takeover || thrifty;
  const std::optional<int> server_bits = options.server_max_window_bits
                                             ? options.server_max_window_bits
                                             : taken->server_max_window_bits;
  const std::optional<int> client_bits = options.client_max_window_bits
                                             ? options.client_max_window_bits
                                             : taken->client_max_window_bits;
  params.server_max_window_bits = server_bits.value_or(kMaxWindowBits);
  params.client_max_window_bits = client_bits.value_or(kMaxWindowBits);
  answer.header = kName;
  add(answer.header, params.server_no_context_takeover, "server_no_context_takeover");
  add(answer.header, params.client_no_context_takeover, "client_no_context_takeover");
  add(answer.header, server_bits.has_value(), "server_max_window_bits", server_bits);
  add(answer.header, client_bits.has_value(), "client_max_window_bits", client_bits);
  return answer;
}

std::string offer_deflate(const DeflateOptions& options) {
  std::string out(kName);
  add(out, options.server_no_context_takeover, "server_no_context_takeover");
  add(out, options.client_no_context_takeover, "client_no_context_takeover");
  add(out, options.server_max_window_bits.has_value(), "server_max_window_bits",
      options.server_max_window_bits);
  add(out, true, "client_max_window_bits", options.client_max_window_bits);
  return out;
}

std::optional<DeflateAnswer> check_deflate(Bytes header, const DeflateOptions& options) {
  DeflateAnswer answer;
  if (header.empty()) return answer;
  std::size_t count = 0;
  Offer offer;
  const bool good = read_list(header, [&](const Offer& one) {
    ++count;
    offer = one;
  });
  // Exactly what was offered, and nothing besides.
  const auto extensions = 1 + std::count(header.begin(), header.end(), ',');
  if (!good || count != 1 || extensions != 1) return std::nullopt;
  // RFC 7692 §7.1.1.1, §7.1.2.1: what was asked of the server it has to promise.
  if (options.server_no_context_takeover && !offer.server_no_context_takeover) return std::nullopt;
  if (options.server_max_window_bits &&
      offer.server_max_window_bits.value_or(kMaxWindowBits + 1) > *options.server_max_window_bits)
    return std::nullopt;
  // §7.1.2.2: the server says how large our window may be, never larger than we offered.
  if (offer.has_client_max_window_bits && !offer.client_max_window_bits) return std::nullopt;
  if (offer.client_max_window_bits && options.client_max_window_bits &&
      *offer.client_max_window_bits > *options.client_max_window_bits)
    return std::nullopt;
  answer.kind = DeflateAnswer::Kind::accepted;
  answer.params.server_no_context_takeover = offer.server_no_context_takeover;
  answer.params.client_no_context_takeover =
      offer.client_no_context_takeover || options.client_no_context_takeover;
  answer.params.server_max_window_bits = offer.server_max_window_bits.value_or(kMaxWindowBits);
  answer.params.client_max_window_bits = offer.client_max_window_bits.value_or(
      options.client_max_window_bits.value_or(kMaxWindowBits));
  return answer;
}

}  // namespace socketio::ws
