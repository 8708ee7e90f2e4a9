#include "server/namespace_names.hpp"

#include <new>
#include <utility>

#include "server/handlers.hpp"

namespace socketio::server {

namespace {
// One that cannot, for want of memory, must not keep the others.
void go_on(const std::vector<NamespaceNames::GoOn>& waiting,
           std::optional<sio::NamespaceIndex> index) {
  for (const auto& one : waiting) {
    try {
      one(index);
    } catch (const std::bad_alloc&) {  // its client may ask again
    }
  }
}
}  // namespace

bool NamespaceEntry::enter() {
  std::int64_t seen = clients_.load(std::memory_order_relaxed);
  while (seen != kGoing) {
    if (clients_.compare_exchange_weak(seen, seen + 1, std::memory_order_relaxed)) return true;
  }
  return false;
}

bool NamespaceEntry::leave() {
  if (clients_.fetch_sub(1, std::memory_order_acq_rel) > 1) return false;
  std::int64_t none = 0;
  return clients_.compare_exchange_strong(none, kGoing, std::memory_order_acq_rel);
}

bool RoomCounts::change(const std::string& room, bool joined) {
  if (joined) return ++members[room] == 1;
  const auto it = members.find(room);
  if (it == members.end() || --it->second > 0) return false;
  members.erase(it);
  return true;
}

NamespaceNames::NamespaceNames() {
  ready(*add("/").entry);
}

std::optional<sio::NamespaceIndex> NamespaceNames::free_index() {
  if (const std::uint32_t slot = first_free_; slot != kNoSlot) {
    first_free_ = slots_[slot].next_free;
    return slot | slots_[slot].uses << sio::kSlotBits;
  }
  if (slots_.size() >= sio::kMaxNamespaces) return std::nullopt;
  slots_.emplace_back();
  return slots_.size() - 1;
}

NamespaceNames::Added NamespaceNames::add(std::string_view name, sio::NamespaceIndex parent,
                                          std::shared_ptr<const NamespaceHandlers> inherited,
                                          bool counted, std::size_t max_children) {
  const std::lock_guard lock(mutex_);
  if (const auto it = index_.find(name); it != index_.end())
    return {slots_[sio::slot_of(it->second)].entry, false};
  if (parent != kNoParent && children_ >= max_children) return {};
  // What may fail comes before the place is taken.
  const auto entry = std::make_shared<NamespaceEntry>();
  entry->name = name;
  decltype(index_) made;
  auto named = made.extract(made.emplace(name, 0).first);
  const std::optional<sio::NamespaceIndex> index = free_index();
  if (!index) return {};
  named.mapped() = *index;
  index_.insert(std::move(named));
  entry->index = *index;
  entry->parent = parent;
  entry->inherited = std::move(inherited);
  entry->counted = counted;
  Slot& slot = slots_[sio::slot_of(*index)];
  slot.entry = entry;
  slot.is_ready = false;
  if (parent != kNoParent) ++children_;
  return {entry, true};
}

const NamespaceNames::Slot* NamespaceNames::find_slot(sio::NamespaceIndex index) const {
  const std::uint32_t slot = sio::slot_of(index);
  if (slot >= slots_.size() || slots_[slot].entry == nullptr || slots_[slot].entry->index != index)
    return nullptr;
  return &slots_[slot];
}

void NamespaceNames::ready(const NamespaceEntry& entry) {
  std::vector<GoOn> waiting;
  {
    const std::lock_guard lock(mutex_);
    if (find_slot(entry.index) != nullptr) {
      Slot& slot = slots_[sio::slot_of(entry.index)];
      slot.is_ready = true;
      waiting = std::exchange(slot.waiting, {});
    }
  }
  go_on(waiting, entry.index);
}

bool NamespaceNames::await(std::string_view name, GoOn go_on) {
  sio::NamespaceIndex index = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto it = index_.find(name);
    if (it == index_.end()) return false;
    index = it->second;
    Slot& slot = slots_[sio::slot_of(index)];
    if (!slot.is_ready) {
      slot.waiting.push_back(std::move(go_on));
      return true;
    }
  }
  go_on(index);
  return true;
}

std::optional<sio::NamespaceIndex> NamespaceNames::find(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto it = index_.find(name);
  return it == index_.end() ? std::nullopt : std::optional(it->second);
}

NamespaceEntryPtr NamespaceNames::entry(sio::NamespaceIndex index) const {
  const std::lock_guard lock(mutex_);
  if (is_parent(index)) return nullptr;
  const Slot* slot = find_slot(index);
  return slot == nullptr ? nullptr : slot->entry;
}

std::string NamespaceNames::name(sio::NamespaceIndex index) const {
  const NamespaceEntryPtr found = entry(index);
  return found == nullptr ? std::string() : found->name;
}

std::size_t NamespaceNames::sockets(sio::NamespaceIndex index) const {
  const NamespaceEntryPtr found = entry(index);
  return found == nullptr ? 0 : found->sockets.load(std::memory_order_relaxed);
}

std::uint32_t NamespaceNames::size() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::uint32_t>(index_.size());
}

std::shared_ptr<Adapter> NamespaceNames::remove(const NamespaceEntry& entry) {
  std::shared_ptr<Adapter> adapter;
  // Who waits for it to be ready (its first client may have been and gone before) starts over.
  std::vector<GoOn> waiting;
  {
    const std::lock_guard lock(mutex_);
    if (find_slot(entry.index) == nullptr) return nullptr;
    index_.erase(entry.name);
    if (entry.parent != kNoParent) --children_;
    Slot& slot = slots_[sio::slot_of(entry.index)];
    slot.entry.reset();
    waiting.swap(slot.waiting);
    adapter.swap(slot.adapter);
  }
  go_on(waiting, std::nullopt);
  return adapter;
}

bool NamespaceNames::set_adapter(sio::NamespaceIndex index, std::shared_ptr<Adapter> adapter) {
  const std::lock_guard lock(mutex_);
  if (adapters_refused_ || find_slot(index) == nullptr) return false;
  slots_[sio::slot_of(index)].adapter = std::move(adapter);
  return true;
}

void NamespaceNames::refuse_adapters() {
  const std::lock_guard lock(mutex_);
  adapters_refused_ = true;
}

std::shared_ptr<Adapter> NamespaceNames::adapter(sio::NamespaceIndex index) const {
  const std::lock_guard lock(mutex_);
  const Slot* slot = find_slot(index);
  return slot == nullptr ? nullptr : slot->adapter;
}

std::shared_ptr<Adapter> NamespaceNames::take_adapter(std::size_t& place) {
  const std::lock_guard lock(mutex_);
  while (place < slots_.size()) {
    Slot& slot = slots_[place++];
    if (slot.adapter != nullptr) return std::exchange(slot.adapter, nullptr);
  }
  return nullptr;
}

void NamespaceNames::forget_user_code() {
  const std::shared_ptr<const Parents> parents = [this] {
    const std::lock_guard lock(mutex_);
    return std::exchange(parents_, nullptr);
  }();
  for (std::size_t i = 0;; ++i) {
    std::shared_ptr<const NamespaceHandlers> inherited;
    std::vector<GoOn> waiting;
    const std::lock_guard lock(mutex_);
    if (i >= slots_.size()) return;
    waiting.swap(slots_[i].waiting);
    if (slots_[i].entry != nullptr) inherited.swap(slots_[i].entry->inherited);
  }
}

void NamespaceNames::recycle(sio::NamespaceIndex index) {
  const std::lock_guard lock(mutex_);
  const std::uint32_t number = sio::slot_of(index);
  Slot& slot = slots_[number];
  ++slot.uses;
  slot.next_free = kNoSlot;
  (first_free_ == kNoSlot ? first_free_ : slots_[last_free_].next_free) = number;
  last_free_ = number;
}

sio::NamespaceIndex NamespaceNames::add_parent(std::optional<NamespacePattern> pattern,
                                               detail::NamespaceDecision decide) {
  const std::lock_guard lock(mutex_);
  auto all = std::make_shared<Parents>(*parents_);
  const sio::NamespaceIndex index = kParentBit | all->size();
  all->push_back({index, std::move(pattern), std::move(decide)});
  parents_ = std::move(all);
  return index;
}

std::shared_ptr<const NamespaceNames::Parents> NamespaceNames::parents() const {
  const std::lock_guard lock(mutex_);
  return parents_;
}

std::vector<sio::NamespaceIndex> NamespaceNames::children(sio::NamespaceIndex parent) const {
  const std::lock_guard lock(mutex_);
  std::vector<sio::NamespaceIndex> found;
  for (const Slot& slot : slots_) {
    if (slot.entry != nullptr && slot.entry->parent == parent) found.push_back(slot.entry->index);
  }
  return found;
}

void NamespaceNames::forget_sockets() {
  const std::lock_guard lock(mutex_);
  for (const Slot& slot : slots_) {
    if (slot.entry != nullptr) slot.entry->sockets.store(0);
  }
}

}  // namespace socketio::server
