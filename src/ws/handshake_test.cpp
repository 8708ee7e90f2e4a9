#include "ws/handshake.hpp"

#include <functional>

#include <gtest/gtest.h>

#include "base/base64.hpp"
#include "ws/testing.hpp"

namespace socketio::ws::testing {
namespace {

constexpr base::Bytes kKey = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr base::Bytes kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

UpgradeRequest good_request() {
  return {.method = "GET",
          .upgrade = "websocket",
          .key = kKey,
          .key_count = 1,
          .version = "13",
          .protocols = {},
          .extensions = {}};
}

TEST(Handshake, AcceptKeyOfTheRfc) {
  EXPECT_EQ(accept_key(kKey), kAccept);
}

struct Row {
  std::string name;
  std::function<void(UpgradeRequest&)> change;
  int status = 0;  // 0: accepted
  std::string message = {};
};

const std::string kBadKey = "Missing or invalid Sec-WebSocket-Key header";
const std::string kBadVersion = "Missing or invalid Sec-WebSocket-Version header";
const std::string kBadProtocol = "Invalid Sec-WebSocket-Protocol header";

std::vector<Row> rows() {
  static const std::string spaces = "b" + std::string(12'000, ' ') + "x";
  static const std::string offers = [] {
    std::string all;
    for (int i = 0; i < 6000; ++i) all += "a;";
    return all;
  }();
  using R = UpgradeRequest;
  return {
      {"plain", [](R&) {}},
      {"W01", [](R& r) { r.key = {}, r.key_count = 0; }, 400, kBadKey},
      {"W02", [](R& r) { r.key = "short"; }, 400, kBadKey},
      {"W03", [](R& r) { r.key = "!!!!!!!!!!!!!!!!!!!!!!!!"; }, 400, kBadKey},
      {"W04", [](R& r) { r.key_count = 2; }, 400, kBadKey},
      {"key with one =", [](R& r) { r.key = "dGhlIHNhbXBsZSBub25jZQA="; }, 400, kBadKey},
      {"key with three =", [](R& r) { r.key = "dGhlIHNhbXBsZSBub25jZ==="; }, 400, kBadKey},
      {"key of 25", [](R& r) { r.key = "AdGhlIHNhbXBsZSBub25jZQ=="; }, 400, kBadKey},
      {"key in URL-safe base64", [](R& r) { r.key = "dGhlIHNhbXBsZSBub25j_w=="; }, 400, kBadKey},
      {"W05", [](R& r) { r.version = {}; }, 400, kBadVersion},
      {"W06", [](R& r) { r.version = "12"; }, 400, kBadVersion},
      {"W07", [](R& r) { r.version = "13, 8"; }, 400, kBadVersion},
      {"version 8", [](R& r) { r.version = "8"; }},
      {"W08", [](R& r) { r.upgrade = "WebSocket"; }},
      {"W09", [](R& r) { r.upgrade = "h2c"; }, 400, "Invalid Upgrade header"},
      {"W10", [](R& r) { r.upgrade = "websocket, foo"; }, 400, "Invalid Upgrade header"},
      {"no Upgrade", [](R& r) { r.upgrade = {}; }, 400, "Invalid Upgrade header"},
      {"W13", [](R& r) { r.method = "POST"; }, 405, "Invalid HTTP method"},
      {"W14", [](R& r) { r.http_1_1 = false; }, 400, "Invalid HTTP version"},
      {"one protocol", [](R& r) { r.protocols = "chat"; }},
      {"two protocols", [](R& r) { r.protocols = "chat ,\tsuperchat"; }},
      {"W15", [](R& r) { r.protocols = "a, a"; }, 400, kBadProtocol},
      {"W15 apart", [](R& r) { r.protocols = "a, b, a"; }, 400, kBadProtocol},
      {"W16", [](R& r) { r.protocols = spaces; }, 400, kBadProtocol},
      {"empty protocol", [](R& r) { r.protocols = "a,,b"; }, 400, kBadProtocol},
      {"trailing comma", [](R& r) { r.protocols = "a,"; }, 400, kBadProtocol},
      {"only a comma", [](R& r) { r.protocols = ","; }, 400, kBadProtocol},
      {"protocol with a quote", [](R& r) { r.protocols = "\"a\""; }, 400, kBadProtocol},
      {"W18", [](R& r) { r.extensions = "permessage-deflate; server_max_window_bits=7"; }},
      {"W19", [](R& r) { r.extensions = "permessage-deflate; foo=1"; }},
      {"W20", [](R& r) { r.extensions = "constructor"; }},
      {"W21", [](R& r) { r.extensions = offers; }},
      {"W34", [](R& r) { r.extensions = "a;b=\"\\c\\c\\c"; }},
  };
}

TEST(Handshake, EveryRow) {
  for (const Row& row : rows()) {
    SCOPED_TRACE(row.name);
    UpgradeRequest request = good_request();
    row.change(request);
    const std::optional<Refusal> refusal = check_upgrade(request);
    ASSERT_EQ(refusal.has_value(), row.status != 0);
    if (!refusal) continue;
    EXPECT_EQ(refusal->status, row.status);
    EXPECT_EQ(refusal->message, row.message);
    EXPECT_EQ(refusal->send_version, row.message == kBadVersion);
  }
}

TEST(Handshake, FirstProtocolIsTheOneToEcho) {
  EXPECT_EQ(first_protocol(""), "");
  EXPECT_EQ(first_protocol("chat"), "chat");
  EXPECT_EQ(first_protocol(" chat\t, superchat"), "chat");
}

TEST(Handshake, ClientKeysAreFreshAndAcceptable) {
  SeededRandom random(5);
  const std::string one = make_key(random);
  const std::string two = make_key(random);
  EXPECT_NE(one, two);
  for (const std::string& key : {one, two}) {
    UpgradeRequest request = good_request();
    request.key = key;
    EXPECT_FALSE(check_upgrade(request));
    std::string nonce(32, '\0');
    EXPECT_EQ(base::base64_decode(key, nonce.data()), 16);
  }
}

struct ResponseRow {
  std::string name;
  std::function<void(UpgradeResponse&)> change;
  base::Bytes offered = {};
  std::string why = {};
};

TEST(Handshake, ClientChecksTheResponse) {
  using R = UpgradeResponse;
  const std::vector<ResponseRow> table = {
      {"plain", [](R&) {}},
      {"case", [](R& r) { r.upgrade = "WebSocket"; }},
      {"200", [](R& r) { r.status = 200; }, "", "Unexpected server response"},
      {"upgrade", [](R& r) { r.upgrade = "h2c"; }, "", "Invalid Upgrade header"},
      {"accept", [](R& r) { r.accept = kKey; }, "", "Invalid Sec-WebSocket-Accept header"},
      {"no accept", [](R& r) { r.accept = {}; }, "", "Invalid Sec-WebSocket-Accept header"},
      {"protocol", [](R& r) { r.protocol = "b"; }, "a, b"},
      {"not asked for", [](R& r) { r.protocol = "b"; }, "",
       "Server sent a subprotocol but none was requested"},
      {"another", [](R& r) { r.protocol = "c"; }, "a, b", "Server sent an invalid subprotocol"},
      {"none", [](R&) {}, "a, b", "Server sent no subprotocol"},
      {"extension", [](R& r) { r.extensions = "permessage-deflate"; }, "",
       "Server sent a Sec-WebSocket-Extensions header but no extension was requested"},
  };
  for (const ResponseRow& row : table) {
    SCOPED_TRACE(row.name);
    UpgradeResponse response{101, "websocket", kAccept, {}, {}};
    row.change(response);
    EXPECT_EQ(check_response(response, kKey, row.offered).value_or(""), row.why);
  }
}

}  // namespace
}  // namespace socketio::ws::testing
