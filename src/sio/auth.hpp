// What came with a CONNECT, kept for as long as the socket is there: JSON, counted in the ledger.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "base/bytes.hpp"
#include "base/ledger.hpp"

namespace socketio::sio {

class Auth {
 public:
  Auth(std::string json, base::Ledger& ledger) : json_(std::move(json)), ledger_(ledger) {
    json_.shrink_to_fit();
    ledger_.charge_input(memory());
  }
  ~Auth() { ledger_.credit_input(memory()); }
  Auth(const Auth&) = delete;
  Auth& operator=(const Auth&) = delete;
  base::Bytes json() const { return json_; }

 private:
  std::size_t memory() const { return sizeof *this + json_.capacity(); }

  std::string json_;
  base::Ledger& ledger_;
};

// Null when nothing came.
using AuthPtr = std::unique_ptr<const Auth>;

}  // namespace socketio::sio
