// A bounded ring between one producer and one consumer. When it is full the oldest item is overwritten
// and counted: the newest picture is worth more than a complete row of them.
//
// Items are buffers that are allocated once and travel by index: the producer always owns one buffer to
// write to, the consumer at most one to read from, and the rest is queued or free. A short lock guards
// only the indices (some tens of ns, a few hundred times a second), never the pixels.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

namespace pdc {

template <typename Item>
class Ring {
 public:
  /* `buffers` >= depth + 2 lets producer and consumer each hold one beside a full queue; raised to that. */
  Ring(size_t depth, size_t buffers)
      : depth_(depth < 1 ? 1 : depth), items_(buffers < depth_ + 2 ? depth_ + 2 : buffers) {
    queue_.reserve(depth_);
    for (size_t i = items_.size(); i-- > 1;) free_.push_back(i);
  }

  /* Before the threads start: every buffer, to allocate what is in it. */
  std::vector<Item>& buffers() { return items_; }

  /* Producer: the buffer to fill; it stays the same until publish(). */
  Item& back() { return items_[writing_]; }

  /* Producer: queues back(). Returns false if the oldest queued item was overwritten for it. */
  bool publish() {
    const std::lock_guard lock(mutex_);
    const bool full = queue_.size() == depth_;
    if (full) {
      free_.push_back(queue_.front());
      queue_.erase(queue_.begin());
      ++overwritten_;
    }
    queue_.push_back(writing_);
    writing_ = free_.back();
    free_.pop_back();
    return !full;
  }

  /* Consumer: the oldest item, valid until release(), or null. One at a time. */
  Item* take() {
    const std::lock_guard lock(mutex_);
    if (queue_.empty()) return nullptr;
    reading_ = queue_.front();
    queue_.erase(queue_.begin());
    return &items_[reading_];
  }

  /* Consumer: gives back what take() returned. */
  void release() {
    const std::lock_guard lock(mutex_);
    if (reading_ == kNone) return;
    free_.push_back(reading_);
    reading_ = kNone;
  }

  size_t depth() const {
    const std::lock_guard lock(mutex_);
    return queue_.size();
  }
  uint64_t overwritten() const {
    const std::lock_guard lock(mutex_);
    return overwritten_;
  }

 private:
  static constexpr size_t kNone = SIZE_MAX;

  mutable std::mutex mutex_;
  const size_t depth_;
  std::vector<Item> items_;
  std::vector<size_t> queue_; /* oldest first, at most depth_ */
  std::vector<size_t> free_;
  size_t writing_ = 0;
  size_t reading_ = kNone;
  uint64_t overwritten_ = 0;
};

}  // namespace pdc
