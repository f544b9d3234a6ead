// The whole way from a painted window on a real X server to a decoded picture.
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/leaks.h"
#include "capture/source.h"
#include "pipeline/pipeline.h"
#include "support/decoder.h"
#include "support/sink.h"
#include "support/x_client.h"
#include "support/xvfb.h"

namespace pdc {
namespace {

using test::Decoder;
using test::eventually;
using test::number_in;
using test::Rgb;
using test::Sink;
using test::Unit;
using test::XClient;
using test::Xvfb;

PipelineOptions x11(const std::string& display, const std::string& source = "",
                    const std::string& more = "") {
  return PipelineOptions::parse(R"({"source":{"kind":"x11","display":")" + display + "\"" + source + "}" +
                                more + "}");
}

bool near(Rgb rgb, uint32_t wanted) {
  const auto close = [](int a, uint32_t b) { return std::abs(a - static_cast<int>(b & 255)) <= 10; };
  return close(rgb.r, wanted >> 16) && close(rgb.g, wanted >> 8) && close(rgb.b, wanted);
}

/* Decodes everything that a sink got, up to and with `last`. */
void decode_all(const Sink& sink, Decoder& decoder, size_t last) {
  for (size_t i = 0; i <= last; ++i) ASSERT_TRUE(decoder.decode(sink.at(i).data)) << i;
}

class X11 : public testing::Test {
 protected:
  void run(Pipeline& pipeline) {
    pipeline.set_sink(&Sink::receive, sink.user());
    pipeline.start();
    ASSERT_TRUE(sink.wait_count(1));
  }
  /* Waits until the picture is sharp and nothing more comes. */
  void rest(const Pipeline& pipeline) {
    ASSERT_TRUE(
        eventually([&] { return pipeline.stats().find("\"state\":\"resting\"") != std::string::npos; }));
  }
  /* Waits for a picture with the colour at a place. */
  bool shows(int x, int y, uint32_t rgb) {
    return eventually([&] {
      for (; decoded_ < sink.count(); ++decoded_) decoder_.decode(sink.at(decoded_).data);
      return decoder_.width() > x && decoder_.height() > y && near(decoder_.pixel(x, y), rgb);
    });
  }
  std::string next_event(pd_event_type type, const std::string& containing) {
    std::string found;
    eventually([&] {
      alignas(8) uint8_t buffer[65536];
      const int32_t used = events.poll(buffer, sizeof buffer, 5);
      for (int32_t at = 0; at < used;) {
        const auto* header = reinterpret_cast<const pd_event_header*>(buffer + at);
        const std::string payload(reinterpret_cast<const char*>(header + 1), header->size - sizeof *header);
        if (header->type == type && payload.find(containing) != std::string::npos) found = payload;
        at += static_cast<int32_t>((header->size + 7) & ~7u);
      }
      return !found.empty();
    });
    return found;
  }

  const std::string& display = Xvfb::shared().display();
  EventQueue events;
  Sink sink;
  Decoder decoder_;
  size_t decoded_ = 0;
};

TEST_F(X11, PaintedColoursArriveAndPartsLandInPlace) {
  XClient window(display, {100, 50, 640, 480}, 0xc81e3c);
  Pipeline pipeline(1, x11(display), events);
  run(pipeline);
  EXPECT_TRUE(shows(400, 300, 0xc81e3c));
  window.fill({0, 0, 40, 40}, 0x00ff00);
  window.fill({601, 441, 33, 21}, 0x2040ff);
  EXPECT_TRUE(shows(120, 70, 0x00ff00));
  EXPECT_TRUE(shows(716, 500, 0x2040ff));
  EXPECT_TRUE(near(decoder_.pixel(400, 300), 0xc81e3c));  // untouched between them
  window.fill({0, 0, 640, 480}, 0xffffff);
  EXPECT_TRUE(shows(400, 300, 0xffffff));
}

TEST_F(X11, NothingIsSentWhileNothingChanges) {
  XClient window(display, {0, 0, 300, 300}, 0x336699);
  Pipeline pipeline(1, x11(display), events);
  run(pipeline);
  rest(pipeline);
  const size_t count = sink.count();
  // The thread is awake and well: it sees other pointer shapes, which are no change of the picture.
  for (const uint16_t glyph : {30, 68, 116}) {
    const double wakes = number_in(pipeline.stats(), "wakes");
    window.change_cursor(glyph);
    ASSERT_TRUE(eventually([&] { return number_in(pipeline.stats(), "wakes") > wakes; }));
  }
  rest(pipeline);
  EXPECT_EQ(sink.count(), count);
}

TEST_F(X11, KeyFrameOnAStillDesktopComesNext) {
  XClient window(display, {0, 0, 300, 300}, 0x808080);
  Pipeline pipeline(1, x11(display), events);
  run(pipeline);
  rest(pipeline);
  const size_t count = sink.count();
  pipeline.wake(PD_WAKE_KEYFRAME);
  ASSERT_TRUE(sink.wait_count(count + 1));
  const Unit unit = sink.at(count);
  EXPECT_TRUE(unit.keyframe());
  EXPECT_TRUE(unit.refinement());
  Decoder fresh;
  ASSERT_TRUE(fresh.decode(unit.data));
  EXPECT_TRUE(near(fresh.pixel(150, 150), 0x808080));
}

TEST_F(X11, RestingPictureGetsSharper) {
  XClient window(display, {0, 0, 1280, 720}, 0xffffff);
  Pipeline pipeline(1, x11(display, "", R"(,"encoder":{"bitrateBps":1500000})"), events);
  run(pipeline);
  window.paint_noise({0, 0, 800, 600}, 5);
  const int painted = sink.wait_for([](const Unit& u) { return !u.refinement(); }, 1);
  ASSERT_GT(painted, 0);
  const int sharper =
      sink.wait_for([](const Unit& u) { return u.refinement(); }, static_cast<size_t>(painted));
  ASSERT_GT(sharper, 0);
  rest(pipeline);
  decode_all(sink, decoder_, sink.count() - 1);
  // Cells of 6 pixels, black or white; their middles must be one or the other.
  int wrong = 0;
  for (int y = 9; y < 590; y += 6) {
    for (int x = 9; x < 790; x += 6) wrong += decoder_.luma(x, y) > 60 && decoder_.luma(x, y) < 190;
  }
  EXPECT_LT(wrong, 130);  // of 12,700
  EXPECT_LT(sink.count(), 80u);
}

TEST_F(X11, BitrateChangesWithoutAKeyFrame) {
  XClient window(display, {0, 0, 400, 300}, 0);
  Pipeline pipeline(1, x11(display), events);
  run(pipeline);
  rest(pipeline);
  pipeline.set_rate(2000000, 30, 0);
  const size_t count = sink.count();
  for (uint32_t i = 0; i < 8; ++i) {
    window.paint_noise({0, 0, 400, 300}, i);
    ASSERT_GE(sink.wait_for([](const Unit& u) { return !u.refinement(); }, count + i), 0);
  }
  for (size_t i = count; i < sink.count(); ++i) EXPECT_FALSE(sink.at(i).keyframe());
  EXPECT_EQ(number_in(pipeline.stats(), "targetBitrateBps"), 2000000);
}

TEST_F(X11, RestsWithoutViewersAndComesBackWithTheNewestPicture) {
  XClient window(display, {0, 0, 300, 300}, 0x102030);
  Pipeline pipeline(1, x11(display), events);
  sink.answer(PD_SINK_NO_VIEWER);
  run(pipeline);
  const double captured = number_in(pipeline.stats(), "framesCaptured");
  window.fill({0, 0, 300, 300}, 0xe0a000);
  window.sync();
  const double wakes = number_in(pipeline.stats(), "wakes");
  window.change_cursor(40);
  ASSERT_TRUE(eventually([&] { return number_in(pipeline.stats(), "wakes") > wakes; }));
  EXPECT_EQ(number_in(pipeline.stats(), "framesCaptured"), captured);
  sink.answer(PD_SINK_OK);
  pipeline.wake(PD_WAKE_VIEWERS | PD_WAKE_KEYFRAME);
  EXPECT_TRUE(shows(150, 150, 0xe0a000));
}

TEST_F(X11, AViewerWhoComesToAStillDesktopGetsAKeyFrame) {
  XClient window(display, {0, 0, 300, 300}, 0x102030);
  Pipeline pipeline(1, x11(display), events);
  sink.answer(PD_SINK_NO_VIEWER);
  run(pipeline);
  rest(pipeline);
  const size_t count = sink.count();
  sink.answer(PD_SINK_OK);
  pipeline.wake(PD_WAKE_VIEWERS);
  ASSERT_TRUE(sink.wait_count(count + 1));
  EXPECT_TRUE(sink.at(count).keyframe());
}

TEST_F(X11, PointerShapesComeAsPng) {
  XClient window(display, {0, 0, 200, 200}, 0);
  Pipeline pipeline(1, x11(display), events);
  run(pipeline);
  window.change_cursor(68);  // left_ptr
  const std::string payload = next_event(PD_EVENT_CURSOR, "\"png\":\"iVBOR");
  EXPECT_GT(number_in(payload, "width"), 0);
  EXPECT_GE(number_in(payload, "hotX"), 0);
  EXPECT_GT(number_in(payload, "serial"), 0);
}

TEST_F(X11, WindowIsCapturedAloneWhateverLiesOnIt) {
  XClient window(display, {300, 200, 320, 240}, 0x00c000, "pd-first");
  Pipeline pipeline(1, x11(display, ",\"window\":\"" + window.id() + "\""), events);
  run(pipeline);
  XClient cover(display, {300, 200, 320, 240}, 0xff0000);
  window.fill({0, 0, 100, 240}, 0x0000c0);
  EXPECT_TRUE(shows(50, 100, 0x0000c0));
  EXPECT_TRUE(near(decoder_.pixel(200, 100), 0x00c000));
  EXPECT_EQ(decoder_.width(), 320);
}

TEST_F(X11, WindowMovesAndResizes) {
  XClient window(display, {300, 200, 320, 240}, 0x00c000, "pd-moves");
  Pipeline pipeline(1, x11(display, R"(,"process":"PD-Moves.exe")"), events);
  run(pipeline);
  EXPECT_EQ(pipeline.placement().x, 300);
  window.configure({10, 20, 320, 240});
  EXPECT_TRUE(eventually([&] { return pipeline.placement().x == 10 && pipeline.placement().y == 20; }));
  window.configure({10, 20, 401, 303});
  const std::string payload = next_event(PD_EVENT_SOURCE, "resized");
  EXPECT_EQ(number_in(payload, "width"), 400);
  EXPECT_EQ(number_in(payload, "height"), 302);
  window.fill({0, 0, 401, 303}, 0xa0a000);
  EXPECT_TRUE(shows(390, 290, 0xa0a000));
  EXPECT_EQ(decoder_.width(), 400);
}

TEST_F(X11, WindowIsResizedWhenAsked) {
  XClient window(display, {0, 0, 320, 240}, 0x00c000, "pd-sized");
  Pipeline pipeline(1, x11(display, R"(,"process":"pd-sized","resize":true,"width":500,"height":400)"),
                    events);
  EXPECT_NE(pipeline.describe().find(R"("width":500,"height":400)"), std::string::npos);
}

TEST_F(X11, HiddenWindowPausesAndClosedWindowEnds) {
  XClient window(display, {0, 0, 320, 240}, 0x00c000, "pd-ends");
  Pipeline pipeline(1, x11(display, R"(,"process":"pd-ends")"), events);
  run(pipeline);
  window.unmap();
  window.map();
  window.fill({0, 0, 320, 240}, 0x4000ff);
  EXPECT_TRUE(shows(100, 100, 0x4000ff));
  window.destroy();
  EXPECT_NE(next_event(PD_EVENT_SOURCE, "ended").find("the window was closed"), std::string::npos);
  EXPECT_TRUE(eventually([&] { return pipeline.stats().find("stopped") != std::string::npos; }));
  pipeline.stop();
  EXPECT_THROW(pipeline.start(), Error);
}

TEST_F(X11, UnknownProcessNamesTheCandidates) {
  XClient window(display, {0, 0, 320, 240}, 0, "pd-candidate");
  try {
    Pipeline pipeline(1, x11(display, R"(,"process":"nobody")"), events);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), PD_ERR_NOT_FOUND);
    EXPECT_NE(std::string(error.what()).find("pd-candidate"), std::string::npos) << error.what();
  }
  EXPECT_THROW(Pipeline(1, x11(display, R"(,"window":"0x7fffffff")"), events), Error);
  EXPECT_THROW(Pipeline(1, x11(display, R"(,"window":"zebra")"), events), Error);
}

TEST_F(X11, ListsWindows) {
  XClient window(display, {40, 60, 320, 240}, 0, "pd-listed");
  const std::string list = list_windows(display);
  EXPECT_NE(list.find("\"title\":\"pd-listed\""), std::string::npos) << list;
  EXPECT_NE(list.find("\"id\":\"" + window.id() + "\""), std::string::npos);
  EXPECT_NE(list.find("\"x\":40,\"y\":60,\"width\":320,\"height\":240"), std::string::npos);
}

TEST_F(X11, ScreenResizeReopensTheEncoder) {
  Xvfb own(1024, 768);
  Pipeline pipeline(1, x11(own.display()), events);
  run(pipeline);
  ASSERT_TRUE(test::resize_screen(own.display(), 800, 600));
  const std::string payload = next_event(PD_EVENT_SOURCE, "resized");
  EXPECT_EQ(number_in(payload, "width"), 800);
  XClient window(own.display(), {0, 0, 800, 600}, 0xff8000);
  EXPECT_TRUE(shows(790, 590, 0xff8000));
  EXPECT_EQ(decoder_.width(), 800);
  EXPECT_EQ(decoder_.height(), 600);
}

TEST_F(X11, AServerThatDiesIsAnEventAndNoExit) {
  auto own = std::make_unique<Xvfb>(640, 480);
  Pipeline pipeline(1, x11(own->display()), events);
  run(pipeline);
  own->kill_now();
  EXPECT_NE(next_event(PD_EVENT_SOURCE, "lost").find("went away"), std::string::npos);
  EXPECT_TRUE(eventually([&] { return leaks().threads == 0; }));
  pipeline.wake(PD_WAKE_KEYFRAME);
  pipeline.stop();
  EXPECT_THROW(pipeline.start(), Error);
  pipeline.close();
  EXPECT_EQ(leaks().displays.load(), 0);
}

TEST_F(X11, NoDisplayIsAClearError) {
  try {
    Pipeline pipeline(1, x11(":9999"), events);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), PD_ERR_UNAVAILABLE);
    EXPECT_NE(std::string(error.what()).find("':9999'"), std::string::npos);
  }
  for (const Availability& one : probe_sources(":9999")) {
    if (one.name == "x11") {
      EXPECT_FALSE(one.available);
    }
  }
}

}  // namespace
}  // namespace pdc
