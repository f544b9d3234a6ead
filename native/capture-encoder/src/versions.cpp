#include "versions.h"

#include "peerdeck_abi.h"
#if defined(PDC_HAVE_LIBAVCODEC)
#include "encode/libavcodec_encoder.h"
#endif
#if defined(PDC_HAVE_X264)
#include "encode/x264_encoder.h"
#endif
#if defined(PDC_HAVE_LIBYUV)
#include <libyuv/version.h>
#endif

namespace pdc {

std::vector<std::pair<std::string, std::string>> versions() {
  std::vector<std::pair<std::string, std::string>> all;
  all.emplace_back("abi", std::to_string(PD_ABI_VERSION));
#if defined(__VERSION__)
  all.emplace_back("compiler", __VERSION__);
#endif
#if defined(PDC_HAVE_LIBAVCODEC)
  all.emplace_back("libavcodec", libavcodec_version());
#endif
#if defined(PDC_HAVE_X264)
  all.emplace_back("x264", x264_version());
#endif
#if defined(PDC_HAVE_LIBYUV)
  all.emplace_back("libyuv", std::to_string(LIBYUV_VERSION));
#endif
  return all;
}

}  // namespace pdc
