// The notes of a session that is watched.
#include <utility>

#include "eio/session.hpp"

namespace socketio::eio {

std::uint64_t Session::watch() {
  if (rare_ == nullptr) rare_ = std::make_unique<Rare>();
  if (rare_->watch == nullptr) {
    rare_->watch = std::make_unique<Watch>();
    rare_->watch->created = queue_ == nullptr ? 0 : queue_->size();
    if (state_ == State::open) state_ = State::watched;
  }
  return rare_->watch->created;
}

std::vector<Note> Session::take_notes() {
  return watched() ? std::exchange(rare_->watch->notes, {}) : std::vector<Note>();
}

void Session::note(Note note) {
  rare_->watch->notes.push_back(std::move(note));
  raise(kNoted);
}

void Session::note_created(PacketType type, bool binary, base::Bytes head, base::Bytes tail) {
  Watch& watch = *rare_->watch;
  ++watch.created;
  Note created{Note::Kind::created, type, binary};
  created.data.reserve(head.size() + tail.size());
  created.data.append(head).append(tail);
  note(std::move(created));
  if (websocket_ != nullptr) note_flushing();
}

void Session::note_flushing() {
  Watch& watch = *rare_->watch;
  const std::uint64_t left = queue_ == nullptr ? watch.created : watch.created - queue_->size();
  if (left == watch.flushed) return;
  note({.kind = Note::Kind::flushing, .count = left - watch.flushed});
  watch.flushed = left;
}

void Session::note_drained() {
  Watch& watch = *rare_->watch;
  if (watch.flushed == watch.drained) return;
  watch.drained = watch.flushed;
  note({.kind = Note::Kind::drained, .count = watch.drained});
}

}  // namespace socketio::eio
