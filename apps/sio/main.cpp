// sio: the command-line tool. `sio bench` is its first command; serve, connect and emit follow with
// the client library.
#include <cstdio>

#include "commands.hpp"

int main(int argc, char** argv) {
  CLI::App app("Socket.IO on the command line", "sio");
  app.require_subcommand(1);
  try {
    sio_tool::add_bench(app);
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sio: %s\n", error.what());
    return 1;
  }
  return 0;
}
