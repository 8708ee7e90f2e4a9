#include "tls/pem.hpp"

#include <cstring>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace socketio::tls {
namespace {

BioPtr memory(base::Bytes text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

int give_passphrase(char* to, int room, int /*writing*/, void* passphrase) {
  const auto& text = *static_cast<const std::string*>(passphrase);
  if (text.empty() || text.size() > static_cast<std::size_t>(room)) return -1;
  std::memcpy(to, text.data(), text.size());
  return static_cast<int>(text.size());
}

// The end of the text is an error to OpenSSL too.
bool at_end() {
  const unsigned long error = ERR_peek_last_error();
  return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

template <class Ptr, class Read>
std::vector<Ptr> read_all(base::Bytes pem, Read read, const char* none, std::string& why) {
  std::vector<Ptr> all;
  ERR_clear_error();
  const BioPtr text = memory(pem);
  while (Ptr one{read(text.get())}) all.push_back(std::move(one));
  if (!at_end()) {
    why = "cannot be read: " + last_error();
    return {};
  }
  ERR_clear_error();
  if (all.empty()) why = none;
  return all;
}

}  // namespace

std::string last_error() {
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(error);
  return reason != nullptr ? reason : "unknown error";
}

std::vector<CertificatePtr> read_certificates(base::Bytes pem, std::string& why) {
  return read_all<CertificatePtr>(
      pem, [](BIO* bio) { return PEM_read_bio_X509(bio, nullptr, nullptr, nullptr); },
      "holds no certificate", why);
}

std::vector<CrlPtr> read_crls(base::Bytes pem, std::string& why) {
  return read_all<CrlPtr>(
      pem, [](BIO* bio) { return PEM_read_bio_X509_CRL(bio, nullptr, nullptr, nullptr); },
      "holds no certificate revocation list", why);
}

KeyPtr read_key(base::Bytes pem, const std::string& passphrase, std::string& why) {
  ERR_clear_error();
  const BioPtr text = memory(pem);
  std::string copy = passphrase;
  KeyPtr key(PEM_read_bio_PrivateKey(text.get(), nullptr, give_passphrase, &copy));
  if (key != nullptr) return key;
  if (at_end() || pem.find(" PRIVATE KEY-----") == base::Bytes::npos) {
    why = "holds no private key";
  } else if (pem.find("ENCRYPTED") != base::Bytes::npos) {
    why = passphrase.empty() ? "is encrypted, and there is no passphrase"
                             : "does not open with the passphrase";
  } else {
    why = "cannot be read: " + last_error();
  }
  ERR_clear_error();
  return nullptr;
}

std::vector<std::string> names_of(X509* certificate) {
  std::vector<std::string> names;
  auto* alternatives = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(alternatives); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(alternatives, i);
    if (name->type != GEN_DNS) continue;
    const ASN1_IA5STRING* text = name->d.dNSName;
    names.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                       static_cast<std::size_t>(ASN1_STRING_length(text)));
  }
  const bool said = alternatives != nullptr;
  GENERAL_NAMES_free(alternatives);
  if (said) return names;
  char common[256];
  if (X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, common,
                                sizeof common) > 0)
    names.emplace_back(common);
  return names;
}

}  // namespace socketio::tls
