#include "base/error.h"
#include "inject/hid_keys.h"
#include "inject/injector.h"
#include "inject/recorder_injector.h"
#if defined(PDC_HAVE_X11)
#include "inject/xtest_injector.h"
#endif
#if defined(_WIN32)
#include "inject/sendinput_injector.h"
#endif

namespace pdc {
namespace {

const char* problem_with(const pd_input_event& e) {
  const auto within = [](int value, int low, int high) { return value >= low && value <= high; };
  switch (e.kind) {
    case PD_INPUT_KEY:
      if (e.value > 1) return "value must be 0 or 1";
      return evdev_from_usage(e.code) == 0 ? "code is no key of HID usage page 7" : nullptr;
    case PD_INPUT_BUTTON:
      if (e.value > 1) return "value must be 0 or 1";
      return e.code > 4 ? "code must be 0 to 4" : nullptr;
    case PD_INPUT_POINTER:
      return within(e.x, 0, 65535) && within(e.y, 0, 65535) ? nullptr : "x and y must be 0 to 65535";
    case PD_INPUT_MOTION:
    case PD_INPUT_WHEEL:
      return within(e.x, -32768, 32767) && within(e.y, -32768, 32767) ? nullptr
                                                                      : "x and y must be -32768 to 32767";
    default:
      return "kind is none of pd_input_kind";
  }
}

}  // namespace

void check_events(std::span<const pd_input_event> events) {
  for (size_t i = 0; i < events.size(); ++i) {
    if (const char* problem = problem_with(events[i])) {
      throw Error(PD_ERR_INVALID_ARGUMENT, "event " + std::to_string(i) + ": " + problem);
    }
  }
}

std::unique_ptr<Injector> open_injector(const std::string& kind,
                                        [[maybe_unused]] const std::string& display) {
  if (kind == "recorder") return std::make_unique<RecorderInjector>();
#if defined(PDC_HAVE_X11)
  if (kind == "xtest" || kind == "auto") return open_xtest_injector(display);
#endif
#if defined(_WIN32)
  if (kind == "sendinput" || kind == "auto") return open_sendinput_injector();
#endif
  throw Error(PD_ERR_UNSUPPORTED, "kind '" + kind + "' is not built into this library; see pdc_probe");
}

std::vector<Availability> probe_injectors([[maybe_unused]] const std::string& display) {
  std::vector<Availability> found;
#if defined(PDC_HAVE_X11)
  Availability xtest{"xtest", true, ""};
  try {
    open_xtest_injector(display);
  } catch (const Error& error) {
    xtest.available = false;
    xtest.reason = error.what();
  }
  found.push_back(xtest);
#else
  found.push_back({"xtest", false, "Linux only"});
#endif
#if defined(_WIN32)
  found.push_back({"sendinput", true, ""});
#else
  found.push_back({"sendinput", false, "Windows only"});
#endif
  found.push_back({"recorder", true, ""});
  return found;
}

}  // namespace pdc
