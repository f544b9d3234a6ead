#include <cstdlib>

#include "base/error.h"
#include "base/json.h"
#include "capture/source.h"
#include "capture/synthetic_source.h"
#if defined(PDC_HAVE_X11)
#include "capture/x11_source.h"
#include "capture/x11_windows.h"
#endif
#if defined(_WIN32)
#include "capture/gdi_source.h"
#endif

namespace pdc {

std::unique_ptr<Source> open_source(const SourceOptions& source, const CaptureOptions& capture, double fps) {
  const std::string& kind = source.kind;
  if (kind == "synthetic") return std::make_unique<SyntheticSource>(source, capture, fps);
#if defined(PDC_HAVE_X11)
  if (kind == "x11" || kind == "auto") return std::make_unique<X11Source>(source, capture);
#endif
#if defined(_WIN32)
  if (kind == "gdi" || kind == "auto") return std::make_unique<GdiSource>(source, capture, fps);
#endif
  throw Error(PD_ERR_UNSUPPORTED, "source.kind '" + kind + "' is not built into this library; see pdc_probe");
}

std::vector<Availability> probe_sources([[maybe_unused]] const std::string& display) {
  std::vector<Availability> found;
#if defined(PDC_HAVE_X11)
  Availability x11{"x11", true, ""};
  try {
    SourceOptions source;
    source.display = display;
    const X11Source opened(source, {});
  } catch (const Error& error) {
    x11.available = false;
    x11.reason = error.what();
  }
  found.push_back(x11);
#else
  found.push_back({"x11", false, "Linux only"});
#endif
#if defined(_WIN32)
  found.push_back({"wgc", false, "not built into this library"});
  found.push_back({"dxgi", false, "not built into this library"});
  found.push_back({"gdi", true, ""});
#else
  for (const char* name : {"wgc", "dxgi", "gdi"}) found.push_back({name, false, "Windows only"});
#endif
  found.push_back({"synthetic", true, ""});
  return found;
}

std::string list_windows([[maybe_unused]] const std::string& display) {
#if defined(PDC_HAVE_X11)
  const X11Connection x(display);
  JsonWriter json;
  json.open('{').key("windows").open('[');
  for (const WindowInfo& w : x11_windows(x)) {
    char id[16];
    std::snprintf(id, sizeof id, "0x%x", w.id);
    json.open('{')
        .field("id", std::string(id))
        .field("title", w.title)
        .field("pid", static_cast<int64_t>(w.pid));
    json.field("process", w.process).field("x", w.area.x).field("y", w.area.y);
    json.field("width", w.area.width).field("height", w.area.height).close('}');
  }
  json.close(']').close('}');
  return json.text();
#else
  throw Error(PD_ERR_UNSUPPORTED, "listing windows is not built into this library for this platform");
#endif
}

}  // namespace pdc
