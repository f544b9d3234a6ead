#include "pipeline/pipeline.h"

#include <cmath>

#include "base/error.h"
#include "base/json.h"
#include "base/leaks.h"
#include "clock/clock.h"
#include "pipeline/thread_priority.h"

namespace pdc {
namespace {

FramePolicy::Settings policy_settings(const PipelineOptions& o, double fps) {
  return {fps, o.capture.min_update_interval_100ns / 10, o.capture.drop_window_ms * int64_t{1000},
          static_cast<size_t>(o.capture.drop_min_events)};
}

}  // namespace

Pipeline::Pipeline(int64_t handle, const PipelineOptions& options, EventQueue& events)
    : Pipeline(handle, options, events,
               PipelineParts{open_source(options.source, options.capture, options.encoder.fps), nullptr}) {}

Pipeline::Pipeline(int64_t handle, const PipelineOptions& options, EventQueue& events, PipelineParts parts)
    : handle_(handle),
      options_(options),
      events_(events),
      announcer_(events, handle),
      source_(std::move(parts.source)),
      bitrate_bps_(options.encoder.bitrate_bps),
      fps_(options.encoder.fps),
      open_encoder_(std::move(parts.open_encoder)),
      make_converter_(std::move(parts.make_converter)),
      converter_(make_converter_()),
      encoder_(std::move(parts.encoder)),
      source_fault_(events, handle, "source"),
      converter_fault_(events, handle, "converter"),
      encoder_fault_(events, handle, "encoder"),
      sink_fault_(events, handle, "sink"),
      cursor_fault_(events, handle, "cursor") {
  size_ = encoded_size(source_->size(), scale_);
  if (!encoder_) {
    // Its threads inherit the priority of the one that opens it.
    const ThreadPriority priority(options.capture.mmcss, options.capture.mmcss_priority);
    encoder_ = open_encoder_(options_.encoder.kind,
                             {size_, fps_, bitrate_bps_, options_.encoder.threads, options_.encoder.quality});
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
  if (running_here_ == this) {
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

}  // namespace pdc
