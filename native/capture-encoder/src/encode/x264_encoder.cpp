#include "encode/x264_encoder.h"

#include <cstdarg>
#include <cstring>

// x264.h wants the C names of the integer types.
#include <stdint.h>
#include <x264.h>

#include "core/error.h"
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
      : opened_fps_(settings.fps),
        across_((settings.size.width + kMacroblock - 1) / kMacroblock),
        down_((settings.size.height + kMacroblock - 1) / kMacroblock),
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
    p.rc.i_rc_method = X264_RC_CRF;
    p.rc.f_rf_constant = kQuality;
    p.rc.i_qp_min = kBestQp;
    p.rc.i_qp_step = kQpStep;
    p.analyse.b_mb_info = 1;
    bitrate_bps_ = settings.bitrate_bps;
    fps_ = applied_fps_ = settings.fps;
    plan_rate();
    if (x264_param_apply_profile(&p, "baseline") != 0)
      throw Error(PD_ERR_UNAVAILABLE, "x264 lacks the baseline profile");
    encoder_.reset(x264_encoder_open(&p));
    if (!encoder_) throw Error(PD_ERR_UNAVAILABLE, "x264 does not open with these settings");
  }

  const char* name() const override { return "x264"; }
  std::string reason() const override { return "x264 failed to encode a picture"; }

  EncodeResult encode(const EncodeInput& input, EncodedUnit& unit) override {
    const double fps = input.refinement ? kRefinementFps : fps_;
    if (fps != applied_fps_ || rate_changed_) {
      applied_fps_ = fps;
      rate_changed_ = false;
      plan_rate();
      x264_encoder_reconfig(encoder_.get(), &params_);
    }
    mark_unchanged(input);

    x264_picture_t in, out;
    x264_picture_init(&in);
    in.i_type = input.keyframe ? X264_TYPE_IDR : X264_TYPE_AUTO;
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
    unit.qp = out.i_qpplus1 - 1;
    return EncodeResult::ok;
  }

  void set_rate(uint64_t bitrate_bps, double fps) override {
    rate_changed_ = rate_changed_ || bitrate_bps != bitrate_bps_;
    bitrate_bps_ = bitrate_bps;
    fps_ = fps;
  }

 private:
  void plan_rate() {
    const int64_t bits = scaled_bitrate(bitrate_bps_, opened_fps_, applied_fps_);
    const auto kilo = [](int64_t value) {
      return static_cast<int>(std::clamp<int64_t>(value / 1000, 1, 2000000));
    };
    params_.rc.i_vbv_max_bitrate = kilo(bits);
    params_.rc.i_vbv_buffer_size = kilo(vbv_bits(bits, opened_fps_));
  }

  /* x264 skips the analysis of macroblocks that are as they were, unless it can code them better now. */
  void mark_unchanged(const EncodeInput& input) {
    if (input.changed == nullptr) {
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

  const double opened_fps_;
  const int across_, down_; /* macroblocks */
  std::vector<uint8_t> macroblocks_;
  x264_param_t params_;
  std::unique_ptr<x264_t, EncoderDeleter> encoder_;
  uint64_t bitrate_bps_ = 0;
  double fps_ = 0, applied_fps_ = 0;
  bool rate_changed_ = false;
  int64_t next_pts_ = 0;
};

}  // namespace

std::unique_ptr<Encoder> open_x264_encoder(const EncoderSettings& settings) {
  return std::make_unique<X264Encoder>(settings);
}

std::string x264_problem() { return ""; }

std::string x264_version() { return std::to_string(X264_BUILD) + " " + X264_POINTVER; }

}  // namespace pdc
