// Listeners in their order and number, the data that others see, and what a socket does not send.
#include <gtest/gtest.h>

#include "support/sio_client.hpp"

namespace socketio {
namespace {

using test::Client;
using test::World;
using Strings = std::vector<std::string>;

class SocketListening : public ::testing::Test {
 protected:
  explicit SocketListening(const ServerOptions& options = {}) : world_(options), client_(world_) {
    world_.io.on_connection([this](const Socket& socket) { socket_ = socket; });
    client_.join();
  }
  auto say(const char* what) {
    return [this, what](const EventView& event) {
      seen_.push_back(std::string(what) + " " + std::string(event.name()));
    };
  }

  World world_;
  Socket socket_;
  Client client_;
  Strings seen_;
};

// covers sio/socket: onAny › should prepend listener
TEST_F(SocketListening, PrependedOnesAreFirst) {
  EXPECT_EQ(socket_.any_count(), 0U);
  socket_.on_any(say("1"));
  socket_.prepend_any(say("2"));
  const ListenerId third = socket_.prepend_any(say("3"));
  EXPECT_EQ(socket_.any_count(), 3U);
  client_.send(R"(2["my-event"])");
  client_.rest();
  EXPECT_EQ(seen_, (Strings{"3 my-event", "2 my-event", "1 my-event"}));
  EXPECT_TRUE(socket_.off(third));
  EXPECT_EQ(socket_.any_count(), 2U);
  EXPECT_TRUE(socket_.off_any());
  EXPECT_EQ(socket_.any_count(), 0U);
}

// covers sio/socket: onAnyOutgoing › should prepend listener
TEST_F(SocketListening, PrependedOnesOfWhatGoesOutAreFirst) {
  socket_.on_any_outgoing(say("1"));
  socket_.prepend_any_outgoing(say("2"));
  socket_.prepend_any_outgoing(say("3"));
  EXPECT_EQ(socket_.any_outgoing_count(), 3U);
  socket_.emit("my-event", "123");
  EXPECT_EQ(seen_, (Strings{"3 my-event", "2 my-event", "1 my-event"}));
  seen_.clear();
  world_.io.emit("all");
  EXPECT_EQ(seen_, (Strings{"3 all", "2 all", "1 all"}));
}

TEST_F(SocketListening, AreCounted) {
  EXPECT_EQ(socket_.listener_count("e"), 0U);
  const ListenerId first = socket_.on("e", [] {});
  socket_.once("e", [] {});
  EXPECT_EQ(socket_.listener_count("e"), 2U);
  EXPECT_EQ(socket_.listener_count("f"), 0U);
  client_.send(R"(2["e"])");
  client_.rest();
  EXPECT_EQ(socket_.listener_count("e"), 1U);
  socket_.off(first);
  EXPECT_EQ(socket_.listener_count("e"), 0U);
  EXPECT_EQ(Socket().listener_count("e"), 0U);
}

TEST_F(SocketListening, DataIsSeenByOthers) {
  EXPECT_TRUE(world_.io.fetch_sockets().get().value().at(0).data().is_null());
  socket_.data<int>() = 5;  // your own is not
  EXPECT_TRUE(world_.io.fetch_sockets().get().value().at(0).data().is_null());
  socket_.data()["user"] = "ann";
  EXPECT_EQ(world_.io.fetch_sockets().get().value().at(0).data()["user"], Value("ann"));
  EXPECT_TRUE(socket_.set_data(Value(7)));
  EXPECT_EQ(socket_.data<Value>(), Value(7));
  const auto snapshot = world_.io.fetch_sockets().get().value();
  socket_.set_data(Value(8));
  EXPECT_EQ(snapshot.at(0).data(), Value(7));
  client_.close();
  client_.wait_closed();
  EXPECT_FALSE(socket_.set_data(Value(1)));
  EXPECT_FALSE(Socket().set_data(Value(1)));
}

TEST_F(SocketListening, WriteIsSend) {
  socket_.write(1);
  world_.io.write("all");
  socket_.to("nowhere").write(2);
  EXPECT_EQ(client_.rest(), (Strings{R"(2["message",1])", R"(2["message","all"])"}));
}

// A peer would disconnect: JavaScript's parser takes ten.
TEST_F(SocketListening, TooManyAttachmentsAreRefusedWhereTheyAreSent) {
  const std::vector<Binary> ten(10, Binary("x"));
  const std::vector<Binary> eleven(11, Binary("x"));
  EXPECT_TRUE(socket_.emit("e", ten));
  EXPECT_EQ(client_.rest().size(), 11U);
  EXPECT_TRUE(world_.errors.empty());
  EXPECT_FALSE(socket_.emit("one", eleven));
  EXPECT_FALSE(world_.io.emit("many", eleven));
  EXPECT_EQ(socket_.emit_with_ack<int>("asked", eleven).get().error(),
            make_error_code(Errc::too_many));
  EXPECT_EQ(
      world_.io.timeout(std::chrono::seconds(1)).emit_with_ack<int>("all", eleven).get().error(),
      make_error_code(Errc::too_many));
  socket_.on("ask", [&eleven](const Ack& ack) { EXPECT_FALSE(ack(eleven)); });
  client_.send(R"(21["ask"])");
  EXPECT_EQ(client_.rest(), Strings{});
  Strings events;
  for (const ErrorReport& error : world_.errors) {
    EXPECT_EQ(error.kind, ErrorReport::Kind::send_refused);
    EXPECT_EQ(error.message,
              "more binary attachments than max_attachments (10): the receiver would disconnect");
    events.push_back(error.event);
  }
  EXPECT_EQ(events, (Strings{"one", "many", "asked", "all", "(acknowledgement)"}));
}

}  // namespace
}  // namespace socketio
