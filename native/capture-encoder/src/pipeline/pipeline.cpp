#include "pipeline/pipeline.h"

#include <cmath>

#include "base/error.h"
#include "base/json.h"
#include "base/leaks.h"
#include "capture/png.h"
#include "clock/clock.h"
#include "pipeline/thread_priority.h"

namespace pdc {
namespace {

/* Flags of the waker beside pd_wake_flags. */
constexpr uint32_t kWakeStop = 1u << 8;
constexpr uint32_t kWakeRate = 1u << 9;

/* In a row; then the pipeline gives up. */
constexpr int kMaxEncoderFailures = 3;

FramePolicy::Settings policy_settings(const PipelineOptions& o, double fps) {
  return {fps, o.capture.min_update_interval_100ns / 10, o.capture.drop_window_ms * int64_t{1000},
          static_cast<size_t>(o.capture.drop_min_events)};
}

/* The pipeline whose thread this is, so that a sink cannot wait for itself. */
thread_local const Pipeline* running_here = nullptr;

/* Of the pixels and places; equal pictures give equal numbers, others nearly always different ones. */
uint32_t hash_parts(const Frame& frame) {
  uint64_t hash = 0xcbf29ce484222325u;
  const auto mix = [&hash](uint64_t value) {
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u, hash ^= hash >> 29;
  };
  for (size_t i = 0; i < frame.part_count; ++i) {
    const Part& part = frame.parts[i];
    mix(static_cast<uint64_t>(part.rect.x) << 32 | static_cast<uint32_t>(part.rect.y));
    for (int y = 0; y < part.rect.height; ++y) {
      const uint8_t* row = part.bgra + static_cast<ptrdiff_t>(y) * part.stride;
      for (int x = 0; x < part.rect.width; x += 2) {  // even widths: two pixels at a time
        uint64_t pair;
        std::copy_n(row + static_cast<ptrdiff_t>(x) * 4, sizeof pair, reinterpret_cast<uint8_t*>(&pair));
        mix(pair);
      }
    }
  }
  return static_cast<uint32_t>(hash ^ hash >> 32);
}

}  // namespace

Pipeline::Pipeline(int64_t handle, const PipelineOptions& options, EventQueue& events)
    : Pipeline(handle, options, events, open_source(options.source, options.capture, options.encoder.fps),
               nullptr) {}

Pipeline::Pipeline(int64_t handle, const PipelineOptions& options, EventQueue& events,
                   std::unique_ptr<Source> source, std::unique_ptr<Encoder> encoder)
    : handle_(handle),
      options_(options),
      events_(events),
      source_(std::move(source)),
      bitrate_bps_(options.encoder.bitrate_bps),
      fps_(options.encoder.fps),
      converter_(make_converter()),
      encoder_(std::move(encoder)) {
  size_ = encoded_size(source_->size(), scale_);
  if (!encoder_) {
    // Its threads inherit the priority of the one that opens it.
    const ThreadPriority priority(options.capture.mmcss, options.capture.mmcss_priority);
    encoder_ = open_encoder(options_.encoder.kind, {size_, fps_, bitrate_bps_, options_.encoder.threads});
  }
  encoder_name_ = encoder_->name();
}

Pipeline::~Pipeline() { close(); }

Size Pipeline::encoded_size(Size source, double scale) const {
  double factor = scale;
  if (options_.encoder.max_width > 0)
    factor = std::min(factor, 1.0 * options_.encoder.max_width / source.width);
  if (options_.encoder.max_height > 0)
    factor = std::min(factor, 1.0 * options_.encoder.max_height / source.height);
  if (factor >= 1) return source;
  const auto even = [factor](int side) { return std::max(16, static_cast<int>(side * factor) & ~1); };
  return {even(source.width), even(source.height)};
}

std::string Pipeline::describe() const {
  const std::lock_guard lock(mutex_);
  JsonWriter json;
  json.open('{').field("width", size_.width).field("height", size_.height);
  json.field("source", source_ ? source_->name() : "closed").field("encoder", encoder_name_).close('}');
  return json.text();
}

void Pipeline::set_sink(pd_frame_sink sink, uint64_t user) {
  const std::lock_guard lock(mutex_);
  if (running_)
    throw Error(PD_ERR_STATE, "the sink can only change while the pipeline is stopped; call stop first");
  sink_ = sink;
  sink_user_ = user;
}

void Pipeline::start() {
  const std::lock_guard life(lifecycle_);
  double fps;
  {
    const std::lock_guard lock(mutex_);
    fps = fps_;
    if (closed_) throw Error(PD_ERR_BAD_HANDLE, "the pipeline is closed");
    if (running_) return;
    if (sink_ == nullptr)
      throw Error(PD_ERR_STATE, "the pipeline has no sink; call pdc_pipeline_set_sink first");
    if (lost_)
      throw Error(PD_ERR_STATE, "the source is gone (" + source_->reason() + "); open a new pipeline");
    running_ = true;
  }
  stopping_ = false;
  whole_next_ = true;
  waker_.take();
  policy_ = std::make_unique<FramePolicy>(policy_settings(options_, fps));
  stats_at_ = options_.stats_interval_ms > 0 ? now_us() + options_.stats_interval_ms * int64_t{1000} : kNever;
  state_ = "running";
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    const std::lock_guard lock(mutex_);
    running_ = false;
    state_ = "stopped";
    throw Error(PD_ERR_UNAVAILABLE, std::string("no thread: ") + error.what());
  }
}

void Pipeline::stop() {
  if (running_here == this) {
    throw Error(PD_ERR_STATE, "a sink may not stop its own pipeline; return PD_SINK_CLOSED");
  }
  const std::lock_guard life(lifecycle_);
  if (!thread_.joinable()) return;
  waker_.wake(kWakeStop);
  thread_.join();
  const std::lock_guard lock(mutex_);
  running_ = false;
  state_ = "stopped";
}

void Pipeline::close() {
  stop();
  const std::lock_guard lock(mutex_);
  closed_ = true;
  encoder_.reset();
  source_.reset();
  events_.forget(handle_);
}

void Pipeline::set_rate(uint64_t bitrate_bps, double fps, double scale) {
  if (bitrate_bps != 0 && (bitrate_bps < 10000 || bitrate_bps > 1000000000)) {
    throw Error(PD_ERR_INVALID_ARGUMENT, "bits_per_second must be 0 (keep) or between 10000 and 1000000000");
  }
  if (!(fps == 0 || (fps >= 1 && fps <= 240))) {
    throw Error(PD_ERR_INVALID_ARGUMENT, "fps must be 0 (keep) or between 1 and 240");
  }
  if (!(scale == 0 || (scale >= 0.5 && scale <= 1))) {
    throw Error(PD_ERR_INVALID_ARGUMENT, "scale must be 0 (keep) or between 0.5 and 1");
  }
  {
    const std::lock_guard lock(mutex_);
    if (bitrate_bps != 0) bitrate_bps_ = bitrate_bps;
    if (fps != 0) fps_ = fps;
    if (scale != 0) scale_ = scale;
  }
  waker_.wake(kWakeRate);
}

void Pipeline::wake(uint32_t pd_wake_flags) {
  waker_.wake(pd_wake_flags & (PD_WAKE_KEYFRAME | PD_WAKE_VIEWERS | PD_WAKE_DRAINED));
}

std::string Pipeline::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_.json({source_ ? source_->queue_depth() : 0, source_ ? source_->overwritten() : 0,
                      bitrate_bps_, size_.width, size_.height, state_.load()},
                     now_us());
}

Rect Pipeline::placement() const {
  const std::lock_guard lock(mutex_);
  if (!source_) throw Error(PD_ERR_CLOSED, "the pipeline that gives the coordinates is closed");
  return source_->placement();
}

void Pipeline::run() {
  const Counted counted(leaks().threads);
  const ThreadPriority priority(options_.capture.mmcss, options_.capture.mmcss_priority);
  running_here = this;
  try {
    source_->rest(false);
    apply_rate();
    post_source("running", "");
    post_encoder("running", "");
    while (step()) {
    }
  } catch (const std::exception& error) {
    fail("lost", error.what());
  }
  source_->rest(true);
  state_ = "stopped";
}

bool Pipeline::step() {
  const FramePolicy::Next next = policy_->next(now_us());
  switch (next.action) {
    case FramePolicy::Action::wait: {
      state_ = next.at == kNever ? "resting" : "running";
      const uint32_t events = source_->wait(waker_, std::min(next.at, stats_at_));
      handle_wake(waker_.take());
      handle_source(events);
      if (now_us() >= stats_at_) {
        events_.post(PD_EVENT_STATS, handle_, stats());
        stats_at_ = now_us() + options_.stats_interval_ms * int64_t{1000};
      }
      break;
    }
    case FramePolicy::Action::capture:
      capture();
      break;
    case FramePolicy::Action::repeat:
    case FramePolicy::Action::refine: {
      Passage passage;
      encode(next.action, nullptr, passage);
      break;
    }
  }
  return !stopping_;
}

void Pipeline::handle_wake(uint32_t flags) {
  if ((flags & kWakeStop) != 0) stopping_ = true;
  if ((flags & kWakeRate) != 0) apply_rate();
  if ((flags & PD_WAKE_KEYFRAME) != 0) policy_->on_keyframe_wanted();
  if ((flags & (PD_WAKE_KEYFRAME | PD_WAKE_VIEWERS)) != 0 && policy_->resting()) {
    // Whoever came has no picture yet, and on a still desktop nothing else would bring one.
    policy_->on_keyframe_wanted();
    policy_->on_viewers();
    source_->rest(false);
  }
  if ((flags & PD_WAKE_DRAINED) != 0) policy_->on_drained();
}

void Pipeline::handle_source(uint32_t events) {
  if (events == 0) return;
  stats_.change([](auto& c) { ++c.wakes; });
  if ((events & kSourceResized) != 0) {
    reopen_encoder();
    post_source("resized", "");
  }
  if ((events & kSourceChanged) != 0) {
    const FramePolicy::Fate fate = policy_->on_changed(now_us());
    if (fate != FramePolicy::Fate::taken) {
      // Pictures in a ring would be stale when the encoder may go on; an on-demand source keeps none.
      const uint64_t dropped = std::max<size_t>(1, source_->discard());
      stats_.change([&](auto& c) {
        (fate == FramePolicy::Fate::congested ? c.congested_skips : c.backpressure_skips) += dropped;
      });
    }
  }
  if ((events & kSourceCursor) != 0) post_cursor();
  if ((events & kSourceLost) != 0) fail("lost", source_->reason());
  if ((events & kSourceEnded) != 0) fail("ended", source_->reason());
}

void Pipeline::apply_rate() {
  uint64_t bitrate;
  double fps;
  Size wanted;
  {
    const std::lock_guard lock(mutex_);
    bitrate = bitrate_bps_;
    fps = fps_;
    wanted = encoded_size(source_->size(), scale_);
  }
  policy_->set_fps(fps);
  if (wanted == size_) {
    encoder_->set_rate(bitrate, fps);
  } else {
    reopen_encoder();
  }
}

/* For the size that source and scale now give; the next picture is an IDR. */
void Pipeline::reopen_encoder() {
  EncoderSettings settings;
  double fps;
  {
    const std::lock_guard lock(mutex_);
    fps = fps_;
    size_ = encoded_size(source_->size(), scale_);
    settings = {size_, options_.encoder.fps, bitrate_bps_, options_.encoder.threads};
  }
  encoder_.reset();
  encoder_ = open_encoder(options_.encoder.kind, settings);
  encoder_->set_rate(settings.bitrate_bps, fps);
  {
    const std::lock_guard lock(mutex_);
    encoder_name_ = encoder_->name();
  }
  policy_->on_keyframe_wanted();
  policy_->on_changed(now_us());
  whole_next_ = true;
  post_encoder("reopened", "");
}

void Pipeline::capture() {
  Passage passage;
  const int64_t start = now_us();
  if (!source_->grab(frame_, whole_next_)) {
    policy_->on_nothing_to_capture();
    return;
  }
  policy_->on_captured(start);
  const int64_t grabbed = now_us();
  stats_.change([this](auto& c) {
    ++c.frames_captured;
    if (frame_.id <= last_source_id_) ++c.out_of_order;
  });
  last_source_id_ = frame_.id;
  if (options_.capture.skip_unchanged) {
    const uint32_t hash = hash_parts(frame_);
    const bool same = hash == last_hash_ && !whole_next_ && !policy_->keyframe_wanted();
    last_hash_ = hash;
    if (same) {
      stats_.change([](auto& c) { ++c.unchanged; });
      return;
    }
  }
  if (picture_.width() != frame_.width || picture_.height() != frame_.height) {
    if (!frame_.whole()) {
      whole_next_ = true;
      policy_->on_changed(start);
      return;
    }
    picture_ = Picture(frame_.width, frame_.height);
  }
  converter_->convert(frame_, picture_);
  whole_next_ = false;
  ++frame_id_;
  capture_time_us_ = frame_.capture_time_us;
  passage.captured = true;
  passage.grab_us = grabbed - start;
  passage.convert_us = now_us() - grabbed;
  encode(FramePolicy::Action::capture, &frame_, passage);
}

void Pipeline::encode(FramePolicy::Action action, const Frame* frame, Passage& passage) {
  EncodeInput input;
  input.picture = &picture_;
  input.keyframe = policy_->keyframe_wanted();
  input.refinement = action != FramePolicy::Action::capture;
  std::array<Rect, Frame::kMaxParts> changed;
  if (size_.width != picture_.width() || size_.height != picture_.height()) {
    const int64_t start = now_us();
    if (scaled_.width() != size_.width || scaled_.height() != size_.height) {
      scaled_ = Picture(size_.width, size_.height);
    }
    if (frame != nullptr || input.keyframe) converter_->scale(picture_, scaled_);
    input.picture = &scaled_;
    passage.convert_us += now_us() - start;
  } else if (frame != nullptr) {
    for (size_t i = 0; i < frame->part_count; ++i) changed[i] = frame->parts[i].rect;
    input.changed = changed.data();
    input.changed_count = frame->part_count;
  }
  if (input.refinement) input.changed = changed.data();  // nothing did

  EncodedUnit unit;
  const int64_t start = now_us();
  input.now_us = start;
  switch (encoder_->encode(input, unit)) {
    case EncodeResult::ok:
      break;
    case EncodeResult::again:
      // The parts are in picture_ already, but the encoder has not seen them: everything may have changed.
      whole_next_ = true;
      policy_->on_backpressure(start);
      stats_.change([](auto& c) { ++c.backpressure_skips; });
      return;
    case EncodeResult::failed:
      post_encoder("failed", encoder_->reason());
      if (++encoder_failures_ >= kMaxEncoderFailures) {
        throw Error(PD_ERR_INTERNAL, "the encoder fails again and again: " + encoder_->reason());
      }
      reopen_encoder();
      return;
  }
  encoder_failures_ = 0;
  const int64_t encoded = now_us();
  passage.encode_us = encoded - start;
  passage.bytes = unit.size;
  passage.keyframe = unit.keyframe;
  policy_->on_encoded(encoded, action, unit.keyframe, unit.qp, unit.room_at, unit.refine_at);
  push(unit, passage, input.refinement);
}

void Pipeline::push(const EncodedUnit& unit, const Passage& so_far, bool refinement) {
  pd_access_unit out{};
  out.struct_size = sizeof out;
  out.codec = PD_CODEC_H264;
  out.data = unit.data;
  out.size = static_cast<uint32_t>(unit.size);
  if (unit.keyframe) out.flags |= PD_AU_KEYFRAME;
  if (unit.droppable) out.flags |= PD_AU_DROPPABLE;
  if (refinement) out.flags |= PD_AU_REFINEMENT;
  out.capture_time_us = refinement ? now_us() : capture_time_us_;
  out.frame_id = frame_id_;
  out.duration_us = static_cast<uint32_t>(1e6 / std::max(1.0, options_.encoder.fps));

  const int64_t start = now_us();
  const int32_t answer = sink_(sink_user_, &out);
  Passage passage = so_far;
  passage.now_us = now_us();
  passage.push_us = passage.now_us - start;
  passage.total_us = passage.now_us - capture_time_us_;
  stats_.add(passage);

  if (answer < 0 || (answer & PD_SINK_CLOSED) != 0) {
    events_.log(handle_, "info",
                "the stream no longer takes pictures (" + std::to_string(answer) + "); stopped");
    stopping_ = true;
    return;
  }
  if ((answer & PD_SINK_KEYFRAME_WANTED) != 0) policy_->on_keyframe_wanted();
  if ((answer & PD_SINK_CONGESTED) != 0) policy_->on_congested(passage.now_us);
  if ((answer & PD_SINK_NO_VIEWER) != 0) {
    policy_->on_no_viewer();
    source_->rest(true);
  }
}

void Pipeline::fail(const char* state, const std::string& reason) {
  lost_ = true;
  stopping_ = true;
  state_ = "stopped";
  post_source(state, reason);
}

void Pipeline::post_source(const char* state, const std::string& reason) {
  Size size;
  {
    const std::lock_guard lock(mutex_);
    size = size_;
  }
  JsonWriter json;
  json.open('{').field("state", state).field("width", size.width).field("height", size.height);
  json.field("reason", reason).close('}');
  events_.post(PD_EVENT_SOURCE, handle_, json.text());
}

void Pipeline::post_encoder(const char* state, const std::string& reason) {
  JsonWriter json;
  json.open('{').field("state", state).field("name", encoder_ ? encoder_->name() : "none");
  json.field("reason", reason).close('}');
  events_.post(PD_EVENT_ENCODER, handle_, json.text());
}

void Pipeline::post_cursor() {
  const CursorShape shape = source_->cursor();
  JsonWriter json;
  json.open('{').field("serial", static_cast<uint64_t>(shape.serial));
  if (shape.hidden) {
    json.field("hidden", true);
  } else {
    json.field("hotX", shape.hot_x).field("hotY", shape.hot_y);
    json.field("width", shape.width).field("height", shape.height);
    json.field("png", base64(encode_png(shape.rgba.data(), shape.width, shape.height)));
  }
  json.close('}');
  events_.post(PD_EVENT_CURSOR, handle_, json.text());
}

}  // namespace pdc
