// Certificates made while the test runs: an authority, and what it signs. P-256 keys, because
// making one takes no time.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace socketio::test {

struct CertificateWish {
  std::string common_name = "localhost";
  std::vector<std::string> dns{};  // subjectAltName
  int starts_in = -3600;           // seconds from now
  int ends_in = 86'400;
  bool rsa = false;
};

struct Certified {
  std::string certificate;  // PEM
  std::string private_key;
  std::string encrypted_key;  // the same, with the passphrase "open sesame"
};

class Authority {
 public:
  explicit Authority(const std::string& name);
  ~Authority();
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  const std::string& certificate() const { return pem_; }
  Certified issue(const CertificateWish& wish);
  // A list that takes back what has been issued with these serial numbers (1 is the first).
  std::string revoke(const std::vector<long>& serials) const;

 private:
  struct Keys;
  std::unique_ptr<Keys> keys_;
  std::string pem_;
  long serial_ = 0;
};

}  // namespace socketio::test
