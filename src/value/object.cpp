// Object: members in the order of insertion, keys unique.
#include <algorithm>
#include <numeric>

#include <socketio/value.hpp>

namespace socketio {

namespace {

// Below this many members comparing all pairs is cheaper than sorting.
constexpr std::size_t kFewMembers = 16;

// For each member, the position of the first one with its key; `order` is scratch.
std::vector<std::size_t> first_of_key(const std::vector<Object::Member>& members) {
  std::vector<std::size_t> order(members.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&members](std::size_t a, std::size_t b) {
    return members[a].first < members[b].first;
  });
  std::vector<std::size_t> first(members.size());
  std::size_t group = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || members[order[i]].first != members[order[i - 1]].first) group = order[i];
    first[order[i]] = group;
  }
  return first;
}

// The members from `from` on, sorted.
std::vector<const Object::Member*> by_key(const std::vector<Object::Member>& members,
                                          std::size_t from) {
  std::vector<const Object::Member*> sorted(members.size() - from);
  for (std::size_t i = 0; i < sorted.size(); ++i) sorted[i] = &members[from + i];
  std::sort(sorted.begin(), sorted.end(),
            [](const Object::Member* a, const Object::Member* b) { return a->first < b->first; });
  return sorted;
}

bool has_duplicate(const std::vector<Object::Member>& members) {
  for (std::size_t i = 1; i < members.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (members[i].first == members[j].first) return true;
    }
  }
  return false;
}

}  // namespace

Object Object::received(std::vector<Member> members) {
  Object out;
  if (members.size() <= kFewMembers && !has_duplicate(members)) {
    out.members_ = std::move(members);
    return out;
  }
  const auto first = first_of_key(members);
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (first[i] != i) members[first[i]].second = std::move(members[i].second);
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (first[i] != i) continue;
    if (kept != i) members[kept] = std::move(members[i]);
    ++kept;
  }
  members.resize(kept);
  out.members_ = std::move(members);
  return out;
}

Object::Object(std::initializer_list<Member> members)
    : Object(received(std::vector<Member>(members))) {}

Value& Object::operator[](std::string_view key) {
  for (auto& [name, value] : members_) {
    if (name == key) return value;
  }
  return members_.emplace_back(std::string(key), Value()).second;
}

const Value* Object::find(std::string_view key) const {
  for (const auto& [name, value] : members_) {
    if (name == key) return &value;
  }
  return nullptr;
}

bool Object::erase(std::string_view key) {
  return std::erase_if(members_, [key](const Member& member) { return member.first == key; }) != 0;
}

std::size_t Object::size() const {
  return members_.size();
}

std::vector<Object::Member>::iterator Object::begin() {
  return members_.begin();
}

std::vector<Object::Member>::iterator Object::end() {
  return members_.end();
}

std::vector<Object::Member>::const_iterator Object::begin() const {
  return members_.begin();
}

std::vector<Object::Member>::const_iterator Object::end() const {
  return members_.end();
}

// Mostly in the same order. From where it differs on both are sorted: O(n log n).
bool Object::operator==(const Object& other) const {
  if (size() != other.size()) return false;
  std::size_t same = 0;
  for (; same < size() && members_[same].first == other.members_[same].first; ++same) {
    if (!(members_[same].second == other.members_[same].second)) return false;
  }
  const auto ours = by_key(members_, same);
  const auto theirs = by_key(other.members_, same);
  return std::equal(ours.begin(), ours.end(), theirs.begin(),
                    [](const Member* a, const Member* b) { return *a == *b; });
}

}  // namespace socketio
