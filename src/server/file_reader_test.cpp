// Which answer a file, or the want of one, gets; over real connections.
#include "server/file_reader.hpp"

#include <filesystem>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support/folder.hpp"
#include "support/sio_client.hpp"

namespace socketio {
namespace {

using test::Folder;
using test::http_get;
using test::HttpAnswer;
using test::HttpPeer;
using test::World;

TEST(FileReader, WhatIsNotInAFolderIsLookedForInTheNext) {
  const Folder folder;
  folder.write("site/page.html", "page");
  folder.write("site/docs/both.html", "of the site");
  folder.write("docs/both.html", "of the docs");
  folder.write("docs/index.html", "docs");
  World world;
  world.io.http()
      .serve("/", folder.path() + "/site", {{"X-From", "site"}})
      .serve("/docs", folder.path() + "/docs", {{"X-From", "docs"}});
  HttpPeer peer(world);
  EXPECT_EQ(peer.request("GET", "/page.html").body, "page");
  EXPECT_EQ(peer.request("GET", "/docs/both.html").body, "of the site") << "in order";
  const HttpAnswer docs = peer.request("GET", "/docs/");
  EXPECT_EQ(docs.body, "docs");
  EXPECT_EQ(docs.header("X-From"), "docs");
  const HttpAnswer none = peer.request("GET", "/docs/none");
  EXPECT_EQ(none.status, 404);
  EXPECT_EQ(none.header("X-From"), "site") << "the first that could have had it";
}

TEST(FileReader, TheFallbackAnswersForWhatIsInNoFolder) {
  const Folder folder;
  folder.write("page.html", "page");
  World world;
  world.io.http().serve("/", folder.path()).fallback([](const HttpRequest& r) -> Task<HttpReply> {
    co_return HttpReply::text(
        std::string(r.method()) + " " + std::string(r.path()) + " " + std::string(r.body()), 404);
  });
  HttpPeer peer(world);
  peer.send("GET", "/none?x=1");
  peer.send("POST", "/none", "", "body");
  peer.send("GET", "/page.html");
  peer.send("POST", "/page.html", "", "body");
  const HttpAnswer none = peer.answer();
  EXPECT_EQ(none.status, 404);
  EXPECT_EQ(none.body, "GET /none ");
  EXPECT_EQ(peer.answer().body, "POST /none body");
  EXPECT_EQ(peer.answer().body, "page");
  EXPECT_EQ(peer.answer().status, 405);
  EXPECT_EQ(world.io.stats().input_bytes, 0U);
}

// What the folder's user adds stands beside what our answer depends on.
TEST(FileReader, VaryAddsUp) {
  const Folder folder;
  folder.write("x.js", "plain");
  folder.write("x.js.gz", "packed");
  World world;
  world.io.http().serve("/", folder.path(), {{"Vary", "Origin"}});
  const HttpAnswer packed = http_get(world, "/x.js", "Accept-Encoding: gzip\r\n");
  EXPECT_EQ(packed.body, "packed");
  EXPECT_NE(packed.head.find("Vary: Accept-Encoding\r\n"), std::string::npos);
  EXPECT_NE(packed.head.find("Vary: Origin\r\n"), std::string::npos);
}

// The process may open so many descriptors as it has now.
class NoDescriptors {
 public:
  NoDescriptors() {
    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &before_), 0);
    const int next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    EXPECT_GE(next, 0);
    ::close(next);
    const rlimit now{static_cast<rlim_t>(next), before_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &now), 0);
  }
  ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
};

// A cache keeps a 404; this passes.
TEST(FileReader, WantOfDescriptorsIsNotWantOfTheFile) {
  const Folder folder;
  folder.write("page.html", "page");
  folder.write("socket.io.js", "client");
  ServerOptions options;
  options.client_dist = folder.path();
  std::vector<std::string> lines;
  options.log = [&lines](const LogLine& line) { lines.emplace_back(line.text); };
  World world(std::move(options));
  world.io.http().serve("/", folder.path());
  HttpPeer peer(world);
  EXPECT_EQ(peer.request("GET", "/page.html").status, 200);  // the worker runs
  {
    const NoDescriptors none;
    for (const char* target : {"/page.html", "/none", "/socket.io/socket.io.js"}) {
      const HttpAnswer busy = peer.request("GET", target);
      EXPECT_EQ(busy.status, 503) << target;
      EXPECT_EQ(busy.header("Retry-After"), "1");
    }
  }
  EXPECT_EQ(lines.size(), 3U);
  EXPECT_EQ(peer.request("GET", "/page.html").status, 200);
  EXPECT_EQ(peer.request("GET", "/none").status, 404);
  EXPECT_EQ(peer.request("GET", "/socket.io/socket.io.js").body, "client");
}

}  // namespace
}  // namespace socketio
