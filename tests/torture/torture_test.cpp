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
  ASSERT_GT(sound.allocations, 10U);
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

// Each with one of the errors, by turns; with all of them where every place is asked for, or there
// are few.
void every_call_fails(Call call, std::uint64_t count, std::initializer_list<int> errors) {
  ASSERT_GT(count, 0U);
  std::uint64_t number = 0;
  for (const int error : errors) {
    const bool all = every() == 1 || count <= 4 * errors.size();
    const std::uint64_t step = all ? 1 : errors.size();
    for (std::uint64_t at = step == 1 ? 0 : number++; at < count; at += step) {
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
  const std::uint64_t count = warm().sends;
  every_call_fails(Call::send, count, {EAGAIN, EINTR, ENOBUFS, ENOMEM});
  every_call_fails(Call::send, count, {ECONNRESET, EPIPE, ETIMEDOUT, EIO});
}

TEST_P(Torture, EveryReceiveFailsOnce) {
  every_call_fails(Call::receive, warm().receives, {ECONNRESET, ETIMEDOUT, ENOMEM, EIO});
}

TEST_P(Torture, EveryAcceptFailsOnce) {
  const std::uint64_t count = warm().accepts;
  every_call_fails(Call::accept, count, {ECONNABORTED, EPERM, EPROTO});
  every_call_fails(Call::accept, count, {EMFILE, ENFILE, ENOMEM, ENOBUFS});
}

}  // namespace
}  // namespace socketio::torture
