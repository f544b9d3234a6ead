#include "base/ring.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/waker.h"

namespace pdc {
namespace {

struct Item {
  uint64_t id = 0;
  std::vector<uint64_t> content = std::vector<uint64_t>(64);
};

TEST(Ring, HandsOutInOrder) {
  Ring<Item> ring(3, 6);
  EXPECT_EQ(ring.take(), nullptr);
  for (uint64_t id = 1; id <= 3; ++id) {
    ring.back().id = id;
    EXPECT_TRUE(ring.publish());
  }
  EXPECT_EQ(ring.depth(), 3u);
  for (uint64_t id = 1; id <= 3; ++id) {
    Item* item = ring.take();
    ASSERT_NE(item, nullptr);
    EXPECT_EQ(item->id, id);
    ring.release();
  }
}

TEST(Ring, OverwritesTheOldestAndCounts) {
  Ring<Item> ring(2, 2);
  for (uint64_t id = 1; id <= 5; ++id) {
    ring.back().id = id;
    EXPECT_EQ(ring.publish(), id <= 2);
  }
  EXPECT_EQ(ring.overwritten(), 3u);
  EXPECT_EQ(ring.take()->id, 4u);
  ring.release();
  EXPECT_EQ(ring.take()->id, 5u);
}

TEST(Ring, NeverTouchesWhatTheConsumerReads) {
  Ring<Item> ring(1, 1);
  ring.back().id = 1;
  ring.publish();
  const Item* held = ring.take();
  for (uint64_t id = 2; id < 50; ++id) {
    ring.back().id = id;
    ring.publish();
  }
  EXPECT_EQ(held->id, 1u);
}

TEST(Ring, StressKeepsOrderAndContent) {
  constexpr uint64_t kCount = 20000;
  Ring<Item> ring(4, 6);
  Waker waker;
  std::thread producer([&] {
    for (uint64_t id = 1; id <= kCount; ++id) {
      Item& item = ring.back();
      item.id = id;
      for (uint64_t& word : item.content) word = id;
      ring.publish();
      waker.wake(1);
    }
  });
  uint64_t last = 0, seen = 0;
  while (last < kCount) {
    waker.wait_until(INT64_MAX);
    waker.take();
    while (const Item* item = ring.take()) {
      ASSERT_GT(item->id, last);
      last = item->id;
      ++seen;
      for (const uint64_t word : item->content) ASSERT_EQ(word, last);
      ring.release();
    }
  }
  producer.join();
  EXPECT_EQ(seen + ring.overwritten(), kCount);
}

TEST(Waker, NoWakeIsLost) {
  constexpr uint32_t kCount = 20000;
  Waker ping, pong;
  std::thread other([&] {
    for (uint32_t i = 0; i < kCount; ++i) {
      while (ping.take() == 0) ping.wait_until(INT64_MAX);
      pong.wake(1);
    }
  });
  for (uint32_t i = 0; i < kCount; ++i) {
    ping.wake(1);
    while (pong.take() == 0) pong.wait_until(INT64_MAX);
  }
  other.join();
}

TEST(Waker, FlagsGather) {
  Waker waker;
  waker.wake(1);
  waker.wake(4);
  EXPECT_EQ(waker.take(), 5u);
  EXPECT_EQ(waker.take(), 0u);
}

}  // namespace
}  // namespace pdc
