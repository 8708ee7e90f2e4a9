// TLS of a server: which certificates it shows, whom it lets in. Set ServerOptions::tls, and every
// listener of the server speaks https and wss instead of http and ws.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace socketio {

enum class TlsVersion : std::uint8_t { tls1_2, tls1_3 };

// Whether clients are asked for a certificate.
enum class ClientCertificates : std::uint8_t {
  none,      // not asked for
  optional,  // asked for; without one, or with a bad one, the client comes in all the same: look at
             // Handshake::certificate
  required,  // without a good one the TLS handshake fails
};

// A certificate and its key, as PEM text or as the name of a file that holds it (what contains
// "-----BEGIN " is text).
struct TlsCertificate {
  // The server's own certificate first, then its chain up to (not with) the root.
  std::string certificate;
  std::string private_key;
  std::string passphrase{};  // of an encrypted key
  // Host names (SNI) it is shown for: "example.com", "*.example.com" (one label). Empty: those
  // in the certificate. Of two for one name the first is taken.
  std::vector<std::string> names{};
};

// A wrong value makes the constructor of Server throw std::invalid_argument with the option's name;
// a file that cannot be read, std::system_error.
struct TlsOptions {
  // The first is for clients that ask for no name, or for one that no certificate has.
  std::vector<TlsCertificate> certificates{};
  TlsVersion minimum_version = TlsVersion::tls1_2;
  // Ciphers of TLS 1.2 in OpenSSL's words; those of TLS 1.3 are all good. Empty: ECDHE with AES-GCM
  // or ChaCha20. The server's order counts.
  std::string ciphers{};
  ClientCertificates client_certificates = ClientCertificates::none;
  // The authorities that may sign client certificates, and their revocation lists: PEM text, or the
  // name of a file.
  std::string ca{};
  std::string crl{};
  // From the connection to the end of the handshake, however slowly the bytes come.
  std::chrono::milliseconds handshake_timeout{10'000};
  // Handshakes at a time; when one more begins, the one that has taken longest is cut off.
  std::size_t max_handshakes = 1'000;
  // How long a client can come back with a session ticket, which saves the expensive half of a
  // handshake. 0: never.
  std::chrono::seconds session_lifetime{7'200};
};

// The certificate that a client has shown.
struct ClientCertificate {
  std::string subject;      // "CN=alice,O=Example" (RFC 4514)
  std::string fingerprint;  // SHA-256, "AB:CD:..."
  bool verified = false;    // signed by TlsOptions::ca, in its time, not revoked
};

}  // namespace socketio
