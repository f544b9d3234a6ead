#include "base/event_queue.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "base/json.h"
#include "clock/clock.h"

namespace pdc {

void EventQueue::post(pd_event_type type, int64_t handle, std::string payload) {
  push({type, handle, now_us(), std::move(payload)});
}

void EventQueue::log(int64_t handle, const char* level, const std::string& message) {
  JsonWriter json;
  json.open('{').field("level", level).field("message", message).close('}');
  post(PD_EVENT_LOG, handle, json.text());
}

void EventQueue::push(Record record) {
  {
    const std::lock_guard lock(mutex_);
    const auto same = [&](const Record& r) { return r.type == record.type && r.handle == record.handle; };
    if (record.type == PD_EVENT_STATS || record.type == PD_EVENT_CURSOR) {
      records_.erase(std::remove_if(records_.begin(), records_.end(), same), records_.end());
    } else if (record.type == PD_EVENT_LOG) {
      if (logs_ == kMaxLogs) {
        const auto oldest = std::find_if(records_.begin(), records_.end(),
                                         [](const Record& r) { return r.type == PD_EVENT_LOG; });
        records_.erase(oldest);
        ++dropped_logs_;
      } else {
        ++logs_;
      }
    }
    if (records_.size() >= kMaxRecords) {
      const auto newest = std::find_if(records_.rbegin(), records_.rend(), same);
      if (newest != records_.rend()) {
        records_.erase(std::next(newest).base());
      } else {
        if (records_.front().type == PD_EVENT_LOG) --logs_;
        records_.pop_front();
      }
    }
    records_.push_back(std::move(record));
  }
  signal_.notify_one();
}

int32_t EventQueue::poll(uint8_t* buffer, uint32_t capacity, uint32_t timeout_ms) {
  std::unique_lock lock(mutex_);
  if (polling_) return PD_ERR_STATE;
  if (timeout_ms > 0) {
    polling_ = true;
    signal_.wait_for(lock, std::chrono::milliseconds(timeout_ms),
                     [this] { return woken_ || !records_.empty(); });
    polling_ = false;
  }
  woken_ = false;
  uint32_t used = 0;
  while (!records_.empty()) {
    const Record& record = records_.front();
    const size_t size = sizeof(pd_event_header) + record.payload.size();
    const size_t padded = (size + 7) & ~size_t{7};
    if (padded > capacity - used) {
      if (used == 0) return PD_ERR_TOO_LARGE;
      break;
    }
    const pd_event_header header{static_cast<uint32_t>(size), static_cast<uint16_t>(record.type), 0,
                                 record.handle, record.time_us};
    std::memcpy(buffer + used, &header, sizeof header);
    std::memcpy(buffer + used + sizeof header, record.payload.data(), record.payload.size());
    std::memset(buffer + used + size, 0, padded - size);
    used += static_cast<uint32_t>(padded);
    if (record.type == PD_EVENT_LOG) --logs_;
    records_.pop_front();
  }
  return static_cast<int32_t>(used);
}

void EventQueue::wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  signal_.notify_one();
}

void EventQueue::forget(int64_t handle) {
  const std::lock_guard lock(mutex_);
  records_.erase(std::remove_if(records_.begin(), records_.end(),
                                [&](const Record& r) {
                                  return r.handle == handle &&
                                         (r.type == PD_EVENT_STATS || r.type == PD_EVENT_CURSOR);
                                }),
                 records_.end());
}

size_t EventQueue::size() const {
  const std::lock_guard lock(mutex_);
  return records_.size();
}

uint64_t EventQueue::dropped_logs() const {
  const std::lock_guard lock(mutex_);
  return dropped_logs_;
}

}  // namespace pdc
