#include "support/decoder.h"

extern "C" {
#include <libavcodec/avcodec.h>
}

#include <algorithm>
#include <cmath>
#include <cstring>

namespace pdc::test {

Decoder::Decoder()
    : context_(avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_H264))),
      frame_(av_frame_alloc()),
      packet_(av_packet_alloc()) {
  context_->thread_count = 1;
  context_->flags |= AV_CODEC_FLAG_LOW_DELAY;
  avcodec_open2(context_, nullptr, nullptr);
}

Decoder::~Decoder() {
  av_packet_free(&packet_);
  av_frame_free(&frame_);
  avcodec_free_context(&context_);
}

bool Decoder::decode(const std::vector<uint8_t>& unit) {
  av_packet_unref(packet_);
  av_new_packet(packet_, static_cast<int>(unit.size()));
  std::memcpy(packet_->data, unit.data(), unit.size());
  if (avcodec_send_packet(context_, packet_) < 0) return false;
  return avcodec_receive_frame(context_, frame_) >= 0;
}

int Decoder::width() const { return frame_->width; }
int Decoder::height() const { return frame_->height; }
int Decoder::luma(int x, int y) const { return frame_->data[0][y * frame_->linesize[0] + x]; }
int Decoder::matrix() const { return frame_->colorspace; }
int Decoder::primaries() const { return frame_->color_primaries; }
int Decoder::transfer() const { return frame_->color_trc; }
bool Decoder::full_range() const { return frame_->color_range == AVCOL_RANGE_JPEG; }
int Decoder::profile() const { return context_->profile; }
int Decoder::reorder() const { return context_->has_b_frames; }

Rgb Decoder::pixel(int x, int y) const {
  const double range = full_range() ? 255 : 219, chroma_range = full_range() ? 255 : 224;
  const double l = (luma(x, y) - (full_range() ? 0 : 16)) / range;
  const double u = (frame_->data[1][y / 2 * frame_->linesize[1] + x / 2] - 128) / chroma_range;
  const double v = (frame_->data[2][y / 2 * frame_->linesize[2] + x / 2] - 128) / chroma_range;
  const double kr = matrix() == AVCOL_SPC_BT709 ? 0.2126 : 0.299,
               kb = matrix() == AVCOL_SPC_BT709 ? 0.0722 : 0.114;
  const double r = l + 2 * (1 - kr) * v, b = l + 2 * (1 - kb) * u;
  const double g = (l - kr * r - kb * b) / (1 - kr - kb);
  const auto byte = [](double value) {
    return std::clamp(static_cast<int>(std::lround(value * 255)), 0, 255);
  };
  return {byte(r), byte(g), byte(b)};
}

std::vector<uint8_t> decode_png(const std::vector<uint8_t>& png, int& width, int& height) {
  AVCodecContext* context = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_PNG));
  AVFrame* frame = av_frame_alloc();
  AVPacket* packet = av_packet_alloc();
  std::vector<uint8_t> rgba;
  av_new_packet(packet, static_cast<int>(png.size()));
  std::memcpy(packet->data, png.data(), png.size());
  if (avcodec_open2(context, nullptr, nullptr) >= 0 && avcodec_send_packet(context, packet) >= 0 &&
      avcodec_receive_frame(context, frame) >= 0 && frame->format == AV_PIX_FMT_RGBA) {
    width = frame->width;
    height = frame->height;
    for (int y = 0; y < height; ++y) {
      const uint8_t* row = frame->data[0] + y * frame->linesize[0];
      rgba.insert(rgba.end(), row, row + width * 4);
    }
  }
  av_packet_free(&packet);
  av_frame_free(&frame);
  avcodec_free_context(&context);
  return rgba;
}

}  // namespace pdc::test
