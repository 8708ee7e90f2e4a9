// The chat: one page, rooms, history, typing indicators, images as binary. PORT and HOST choose
// where it listens; the browser client is served from SOCKETIO_CLIENT_DIST (the client-dist folder
// of npm's socket.io).
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <variant>
#include <vector>

#include <socketio/server.hpp>

using socketio::Socket;
using socketio::Value;

constexpr std::size_t kHistoryMessages = 50;
constexpr std::size_t kHistoryBytes = 8 * 1024 * 1024;  // of one room, images included
// Whoever joins gets the history in one packet, and each image is an attachment of it: clients take
// ten (ServerOptions::max_attachments).
constexpr std::size_t kHistoryImages = 10;
// In characters; the page allows no more.
constexpr std::size_t kMaxName = 40, kMaxRoom = 40, kMaxText = 4'000, kMaxImageName = 100;
constexpr std::size_t kMaxImage = 900'000;  // bytes
constexpr std::size_t kMaxRooms = 1'000;

// Characters of a UTF-8 text: the bytes that begin one.
std::size_t length(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}
bool fits(std::string_view text, std::size_t most) {
  return !text.empty() && length(text) <= most;
}

struct User {
  std::string id, name;
};
SOCKETIO_FIELDS(User, id, name)

struct Image {
  std::string name, type;
  socketio::Binary data;
};
SOCKETIO_FIELDS(Image, name, type, data)

struct Message {
  std::uint64_t id = 0;
  std::int64_t at = 0;  // ms since the epoch
  User from;
  std::optional<std::string> text;
  std::optional<Image> image;
};
SOCKETIO_FIELDS(Message, id, at, from, text, image)

struct RoomInfo {
  std::string name;
  std::size_t count = 0;
};
SOCKETIO_FIELDS(RoomInfo, name, count)

struct Join {
  std::string name, room;
};
SOCKETIO_FIELDS(Join, name, room)
struct Text {
  std::string text;
};
SOCKETIO_FIELDS(Text, text)
struct Rename {
  std::string name;
};
SOCKETIO_FIELDS(Rename, name)

struct Failure {
  bool ok = false;
  std::string error;
};
SOCKETIO_FIELDS(Failure, ok, error)
struct Joined {
  bool ok = true;
  std::string room;
  User you;
  std::vector<User> users;
  std::deque<Message> history;
  std::vector<RoomInfo> rooms;
};
SOCKETIO_FIELDS(Joined, ok, room, you, users, history, rooms)
struct Sent {
  bool ok = true;
  std::uint64_t id = 0;
  std::int64_t at = 0;
};
SOCKETIO_FIELDS(Sent, ok, id, at)
struct Typing {
  std::string id, name;
  bool typing = false;
};
SOCKETIO_FIELDS(Typing, id, name, typing)

template <class T>
using Answer = std::variant<T, Failure>;

struct Room {
  std::map<std::string, User> users;
  std::deque<Message> history;
  std::size_t bytes = 0;
};

struct Session {  // a socket's own state
  std::string name, room;
};

class Chat {
 public:
  explicit Chat(socketio::Server& io) : io_(io) {
    rooms_["lobby"];
    io.on_event("join", [this](Socket socket, Join join) { return on_join(socket, join); });
    io.on_event("message", [this](Socket socket, Text text) -> Answer<Sent> {
      if (!fits(text.text, kMaxText)) return fail("a message has 1 to 4000 characters");
      return say(socket, std::move(text.text), std::nullopt);
    });
    io.on_event("image", [this](Socket socket, Image image) -> Answer<Sent> {
      if (image.data.size() > kMaxImage || !image.type.starts_with("image/"))
        return fail("not an image, or too large");
      if (length(image.name) > kMaxImageName || length(image.type) > kMaxImageName)
        return fail("an image's name and type have 100 characters at most");
      return say(socket, std::nullopt, std::move(image));
    });
    io.on_event("typing", [](Socket socket, bool typing) {
      const Session& me = socket.data<Session>();
      if (!me.room.empty())
        socket.to(me.room).volatile_().emit("typing",
                                            Typing{std::string(socket.id()), me.name, typing});
    });
    io.on_event("rename", [this](Socket socket, Rename rename) -> Answer<Sent> {
      Session& me = socket.data<Session>();
      if (me.room.empty()) return fail("join a room first");
      if (!fits(rename.name, kMaxName)) return fail("a name has 1 to 40 characters");
      me.name = rename.name;
      User& user = rooms_[me.room].users[std::string(socket.id())];
      user.name = rename.name;
      socket.to(me.room).emit("renamed", user);
      return Sent{};
    });
    io.on_connection([this](Socket socket) {
      socket.on_disconnecting([this, socket](socketio::DisconnectReason) { leave(socket); });
    });
  }

 private:
  static Failure fail(std::string why) { return {false, std::move(why)}; }

  Answer<Joined> on_join(const Socket& socket, const Join& join) {
    if (!fits(join.name, kMaxName)) return fail("a name has 1 to 40 characters");
    if (!fits(join.room, kMaxRoom)) return fail("a room's name has 1 to 40 characters");
    if (rooms_.size() >= kMaxRooms && !rooms_.contains(join.room))
      return fail("there are too many rooms");
    leave(socket);
    Session& me = socket.data<Session>();
    me = {join.name, join.room};
    Room& room = rooms_[join.room];
    const User user{std::string(socket.id()), join.name};
    room.users[user.id] = user;
    socket.join(join.room);
    socket.to(join.room).emit("joined", user);
    announce_rooms();
    std::vector<User> users;
    for (const auto& [id, other] : room.users) users.push_back(other);
    return Joined{true, join.room, user, std::move(users), room.history, list_rooms()};
  }

  void leave(const Socket& socket) {
    Session& me = socket.data<Session>();
    const auto room = rooms_.find(me.room);
    if (room == rooms_.end()) return;
    const User user{std::string(socket.id()), me.name};
    room->second.users.erase(user.id);
    socket.to(me.room).emit("left", user);
    socket.leave(me.room);
    if (room->second.users.empty() && me.room != "lobby") rooms_.erase(room);
    me.room.clear();
    announce_rooms();
  }

  Answer<Sent> say(const Socket& socket, std::optional<std::string> text,
                   std::optional<Image> image) {
    const Session& me = socket.data<Session>();
    if (me.room.empty()) return fail("join a room first");
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    Message message{++last_id_,
                    std::chrono::duration_cast<std::chrono::milliseconds>(now).count(),
                    {std::string(socket.id()), me.name},
                    std::move(text),
                    std::move(image)};
    socket.to(me.room).emit("message", message);
    const Sent sent{true, message.id, message.at};
    remember(rooms_[me.room], std::move(message));
    return sent;
  }

  static void remember(Room& room, Message message) {
    const auto forget = [&room](std::deque<Message>::iterator which) {
      room.bytes -= size_of(*which);
      room.history.erase(which);
    };
    const auto has_image = [](const Message& m) { return m.image.has_value(); };
    room.bytes += size_of(message);
    room.history.push_back(std::move(message));
    if (std::ranges::count_if(room.history, has_image) > std::ptrdiff_t{kHistoryImages})
      forget(std::ranges::find_if(room.history, has_image));
    while (room.history.size() > kHistoryMessages || room.bytes > kHistoryBytes)
      forget(room.history.begin());
  }

  static std::size_t size_of(const Message& m) {
    std::size_t size = m.from.name.size() + (m.text ? m.text->size() : 0);
    if (m.image) size += m.image->name.size() + m.image->type.size() + m.image->data.size();
    return size;
  }

  std::vector<RoomInfo> list_rooms() const {
    std::vector<RoomInfo> out;
    for (const auto& [name, room] : rooms_) out.push_back({name, room.users.size()});
    return out;
  }
  void announce_rooms() { io_.emit("rooms", list_rooms()); }

  socketio::Server& io_;
  std::map<std::string, Room> rooms_;
  std::uint64_t last_id_ = 0;
};

int main() {
  const auto setting = [](const char* name, const char* otherwise) {
    const char* value = std::getenv(name);
    return std::string(value != nullptr && *value != '\0' ? value : otherwise);
  };
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  try {
    socketio::ServerOptions options;
    options.client_dist = setting("SOCKETIO_CLIENT_DIST", "");
    options.log = [](const socketio::LogLine& line) {
      std::fprintf(stderr, "%s\n", to_text(line).c_str());
    };
    socketio::Server io(options);
    // The rest of the policy is in the page; who may frame it has no effect there.
    io.http().serve("/", setting("CHAT_PUBLIC", CHAT_PUBLIC_DIR),
                    {{"Content-Security-Policy", "frame-ancestors 'none'"},
                     {"X-Frame-Options", "DENY"},
                     {"Referrer-Policy", "no-referrer"}});
    Chat chat(io);
    io.listen(static_cast<std::uint16_t>(std::stoi(setting("PORT", "3000"))), setting("HOST", ""));
    std::printf("listening on %u\nchat: http://localhost:%u\n", unsigned{io.port()},
                unsigned{io.port()});
    std::fflush(stdout);
    // Ctrl-C ends the chat with farewells: a thread waits for the signal, so that nothing happens
    // inside a handler.
    std::jthread on_signal([&io, signals](const std::stop_token& stop) {
      // If the end is somebody else's, the jthread's destructor asks for a stop.
      const std::stop_callback wake(stop, [me = pthread_self()] { pthread_kill(me, SIGTERM); });
      int signal = 0;
      sigwait(&signals, &signal);
      io.close();
    });
    io.run();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "chat: %s\n", e.what());
    return 1;
  }
}
