// Which answer a file, or the want of one, gets; over real connections.
#include "server/file_reader.hpp"

#include <array>
#include <filesystem>
#include <system_error>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/folder.hpp"
#include "support/sio_client.hpp"

namespace socketio {
namespace {

using test::Folder;
using test::http_get;
using test::HttpAnswer;
using test::HttpPeer;
using test::strong;
using test::World;

// Else every file would be a 404, and nobody would know why.
TEST(Folders, ASandboxWithoutOpenat2IsToldAtOnce) {
  std::jthread([] {  // a filter is its thread's
    sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog filter{std::size(rules), rules};
    ASSERT_EQ(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ASSERT_EQ(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0);
    EXPECT_THROW(HttpRoutes().serve("/", "/"), std::system_error);
  })
      .join();
}

TEST(Folders, ServeFilesBelowThem) {
  const Folder folder;
  folder.write("index.html", "<p>index");
  folder.write("sub/page.html", "<p>page");
  folder.write("sub/index.html", "<p>sub");
  folder.write("app.js", "0123456789");
  folder.write(".secret", "secret");
  folder.write("sub/.git/config", "secret");
  World world;
  world.io.http().get("/app.js/route", [](const HttpRequest&) { return HttpReply::text("route"); });
  world.io.http().serve("/", folder.path()).serve("/assets", folder.path() + "/sub");
  EXPECT_EQ(http_get(world, "/").body, "<p>index");
  EXPECT_EQ(http_get(world, "/sub/page.html").body, "<p>page");
  EXPECT_EQ(http_get(world, "/sub/").body, "<p>sub");
  EXPECT_EQ(http_get(world, "/app.js/route").body, "route");
  EXPECT_EQ(http_get(world, "/app.js").header("Content-Type"),
            "application/javascript; charset=utf-8");
  for (const char* outside :
       {"/.secret", "/sub/.git/config", "/../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd",
        "/sub%2f..%2f..%2fetc/passwd", "/sub/%00page.html", "/..%5c..%5cetc", "/none"})
    EXPECT_EQ(http_get(world, outside).status, 404) << outside;
}

TEST(Folders, HeadersOfTheirOwn) {
  const Folder folder;
  folder.write("index.html", "<p>index");
  World world;
  world.io.http().serve("/plain", folder.path());
  world.io.http().serve("/", folder.path(),
                        {{"X-Frame-Options", "DENY"}, {"Cache-Control", "no-store"}});
  const HttpAnswer page = http_get(world, "/");
  EXPECT_EQ(page.header("X-Frame-Options"), "DENY");
  EXPECT_EQ(page.header("Cache-Control"), "no-store");
  EXPECT_EQ(page.head.find("max-age"), std::string::npos) << "replaced";
  EXPECT_EQ(page.header("X-Content-Type-Options"), "nosniff");
  const HttpAnswer same = http_get(world, "/", "If-None-Match: " + page.header("ETag") + "\r\n");
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.header("X-Frame-Options"), "DENY");
  EXPECT_EQ(http_get(world, "/", "Range: bytes=90-\r\n").header("X-Frame-Options"), "DENY");
  EXPECT_EQ(http_get(world, "/none").header("X-Frame-Options"), "DENY");
  EXPECT_EQ(http_get(world, "/plain/").header("X-Frame-Options"), "");
  for (const char* name : {"content-length", "Transfer-Encoding", "Connection", "Content-Range",
                           "Content-Encoding", "a b", ""})
    EXPECT_THROW(world.io.http().serve("/", folder.path(), {{name, "1"}}), std::invalid_argument)
        << name;
  EXPECT_THROW(world.io.http().serve("/", folder.path(), {{"A", "b\r\nC: d"}}),
               std::invalid_argument);
}

TEST(Folders, RangesAndConditions) {
  const Folder folder;
  folder.write("app.js", "0123456789");
  World world;
  world.io.http().serve("/", folder.path());
  const HttpAnswer whole = http_get(world, "/app.js");
  EXPECT_EQ(whole.status, 200);
  const std::string tag = strong(whole.header("ETag"));
  EXPECT_NE(tag, "");
  EXPECT_EQ(http_get(world, "/app.js", "If-None-Match: " + tag + "\r\n").status, 304);
  EXPECT_EQ(http_get(world, "/app.js", "If-None-Match: W/" + tag + "\r\n").status, 304);
  EXPECT_EQ(http_get(world, "/app.js", "If-None-Match: \"other\"\r\n").status, 200);
  const HttpAnswer part = http_get(world, "/app.js", "Range: bytes=2-4\r\n");
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, "234");
  EXPECT_EQ(part.header("Content-Range"), "bytes 2-4/10");
  EXPECT_EQ(http_get(world, "/app.js", "Range: bytes=20-\r\n").status, 416);
  HttpPeer peer(world);
  const HttpAnswer head = peer.request("HEAD", "/app.js");
  EXPECT_EQ(head.header("Content-Length"), "10");
  EXPECT_EQ(peer.request("GET", "/app.js").body, "0123456789");
  EXPECT_EQ(peer.request("POST", "/app.js", "", "x").status, 405);
}

// Sparse: it takes no place on the disk.
TEST(Folders, MoreThan64MiBAreRefused) {
  const Folder folder;
  folder.write("large.bin", "0123456789");
  std::filesystem::resize_file(folder.path() + "/large.bin", 64 * 1024 * 1024 + 1);
  World world;
  world.io.http().serve("/", folder.path());
  EXPECT_EQ(http_get(world, "/large.bin").status, 413);
  EXPECT_EQ(http_get(world, "/large.bin", "Range: bytes=0-67108864\r\n").status, 413);
  EXPECT_EQ(http_get(world, "/large.bin", "Range: bytes=0-67108863\r\n").status, 206);
  EXPECT_EQ(http_get(world, "/large.bin", "Range: bytes=2-4\r\n").body, "234");
}

TEST(Folders, ACompressedSiblingIsPreferred) {
  const Folder folder;
  folder.write("app.js", "0123456789");
  folder.write("old.js.gz", "stale");
  folder.write("old.js", "newer");
  folder.write("app.js.gz", "as gzip");
  folder.write("app.js.br", "as br");
  folder.write("lonely.js.gz", "without the file");
  std::filesystem::last_write_time(
      folder.path() + "/old.js.gz",
      std::filesystem::last_write_time(folder.path() + "/old.js") - std::chrono::hours(1));
  World world;
  world.io.http().serve("/", folder.path());
  const auto get = [&world](const char* file, const char* accept) {
    const HttpAnswer answer =
        http_get(world, file, std::string("Accept-Encoding: ") + accept + "\r\n");
    return answer.header("Content-Encoding") + " " + answer.body;
  };
  EXPECT_EQ(get("/app.js", "gzip, br"), "br as br");
  EXPECT_EQ(get("/app.js", "gzip"), "gzip as gzip");
  EXPECT_EQ(get("/app.js", "br;q=0.1, gzip"), "gzip as gzip");
  EXPECT_EQ(get("/app.js", "identity"), " 0123456789");
  EXPECT_EQ(get("/app.js", "br;q=0"), " 0123456789");
  EXPECT_EQ(get("/old.js", "gzip"), " newer");
  EXPECT_EQ(http_get(world, "/lonely.js", "Accept-Encoding: gzip\r\n").status, 404);
  const HttpAnswer packed = http_get(world, "/app.js", "Accept-Encoding: gzip\r\n");
  EXPECT_EQ(packed.header("Content-Type"), "application/javascript; charset=utf-8");
  EXPECT_EQ(packed.header("Vary"), "Accept-Encoding");
  EXPECT_NE(packed.header("ETag"), http_get(world, "/app.js").header("ETag"));
  const HttpAnswer part =
      http_get(world, "/app.js", "Accept-Encoding: gzip\r\nRange: bytes=3-\r\n");
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, "gzip");
  EXPECT_EQ(part.header("Content-Encoding"), "gzip");
}

TEST(Folders, WhatIsNotInAFolderIsLookedForInTheNext) {
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

TEST(Folders, TheFallbackAnswersForWhatIsInNoFolder) {
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
TEST(Folders, VaryAddsUp) {
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

// A file system may refuse names for how they are spelled.
TEST(Folders, ANameThatCannotBeIsNotThere) {
  EXPECT_NO_THROW(server::expect_absent(EILSEQ));
  for (const int error : {EMFILE, EPERM, ENOSYS})
    EXPECT_THROW(server::expect_absent(error), std::system_error) << error;
}

// A cache keeps a 404; this passes.
TEST(Folders, WantOfDescriptorsIsNotWantOfTheFile) {
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
