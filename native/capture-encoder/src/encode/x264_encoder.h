// libx264 directly: what libavcodec has no way to say, it can be told here (which macroblocks are unchanged).
#pragma once

#include "encode/encoder.h"

namespace pdc {

/* Throws Error(PD_ERR_UNAVAILABLE). */
std::unique_ptr<Encoder> open_x264_encoder(const EncoderSettings& settings);
std::string x264_problem();
std::string x264_version();

}  // namespace pdc
