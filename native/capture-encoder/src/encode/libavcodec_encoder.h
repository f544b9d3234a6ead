// libx264 through libavcodec.
#pragma once

#include "encode/encoder.h"

namespace pdc {

/* Throws Error(PD_ERR_UNAVAILABLE). */
std::unique_ptr<Encoder> open_libavcodec_encoder(const EncoderSettings& settings);
/* "" if it works here, else why not. */
std::string libavcodec_problem();
std::string libavcodec_version();

}  // namespace pdc
