// What OpenSSL calls: the BIO between it and an Engine, and the hooks of a server's contexts. They
// find their engine with the connection.
#pragma once

#include <openssl/ssl.h>

#include "tls/engine.hpp"

namespace socketio::tls {

struct EngineCallbacks {
  // The BIO of all engines; its data is the engine.
  static const BIO_METHOD* bio();
  // Counts what a peer must not do without end.
  static void info(const SSL* ssl, int where, int value);
  // Seals (or opens) a ticket with the keys of the shard that runs.
  static int ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                    EVP_MAC_CTX* mac, int sealing);

 private:
  static int read(BIO* bio, char* to, int size);
  static int write(BIO* bio, const char* from, int size);
  static long control(BIO* bio, int command, long number, void* pointer);
};

}  // namespace socketio::tls
