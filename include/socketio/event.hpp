// Handlers: how a callable of any signature becomes one the dispatcher can call. The only
// template-heavy header.
//
//   [](std::string_view text) {…}                  typed arguments; only a std::optional may be
//                                                  missing
//   [](Socket s, int a, int b) { return a + b; }   Socket comes first, if you want it; the return
//                                                  value is the acknowledgement
//   [](Socket s, Ack ack) {…}                      Ack comes last: you acknowledge yourself, once,
//                                                  now or later, from any thread
//   [](const Args& all) {…}                        all arguments as Values
//   [](EventView e) {…}                            the event as it came, not yet read
//   [](Socket s, std::string t) -> Task<int> {…}   a coroutine; views as its parameters do not
//                                                  compile
//
// A payload that does not fit is reported to Server::on_error and counted; the handler is not
// called and no ack is sent.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <socketio/codec.hpp>
#include <socketio/task.hpp>

namespace socketio {

class Socket;

// Arguments that are only known as a list, sent one by one as JS's `...args` does: socket.emit("e",
// Spread(args)). Lives for the call.
struct Spread {
  explicit Spread(const Args& list) : args(list) {}
  const Args& args;
};
template <>
struct Codec<Spread> {
  static void write(Writer& to, const Spread& spread) {
    for (const Value& value : spread.args) value.write(to);
  }
};

namespace detail {

struct Hub;
struct AckState;

// What the copies of an Ack share, and how many they are: counted here, so that a copy calls
// nobody.
class SOCKETIO_EXPORT AckHolder {
 public:
  struct Shared {
    std::atomic<std::uint32_t> holders{1};
  };
  AckHolder() = default;
  explicit AckHolder(Shared* first) : shared_(first) {}  // the first of them
  AckHolder(const AckHolder& other) noexcept : shared_(other.shared_) {
    if (shared_ != nullptr) shared_->holders.fetch_add(1, std::memory_order_relaxed);
  }
  AckHolder(AckHolder&& other) noexcept : shared_(std::exchange(other.shared_, nullptr)) {}
  AckHolder& operator=(AckHolder other) noexcept {
    std::swap(shared_, other.shared_);
    return *this;
  }
  ~AckHolder() {
    if (shared_ != nullptr && shared_->holders.fetch_sub(1, std::memory_order_acq_rel) == 1)
      free(shared_);
  }
  explicit operator bool() const { return shared_ != nullptr; }
  // Nobody else has it, or will have it.
  bool alone() const { return shared_->holders.load(std::memory_order_acquire) == 1; }
  AckState& state() const;

 private:
  static void free(Shared* shared);
  Shared* shared_ = nullptr;
};

// Arguments on their way out, type-erased: `write` writes each argument as one value.
struct ArgsRef {
  const void* arguments = nullptr;
  void (*write)(const void* arguments, Writer& to) = nullptr;
};

template <class... A>
struct PackedArgs {
  std::tuple<const A&...> items;
  explicit PackedArgs(const A&... a) : items(a...) {}
  ArgsRef ref() const {
    return {this, [](const void* self, Writer& to) {
              std::apply([&to](const auto&... item) { (write_one(item, to), ...); },
                         static_cast<const PackedArgs*>(self)->items);
            }};
  }
  template <class T>
  static void write_one(const T& item, Writer& to) {
    Codec<std::decay_t<const T&>>::write(to, item);
  }
};

}  // namespace detail

// The acknowledgement that a client asked for. Copyable; the first call sends it. Later calls, and
// those when no client waits, do nothing and return false. Any thread.
class SOCKETIO_EXPORT Ack {
 public:
  Ack() = default;
  explicit Ack(detail::AckHolder holder) : holder_(std::move(holder)) {}

  // True when the client asked for one and it has not been sent.
  explicit operator bool() const;
  template <class... A>
  bool operator()(const A&... args) const {
    return send(detail::PackedArgs<A...>(args...).ref());
  }

 private:
  bool send(detail::ArgsRef args) const;
  detail::AckHolder holder_;
};

// An event before its arguments are read; lives for the call.
class EventView {
 public:
  EventView(std::string_view name, Element args, std::string_view raw, bool wants_ack = false)
      : name_(name), args_(args), raw_(raw), wants_ack_(wants_ack) {}
  std::string_view name() const { return name_; }
  // Arguments without the name.
  std::size_t size() const {
    const std::size_t n = args_.size();
    return n == 0 ? 0 : n - 1;
  }
  Element operator[](std::size_t i) const { return args_.at(i + 1); }
  template <class T>
  bool get(std::size_t i, T& out) const {
    return Codec<T>::read((*this)[i], out);
  }
  Args values() const {
    Args out;
    Element::Cursor cursor = args_.children();
    for (bool name_skipped = false; cursor.next(); name_skipped = true) {
      if (name_skipped) out.push_back(Value::read(cursor.value()));
    }
    return out;
  }
  // The JSON text of all arguments joined by commas ("1,\"two\""), to pass on unparsed; empty when
  // there are none or some are binary. (Written on demand when the packet was not JSON.)
  std::string_view raw() const { return raw_.data() != nullptr ? raw_ : args_.raw_rest(); }
  // The client waits for an acknowledgement.
  bool wants_ack() const { return wants_ack_; }

 private:
  std::string_view name_;
  Element args_;
  std::string_view raw_;
  bool wants_ack_ = false;
};

namespace detail {

// One event being dispatched, as handlers see it.
class SOCKETIO_EXPORT Invocation {
 public:
  // What they show outlives it.
  Invocation(const Socket& socket, const EventView& event) : socket_(socket), event_(event) {}
  Invocation(const Invocation&) = delete;
  Invocation& operator=(const Invocation&) = delete;
  const Socket& socket() const { return socket_; }
  const EventView& event() const { return event_; }
  // Nobody has answered yet.
  virtual bool wants_ack() = 0;
  virtual Ack make_ack() = 0;
  // Acknowledges now with one value, without an Ack object.
  virtual void reply(ArgsRef args) = 0;
  // The arguments did not fit handler parameter `index`.
  virtual void mismatch(std::size_t index) = 0;
  // A coroutine handler starts, unless this throws; call the result when it ends.
  virtual TaskEnd begin_task() = 0;

 protected:
  ~Invocation() = default;

 private:
  const Socket& socket_;
  const EventView& event_;
};

class Handler {
 public:
  virtual ~Handler() = default;
  virtual void call(Invocation& invocation) = 0;
};
using HandlerPtr = std::shared_ptr<Handler>;

template <class T>
struct Signature {};
template <class T>
requires requires {
  &T::operator();
}
struct Signature<T> : Signature<decltype(&T::operator())> {};
template <class R, class... A>
struct Signature<R (*)(A...)> {
  using Return = R;
  using Parameters = std::tuple<A...>;
};
template <class C, class R, class... A>
struct Signature<R (C::*)(A...)> : Signature<R (*)(A...)> {};
template <class C, class R, class... A>
struct Signature<R (C::*)(A...) const> : Signature<R (*)(A...)> {};
template <class C, class R, class... A>
struct Signature<R (C::*)(A...) noexcept> : Signature<R (*)(A...)> {};
template <class C, class R, class... A>
struct Signature<R (C::*)(A...) const noexcept> : Signature<R (*)(A...)> {};

template <class F>
concept HasSignature = requires {
  typename Signature<std::decay_t<F>>::Return;
};

// What a parameter takes from the event.
template <class P>
inline constexpr bool kIsSocket = std::is_same_v<std::decay_t<P>, Socket>;
template <class P>
inline constexpr bool kIsAck = std::is_same_v<std::decay_t<P>, Ack>;
template <class P>
inline constexpr bool kIsWhole =
    std::is_same_v<std::decay_t<P>, EventView> || std::is_same_v<std::decay_t<P>, Args>;
template <class P>
inline constexpr bool kIsPayload = !kIsSocket<P> && !kIsAck<P> && !kIsWhole<P>;

// Position of parameter I among the payload parameters.
template <class Parameters, std::size_t I>
constexpr std::size_t payload_index() {
  return []<std::size_t... J>(std::index_sequence<J...>) {
    return (std::size_t{0} + ... + (kIsPayload<std::tuple_element_t<J, Parameters>> ? 1 : 0));
  }
  (std::make_index_sequence<I>{});
}

template <class F>
class TypedHandler final : public Handler {
  using Return = typename Signature<F>::Return;
  using Parameters = typename Signature<F>::Parameters;
  static constexpr std::size_t kCount = std::tuple_size_v<Parameters>;
  template <std::size_t I>
  using Parameter = std::decay_t<std::tuple_element_t<I, Parameters>>;

  static constexpr bool kTakesAck = []<std::size_t... I>(std::index_sequence<I...>) {
    return (false || ... || kIsAck<Parameter<I>>);
  }
  (std::make_index_sequence<kCount>{});
  static constexpr bool kHoldsViews = []<std::size_t... I>(std::index_sequence<I...>) {
    return (false || ... || (std::is_same_v<Parameter<I>, EventView> || is_view_v<Parameter<I>>));
  }
  (std::make_index_sequence<kCount>{});
  static_assert(!(IsTask<Return>::value && kHoldsViews),
                "a coroutine handler must own its parameters: take std::string, Binary or Args "
                "instead of views");
  static_assert(!(IsTask<Return>::value&&[]<std::size_t... I>(std::index_sequence<I...>) {
    return (false || ... || std::is_reference_v<std::tuple_element_t<I, Parameters>>);
  }(std::make_index_sequence<kCount>{})),
                "a coroutine handler must take its parameters by value");

 public:
  explicit TypedHandler(F f) : f_(std::move(f)) {}

  void call(Invocation& invocation) override {
    call_with(invocation, std::make_index_sequence<kCount>{});
  }

 private:
  template <class T>
  struct Slot {
    T value{};
    bool load(Invocation& invocation, std::size_t index) {
      const EventView& event = invocation.event();
      if constexpr (std::is_same_v<T, Args>) {
        value = event.values();
        return true;
      } else {
        return Codec<T>::read(event[index], value);
      }
    }
    T&& get(Invocation&) { return std::move(value); }
  };

  template <std::size_t... I>
  void call_with(Invocation& invocation, std::index_sequence<I...>) {
    std::tuple<Holder<Parameter<I>>...> holders;
    std::size_t bad = 0;
    const bool fits =
        (true && ... &&
         (bad = payload_index<Parameters, I>(), std::get<I>(holders).load(invocation, bad)));
    if (!fits) return invocation.mismatch(bad);
    run(invocation, std::get<I>(holders).get(invocation)...);
  }

  struct SocketSlot {
    bool load(Invocation&, std::size_t) { return true; }
    const Socket& get(Invocation& invocation) { return invocation.socket(); }
  };
  struct AckSlot {
    bool load(Invocation&, std::size_t) { return true; }
    Ack get(Invocation& invocation) {
      return invocation.event().wants_ack() ? invocation.make_ack() : Ack();
    }
  };
  struct ViewSlot {
    bool load(Invocation&, std::size_t) { return true; }
    const EventView& get(Invocation& invocation) { return invocation.event(); }
  };
  template <class T>
  using Holder = std::conditional_t<
      kIsSocket<T>, SocketSlot,
      std::conditional_t<kIsAck<T>, AckSlot,
                         std::conditional_t<std::is_same_v<T, EventView>, ViewSlot, Slot<T>>>>;

  template <class... A>
  void run(Invocation& invocation, A&&... args) {
    if constexpr (std::is_void_v<Return>) {
      f_(std::forward<A>(args)...);
    } else if constexpr (IsTask<Return>::value) {
      using T = typename Return::value_type;
      // What is no coroutine itself may throw instead of returning a task: then none has begun.
      Return task = f_(std::forward<A>(args)...);
      TaskDone<T> done = [](auto&&...) {};
      if constexpr (!std::is_void_v<T> && !kTakesAck)
        done = [ack = invocation.make_ack()](const T& value) { ack(value); };
      // Last: from here on nothing fails.
      detach(std::move(task), std::move(done), invocation.begin_task());
    } else {
      static_assert(!kTakesAck, "a handler that takes Ack acknowledges itself and returns nothing");
      const Return value = f_(std::forward<A>(args)...);
      if (invocation.wants_ack()) invocation.reply(PackedArgs<Return>(value).ref());
    }
  }

  F f_;
};

template <class F>
HandlerPtr make_handler(F&& f) {
  static_assert(
      HasSignature<F>,
      "a handler needs one call signature: no generic lambdas (auto parameters) and no overloads");
  return std::make_shared<TypedHandler<std::decay_t<F>>>(std::forward<F>(f));
}

}  // namespace detail
}  // namespace socketio
