// Decides what the pipeline does next: capture, repeat the last picture as a key frame, sharpen it, or wait.
// Pure: time comes in as a parameter, and nothing is touched. One thread.
#pragma once

#include <cstdint>

#include "clock/clock.h"
#include "encode/rate_plan.h"
#include "pipeline/drop_window.h"
#include "pipeline/rate_limiter.h"

namespace pdc {

class FramePolicy {
 public:
  struct Settings {
    double fps = 60;
    int64_t min_spacing_us = 0; /* 0: chosen by the limiter */
    int64_t drop_window_us = 200000;
    size_t drop_min_events = 2;
  };
  enum class Action {
    wait, /* until Next::at, or until something happens */
    capture,
    repeat, /* the last picture once more, as a key frame */
    refine  /* the last picture once more, better */
  };
  struct Next {
    Action action;
    int64_t at; /* of wait: the deadline, maybe kNever */
  };
  /* What becomes of a change that was just seen. */
  enum class Fate { taken, congested, backpressure, broken };

  explicit FramePolicy(const Settings& settings);

  /* Things that happen. */
  Fate on_changed(int64_t now);
  void on_keyframe_wanted() { keyframe_wanted_ = true; }
  void on_viewers() { resting_ = false; }
  void on_no_viewer() { resting_ = true; }
  void on_congested(int64_t now) { congested_until_ = now + kCongestedAtMostUs; }
  void on_drained() { congested_until_ = 0; }
  /* The encoder had no room for the picture: it is tried again. */
  void on_backpressure(int64_t now);
  /* A part failed: nothing until then, and after it a whole picture that needs nothing before it. */
  void on_fault(int64_t retry_at) {
    changed_ = keyframe_wanted_ = true;
    broken_until_ = retry_at;
  }
  void set_fps(double fps) { limiter_.set_fps(fps); }

  Next next(int64_t now);

  /* How the action ended. */
  void on_captured(int64_t now);
  void on_nothing_to_capture() { changed_ = false; }
  /* coarse: how much is left to sharpen. room_at, refine_at: the encoder's wish not to get another picture,
     or refinement, before; a key frame does not wait for it. */
  void on_encoded(int64_t now, Action action, bool keyframe, int64_t coarse, int64_t room_at = 0,
                  int64_t refine_at = 0);

  bool keyframe_wanted() const { return keyframe_wanted_; }
  bool resting() const { return resting_; }
  bool congested(int64_t now) const { return now < congested_until_; }
  bool broken(int64_t now) const { return now < broken_until_; }

 private:
  /* Without word from the transport, try again after this long: a wake that got lost must not stop video. */
  static constexpr int64_t kCongestedAtMostUs = 250000;
  /* Two key frames are at least this far apart, so that a flood of requests does not fill the link. */
  static constexpr int64_t kKeyframeSpacingUs = 30000;
  /* A picture that rests is sharpened, step by step, until it is good, or that many steps in a row were of no
     use. These steps have a pace of their own: through the limiter they would run at the full rate. */
  static constexpr int64_t kRefineEveryUs = static_cast<int64_t>(1e6 / kRefinementFps);
  static constexpr int kUselessSteps = 24;

  bool refining() const { return has_picture_ && coarse_ > 0 && useless_ < kUselessSteps; }

  RateLimiter limiter_;
  DropWindow drops_;
  int64_t drop_window_us_;
  bool changed_ = true; /* the first picture is a change */
  bool keyframe_wanted_ = true;
  bool resting_ = false;
  bool has_picture_ = false;
  int64_t congested_until_ = 0, broken_until_ = 0;
  int64_t retry_at_ = 0, room_at_ = 0;
  int64_t last_keyframe_ = -kKeyframeSpacingUs;
  int64_t refine_at_ = 0;
  int64_t coarse_ = 0;
  int useless_ = 0; /* refinements in a row that did not make it less */
};

}  // namespace pdc
