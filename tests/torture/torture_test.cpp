// One fault per run, at every place where one can be: see session.hpp for what must hold.
//   SOCKETIO_TORTURE_EVERY=1   every place (./dev torture); the default is a sample
//   SOCKETIO_TORTURE_AT=N      only that allocation
#include <cerrno>
#include <cstdlib>
#include <iostream>
#include <map>

#include <gtest/gtest.h>

#include "torture/allocations.hpp"
#include "torture/session.hpp"

namespace socketio::torture {
namespace {

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::stoull(text);
}
std::uint64_t every() {
  return setting("SOCKETIO_TORTURE_EVERY", 37);
}

class Torture : public ::testing::TestWithParam<Script> {
 protected:
  // What every run allocates once and keeps (OpenSSL's tables, the C library's) is there.
  static Report warm() {
    run(GetParam(), kNever);
    return run(GetParam(), kNever);
  }
};
INSTANTIATE_TEST_SUITE_P(All, Torture, ::testing::ValuesIn(all_scripts()),
                         [](const auto& given) { return name_of(given.param); });

TEST_P(Torture, EveryAllocationFailsOnce) {
  const Report sound = warm();
  ASSERT_EQ(sound.failure, "");
  std::cout << sound.allocations << " allocations, " << sound.steps << " steps, live " << sound.live
            << "\n";
  const std::uint64_t only = setting("SOCKETIO_TORTURE_AT", kNever);
  std::map<std::string, std::vector<std::uint64_t>> failures;
  for (std::uint64_t at = only == kNever ? 0 : only;
       at < sound.allocations && (only == kNever || at == only); at += every()) {
    const Report report = run(GetParam(), at);
    std::string failure = report.failure;
    if (failure.empty() && report.live > sound.live + 3) failure = "memory left";
    if (!failure.empty()) failures[failure].push_back(at);
  }
  for (const auto& [what, where] : failures) {
    ADD_FAILURE() << what << ": " << where.size() << " allocations, the first " << where.front()
                  << ", the last " << where.back();
  }
}

void every_call_fails(Call call, std::uint64_t count, std::initializer_list<int> errors) {
  for (const int error : errors) {
    for (std::uint64_t at = 0; at < count; ++at) {
      Fault fault;
      fault.call = call;
      fault.number = at;
      fault.error = error;
      const Report report = run(Torture::GetParam(), kNever, fault);
      EXPECT_EQ(report.failure, "") << "call " << at << ", errno " << error;
    }
  }
}

TEST_P(Torture, EverySendFailsOnce) {
  every_call_fails(Call::send, warm().sends, {EAGAIN, ECONNRESET});
}

TEST_P(Torture, EveryReceiveFailsOnce) {
  every_call_fails(Call::receive, warm().receives, {ECONNRESET});
}

TEST_P(Torture, EveryAcceptFailsOnce) {
  every_call_fails(Call::accept, warm().accepts, {ECONNABORTED, EMFILE});
}

}  // namespace
}  // namespace socketio::torture
