#include "pipeline/frame_policy.h"

namespace pdc {

FramePolicy::FramePolicy(const Settings& settings)
    : limiter_(settings.fps, settings.min_spacing_us),
      drops_(settings.drop_window_us, settings.drop_min_events),
      drop_window_us_(settings.drop_window_us) {}

FramePolicy::Fate FramePolicy::on_changed(int64_t now) {
  changed_ = true;
  if (broken(now)) return Fate::broken;
  if (congested(now)) return Fate::congested;
  if (drops_.dropping(now)) return Fate::backpressure;
  return Fate::taken;
}

void FramePolicy::on_backpressure(int64_t now) {
  drops_.on_backpressure(now);
  changed_ = true;
  retry_at_ = now + 1000;
}

FramePolicy::Next FramePolicy::next(int64_t now) {
  if (resting_) return {Action::wait, kNever};
  if (broken(now)) return {Action::wait, broken_until_};
  if (congested(now)) return {Action::wait, congested_until_};
  if (drops_.dropping(now)) return {Action::wait, now + drop_window_us_ / 4};
  if (changed_) {
    const int64_t at = std::max({limiter_.ready_at(now), retry_at_, keyframe_wanted_ ? now : room_at_});
    return at <= now ? Next{Action::capture, now} : Next{Action::wait, at};
  }
  if (keyframe_wanted_ && has_picture_) {
    const int64_t at = last_keyframe_ + kKeyframeSpacingUs;
    return at <= now ? Next{Action::repeat, now} : Next{Action::wait, at};
  }
  if (!refining()) return {Action::wait, kNever};
  return refine_at_ <= now ? Next{Action::refine, now} : Next{Action::wait, refine_at_};
}

void FramePolicy::on_captured(int64_t now) {
  changed_ = false;
  limiter_.take(now);
}

void FramePolicy::on_encoded(int64_t now, Action action, bool keyframe, int64_t coarse, int64_t room_at,
                             int64_t refine_at) {
  has_picture_ = true;
  room_at_ = room_at;
  if (keyframe) {
    keyframe_wanted_ = false;
    last_keyframe_ = now;
  }
  // What is new, and a repeated key frame, which is coarse again, start the sharpening anew.
  useless_ = action == Action::refine && coarse >= coarse_ ? useless_ + 1 : 0;
  coarse_ = coarse;
  refine_at_ = std::max(now + kRefineEveryUs, refine_at);
}

}  // namespace pdc
