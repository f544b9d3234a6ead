// Plays an encoder and the policy that drives it through a script, in a time of its own: what the pipeline
// does with pictures from a screen, without a screen, a thread or a wait. A decoder follows.
#pragma once

#include <memory>
#include <vector>

#include "encode/encoder.h"
#include "pipeline/frame_policy.h"
#include "support/decoder.h"

namespace pdc::test {

struct Sent {
  int64_t at_us = 0;
  int64_t bits = 0;
  bool keyframe = false, refinement = false;
  int qp = 0;
  int64_t encode_us = 0; /* real time */
};

class RateRun {
 public:
  /* The picture is the script's to change. */
  RateRun(const Picture& picture, EncoderSettings settings, const std::string& kind = "x264");

  int64_t now() const { return now_; }
  /* This much of the picture is new. */
  void change(const Rect& rect);
  void change_all() { change({0, 0, picture_.width(), picture_.height()}); }
  void want_keyframe() { policy_.on_keyframe_wanted(); }
  void set_rate(uint64_t bitrate_bps, double fps);
  /* Lets time pass. */
  void run(int64_t us);

  const std::vector<Sent>& sent() const { return sent_; }
  /* A frame's worth: what the rate gives each picture, bits. */
  double frame_bits() const { return bitrate_ / fps_; }
  /* Of everything sent from the picture `from` on, to now. */
  int64_t bits_since(size_t from) const;
  int64_t largest_since(size_t from) const;
  /* Bits that wait in front of a link of the bitrate, now and at the most so far. */
  double queued() const { return queued_; }
  double most_queued() const { return most_queued_; }
  void forget_most_queued() { most_queued_ = queued_; }
  /* Of the decoded picture against the script's, luma, dB; 99 if they are equal. */
  double psnr() const;
  double psnr(const Rect& part) const;

 private:
  void encode(FramePolicy::Action action);
  void pass_to(int64_t at);

  const Picture& picture_;
  std::unique_ptr<Encoder> encoder_;
  FramePolicy policy_;
  Decoder decoder_;
  double bitrate_, fps_;
  int64_t now_ = 1000000;
  double queued_ = 0, most_queued_ = 0;
  std::vector<Rect> changed_;
  std::vector<Sent> sent_;
};

}  // namespace pdc::test
