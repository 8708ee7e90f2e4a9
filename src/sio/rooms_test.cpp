#include "sio/rooms.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "sio/testing.hpp"

namespace socketio::sio {
namespace {

using testing::SeededRandom;

std::unique_ptr<Socket> make_socket(SeededRandom& random) {
  auto socket = std::make_unique<Socket>();
  std::array<char, eio::kSidSize> id{};
  for (char& c : id) c = static_cast<char>('a' + random.below(26));
  socket->id = id;
  return socket;
}

std::multiset<std::string> selected(Rooms& rooms, const Selection& selection) {
  std::multiset<std::string> ids;
  rooms.select(selection, [&](Socket& socket) { ids.emplace(socket.id_view()); });
  return ids;
}

TEST(Rooms, JoinLeaveAndNames) {
  SeededRandom random(1);
  Rooms rooms(random);
  auto a = make_socket(random);
  rooms.add(*a);
  EXPECT_TRUE(rooms.join(*a, "x"));
  EXPECT_FALSE(rooms.join(*a, "x"));
  EXPECT_TRUE(rooms.join(*a, ""));
  EXPECT_TRUE(rooms.contains(*a, "x"));
  EXPECT_FALSE(rooms.contains(*a, "y"));
  EXPECT_EQ(rooms.room_count(), 2U);
  EXPECT_EQ(rooms.rooms_of(*a), (std::vector<std::string>{"x", ""}));
  EXPECT_FALSE(rooms.leave(*a, "y"));
  EXPECT_TRUE(rooms.leave(*a, "x"));
  EXPECT_FALSE(rooms.leave(*a, "x"));
  EXPECT_EQ(rooms.members("x"), 0U);
  rooms.remove(*a);
  EXPECT_EQ(rooms.room_count(), 0U);
  EXPECT_EQ(rooms.sockets(), 0U);
}

TEST(Rooms, OwnIdIsARoomThatCostsNothing) {
  SeededRandom random(2);
  Rooms rooms(random);
  auto a = make_socket(random);
  auto b = make_socket(random);
  rooms.add(*a);
  rooms.add(*b);
  const std::string id(a->id_view());
  EXPECT_FALSE(rooms.join(*a, id));
  EXPECT_FALSE(rooms.leave(*a, id));
  EXPECT_TRUE(rooms.contains(*a, id));
  EXPECT_EQ(rooms.room_count(), 0U);
  EXPECT_EQ(rooms.find(id), a.get());
  EXPECT_EQ(selected(rooms, {{id}, {}}), (std::multiset<std::string>{id}));
  EXPECT_EQ(selected(rooms, {{}, {id}}), (std::multiset<std::string>{std::string(b->id_view())}));
  // Somebody else in a room of that name is there as well.
  EXPECT_TRUE(rooms.join(*b, id));
  EXPECT_EQ(rooms.members(id), 2U);
  EXPECT_EQ(selected(rooms, {{id}, {}}).size(), 2U);
  EXPECT_EQ(selected(rooms, {{}, {id}}).size(), 0U);
  rooms.remove(*a);
  EXPECT_EQ(rooms.find(id), nullptr);
  EXPECT_EQ(selected(rooms, {{id}, {}}).size(), 1U);
  rooms.remove(*b);
}

TEST(Rooms, ConnectingSocketsAreNotSelected) {
  SeededRandom random(3);
  Rooms rooms(random);
  auto a = make_socket(random);
  rooms.join(*a, "x");
  EXPECT_EQ(selected(rooms, {{"x"}, {}}).size(), 0U);
  EXPECT_EQ(selected(rooms, {}).size(), 0U);
  rooms.add(*a);
  EXPECT_EQ(selected(rooms, {{"x"}, {}}).size(), 1U);
  rooms.remove(*a);
}

// More than are given at a time, and everybody once, however the rooms overlap.
TEST(Rooms, CrowdsAreSelectedInGroups) {
  SeededRandom random(5);
  Rooms rooms(random);
  std::vector<std::unique_ptr<Socket>> crowd;
  for (int i = 0; i < 100; ++i) {
    crowd.push_back(make_socket(random));
    rooms.add(*crowd.back());
    rooms.join(*crowd.back(), i % 2 == 0 ? "even" : "odd");
    rooms.join(*crowd.back(), i % 3 == 0 ? "third" : "other");
  }
  const auto count = [&rooms](const Selection& selection) {
    std::set<Socket*> seen;
    rooms.select_in_groups(selection, [&seen](Rooms::Group group) {
      EXPECT_FALSE(group.empty());
      for (Socket* socket : group) EXPECT_TRUE(seen.insert(socket).second);
    });
    return seen.size();
  };
  EXPECT_EQ(count({}), 100U);
  EXPECT_EQ(count({{"even"}, {}}), 50U);
  EXPECT_EQ(count({{"even", "third"}, {}}), 67U);
  EXPECT_EQ(count({{"even"}, {"third"}}), 33U);
  EXPECT_EQ(count({{}, {"third"}}), 66U);
  EXPECT_EQ(count({{"nobody"}, {}}), 0U);
  for (const auto& socket : crowd) rooms.remove(*socket);
}

// Against two maps of sets, over few names so that everything meets.
TEST(Rooms, Property) {
  SeededRandom random(4);
  Rooms rooms(random);
  std::vector<std::unique_ptr<Socket>> sockets;
  std::map<std::string, std::set<std::string>> model;  // socket -> rooms
  const auto room = [&random] { return "r" + std::to_string(random.below(60)); };
  const auto name = [&] {
    if (sockets.empty() || random.below(4) > 0) return room();
    return std::string(sockets[random.below(sockets.size())]->id_view());
  };
  for (int step = 0; step < 15'000; ++step) {
    const std::size_t what = random.below(100);
    if (sockets.empty() || what < 3) {
      sockets.push_back(make_socket(random));
      rooms.add(*sockets.back());
      model[std::string(sockets.back()->id_view())];
      continue;
    }
    const std::size_t which = random.below(sockets.size());
    Socket& socket = *sockets[which];
    const std::string id(socket.id_view());
    if (what < 60) {
      const std::string to = name();
      EXPECT_EQ(rooms.join(socket, to), to != id && model[id].insert(to).second);
    } else if (what < 85) {
      const std::string from = name();
      EXPECT_EQ(rooms.leave(socket, from), model[id].erase(from) > 0);
    } else if (what < 86) {
      rooms.leave_all(socket);
      model[id].clear();
    } else if (what < 88) {
      rooms.remove(socket);
      model.erase(id);
      sockets.erase(sockets.begin() + static_cast<std::ptrdiff_t>(which));
    } else {
      Selection selection;
      for (std::size_t i = random.below(4); i > 0; --i) selection.rooms.push_back(name());
      for (std::size_t i = random.below(3); i > 0; --i) selection.except.push_back(name());
      std::multiset<std::string> expected;
      for (const auto& entry : model) {
        const std::string& socket_id = entry.first;
        const std::set<std::string>& in = entry.second;
        const auto is_in = [&](const std::string& r) { return r == socket_id || in.contains(r); };
        const auto any = [&](const std::vector<std::string>& names) {
          return std::any_of(names.begin(), names.end(), is_in);
        };
        if ((selection.rooms.empty() || any(selection.rooms)) && !any(selection.except))
          expected.insert(socket_id);
      }
      ASSERT_EQ(selected(rooms, selection), expected);
    }
    if (step % 256 != 0) continue;
    std::set<std::string> all;
    for (const auto& [socket_id, in] : model) all.insert(in.begin(), in.end());
    ASSERT_EQ(rooms.room_count(), all.size());
    ASSERT_EQ(rooms.sockets(), model.size());
    for (const auto& each : sockets) {
      std::vector<std::string> names = rooms.rooms_of(*each);
      const auto& in = model[std::string(each->id_view())];
      ASSERT_EQ(std::set<std::string>(names.begin(), names.end()), in);
      ASSERT_EQ(names.size(), in.size());
    }
  }
  for (auto& socket : sockets) rooms.remove(*socket);
  EXPECT_EQ(rooms.room_count(), 0U);
}

// S74, S75: many rooms of one socket, again and again; nothing stays.
TEST(Rooms, ManyRooms) {
  SeededRandom random(5);
  Rooms rooms(random);
  auto a = make_socket(random);
  auto b = make_socket(random);
  rooms.add(*a);
  rooms.add(*b);
  for (int i = 0; i < 50'000; ++i) {
    const std::string name = std::to_string(i);
    ASSERT_TRUE(rooms.join(*a, name));
    ASSERT_TRUE(rooms.join(*b, name));
    ASSERT_FALSE(rooms.join(*b, name));
  }
  for (int i = 0; i < 50'000; ++i) ASSERT_TRUE(rooms.leave(*a, std::to_string(i)));
  rooms.remove(*b);
  EXPECT_EQ(rooms.room_count(), 0U);
  EXPECT_TRUE(a->memberships.slots.empty());
}

// Numbers of rooms that a crowd has had are forgotten, those that are in use are not.
TEST(Rooms, ShrinkAfterACrowd) {
  SeededRandom random(6);
  Rooms rooms(random);
  std::vector<std::unique_ptr<Socket>> crowd;
  for (int i = 0; i < 1'000; ++i) {
    crowd.push_back(make_socket(random));
    rooms.add(*crowd.back());
    for (int n = 0; n < 10; ++n)
      rooms.join(*crowd.back(), std::to_string(i) + "/" + std::to_string(n));
  }
  Socket& one = *crowd[3];
  for (auto& socket : crowd) {
    if (socket.get() != &one) rooms.remove(*socket);
  }
  rooms.shrink();
  EXPECT_EQ(rooms.sockets(), 1U);
  EXPECT_EQ(rooms.room_count(), 10U);
  EXPECT_EQ(rooms.find(one.id_view()), &one);
  EXPECT_TRUE(rooms.contains(one, "3/9"));
  EXPECT_EQ(selected(rooms, {{"3/0", "3/5"}, {}}),
            std::multiset<std::string>{std::string(one.id_view())});
  // The last number in use was 39.
  for (int i = 0; i < 30; ++i) {
    EXPECT_TRUE(rooms.join(one, "new" + std::to_string(i)));
    EXPECT_LT(one.memberships.slots.back().room, 40U);
  }
  EXPECT_TRUE(rooms.join(one, "more"));
  EXPECT_EQ(one.memberships.slots.back().room, 40U);
  rooms.remove(one);
  rooms.shrink();
  rooms.add(*crowd[4]);
  EXPECT_TRUE(rooms.join(*crowd[4], "again"));
  EXPECT_EQ(crowd[4]->memberships.slots.back().room, 0U);
  EXPECT_EQ(rooms.room_count(), 1U);
  rooms.remove(*crowd[4]);
}

}  // namespace
}  // namespace socketio::sio
