#include "server/admin_login.hpp"

#include <memory>

#include <crypt.h>

namespace socketio::server {

bool equal_in_constant_time(std::string_view given, std::string_view secret) {
  unsigned differs = given.size() == secret.size() ? 0 : 1;
  // A secret of another length is compared all the same, as often as there is something given.
  const std::string_view against = secret.empty() ? std::string_view("\0", 1) : secret;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto a = static_cast<unsigned char>(given[i]);
    const auto b = static_cast<unsigned char>(against[i % against.size()]);
    differs |= static_cast<unsigned>(a ^ b);
  }
  return differs == 0;
}

bool is_bcrypt_hash(std::string_view text) {
  constexpr std::size_t kSize = 60;
  constexpr std::string_view kDigits = "0123456789";
  constexpr std::string_view kAlphabet =
      "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  if (text.size() != kSize ||
      (text.substr(0, 4) != "$2a$" && text.substr(0, 4) != "$2b$" && text.substr(0, 4) != "$2y$"))
    return false;
  const std::string_view cost = text.substr(4, 2);
  if (cost.find_first_not_of(kDigits) != std::string_view::npos || cost < "04" || cost > "31")
    return false;
  return text[6] == '$' && text.substr(7).find_first_not_of(kAlphabet) == std::string_view::npos;
}

bool matches_bcrypt(const std::string& password, const std::string& hash) {
  if (password.find('\0') != std::string::npos) return false;  // crypt would stop there
  const auto memory = std::make_unique<crypt_data>();          // 32 KiB
  const char* made = crypt_rn(password.c_str(), hash.c_str(), memory.get(), sizeof *memory);
  return made != nullptr && equal_in_constant_time(made, hash);
}

std::string AdminSessions::add(base::Random& random, base::Time now) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string bytes(kIdSize / 2, '\0');
  random.fill(bytes);
  std::string id;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    id += kHex[byte >> 4];
    id += kHex[byte & 15];
  }
  const std::lock_guard lock(mutex_);
  while (order_.size() >= max_ || (!order_.empty() && ends_[order_.front()] <= now)) {
    ends_.erase(order_.front());
    order_.pop_front();
  }
  ends_[id] = base::after(now, duration_);
  order_.push_back(id);
  return id;
}

bool AdminSessions::has(std::string_view id, base::Time now) const {
  const std::lock_guard lock(mutex_);
  const auto found = ends_.find(id);
  return found != ends_.end() && found->second > now;
}

}  // namespace socketio::server
