// The events of the whole library, drained by one blocking call.
//
// Bound: 1024 records. Policies: statistics and cursors coalesce (the newest per handle wins); logs are at
// most 64, the oldest is dropped and counted; states are kept, and when the queue is full the newest state
// replaces the previous one of the same handle and type, since the last state is the one that counts.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>

#include "peerdeck_abi.h"

namespace pdc {

class EventQueue {
 public:
  /* Any thread; never blocks for long. */
  void post(pd_event_type type, int64_t handle, std::string payload);
  void log(int64_t handle, const char* level, const std::string& message);

  /* Whole records into the buffer; see pd_event_header. Returns bytes used; PD_ERR_TOO_LARGE if the next
     record does not fit an empty buffer; PD_ERR_STATE if another thread polls. */
  int32_t poll(uint8_t* buffer, uint32_t capacity, uint32_t timeout_ms);
  /* Ends the poll that waits, or the next one. */
  void wake();
  /* Forgets what a closed handle left behind, except states. */
  void forget(int64_t handle);

  size_t size() const;
  uint64_t dropped_logs() const;

 private:
  struct Record {
    pd_event_type type;
    int64_t handle;
    int64_t time_us;
    std::string payload;
  };
  void push(Record record);

  static constexpr size_t kMaxRecords = 1024;
  static constexpr size_t kMaxLogs = 64;

  mutable std::mutex mutex_;
  std::condition_variable signal_;
  std::deque<Record> records_;
  size_t logs_ = 0;
  uint64_t dropped_logs_ = 0;
  bool woken_ = false;
  bool polling_ = false;
};

}  // namespace pdc
