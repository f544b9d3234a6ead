// Says what happens in a pipeline, as events of its handle.
#pragma once

#include <string>

#include "base/event_queue.h"
#include "capture/source.h"

namespace pdc {

class Announcer {
 public:
  Announcer(EventQueue& events, int64_t handle) : events_(events), handle_(handle) {}

  /* running, resized, lost, ended */
  void source(const char* state, Size size, const std::string& reason);
  /* running, reopened, failed */
  void encoder(const char* state, const char* name, const std::string& reason);
  /* Compresses the shape. */
  void cursor(const CursorShape& shape);
  void stats(std::string json) { events_.post(PD_EVENT_STATS, handle_, std::move(json)); }

 private:
  EventQueue& events_;
  const int64_t handle_;
};

}  // namespace pdc
