// Chooses a quantiser for each picture, so that what is sent fits the link and no picture waits long behind
// another. Pure: time comes in as a parameter. One thread.
//
// x264's own rate control looks at each picture twice: first a small copy of it, to guess its cost. That is
// a quarter to two fifths of its time. Here the guess comes from what the last pictures cost, from how much
// of the screen changed, and, where that says nothing (the first picture, a window that opens), from how
// busy the new content looks. A picture's cost is a fixed part and one for each macroblock; the latter is
// learned apart for the few macroblocks of a typed letter, which are all new, and for the many of a window
// that scrolls, which have only moved.
//
// The link is modelled as a bucket that drains at the bitrate in real time; `backlog` is what is in it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "encode/cost_curve.h"
#include "encode/rate_plan.h"

namespace pdc {

class RateControl {
 public:
  enum class Kind { key, delta, refinement };
  struct Plan {
    Kind kind = Kind::delta;
    int64_t now_us = 0;
    int blocks = 0; /* macroblocks that changed; of a key frame: all */
    /* Of a refinement, or what a delta takes along of one: its work (ScreenMap::work). */
    double refined = 0;
  };

  /* all_blocks: macroblocks of the whole picture. */
  RateControl(uint64_t bitrate_bps, double fps, int all_blocks, int finest_qp = finest_for(kQuality));
  void set_rate(uint64_t bitrate_bps, double fps);

  /* True if so few changed that it is no motion. */
  bool small(const Plan& plan) const { return plan.blocks <= small_blocks_; }
  /* True if choose() wants to know how busy the changed part looks. */
  bool wants_activity(const Plan& plan) const;
  /* The quantiser for a key frame or a delta; of a key frame also those beyond 51 (CostCurve). activity: mean
     of the luma steps between neighbours in the changed part, 0..255; ignored unless wanted. moved: the share
     of it that is on the screen already, or so near that the encoder will find it. */
  int choose(const Plan& plan, double activity, double moved = 0);
  /* True if this key frame is too large to be sent, and a coarser one is possible: choose() again. */
  bool refuses(const Plan& plan, int qp, int64_t bits);
  /* What was sent. screen_qp: the coarsest quantiser that is on the screen now. */
  void on_encoded(const Plan& plan, int qp, int64_t bits, int screen_qp);

  /* Bits that a refinement may have now. */
  double refinement_room(int64_t now_us);
  /* Bits of this delta's share that it will probably leave at this quantiser. */
  double spare(const Plan& plan, int qp) const;
  /* Bits that a motion leaves for what is coarse beside it: some always, and what the link did not use since
     the picture before. */
  double beside() const {
    const double frame = bitrate_ / fps_;
    return std::clamp(idle_, frame * 0.15, frame * 0.5);
  }
  /* Probable bits of macroblocks that are coded again, for each unit of work. What was cheap at last does not
     tell that what comes will be. */
  double refinement_cost(int qp) const { return std::max(refinement_.bits(qp), kText.bits(qp) / 2); }
  double bitrate() const { return bitrate_; }

  /* Before this time the next picture, unless it is a key frame, would only add to the backlog. */
  int64_t room_at() const;
  /* The same for a refinement, which can wait until the link is nearly idle and the picture at rest. */
  int64_t refine_at() const;
  double backlog_bits() const { return backlog_; }

 private:
  /* Measured on pages of small text. */
  static inline const CostCurve kText{37, 10.5, 5.9};

  void drain(int64_t now_us);
  double recent_blocks(int64_t now_us) const;
  double target_bits(const Plan& plan) const;
  double predicted_bits(const Plan& plan, int qp) const;
  int64_t when_backlog_is(double seconds) const;
  const int all_blocks_, small_blocks_;
  const int finest_qp_, easy_qp_;
  double bitrate_ = 0, fps_ = 60;
  double backlog_ = 0; /* bits */
  double idle_ = 0;    /* bits that the link could have carried beside, in the time that passed last */
  int64_t drained_at_ = INT64_MIN, last_at_ = INT64_MIN;
  int64_t rested_at_ = INT64_MIN; /* when a picture that moved may be sharpened */
  double fixed_ = 400;            /* bits of a picture in which nothing changed */
  /* Of a macroblock: where few changed, and where many did, which then are mostly as they were but moved. */
  CostCurve few_{600, 8, 8}, many_{60, 6, 6};
  /* Of new content for each unit of activity, and of what is coded again for each unit of work. */
  CostCurve intra_ = kText, refinement_ = kText;
  double activity_ = 0, moved_ = 0; /* of what choose() saw last */
  double recent_blocks_ = 0;        /* as of last_at_; forgotten within a second */
  int last_qp_ = 51;                /* of what is large */
};

}  // namespace pdc
