// The one state behind the C boundary: the handles and the event queue.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "base/error.h"
#include "base/event_queue.h"
#include "inject/injector.h"
#include "pipeline/pipeline.h"

namespace pdc {

/* An injector and the lock that keeps its calls apart. */
struct InjectorSlot {
  std::mutex mutex;
  std::unique_ptr<Injector> injector; /* null once closed */
  std::weak_ptr<Pipeline> pipeline;
  bool follows_pipeline = false;
};

class Library {
 public:
  /* Never destroyed: a thread of the host process may call while the process exits. */
  static Library& instance();

  EventQueue& events() { return events_; }
  /* Positive, never reused. */
  int64_t next_handle();

  void add(int64_t handle, std::shared_ptr<Pipeline> pipeline);
  void add(int64_t handle, std::shared_ptr<InjectorSlot> injector);
  /* Throws Error(PD_ERR_BAD_HANDLE). */
  std::shared_ptr<Pipeline> pipeline(int64_t handle) const;
  std::shared_ptr<InjectorSlot> injector(int64_t handle) const;
  /* Null if it was closed before; throws Error(PD_ERR_BAD_HANDLE) if it never was one. */
  std::shared_ptr<Pipeline> remove_pipeline(int64_t handle);
  std::shared_ptr<InjectorSlot> remove_injector(int64_t handle);
  size_t pipelines() const;
  size_t injectors() const;

 private:
  Library() = default;

  mutable std::mutex mutex_;
  int64_t last_handle_ = 0;
  std::map<int64_t, std::shared_ptr<Pipeline>> pipelines_;
  std::map<int64_t, std::shared_ptr<InjectorSlot>> injectors_;
  EventQueue events_;
};

}  // namespace pdc
