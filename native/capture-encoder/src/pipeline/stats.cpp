#include "pipeline/stats.h"

#include <algorithm>

#include "base/json.h"

namespace pdc {

int Samples::percentile(double p) const {
  const size_t count = std::min(count_, values_.size());
  if (count == 0) return 0;
  std::array<int32_t, 240> sorted = values_;
  const size_t rank = std::min(count - 1, static_cast<size_t>(p * static_cast<double>(count)));
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<ptrdiff_t>(rank),
                   sorted.begin() + static_cast<ptrdiff_t>(count));
  return sorted[rank];
}

void Stats::add(const Passage& p) {
  const std::lock_guard lock(mutex_);
  ++counters_.frames_encoded;
  counters_.bytes += p.bytes;
  if (p.keyframe) ++counters_.keyframes;
  sent_[sent_count_++ % sent_.size()] = {p.now_us, p.bytes};
  if (!p.captured) {
    ++counters_.refinements;
    return;
  }
  grab_.add(p.grab_us);
  convert_.add(p.convert_us);
  encode_.add(p.encode_us);
  push_.add(p.push_us);
  total_.add(p.total_us);
}

std::string Stats::json(const Now& now, int64_t now_us) const {
  const std::lock_guard lock(mutex_);
  int frames = 0;
  uint64_t bytes = 0;
  for (size_t i = 0; i < std::min(sent_count_, sent_.size()); ++i) {
    if (sent_[i].at <= now_us - 1000000) continue;
    ++frames;
    bytes += sent_[i].bytes;
  }
  const Counters& c = counters_;
  JsonWriter json;
  json.open('{').field("framesCaptured", c.frames_captured).field("framesEncoded", c.frames_encoded);
  json.field("framesSkippedUnchanged", c.unchanged).field("keyframes", c.keyframes).field("bytes", c.bytes);
  json.field("refinements", c.refinements).field("wakes", c.wakes);
  json.field("queueDepth", static_cast<uint64_t>(now.queue_depth)).field("overwriteDrops", now.overwritten);
  json.field("backpressureSkips", c.backpressure_skips).field("congestedSkips", c.congested_skips);
  json.field("outOfOrder", c.out_of_order);
  json.field("grabUsP50", grab_.percentile(0.5)).field("convertUsP50", convert_.percentile(0.5));
  json.field("encodeUsP50", encode_.percentile(0.5)).field("pushUsP50", push_.percentile(0.5));
  json.field("captureToPushUsP50", total_.percentile(0.5))
      .field("captureToPushUsP95", total_.percentile(0.95));
  json.field("fps", frames).field("bitrateBps", bytes * 8).field("targetBitrateBps", now.target_bitrate_bps);
  json.field("width", now.width).field("height", now.height).field("state", now.state).close('}');
  return json.text();
}

}  // namespace pdc
