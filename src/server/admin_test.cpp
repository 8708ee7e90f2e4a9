// Who is let in to the admin namespace, and what options it may have. What it tells and does is
// shown to a real client in tests/e2e/socketio_admin.test.mjs.
#include <deque>
#include <future>

#include <gtest/gtest.h>

#include "net/sys.hpp"
#include "server/admin_login.hpp"
#include "server/admin_view.hpp"
#include "support/sio_client.hpp"

namespace socketio {
namespace {

using server::AdminSessions;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Client;
using test::World;

constexpr base::Time kStart{};
const std::string kHash = "$2b$04$abcdefghijklmnopqrstuudwGrhhx5JklpO9.j/ckWDCf3exvs1/2";

AdminOptions open_to_all() {
  AdminOptions options;
  options.allow_anyone = true;
  return options;
}
AdminOptions with(AdminLogin login) {
  AdminOptions options;
  options.auth = std::move(login);
  return options;
}

void expect_refused(const AdminOptions& options, std::string_view name) {
  World world;
  try {
    instrument(world.io, options);
    ADD_FAILURE() << name;
  } catch (const std::invalid_argument& e) {
    EXPECT_EQ(std::string_view(e.what()).find("socketio::AdminOptions::" + std::string(name)), 0U)
        << e.what();
  }
}

TEST(AdminOptions, AreChecked) {
  expect_refused({}, "auth");
  expect_refused(with({"", "x", ""}), "auth");
  expect_refused(with({"admin", "", ""}), "auth");
  expect_refused(with({"admin", "x", kHash}), "auth");
  expect_refused(with({"admin", "", "changeit"}), "auth");
  expect_refused(with({"admin", std::string(513, 'x'), ""}), "auth");
  AdminOptions both = with({"admin", "x", ""});
  both.allow_anyone = true;
  expect_refused(both, "allow_anyone");
  AdminOptions o = open_to_all();
  o.namespace_name = "/";
  expect_refused(o, "namespace_name");
  o = open_to_all();
  o.stats_interval = milliseconds(0);
  expect_refused(o, "stats_interval");
  o.stats_interval = milliseconds::max();
  expect_refused(o, "stats_interval must be at most 2^31-1 milliseconds");
  o = open_to_all();
  o.session_duration = milliseconds(0);
  expect_refused(o, "session_duration");
  o.session_duration = milliseconds::max();
  expect_refused(o, "session_duration must be at most 2^31-1 milliseconds");
  o = open_to_all();
  o.max_sessions = 0;
  expect_refused(o, "max_sessions");
  o = open_to_all();
  o.max_failed_logins = 0;
  expect_refused(o, "max_failed_logins");
  o = open_to_all();
  o.max_waiting_logins = 0;
  expect_refused(o, "max_waiting_logins");
}

TEST(AdminLogin, ComparesWholeTexts) {
  EXPECT_TRUE(server::equal_in_constant_time("secret", "secret"));
  for (const char* wrong : {"", "secre", "secret!", "Secret", "secretsecret", "xxxxxx"})
    EXPECT_FALSE(server::equal_in_constant_time(wrong, "secret")) << wrong;
  EXPECT_FALSE(server::equal_in_constant_time("x", ""));
}

TEST(AdminLogin, OneHashMatchesOnePasswordAndMustBeWhole) {
  EXPECT_TRUE(server::is_bcrypt_hash(kHash));
  EXPECT_TRUE(server::matches_bcrypt("changeit", kHash));
  EXPECT_FALSE(server::matches_bcrypt("changeit ", kHash));
  EXPECT_FALSE(server::matches_bcrypt("", kHash));
  EXPECT_FALSE(server::matches_bcrypt(std::string("changeit\0", 9), kHash));
  for (const std::string& wrong :
       {kHash + "a", kHash.substr(1), std::string(), "$2x" + kHash.substr(3),
        "$2b$03" + kHash.substr(6), "$2b$32" + kHash.substr(6), "$2b$a4" + kHash.substr(6),
        kHash.substr(0, 59) + "!"})
    EXPECT_FALSE(server::is_bcrypt_hash(wrong)) << wrong;
}

TEST(AdminLogin, SessionsEnd) {
  net::SystemRandom random;
  AdminSessions sessions(2, seconds(10));
  const std::string first = sessions.add(random, kStart);
  EXPECT_EQ(first.size(), AdminSessions::kIdSize);
  EXPECT_TRUE(sessions.has(first, kStart + seconds(9)));
  EXPECT_FALSE(sessions.has(first, kStart + seconds(10)));
  EXPECT_FALSE(sessions.has("", kStart));
  const std::string second = sessions.add(random, kStart + seconds(1));
  EXPECT_TRUE(sessions.has(first, kStart + seconds(1)));
  const std::string third = sessions.add(random, kStart + seconds(2));  // one too many
  EXPECT_FALSE(sessions.has(first, kStart + seconds(2)));
  EXPECT_TRUE(sessions.has(second, kStart + seconds(2)));
  EXPECT_TRUE(sessions.has(third, kStart + seconds(2)));
}

TEST(AdminView, DatesAreWrittenAsJavaScriptDoes) {
  EXPECT_EQ(server::iso_date(1'700'000'000'007), "2023-11-14T22:13:20.007Z");
  EXPECT_EQ(server::js_date(1'700'000'000'007),
            "Tue Nov 14 2023 22:13:20 GMT+0000 (Coordinated Universal Time)");
}

TEST(AdminView, DataIsWithoutWhatIsOurs) {
  const Value data = Value::object(
      {{"_admin", Value::object({{"clientId", "c"}, {"transport", "polling"}})}, {"x", 1}});
  EXPECT_EQ(server::shown_data(data), Value::object({{"x", 1}}));
  EXPECT_EQ(server::shown_data(Value()), Value(Object()));
  EXPECT_EQ(server::connection_in(data).client_id, "c");
  EXPECT_EQ(server::connection_in(data).transport, "polling");
  EXPECT_EQ(server::connection_in(Value(5)).client_id, "");
}

// The work of showing a socket depends on these numbers only.
TEST(AdminView, StrangersHeadsAreCut) {
  constexpr std::size_t kMax = server::kMaxShownPart;
  Handshake handshake;
  handshake.url = std::string(kMax, 'u') + "!";
  handshake.headers = {{"x-forwarded-for", std::string(kMax + 1, '1')}, {"host", "here"}};
  for (int i = 0; i < 1'000; ++i) handshake.query["q" + std::to_string(i)] = "";
  const Value shown = server::shown_socket("id", "/", {}, {}, handshake, {})["handshake"];
  EXPECT_EQ(shown["url"].to_string(), handshake.url.substr(0, kMax));
  EXPECT_EQ(shown["address"].to_string(), std::string(kMax, '1'));
  // What is too long does not hide what comes after it.
  EXPECT_EQ(shown["headers"], Value::object({{"host", "here"}}));
  EXPECT_EQ(shown["query"].size(), server::kMaxShownPairs);
  handshake.query = {{"a", std::string(kMax - 3, 'x')}, {"b", "1"}, {"c", ""}};
  const Value cut = server::shown_socket("id", "/", {}, {}, handshake, {})["handshake"];
  EXPECT_EQ(cut["query"].size(), 2U);
  EXPECT_EQ(cut["query"]["b"].to_string(), "1");
}

TEST(Admin, RefusedClientsAreToldNothingElse) {
  World world;
  instrument(world.io, with({"admin", "", kHash}));
  Client client(world);
  EXPECT_EQ(client.join("/admin", R"({"username":"admin","password":"no"})"), "");
  EXPECT_EQ(client.refusal, R"(4/admin,{"message":"invalid credentials"})");
  EXPECT_FALSE(client.has_packet());
}

// A server that goes while a hash is being computed, another login waits for that, and admins and
// their clock are there.
TEST(Admin, GoesWithItsServer) {
  World world;
  AdminOptions options = with({"admin", "", kHash});
  options.stats_interval = milliseconds(1);
  instrument(world.io, options);
  Client admin(world);
  EXPECT_NE(admin.join("/admin", R"({"username":"admin","password":"changeit"})"), "");
  Client late(world);
  Client later(world);
  for (Client* one : {&late, &later})
    one->send(R"(0/admin,{"username":"admin","password":"changeit"})");
  world.turn();
}

TEST(Admin, StatisticsNameSoManyNamespaces) {
  World world;
  AdminOptions options = open_to_all();
  options.mode = AdminMode::production;
  options.stats_interval = milliseconds(20);
  instrument(world.io, options);
  for (int i = 0; i < 998; ++i) world.io.of("/n" + std::to_string(i));  // and "/", "/admin"
  Client admin(world);
  admin.join("/admin");
  const auto count = [&] {
    std::string packet;
    do {
      packet = admin.next();
    } while (!packet.starts_with('(') && packet.find("server_stats") == std::string::npos);
    if (packet.starts_with('(')) return std::size_t{0};  // none came
    return (*Value::parse(packet.substr(packet.find('['))))[1]["namespaces"].size();
  };
  EXPECT_EQ(count(), 1'000U);
  world.io.of("/one more");
  admin.rest();
  EXPECT_EQ(count(), 1'000U);
}

// As seldom as by default, only a few would come in the time that until() has.
TEST(Admin, StatisticsComeAsOftenAsChosen) {
  World world;
  AdminOptions options = open_to_all();
  options.stats_interval = milliseconds(1);
  instrument(world.io, options);
  Client admin(world);
  admin.join("/admin");
  int seen = 0;
  EXPECT_TRUE(world.until([&] {
    while (admin.has_packet()) {
      if (admin.next().find("server_stats") != std::string::npos) ++seen;
    }
    return seen >= 20;
  }));
}

TEST(Admin, IsThereOnce) {
  World world;
  AdminOptions wrong = open_to_all();
  wrong.max_sessions = 0;
  EXPECT_THROW(instrument(world.io, wrong), std::invalid_argument);
  instrument(world.io, open_to_all());
  AdminOptions other = open_to_all();
  other.namespace_name = "/other";
  EXPECT_THROW(instrument(world.io, other), std::logic_error);
  EXPECT_EQ(world.io.stats().namespaces, 2U);  // no trace of it
}

TEST(Admin, OneHashAtATimeWhenNoMoreMayWait) {
  World world;
  AdminOptions options = with({"admin", "", kHash});
  options.max_waiting_logins = 1;
  options.max_failed_logins = 100;
  instrument(world.io, options);
  // The one worker is held until both others have been answered.
  std::promise<void> held;
  ASSERT_TRUE(world.io.offload([&held] { held.get_future().wait(); }, [] {}));
  const std::string login = R"({"username":"admin","password":"changeit"})";
  Client first(world);
  first.send("0/admin," + login);
  world.settle();
  for (int i = 0; i < 2; ++i) {
    Client other(world);
    EXPECT_EQ(other.join("/admin", login), "");
    EXPECT_EQ(other.refusal, R"(4/admin,{"message":"too many logins at once"})");
  }
  EXPECT_FALSE(first.has_packet());
  held.set_value();
  EXPECT_TRUE(first.next().starts_with(R"(0/admin,{"sid":")"));
  Client last(world);
  EXPECT_NE(last.join("/admin", login), "");
}

// Files and answers to polls are the same worker's: they wait for one hash, not for all.
TEST(Admin, HashesTakeTurnsWithOtherWork) {
  World world;
  instrument(world.io, with({"admin", "", kHash}));
  std::promise<void> held;
  ASSERT_TRUE(world.io.offload([&held] { held.get_future().wait(); }, [] {}));
  std::deque<Client> admins;
  for (int i = 0; i < 3; ++i) {
    admins.emplace_back(world).send(R"(0/admin,{"username":"admin","password":"changeit"})");
    world.settle();
  }
  std::optional<std::size_t> let_in;
  ASSERT_TRUE(world.io.offload([] {}, [&] { let_in = world.io.of("/admin").size(); }));
  held.set_value();
  ASSERT_TRUE(world.until([&] { return let_in.has_value(); }));
  EXPECT_EQ(*let_in, 1U);
  for (Client& admin : admins) EXPECT_TRUE(admin.next().starts_with(R"(0/admin,{"sid":")"));
}

TEST(Admin, LoginsOfAllThreadsAreAnswered) {
  ServerOptions several;
  several.threads = 4;
  World world(std::move(several), World::Mode::own_thread);
  AdminOptions options = with({"admin", "", kHash});
  options.max_failed_logins = 100;
  instrument(world.io, options);
  world.start();
  std::deque<Client> admins;
  for (int i = 0; i < 8; ++i) admins.emplace_back(world);
  for (Client& admin : admins) admin.send(R"(0/admin,{"username":"admin","password":"changeit"})");
  for (Client& admin : admins) EXPECT_TRUE(admin.next().starts_with(R"(0/admin,{"sid":")"));
}

// Its client has left meanwhile: nobody is told, and nothing is reported.
TEST(Admin, ALoginMayBeGivenUp) {
  World world;
  instrument(world.io, with({"admin", "", kHash}));
  std::promise<void> held;
  ASSERT_TRUE(world.io.offload([&held] { held.get_future().wait(); }, [] {}));
  {
    Client first(world);
    first.send(R"(0/admin,{"username":"admin","password":"changeit"})");
    world.settle();
  }
  ASSERT_TRUE(world.until([&] { return world.io.stats().clients == 0; }));
  held.set_value();
  Client second(world);
  EXPECT_NE(second.join("/admin", R"({"username":"admin","password":"changeit"})"), "");
  EXPECT_TRUE(world.errors.empty());
}

TEST(Admin, FindsItsOwnConnectionInTheList) {
  World world;
  instrument(world.io, open_to_all());
  Client admin(world);
  const std::string id = admin.join("/admin");
  std::string list;
  for (const std::string& packet : admin.rest())
    if (packet.starts_with(R"(2/admin,["all_sockets",)")) list = packet.substr(packet.find('['));
  const auto told = Value::parse(list);
  ASSERT_TRUE(told) << list;
  const Value& own = (*told)[1][0];
  EXPECT_EQ(own["id"].to_string(), id);
  EXPECT_EQ(own["transport"].to_string(), "websocket");
  EXPECT_NE(own["clientId"].to_string(), "");
}

// The list is one packet, and one beyond send_queue_hard would end whoever it is for.
TEST(Admin, TheListFitsIntoTheQueue) {
  ServerOptions small;
  small.max_http_buffer_size = small.send_queue_soft = small.send_queue_hard = 64 * 1024;
  World world(std::move(small));
  instrument(world.io, open_to_all());
  std::deque<Client> clients;
  for (int i = 0; i < 40; ++i) {
    Client& client =
        clients.emplace_back(world, test::ClientOptions{.query = "&x=" + std::string(7'000, 'x')});
    ASSERT_NE(client.join(), "");
  }
  Client admin(world);
  ASSERT_NE(admin.join("/admin"), "");
  std::string list;
  for (const std::string& packet : admin.rest())
    if (packet.starts_with(R"(2/admin,["all_sockets",)")) list = packet.substr(packet.find('['));
  EXPECT_FALSE(admin.closed());
  EXPECT_LE(list.size(), 32U * 1024 + 20);
  const auto told = Value::parse(list);
  ASSERT_TRUE(told) << list;
  EXPECT_GE((*told)[1].size(), 1U);
  EXPECT_LT((*told)[1].size(), 40U);
}

// -- What is shown of events

class ShownEvents : public ::testing::Test {
 protected:
  ShownEvents() {
    AdminOptions options = open_to_all();
    options.max_event_bytes = 1'000;
    options.stats_interval = std::chrono::hours(1);
    instrument(world_.io, options);
    admin_.join("/admin");
    client_.join();
    admin_.rest();
  }
  // What the admin hears of what the client has sent.
  std::string told() {
    client_.rest();
    std::string all;
    for (const std::string& packet : admin_.rest()) all += packet;
    return all;
  }
  World world_;
  Client admin_{world_};
  Client client_{world_};
};

TEST_F(ShownEvents, BinaryCounts) {
  client_.send(R"(51-["echo",{"_placeholder":true,"num":0}])");
  client_.send_binary(std::string(2'000, 'b'));
  std::string shown = told();
  EXPECT_NE(shown.find(R"x(["echo","(binary arguments, not shown)"])x"), std::string::npos)
      << shown;
  client_.send(R"(51-["echo",[{"_placeholder":true,"num":0}]])");
  client_.send_binary(std::string(800, 'b'));
  shown = told();
  EXPECT_NE(shown.find("<" + std::string(800, 'b') + ">"), std::string::npos) << shown;
}

TEST_F(ShownEvents, NamesOfRoomsAreCut) {
  const std::string room(2'000, 'r');
  const std::string cut(server::kMaxShownName, 'r');
  world_.io.sockets_join(room);
  std::string shown = told();
  EXPECT_NE(shown.find(R"(["room_joined","/",")" + cut + "\","), std::string::npos) << shown;
  world_.io.sockets_leave(room);
  shown = told();
  EXPECT_NE(shown.find(R"(["room_left","/",")" + cut + "\","), std::string::npos) << shown;
  EXPECT_EQ(server::shown_socket("id", "/", {}, {}, {}, {room})["rooms"][0].to_string(), cut);
}

TEST_F(ShownEvents, NamesAreCut) {
  const std::string name(2'000, 'n');
  const std::string cut(server::kMaxShownName, 'n');
  client_.send("2[\"" + name + "\"]");
  std::string shown = told();
  EXPECT_NE(shown.find("[\"" + cut + "\"]"), std::string::npos) << shown;
  client_.send("2[\"" + name + "\",\"" + std::string(1'000, 'x') + "\"]");
  shown = told();
  EXPECT_NE(shown.find("[\"" + cut + "\",\"(1002 bytes of arguments, not shown)\"]"),
            std::string::npos)
      << shown;
  client_.send("51-[\"" + name + R"(",{"_placeholder":true,"num":0}])");
  client_.send_binary(std::string(2'000, 'b'));
  shown = told();
  EXPECT_NE(shown.find("[\"" + cut + "\",\"(binary arguments, not shown)\"]"), std::string::npos)
      << shown;
}

// Whichever is set first.
TEST(Admin, NewNamespacesAreWatchedAndTheUsersHooksAreCalled) {
  World world;
  std::vector<std::string> made;
  const auto hook = [&made](const Namespace& nsp) { made.push_back(nsp.name()); };
  world.io.on_new_namespace(hook);
  instrument(world.io, open_to_all());
  world.io.on_new_namespace(hook);
  world.io.of("/later");
  EXPECT_EQ(made, (std::vector<std::string>{"/admin", "/later", "/later"}));
  Client admin(world);
  admin.join("/admin");
  admin.rest();
  Client client(world);
  const std::string id = client.join("/later");
  bool told = false;
  for (const std::string& packet : admin.rest())
    told = told || packet.find(R"(["room_joined","/later",")" + id) != std::string::npos;
  EXPECT_TRUE(told);
}

}  // namespace
}  // namespace socketio
