// What clients send: packets into events, and the rules a client is closed for breaking.
#include <algorithm>

#include "sio/core_state.hpp"
#include "sio/old_clients.hpp"

namespace socketio::sio {

namespace {

constexpr base::Bytes kInvalidNamespace = "Invalid namespace";

DisconnectReason reason_of(eio::CloseReason reason) {
  switch (reason) {
    case eio::CloseReason::transport_close:
      return DisconnectReason::transport_close;
    case eio::CloseReason::transport_error:
      return DisconnectReason::transport_error;
    case eio::CloseReason::ping_timeout:
      return DisconnectReason::ping_timeout;
    case eio::CloseReason::parse_error:
      return DisconnectReason::parse_error;
    case eio::CloseReason::forced_close:
      return DisconnectReason::forced_close;
  }
  return DisconnectReason::transport_close;
}

// At most `limit` bytes, no character cut in half.
base::Bytes shorten(base::Bytes utf8, std::size_t limit) {
  if (utf8.size() <= limit) return utf8;
  while (limit > 0 && (static_cast<unsigned char>(utf8[limit]) & 0xC0) == 0x80) --limit;
  return utf8.substr(0, limit);
}

}  // namespace

// Attachments are kept only for namespaces the client is in. One the server has disconnected it
// from counts: the client may not have heard of it yet.
class Core::State::JoinedBy final : public Decoder::Joined {
 public:
  JoinedBy(State& state, Client& client) : state_(state), client_(client) {}
  bool joined(base::Bytes nsp) const override {
    const Namespace* found = state_.find_namespace(nsp);
    const Entry* entry = found == nullptr ? nullptr : client_.find(found->index);
    return entry == nullptr ? state_.left_a_dropped_one(client_) : state_.expects(*entry);
  }

 private:
  State& state_;
  Client& client_;
};

ClientId Core::open(eio::Session& session, std::uint64_t owner, base::Time now) {
  State& s = *state_;
  if (s.stopped) {
    session.discard(eio::CloseReason::forced_close, {}, now);
    return {};
  }
  const auto [id, client] = s.clients.emplace();
  client->self = id;
  client->session = &session;
  client->owner = owner;
  if (s.options.parser.kind() == Parser::Kind::custom)
    client->reader = make_reader(s.options.parser, s.shared.ledger);
  client->deadline = base::after(now, s.options.connect_timeout);
  s.idle.push_back(*client);
  return id;
}

void Core::join_root(ClientId id, base::Time) {
  State& s = *state_;
  if (Client* client = s.clients.get(id)) s.start(*client, *s.namespaces[kRoot], nullptr);
}

bool Core::on_text(ClientId id, base::MutBytes text, base::Time now, Arrival& out) {
  State& s = *state_;
  Client* client = s.clients.get(id);
  if (client == nullptr || client->closing) return false;
  if (s.reader != nullptr) [[unlikely]]
    return s.read(*client, text, false, now, out);
  if (client->decoder.on_plain_event(base::as_bytes(text), s.document, out)) [[likely]] {
    const Entry* entry = client->find(kRoot);
    Socket* socket = entry != nullptr ? s.sockets.get(entry->socket) : nullptr;
    if (socket != nullptr && socket->state == SocketState::connected && s.quiet()) [[likely]] {
      out.socket = socket->self;
      out.record = socket;
      out.client = id;
      out.nsp = kRoot;
      out.args = s.document.root();
      return true;
    }
    s.decoded = out.packet();
  } else {
    client->decoder.on_text(text, s.options, State::JoinedBy(s, *client), s.document,
                            s.shared.ledger, now, s.decoded);
  }
  return s.take(*client, s.decoded, now, out);
}

bool Core::on_binary(ClientId id, base::MutBytes bytes, base::Time now, Arrival& out) {
  State& s = *state_;
  Client* client = s.clients.get(id);
  if (client == nullptr || client->closing) return false;
  if (s.reader != nullptr) [[unlikely]]
    return s.read(*client, bytes, true, now, out);
  client->decoder.on_binary(bytes, s.options, s.document, s.shared.ledger, now, s.decoded);
  return s.take(*client, s.decoded, now, out);
}

void Core::on_session_closed(ClientId id, eio::CloseReason reason, base::Bytes detail, base::Time) {
  State& s = *state_;
  Client* client = s.clients.get(id);
  if (client == nullptr || client->session == nullptr) return;
  s.expect_end(*client);
  client->session = nullptr;
  s.stop_reading(*client);
  s.disconnect_all(*client, reason_of(reason), detail);
  for (const Entry& entry : client->entries) {
    if (Socket* socket = s.sockets.get(entry.socket)) socket->session = nullptr;
  }
  Queued item;
  item.kind = Queued::Kind::erase_client;
  item.client = id;
  s.queue.push(std::move(item));
}

bool Core::State::take(Client& client, const Decoded& packet, base::Time now, Arrival& out) {
  switch (packet.status) {
    case Decoded::Status::error:
      return fail(client, packet.error, now), false;
    case Decoded::Status::incomplete:
      if (client.linked()) return false;
      client.deadline = client.decoder.deadline();
      return receiving.push_back(client), false;
    case Decoded::Status::packet:
      break;
  }
  if (packet.attachments == 0) return dispatch(client, packet, now, out);
  client.unlink();
  if (dispatch(client, packet, now, out)) return true;
  if (queue.empty()) client.decoder.release();
  return false;
}

// A message of another parser than the default.
bool Core::State::read(Client& client, base::MutBytes message, bool binary, base::Time now,
                       Arrival& out) {
  PacketReader& by = client.reader != nullptr ? *client.reader : *reader;
  const bool waited = by.waiting();
  by.on_message(base::as_bytes(message), binary, options, decoded);
  read_by = &by;
  switch (decoded.status) {
    case Decoded::Status::error:
      return fail(client, decoded.error, now), false;
    case Decoded::Status::incomplete:
      if (!has_joined(client))
        return violation(client, "packet in parts before CONNECT", now), false;
      if (client.linked()) return false;
      client.deadline = base::after(now, options.packet_timeout);
      return receiving.push_back(client), false;
    case Decoded::Status::packet:
      break;
  }
  if (waited) client.unlink();
  if (dispatch(client, decoded, now, out)) return true;
  const bool is_read = decoded.type != PacketType::event && decoded.type != PacketType::ack;
  if (is_read || queue.empty()) client.release();
  return false;
}

// Packets of the client there: to be handled, or ignored when the server has disconnected it, since
// it may not have heard of it.
bool Core::State::expects(const Entry& entry) {
  const Socket* socket = sockets.get(entry.socket);
  return socket == nullptr || socket->state == SocketState::connected ||
         socket->state == SocketState::disconnecting;
}

bool Core::State::has_joined(const Client& client) {
  return std::any_of(client.entries.begin(), client.entries.end(),
                     [this](const Entry& entry) { return expects(entry); });
}

// The server has disconnected it from a namespace that has gone since, with its name: any that the
// client is not in may be meant.
bool Core::State::left_a_dropped_one(const Client& client) const {
  return std::any_of(client.entries.begin(), client.entries.end(), [this](const Entry& entry) {
    return !entry.socket && !has_namespace(entry.nsp);
  });
}

// True: it is an event, and `out` shows it.
bool Core::State::dispatch(Client& client, const Decoded& packet, base::Time now, Arrival& out) {
  if (packet.type == PacketType::connect) return connect(client, packet.nsp, now), false;
  const Namespace* nsp = find_namespace(packet.nsp);
  Entry* entry = nsp == nullptr ? nullptr : client.find(nsp->index);
  if (entry == nullptr && packet.type != PacketType::connect_error && left_a_dropped_one(client))
    return false;  // sent before the client heard of it
  if (entry == nullptr || packet.type == PacketType::connect_error)
    return violation(client, "packet without a namespace", now), false;
  Socket* socket = sockets.get(entry->socket);
  if (socket == nullptr) {  // sent before the client heard that the server disconnected it
    if (packet.type == PacketType::disconnect) client.entries.erase(entry);
    return false;
  }
  if (socket->state == SocketState::disconnecting) return false;  // the same, not yet told
  if (socket->state != SocketState::connected)
    return violation(client, "packet before the connection", now), false;
  switch (packet.type) {
    case PacketType::event:
      // Nearly always there is nothing before it.
      if (!quiet()) return push(EventKind::event, *socket), false;
      out.socket = socket->self;
      out.client = client.self;
      return report_packet(out);
    case PacketType::ack:
      if (packet.id && packet.has_payload) dispatch_ack(*socket, packet);
      return false;
    case PacketType::disconnect:
      return begin_disconnect(*socket, DisconnectReason::client_namespace_disconnect), false;
    default:
      return false;
  }
}

void Core::State::dispatch_ack(const Socket& socket, const Decoded& packet) {
  queue.reserve(2);  // a waiter must not be lost between the table and the queue
  AckTable::Reply reply = acks.reply(socket.nsp, *packet.id, socket.self);
  if (reply.group != nullptr) {
    Queued item;
    item.event = EventKind::ack_reply;
    item.socket = socket.self;
    item.client = socket.client;
    item.group = reply.group;
    queue.push(std::move(item));
    if (reply.waiter != nullptr) push_end(std::move(reply.waiter), AckEnd::replied);
  } else if (reply.waiter != nullptr) {
    Queued item;
    item.event = EventKind::ack;
    item.socket = socket.self;
    item.client = socket.client;
    item.waiter = std::move(reply.waiter);
    queue.push(std::move(item));
  }
}

void Core::State::connect(Client& client, base::Bytes name, base::Time now) {
  const ConnectV3 old = is_v3(client) ? split_connect_v3(name) : ConnectV3{};
  if (is_v3(client)) name = old.nsp;
  Namespace* nsp = find_namespace(name);
  const Entry* entry = nsp == nullptr ? nullptr : client.find(nsp->index);
  const bool twice = entry != nullptr && entry->socket;
  if (twice || find_waiting(client.self, name) != nullptr)
    return violation(client, "second CONNECT for a namespace", now);
  // It would come back in frames that have to be UTF-8.
  if (nsp == nullptr && !value::valid_utf8(name)) return fail(client, "invalid payload", now);
  if (name.size() > options.max_namespace_length)
    return connect_error(client, shorten(name, options.max_namespace_length), kInvalidNamespace);
  if (entry == nullptr && !make_room(client))
    return refuse_connect(client, name, "Too many namespaces");

  Auth::Text text;
  if (is_v3(client)) {
    text.bytes = old.auth();
  } else if (decoded.has_payload) {
    text = Auth::read(root());
  }
  if (auth_bytes(client) + text.bytes.size() > options.max_auth_bytes)
    return refuse_connect(client, name, "Too much auth");
  AuthPtr auth;
  if (!text.bytes.empty()) auth = Auth::keep(std::move(text), shared.ledger);
  if (nsp != nullptr) return start(client, *nsp, std::move(auth));
  await_namespace(client, name, std::move(auth));
}

void Core::State::await_namespace(Client& client, base::Bytes name, AuthPtr auth) {
  queue.reserve(1);
  if (client.waiting == nullptr)
    client.waiting = std::make_unique<std::vector<std::unique_ptr<WaitingConnect>>>();
  client.waiting->push_back(std::make_unique<WaitingConnect>(name, std::move(auth), shared.ledger));
  Queued item;
  item.event = EventKind::unknown_namespace;
  item.client = client.self;
  item.text = client.waiting->back()->nsp;
  queue.push(std::move(item));
}

void Core::State::name_socket(Socket& socket, const Client& client, const Namespace& nsp) {
  if (is_v3(client)) return socket.id.assign(public_id_v3(client.session->id(), nsp.name));
  socket.id = random_id();
}

void Core::State::start(Client& client, Namespace& nsp, AuthPtr auth) {
  queue.reserve(1);
  const auto [id, socket] = sockets.emplace();
  socket->self = id;
  socket->client = client.self;
  socket->nsp = nsp.index;
  socket->session = client.session;
  socket->auth = std::move(auth);
  try {
    name_socket(*socket, client, nsp);
    if (Entry* left = client.find(nsp.index); left != nullptr)
      left->socket = id;
    else
      client.entries.push_back({nsp.index, id});
  } catch (...) {
    sockets.erase(id);
    throw;
  }
  charge(nsp);
  push(EventKind::connecting, *socket);
}

IdText Core::State::random_id() {
  static constexpr char kAlphabet[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  IdText id{};
  random.fill({id.data(), id.size()});
  for (char& c : id) c = kAlphabet[static_cast<unsigned char>(c) & 63];
  return id;
}

// Namespaces the client was disconnected from count until they are in the way.
bool Core::State::make_room(Client& client) const {
  const std::size_t waiting = client.waiting == nullptr ? 0 : client.waiting->size();
  if (client.entries.size() + waiting < options.max_namespaces_per_client) return true;
  const auto left = std::find_if(client.entries.begin(), client.entries.end(),
                                 [](const Entry& entry) { return !entry.socket; });
  if (left == client.entries.end()) return false;
  client.entries.erase(left);
  return true;
}

void Core::State::connect_error(Client& client, base::Bytes nsp, base::Bytes message,
                                const Value& data) {
  Writer& writer = encoder.begin_value();
  writer.begin_object();
  writer.key("message");
  writer.string(message);
  if (!data.is_null()) {
    writer.key("data");
    encoder.write_part(writer, data);
  }
  writer.end_object();
  const Encoded packet = encoder.finish(PacketType::connect_error, nsp, std::nullopt, 0);
  if (client.session != nullptr) send(*client.session, packet);
}

// By a middleware or a limit. Socket.IO 2 says it with a bare value (but, as in the reference, not
// that a namespace does not exist).
void Core::State::refuse_connect(Client& client, base::Bytes nsp, base::Bytes message,
                                 const Value& data) {
  if (!is_v3(client)) return connect_error(client, nsp, message, data);
  write_error_v3(encoder.begin_value(), message, data.is_null() ? "" : data.to_json());
  const Encoded packet = encoder.finish(PacketType::connect_error, nsp, std::nullopt, 0);
  send(*client.session, packet);
}

const WaitingConnect* Core::State::find_waiting(ClientId id, base::Bytes nsp) {
  const Client* client = clients.get(id);
  if (client == nullptr || client->waiting == nullptr) return nullptr;
  for (const auto& waiting : *client->waiting) {
    if (waiting->nsp == nsp) return waiting.get();
  }
  return nullptr;
}

std::unique_ptr<WaitingConnect> Core::State::take_waiting(ClientId id, base::Bytes nsp) {
  const WaitingConnect* found = find_waiting(id, nsp);
  if (found == nullptr) return nullptr;
  Client& client = *clients.get(id);
  const auto at = std::find_if(client.waiting->begin(), client.waiting->end(),
                               [found](const auto& waiting) { return waiting.get() == found; });
  std::unique_ptr<WaitingConnect> taken = std::move(*at);
  client.waiting->erase(at);
  if (client.waiting->empty()) client.waiting.reset();
  return taken;
}

bool Core::awaits(ClientId id, base::Bytes nsp) const {
  return state_->find_waiting(id, nsp) != nullptr;
}

void Core::admit(ClientId id, base::Bytes nsp, base::Time) {
  State& s = *state_;
  const auto waiting = s.take_waiting(id, nsp);
  Client* client = s.clients.get(id);
  if (waiting == nullptr || client->closing) return;
  Namespace* found = s.find_namespace(waiting->nsp);
  if (found == nullptr) return s.connect_error(*client, waiting->nsp, kInvalidNamespace);
  s.start(*client, *found, std::move(waiting->auth));
}

void Core::reject_namespace(ClientId id, base::Bytes nsp, base::Bytes message) {
  State& s = *state_;
  const auto waiting = s.take_waiting(id, nsp);
  if (waiting != nullptr) s.connect_error(*s.clients.get(id), waiting->nsp, message);
}

void Core::start_over(SocketId id) {
  State& s = *state_;
  Socket* socket = s.sockets.get(id);
  if (socket == nullptr || socket->state != SocketState::connecting) return;
  const base::Bytes name = s.at(socket->nsp).name;
  AuthPtr auth = std::move(socket->auth);
  const ClientId of = socket->client;
  s.leave(*socket, DisconnectReason::transport_close);
  s.free_socket(id);
  if (Client* client = s.clients.get(of); client != nullptr && !client->closing)
    s.await_namespace(*client, name, std::move(auth));
}

// The client cannot be understood: its sockets see the error, then "forced close".
void Core::State::fail(Client& client, base::Bytes text, base::Time now) {
  queue.reserve(3 * client.entries.size() + 1);
  stop_reading(client);
  for (const Entry& entry : client.entries) {
    const Socket* socket = sockets.get(entry.socket);
    if (socket != nullptr && socket->state == SocketState::connected)
      push(EventKind::error, *socket, text);
  }
  client.session->close(eio::CloseReason::forced_close, text, now);
  disconnect_all(client, DisconnectReason::forced_close, text);
}

// The client breaks the rules. As in JS the sockets of a client that can be told at once end with
// "forced close", those of one that polls and has no poll open with "forced server close".
void Core::State::violation(Client& client, base::Bytes detail, base::Time now) {
  const bool at_once =
      client.session->transport() == eio::Transport::websocket || client.session->poll_parked();
  expect_end(client);
  stop_reading(client);
  client.session->close(eio::CloseReason::forced_close, detail, now);
  disconnect_all(client,
                 at_once ? DisconnectReason::forced_close : DisconnectReason::forced_server_close,
                 detail);
}

void Core::State::disconnect_all(Client& client, DisconnectReason reason, base::Bytes detail) {
  for (const Entry& entry : client.entries) {
    if (Socket* socket = sockets.get(entry.socket)) begin_disconnect(*socket, reason, detail);
  }
}

void Core::State::stop_reading(Client& client) {
  client.closing = true;
  client.unlink();
  client.waiting.reset();
}

}  // namespace socketio::sio
