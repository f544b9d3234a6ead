#include "encode/screen_map.h"

#include <gtest/gtest.h>

#include <cstring>

#include "support/text_page.h"

namespace pdc {
namespace {

using test::TextPage;

constexpr Size kSize{320, 176};  // 20 x 11 macroblocks
constexpr int64_t kLater = 1000000;

class Map : public testing::Test {
 protected:
  void begin(std::vector<Rect> changed, int64_t now = 0, bool keyframe = false) {
    EncodeInput input;
    input.picture = &page.picture();
    input.now_us = now;
    input.keyframe = keyframe;
    const Rect none;
    input.changed = changed.empty() ? &none : changed.data();
    input.changed_count = changed.size();
    map.begin(input);
  }
  static Decoded as_shown(const Picture& p) { return {p.y(), p.uv(), p.stride(), p.stride()}; }
  TextPage page{kSize.width, kSize.height};
  ScreenMap map{kSize, 1};
};

TEST_F(Map, SendsWhatChangedAndAllOfAKeyFrame) {
  begin({{15, 0, 2, 2}, {64, 32, 16, 16}});
  EXPECT_EQ(map.sent(), 3);
  EXPECT_EQ(map.marks()[0], ScreenMap::kSent);
  EXPECT_EQ(map.marks()[1], ScreenMap::kSent);
  EXPECT_EQ(map.marks()[2], 1);
  EXPECT_EQ(map.marks()[2 * 20 + 4], ScreenMap::kSent);
  begin({}, 0, true);
  EXPECT_EQ(map.sent(), map.all());
}

TEST_F(Map, TheScreenIsAsCoarseAsItsCoarsestPart) {
  begin({}, 0, true);
  map.on_encoded(30);
  EXPECT_EQ(map.coarsest(), 30);
  begin({{0, 0, 16, 16}});
  map.on_encoded(22);
  EXPECT_EQ(map.coarsest(), 30);
  EXPECT_EQ(map.coarser_than(22), (map.all() - 1) * 8);
  begin({{0, 0, 16, 16}});
  map.on_encoded(40);
  EXPECT_EQ(map.coarsest(), 40);
}

TEST_F(Map, WhatIsNotSentGoesInAsItIsShown) {
  begin({}, 0, true);
  map.on_encoded(40);
  Picture shown(kSize.width, kSize.height);
  std::memset(shown.y(), 77, static_cast<size_t>(shown.stride()) * 176 * 3 / 2);
  begin({{32, 16, 16, 16}});
  // At a quantiser that x264 would not look twice for, nothing is copied.
  EXPECT_EQ(&map.picture_for(40, page.picture(), as_shown(shown)), &page.picture());
  const Picture& made = map.picture_for(30, page.picture(), as_shown(shown));
  ASSERT_NE(&made, &page.picture());
  for (int y = 0; y < kSize.height; ++y) {
    for (int x = 0; x < kSize.width; ++x) {
      const bool sent = x >= 32 && x < 48 && y >= 16 && y < 32;
      const int in = page.picture().y()[y * page.picture().stride() + x];
      ASSERT_EQ(made.y()[y * made.stride() + x], sent ? in : 77) << x << ' ' << y;
      const int chroma = page.picture().uv()[y / 2 * page.picture().stride() + x];
      ASSERT_EQ(made.uv()[y / 2 * made.stride() + x], sent ? chroma : 77) << x << ' ' << y;
    }
  }
}

TEST_F(Map, SharpensABudgetAtATimeUntilAllIsDone) {
  begin({}, 0, true);
  map.on_encoded(51);
  const double all = map.work(page.picture(), 24, 24);
  ASSERT_GT(all, 0);
  int sent = 0, steps = 0;
  while (map.coarser_than(24) > 0) {
    ASSERT_LT(++steps, 100);
    begin({}, kLater);
    const double added = map.add_coarse(page.picture(), kLater, 24, 24, all / 10);
    EXPECT_GT(added, 0);
    EXPECT_LT(added, all / 5);
    sent += map.sent();
    map.on_encoded(24);
  }
  EXPECT_EQ(sent, map.all());  // none of them twice
  EXPECT_GE(steps, 5);
  begin({}, kLater);
  EXPECT_EQ(map.add_coarse(page.picture(), kLater, 24, 24, all), 0);
}

TEST_F(Map, BesideAChangeOnlyWhatRestsIsSharpened) {
  begin({}, 0, true);
  map.on_encoded(51);
  begin({{0, 0, 320, 88}}, kLater);
  map.on_encoded(51);
  begin({{0, 0, 16, 16}}, kLater + 20000);
  map.add_coarse(page.picture(), kLater + 20000, 24, 24, 1e9);
  EXPECT_EQ(map.marks()[1], 1);                       // moved just now
  EXPECT_EQ(map.marks()[10 * 20], ScreenMap::kSent);  // did not
}

TEST_F(Map, KnowsWhatHasOnlyMoved) {
  const auto copy = [this] {
    Picture shown(kSize.width, kSize.height);
    std::memcpy(shown.y(), page.picture().y(), static_cast<size_t>(shown.stride()) * 176 * 3 / 2);
    return shown;
  };
  const Picture before = copy();
  page.scroll(6);
  begin({{0, 0, 320, 176}});
  EXPECT_GT(map.moved(page.picture(), as_shown(before)).share, 0.8);
  EXPECT_EQ(map.moved(page.picture(), as_shown(before)).distance, 6);
  page.scroll(47);
  begin({{0, 0, 320, 176}});
  EXPECT_GT(map.moved(page.picture(), as_shown(before)).share, 0.5);
  EXPECT_EQ(map.moved(page.picture(), as_shown(before)).distance, 53);
  page.turn_to(99);
  begin({{0, 0, 320, 176}});
  EXPECT_LT(map.moved(page.picture(), as_shown(before)).share, 0.3);
}

}  // namespace
}  // namespace pdc
