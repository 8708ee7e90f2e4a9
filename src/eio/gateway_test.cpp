#include "eio/gateway.hpp"

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace socketio::eio {
namespace {

using Kind = Decision::Kind;

struct Table final : SessionTable {
  std::optional<SessionFacts> find(base::Bytes sid) const override {
    looked_up = true;
    const auto at = sessions.find(std::string(sid));
    if (at == sessions.end()) return std::nullopt;
    return at->second;
  }
  std::map<std::string, SessionFacts> sessions{
      {"POLL", {.session = 7}},
      {"UPGR", {.upgrading = true}},
      {"SOCK", {.transport = Transport::websocket}},
      {"OLD", {.v3 = true}},
      {std::string(64, 's'), {}},
  };
  mutable bool looked_up = false;
};

struct Row {
  const char* id;
  const char* method;
  std::string query;
  bool upgrade;
  Kind kind;
  int code = -1;  // of a reject
  const char* name = "";
  bool protocol_ok = true;
};

Decision ask(const Row& row, const Options& options = {},
             const std::vector<http::Header>& headers = {}) {
  http::Request request;
  request.method = row.method;
  request.path = "/socket.io/";
  request.query = row.query;
  request.headers = headers;
  return decide(request, row.upgrade, options, Table());
}

void expect(const Row& row, const Decision& decision) {
  SCOPED_TRACE(std::string(row.id) + " " + row.method + " " + row.query);
  EXPECT_EQ(decision.kind, row.kind);
  if (row.kind == Kind::reject) {
    EXPECT_EQ(static_cast<int>(decision.reject.code), row.code);
    EXPECT_EQ(decision.reject.name, row.name);
    EXPECT_EQ(decision.reject.message, message(decision.reject.code));
  }
  EXPECT_EQ(decision.protocol_ok, row.protocol_ok);
}

const std::string kP = "EIO=4&transport=polling";
const std::string kW = "EIO=4&transport=websocket";

TEST(Gateway, Handshakes) {
  const std::vector<Row> rows = {
      {"open", "GET", kP, false, Kind::open},
      {"W12", "GET", kW, true, Kind::open},
      {"P01", "GET", "EIO=4&transport=foo", false, Kind::reject, 0},
      {"P02", "GET", "EIO=4", false, Kind::reject, 0},
      {"P02", "GET", "", false, Kind::reject, 0},
      {"P03", "GET", "EIO=4&transport=constructor", false, Kind::reject, 0},
      {"P04", "GET", "EIO=4&transport=__proto__", false, Kind::reject, 0},
      {"3.3", "GET", "EIO=4&transport=webtransport", false, Kind::reject, 0},
      {"case", "GET", "EIO=4&transport=Polling", false, Kind::reject, 0},
      {"P01u", "GET", "EIO=4&transport=foo", true, Kind::reject, 0},
      {"P05", "GET", "EIO=3&transport=polling", false, Kind::open, -1, "", false},
      {"P06", "GET", "transport=polling", false, Kind::open, -1, "", false},
      {"P07", "GET", "EIO=5&transport=polling", false, Kind::open, -1, "", false},
      {"P08", "GET", "EIO=abc&transport=polling", false, Kind::open, -1, "", false},
      {"EIO", "GET", "EIO=4.0&transport=polling", false, Kind::open, -1, "", false},
      {"W29", "GET", "EIO=3&transport=websocket", true, Kind::open, -1, "", false},
      {"W30", "GET", "transport=websocket", true, Kind::open, -1, "", false},
      {"P09", "POST", kP, false, Kind::reject, 2},
      {"P10", "PUT", kP, false, Kind::reject, 2},
      {"P11", "DELETE", kP, false, Kind::reject, 2},
      {"P12", "OPTIONS", kP, false, Kind::reject, 2},
      {"HEAD", "HEAD", kP, false, Kind::reject, 2},
      {"get", "get", kP, false, Kind::reject, 2},
      {"W13", "POST", kW, true, Kind::reject, 2},
      {"W11", "GET", kW, false, Kind::reject, 3, "TRANSPORT_HANDSHAKE_ERROR"},
      {"W28", "GET", kP, true, Kind::reject, 3, "TRANSPORT_HANDSHAKE_ERROR"},
      {"order", "POST", kW, false, Kind::reject, 2},  // the method before the missing upgrade
      {"order", "POST", "EIO=3&transport=foo", false, Kind::reject, 0},
      {"P44", "GET", kP + "&j=0;alert(1)", false, Kind::open},
      {"P45", "GET", kP + "&b64=1", false, Kind::open},
      {"empty", "GET", kP + "&sid=", false, Kind::open},  // as in the reference
      {"esc", "GET", "%45IO=%34&transport=polling", false, Kind::open},
  };
  for (const Row& row : rows) expect(row, ask(row));
  EXPECT_EQ(ask(rows[0]).transport, Transport::polling);
  EXPECT_EQ(ask(rows[1]).transport, Transport::websocket);
}

TEST(Gateway, ExistingSessions) {
  const std::string poll = kP + "&sid=POLL";
  const std::vector<Row> rows = {
      {"poll", "GET", poll, false, Kind::poll},
      {"post", "POST", poll, false, Kind::post},
      {"poll while upgrading", "GET", kP + "&sid=UPGR", false, Kind::poll},
      {"P13", "GET", kP + "&sid=nobody", false, Kind::reject, 1},
      {"P13", "POST", kP + "&sid=nobody", false, Kind::reject, 1},
      {"P14", "GET", kP + "&sid=__proto__", false, Kind::reject, 1},
      {"P15", "GET", kP + "&sid=constructor", false, Kind::reject, 1},
      {"P16", "GET", kP + "&sid=%00", false, Kind::reject, 1},
      {"P17", "GET", kP + "&sid=" + std::string(8192, 's'), false, Kind::reject, 1},
      {"64", "GET", kP + "&sid=" + std::string(64, 's'), false, Kind::poll},
      {"65", "GET", kP + "&sid=" + std::string(65, 's'), false, Kind::reject, 1},
      {"P18", "GET", kP + "&sid=POLL&sid=nobody", false, Kind::reject, 1},
      {"P18", "GET", kP + "&sid=nobody&sid=POLL", false, Kind::poll},
      {"last", "GET", "EIO=3&transport=foo&" + kP + "&sid=POLL", false, Kind::poll},
      {"last", "GET", poll + "&transport=foo", false, Kind::reject, 0},
      {"P43", "PUT", poll, false, Kind::method_not_allowed},
      {"P43", "OPTIONS", poll, false, Kind::method_not_allowed},
      {"P43", "HEAD", poll, false, Kind::method_not_allowed},
      {"W31", "GET", kW + "&sid=nobody", true, Kind::reject, 1},
      {"upgrade", "GET", kW + "&sid=POLL", true, Kind::upgrade},
      {"U23", "GET", kW + "&sid=UPGR", true, Kind::upgrade},  // the session refuses it
      {"U24", "GET", kW + "&sid=SOCK", true, Kind::upgrade},
      {"U24", "GET", kP + "&sid=SOCK", false, Kind::reject, 3, "TRANSPORT_MISMATCH"},
      {"P53", "POST", kP + "&sid=SOCK", false, Kind::reject, 3, "TRANSPORT_MISMATCH"},
      {"W28", "GET", poll, true, Kind::reject, 3, "TRANSPORT_MISMATCH"},
      {"W11", "GET", kW + "&sid=POLL", false, Kind::reject, 3, "TRANSPORT_MISMATCH"},
      {"W11", "GET", kW + "&sid=SOCK", false, Kind::reject, 3, "TRANSPORT_HANDSHAKE_ERROR"},
      {"EIO", "GET", "EIO=3&transport=polling&sid=POLL", false, Kind::reject, 3,
       "PROTOCOL_MISMATCH"},
      {"EIO", "POST", "transport=polling&sid=POLL", false, Kind::reject, 3, "PROTOCOL_MISMATCH"},
      {"U26", "GET", "EIO=3&transport=websocket&sid=POLL", true, Kind::reject, 3,
       "PROTOCOL_MISMATCH"},
      {"order", "GET", "EIO=3&transport=polling&sid=nobody", false, Kind::reject, 1},
      {"order", "GET", "EIO=3&transport=polling&sid=SOCK", false, Kind::reject, 3,
       "TRANSPORT_MISMATCH"},
      {"order", "GET", "EIO=4&transport=foo&sid=nobody", false, Kind::reject, 0},
  };
  for (const Row& row : rows) expect(row, ask(row));
  EXPECT_EQ(ask(rows[0]).session, 7u);
}

TEST(Gateway, TransportsThatAreOff) {
  Options no_websocket;
  no_websocket.websocket = false;
  Options no_polling;
  no_polling.polling = false;
  const Row websocket = {"off", "GET", kW, true, Kind::reject, 0};
  const Row polling = {"off", "GET", kP, false, Kind::reject, 0};
  expect(websocket, ask(websocket, no_websocket));
  expect(polling, ask(polling, no_polling));
  // Nobody listens to upgrades then, so this one is a plain GET.
  const Row plain = {"off", "GET", kP, true, Kind::open};
  expect(plain, ask(plain, no_websocket));
  const Row other = {"on", "GET", kW, true, Kind::open};
  expect(other, ask(other, no_polling));
  const Row mismatch = {"off", "GET", kP, true, Kind::reject, 0};
  expect(mismatch, ask(mismatch, no_polling));
}

TEST(Gateway, Origin) {
  const Row fine = {"P50", "GET", kP, false, Kind::open};
  expect(fine, ask(fine, {}, {{"Origin", "https://elsewhere.example"}}));
  expect(fine, ask(fine, {}, {{"Origin", "null"}, {"X", "\x01"}}));
  expect(fine, ask(fine, {}, {{"Origin", "\t \x80\xff~"}}));
  const Row bad = {"origin", "GET", kP, false, Kind::reject, 3, "INVALID_ORIGIN"};
  const Row before_sid = {"origin",     "GET", kP + "&sid=nobody", false,
                          Kind::reject, 3,     "INVALID_ORIGIN"};
  for (const char* value : {"a\x01", "\x7f", "a\nb", "\x1f"}) {
    expect(bad, ask(bad, {}, {{"origin", value}}));
    expect(before_sid, ask(before_sid, {}, {{"ORIGIN", value}}));
  }
  const Row transport_first = {"origin", "GET", "EIO=4", false, Kind::reject, 0};
  expect(transport_first, ask(transport_first, {}, {{"Origin", "\x01"}}));
}

TEST(Gateway, LongIdsAreNotLookedUp) {
  http::Request request;
  request.method = "GET";
  const std::string query = kP + "&sid=" + std::string(65, 's');
  request.query = query;
  const Table table;
  decide(request, false, {}, table);
  EXPECT_FALSE(table.looked_up);
}

TEST(Gateway, RejectsOverHttp) {
  const std::vector<std::pair<ErrorCode, std::string>> bodies = {
      {ErrorCode::unknown_transport, R"({"code":0,"message":"Transport unknown"})"},
      {ErrorCode::unknown_sid, R"({"code":1,"message":"Session ID unknown"})"},
      {ErrorCode::bad_handshake_method, R"({"code":2,"message":"Bad handshake method"})"},
      {ErrorCode::bad_request, R"({"code":3,"message":"Bad request"})"},
      {ErrorCode::forbidden, R"({"code":4,"message":"Forbidden"})"},
      {ErrorCode::unsupported_protocol, R"({"code":5,"message":"Unsupported protocol version"})"},
  };
  for (const auto& [code, body] : bodies) {
    const http::Response response = reject_response({code, message(code)}, false);
    EXPECT_EQ(response.status, code == ErrorCode::forbidden ? 403 : 400);
    EXPECT_EQ(response.body, body);
    ASSERT_EQ(response.headers.size(), 1U);
    EXPECT_EQ(response.headers[0].first, "Content-Type");
    EXPECT_EQ(response.headers[0].second, "application/json");
  }
}

TEST(Gateway, RejectsOverUpgrades) {
  for (const ErrorCode code : {ErrorCode::unknown_transport, ErrorCode::forbidden}) {
    const http::Response response = reject_response({code, message(code)}, true);
    EXPECT_EQ(response.status, 400);
    EXPECT_EQ(response.body, message(code));
    ASSERT_EQ(response.headers.size(), 1U);
    EXPECT_EQ(response.headers[0].first, "Content-type");
    EXPECT_EQ(response.headers[0].second, "text/html");
  }
}

TEST(Gateway, ReasonsOfTheApplicationAreQuoted) {
  const Reject reject{ErrorCode::forbidden, "say \"no\"\\\n\x01"};
  EXPECT_EQ(reject_response(reject, false).body,
            "{\"code\":4,\"message\":\"say \\\"no\\\"\\\\\\u000a\\u0001\"}");
  EXPECT_EQ(reject_response(reject, true).body, reject.message);
  EXPECT_EQ(reject_response({ErrorCode::forbidden, {}}, true).body, "Forbidden");
}

TEST(Gateway, Paths) {
  EXPECT_TRUE(under_path("/socket.io/", "/socket.io/"));
  EXPECT_TRUE(under_path("/socket.io/extra", "/socket.io/"));  // P48
  EXPECT_FALSE(under_path("/socket.io", "/socket.io/"));       // P47
  EXPECT_FALSE(under_path("//socket.io/", "/socket.io/"));     // P49
  EXPECT_FALSE(under_path("/", "/socket.io/"));
}

Options with_v3() {
  Options options;
  options.allow_v3 = true;
  return options;
}

TEST(Gateway, OldClientsWhereTheyAreAllowed) {
  const auto dialect = [](const std::string& query, bool upgrade = false) {
    const Decision decision = ask({"", "GET", query, upgrade, Kind::open}, with_v3());
    EXPECT_EQ(decision.kind, Kind::open) << query;
    EXPECT_TRUE(decision.protocol_ok) << query;
    return decision.dialect;
  };
  EXPECT_EQ(dialect(kP), Dialect());
  EXPECT_EQ(dialect(kW, true), Dialect());
  EXPECT_EQ(dialect("EIO=3&transport=polling"), (Dialect{.v3 = true}));
  EXPECT_EQ(dialect("EIO=3&transport=websocket", true), (Dialect{.v3 = true}));
  // Anything but 4 is 3, as in the reference.
  for (const char* eio : {"", "EIO=&", "EIO=5&", "EIO=abc&", "EIO=4.0&", "EIO=04&"})
    EXPECT_EQ(dialect(std::string(eio) + "transport=polling"), (Dialect{.v3 = true})) << eio;
  EXPECT_EQ(dialect("EIO=3&transport=polling&b64=1"), (Dialect{.v3 = true, .base64 = true}));
  EXPECT_EQ(dialect("EIO=3&transport=polling&b64=0"), (Dialect{.v3 = true, .base64 = true}));
  EXPECT_EQ(dialect("EIO=3&transport=polling&b64="), (Dialect{.v3 = true}));
  EXPECT_EQ(dialect(kP + "&b64=1"), Dialect());  // P45
  EXPECT_EQ(dialect("EIO=3&transport=polling&b64=1&j=0"),
            (Dialect{.v3 = true, .base64 = true, .jsonp = true}));
  EXPECT_EQ(dialect(kP + "&j="), (Dialect{.jsonp = true}));
  EXPECT_EQ(dialect("EIO=3&transport=websocket&j=0", true), (Dialect{.v3 = true}));
}

TEST(Gateway, JsonpIsForThoseWhoAllowOldClients) {
  EXPECT_EQ(ask({"P44", "GET", kP + "&j=0", false, Kind::open}).dialect, Dialect());
}

TEST(Gateway, ASessionKeepsItsProtocol) {
  const std::string old_poll = "EIO=3&transport=polling";
  const std::string old_socket = "EIO=3&transport=websocket";
  const std::vector<Row> rows = {
      {"poll", "GET", old_poll + "&sid=OLD", false, Kind::poll},
      {"poll", "GET", "transport=polling&sid=OLD", false, Kind::poll},
      {"post", "POST", old_poll + "&sid=OLD", false, Kind::post},
      {"upgrade", "GET", old_socket + "&sid=OLD", true, Kind::upgrade},
      {"mismatch", "GET", kP + "&sid=OLD", false, Kind::reject, 3, "PROTOCOL_MISMATCH"},
      {"mismatch", "POST", kP + "&sid=OLD", false, Kind::reject, 3, "PROTOCOL_MISMATCH"},
      {"U26", "GET", kW + "&sid=OLD", true, Kind::reject, 3, "PROTOCOL_MISMATCH"},
      {"mismatch", "GET", old_poll + "&sid=POLL", false, Kind::reject, 3, "PROTOCOL_MISMATCH"},
      {"U26", "GET", old_socket + "&sid=POLL", true, Kind::reject, 3, "PROTOCOL_MISMATCH"},
      {"order", "GET", kP + "&sid=SOCK", false, Kind::reject, 3, "TRANSPORT_MISMATCH"},
  };
  for (const Row& row : rows) expect(row, ask(row, with_v3()));
  // The carrier of an upgrade has its own say on bytes.
  EXPECT_EQ(ask({"", "GET", old_socket + "&sid=OLD&b64=1", true, Kind::upgrade}, with_v3()).dialect,
            (Dialect{.v3 = true, .base64 = true}));
}

}  // namespace
}  // namespace socketio::eio
