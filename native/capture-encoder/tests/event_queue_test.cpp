#include "base/event_queue.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>

namespace pdc {
namespace {

struct Event {
  pd_event_header header;
  std::string payload;
};

std::vector<Event> drain(EventQueue& queue, uint32_t capacity = 65536) {
  std::vector<uint8_t> buffer(capacity);
  std::vector<Event> events;
  for (int32_t used; (used = queue.poll(buffer.data(), capacity, 0)) > 0;) {
    for (int32_t at = 0; at < used;) {
      Event event;
      std::memcpy(&event.header, &buffer[static_cast<size_t>(at)], sizeof event.header);
      event.payload.assign(reinterpret_cast<char*>(&buffer[static_cast<size_t>(at)]) + sizeof event.header,
                           event.header.size - sizeof event.header);
      at += static_cast<int32_t>((event.header.size + 7) & ~7u);
      events.push_back(event);
    }
  }
  return events;
}

TEST(EventQueue, RecordsComeWholeAndAligned) {
  EventQueue queue;
  queue.post(PD_EVENT_SOURCE, 7, "{}");
  queue.post(PD_EVENT_ENCODER, 8, "{\"name\":\"x\"}");
  const auto events = drain(queue);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].header.type, PD_EVENT_SOURCE);
  EXPECT_EQ(events[0].header.handle, 7);
  EXPECT_EQ(events[1].payload, "{\"name\":\"x\"}");
  EXPECT_LE(events[0].header.time_us, events[1].header.time_us);
}

TEST(EventQueue, StatsAndCursorsCoalescePerHandle) {
  EventQueue queue;
  for (int i = 0; i < 9; ++i) {
    queue.post(PD_EVENT_STATS, 1, std::to_string(i));
    queue.post(PD_EVENT_STATS, 2, std::to_string(i));
    queue.post(PD_EVENT_CURSOR, 1, std::to_string(i));
  }
  const auto events = drain(queue);
  ASSERT_EQ(events.size(), 3u);
  for (const Event& event : events) EXPECT_EQ(event.payload, "8");
}

TEST(EventQueue, OldLogsAreDroppedAndCounted) {
  EventQueue queue;
  for (int i = 0; i < 70; ++i) queue.log(1, "info", std::to_string(i));
  EXPECT_EQ(queue.dropped_logs(), 6u);
  const auto events = drain(queue);
  ASSERT_EQ(events.size(), 64u);
  EXPECT_EQ(events[0].payload, "{\"level\":\"info\",\"message\":\"6\"}");
}

TEST(EventQueue, StatesAreBoundedAndTheLastOneStays) {
  EventQueue queue;
  queue.post(PD_EVENT_SOURCE, 99, "first");
  for (int i = 0; i < 3000; ++i) queue.post(PD_EVENT_SOURCE, 1, std::to_string(i));
  EXPECT_LE(queue.size(), 1024u);
  const auto events = drain(queue);
  EXPECT_EQ(events.front().payload, "first");
  EXPECT_EQ(events.back().payload, "2999");
}

TEST(EventQueue, TooLargeARecordSaysSo) {
  EventQueue queue;
  queue.post(PD_EVENT_SOURCE, 1, std::string(100, 'x'));
  uint8_t small[64];
  EXPECT_EQ(queue.poll(small, sizeof small, 0), PD_ERR_TOO_LARGE);
  EXPECT_EQ(drain(queue).size(), 1u);
}

TEST(EventQueue, WakeEndsAPollAndASecondPollerIsRefused) {
  EventQueue queue;
  uint8_t buffer[256];
  std::thread poller([&] { EXPECT_EQ(queue.poll(buffer, sizeof buffer, 60000), 0); });
  uint8_t other[256];
  // Only while the thread polls is the second refused; before that, this one polls with no time-out.
  while (queue.poll(other, sizeof other, 0) != PD_ERR_STATE) std::this_thread::yield();
  queue.wake();
  poller.join();
}

}  // namespace
}  // namespace pdc
