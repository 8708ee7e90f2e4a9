// PEM text into OpenSSL's objects, each with the word that says why it could not be.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/bytes.hpp"

namespace socketio::tls {

template <auto Free>
struct FreeWith {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using CertificatePtr = std::unique_ptr<X509, FreeWith<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using CrlPtr = std::unique_ptr<X509_CRL, FreeWith<X509_CRL_free>>;
using BioPtr = std::unique_ptr<BIO, FreeWith<BIO_free>>;

// All certificates of a text, in order. Sets `why` when there is none or one is broken.
std::vector<CertificatePtr> read_certificates(base::Bytes pem, std::string& why);
std::vector<CrlPtr> read_crls(base::Bytes pem, std::string& why);
// Never asks anybody for a passphrase.
KeyPtr read_key(base::Bytes pem, const std::string& passphrase, std::string& why);
// Host names of a certificate: subjectAltName, or the common name of one that has none.
std::vector<std::string> names_of(X509* certificate);
// OpenSSL's reason for what has just failed, in words; empties its queue.
std::string last_error();

}  // namespace socketio::tls
