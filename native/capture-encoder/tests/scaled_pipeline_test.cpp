// Pipelines whose picture is smaller than its source: what changed stays known, and the source's own size is
// told, also when it changes.
#include <gtest/gtest.h>

#include <cstring>
#include <utility>

#include "convert/scaled_rect.h"
#include "pipeline/pipeline.h"
#include "support/sink.h"

namespace pdc {
std::unique_ptr<Converter> make_portable_converter();

namespace {

using test::Sink;

/* Its size and what changes are the test's to say. */
class ScriptedSource final : public Source {
 public:
  const char* name() const override { return "scripted"; }
  Size size() const override {
    const std::lock_guard lock(mutex_);
    return size_;
  }
  uint32_t wait(Waker& waker, int64_t deadline) override {
    {
      const std::lock_guard lock(mutex_);
      waker_ = &waker;
      if (events_ != 0) return std::exchange(events_, 0);
    }
    waker.wait_until(deadline);
    const std::lock_guard lock(mutex_);
    return std::exchange(events_, 0);
  }
  bool grab(Frame& frame, bool whole) override {
    const std::lock_guard lock(mutex_);
    frame.width = size_.width;
    frame.height = size_.height;
    frame.id = ++id_;
    frame.capture_time_us = static_cast<int64_t>(id_);
    pixels_.assign(static_cast<size_t>(size_.width) * static_cast<size_t>(size_.height) * 4, 99);
    const Rect rect = whole ? Rect{0, 0, size_.width, size_.height} : changed_;
    frame.parts[0] = {rect, pixels_.data(), size_.width * 4};
    frame.part_count = 1;
    return true;
  }
  void change(const Rect& rect) {
    tell(kSourceChanged, [&] { changed_ = rect; });
  }
  void resize(Size size) {
    tell(kSourceResized, [&] { size_ = size; });
  }

 private:
  template <typename Body>
  void tell(uint32_t event, Body&& body) {
    const std::lock_guard lock(mutex_);
    body();
    events_ |= event;
    if (waker_ != nullptr) waker_->wake(kWakeSource);
  }
  mutable std::mutex mutex_;
  Waker* waker_ = nullptr;
  Size size_{640, 360};
  Rect changed_;
  uint32_t events_ = 0;
  uint64_t id_ = 0;
  std::vector<uint8_t> pixels_;
};

/* Each access unit is what the encoder was told: the picture's size and the one rectangle that changed. */
class TellingEncoder final : public Encoder {
 public:
  const char* name() const override { return "telling"; }
  EncodeResult encode(const EncodeInput& input, EncodedUnit& unit) override {
    const Rect none, all{0, 0, input.picture->width(), input.picture->height()};
    const Rect* rect = input.changed == nullptr ? &all : input.changed_count == 0 ? &none : input.changed;
    const int told[] = {all.width, all.height, rect->x, rect->y, rect->width, rect->height};
    std::memcpy(told_, told, sizeof told);
    unit = {told_, sizeof told_, input.keyframe, false, 10};
    return EncodeResult::ok;
  }
  void set_rate(uint64_t, double) override {}

 private:
  uint8_t told_[6 * sizeof(int)];
};

std::vector<int> told(const test::Unit& unit) {
  std::vector<int> numbers(unit.data.size() / sizeof(int));
  std::memcpy(numbers.data(), unit.data.data(), unit.data.size());
  return numbers;
}

class Scaled : public testing::Test {
 protected:
  void SetUp() override {
    auto source = std::make_unique<ScriptedSource>();
    source_ = source.get();
    PipelineParts parts{std::move(source), nullptr};
    parts.open_encoder = [](const std::string&, const EncoderSettings&) {
      return std::make_unique<TellingEncoder>();
    };
    pipeline_ = std::make_unique<Pipeline>(1, PipelineOptions::parse(R"({"source":{"kind":"synthetic"}})"),
                                           events_, std::move(parts));
    pipeline_->set_sink(&Sink::receive, sink_.user());
    pipeline_->start();
    ASSERT_TRUE(sink_.wait_count(1));
    pipeline_->set_rate(0, 0, 0.5);
    ASSERT_TRUE(sink_.wait_count(2));
    ASSERT_EQ(told(sink_.at(1)), (std::vector<int>{320, 180, 0, 0, 320, 180}));
  }
  /* Waits for an event of the source. */
  std::string source_event() {
    std::vector<uint8_t> buffer(1 << 16);
    std::string told;
    test::eventually([&] {
      const int32_t used = events_.poll(buffer.data(), 1 << 16, 0);
      for (int32_t at = 0; at < used;) {
        pd_event_header header;
        std::memcpy(&header, buffer.data() + at, sizeof header);
        if (header.type == PD_EVENT_SOURCE)
          told.assign(buffer.begin() + at + sizeof header, buffer.begin() + at + header.size);
        at += static_cast<int32_t>((header.size + 7u) & ~7u);
      }
      return !told.empty();
    });
    return told;
  }
  EventQueue events_;
  Sink sink_;
  ScriptedSource* source_ = nullptr;
  std::unique_ptr<Pipeline> pipeline_;
};

TEST_F(Scaled, AChangeIsEncodedWhereItShows) {
  source_->change({200, 100, 40, 20});
  ASSERT_TRUE(sink_.wait_count(3));
  const auto now = told(sink_.at(2));
  EXPECT_EQ(now, (std::vector<int>{320, 180, 98, 48, 24, 14}));
}

TEST_F(Scaled, TheSourcesOwnSizeIsToldAndAResizeKeepsTheScale) {
  source_event();  // of the start
  source_->resize({800, 600});
  ASSERT_TRUE(sink_.wait_count(3));
  EXPECT_TRUE(sink_.at(2).keyframe());
  EXPECT_EQ(told(sink_.at(2)), (std::vector<int>{400, 300, 0, 0, 400, 300}));
  const std::string event = source_event();
  EXPECT_NE(event.find(R"("state":"resized","width":800,"height":600)"), std::string::npos) << event;
  // A pipeline that starts again while it is scaled says the same.
  pipeline_->stop();
  pipeline_->start();
  const std::string again = source_event();
  EXPECT_NE(again.find(R"("state":"running","width":800,"height":600)"), std::string::npos) << again;
}

TEST(ScaledRect, CoversAllThatAChangeAlters) {
  uint32_t state = 5;
  const auto random = [&state](int below) {
    return static_cast<int>((state = state * 1664525u + 1013904223u) >> 8) % below;
  };
  const Size from{322, 182};
  for (const auto& converter : {make_converter(), make_portable_converter()}) {
    for (const Size to : {Size{160, 90}, Size{240, 136}, Size{320, 180}, Size{110, 62}, Size{278, 158}}) {
      for (int round = 0; round < 40; ++round) {
        Picture in(from.width, from.height), before(to.width, to.height), after(to.width, to.height);
        std::memset(in.y(), 40, static_cast<size_t>(in.stride() * from.height * 3 / 2));
        converter->scale(in, before);
        const Rect rect = Rect{random(300), random(160), 1 + random(40), 1 + random(40)}.evened().clipped(
            from.width, from.height);
        for (int y = rect.y; y < rect.y + rect.height; ++y) {
          std::memset(in.y() + y * in.stride() + rect.x, 200, static_cast<size_t>(rect.width));
          std::memset(in.uv() + y / 2 * in.stride() + rect.x, 90, static_cast<size_t>(rect.width));
        }
        converter->scale(in, after);
        const Rect shows = scaled_rect(rect, from.width, from.height, to.width, to.height);
        for (int y = 0; y < to.height; ++y) {
          for (int x = 0; x < to.width; ++x) {
            if (x >= shows.x && x < shows.x + shows.width && y >= shows.y && y < shows.y + shows.height)
              continue;
            ASSERT_EQ(before.y()[y * before.stride() + x], after.y()[y * after.stride() + x])
                << converter->name() << ' ' << to.width << ' ' << x << ' ' << y;
            ASSERT_EQ(before.uv()[y / 2 * before.stride() + x], after.uv()[y / 2 * after.stride() + x])
                << converter->name() << ' ' << to.width << ' ' << x << ' ' << y;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace pdc
