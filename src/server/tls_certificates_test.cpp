// The certificates of https and wss: clients' own, and the server's read anew while it runs.
#include <atomic>
#include <cstdio>
#include <fstream>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/secure_world.hpp"

namespace socketio {
namespace {

using test::Certificates;
using test::Client;
using test::HttpPeer;
using test::SecureWorld;
using test::tls_options;
using test::with_tls;

struct Seen {
  explicit Seen(ClientCertificates mode, const test::Certified* own, std::string crl = {}) {
    TlsOptions options = tls_options();
    options.client_certificates = mode;
    options.ca = Certificates::get().authority.certificate();
    options.crl = std::move(crl);
    SecureWorld world(with_tls(std::move(options)), own);
    world.io.engine().use([this](const EngineRequest& request, const EngineNext& next) {
      EXPECT_TRUE(request.secure());
      shown_to_request = request.certificate() == nullptr ? "" : request.certificate()->subject;
      next();
    });
    world.io.on_connection([this](const Socket& socket) {
      came_in = true;
      certificate = socket.handshake().certificate;
    });
    Client client(world);
    client.join();
    if (!came_in) failure = client.tls()->engine().failure();
    held = world.io.stats().input_bytes;
    client.cut(true);
    EXPECT_TRUE(world.until([&world] { return world.io.stats().input_bytes == 0; }));
  }
  bool came_in = false;
  std::optional<ClientCertificate> certificate;
  std::string shown_to_request;
  std::string failure;
  std::uint64_t held = 0;
};

TEST(Tls, ClientCertificatesAreShown) {
  const Certificates& c = Certificates::get();
  for (const ClientCertificates mode :
       {ClientCertificates::optional, ClientCertificates::required}) {
    const Seen alice(mode, &c.alice);
    ASSERT_TRUE(alice.certificate);
    EXPECT_EQ(alice.certificate->subject, "CN=alice");
    EXPECT_EQ(alice.certificate->fingerprint.size(), 32 * 3 - 1U);
    EXPECT_TRUE(alice.certificate->verified);
    EXPECT_EQ(alice.shown_to_request, "CN=alice");
  }
  const Seen nobody(ClientCertificates::optional, nullptr);
  EXPECT_TRUE(nobody.came_in);
  EXPECT_FALSE(nobody.certificate);
  EXPECT_EQ(nobody.shown_to_request, "");
  const Seen mallory(ClientCertificates::optional, &c.mallory);
  ASSERT_TRUE(mallory.certificate);
  EXPECT_EQ(mallory.certificate->subject, "CN=mallory");
  EXPECT_FALSE(mallory.certificate->verified);
  // It is kept, and counts.
  const std::size_t kept =
      mallory.certificate->subject.size() + mallory.certificate->fingerprint.size();
  EXPECT_GE(mallory.held, nobody.held + kept);
}

// L22
TEST(Tls, ARequiredCertificateMustBeGood) {
  Certificates& c = Certificates::get();
  using enum ClientCertificates;
  EXPECT_EQ(Seen(required, nullptr).failure, "tlsv13 alert certificate required");
  EXPECT_EQ(Seen(required, &c.mallory).failure, "tlsv1 alert unknown ca");
  const test::Certified old = c.authority.issue({.common_name = "old", .ends_in = -60});
  EXPECT_EQ(Seen(required, &old).failure, "sslv3 alert certificate expired");
  EXPECT_EQ(Seen(required, &c.alice, c.authority.revoke({3})).failure,
            "sslv3 alert certificate revoked");
  EXPECT_TRUE(Seen(required, &c.alice, c.authority.revoke({1, 2})).came_in);
}

// -- Reloading

std::string subject_seen_by(SecureWorld& world) {
  HttpPeer peer(world);
  EXPECT_EQ(peer.request("GET", "/").status, 404);
  return peer.tls()->engine().peer_certificate()->subject;
}

TEST(Tls, CertificatesAreReadAnew) {
  const Certificates& c = Certificates::get();
  const std::string folder = ::testing::TempDir() + "tls_test_" + std::to_string(::getpid());
  ASSERT_EQ(::mkdir(folder.c_str(), 0700), 0);
  const auto write = [&folder](const char* name, const std::string& text) {
    std::ofstream(folder + "/" + name) << text;
  };
  write("cert.pem", c.site.certificate);
  write("key.pem", c.site.private_key);
  SecureWorld world(with_tls({.certificates = {{folder + "/cert.pem", folder + "/key.pem"}}}));
  world.io.on_event("add", [](int a, int b) { return a + b; });
  Client before(world);
  before.join();
  EXPECT_EQ(subject_seen_by(world), "CN=localhost");
  write("cert.pem", c.other.certificate);
  EXPECT_THROW(world.io.reload_tls(), std::invalid_argument);  // the old key
  EXPECT_EQ(subject_seen_by(world), "CN=localhost");
  write("key.pem", c.other.private_key);
  world.io.reload_tls();
  EXPECT_EQ(subject_seen_by(world), "CN=other");
  before.send(R"(27["add",1,2])");
  EXPECT_EQ(before.next(), "37[3]");
  world.io.reload_tls(tls_options());
  EXPECT_EQ(subject_seen_by(world), "CN=localhost");
  std::remove((folder + "/cert.pem").c_str());
  EXPECT_EQ(subject_seen_by(world), "CN=localhost");
  world.io.reload_tls();  // those that were given last
  std::remove((folder + "/key.pem").c_str());
  ::rmdir(folder.c_str());
}

// The file of the first is a pipe, which is read only when there is something in it.
TEST(Tls, TheCertificatesOfTheLastReloadStay) {
  const Certificates& c = Certificates::get();
  const std::string file = ::testing::TempDir() + "tls_reload_" + std::to_string(::getpid());
  std::ofstream(file) << c.site.certificate;
  SecureWorld world(with_tls({.certificates = {{file, c.site.private_key}}}));
  std::remove(file.c_str());
  ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
  std::jthread first([&world] { world.io.reload_tls(); });
  int pipe = -1;
  ASSERT_TRUE(world.until([&] {  // somebody reads
    return (pipe = ::open(file.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)) >= 0;
  }));
  std::atomic<bool> done{false};
  std::jthread second([&] {
    world.io.reload_tls({.certificates = {{c.other.certificate, c.other.private_key}}});
    done = true;
  });
  for (int i = 0; i < 20 && !done; ++i) world.turn();  // its chance to overtake
  EXPECT_FALSE(done);
  EXPECT_EQ(subject_seen_by(world), "CN=localhost") << "connections do not wait";
  const std::string& text = c.site.certificate;
  EXPECT_EQ(::write(pipe, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  ::close(pipe);
  first.join();
  second.join();
  EXPECT_EQ(subject_seen_by(world), "CN=other");
  std::remove(file.c_str());
}

TEST(Tls, WithoutTlsThereIsNothingToReload) {
  Server io;
  EXPECT_THROW(io.reload_tls(), std::logic_error);
  EXPECT_THROW(io.reload_tls(tls_options()), std::logic_error);
}

}  // namespace
}  // namespace socketio
