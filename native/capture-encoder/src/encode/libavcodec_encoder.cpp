#include "encode/libavcodec_encoder.h"

#include <array>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>
}

#include "base/error.h"
#include "encode/rate_plan.h"

namespace pdc {
namespace {

/* Up to here a picture that rests is sharpened: this backend codes the whole of it each time. */
constexpr int kGoodQp = 18;

std::string av_text(int code) {
  char buffer[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(code, buffer, sizeof buffer);
  return buffer;
}

struct ContextDeleter {
  void operator()(AVCodecContext* c) const { avcodec_free_context(&c); }
};
struct FrameDeleter {
  void operator()(AVFrame* f) const { av_frame_free(&f); }
};
struct PacketDeleter {
  void operator()(AVPacket* p) const { av_packet_free(&p); }
};

class LibavcodecEncoder final : public Encoder {
 public:
  explicit LibavcodecEncoder(const EncoderSettings& settings)
      : opened_fps_(settings.fps), finest_qp_(finest_for(settings.quality)) {
    // x264 prints its life story to stderr otherwise.
    av_log_set_level(AV_LOG_ERROR);
    const AVCodec* codec = avcodec_find_encoder_by_name("libx264");
    if (codec == nullptr) throw Error(PD_ERR_UNAVAILABLE, libavcodec_problem());
    context_.reset(avcodec_alloc_context3(codec));
    frame_.reset(av_frame_alloc());
    packet_.reset(av_packet_alloc());
    if (!context_ || !frame_ || !packet_) throw Error(PD_ERR_INTERNAL, "libx264: out of memory");
    AVCodecContext* c = context_.get();
    c->width = settings.size.width;
    c->height = settings.size.height;
    c->pix_fmt = AV_PIX_FMT_NV12;
    c->framerate = av_d2q(settings.fps, 1000);
    c->time_base = av_inv_q(c->framerate);  // one tick per picture: pts counts pictures
    c->gop_size = -1;
    c->max_b_frames = 0;
    c->refs = 1;
    c->thread_count = slice_threads(settings);
    c->thread_type = FF_THREAD_SLICE;
    c->colorspace = AVCOL_SPC_SMPTE170M;
    c->color_primaries = AVCOL_PRI_BT709;
    c->color_trc = AVCOL_TRC_BT709;
    c->color_range = AVCOL_RANGE_MPEG;
    set_rate(settings.bitrate_bps, settings.fps);
    av_opt_set(c->priv_data, "preset", "ultrafast", 0);
    av_opt_set(c->priv_data, "tune", "zerolatency", 0);
    av_opt_set(c->priv_data, "profile", "baseline", 0);
    av_opt_set_int(c->priv_data, "forced-idr", 1, 0);
    av_opt_set_double(c->priv_data, "crf", std::max(kEasyQp, finest_qp_), 0);
    c->qmin = finest_qp_;
    c->max_qdiff = kQpStep;
    // keyint=infinite: IDR on demand only. force-cfr=1: without it x264 keeps one picture back to learn its
    // duration, though `delay` says 0.
    av_opt_set(
        c->priv_data, "x264-params",
        "keyint=infinite:min-keyint=1:scenecut=0:force-cfr=1:repeat-headers=1:annexb=1:sliced-threads=1", 0);
    const int code = avcodec_open2(c, codec, nullptr);
    if (code < 0) throw Error(PD_ERR_UNAVAILABLE, "libx264 does not open: " + av_text(code));
    frame_->format = AV_PIX_FMT_NV12;
    frame_->width = c->width;
    frame_->height = c->height;
  }

  const char* name() const override { return "libx264"; }
  std::string reason() const override { return reason_; }

  EncodeResult encode(const EncodeInput& input, EncodedUnit& unit) override {
    av_packet_unref(packet_.get());
    apply_rate(input.refinement ? kRefinementFps : fps_);
    frame_->data[0] = input.picture->y();
    frame_->data[1] = input.picture->uv();
    frame_->linesize[0] = frame_->linesize[1] = input.picture->stride();
    frame_->pts = next_pts_;
    frame_->pict_type = input.keyframe ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    int code = avcodec_send_frame(context_.get(), frame_.get());
    if (code == AVERROR(EAGAIN)) return EncodeResult::again;
    if (code >= 0) code = avcodec_receive_packet(context_.get(), packet_.get());
    if (code < 0 || packet_->pts != next_pts_) {
      reason_ = code < 0 ? "libx264: " + av_text(code) : "libx264 keeps pictures back";
      return EncodeResult::failed;
    }
    ++next_pts_;
    unit.data = packet_->data;
    unit.size = static_cast<size_t>(packet_->size);
    unit.keyframe = (packet_->flags & AV_PKT_FLAG_KEY) != 0;
    unit.droppable = false;
    size_t stats_size = 0;
    const uint8_t* stats = av_packet_get_side_data(packet_.get(), AV_PKT_DATA_QUALITY_STATS, &stats_size);
    // libavcodec/packet.h: u32le quality in units of lambda.
    unit.qp = stats_size >= 4 ? (stats[0] | stats[1] << 8 | stats[2] << 16) / FF_QP2LAMBDA : 51;
    unit.refine_at = input.refinement || input.keyframe ? 0 : input.now_us + kRestUs;
    unit.coarse = coarse(unit.qp, input.refinement && !input.keyframe);
    return EncodeResult::ok;
  }

  void set_rate(uint64_t bitrate_bps, double fps) override {
    bitrate_bps_ = bitrate_bps;
    fps_ = fps;
    apply_rate(fps);
  }

 private:
  /* A picture's quantiser is a mean, and swings with what the rate allows row by row: one good picture does
     not say that all of it is good, but some in a row do. */
  int64_t coarse(int qp, bool refinement) {
    if (!refinement) {
      for (int& each : recent_qps_) each = std::max(each, qp);  // a change may be of a small part
    }
    recent_qps_[static_cast<size_t>(next_pts_) % recent_qps_.size()] = qp;
    int64_t sum = 0;
    for (const int each : recent_qps_) sum += std::max(0, each - std::max(kGoodQp, finest_qp_));
    return sum;
  }

  /* libavcodec's wrapper compares these with x264's before each picture, and reconfigures it if they differ.
   */
  void apply_rate(double fps) {
    const int64_t bits = scaled_bitrate(bitrate_bps_, opened_fps_, fps);
    context_->rc_max_rate = bits;
    context_->rc_buffer_size = static_cast<int>(std::min<int64_t>(vbv_bits(bits, opened_fps_), INT32_MAX));
  }

  const double opened_fps_;
  const int finest_qp_;
  uint64_t bitrate_bps_ = 0;
  double fps_ = 0;
  std::unique_ptr<AVCodecContext, ContextDeleter> context_;
  std::unique_ptr<AVFrame, FrameDeleter> frame_;
  std::unique_ptr<AVPacket, PacketDeleter> packet_;
  int64_t next_pts_ = 0;
  std::array<int, 8> recent_qps_{};
  std::string reason_;
};

}  // namespace

std::unique_ptr<Encoder> open_libavcodec_encoder(const EncoderSettings& settings) {
  return std::make_unique<LibavcodecEncoder>(settings);
}

std::string libavcodec_problem() {
  return avcodec_find_encoder_by_name("libx264") != nullptr
             ? ""
             : "this libavcodec was built without libx264; install one that has it (Debian: libavcodec59)";
}

std::string libavcodec_version() {
  const unsigned v = avcodec_version();
  return std::to_string(v >> 16) + "." + std::to_string(v >> 8 & 255) + "." + std::to_string(v & 255);
}

}  // namespace pdc
