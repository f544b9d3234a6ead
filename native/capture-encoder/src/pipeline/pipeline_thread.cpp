// What the thread of a pipeline does: wait, grab, convert, encode, push, and meet each part's failures.
#include <algorithm>

#include "base/error.h"
#include "base/leaks.h"
#include "clock/clock.h"
#include "convert/scaled_rect.h"
#include "pipeline/frame_hash.h"
#include "pipeline/pipeline.h"
#include "pipeline/thread_priority.h"

namespace pdc {

void Pipeline::run() {
  const Counted counted(leaks().threads);
  const ThreadPriority priority(options_.capture.mmcss, options_.capture.mmcss_priority);
  running_here_ = this;
  // Each part's failures are met where it is called; what is left over is the pipeline's own.
  Fault own(events_, handle_, "pipeline");
  if (attempt(source_fault_, [this] { source_->rest(false); })) {
    announcer_.source("running", source_->size(), "");
    apply_rate();
    announcer_.encoder("running", encoder_ ? encoder_->name() : "none", "");
  }
  while (!stopping_) {
    if (attempt(own, [this] { step(); })) own.worked();
  }
  attempt(source_fault_, [this] { source_->rest(true); });
  state_ = "stopped";
}

template <typename Body>
bool Pipeline::attempt(Fault& part, Body&& body) {
  std::string reason;
  try {
    body();
    return true;
  } catch (const std::exception& error) {
    reason = error.what();
  } catch (...) {
    reason = "unknown failure";
  }
  on_fault(part, reason);
  return false;
}

/* Everything may have changed when the part works again, and viewers may have missed a picture. */
void Pipeline::on_fault(Fault& part, const std::string& reason) {
  policy_->on_fault(part.failed(now_us(), reason));
  whole_next_ = true;
  if (part.hopeless() && &part != &sink_fault_) {
    fail("lost", std::string("the ") + part.part() + " fails again and again: " + reason);
  }
}

void Pipeline::on_encoder_fault(const std::string& reason) {
  encoder_broken_ = true;
  announcer_.encoder("failed", encoder_ ? encoder_->name() : "none", reason);
  on_fault(encoder_fault_, reason);
}

void Pipeline::step() {
  const FramePolicy::Next next = policy_->next(now_us());
  switch (next.action) {
    case FramePolicy::Action::wait:
      state_ = next.at == kNever ? "resting" : "running";
      wait(next.at);
      if (now_us() >= stats_at_) {
        announcer_.stats(stats());
        stats_at_ = now_us() + options_.stats_interval_ms * int64_t{1000};
      }
      break;
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
}

void Pipeline::wait(int64_t until) {
  const int64_t deadline = std::min({until, stats_at_, cursor_at_});
  uint32_t events = 0;
  if (source_fault_.failing() && policy_->broken(now_us())) {
    waker_.wait_until(deadline);  // its own wait may be what is broken
  } else {
    attempt(source_fault_, [&] { events = source_->wait(waker_, deadline); });
  }
  handle_wake(waker_.take());
  handle_source(events);
  if (now_us() >= cursor_at_) show_cursor();
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
    announcer_.source("resized", source_->size(), "");
  }
  if ((events & kSourceChanged) != 0) {
    const FramePolicy::Fate fate = policy_->on_changed(now_us());
    if (fate != FramePolicy::Fate::taken) {
      // Pictures in a ring would be stale when the encoder may go on; an on-demand source keeps none.
      uint64_t dropped = 1;
      attempt(source_fault_, [&] { dropped = std::max<size_t>(1, source_->discard()); });
      stats_.change([&](auto& c) {
        (fate == FramePolicy::Fate::congested ? c.congested_skips : c.backpressure_skips) += dropped;
      });
    }
  }
  if ((events & kSourceCursor) != 0) show_cursor();
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
  if (wanted != size_) {
    reopen_encoder();
  } else if (!encoder_broken_) {
    try {
      encoder_->set_rate(bitrate, fps);
    } catch (const std::exception& error) {
      on_encoder_fault(error.what());
    }
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
    settings = {size_, options_.encoder.fps, bitrate_bps_, options_.encoder.threads,
                options_.encoder.quality};
  }
  encoder_.reset();
  try {
    encoder_ = open_encoder_(options_.encoder.kind, settings);
    encoder_->set_rate(settings.bitrate_bps, fps);
  } catch (const std::exception& error) {
    on_encoder_fault(error.what());
    return;
  }
  encoder_broken_ = false;
  {
    const std::lock_guard lock(mutex_);
    encoder_name_ = encoder_->name();
  }
  policy_->on_keyframe_wanted();
  policy_->on_changed(now_us());
  whole_next_ = true;
  announcer_.encoder("reopened", encoder_->name(), "");
}

void Pipeline::capture() {
  Passage passage;
  const int64_t start = now_us();
  if (!grab()) return;
  policy_->on_captured(start);
  const int64_t grabbed = now_us();
  stats_.change([this](auto& c) {
    ++c.frames_captured;
    if (frame_.id <= last_source_id_) ++c.out_of_order;
  });
  last_source_id_ = frame_.id;
  if (options_.capture.skip_unchanged) {
    const uint32_t hash = frame_hash(frame_);
    const bool same = hash == last_hash_ && !whole_next_ && !policy_->keyframe_wanted();
    last_hash_ = hash;
    if (same) {
      stats_.change([](auto& c) { ++c.unchanged; });
      return;
    }
  }
  if (!convert()) return;
  whole_next_ = false;
  ++frame_id_;
  capture_time_us_ = frame_.capture_time_us;
  passage.captured = true;
  passage.grab_us = grabbed - start;
  passage.convert_us = now_us() - grabbed;
  encode(FramePolicy::Action::capture, &frame_, passage);
}

bool Pipeline::grab() {
  bool grabbed = false;
  if (!attempt(source_fault_, [&] { grabbed = source_->grab(frame_, whole_next_); })) return false;
  if (grabbed) {
    source_fault_.worked();
  } else {
    policy_->on_nothing_to_capture();
  }
  return grabbed;
}

/* False: not this time; another picture is on its way. */
bool Pipeline::convert() {
  if (picture_.width() != frame_.width || picture_.height() != frame_.height) {
    if (!frame_.whole()) {
      whole_next_ = true;
      policy_->on_changed(now_us());
      return false;
    }
    picture_ = Picture(frame_.width, frame_.height);
  }
  const bool converted = attempt(converter_fault_, [this] {
    if (converter_fault_.failing()) converter_ = make_converter_();
    converter_->convert(frame_, picture_);
  });
  if (converted) converter_fault_.worked();
  return converted;
}

void Pipeline::encode(FramePolicy::Action action, const Frame* frame, Passage& passage) {
  if (encoder_broken_) {
    reopen_encoder();
    return;  // the next picture is a whole one
  }
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
  }
  if (frame != nullptr) {
    for (size_t i = 0; i < frame->part_count; ++i) {
      const Rect& rect = frame->parts[i].rect;
      changed[i] = input.picture == &picture_
                       ? rect
                       : scaled_rect(rect, picture_.width(), picture_.height(), size_.width, size_.height);
    }
    input.changed = changed.data();
    input.changed_count = frame->part_count;
  }
  if (input.refinement) input.changed = changed.data();  // nothing did

  EncodedUnit unit;
  const int64_t start = now_us();
  input.now_us = start;
  EncodeResult result = EncodeResult::failed;
  std::string reason;
  try {
    result = encoder_->encode(input, unit);
    if (result == EncodeResult::failed) reason = encoder_->reason();
  } catch (const std::exception& error) {
    reason = error.what();
  }
  switch (result) {
    case EncodeResult::ok:
      break;
    case EncodeResult::again:
      // The parts are in picture_ already, but the encoder has not seen them: everything may have changed.
      whole_next_ = true;
      policy_->on_backpressure(start);
      stats_.change([](auto& c) { ++c.backpressure_skips; });
      return;
    case EncodeResult::failed:
      on_encoder_fault(reason);
      return;
  }
  encoder_fault_.worked();
  const int64_t encoded = now_us();
  passage.encode_us = encoded - start;
  passage.bytes = unit.size;
  passage.keyframe = unit.keyframe;
  policy_->on_encoded(encoded, action, unit.keyframe, unit.coarse, unit.room_at, unit.refine_at);
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

  if (answer < 0) {
    on_fault(sink_fault_, "the sink answered " + std::to_string(answer));
    return;
  }
  if ((answer & PD_SINK_CLOSED) != 0) {
    sink_fault_.ended("the stream has ended");
    stopping_ = true;
    return;
  }
  sink_fault_.worked();
  if ((answer & PD_SINK_KEYFRAME_WANTED) != 0) policy_->on_keyframe_wanted();
  if ((answer & PD_SINK_CONGESTED) != 0) policy_->on_congested(passage.now_us);
  if ((answer & PD_SINK_NO_VIEWER) != 0) {
    policy_->on_no_viewer();
    source_->rest(true);
  }
}

void Pipeline::show_cursor() {
  cursor_at_ = kNever;
  try {
    announcer_.cursor(source_->cursor());
    cursor_fault_.worked();
  } catch (const std::exception& error) {
    // The picture goes on without it.
    cursor_at_ = cursor_fault_.failed(now_us(), error.what());
  }
}

void Pipeline::fail(const char* state, const std::string& reason) {
  if (lost_) return;
  lost_ = true;
  stopping_ = true;
  state_ = "stopped";
  announcer_.source(state, source_->size(), reason);
}

}  // namespace pdc
