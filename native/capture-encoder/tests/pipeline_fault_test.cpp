// Every edge between two parts of a pipeline, made to fail: once, several times in a row, and for long. The
// picture comes back, decodes, and both the failure and its end are told.
#include <gtest/gtest.h>

#include <cstring>

#include "base/error.h"
#include "base/leaks.h"
#include "pipeline/pipeline.h"
#include "support/decoder.h"
#include "support/faulty_parts.h"

namespace pdc {
namespace {

using test::eventually;
using test::Faults;
using test::Unit;

const PipelineOptions kOptions =
    PipelineOptions::parse(R"({"source":{"kind":"synthetic","width":320,"height":180}})");

class PipelineFaultTest : public testing::Test {
 protected:
  void open() {
    PipelineParts parts;
    parts.source = std::make_unique<test::FaultySource>(
        std::make_unique<SyntheticSource>(kOptions.source, kOptions.capture, 60), wait, grab, cursor);
    parts.open_encoder = [this](const std::string& kind, const EncoderSettings& settings) {
      opens.check("no encoder opens");
      return std::make_unique<test::FaultyEncoder>(open_encoder(kind, settings), says, throws);
    };
    parts.make_converter = [this] { return std::make_unique<test::FaultyConverter>(converter); };
    pipeline = std::make_unique<Pipeline>(1, kOptions, events, std::move(parts));
    pipeline->set_sink(&test::FaultySink::receive, out.user());
    pipeline->start();
    ASSERT_TRUE(out.sink.wait_count(3));
  }
  void TearDown() override {
    pipeline.reset();
    EXPECT_EQ(leaks().threads.load(), 0);
  }

  /* Makes `part` fail so often, waits until it has, and gives the ms from then to a key frame that decodes.
   */
  double picture_is_back(Faults& part, int times) {
    const size_t before = out.sink.count();
    part.fail(times);
    EXPECT_TRUE(eventually([&] { return part.failed() >= 1; }));
    const int64_t start = now_us();
    EXPECT_TRUE(eventually([&] { return part.failed() >= times; }));
    const int key = out.sink.wait_for([](const Unit& u) { return u.keyframe(); }, before);
    const double ms = static_cast<double>(now_us() - start) / 1000;
    EXPECT_GE(key, 0);
    if (key < 0) return -1;
    // What follows the key frame decodes without what came before the fault.
    EXPECT_TRUE(out.sink.wait_count(static_cast<size_t>(key) + 4));
    test::Decoder decoder;
    const auto units = out.sink.all();
    for (size_t i = static_cast<size_t>(key); i < units.size(); ++i)
      EXPECT_TRUE(decoder.decode(units[i].data)) << i;
    return ms;
  }

  /* Payloads of the events of a type so far. */
  std::vector<std::string> told(pd_event_type type) {
    std::vector<uint8_t> buffer(1 << 20);
    for (int32_t used; (used = events.poll(buffer.data(), 1 << 20, 0)) > 0;) {
      for (int32_t at = 0; at < used;) {
        pd_event_header header;
        std::memcpy(&header, buffer.data() + at, sizeof header);
        const auto* payload = reinterpret_cast<const char*>(buffer.data() + at + sizeof header);
        seen.push_back({header.type, std::string(payload, header.size - sizeof header)});
        at += static_cast<int32_t>((header.size + 7u) & ~7u);
      }
    }
    std::vector<std::string> found;
    for (const auto& [each, payload] : seen)
      if (each == type) found.push_back(payload);
    return found;
  }
  bool is_told(const std::string& part, const std::string& state) {
    const std::string start = "{\"part\":\"" + part + "\",\"state\":\"" + state + "\"";
    for (const auto& payload : told(PD_EVENT_FAULT))
      if (payload.rfind(start, 0) == 0) return true;
    return false;
  }

  /* Once, then five times in a row; both are told, and neither ends the pipeline. */
  void survives(Faults& part, const char* name) {
    open();
    const double once = picture_is_back(part, 1);
    EXPECT_TRUE(eventually([&] { return is_told(name, "failing") && is_told(name, "recovered"); })) << name;
    const double often = picture_is_back(part, 5);
    std::printf("fault: %-22s once %6.1f ms, five in a row %6.1f ms\n", name, once, often);
    for (const auto& payload : told(PD_EVENT_SOURCE)) EXPECT_EQ(payload.find("lost"), std::string::npos);
  }

  Faults wait, grab, cursor, converter, opens, says, throws;
  EventQueue events;
  test::FaultySink out;
  std::unique_ptr<Pipeline> pipeline;
  std::vector<std::pair<int, std::string>> seen;
};

TEST_F(PipelineFaultTest, ASourceWhoseGrabFails) { survives(grab, "source"); }
TEST_F(PipelineFaultTest, ASourceWhoseWaitFails) { survives(wait, "source"); }
TEST_F(PipelineFaultTest, AConverterThatFails) { survives(converter, "converter"); }
TEST_F(PipelineFaultTest, AnEncoderThatSaysSo) { survives(says, "encoder"); }
TEST_F(PipelineFaultTest, AnEncoderThatThrows) { survives(throws, "encoder"); }
TEST_F(PipelineFaultTest, ASinkThatRefuses) { survives(out.faults, "sink"); }

TEST_F(PipelineFaultTest, AnEncoderThatDoesNotOpenAgainAtOnce) {
  open();
  opens.fail(4);
  const double ms = picture_is_back(says, 1);
  EXPECT_EQ(opens.failed(), 4);
  std::printf("fault: %-22s reopening failed four times %6.1f ms\n", "encoder", ms);
}

TEST_F(PipelineFaultTest, ACursorThatFailsCostsNoPicture) {
  open();
  cursor.fail(1);
  EXPECT_TRUE(eventually([&] { return is_told("cursor", "failing"); }));
  EXPECT_TRUE(out.sink.wait_count(out.sink.count() + 5));
}

/* The sink is not the pipeline's to build anew: it goes on trying, once a second in the end. */
TEST_F(PipelineFaultTest, ASinkThatRefusesForLongIsTriedOnAndOn) {
  open();
  picture_is_back(out.faults, 12);
}

/* Whoever owns the pipeline hears that it is lost, and opens another. */
TEST_F(PipelineFaultTest, ASourceThatNeverComesBackIsLost) {
  open();
  grab.fail(1000);
  EXPECT_TRUE(eventually([&] {
    for (const auto& payload : told(PD_EVENT_SOURCE))
      if (payload.find("\"lost\"") != std::string::npos) return true;
    return false;
  }));
  EXPECT_LE(grab.failed(), 20);
}

TEST_F(PipelineFaultTest, AStreamThatEndsIsTold) {
  open();
  out.sink.answer(PD_SINK_CLOSED);
  EXPECT_TRUE(eventually([&] { return is_told("sink", "ended"); }));
}

/* A part that fails at every second picture is told of about once a second, not sixty times. */
TEST_F(PipelineFaultTest, AFlappingPartDoesNotFloodTheEvents) {
  open();
  for (int i = 0; i < 20; ++i) {
    const int before = out.faults.failed();
    out.faults.fail(1);
    ASSERT_TRUE(eventually([&] { return out.faults.failed() > before; }));
    ASSERT_TRUE(out.sink.wait_count(out.sink.count() + 1));
  }
  EXPECT_LE(told(PD_EVENT_FAULT).size(), 10u);
}

/* Produces on a thread of its own: what fails there must end neither the process nor the source. */
TEST(RingSourceFaultTest, AProducerThatThrowsIsHeardOfAndGoesOn) {
  class Throwing final : public RingSource {
   public:
    explicit Throwing(Faults& faults) : RingSource({32, 32}, 4, 6), faults_(faults) { start(); }
    ~Throwing() override { stop(); }
    const char* name() const override { return "throwing"; }
    int64_t produce(uint8_t*, int, uint64_t, int64_t now) override {
      faults_.check("the producer is broken");
      return now + 1000;
    }

   private:
    Faults& faults_;
  };
  Faults faults;
  faults.fail(3);
  Throwing source(faults);
  Waker waker;
  source.rest(false);
  int heard = 0;
  Frame frame;
  EXPECT_TRUE(eventually([&] {
    try {
      source.wait(waker, now_us() + 1000);
    } catch (const Error& error) {
      EXPECT_STREQ(error.what(), "the producer is broken");
      ++heard;
    }
    waker.take();
    return source.grab(frame, true);
  }));
  EXPECT_GE(heard, 1);
  EXPECT_EQ(faults.failed(), 3);
}

}  // namespace
}  // namespace pdc
