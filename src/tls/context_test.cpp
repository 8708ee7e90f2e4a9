#include "tls/context.hpp"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "support/tls_pair.hpp"

namespace socketio::tls {
namespace {

using testing::End;
using testing::World;

std::string refused(const ServerConfig& config) {
  Refusal refusal;
  return Context::make_server(config, refusal) == nullptr ? refusal.field + " " + refusal.why : "";
}

TEST(Context, SaysWhatIsWrong) {
  EXPECT_EQ(refused({}), "certificates must not be empty");
  ServerConfig config = World::get().server_config();
  EXPECT_EQ(refused(config), "");
  config.identities[0].certificate = "-----BEGIN CERTIFICATE-----\nnonsense\n";
  EXPECT_TRUE(refused(config).starts_with("certificates[0].certificate cannot be read: "));
  config = World::get().server_config();
  config.identities.push_back(config.identities[0]);
  config.identities[1].private_key = World::get().alice.private_key;
  EXPECT_EQ(refused(config), "certificates[1].private_key does not belong to the certificate");
  config = World::get().server_config();
  config.clients = Clients::required;
  EXPECT_EQ(refused(config), "ca must say whose client certificates are accepted");
}

TEST(Context, TheChainGoesAlong) {
  ServerConfig config = World::get().server_config();
  config.identities[0].certificate += World::get().authority.certificate();
  End server(World::server(config), Role::server);
  End client(World::client(World::get().client_config()), Role::client, "example.com");
  client.start();
  testing::talk(client, server);
  ASSERT_EQ(client.engine.state(), State::open);
  EXPECT_EQ(sk_X509_num(SSL_get_peer_cert_chain(client.engine.native())), 2);
}

class Names : public ::testing::Test {
 protected:
  Names() {
    World& world = World::get();
    for (const auto& [common, dns, names] :
         std::vector<std::tuple<std::string, std::vector<std::string>, std::vector<std::string>>>{
             {"first", {}, {}},
             {"exact", {"exact.test", "other.test"}, {}},
             {"wild", {"*.wild.test", "exact.test"}, {}},
             {"told", {"said.test"}, {"Told.Test", "*.told.test"}}}) {
      const test::Certified made = world.authority.issue({.common_name = common, .dns = dns});
      config_.identities.push_back({made.certificate, made.private_key, {}, names});
    }
    context_ = World::server(config_);
  }
  std::string shown_to(const std::string& host) {
    End server(context_, Role::server);
    End client(World::client(World::get().client_config()), Role::client);
    SSL_ctrl(client.engine.native(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             host.empty() ? nullptr : std::string(host).data());
    client.start();
    testing::talk(client, server);
    EXPECT_EQ(client.engine.state(), State::open) << client.engine.failure();
    return client.engine.peer_certificate()->subject.substr(3);
  }
  ServerConfig config_;
  std::shared_ptr<const Context> context_;
};

TEST_F(Names, ChooseTheCertificate) {
  EXPECT_EQ(shown_to(""), "first");
  EXPECT_EQ(shown_to("first"), "first");  // by its common name: it has no other
  EXPECT_EQ(shown_to("exact.test"), "exact");
  EXPECT_EQ(shown_to("EXACT.test"), "exact");
  EXPECT_EQ(shown_to("other.test"), "exact");
  EXPECT_EQ(shown_to("a.wild.test"), "wild");
  EXPECT_EQ(shown_to("wild.test"), "first");
  EXPECT_EQ(shown_to("a.b.wild.test"), "first");
  EXPECT_EQ(shown_to("told.test"), "told");
  EXPECT_EQ(shown_to("a.told.test"), "told");
  EXPECT_EQ(shown_to("said.test"), "first");
  EXPECT_EQ(shown_to("unknown.test"), "first");
}

TEST(Context, ServesBothKindsOfKeys) {
  const test::Certified rsa =
      World::get().authority.issue({.common_name = "rsa", .dns = {"example.com"}, .rsa = true});
  for (const Version version : {Version::tls1_2, Version::tls1_3}) {
    ServerConfig config;
    config.identities.push_back({rsa.certificate, rsa.private_key, {}, {}});
    ClientConfig client_config = World::get().client_config();
    client_config.minimum = client_config.maximum = version;
    End server(World::server(config), Role::server);
    End client(World::client(client_config), Role::client, "example.com");
    client.start();
    testing::talk(client, server);
    EXPECT_EQ(client.engine.state(), State::open) << client.engine.failure();
  }
}

TEST(Context, ProtocolsAreAgreedOnOrRefused) {
  for (const auto& [offered, agreed] : {std::pair<std::string, std::string>{"\x02h2", "refused"},
                                        {"\x08http/1.1", "http/1.1"},
                                        {"\x02h2\x08http/1.1", "http/1.1"}}) {
    End server(World::server(World::get().server_config()), Role::server);
    End client(World::client(World::get().client_config()), Role::client, "example.com");
    SSL_set_alpn_protos(client.engine.native(),
                        reinterpret_cast<const unsigned char*>(offered.data()),
                        static_cast<unsigned>(offered.size()));
    client.start();
    testing::talk(client, server);
    const bool open = server.engine.state() == State::open;
    EXPECT_EQ(open ? std::string(server.engine.protocol()) : "refused", agreed);
    EXPECT_EQ(client.engine.state(), open ? State::open : State::failed);
  }
}

}  // namespace
}  // namespace socketio::tls
