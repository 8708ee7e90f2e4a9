// What the machine sends: whole frames, compressed where that was negotiated and is worth it.
#include <cstring>

#include "ws/machine.hpp"
#include "ws/mask.hpp"

namespace socketio::ws {

using base::Bytes;

bool Machine::write(Opcode opcode, Bytes payload, Env& env, bool compressed) {
  if (state_ != State::open || payload.size() > kMaxSend) return false;
  const bool masked = role_ == Role::client;
  const std::size_t head = header_size(payload.size(), masked);
  char* const out = env.arena.reserve(head + payload.size());
  if (!payload.empty()) std::memcpy(out + head, payload.data(), payload.size());
  std::optional<std::uint32_t> key;
  if (masked) {
    key = static_cast<std::uint32_t>(env.random.u64());  // §5.3: fresh and unpredictable
    apply_mask({out + head, payload.size()}, *key);
  }
  write_header(out, opcode, payload.size(), true, compressed, key);
  env.out.push(env.arena.commit(head + payload.size()));
  return true;
}

bool Machine::send(Opcode opcode, Bytes payload, Env& env, bool compress) {
  if (env.deflate == nullptr || !compress || !env.deflate->worth_it(payload.size()))
    return write(opcode, payload, env);
  // Not before: what a stream has compressed has to be sent.
  if (state_ != State::open || payload.size() > kMaxSend) return false;
  if (role_ == Role::server &&
      (env.deflate->compressing() || env.deflate->is_long(payload.size()))) {
    env.deflate->put_off(make_frame(opcode, payload, &env.ledger), env.ledger);
    return true;
  }
  const std::optional<Bytes> packed = env.deflate->compress({&payload, 1});
  return packed ? write(opcode, *packed, env, true) : write(opcode, payload, env);
}

bool Machine::send_text(Bytes payload, Env env, bool compress) {
  return send(Opcode::text, payload, env, compress);
}

bool Machine::send_binary(Bytes payload, Env env, bool compress) {
  return send(Opcode::binary, payload, env, compress);
}

bool Machine::ping(Bytes payload, Env env) {
  return payload.size() <= kMaxControl && write(Opcode::ping, payload, env);
}

}  // namespace socketio::ws
