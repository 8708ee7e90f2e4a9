#include "support/certificates.hpp"

#include <stdexcept>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace socketio::test {
namespace {

void require(bool done) {
  if (!done) throw std::runtime_error("OpenSSL does not make a certificate");
}

template <class Write>
std::string pem(Write write) {
  BIO* out = BIO_new(BIO_s_mem());
  require(write(out) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(out);
  return text;
}

EVP_PKEY* make_key(bool rsa) {
  // The second is what EVP_EC_gen() is; clang finds a cast from const in that macro.
  EVP_PKEY* key = rsa ? EVP_RSA_gen(2048) : EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
  require(key != nullptr);
  return key;
}

void set_name(X509_NAME* name, const std::string& common) {
  require(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                     reinterpret_cast<const unsigned char*>(common.c_str()), -1, -1,
                                     0) == 1);
}

void extend(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  require(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

X509* make_certificate(const CertificateWish& wish, long serial, EVP_PKEY* key) {
  X509* made = X509_new();
  require(made != nullptr && X509_set_version(made, 2) == 1);
  ASN1_INTEGER_set(X509_get_serialNumber(made), serial);
  X509_gmtime_adj(X509_getm_notBefore(made), wish.starts_in);
  X509_gmtime_adj(X509_getm_notAfter(made), wish.ends_in);
  set_name(X509_get_subject_name(made), wish.common_name);
  X509_set_pubkey(made, key);
  return made;
}

}  // namespace

struct Authority::Keys {
  EVP_PKEY* key = nullptr;
  X509* certificate = nullptr;
};

Authority::Authority(const std::string& name) : keys_(std::make_unique<Keys>()) {
  CertificateWish wish;
  wish.common_name = name;
  keys_->key = make_key(false);
  keys_->certificate = make_certificate(wish, 1, keys_->key);
  X509* own = keys_->certificate;
  X509_set_issuer_name(own, X509_get_subject_name(own));
  extend(own, own, NID_basic_constraints, "critical,CA:TRUE");
  extend(own, own, NID_key_usage, "critical,keyCertSign,cRLSign");
  extend(own, own, NID_subject_key_identifier, "hash");
  require(X509_sign(own, keys_->key, EVP_sha256()) > 0);
  pem_ = pem([own](BIO* out) { return PEM_write_bio_X509(out, own); });
}

Authority::~Authority() {
  X509_free(keys_->certificate);
  EVP_PKEY_free(keys_->key);
}

Certified Authority::issue(const CertificateWish& wish) {
  EVP_PKEY* key = make_key(wish.rsa);
  X509* made = make_certificate(wish, ++serial_, key);
  X509_set_issuer_name(made, X509_get_subject_name(keys_->certificate));
  extend(made, keys_->certificate, NID_basic_constraints, "critical,CA:FALSE");
  extend(made, keys_->certificate, NID_ext_key_usage, "serverAuth,clientAuth");
  std::string names;
  for (const std::string& name : wish.dns) names += (names.empty() ? "DNS:" : ",DNS:") + name;
  if (!names.empty()) extend(made, keys_->certificate, NID_subject_alt_name, names);
  require(X509_sign(made, keys_->key, EVP_sha256()) > 0);
  Certified out;
  out.certificate = pem([made](BIO* to) { return PEM_write_bio_X509(to, made); });
  out.private_key = pem([key](BIO* to) {
    return PEM_write_bio_PrivateKey(to, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
  out.encrypted_key = pem([key](BIO* to) {
    std::string phrase = "open sesame";
    return PEM_write_bio_PKCS8PrivateKey(to, key, EVP_aes_128_cbc(), phrase.data(),
                                         static_cast<int>(phrase.size()), nullptr, nullptr);
  });
  X509_free(made);
  EVP_PKEY_free(key);
  return out;
}

std::string Authority::revoke(const std::vector<long>& serials) const {
  X509_CRL* list = X509_CRL_new();
  X509_CRL_set_version(list, 1);
  X509_CRL_set_issuer_name(list, X509_get_subject_name(keys_->certificate));
  ASN1_TIME* when = X509_gmtime_adj(nullptr, -60);
  X509_CRL_set1_lastUpdate(list, when);
  X509_gmtime_adj(when, 86'400);
  X509_CRL_set1_nextUpdate(list, when);
  X509_gmtime_adj(when, -60);
  for (const long serial : serials) {
    X509_REVOKED* one = X509_REVOKED_new();
    ASN1_INTEGER* number = ASN1_INTEGER_new();
    ASN1_INTEGER_set(number, serial);
    X509_REVOKED_set_serialNumber(one, number);
    X509_REVOKED_set_revocationDate(one, when);
    ASN1_INTEGER_free(number);
    X509_CRL_add0_revoked(list, one);
  }
  ASN1_TIME_free(when);
  X509_CRL_sort(list);
  require(X509_CRL_sign(list, keys_->key, EVP_sha256()) > 0);
  std::string text = pem([list](BIO* out) { return PEM_write_bio_X509_CRL(out, list); });
  X509_CRL_free(list);
  return text;
}

}  // namespace socketio::test
