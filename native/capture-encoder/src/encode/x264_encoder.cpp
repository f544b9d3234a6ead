#include "encode/x264_encoder.h"

#include <cstdarg>
#include <cstring>

// x264.h wants the C names of the integer types.
#include <stdint.h>
#include <x264.h>

#include <algorithm>

#include "base/error.h"
#include "encode/coarsen.h"
#include "encode/rate_control.h"
#include "encode/rate_plan.h"
#include "encode/screen_map.h"

namespace pdc {
namespace {

/* To these a picture is sharpened one after the other, and at last to the sharpest: the first is the finest
   for which the whole of it takes no longer than this. Readable everywhere comes before perfect somewhere. */
constexpr int kStages[] = {24, 30, 36, 42};
constexpr double kStageS = 2.5;
/* A picture scrolls if that share of what changed is on the screen elsewhere, farther than x264's quickest
   search still finds text. */
constexpr double kScrolls = 0.7;
constexpr int kNearby = 8;
/* What is that much coarser than a stage is worth coding again. */
constexpr int kStageGain = 2;

struct EncoderDeleter {
  void operator()(x264_t* encoder) const { x264_encoder_close(encoder); }
};

class X264Encoder final : public Encoder {
 public:
  explicit X264Encoder(const EncoderSettings& settings)
      : finest_qp_(finest_for(settings.quality)),
        map_(settings.size, X264_MBINFO_CONSTANT),
        rate_(settings.bitrate_bps, settings.fps, map_.all(), finest_qp_) {
    x264_param_t& p = params_;
    if (x264_param_default_preset(&p, "ultrafast", "zerolatency") != 0) {
      throw Error(PD_ERR_UNAVAILABLE, "x264 does not know its presets");
    }
    p.pf_log = [](void*, int, const char*, va_list) {};
    p.i_log_level = X264_LOG_NONE;
    p.i_threads = slice_threads(settings);
    p.b_sliced_threads = p.i_threads > 1 ? 1 : 0;
    p.i_width = settings.size.width;
    p.i_height = settings.size.height;
    p.i_csp = X264_CSP_NV12;
    // A constant rate for x264, whatever the clock says: told of varying times, it keeps one picture back.
    p.b_vfr_input = 0;
    p.i_fps_num = static_cast<uint32_t>(settings.fps * 1000);
    p.i_fps_den = 1000;
    p.i_keyint_max = X264_KEYINT_MAX_INFINITE;
    p.i_scenecut_threshold = 0;
    p.i_frame_reference = 1;
    p.b_repeat_headers = 1;
    p.b_annexb = 1;
    p.vui.b_fullrange = 0;
    p.vui.i_colorprim = 1;  // H.273: BT.709
    p.vui.i_transfer = 1;   // BT.709
    p.vui.i_colmatrix = 6;  // BT.601
    // The quantiser of each picture is chosen here (rate_control.h), without x264's look at the whole of it.
    p.rc.i_rc_method = X264_RC_CQP;
    // x264 holds even a forced quantiser between those that I and B pictures would have here: with these
    // factors 13 and 53, so that all of ours are within.
    p.rc.i_qp_constant = 33;
    p.rc.f_ip_factor = 10;
    p.rc.f_pb_factor = 10;
    // Costs a tenth, and is worth 1.5 dB in motion.
    p.b_deblocking_filter = 1;
    p.analyse.b_mb_info = 1;
    // Deblocks before it gives the unit back, not beside what comes next: its picture is read then
    // (screen_map.h).
    p.b_full_recon = 1;
    if (x264_param_apply_profile(&p, "baseline") != 0)
      throw Error(PD_ERR_UNAVAILABLE, "x264 lacks the baseline profile");
    encoder_.reset(x264_encoder_open(&p));
    if (!encoder_) throw Error(PD_ERR_UNAVAILABLE, "x264 does not open with these settings");
  }

  const char* name() const override { return "x264"; }
  std::string reason() const override { return "x264 failed to encode a picture"; }

  EncodeResult encode(const EncodeInput& input, EncodedUnit& unit) override {
    map_.begin(input);
    RateControl::Plan plan;
    plan.kind = input.keyframe     ? RateControl::Kind::key
                : input.refinement ? RateControl::Kind::refinement
                                   : RateControl::Kind::delta;
    plan.now_us = input.now_us;
    plan.blocks = map_.sent();
    int qp = plan.kind == RateControl::Kind::refinement ? refine(*input.picture, plan)
                                                        : choose(*input.picture, plan);
    int bits = run(input, qp);
    while (bits > 0 && rate_.refuses(plan, qp, bits)) {
      // Another IDR takes its place, so nobody misses this one.
      qp = std::max(qp + 1, rate_.choose(plan, map_.activity(*input.picture)));
      bits = run(input, qp);
    }
    if (bits <= 0) return EncodeResult::failed;
    map_.on_encoded(qp);
    rate_.on_encoded(plan, qp, bits, map_.coarsest());
    unit.data = data_;
    unit.size = static_cast<size_t>(bits / 8);
    unit.keyframe = input.keyframe;
    unit.droppable = false;
    unit.qp = qp;
    unit.coarse = map_.coarser_than(finest_qp_);
    unit.room_at = rate_.room_at();
    unit.refine_at = rate_.refine_at();
    return EncodeResult::ok;
  }

  void set_rate(uint64_t bitrate_bps, double fps) override { rate_.set_rate(bitrate_bps, fps); }

 private:
  /* Motion of parts of a macroblock: a quarter less bits on text that scrolls, at little cost there; on a
     whole screen in motion it costs a fifth more time for a tenth less bits. */
  void use_partitions(bool use) { partitions_ = use ? X264_ANALYSE_PSUB16x16 : 0; }
  /* Where a window scrolls by more than a few pixels, as with a mouse wheel, the quick search finds nothing,
     and all of it is coded as new: twenty times the bits, which take more time than a longer search. */
  void use_search(const ScreenMap::Moved& moved) {
    far_ = moved.share >= kScrolls && moved.distance > kNearby;
  }
  void apply() {
    const int method = far_ ? X264_ME_UMH : X264_ME_DIA, range = far_ ? ScreenMap::kReach : 16;
    if (params_.analyse.inter == partitions_ && params_.analyse.i_me_method == method) return;
    params_.analyse.inter = partitions_;
    params_.analyse.i_me_method = method;
    params_.analyse.i_me_range = range;
    x264_encoder_reconfig(encoder_.get(), &params_);
  }

  int choose(const Picture& picture, RateControl::Plan& plan) {
    const bool look = rate_.wants_activity(plan);
    ScreenMap::Moved moved;
    if (plan.kind == RateControl::Kind::delta && !rate_.small(plan)) moved = map_.moved(picture, shown_);
    use_search(moved);
    const int qp = rate_.choose(plan, look ? map_.activity(picture) : 0, moved.share);
    if (plan.kind != RateControl::Kind::delta) return qp;
    // What a change leaves of its share goes to what is coarse yet beside it, at the same quantiser. Beside a
    // motion without end, which has no refinements after it, there is always something for that.
    Stage stage{qp, qp + kStageGain};
    if (rate_.small(plan)) stage = next_stage(picture);
    double spare = rate_.spare(plan, stage.qp);
    if (!rate_.small(plan)) spare = std::max(spare, rate_.beside());
    if (qp > stage.qp || spare <= 0) return qp;
    plan.refined =
        map_.add_coarse(picture, plan.now_us, stage.limit, stage.qp, spare / rate_.refinement_cost(stage.qp));
    return plan.refined > 0 ? stage.qp : qp;
  }

  int refine(const Picture& picture, RateControl::Plan& plan) {
    const Stage stage = next_stage(picture);
    plan.refined = map_.add_coarse(picture, plan.now_us, stage.limit, stage.qp,
                                   rate_.refinement_room(plan.now_us) / rate_.refinement_cost(stage.qp));
    return stage.qp;
  }

  /* To what quantiser the next macroblocks are sharpened, and how coarse they are at the least. */
  struct Stage {
    int qp, limit;
  };
  Stage next_stage(const Picture& picture) {
    const int coarsest = map_.coarsest();
    for (const int qp : kStages) {
      const int limit = qp + kStageGain;
      if (qp <= finest_qp_ || coarsest <= limit) continue;
      const double bits = map_.work(picture, limit, qp) * rate_.refinement_cost(qp);
      if (bits <= rate_.bitrate() * kStageS || qp == kStages[std::size(kStages) - 1]) return {qp, limit};
    }
    return {finest_qp_, finest_qp_};
  }

  /* Bits, which are at data_; 0 or less if it failed. */
  int run(const EncodeInput& input, int qp) {
    use_partitions(map_.sent() < map_.all() * 7 / 10);
    apply();
    const int quantiser = std::min(qp, kWorstQp);
    const Picture* picture = &map_.picture_for(quantiser, *input.picture, shown_);
    if (qp > kWorstQp) {
      if (coarse_.width() == 0) coarse_ = Picture(picture->width(), picture->height());
      coarsen(*picture, coarse_, 4 << 2 * (qp - kWorstQp - 1));
      picture = &coarse_;
    }
    x264_picture_t in, out;
    x264_picture_init(&in);
    in.i_type = input.keyframe ? X264_TYPE_IDR : X264_TYPE_AUTO;
    in.i_qpplus1 = quantiser + 1;
    in.i_pts = next_pts_++;
    in.img.i_csp = X264_CSP_NV12;
    in.img.i_plane = 2;
    in.img.plane[0] = picture->y();
    in.img.plane[1] = picture->uv();
    in.img.i_stride[0] = in.img.i_stride[1] = picture->stride();
    in.prop.mb_info = map_.marks();
    x264_nal_t* nals = nullptr;
    int count = 0;
    int bytes = x264_encoder_encode(encoder_.get(), &nals, &count, &in, &out);
    if (bytes <= 0 || out.i_pts != in.i_pts || (out.b_keyframe != 0) != input.keyframe) return 0;
    // x264 puts the NAL units of one picture behind each other. With the first one is a text about x264, of
    // the size of a small key frame: what is before it moves over it.
    data_ = nals[0].p_payload;
    for (int i = 0; i < count; ++i) {
      if (nals[i].i_type != NAL_SEI) continue;
      std::memmove(data_ + nals[i].i_payload, data_, static_cast<size_t>(nals[i].p_payload - data_));
      data_ += nals[i].i_payload;
      bytes -= nals[i].i_payload;
    }
    shown_ = {out.img.plane[0], out.img.plane[1], out.img.i_stride[0], out.img.i_stride[1]};
    return bytes * 8;
  }

  const int finest_qp_;
  ScreenMap map_;
  RateControl rate_;
  x264_param_t params_;
  std::unique_ptr<x264_t, EncoderDeleter> encoder_;
  uint8_t* data_ = nullptr;
  Decoded shown_; /* by x264, of the picture before */
  Picture coarse_;
  unsigned partitions_ = 0;
  bool far_ = false; /* whether motion is searched far */
  int64_t next_pts_ = 0;
};

}  // namespace

std::unique_ptr<Encoder> open_x264_encoder(const EncoderSettings& settings) {
  return std::make_unique<X264Encoder>(settings);
}

std::string x264_problem() { return ""; }

std::string x264_version() { return std::to_string(X264_BUILD) + " " + X264_POINTVER; }

}  // namespace pdc
