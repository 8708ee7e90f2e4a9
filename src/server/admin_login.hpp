// Who may be an admin: the password, and the ids that stand for it afterwards. The time is an
// argument. Thread-safe.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include <socketio/admin.hpp>

#include "base/random.hpp"
#include "base/time.hpp"

namespace socketio::server {

// In a time that depends on the length of `given` only.
bool equal_in_constant_time(std::string_view given, std::string_view secret);
// $2a$, $2b$ or $2y$, two digits of cost (4 to 31), 53 characters.
bool is_bcrypt_hash(std::string_view text);
// Slow on purpose: not on a loop's thread.
bool matches_bcrypt(const std::string& password, const std::string& hash);

class AdminSessions {
 public:
  static constexpr std::size_t kIdSize = 32;

  AdminSessions(std::size_t max, base::Duration duration) : max_(max), duration_(duration) {}
  // 128 random bits: looking one up tells nothing of the others.
  std::string add(base::Random& random, base::Time now);
  bool has(std::string_view id, base::Time now) const;

 private:
  mutable std::mutex mutex_;
  std::size_t max_;
  base::Duration duration_;
  std::map<std::string, base::Time, std::less<>> ends_;
  std::deque<std::string> order_;  // oldest first
};

}  // namespace socketio::server
