// The program of every user in this folder: a server that listens on a free port and closes.
//
// With an argument it serves the browser client meanwhile: that has to be the installed file, found
// without being told where it is.
#include <cstdio>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <socketio/server.hpp>

namespace {

// What the server answers to `request`, until it closes.
std::string ask(std::uint16_t port, const std::string& request) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 &&
      ::send(fd, request.data(), request.size(), MSG_NOSIGNAL) > 0) {
    char piece[4096];
    for (ssize_t n = 0; (n = ::recv(fd, piece, sizeof piece, 0)) > 0;)
      answer.append(piece, static_cast<std::size_t>(n));
  }
  ::close(fd);
  return answer;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string expected = argc > 1 ? argv[1] : "";
  socketio::Server io;
  io.on_connection([](socketio::Socket socket) { socket.join("lobby"); });
  io.listen(0, "127.0.0.1");
  const auto port = io.port();
  std::string answer;
  std::thread client;
  if (!expected.empty()) {
    client = std::thread([&] {
      answer =
          ask(port, "GET /socket.io/socket.io.js HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
      io.close();
    });
  } else {
    io.close();
  }
  io.run();
  if (client.joinable()) client.join();
  std::printf("listened on %d and closed\n", port);
  if (answer.find(expected) == std::string::npos) {
    std::printf("no \"%s\" in:\n%s\n", expected.c_str(), answer.c_str());
    return 1;
  }
  return port > 0 && io.close().ready() ? 0 : 1;
}
