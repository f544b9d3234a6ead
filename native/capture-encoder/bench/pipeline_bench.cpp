// What a pipeline costs: stage times and CPU for each picture, on an X server of its own, for each encoder
// and two loads: scrolling text in part of the screen, and a whole screen in motion as in a game.
// Usage: pdc_bench [seconds] [encoder…]; one line of JSON for each run.
#include <pthread.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "pipeline/pipeline.h"
#include "support/sink.h"
#include "support/x_client.h"
#include "support/xvfb.h"

namespace pdc {
namespace {

/* Not 60: an equal rate would lock phases, and a run would measure one accident. */
constexpr double kPaintsPerSecond = 59.7;

int64_t cpu_us(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<int64_t>(t.tv_sec) * 1000000 + t.tv_nsec / 1000;
}

/* Draws until told to stop, on the X server alone: the pictures never pass through this process. */
class Painter {
 public:
  Painter(const std::string& display, int width, int height, bool game)
      : client_(display, {0, 0, width, height}, 0xffffff), width_(width), height_(height), game_(game) {
    xcb_connection_t* c = client_.connection().get();
    texture_ = xcb_generate_id(c);
    gc_ = xcb_generate_id(c);
    xcb_create_pixmap(c, client_.connection().screen()->root_depth, texture_, client_.window(),
                      static_cast<uint16_t>(width * 2), static_cast<uint16_t>(height * 2));
    const uint32_t no_exposures = 0;
    xcb_create_gc(c, gc_, client_.window(), XCB_GC_GRAPHICS_EXPOSURES, &no_exposures);
    // A landscape of overlapping rectangles in many colours.
    uint32_t state = 7;
    const auto random = [&state](uint32_t below) {
      return (state = state * 1664525u + 1013904223u) / 65536 % below;
    };
    for (int i = 0; i < 6000; ++i) {
      const uint32_t colour = random(256) << 16 | random(256) << 8 | random(256);
      const xcb_rectangle_t r{static_cast<int16_t>(random(static_cast<uint32_t>(width * 2))),
                              static_cast<int16_t>(random(static_cast<uint32_t>(height * 2))),
                              static_cast<uint16_t>(8 + random(120)), static_cast<uint16_t>(8 + random(90))};
      xcb_change_gc(c, gc_, XCB_GC_FOREGROUND, &colour);
      xcb_poly_fill_rectangle(c, texture_, gc_, 1, &r);
    }
    client_.paint_noise({40, 40, width * 6 / 10, height * 8 / 10}, 1);
    client_.sync();
    thread_ = std::thread([this] { run(); });
    pthread_getcpuclockid(thread_.native_handle(), &clock_);
  }
  ~Painter() {
    stop_ = true;
    thread_.join();
  }
  clockid_t clock() const { return clock_; }

 private:
  void run() {
    const int64_t start = now_us();
    for (uint32_t i = 1; !stop_; ++i) {
      const int64_t due = start + static_cast<int64_t>(i * 1e6 / kPaintsPerSecond);
      std::this_thread::sleep_for(std::chrono::microseconds(std::max<int64_t>(0, due - now_us())));
      game_ ? move(i) : scroll(i);
      xcb_flush(client_.connection().get());
    }
  }
  /* Moves the text up by a few lines of pixels; what leaves at the top comes back at the bottom. */
  void scroll(uint32_t) {
    constexpr int16_t kLeft = 40, kTop = 40, kStep = 6;
    const auto wide = static_cast<uint16_t>(width_ * 6 / 10),
               high = static_cast<uint16_t>(height_ * 8 / 10 / 6 * 6);
    const auto rest = static_cast<uint16_t>(high - kStep);
    xcb_connection_t* c = client_.connection().get();
    const xcb_window_t window = client_.window();
    xcb_copy_area(c, window, texture_, gc_, kLeft, kTop, 0, 0, wide, kStep);
    xcb_copy_area(c, window, window, gc_, kLeft, kTop + kStep, kLeft, kTop, wide, rest);
    xcb_copy_area(c, texture_, window, gc_, 0, 0, kLeft, static_cast<int16_t>(kTop + rest), wide, kStep);
  }
  void move(uint32_t i) {
    const auto x = static_cast<int16_t>(i * 3 % static_cast<uint32_t>(width_)),
               y = static_cast<int16_t>(i * 2 % static_cast<uint32_t>(height_));
    xcb_copy_area(client_.connection().get(), texture_, client_.window(), gc_, x, y, 0, 0,
                  static_cast<uint16_t>(width_), static_cast<uint16_t>(height_));
  }

  test::XClient client_;
  int width_, height_;
  bool game_;
  xcb_pixmap_t texture_;
  xcb_gcontext_t gc_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
  clockid_t clock_{};
};

void measure(const std::string& display, int width, int height, bool game, const std::string& encoder,
             int threads, int seconds) {
  EventQueue events;
  test::Sink sink;
  Painter painter(display, width, height, game);
  const auto options = PipelineOptions::parse(R"({"source":{"kind":"x11","display":")" + display +
                                              R"("},"encoder":{"kind":")" + encoder + R"(","threads":)" +
                                              std::to_string(threads) + R"(,"bitrateBps":)" +
                                              (height > 720 ? "8000000" : "6000000") + "}}");
  Pipeline pipeline(1, options, events);
  pipeline.set_sink(&test::Sink::receive, sink.user());
  pipeline.start();
  std::this_thread::sleep_for(std::chrono::seconds(1));
  const size_t before = sink.count();
  const int64_t cpu = cpu_us(CLOCK_PROCESS_CPUTIME_ID) - cpu_us(painter.clock());
  std::this_thread::sleep_for(std::chrono::seconds(seconds));
  const int64_t used = cpu_us(CLOCK_PROCESS_CPUTIME_ID) - cpu_us(painter.clock()) - cpu;
  const std::string stats = pipeline.stats();
  const size_t frames = sink.count() - before;
  const auto ms = [&](const char* key) { return test::number_in(stats, key) / 1000; };
  std::printf(
      "{\"size\":\"%dx%d\",\"load\":\"%s\",\"encoder\":\"%s\",\"threads\":%d,\"fps\":%.1f,\"cpuMsPerFrame\":%"
      ".2f,"
      "\"grabMs\":%.2f,\"convertMs\":%.2f,\"encodeMs\":%.2f,\"captureToPushMsP50\":%.2f,\"p95\":%.2f,"
      "\"kbps\":%.0f}\n",
      width, height, game ? "game" : "scroll", encoder.c_str(), threads,
      1.0 * static_cast<double>(frames) / seconds,
      static_cast<double>(used) / 1000 / std::max<double>(1, static_cast<double>(frames)), ms("grabUsP50"),
      ms("convertUsP50"), ms("encodeUsP50"), ms("captureToPushUsP50"), ms("captureToPushUsP95"),
      test::number_in(stats, "bitrateBps") / 1000);
  std::fflush(stdout);
}

}  // namespace
}  // namespace pdc

int main(int argc, char** argv) {
  const int seconds = argc > 1 ? std::atoi(argv[1]) : 5;
  std::vector<std::string> encoders(argv + std::min(argc, 2), argv + argc);
  if (encoders.empty()) encoders = {"libx264", "x264"};
  for (const auto& [width, height] : {std::pair{1280, 720}, std::pair{1920, 1080}}) {
    const pdc::test::Xvfb server(width, height);
    for (const bool game : {false, true}) {
      for (const std::string& encoder : encoders) {
        for (const int threads : {1, 2})
          pdc::measure(server.display(), width, height, game, encoder, threads, seconds);
      }
    }
  }
}
