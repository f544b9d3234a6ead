// The pipeline through its C++ class, with an encoder that can push back, and through the C boundary with
// the synthetic source. Needs no X server.
#include "pipeline/pipeline.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/error.h"
#include "base/leaks.h"
#include "capture/synthetic_source.h"
#include "support/decoder.h"
#include "support/sink.h"

namespace pdc {
namespace {

using test::eventually;
using test::number_in;
using test::Sink;
using test::Unit;

PipelineOptions synthetic(const std::string& more = "") {
  return PipelineOptions::parse(R"({"source":{"kind":"synthetic","width":320,"height":180})" + more + "}");
}

/* Gives one byte for each picture; refuses while told to. */
class GatedEncoder final : public Encoder {
 public:
  explicit GatedEncoder(std::atomic<bool>& shut) : shut_(shut) {}
  const char* name() const override { return "gated"; }
  EncodeResult encode(const EncodeInput& input, EncodedUnit& unit) override {
    if (shut_) return EncodeResult::again;
    unit = {&byte_, 1, input.keyframe, false, 10};
    return EncodeResult::ok;
  }
  void set_rate(uint64_t, double) override {}

 private:
  std::atomic<bool>& shut_;
  uint8_t byte_ = 1;
};

class PipelineTest : public testing::Test {
 protected:
  double stat(const Pipeline& pipeline, const char* key) { return number_in(pipeline.stats(), key); }
  EventQueue events;
  Sink sink;
};

TEST_F(PipelineTest, PicturesComeInOrderWithOneKeyFrame) {
  Pipeline pipeline(1, synthetic(), events);
  pipeline.set_sink(&Sink::receive, sink.user());
  pipeline.start();
  ASSERT_TRUE(sink.wait_count(30));
  pipeline.stop();
  const auto units = sink.all();
  test::Decoder decoder;
  uint64_t last = 0;
  int64_t last_time = 0;
  for (size_t i = 0; i < units.size(); ++i) {
    EXPECT_EQ(units[i].keyframe(), i == 0);
    EXPECT_TRUE(decoder.decode(units[i].data));
    if (units[i].refinement()) continue;
    EXPECT_EQ(units[i].frame_id, last + 1);
    EXPECT_GT(units[i].capture_time_us, last_time);
    last = units[i].frame_id;
    last_time = units[i].capture_time_us;
  }
  EXPECT_EQ(stat(pipeline, "outOfOrder"), 0);
  EXPECT_NE(pipeline.stats().find("\"state\":\"stopped\""), std::string::npos);
}

TEST_F(PipelineTest, FrameNumbersAreInThePicture) {
  Pipeline pipeline(1, synthetic(), events);
  pipeline.set_sink(&Sink::receive, sink.user());
  pipeline.start();
  ASSERT_TRUE(sink.wait_count(20));
  pipeline.stop();
  test::Decoder decoder;
  uint32_t last = 0;
  for (const Unit& unit : sink.all()) {
    ASSERT_TRUE(decoder.decode(unit.data));
    uint32_t number = 0;
    for (int bit = 0; bit < 32; ++bit) {
      number = number << 1 | (decoder.luma(bit % 16 * 16 + 8, bit / 16 * 16 + 8) > 128 ? 1u : 0u);
    }
    EXPECT_GE(number, last);
    last = number;
  }
  EXPECT_GE(last, 15u);
}

TEST_F(PipelineTest, NothingIsCapturedBeforeStartAndRestartBeginsWithAKeyFrame) {
  Pipeline pipeline(1, synthetic(), events);
  EXPECT_THROW(pipeline.start(), Error);  // no sink
  pipeline.set_sink(&Sink::receive, sink.user());
  EXPECT_EQ(stat(pipeline, "framesCaptured"), 0);
  pipeline.start();
  EXPECT_THROW(pipeline.set_sink(&Sink::receive, sink.user()), Error);
  ASSERT_TRUE(sink.wait_count(3));
  pipeline.stop();
  pipeline.stop();
  const size_t count = sink.count();
  pipeline.start();
  ASSERT_TRUE(sink.wait_count(count + 2));
  EXPECT_TRUE(sink.at(count).keyframe());
}

TEST_F(PipelineTest, EncoderWithoutRoomDropsPicturesAndGoesOn) {
  std::atomic<bool> shut{false};
  const PipelineOptions options = synthetic(R"(,"capture":{"dropWindowMs":100,"dropMinEvents":2})");
  Pipeline pipeline(1, options, events,
                    {open_source(options.source, options.capture, 60), std::make_unique<GatedEncoder>(shut)});
  pipeline.set_sink(&Sink::receive, sink.user());
  pipeline.start();
  ASSERT_TRUE(sink.wait_count(5));
  shut = true;
  EXPECT_TRUE(eventually([&] { return stat(pipeline, "backpressureSkips") >= 6; }));
  shut = false;
  EXPECT_TRUE(sink.wait_count(sink.count() + 5));
  EXPECT_EQ(stat(pipeline, "outOfOrder"), 0);
}

TEST_F(PipelineTest, CongestedSinkDropsBeforeEncodingUntilDrained) {
  Pipeline pipeline(1, synthetic(), events);
  pipeline.set_sink(&Sink::receive, sink.user());
  sink.answer(PD_SINK_CONGESTED);
  pipeline.start();
  EXPECT_TRUE(eventually([&] { return stat(pipeline, "congestedSkips") >= 5; }));
  const double encoded = stat(pipeline, "framesEncoded");
  EXPECT_LT(encoded, stat(pipeline, "congestedSkips"));
  sink.answer(PD_SINK_OK);
  pipeline.wake(PD_WAKE_DRAINED);
  EXPECT_TRUE(sink.wait_count(static_cast<size_t>(encoded) + 10));
}

TEST_F(PipelineTest, WithoutViewersItRestsUntilWoken) {
  Pipeline pipeline(1, synthetic(), events);
  pipeline.set_sink(&Sink::receive, sink.user());
  sink.answer(PD_SINK_NO_VIEWER);
  pipeline.start();
  ASSERT_TRUE(sink.wait_count(1));
  // The producer rests with it: what was in the ring stays there, and nothing is added.
  EXPECT_TRUE(eventually([&] { return pipeline.stats().find("resting") != std::string::npos; }));
  EXPECT_EQ(sink.count(), 1u);
  for (const uint32_t flags : {PD_WAKE_VIEWERS, PD_WAKE_KEYFRAME}) {
    const size_t before = sink.count();
    pipeline.wake(flags);
    ASSERT_TRUE(sink.wait_count(before + 1));
  }
  sink.answer(PD_SINK_OK);
  pipeline.wake(PD_WAKE_KEYFRAME);
  EXPECT_TRUE(sink.wait_count(10));
  EXPECT_GE(sink.wait_for([](const Unit& u) { return u.keyframe(); }, 1), 1);
}

TEST_F(PipelineTest, AFailedEncoderIsReplaced) {
  class Broken final : public Encoder {
   public:
    const char* name() const override { return "broken"; }
    EncodeResult encode(const EncodeInput&, EncodedUnit&) override { return EncodeResult::failed; }
    void set_rate(uint64_t, double) override {}
    std::string reason() const override { return "it is broken"; }
  };
  const PipelineOptions options = synthetic();
  Pipeline pipeline(1, options, events,
                    {open_source(options.source, options.capture, 60), std::make_unique<Broken>()});
  pipeline.set_sink(&Sink::receive, sink.user());
  pipeline.start();
  // The first failure opens a real encoder in its place.
  EXPECT_TRUE(sink.wait_count(5));
  EXPECT_TRUE(sink.at(0).keyframe());
}

TEST_F(PipelineTest, KeyFramesByRequestAndByTheSinksAnswer) {
  Pipeline pipeline(1, synthetic(), events);
  pipeline.set_sink(&Sink::receive, sink.user());
  pipeline.start();
  ASSERT_TRUE(sink.wait_count(5));
  pipeline.wake(PD_WAKE_KEYFRAME);
  const int second = sink.wait_for([](const Unit& u) { return u.keyframe(); }, 1);
  ASSERT_GT(second, 0);
  sink.answer(PD_SINK_KEYFRAME_WANTED);
  ASSERT_GT(sink.wait_for([](const Unit& u) { return u.keyframe(); }, static_cast<size_t>(second) + 1),
            second);
}

TEST_F(PipelineTest, AClosedSinkIsNotCalledAgain) {
  Pipeline pipeline(1, synthetic(), events);
  pipeline.set_sink(&Sink::receive, sink.user());
  sink.answer(PD_SINK_CLOSED);
  pipeline.start();
  EXPECT_TRUE(eventually([&] { return pipeline.stats().find("stopped") != std::string::npos; }));
  pipeline.stop();
  EXPECT_EQ(sink.count(), 1u);
}

TEST_F(PipelineTest, ScaleChangesTheSizeWithAKeyFrame) {
  Pipeline pipeline(1, synthetic(), events);
  pipeline.set_sink(&Sink::receive, sink.user());
  pipeline.start();
  ASSERT_TRUE(sink.wait_count(3));
  pipeline.set_rate(0, 0, 0.5);
  const int at = sink.wait_for([](const Unit& u) { return u.keyframe(); }, 1);
  ASSERT_GT(at, 0);
  test::Decoder decoder;
  ASSERT_TRUE(decoder.decode(sink.at(static_cast<size_t>(at)).data));
  EXPECT_EQ(decoder.width(), 160);
  EXPECT_EQ(decoder.height(), 90);
  EXPECT_THROW(pipeline.set_rate(0, 0, 0.2), Error);
  EXPECT_THROW(pipeline.set_rate(1, 0, 0), Error);
  EXPECT_THROW(pipeline.set_rate(0, 1000, 0), Error);
}

TEST_F(PipelineTest, MaxSizeScalesDown) {
  Pipeline pipeline(1, synthetic(R"(,"encoder":{"maxWidth":200})"), events);
  EXPECT_NE(pipeline.describe().find(R"("width":200,"height":112)"), std::string::npos)
      << pipeline.describe();
}

TEST_F(PipelineTest, EachEncoderIsToldTheQuality) {
  std::vector<int> told;
  const PipelineOptions options = synthetic(R"(,"encoder":{"quality":60})");
  PipelineParts parts{open_source(options.source, options.capture, 60), nullptr};
  parts.open_encoder = [&told](const std::string& kind, const EncoderSettings& settings) {
    told.push_back(settings.quality);
    return open_encoder(kind, settings);
  };
  Pipeline pipeline(1, options, events, std::move(parts));
  pipeline.set_sink(&Sink::receive, sink.user());
  pipeline.start();
  ASSERT_TRUE(sink.wait_count(1));
  pipeline.set_rate(0, 0, 0.5);
  ASSERT_GT(sink.wait_for([](const Unit& u) { return u.keyframe(); }, 1), 0);
  pipeline.stop();
  EXPECT_EQ(told, (std::vector<int>{60, 60}));
  EXPECT_THROW(synthetic(R"(,"encoder":{"quality":101})"), Error);
}

TEST_F(PipelineTest, UnchangedPicturesAreSkippedWhenAsked) {
  /* Always the same picture, always new. */
  class Same final : public Source {
   public:
    const char* name() const override { return "same"; }
    Size size() const override { return {32, 32}; }
    uint32_t wait(Waker& waker, int64_t deadline) override {
      waker.wait_until(std::min(deadline, now_us() + 1000));
      return kSourceChanged;
    }
    bool grab(Frame& frame, bool) override {
      frame.width = frame.height = 32;
      frame.id = ++id_;
      frame.capture_time_us = now_us();
      frame.parts[0] = {{0, 0, 32, 32}, pixels_.data(), 128};
      frame.part_count = 1;
      return true;
    }

   private:
    uint64_t id_ = 0;
    std::vector<uint8_t> pixels_ = std::vector<uint8_t>(32 * 32 * 4, 99);
  };
  std::atomic<bool> shut{false};
  Pipeline pipeline(1, synthetic(R"(,"capture":{"skipUnchanged":true})"), events,
                    {std::make_unique<Same>(), std::make_unique<GatedEncoder>(shut)});
  pipeline.set_sink(&Sink::receive, sink.user());
  pipeline.start();
  EXPECT_TRUE(eventually([&] { return stat(pipeline, "framesSkippedUnchanged") >= 10; }));
  EXPECT_EQ(stat(pipeline, "framesEncoded"), 1);
}

TEST_F(PipelineTest, ASinkMayNotStopItsOwnPipeline) {
  struct Trap {
    Pipeline* pipeline;
    std::atomic<int> refused{0};
    static int32_t sink(uint64_t user, const pd_access_unit*) {
      Trap& trap = *reinterpret_cast<Trap*>(static_cast<uintptr_t>(user));
      try {
        trap.pipeline->stop();
      } catch (const Error& error) {
        if (error.code() == PD_ERR_STATE) ++trap.refused;
      }
      return 0;
    }
  };
  Pipeline pipeline(1, synthetic(), events);
  Trap trap{&pipeline};
  pipeline.set_sink(&Trap::sink, reinterpret_cast<uintptr_t>(&trap));
  pipeline.start();
  EXPECT_TRUE(eventually([&] { return trap.refused > 0; }));
}

TEST_F(PipelineTest, CloseRacesWithEverything) {
  for (int round = 0; round < 6; ++round) {
    Pipeline pipeline(1, synthetic(), events);
    pipeline.set_sink(&Sink::receive, sink.user());
    pipeline.start();
    std::atomic<bool> done{false};
    std::thread caller([&] {
      while (!done) {
        pipeline.wake(PD_WAKE_KEYFRAME | PD_WAKE_DRAINED);
        pipeline.set_rate(1000000, 30, 0);
        pipeline.stats();
        pipeline.describe();
      }
    });
    std::thread closer([&] { pipeline.stop(); });
    pipeline.stop();
    closer.join();
    const size_t count = sink.count();
    pipeline.close();
    EXPECT_EQ(sink.count(), count);  // no sink call once stop has returned
    done = true;
    caller.join();
  }
  EXPECT_EQ(leaks().threads.load(), 0);
}

}  // namespace
}  // namespace pdc
