#include "encode/x264_encoder.h"

#include <cstdarg>
#include <cstring>

// x264.h wants the C names of the integer types.
#include <stdint.h>
#include <x264.h>

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "encode/rate_control.h"
#include "encode/rate_plan.h"

namespace pdc {
namespace {

constexpr int kMacroblock = 16;

struct EncoderDeleter {
  void operator()(x264_t* encoder) const { x264_encoder_close(encoder); }
};

class X264Encoder final : public Encoder {
 public:
  explicit X264Encoder(const EncoderSettings& settings)
      : across_((settings.size.width + kMacroblock - 1) / kMacroblock),
        down_((settings.size.height + kMacroblock - 1) / kMacroblock),
        rate_(settings.bitrate_bps, settings.fps, across_ * down_),
        macroblocks_(static_cast<size_t>(across_) * static_cast<size_t>(down_)) {
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
    if (x264_param_apply_profile(&p, "baseline") != 0)
      throw Error(PD_ERR_UNAVAILABLE, "x264 lacks the baseline profile");
    encoder_.reset(x264_encoder_open(&p));
    if (!encoder_) throw Error(PD_ERR_UNAVAILABLE, "x264 does not open with these settings");
  }

  const char* name() const override { return "x264"; }
  std::string reason() const override { return "x264 failed to encode a picture"; }

  EncodeResult encode(const EncodeInput& input, EncodedUnit& unit) override {
    mark_unchanged(input);
    const int changed = input.changed == nullptr ? across_ * down_ : count_changed();
    use_partitions(changed < across_ * down_ * 7 / 10);
    RateControl::Plan plan;
    plan.kind = input.keyframe     ? RateControl::Kind::key
                : input.refinement ? RateControl::Kind::refinement
                                   : RateControl::Kind::delta;
    plan.now_us = input.now_us;
    plan.blocks = plan.kind == RateControl::Kind::delta ? changed : across_ * down_;
    const int qp = rate_.choose(plan, rate_.wants_activity(plan) ? activity(*input.picture) : 0);

    x264_picture_t in, out;
    x264_picture_init(&in);
    in.i_type = input.keyframe ? X264_TYPE_IDR : X264_TYPE_AUTO;
    in.i_qpplus1 = qp + 1;
    in.i_pts = next_pts_++;
    in.img.i_csp = X264_CSP_NV12;
    in.img.i_plane = 2;
    in.img.plane[0] = input.picture->y();
    in.img.plane[1] = input.picture->uv();
    in.img.i_stride[0] = in.img.i_stride[1] = input.picture->stride();
    in.prop.mb_info = macroblocks_.data();
    x264_nal_t* nals = nullptr;
    int count = 0;
    const int bytes = x264_encoder_encode(encoder_.get(), &nals, &count, &in, &out);
    if (bytes <= 0 || out.i_pts != in.i_pts) return EncodeResult::failed;
    // x264 puts the NAL units of one picture behind each other.
    unit.data = nals[0].p_payload;
    unit.size = static_cast<size_t>(bytes);
    unit.keyframe = out.b_keyframe != 0;
    unit.droppable = false;
    rate_.on_encoded(plan, qp, int64_t{bytes} * 8);
    unit.qp = rate_.screen_qp();
    unit.room_at = rate_.room_at();
    unit.refine_at = rate_.refine_at();
    return EncodeResult::ok;
  }

  void set_rate(uint64_t bitrate_bps, double fps) override { rate_.set_rate(bitrate_bps, fps); }

 private:
  /* Motion of parts of a macroblock: a quarter less bits on text that scrolls, at little cost there; on a
     whole screen in motion it costs a fifth more time for a tenth less bits. */
  void use_partitions(bool use) {
    const unsigned wanted = use ? X264_ANALYSE_PSUB16x16 : 0;
    if (params_.analyse.inter == wanted) return;
    params_.analyse.inter = wanted;
    x264_encoder_reconfig(encoder_.get(), &params_);
  }

  int count_changed() const {
    return static_cast<int>(std::count(macroblocks_.begin(), macroblocks_.end(), uint8_t{0}));
  }

  /* Mean luma step between neighbours in what changed, looking at every fourth row. */
  double activity(const Picture& picture) const {
    int64_t sum = 0, count = 0;
    for (int y = 0; y + 1 < picture.height(); y += 4) {
      const uint8_t* row = picture.y() + static_cast<ptrdiff_t>(y) * picture.stride();
      const uint8_t* below = row + picture.stride();
      for (int block = 0; block < picture.width() / kMacroblock; ++block) {
        if (macroblocks_[static_cast<size_t>(y / kMacroblock * across_ + block)] != 0) continue;
        int steps = 0;
        const int from = block * kMacroblock;
        for (int x = from; x < from + kMacroblock - 1; ++x) {
          steps += std::abs(row[x] - row[x + 1]) + std::abs(row[x] - below[x]);
        }
        sum += steps;
        count += 2 * (kMacroblock - 1);
      }
    }
    return count == 0 ? 0 : static_cast<double>(sum) / static_cast<double>(count);
  }

  /* x264 skips the analysis of macroblocks that are as they were, unless it can code them better now. */
  void mark_unchanged(const EncodeInput& input) {
    // A key frame is all new.
    if (input.changed == nullptr || input.keyframe) {
      std::memset(macroblocks_.data(), 0, macroblocks_.size());
      return;
    }
    std::memset(macroblocks_.data(), X264_MBINFO_CONSTANT, macroblocks_.size());
    for (size_t i = 0; i < input.changed_count; ++i) {
      const Rect& r = input.changed[i];
      const int left = r.x / kMacroblock, right = std::min((r.x + r.width - 1) / kMacroblock, across_ - 1);
      const int top = r.y / kMacroblock, bottom = std::min((r.y + r.height - 1) / kMacroblock, down_ - 1);
      for (int y = top; y <= bottom; ++y) {
        std::memset(&macroblocks_[static_cast<size_t>(y * across_ + left)], 0,
                    static_cast<size_t>(right - left + 1));
      }
    }
  }

  const int across_, down_; /* macroblocks */
  RateControl rate_;
  std::vector<uint8_t> macroblocks_; /* 0: changed; X264_MBINFO_CONSTANT: not */
  x264_param_t params_;
  std::unique_ptr<x264_t, EncoderDeleter> encoder_;
  int64_t next_pts_ = 0;
};

}  // namespace

std::unique_ptr<Encoder> open_x264_encoder(const EncoderSettings& settings) {
  return std::make_unique<X264Encoder>(settings);
}

std::string x264_problem() { return ""; }

std::string x264_version() { return std::to_string(X264_BUILD) + " " + X264_POINTVER; }

}  // namespace pdc
