// An intrusive doubly linked list: membership costs no allocation and an element can leave in O(1)
// without knowing which list it is in. Elements derive from ListNode<Tag>; destroying one takes it
// out.
#pragma once

namespace socketio::base {

template <class Tag>
class ListNode {
 public:
  ListNode() = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  ~ListNode() { unlink(); }

  bool linked() const { return next_ != nullptr; }
  void unlink() {
    if (next_ == nullptr) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = nullptr;
  }

 private:
  template <class, class>
  friend class List;
  ListNode* next_ = nullptr;
  ListNode* previous_ = nullptr;
};

template <class T, class Tag = T>
class List {
 public:
  using Node = ListNode<Tag>;

  List() { head_.next_ = head_.previous_ = &head_; }
  List(const List&) = delete;
  List& operator=(const List&) = delete;
  ~List() {
    while (pop_front() != nullptr) {
    }
    head_.next_ = head_.previous_ = nullptr;
  }

  bool empty() const { return head_.next_ == &head_; }
  T* front() { return empty() ? nullptr : static_cast<T*>(head_.next_); }

  // No-op when the element is already in a list.
  void push_back(T& element) {
    Node& node = element;
    if (node.linked()) return;
    node.previous_ = head_.previous_;
    node.next_ = &head_;
    head_.previous_->next_ = &node;
    head_.previous_ = &node;
  }

  T* pop_front() {
    if (empty()) return nullptr;
    Node* const first = head_.next_;
    head_.next_ = first->next_;
    head_.next_->previous_ = &head_;
    first->next_ = first->previous_ = nullptr;
    return static_cast<T*>(first);
  }

 private:
  Node head_;
};

}  // namespace socketio::base
