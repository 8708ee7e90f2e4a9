// The conformance test of the I/O seam: streams. Every backend passes it unchanged.
#include "net/backend.hpp"

#include <algorithm>
#include <chrono>

#include "net/backend_test_places.hpp"

namespace socketio::net::testing {
namespace {

using std::chrono::milliseconds;

class StreamTest : public BackendTest {};
INSTANTIATE_TEST_SUITE_P(All, StreamTest, ::testing::ValuesIn(all_backends()), backend_name);

TEST_P(StreamTest, Echoes) {
  auto [peer, id] = stream(1);
  const Fd& client = peer;  // clang 14 cannot capture bindings
  sink_.received = [&](StreamId from, Owner, base::MutBytes bytes) {
    EXPECT_EQ(send(from, base::as_bytes(bytes)), bytes.size());
  };
  for (const char* text : {"one", "two", "three"}) {
    write_all(client, text);
    std::string answer;
    EXPECT_TRUE(until([&] { return (answer += read_some(client)) == text; }, [] {}));
  }
  EXPECT_EQ(seen(1).received, "onetwothree");
  EXPECT_EQ(seen(1).sents, 0);
}

TEST_P(StreamTest, SendsTheConcatenationOfManyParts) {
  auto [peer, id] = stream(1);
  const Fd& client = peer;  // clang 14 cannot capture bindings
  std::vector<base::Bytes> parts(Backend::kMaxParts, "ab");
  parts[3] = "";
  EXPECT_EQ(backend_->send(id, parts), 2 * (Backend::kMaxParts - 1));
  std::string answer;
  EXPECT_TRUE(until([&] { return (answer += read_some(client)).size() == 126; }, [] {}));
  EXPECT_EQ(answer.find("ba"), 1u);
  EXPECT_EQ(backend_->send(id, {}), 0u);  // nothing is not in flight
  EXPECT_EQ(send(id, "x"), 1u);
}

TEST_P(StreamTest, TakesBurstsOfManyStreams) {
  constexpr Owner kStreams = 50;
  const std::string text = pattern(20'000);
  std::vector<Fd> clients;
  for (Owner i = 0; i < kStreams; ++i) clients.push_back(stream(i).first);
  for (const Fd& client : clients) write_all(client, text);
  EXPECT_TRUE(until([&] {
    return std::all_of(sink_.streams.begin(), sink_.streams.end(),
                       [&](auto& entry) { return entry.second.received == text; }) &&
           sink_.streams.size() == kStreams;
  }));
}

TEST_P(StreamTest, PadsWhatItReceives) {
  auto [client, id] = stream(1);
  sink_.received = [&](StreamId, Owner, base::MutBytes bytes) {
    std::fill(bytes.begin(), bytes.end(), 'x');  // ours to modify during the fact
    const std::string all(bytes.data(), bytes.size() + base::kPadding);  // for the sanitizer
    EXPECT_EQ(all.substr(0, bytes.size()), std::string(bytes.size(), 'x'));
  };
  write_all(client, std::string(200'000, 'a'));
  EXPECT_TRUE(until([&] { return seen(1).received.size() == 200'000; }));
  EXPECT_EQ(seen(1).received, std::string(200'000, 'a'));
}

TEST_P(StreamTest, AFloodGetsABoundedPartOfAWait) {
  auto [flood, flooding] = stream(1);
  auto [quiet, other] = stream(2);
  const std::string piece(1 << 20, 'f');
  std::size_t written = 0;
  const auto write_on = [&, fd = flood.get()] {
    while (written < piece.size() * 8) {
      const std::int64_t n = place_->write(fd, base::Bytes(piece).substr(written % piece.size()));
      if (n <= 0) return;
      written += static_cast<std::size_t>(n);
    }
  };
  write_all(quiet, "q");
  std::size_t before = 0;
  EXPECT_TRUE(until(
      [&] {
        const std::size_t now = seen(1).received.size();
        EXPECT_LE(now - before, kMaxReceive);
        before = now;
        return now == 8U << 20;
      },
      write_on));
  EXPECT_EQ(seen(2).received, "q");
}

class ChosenReceiveTest : public BackendTest {
 protected:
  static constexpr std::size_t kChosen = kLeastReceive + 1;
  ChosenReceiveTest() {
    std::error_code why_not;
    backend_ = std::string_view(backend_->name()) == "epoll" ? make_epoll_backend(kChosen)
                                                             : make_uring_backend(why_not, kChosen);
  }
};
INSTANTIATE_TEST_SUITE_P(Kernels, ChosenReceiveTest, ::testing::ValuesIn(kernel_backends()),
                         backend_name);

TEST_P(ChosenReceiveTest, AFloodGetsAsMuchAsWasChosen) {
  const auto [flood, id] = stream(1);
  const std::string text = pattern(40 * kChosen);
  std::size_t written = 0;
  const auto write_on = [&, fd = flood.get()] {
    while (written < text.size()) {
      const std::int64_t n = place_->write(fd, base::Bytes(text).substr(written));
      if (n <= 0) return;
      written += static_cast<std::size_t>(n);
    }
  };
  std::size_t before = 0;
  std::size_t most = 0;
  EXPECT_TRUE(until(
      [&] {
        const std::size_t now = seen(1).received.size();
        most = std::max(most, now - before);
        before = now;
        return now == text.size();
      },
      write_on));
  EXPECT_EQ(seen(1).received, text);
  EXPECT_LE(most, kChosen);
  EXPECT_GT(most, kChosen / 2);
}

// A backend may read large messages in another way than small ones.
TEST_P(StreamTest, LargeAndSmallPiecesStayInOrder) {
  auto [peer, id] = stream(1);
  const Fd& client = peer;  // clang 14 cannot capture bindings
  std::string sent;
  const auto write = [&](int round) {
    const std::string piece = pattern(round % 3 == 0 ? 70'000 : round % 3 == 1 ? 10 : 5'000);
    write_all(client, piece);
    sent += piece;
  };
  const auto all_came = [&] { return seen(1).received.size() == sent.size(); };
  for (int round = 0; round < 12; ++round) {
    write(round);
    EXPECT_TRUE(until(all_came));
  }
  // The same while reading stops behind every piece.
  sink_.received = [&](StreamId from, Owner, base::MutBytes) { backend_->recv_stop(from); };
  for (int round = 0; round < 12; ++round) {
    write(round);
    EXPECT_TRUE(until(all_came, [&, to = id] { backend_->recv_start(to); }));
  }
  EXPECT_EQ(seen(1).received, sent);
  sink_.received = {};
  backend_->recv_start(id);
  write(0);
  end_writing(client);
  EXPECT_TRUE(until([&] { return seen(1).eofs == 1; }));
  EXPECT_EQ(seen(1).received, sent);
}

TEST_P(StreamTest, AHalfClosedPeerStillGetsItsAnswer) {
  auto [peer, id] = stream(1);
  const Fd& client = peer;  // clang 14 cannot capture bindings
  sink_.ended = [&](StreamId from, Owner) {
    EXPECT_EQ(send(from, "answer"), 6u);
    backend_->shutdown_write(from);
  };
  write_all(client, "question");
  end_writing(client);
  std::string answer;
  bool ended = false;
  EXPECT_TRUE(until([&] { return (answer += read_some(client, &ended)), ended; }, [] {}));
  EXPECT_EQ(answer, "answer");
  EXPECT_EQ(seen(1).received, "question");
  settle();
  EXPECT_EQ(seen(1).eofs, 1);
  EXPECT_EQ(seen(1).closes, 0);
  backend_->close(id);
  EXPECT_TRUE(until([&] { return seen(1).closes == 1; }));
  EXPECT_FALSE(seen(1).close_error);
}

TEST_P(StreamTest, NoEndOfAnyDirectionSpins) {
  auto [client, id] = stream(1);
  end_writing(client);
  EXPECT_TRUE(until([&] { return seen(1).eofs == 1; }));
  EXPECT_LE(idle_wakes(), kAHandful);
  backend_->shutdown_write(id);  // now both are over, which epoll calls EPOLLHUP, for ever
  EXPECT_LE(idle_wakes(), kAHandful);
  EXPECT_EQ(seen(1).eofs, 1);

  auto [peer, paused] = stream(2);
  backend_->recv_stop(paused);
  write_all(peer, "unread");
  end_writing(peer);
  EXPECT_LE(idle_wakes(), kAHandful);
  backend_->shutdown_write(paused);
  EXPECT_LE(idle_wakes(), kAHandful);
  EXPECT_EQ(seen(2).received, "");
  backend_->recv_start(paused);
  EXPECT_TRUE(until([&] { return seen(2).eofs == 1; }));
  EXPECT_EQ(seen(2).received, "unread");
}

// Netty's CVE-2026-42577: a reset that comes when the read side has already ended.
TEST_P(StreamTest, AResetAfterTheEndIsReported) {
  auto [client, id] = stream(1);
  end_writing(client);
  EXPECT_TRUE(until([&] { return seen(1).eofs == 1; }));
  reset_connection(client);
  EXPECT_TRUE(until([&] { return seen(1).closes == 1; }));
  EXPECT_TRUE(seen(1).close_error);
  EXPECT_EQ(backend_->streams(), 0u);
  EXPECT_LE(idle_wakes(), kAHandful);
}

TEST_P(StreamTest, AResetIsReportedWhileReadingIsStopped) {
  auto [client, id] = stream(1);
  backend_->recv_stop(id);
  settle();
  reset_connection(client);
  EXPECT_TRUE(until([&] { return seen(1).closes == 1; }));
  EXPECT_TRUE(seen(1).close_error);
}

TEST_P(StreamTest, AResetIsReportedAfterWhatCameBefore) {
  auto [client, id] = stream(1);
  write_all(client, "last words");
  EXPECT_TRUE(until([&] { return seen(1).receives == 1; }));
  reset_connection(client);
  EXPECT_TRUE(until([&] { return seen(1).closes == 1; }));
  EXPECT_EQ(seen(1).received, "last words");
  EXPECT_EQ(seen(1).close_error, std::errc::connection_reset);
}

TEST_P(StreamTest, ASendErrorIsAFactOfTheNextWait) {
  auto [client, handle] = stream(1);
  const StreamId id = handle;
  backend_->recv_stop(id);
  reset_connection(client);
  // The first send may still be taken, depending on the backend and on when the reset arrives.
  for (int i = 0; i < 1'000'000 && seen(1).closes == 0; ++i) {
    send(id, "x");
    EXPECT_EQ(seen(1).closes, 0);
    backend_->wait(place_->soon(), sink_);
  }
  EXPECT_EQ(seen(1).closes, 1);
  EXPECT_TRUE(seen(1).close_error);
  EXPECT_EQ(send(id, "x"), 0u);
}

TEST_P(StreamTest, ClosingInsideAFactEndsTheFacts) {
  auto [peer, id] = stream(1);
  const Fd& client = peer;  // clang 14 cannot capture bindings
  auto [other_client, other] = stream(2);
  // Whichever of the two is first closes both.
  sink_.received = [&, one = id, two = other](StreamId, Owner, base::MutBytes) {
    backend_->close(one);
    backend_->close(two);
    backend_->close(two);
    EXPECT_EQ(seen(1).closes + seen(2).closes, 0);
  };
  write_all(client, "x");
  write_all(other_client, "x");
  EXPECT_TRUE(until([&] { return seen(1).closes + seen(2).closes == 2; }));
  EXPECT_EQ(seen(1).receives + seen(2).receives, 1);
  EXPECT_FALSE(seen(1).close_error);
  bool ended = false;
  EXPECT_TRUE(until([&] { return read_some(client, &ended), ended; }, [] {}));
  EXPECT_EQ(backend_->streams(), 0u);
}

TEST_P(StreamTest, StaleIdsAreIgnored) {
  auto [client, id] = stream(1);
  backend_->close(id);
  EXPECT_TRUE(until([&] { return seen(1).closes == 1; }));
  auto [other_client, other] = stream(2);
  EXPECT_FALSE(id == other);
  for (const StreamId stale : {id, StreamId{}, StreamId{4'000'000, 1}}) {
    backend_->set_owner(stale, 9);
    backend_->recv_start(stale);
    backend_->recv_stop(stale);
    EXPECT_EQ(send(stale, "x"), 0u);
    backend_->shutdown_write(stale);
    backend_->detach(stale);
    backend_->close(stale);
  }
  write_all(other_client, "x");
  EXPECT_TRUE(until([&] { return seen(2).received == "x"; }));
  EXPECT_EQ(sink_.streams.size(), 2u);
  EXPECT_EQ(send(other, "y"), 1u);
}

TEST_P(StreamTest, SlotsAreReusedInsideOnClosed) {
  auto [client, id] = stream(1);
  auto [new_client, new_server] = tcp_pair();
  StreamId next;
  sink_.closed = [&, fd = new_server.release()](StreamId old, Owner owner) {
    if (owner != 1) return;
    next = backend_->adopt(fd, 2);
    backend_->recv_start(next);
    backend_->close(old);
  };
  backend_->close(id);
  write_all(new_client, "new");
  EXPECT_TRUE(until([&] { return seen(2).received == "new"; }));
}

TEST_P(StreamTest, FactsCarryTheLatestOwner) {
  auto [client, id] = stream(1);
  write_all(client, "a");
  EXPECT_TRUE(until([&] { return seen(1).received == "a"; }));
  backend_->set_owner(id, 5);
  write_all(client, "b");
  EXPECT_TRUE(until([&] { return seen(5).received == "b"; }));
  backend_->close(id);
  backend_->set_owner(id, 6);
  EXPECT_TRUE(until([&] { return seen(6).closes == 1; }));
}

TEST_P(StreamTest, ClosingDropsTheSendInFlight) {
  auto [client, id] = stream(1, true);
  const std::string text = pattern(1'000'000);
  EXPECT_LT(send(id, text), text.size());
  backend_->close(id);
  EXPECT_TRUE(until([&] { return seen(1).closes == 1; }));
  EXPECT_EQ(seen(1).sents, 0);
  EXPECT_FALSE(seen(1).close_error);
}

TEST_P(StreamTest, StopsAndResumesReading) {
  auto [client, id] = stream(1);
  for (int round = 0; round < 3; ++round) {
    write_all(client, "a");
    EXPECT_TRUE(until([&] { return seen(1).receives == round * 2 + 1; }));
    backend_->recv_stop(id);
    write_all(client, "b");
    settle();
    EXPECT_EQ(seen(1).receives, round * 2 + 1);
    EXPECT_LE(idle_wakes(), kAHandful);
    backend_->recv_start(id);
    EXPECT_TRUE(until([&] { return seen(1).receives == round * 2 + 2; }));
  }
  EXPECT_EQ(seen(1).received, "ababab");
}

// The end is input too: it comes behind all bytes, and not before somebody asks for it.
TEST_P(StreamTest, TheEndWaitsWhileReadingIsStopped) {
  for (const std::size_t piece : {std::size_t{2048}, std::size_t{40'000}}) {
    const Owner owner = piece;
    auto [client, handle] = stream(owner);
    const StreamId id = handle;
    const std::string text = pattern(3 * piece);
    for (std::size_t i = 0; i < 3; ++i) write_all(client, text.substr(i * piece, piece));
    end_writing(client);
    sink_.received = [&](StreamId from, Owner, base::MutBytes) { backend_->recv_stop(from); };
    settle();
    EXPECT_GT(seen(owner).receives, 0);
    EXPECT_EQ(seen(owner).eofs, 0);
    EXPECT_LE(idle_wakes(), kAHandful);
    EXPECT_TRUE(until([&] { return seen(owner).eofs == 1; }, [&] { backend_->recv_start(id); }));
    EXPECT_EQ(seen(owner).received, text);
    backend_->recv_start(id);
    settle();
    EXPECT_EQ(seen(owner).eofs, 1);
    EXPECT_EQ(seen(owner).closes, 0);
  }
}

TEST_P(StreamTest, ReadsNothingBeforeItIsTold) {
  auto [client, server] = tcp_pair();
  const StreamId id = backend_->adopt(server.release(), 1);
  write_all(client, "early");
  settle();
  EXPECT_EQ(seen(1).receives, 0);
  backend_->recv_start(id);
  EXPECT_TRUE(until([&] { return seen(1).received == "early"; }));
}

// What a crowd has left goes, and nothing of those who are there.
TEST_P(StreamTest, ShrinksAfterACrowd) {
  constexpr Owner kCrowd = 300;
  auto [first, first_id] = stream(1);
  std::vector<std::pair<Fd, StreamId>> crowd;
  for (Owner i = 0; i < kCrowd; ++i) crowd.push_back(stream(10 + i));
  auto [last, last_id] = stream(2);
  for (auto& [client, id] : crowd) backend_->close(id);
  backend_->shrink();  // all of them are still on their way out
  EXPECT_TRUE(until([&] { return backend_->streams() == 2; }));
  backend_->shrink();
  for (auto& [client, id] : crowd) {
    EXPECT_EQ(send(id, "x"), 0u);  // ignored, as ever
    backend_->close(id);
  }
  write_all(first, "one");
  write_all(last, "two");
  EXPECT_TRUE(until([&] { return seen(1).received == "one" && seen(2).received == "two"; }));
  EXPECT_EQ(send(first_id, "x"), 1u);
  EXPECT_EQ(send(last_id, "y"), 1u);
  // The next crowd finds room.
  std::vector<Fd> others;
  for (Owner i = 0; i < kCrowd; ++i) others.push_back(stream(1'000 + i).first);
  for (const Fd& client : others) write_all(client, "z");
  EXPECT_TRUE(until([&] {
    for (Owner i = 0; i < kCrowd; ++i) {
      if (seen(1'000 + i).received != "z") return false;
    }
    return true;
  }));
  EXPECT_EQ(backend_->streams(), kCrowd + 2);
}

}  // namespace
}  // namespace socketio::net::testing
