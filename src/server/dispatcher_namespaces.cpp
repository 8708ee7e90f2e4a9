// Namespaces as they come and go: what a client asks for that nobody has created, and what is left
// when the last one leaves.
#include <atomic>

#include "base/shrink.hpp"
#include "server/holding.hpp"
#include "server/shard.hpp"

namespace socketio {

struct Allow::Once : detail::FirstCall<Go> {
  using FirstCall::FirstCall;
};

Allow::Allow(Go go) : once_(std::make_shared<Once>(std::move(go))) {}
void Allow::operator()(bool allowed) const {
  (*once_)(allowed, nullptr);
}
void Allow::fail(std::exception_ptr error) const {
  (*once_)(false, std::move(error));
}

}  // namespace socketio

namespace socketio::server {

NamespaceNames::Added open_namespace(const std::shared_ptr<detail::Hub>& hub, std::string_view name,
                                     sio::NamespaceIndex parent, std::size_t max_children) {
  Shard& here = *hub->here();
  std::shared_ptr<const NamespaceHandlers> inherited;
  if (parent != kNoParent)
    inherited = std::make_shared<NamespaceHandlers>(*here.dispatcher().handlers(parent));
  const bool counted = parent != kNoParent && hub->settings.options.cleanup_empty_child_namespaces;
  NamespaceNames::Added added =
      hub->names.add(name, parent, std::move(inherited), counted, max_children);
  if (!added.is_new) return added;
  const sio::NamespaceIndex index = added.entry->index;
  here.dispatcher().guarded("adapter", [&] { make_adapter(hub, index); });
  const auto announce = [&](const std::function<void(Namespace)>& hook) {
    here.dispatcher().guarded("new_namespace", [&] { hook(Namespace(hub, index)); });
  };
  if (hub->hooks.admin.new_namespace) announce(hub->hooks.admin.new_namespace);
  each_hook(hub->hooks.new_namespace, announce);
  // Behind what the hooks registered. A shard that has no memory for it now makes it when somebody
  // is admitted there: it must become ready in any case, for those who wait.
  for (std::size_t i = 0; i < hub->size(); ++i) {
    here.dispatcher().guarded("new_namespace", [&] {
      hub->run(i, detail::Mail::always, [index](Shard& on) { on.dispatcher().let_in(index); });
    });
  }
  hub->names.ready(*added.entry);
  return added;
}

void make_adapter(const std::shared_ptr<detail::Hub>& hub, sio::NamespaceIndex index) {
  if (!hub->settings.options.adapter) return;
  const std::shared_ptr<Adapter> made = hub->settings.options.adapter(Namespace(hub, index));
  if (made == nullptr) return;
  made->init();
  if (!hub->names.set_adapter(index, made)) made->close();
}

bool Dispatcher::ensure_namespace(sio::NamespaceIndex nsp) {
  const std::uint32_t slot = sio::slot_of(nsp);
  if (slot < namespaces_.size() && namespaces_[slot] != nullptr &&
      namespaces_[slot]->entry->index == nsp)
    return true;
  const NamespaceEntryPtr entry = hub_->names.entry(nsp);
  if (entry == nullptr) return false;
  // All of it, or nothing: a namespace that the core knows, clients enter without asking here.
  if (slot >= namespaces_.size()) namespaces_.resize(slot + 1);
  auto made = std::make_unique<NamespaceExtras>(entry);
  core_.create_namespace(entry->name, nsp,
                         entry->parent == kNoParent ? sio::Made::for_all : sio::Made::for_clients);
  namespaces_[slot] = std::move(made);
  return true;
}

bool Dispatcher::let_in(sio::NamespaceIndex nsp) {
  if (!ensure_namespace(nsp)) return false;
  NamespaceExtras& own = extras(nsp);
  own.open = true;
  if (hub_->names.adapter(nsp) != nullptr) own.watched = true;
  return true;
}

void Dispatcher::drop_namespace(sio::NamespaceIndex nsp) {
  if (!core_.has_namespace(nsp)) return;
  pump(shard_.now());  // what is still to be told about it
  core_.drop_namespace(nsp);
  namespaces_[sio::slot_of(nsp)].reset();
}

void Dispatcher::shrink() {
  core_.shrink();
  while (!namespaces_.empty() && namespaces_.back() == nullptr) namespaces_.pop_back();
  base::shrink_list(namespaces_);
}

NamespaceHandlers* Dispatcher::handlers(sio::NamespaceIndex index) {
  if (!is_parent(index))
    return ensure_namespace(index) ? namespaces_[sio::slot_of(index)].get() : nullptr;
  const std::size_t number = index & ~kParentBit;
  while (parents_.size() <= number) parents_.push_back(std::make_unique<NamespaceHandlers>());
  return parents_[number].get();
}

// It may be there for longer than its client.
struct Dispatcher::Wanted {
  Wanted(Dispatcher& on, const sio::Event& event)
      : holding(on, on.core().owner(event.client), sizeof(Wanted) + event.name.size()),
        client(event.client),
        name(event.name),
        auth(event.auth == nullptr ? nullptr : event.auth->share()) {}

  // `auth` for who decides: twenty times as long as a value, so not before somebody is asked, and a
  // coroutine has a copy. Null when there is no room: who decides keeps it for as long as he likes,
  // and nobody can be closed for it once the client has gone.
  const Value* shown(Dispatcher& on) {
    if (show) return &show->auth;
    Value value = auth != nullptr ? auth->value() : Value(Object());
    const std::size_t bytes = 2 * memory_of(value);
    const detail::Hub& hub = *holding.hub();
    if (hub.ledger.input() + static_cast<std::int64_t>(bytes) >
        static_cast<std::int64_t>(hub.settings.options.max_input_bytes))
      return nullptr;
    return &show.emplace(on, on.core().owner(client), bytes, std::move(value)).auth;
  }

  struct Shown {
    Shown(Dispatcher& on, std::uint64_t session, std::size_t bytes, Value value)
        : holding(on, session, bytes), auth(std::move(value)) {}
    Holding holding;
    Value auth;
  };
  Holding holding;  // with it the hub, and so the ledger that `auth` is counted in
  sio::ClientId client;
  std::string name;
  sio::AuthPtr auth;
  std::optional<Shown> show;
};

void Dispatcher::on_unknown_namespace(const sio::Event& event) {
  resolve(std::make_shared<Wanted>(*this, event), 0);
}

// Asks the parents from `parent` on, unless somebody has created it meanwhile.
void Dispatcher::resolve(const WantedPtr& wanted, std::size_t parent) {
  // By mail, behind what the creator has to say to this shard.
  const auto go_on = [hub = hub_, shard = shard_.index(),
                      wanted](std::optional<sio::NamespaceIndex> ready) {
    hub->post(shard, detail::Mail::always,
              [wanted, ready](Shard& on) { on.dispatcher().admit(wanted, ready); });
  };
  if (hub_->names.await(wanted->name, go_on)) return;
  const auto parents = hub_->names.parents();
  for (; parent < parents->size(); ++parent) {
    const Parent& asked = (*parents)[parent];
    if (!asked.pattern) break;
    if (asked.pattern->matches(wanted->name)) return create_child(wanted, asked.index);
  }
  if (parent == parents->size()) return core_.reject_namespace(wanted->client, wanted->name);
  const Parent& asked = (*parents)[parent];
  const Value* auth = wanted->shown(*this);
  if (auth == nullptr) return core_.reject_namespace(wanted->client, wanted->name, "Too much auth");
  const Allow allow([hub = hub_, shard = shard_.index(), wanted, parent, index = asked.index](
                        bool allowed, std::exception_ptr why) {
    hub->run(shard, detail::Mail::always, [=](Shard& on) {
      if (why) on.dispatcher().report_exception(why, "connect");
      if (allowed) return on.dispatcher().create_child(wanted, index);
      on.dispatcher().resolve(wanted, parent + 1);
    });
  });
  if (!guarded("connect", [&] { asked.decide(wanted->name, *auth, allow); })) allow(false);
}

void Dispatcher::create_child(const WantedPtr& wanted, sio::NamespaceIndex parent) {
  // Whoever decides may take longer than the client waits, and what nobody enters nobody leaves.
  if (!core_.awaits(wanted->client, wanted->name)) return;
  const NamespaceNames::Added added =
      open_namespace(hub_, wanted->name, parent, hub_->settings.options.max_child_namespaces);
  if (added.entry == nullptr) {
    shard_.log(base::LogLevel::warn, base::LogKind::general,
               "max_child_namespaces is reached: a client is refused");
    return core_.reject_namespace(wanted->client, wanted->name, "Too many namespaces");
  }
  if (!added.is_new) return resolve(wanted, 0);
  admit(wanted, added.entry->index);
  if (!added.entry->counted) return;
  // A hook may have ended the client, or what came by the same mail: then this one is the last.
  hub_->post(shard_.index(), detail::Mail::always, [index = added.entry->index](Shard& on) {
    Dispatcher& own = on.dispatcher();
    own.pump(on.now());  // it has come in, if it is there
    if (own.ensure_namespace(index) && own.extras(index).entry->enter())
      own.client_left(own.extras(index));
  });
}

// To the one that was ready. When that has gone meanwhile it starts over: a successor of the name
// may not be ready yet.
void Dispatcher::admit(const WantedPtr& wanted, std::optional<sio::NamespaceIndex> ready) {
  if (!ready || !let_in(*ready)) return resolve(wanted, 0);
  core_.admit(wanted->client, wanted->name, shard_.now());
}

// The last one has the namespace removed: its name at once, and what the shards keep as they get to
// it. A CONNECT that comes to one of them before is turned away by enter() and starts over.
void Dispatcher::client_left(const NamespaceExtras& nsp) {
  if (!nsp.entry->counted || !nsp.entry->leave()) return;
  const std::shared_ptr<Adapter> adapter = hub_->names.remove(*nsp.entry);
  const sio::NamespaceIndex index = nsp.entry->index;
  auto left = std::make_shared<std::atomic<std::size_t>>(hub_->size());
  const auto done = [hub = hub_.get(), left, index, adapter] {
    if (left->fetch_sub(1) > 1) return;
    hub->names.recycle(index);
    if (adapter != nullptr) adapter->close();
  };
  for (std::size_t i = 0; i < hub_->size(); ++i) {
    const bool posted = hub_->post(i, detail::Mail::always, [index, done](Shard& on) {
      on.dispatcher().drop_namespace(index);
      done();
    });
    if (!posted) done();
  }
}

}  // namespace socketio::server
