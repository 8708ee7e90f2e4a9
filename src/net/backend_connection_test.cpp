// The conformance test of the I/O seam: how streams come and go. Every backend passes it unchanged.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "net/backend_test_places.hpp"

namespace socketio::net::testing {
namespace {

using std::chrono::milliseconds;

class ConnectionTest : public BackendTest {};
INSTANTIATE_TEST_SUITE_P(All, ConnectionTest, ::testing::ValuesIn(all_backends()), backend_name);

class KernelConnectionTest : public BackendTest {};
INSTANTIATE_TEST_SUITE_P(Kernel, KernelConnectionTest, ::testing::ValuesIn(kernel_backends()),
                         backend_name);

TEST_P(ConnectionTest, AcceptsAndSaysWhoCame) {
  backend_->accept_start(place_->listener(), 77);
  const Fd client = dial();
  EXPECT_TRUE(until([&] { return sink_.accepted.size() == 1; }));
  const Fd server = own(sink_.accepted[0].fd);
  EXPECT_EQ(sink_.accepted[0].listener, 77u);
  EXPECT_EQ(sink_.accepted[0].peer, place_->name(client.get()));
}

TEST_P(KernelConnectionTest, WhatIsAcceptedIsFitForUse) {
  backend_->accept_start(place_->listener(), 1);
  const Fd client = dial();
  EXPECT_TRUE(until([&] { return sink_.accepted.size() == 1; }));
  const Fd server = own(sink_.accepted[0].fd);
  int no_delay = 0;
  socklen_t length = sizeof no_delay;
  ::getsockopt(server.get(), IPPROTO_TCP, TCP_NODELAY, &no_delay, &length);
  EXPECT_EQ(no_delay, 1);
  EXPECT_NE(::fcntl(server.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(server.get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_P(ConnectionTest, StopsAcceptingAlsoInsideAFact) {
  backend_->accept_start(place_->listener(), 1);
  std::vector<Fd> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(dial());
  }
  sink_.on_accept = [&](const TestSink::Accepted& accepted) {
    backend_->accept_stop(1);
    place_->close(accepted.fd);
  };
  EXPECT_TRUE(until([&] { return !sink_.accepted.empty(); }));
  settle();
  EXPECT_EQ(sink_.accepted.size(), 1u);
  backend_->accept_stop(1);
  backend_->accept_stop(99);
  sink_.on_accept = [&](const TestSink::Accepted& accepted) { place_->close(accepted.fd); };
  backend_->accept_start(place_->listener(), 2);
  EXPECT_TRUE(until([&] { return sink_.accepted.size() == 3; }));
  EXPECT_EQ(sink_.accepted.back().listener, 2u);
}

TEST_P(ConnectionTest, Connects) {
  backend_->accept_start(place_->listener(), 1);
  sink_.on_accept = [&](const TestSink::Accepted& accepted) {
    backend_->recv_start(backend_->adopt(accepted.fd, 2));
  };
  sink_.connected = [&](StreamId id, Owner) {
    EXPECT_EQ(send(id, "hello"), 5u);
    backend_->recv_start(id);
  };
  sink_.received = [&](StreamId id, Owner owner, base::MutBytes) {
    if (owner == 2) send(id, "world");
  };
  const StreamId id = backend_->connect(place_->address(), 1);
  EXPECT_EQ(seen(1).connects, 0);
  EXPECT_TRUE(until([&] { return seen(1).received == "world"; }));
  EXPECT_EQ(seen(1).connects, 1);
  EXPECT_FALSE(seen(1).connect_error);
  EXPECT_EQ(seen(2).received, "hello");
  backend_->close(id);
  EXPECT_TRUE(until([&] { return seen(1).closes == 1 && seen(2).eofs == 1; }));
}

TEST_P(ConnectionTest, ARefusedConnectionIsReportedOnce) {
  const Address nobody = place_->address();
  place_->stop_listening();
  backend_->connect(nobody, 1);
  EXPECT_TRUE(until([&] { return seen(1).closes == 1; }));
  EXPECT_EQ(seen(1).connects, 1);
  EXPECT_EQ(seen(1).connect_error, std::errc::connection_refused);
  EXPECT_EQ(seen(1).close_error, std::errc::connection_refused);
  EXPECT_EQ(backend_->streams(), 0u);
}

TEST_P(ConnectionTest, WhatCannotBeConnectedToIsReportedTheSameWay) {
  sink_.connected = [&](StreamId id, Owner) { backend_->close(id); };
  backend_->connect(Address::unix_path("/nonexistent/socket"), 1);
  backend_->connect(Address::unix_path(std::string(300, 'x')), 2);
  backend_->connect(Address(), 3);
  EXPECT_TRUE(sink_.streams.empty());  // never from inside the verb
  EXPECT_TRUE(until([&] { return backend_->streams() == 0; }));
  for (const Owner owner : {1U, 2U, 3U}) {
    EXPECT_EQ(seen(owner).connects, 1);
    EXPECT_TRUE(seen(owner).connect_error);
    EXPECT_EQ(seen(owner).closes, 1);
  }
}

TEST_P(ConnectionTest, ClosingWhileConnectingGivesOnlyClosed) {
  const Address nobody = Address::unix_path("/nonexistent/socket");
  for (const Address& to : {place_->address(), nobody}) {
    const StreamId id = backend_->connect(to, to.port());
    backend_->close(id);
    EXPECT_TRUE(until([&] { return backend_->streams() == 0; }));
    EXPECT_EQ(seen(to.port()).connects, 0);
    EXPECT_EQ(seen(to.port()).closes, 1);
    EXPECT_FALSE(seen(to.port()).close_error);
  }
}

TEST_P(ConnectionTest, DetachingLosesNoByteThatIsUnderWay) {
  auto [client, server] = tcp_pair();
  std::string sent;
  StreamId id = backend_->adopt(server.release(), 0);
  backend_->recv_start(id);
  std::string got;
  constexpr Owner kMoves = 200;
  for (Owner move = 0; move < kMoves; ++move) {
    const std::string piece =
        std::to_string(move) + std::string(static_cast<std::size_t>(move) * 7, '.');
    write_all(client, piece);
    sent += piece;
    if (move % 2 == 0) backend_->wait(base::Time::min(), sink_);
    backend_->detach(id);
    EXPECT_EQ(seen(move).detached_fd, -1);
    EXPECT_TRUE(until([&] { return seen(move).detached_fd >= 0; }));
    got += seen(move).received;
    EXPECT_EQ(seen(move).closes, 0);
    id = backend_->adopt(seen(move).detached_fd, move + 1);
    backend_->recv_start(id);
  }
  EXPECT_TRUE(until([&] { return got.size() + seen(kMoves).received.size() == sent.size(); }));
  EXPECT_TRUE(got + seen(kMoves).received == sent);
}

TEST_P(ConnectionTest, DetachingMovesAStreamToAnotherBackend) {
  const std::unique_ptr<Backend> other = place_->make_backend();
  TestSink other_sink;
  auto [client, id] = stream(1);
  backend_->detach(id);
  EXPECT_TRUE(until([&] { return seen(1).detached_fd >= 0; }));
  EXPECT_EQ(backend_->streams(), 0u);
  const StreamId moved = other->adopt(seen(1).detached_fd, 2);
  other->recv_start(moved);
  write_all(client, "hello");
  while (other_sink.streams[2].received != "hello") other->wait(in(milliseconds(100)), other_sink);
}

TEST_P(ConnectionTest, DetachingEndsTheSendInFlight) {
  auto [client, id] = stream(1, true);
  const std::string text(1'000'000, 'x');
  EXPECT_LT(send(id, text), text.size());
  backend_->detach(id);
  EXPECT_TRUE(until([&] { return seen(1).detached_fd >= 0; }));
  const Fd fd = own(seen(1).detached_fd);
  EXPECT_EQ(seen(1).sents, 1);
}

TEST_P(ConnectionTest, ClosingWinsOverDetaching) {
  auto [client, id] = stream(1);
  backend_->detach(id);
  backend_->close(id);
  EXPECT_TRUE(until([&] { return backend_->streams() == 0; }));
  EXPECT_EQ(seen(1).closes, 1);
  EXPECT_EQ(seen(1).detached_fd, -1);
}

TEST_P(ConnectionTest, ThousandsComeAndGoWithoutALeak) {
  backend_->accept_start(place_->listener(), 1);
  Owner next = 1;
  std::size_t closed = 0;
  sink_.on_accept = [&](const TestSink::Accepted& accepted) {
    backend_->recv_start(backend_->adopt(accepted.fd, next++));
  };
  sink_.received = [&](StreamId id, Owner owner, base::MutBytes bytes) {
    send(id, base::as_bytes(bytes));
    if (owner % 3 == 0) backend_->close(id);
  };
  sink_.ended = [&](StreamId id, Owner) { backend_->close(id); };
  sink_.closed = [&](StreamId, Owner) { ++closed; };
  settle();
  const std::size_t before = place_->open_descriptors();
  constexpr std::size_t kRounds = 30;
  constexpr std::size_t kClients = 100;
  for (std::size_t round = 0; round < kRounds; ++round) {
    std::vector<Fd> clients;
    for (std::size_t i = 0; i < kClients; ++i) {
      clients.push_back(dial());
      if (i % 5 != 0) write_all(clients.back(), "hello");
      if (i % 7 == 0) reset_connection(clients.back());
    }
    if (round % 2 == 0) {
      EXPECT_TRUE(until([&] { return next > (round + 1) * kClients; }));
    }
    clients.clear();
    EXPECT_TRUE(until([&] { return closed == (round + 1) * kClients; }));
  }
  EXPECT_EQ(backend_->streams(), 0u);
  EXPECT_EQ(place_->open_descriptors(), before);
}

TEST_P(ConnectionTest, ABackendClosesWhatIsLeft) {
  const std::size_t before = place_->open_descriptors();
  auto [client, id] = stream(1);
  auto [other_client, other] = stream(2);
  backend_->detach(other);
  const std::size_t closed = [&] {
    const std::size_t all = place_->open_descriptors();
    backend_ = nullptr;
    return all - place_->open_descriptors();
  }();
  EXPECT_GE(closed, 2u);
  client.reset();
  other_client.reset();
  EXPECT_LE(place_->open_descriptors(), before);
}

TEST_P(ConnectionTest, WantOfDescriptorsPausesAcceptingAndDoesNotSpin) {
  backend_->accept_start(place_->listener(), 1);
  auto [peer, served] = stream(9);
  Fd client;
  settle();
  {
    const auto limit = dial_exhausted(client);
    EXPECT_TRUE(until([&] { return sink_.pauses == 1; }));
    EXPECT_EQ(sink_.pause_reason, std::errc::too_many_files_open);
    int wakes = 0;
    const base::Time end = in(milliseconds(250));  // the next two tries fall due after 100 and 300
    for (; now() < end; ++wakes) backend_->wait(end, sink_);
    EXPECT_LE(wakes, 10);
    EXPECT_LE(sink_.pauses, 3);
    // Those who are here are served.
    write_all(peer, "hello");
    EXPECT_TRUE(until([&] { return seen(9).received == "hello"; }));
    EXPECT_TRUE(sink_.accepted.empty());
  }
  ASSERT_TRUE(until([&] { return sink_.accepted.size() == 1; }));  // by itself
  place_->close(sink_.accepted[0].fd);
  backend_->close(served);
}

TEST_P(ConnectionTest, APausedListenerCanBeStopped) {
  backend_->accept_start(place_->listener(), 1);
  Fd client;
  settle();
  {
    const auto limit = dial_exhausted(client);
    EXPECT_TRUE(until([&] { return sink_.pauses == 1; }));
    backend_->accept_stop(1);
  }
  const base::Time end = in(milliseconds(150));
  while (now() < end) backend_->wait(end, sink_);
  EXPECT_TRUE(sink_.accepted.empty());
}

TEST_P(KernelConnectionTest, WakesFromAnotherThread) {
  std::atomic<int> rounds{0};
  std::thread waker([&] {
    for (int i = 0; i < 100; ++i) {
      backend_->wake();
      backend_->wake();
      while (rounds.load() <= i) std::this_thread::yield();
    }
  });
  for (; rounds.load() < 100; ++rounds) {
    const base::Time before = now();
    backend_->wait(base::kNever, sink_);
    EXPECT_LT(now() - before, std::chrono::seconds(10));
  }
  waker.join();
}

TEST_P(ConnectionTest, AWakeBeforeTheWaitEndsIt) {
  for (int i = 0; i < 3; ++i) {
    backend_->wake();
    backend_->wait(base::kNever, sink_);
  }
}

TEST_P(ConnectionTest, WaitsUntilTheDeadlineAndNotForWork) {
  const base::Time deadline = in(milliseconds(20));
  int waits = 0;
  for (; now() < deadline; ++waits) backend_->wait(deadline, sink_);
  EXPECT_LT(waits, 20);  // who does not wait is asked thousands of times
  backend_->wait(base::Time::min(), sink_);
  sink_.work = true;
  backend_->wait(base::kNever, sink_);
  sink_.work = false;
  auto [client, id] = stream(1);
  backend_->close(id);
  backend_->wait(base::kNever, sink_);  // a fact is pending
}

// T15: a byte out of band is not among the others, and disturbs nobody.
TEST_P(KernelConnectionTest, UrgentBytesAreLeftOut) {
  auto [client, id] = stream(1);
  write_all(client, "before");
  EXPECT_TRUE(until([&] { return sink_.streams[1].received == "before"; }));
  EXPECT_EQ(::send(client.get(), "!", 1, MSG_OOB), 1);
  settle();
  write_all(client, "after");
  EXPECT_TRUE(until([&] { return sink_.streams[1].received == "beforeafter"; }));
  EXPECT_LE(idle_wakes(), kAHandful);
  EXPECT_EQ(sink_.streams[1].closes, 0);
}

TEST_P(KernelConnectionTest, CarriesUnixSocketsToo) {
  const std::string path = ::testing::TempDir() + "socketio-net-" + std::to_string(::getpid());
  std::error_code error;
  const Listener listener = Listener::open(Address::unix_path(path), 16, error);
  ASSERT_FALSE(error) << error.message();
  backend_->accept_start(listener.fd(), 1);
  sink_.on_accept = [&](const TestSink::Accepted& accepted) {
    EXPECT_EQ(accepted.peer, Address::unix_path(""));
    backend_->recv_start(backend_->adopt(accepted.fd, 2));
  };
  const StreamId id = backend_->connect(listener.address(), 1);
  EXPECT_TRUE(until([&] { return seen(1).connects == 1 && sink_.accepted.size() == 1; }));
  EXPECT_EQ(send(id, "hello"), 5u);
  backend_->close(id);
  // The peer is gone altogether, which a Unix socket says after its last bytes.
  EXPECT_TRUE(until([&] { return seen(2).closes == 1; }));
  EXPECT_EQ(seen(2).received, "hello");
  EXPECT_EQ(seen(2).eofs, 1);
}

}  // namespace
}  // namespace socketio::net::testing
