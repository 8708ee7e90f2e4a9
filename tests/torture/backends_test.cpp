// The kernels' backends alone, when memory runs out: theirs, or the kernel's.
#include <cerrno>

#include "net/backend_test_places.hpp"
#include "torture/allocations.hpp"
#include "torture/kernel_calls.hpp"

namespace socketio::torture {
namespace {

using net::Owner;
using net::StreamId;

// Copied, read by the kernel, and sent by a call of its own (io_uring).
constexpr std::size_t kSizes[] = {100, 5000, 40'000};
constexpr std::size_t kParts[] = {1, 2};

class BackendTorture : public net::testing::BackendTest {
 protected:
  ~BackendTorture() override { heal(); }
  static void heal() {
    arm_calls(false);
    fail_call(KernelCall::send, ~std::uint64_t{0}, 0);
    fail_allocation(kNever);
  }
  // From now on, until heal().
  static void break_calls(KernelCall which, int error) {
    fail_calls_from(which, 0, error);
    arm_calls(true);
  }
  // Sends it, what the backend asks for again included, until all of it was taken.
  net::testing::Push& push(StreamId id, std::size_t size, std::size_t parts = 1) {
    push_.emplace(*backend_, id, pattern(size));
    sink_.sent = [this, size, parts](StreamId, Owner, std::size_t n) {
      push_->sent(n);
      push_->push(size, parts);
    };
    push_->push(size, parts);
    return *push_;
  }
  // What the peer hears until it has heard that much, or its end.
  std::string hear(const net::testing::Fd& peer, std::size_t size) {
    std::string heard;
    bool ended = false;
    EXPECT_TRUE(until([&] { return heard.size() >= size || ended; },
                      [&] { heard += read_some(peer, &ended); }));
    return heard;
  }
  std::optional<net::testing::Push> push_;
};
INSTANTIATE_TEST_SUITE_P(Kernels, BackendTorture,
                         ::testing::ValuesIn(net::testing::kernel_backends()),
                         net::testing::backend_name);

// Who is out of memory closes: that must not need any. A new stream may be refused.
TEST_P(BackendTorture, NoVerbOnAStreamNeedsMemory) {
  constexpr Owner kStreams = 300;
  std::vector<net::testing::Fd> clients;
  std::vector<StreamId> ids;
  for (Owner i = 0; i < kStreams; ++i) {
    auto [client, id] = stream(i);
    clients.push_back(std::move(client));
    ids.push_back(id);
  }
  settle();
  const std::string small(100, 's');
  const std::string large(5000, 'l');
  fail_allocation(kNever);
  {
    const Armed armed;
    for (const StreamId id : ids) {
      send(id, small);
      send(id, large);  // a second one in the turn
      backend_->set_owner(id, id.index);
      backend_->recv_stop(id);
      backend_->recv_start(id);
      if (id.index % 3 == 0) backend_->shutdown_write(id);
      if (id.index % 3 == 1) backend_->detach(id);
      backend_->close(id);
      backend_->close(id);
    }
  }
  EXPECT_EQ(allocations(), 0U);
  EXPECT_TRUE(until([&] { return backend_->streams() == 0; }));
  int closes = 0;
  for (const auto& [owner, facts] : sink_.streams) closes += facts.closes;
  EXPECT_EQ(closes, static_cast<int>(kStreams));
}

// One after the other, so that the backend's lists begin anew between them.
TEST_P(BackendTorture, StreamsThatCannotBeRememberedAreRefused) {
  const std::size_t before = place_->open_descriptors();
  std::uint64_t at = 0;
  for (bool failed = true; failed; ++at) {
    backend_ = place_->make_backend();
    auto [client, server] = tcp_pair();
    StreamId id;
    fail_allocation(at);
    {
      const Armed armed;
      id = backend_->adopt(server.release(), at);
    }
    failed = allocation_failed();
    EXPECT_NE(static_cast<bool>(id), failed) << at;
    backend_->close(id);
    EXPECT_TRUE(until([&] { return backend_->streams() == 0; }));
    bool ended = false;
    EXPECT_TRUE(until([&] { return ended; }, [&, &from = client] { read_some(from, &ended); }));
    backend_.reset();
  }
  EXPECT_GT(at, 3U);
  backend_ = place_->make_backend();
  EXPECT_EQ(place_->open_descriptors(), before);
}

// On io_uring what was taken and does not go out has to be kept; without memory for it that stream
// ends, and its bytes go nowhere else.
TEST_P(BackendTorture, OneThatCannotKeepItsBytesCostsNobodyElse) {
  const std::string text = pattern(100);
  for (const std::uint64_t at : {0U, 1U}) {
    auto [client, victim] = stream(10 + at);
    auto [other_client, other] = stream(20 + at);
    settle();
    sink_.sent = [&](StreamId id, Owner owner, std::size_t) {
      if (owner == 10 + at) send(id, text);
    };
    for (const Owner owner : {10 + at, 20 + at}) seen(owner);
    fail_call(KernelCall::send, 0, EAGAIN);
    arm_calls(true);
    const bool taken = send(victim, text) != 0;
    EXPECT_EQ(send(other, "of the other"), 12U);
    fail_allocation(at);
    {
      const Armed armed;
      backend_->wait(in(std::chrono::seconds(10)), sink_);
    }
    heal();
    EXPECT_EQ(hear(other_client, 12), "of the other");
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(send(other, "and much more of it"), 19U);
      EXPECT_EQ(hear(other_client, 19), "and much more of it");
    }
    const std::string heard = hear(client, text.size());
    EXPECT_EQ(heard, taken ? "" : text);
    EXPECT_EQ(seen(10 + at).closes, taken ? 1 : 0);
    EXPECT_EQ(seen(10 + at).close_error.value(), taken ? ENOMEM : 0);
  }
}

// The socket is writable all the while, so that waiting for it would be no wait at all.
TEST_P(BackendTorture, ASendThatTheKernelHasNoMemoryForDoesNotSpin) {
  for (const int error : {ENOBUFS, ENOMEM}) {
    for (const std::size_t size : kSizes) {
      for (const std::size_t parts : kParts) {
        auto [client, id] = stream(size * 10 + parts);
        settle();
        break_calls(KernelCall::send, error);
        push(id, size, parts);
        EXPECT_LE(idle_wakes(), kAHandful) << size;
        heal();
        EXPECT_EQ(hear(client, size), push_->text());
        EXPECT_TRUE(push_->done());
        EXPECT_LE(idle_wakes(), kAHandful);
        sink_.sent = nullptr;
        backend_->close(id);
        settle();
      }
      sink_.streams.clear();
    }
  }
}

TEST_P(BackendTorture, WhoHasNoMemoryToSendMayLeave) {
  auto [gone_client, gone] = stream(1);
  auto [moved_client, moved] = stream(2);
  auto [ended_client, ended] = stream(3);
  settle();
  break_calls(KernelCall::send, ENOBUFS);
  for (const StreamId id : {gone, moved, ended}) send(id, "something");
  settle();
  backend_->close(gone);
  backend_->detach(moved);
  backend_->shutdown_write(ended);
  EXPECT_LE(idle_wakes(), kAHandful);
  EXPECT_EQ(seen(1).closes, 1);
  heal();
  EXPECT_TRUE(until([&] { return seen(2).detached_fd >= 0; }));
  bool over = false;
  EXPECT_TRUE(until([&] { return over; }, [&, &from = ended_client] { read_some(from, &over); }));
  place_->close(seen(2).detached_fd);
}

// io_uring_enter() itself fails, for longer than a turn.
TEST_P(BackendTorture, ASubmissionThatFailsIsTriedAgain) {
  for (const int error : {ENOMEM, EAGAIN, EBUSY, EIO}) {
    for (const std::size_t size : kSizes) {
      auto [old_client, old] = stream(1);
      settle();
      break_calls(KernelCall::enter, error);
      auto [client, id] = stream(2);  // its first submission of all
      push(old, size);
      EXPECT_LE(idle_wakes(), kAHandful);
      // Nobody's memory is in use after wait(), whatever the kernel has not taken.
      EXPECT_FALSE(push_->done() && size > 1000 && backend_->name() == std::string("io_uring") &&
                   size < net::kSentAtOnce);
      heal();
      EXPECT_EQ(hear(old_client, size), push_->text());
      write_all(client, "hello");
      EXPECT_TRUE(until([&] { return seen(2).received == "hello"; }));
      EXPECT_LE(idle_wakes(), kAHandful);
      sink_.sent = nullptr;
      for (const StreamId both : {old, id}) backend_->close(both);
      EXPECT_TRUE(until([&] { return backend_->streams() == 0; }));
      sink_.streams.clear();
    }
  }
}

TEST_P(BackendTorture, MoreThanTheQueueHoldsMayWaitForTheKernel) {
  constexpr Owner kStreams = 700;
  std::vector<net::testing::Fd> clients;
  std::vector<StreamId> ids;
  break_calls(KernelCall::enter, ENOMEM);
  for (Owner i = 0; i < kStreams; ++i) {
    auto [client, id] = stream(i);
    clients.push_back(std::move(client));
    ids.push_back(id);
  }
  EXPECT_LE(idle_wakes(), kAHandful);
  for (const StreamId id : ids) EXPECT_EQ(send(id, "x"), 1U);
  EXPECT_LE(idle_wakes(), kAHandful);
  heal();
  for (const net::testing::Fd& client : clients) EXPECT_EQ(hear(client, 1), "x");
}

// A listener is stopped before the kernel has heard that it was watched: its descriptor's number
// is somebody else's by the time it does.
TEST_P(BackendTorture, WhatWasNotSubmittedIsTakenBack) {
  settle();
  break_calls(KernelCall::enter, ENOMEM);
  backend_->accept_start(place_->listener(), 1);
  settle();
  const int number = place_->listener();
  auto [client, server] = tcp_pair();
  backend_->accept_stop(1);
  place_->stop_listening();
  net::testing::Fd reused = own(::dup2(server.get(), number));
  server.reset();
  heal();
  settle();
  reused.reset();
  bool ended = false;
  EXPECT_TRUE(until([&] { return ended; }, [&, &from = client] { read_some(from, &ended); }));
}

}  // namespace
}  // namespace socketio::torture
