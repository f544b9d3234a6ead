#include "base/error.h"
#include "encode/encoder.h"
#if defined(PDC_HAVE_LIBAVCODEC)
#include "encode/libavcodec_encoder.h"
#endif
#if defined(PDC_HAVE_X264)
#include "encode/x264_encoder.h"
#endif

namespace pdc {
namespace {

struct Backend {
  const char* name;
  std::unique_ptr<Encoder> (*open)(const EncoderSettings&); /* null: not built in */
  std::string (*problem)();
};

std::string not_built_in() { return "not built into this library"; }

/* In the order in which `auto` tries them. */
constexpr Backend kBackends[] = {
#if defined(PDC_HAVE_X264)
    {"x264", open_x264_encoder, x264_problem},
#else
    {"x264", nullptr, not_built_in},
#endif
#if defined(PDC_HAVE_LIBAVCODEC)
    {"libx264", open_libavcodec_encoder, libavcodec_problem},
#else
    {"libx264", nullptr, not_built_in},
#endif
    {"nvenc", nullptr, not_built_in},
    {"amf", nullptr, not_built_in},
    {"qsv", nullptr, not_built_in},
    {"vaapi", nullptr, not_built_in},
    {"mf", nullptr, not_built_in},
};

}  // namespace

std::unique_ptr<Encoder> open_encoder(const std::string& kind, const EncoderSettings& settings) {
  std::string reasons;
  for (const Backend& backend : kBackends) {
    if (kind != "auto" && kind != backend.name) continue;
    try {
      if (backend.open == nullptr) throw Error(PD_ERR_UNAVAILABLE, backend.problem());
      return backend.open(settings);
    } catch (const Error& error) {
      reasons += (reasons.empty() ? "" : "; ") + std::string(backend.name) + ": " + error.what();
    }
  }
  throw Error(PD_ERR_UNAVAILABLE, "encoder.kind '" + kind + "': none works here (" + reasons + ")");
}

std::vector<Availability> probe_encoders() {
  std::vector<Availability> found;
  for (const Backend& backend : kBackends) {
    const std::string problem = backend.problem();
    found.push_back({backend.name, problem.empty(), problem});
  }
  return found;
}

}  // namespace pdc
