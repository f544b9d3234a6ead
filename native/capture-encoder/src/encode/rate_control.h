// Chooses a quantiser for each picture, so that what is sent fits the link and no picture waits long behind
// another. Pure: time comes in as a parameter. One thread.
//
// x264's own rate control looks at each picture twice: first a small copy of it, to guess its cost. That is
// a quarter to two fifths of its time. Here the guess comes from what the last pictures cost, from how much
// of the screen changed, and, where that says nothing (the first picture, a window that opens), from how
// busy the new content looks.
//
// The link is modelled as a bucket that drains at the bitrate in real time; `backlog` is what is in it.
#pragma once

#include <cstdint>

namespace pdc {

class RateControl {
 public:
  enum class Kind { key, delta, refinement };
  struct Plan {
    Kind kind = Kind::delta;
    int64_t now_us = 0;
    int blocks = 0; /* macroblocks that changed; of a key frame or refinement: all */
  };

  /* all_blocks: macroblocks of the whole picture. */
  RateControl(uint64_t bitrate_bps, double fps, int all_blocks);
  void set_rate(uint64_t bitrate_bps, double fps);

  /* True if plan() wants to know how busy the changed part looks. */
  bool wants_activity(const Plan& plan) const;
  /* The quantiser for this picture. activity: mean of the luma steps between neighbours in the changed
     part, 0..255; ignored unless wanted. */
  int choose(const Plan& plan, double activity);
  /* What it became. */
  void on_encoded(const Plan& plan, int qp, int64_t bits);

  /* Before this time the next picture, unless it is a key frame, would only add to the backlog. */
  int64_t room_at() const;
  /* The same for a refinement, which can wait until the link is nearly idle. */
  int64_t refine_at() const;
  /* The coarsest quantiser that is on the screen now. */
  int screen_qp() const { return screen_qp_; }
  double backlog_bits() const { return backlog_; }

 private:
  void drain(int64_t now_us);
  double recent_blocks(int64_t now_us) const;
  double target_bits(const Plan& plan) const;
  int64_t when_backlog_is(double seconds) const;

  const int all_blocks_;
  double bitrate_ = 0, fps_ = 60;
  double backlog_ = 0; /* bits */
  int64_t drained_at_ = INT64_MIN, last_at_ = INT64_MIN;
  /* Bits of a macroblock at quantiser 26: of one that is as it was but moved, and of new content for each
     unit of activity. */
  double delta_cost_ = 60, intra_cost_ = 14;
  double refinement_bits_ = 0; /* of the newest one */
  double activity_ = 0;        /* of what choose() saw last */
  double recent_blocks_ = 0;   /* as of last_at_; forgotten within a second */
  int last_qp_ = 51, screen_qp_ = 51;
};

}  // namespace pdc
