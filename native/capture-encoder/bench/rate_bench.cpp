// How the encoder keeps to its bitrate, and what the picture is worth: five scripts on pages of text at 720p,
// in a time of their own. Usage: pdc_rate_bench [encoder]; one line of JSON for each run.
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "support/rate_run.h"
#include "support/text_page.h"

namespace pdc {
namespace {

using test::RateRun;
using test::TextPage;

constexpr int64_t kFrameUs = 16667;
/* Of a desktop, which is not all text. */
constexpr Rect kWindow{200, 60, 800, 600};

double p50_ms(const RateRun& run, size_t from, bool refinements) {
  std::vector<int64_t> took;
  for (; from < run.sent().size(); ++from) {
    if (run.sent()[from].refinement == refinements) took.push_back(run.sent()[from].encode_us);
  }
  if (took.empty()) return 0;
  std::nth_element(took.begin(), took.begin() + static_cast<ptrdiff_t>(took.size() / 2), took.end());
  return static_cast<double>(took[took.size() / 2]) / 1000;
}

void type(TextPage& page, RateRun& run, int count) {
  for (int i = 0; i < count; ++i) {
    run.change(page.type(20 + i, 10));
    run.run(kFrameUs * 4);
  }
}

void typing_then_scroll(uint64_t bps, const char* kind) {
  TextPage page(1280, 720);
  RateRun run(page.picture(), {{1280, 720}, 60, bps}, kind);
  run.run(5000000);
  const size_t typed = run.sent().size();
  type(page, run, 60);
  std::printf(
      "{\"run\":\"typing\",\"mbps\":%.1f,\"framesWorth\":{\"mean\":%.3f,\"max\":%.2f},\"encodeMs\":%.2f}\n",
      static_cast<double>(bps) / 1e6,
      static_cast<double>(run.bits_since(typed)) / run.frame_bits() /
          static_cast<double>(run.sent().size() - typed),
      static_cast<double>(run.largest_since(typed)) / run.frame_bits(), p50_ms(run, typed, false));
  const size_t scrolled = run.sent().size();
  std::printf("{\"run\":\"scroll after typing\",\"mbps\":%.1f,\"encodeMs\":", static_cast<double>(bps) / 1e6);
  std::string steps;
  double psnr = 0;
  for (int i = 0; i < 60; ++i) {
    page.scroll(6);
    run.change_all();
    run.run(kFrameUs);
    const auto& last = run.sent().back();
    psnr += run.psnr() / 60;
    if (i < 8 || i == 59) {
      char step[80];
      std::snprintf(step, sizeof step, "%s[%d,%.2f,%.1f]", i == 0 ? "" : ",", last.qp,
                    static_cast<double>(last.bits) / run.frame_bits(), run.psnr());
      steps += step;
    }
  }
  std::printf("%.2f,\"psnr\":%.1f,\"mean\":%.2f,\"steps\":[%s]}\n", p50_ms(run, scrolled, false), psnr,
              static_cast<double>(run.bits_since(scrolled)) / 60 / run.frame_bits(), steps.c_str());
}

/* A mouse wheel's notches, ten a second: farther than x264 looks, so that each is a new page to it. */
void wheel(uint64_t bps, const char* kind) {
  TextPage page(1280, 720, kWindow);
  RateRun run(page.picture(), {{1280, 720}, 60, bps}, kind);
  run.run(4000000);
  const size_t from = run.sent().size();
  const int64_t start = run.now();
  double psnr = 0;
  constexpr int kNotches = 40;
  for (int i = 0; i < kNotches; ++i) {
    page.scroll(53);
    run.change(kWindow);
    run.run(kFrameUs * 2);
    psnr += run.psnr(kWindow) / kNotches;
    run.run(kFrameUs * 4);
  }
  std::printf(
      "{\"run\":\"wheel\",\"mbps\":%.1f,\"psnr\":%.1f,\"used\":%.2f,\"maxFramesWorth\":%.2f,\"encodeMs\":%."
      "2f}\n",
      static_cast<double>(bps) / 1e6, psnr,
      static_cast<double>(run.bits_since(from)) / static_cast<double>(run.now() - start) * 1e6 /
          static_cast<double>(bps),
      static_cast<double>(run.largest_since(from)) / run.frame_bits(), p50_ms(run, from, false));
}

void page_then_typing(uint64_t bps, const char* kind) {
  TextPage page(1280, 720);
  RateRun run(page.picture(), {{1280, 720}, 60, bps}, kind);
  run.run(3000000);
  page.turn_to(77);
  run.change_all();
  const size_t turned = run.sent().size();
  run.run(kFrameUs * 4);
  std::printf("{\"run\":\"page, then typing\",\"mbps\":%.1f,\"page\":[%d,%.2f],\"typed\":[",
              static_cast<double>(bps) / 1e6, run.sent()[turned].qp,
              static_cast<double>(run.sent()[turned].bits) / run.frame_bits());
  const size_t typed = run.sent().size();
  type(page, run, 20);
  for (size_t i = typed; i < run.sent().size(); ++i) {
    if (i > typed) std::printf(",");
    std::printf("%.2f", static_cast<double>(run.sent()[i].bits) / run.frame_bits());
  }
  std::printf("],\"psnr\":%.1f,\"queuedMs\":%.0f}\n", run.psnr(),
              run.most_queued() / static_cast<double>(bps) * 1e3);
}

void first_keyframe(uint64_t bps, const char* kind) {
  TextPage page(1280, 720);
  RateRun run(page.picture(), {{1280, 720}, 60, bps}, kind);
  run.run(kFrameUs);
  const auto first = run.sent().front();
  std::printf(
      "{\"run\":\"first "
      "keyframe\",\"mbps\":%.1f,\"qp\":%d,\"framesWorth\":%.2f,\"psnr\":%.1f,\"encodeMs\":%.1f,\"psnrAt\":{",
      static_cast<double>(bps) / 1e6, first.qp, static_cast<double>(first.bits) / run.frame_bits(),
      run.psnr(), static_cast<double>(first.encode_us) / 1000);
  for (const int ms : {250, 500, 1000, 2000, 3000, 5000, 10000}) {
    run.run(1000000 + ms * int64_t{1000} - run.now());
    std::printf("%s\"%d\":%.1f", ms == 250 ? "" : ",", ms, run.psnr());
  }
  std::printf("},\"refineMs\":%.2f,\"mostQueuedMs\":%.0f}\n", p50_ms(run, 1, true),
              run.most_queued() / static_cast<double>(bps) * 1e3);
}

void still(uint64_t bps, const char* kind) {
  TextPage page(1280, 720, kWindow);
  RateRun run(page.picture(), {{1280, 720}, 60, bps}, kind);
  run.run(4000000);
  for (int i = 0; i < 60; ++i) {
    page.scroll(6);
    run.change(kWindow);
    run.run(kFrameUs);
  }
  const int64_t last = run.now();
  const size_t from = run.sent().size();
  run.forget_most_queued();
  std::printf("{\"run\":\"still after scroll\",\"mbps\":%.1f,\"psnrAt\":{\"0\":%.1f",
              static_cast<double>(bps) / 1e6, run.psnr());
  for (const int ms : {250, 500, 1000, 2000, 3000, 5000, 10000}) {
    run.run(last + ms * int64_t{1000} - run.now());
    std::printf(",\"%d\":%.1f", ms, run.psnr());
  }
  std::printf("},\"kbit\":%.0f,\"steps\":%zu,\"refineMs\":%.2f,\"mostQueuedMs\":%.0f}\n",
              static_cast<double>(run.bits_since(from)) / 1e3, run.sent().size() - from,
              p50_ms(run, from, true), run.most_queued() / static_cast<double>(bps) * 1e3);
}

}  // namespace
}  // namespace pdc

int main(int argc, char** argv) {
  const char* kind = argc > 1 ? argv[1] : "x264";
  for (const uint64_t bps : {500000, 2000000, 6000000, 20000000}) pdc::first_keyframe(bps, kind);
  for (const uint64_t bps : {500000, 2000000, 6000000, 20000000}) pdc::still(bps, kind);
  for (const uint64_t bps : {2000000, 6000000, 20000000}) pdc::typing_then_scroll(bps, kind);
  for (const uint64_t bps : {2000000, 6000000, 20000000}) pdc::wheel(bps, kind);
  for (const uint64_t bps : {500000, 2000000, 6000000}) pdc::page_then_typing(bps, kind);
}
