// The lab's TLS:
//
//   tls (option)                   the fields of TlsOptions by name; minimum_version is "1.2" or
//                                  "1.3", client_certificates a word, session_lifetime in seconds
//   tls ()                         acknowledged with what the handshake shows
//   POST /__reload_tls             the files anew, or with a body: these options; 400 says why not
#include <stdexcept>

#include "lab.hpp"

using socketio::ClientCertificates;
using socketio::HttpReply;
using socketio::TlsOptions;
using socketio::TlsVersion;
using socketio::Value;

namespace {

ClientCertificates mode(std::string_view word) {
  if (word == "optional") return ClientCertificates::optional;
  return word == "required" ? ClientCertificates::required : ClientCertificates::none;
}

TlsOptions tls_options(const Value& json) {
  TlsOptions options;
  for (std::size_t i = 0; i < json["certificates"].size(); ++i) {
    const Value& one = json["certificates"][i];
    options.certificates.push_back({std::string(one["certificate"].to_string()),
                                    std::string(one["private_key"].to_string()),
                                    std::string(one["passphrase"].to_string()),
                                    {}});
    for (std::size_t n = 0; n < one["names"].size(); ++n)
      options.certificates.back().names.emplace_back(one["names"][n].to_string());
  }
  if (json["minimum_version"].to_string() == "1.3") options.minimum_version = TlsVersion::tls1_3;
  options.ciphers = json["ciphers"].to_string();
  options.client_certificates = mode(json["client_certificates"].to_string());
  options.ca = json["ca"].to_string();
  options.crl = json["crl"].to_string();
  if (!json["handshake_timeout"].is_null())
    options.handshake_timeout = lab_duration(json["handshake_timeout"]);
  if (!json["max_handshakes"].is_null())
    options.max_handshakes = static_cast<std::size_t>(json["max_handshakes"].to_integer());
  if (!json["session_lifetime"].is_null())
    options.session_lifetime = std::chrono::seconds(json["session_lifetime"].to_integer());
  return options;
}

void install(const Lab& lab) {
  socketio::Server& io = lab.io;
  io.on_event("tls", [](socketio::Socket socket) {
    const socketio::Handshake handshake = socket.handshake();
    Value certificate;
    if (handshake.certificate) {
      certificate = Value::object({{"subject", handshake.certificate->subject},
                                   {"fingerprint", handshake.certificate->fingerprint},
                                   {"verified", handshake.certificate->verified}});
    }
    return Value::object({{"secure", handshake.secure}, {"certificate", certificate}});
  });
  io.http().post("/__reload_tls", [&io](const socketio::HttpRequest& request) {
    try {
      if (request.body().empty()) {
        io.reload_tls();
      } else {
        io.reload_tls(tls_options(Value::parse(request.body()).value()));
      }
    } catch (const std::exception& e) {
      return HttpReply::text(e.what(), 400);
    }
    return HttpReply::text("reloaded");
  });
}

const LabTopic topic({{"tls", [](socketio::ServerOptions& options,
                                 const Value& value) { options.tls = tls_options(value); }}},
                     install);

}  // namespace
