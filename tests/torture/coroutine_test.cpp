// Coroutines of the user's, and memory that runs out while they begin.
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/sio_client.hpp"
#include "torture/allocations.hpp"

namespace socketio::torture {
namespace {

using Strings = std::vector<std::string>;

// From their call until they run.
template <class T>
Task<T> begun(T value) {
  arm_thread(false);
  co_return value;
}
Task<> begun() {
  arm_thread(false);
  co_return;
}

// `prepare` registers a coroutine that is called by what `act` does and begins with begin(). Each
// failure is told to on_error, once, and nothing counts as running.
class CoroutineTorture : public ::testing::Test {
 protected:
  using Act = std::function<std::string(test::World&)>;
  static void torture(const std::function<void(Server&)>& prepare, const Act& act,
                      const std::string& sound, const std::string& failed) {
    bool happened = true;
    for (std::uint64_t at = 0; happened; ++at) {
      test::World world({.max_running_handlers = 1});
      Strings errors;
      world.io.on_error([&errors](const ErrorReport& report) {
        arm_thread(false);
        errors.push_back(report.message);
      });
      prepare(world.io);
      fail_allocation(at);
      const std::string heard = act(world);
      happened = allocation_failed();
      fail_allocation(kNever);
      EXPECT_TRUE(happened || at > 1);
      EXPECT_EQ(heard, happened ? failed : sound) << at;
      EXPECT_EQ(errors, Strings(happened ? 1 : 0, "std::bad_alloc")) << at;
    }
  }
  // Still served, though no more than one handler of a client may run.
  static std::string join(test::World& world, const char* event) {
    test::Client client(world);
    client.join();
    if (*event != '\0') client.send(event);
    client.send(R"(29["next"])");
    std::string all;
    for (const std::string& packet : client.rest()) all += packet;
    return all;
  }
};

TEST_F(CoroutineTorture, AHandlerIsNotCountedForEver) {
  torture(
      [](Server& io) {
        io.on_event("go", [](std::string text) {
          arm_thread(true);
          return begun(std::move(text));
        });
        io.on_event("next", [] { return "next"; });
      },
      [](test::World& world) {
        return join(world, R"(21["go","a text of more than a few letters"])");
      },
      R"(31["a text of more than a few letters"]39["next"])", R"(39["next"])");
}

TEST_F(CoroutineTorture, NorOneThatHearsOfAConnection) {
  torture(
      [](Server& io) {
        io.on_connection([](Socket) {
          arm_thread(true);
          return begun();
        });
        io.on_event("next", [] { return "next"; });
      },
      [](test::World& world) { return join(world, ""); }, R"(39["next"])", R"(39["next"])");
}

TEST_F(CoroutineTorture, AMiddlewareRefuses) {
  torture(
      [](Server& io) {
        io.use([](Socket) {
          arm_thread(true);
          return begun(std::optional<ConnectError>());
        });
      },
      [](test::World& world) {
        test::Client client(world);
        client.send("0");
        const std::string answer = client.next();
        return answer.substr(0, 2) == "0{" ? "let in" : answer;
      },
      "let in", R"(4{"message":"internal error"})");
}

TEST_F(CoroutineTorture, ARouteAnswers) {
  torture(
      [](Server& io) {
        io.http().get("/", [](HttpRequest) {
          arm_thread(true);
          return begun(HttpReply::text("hello"));
        });
      },
      [](test::World& world) { return std::to_string(test::http_get(world, "/").status); }, "200",
      "500");
}

}  // namespace
}  // namespace socketio::torture
