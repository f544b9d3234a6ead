// Where pictures come from. One backend per file; the factory in source_factory.cpp knows them all.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/frame.h"
#include "base/options.h"
#include "base/waker.h"

namespace pdc {

/* What a wait ended with. */
enum SourceEvent : uint32_t {
  kSourceChanged = 1u << 0, /* the picture is not the one grabbed last */
  kSourceResized = 1u << 1, /* size() is new; the next grab is whole */
  kSourceCursor = 1u << 2,  /* cursor() is new */
  kSourceLost = 1u << 3,    /* the display or device is gone; nothing more will come */
  kSourceEnded = 1u << 4    /* the captured window was closed; nothing more will come */
};

/* The bit of Waker's flags by which a source of its own clock says that a picture waits; the pipeline's
   own flags are in pipeline.cpp. */
constexpr uint32_t kWakeSource = 1u << 31;

struct Size {
  int width = 0, height = 0;
  bool operator==(const Size&) const = default;
};

/* A pointer shape. Pixels are RGBA, straight alpha. */
struct CursorShape {
  uint32_t serial = 0;
  bool hidden = false;
  int hot_x = 0, hot_y = 0, width = 0, height = 0;
  std::vector<uint8_t> rgba;
};

/* Used by one thread at a time, except placement(). Construction opens, destruction closes. */
class Source {
 public:
  virtual ~Source() = default;

  virtual const char* name() const = 0;
  /* Of the picture, both even. */
  virtual Size size() const = 0;
  /* Waits for something new, the waker, or the deadline. Returns SourceEvent bits, 0 if neither. */
  virtual uint32_t wait(Waker& waker, int64_t deadline_us) = 0;
  /* Takes what changed since the last grab, or everything. The parts stay valid until the next grab or
     wait. False: nothing to take (the window is hidden), or lost; wait() tells. */
  virtual bool grab(Frame& frame, bool whole) = 0;
  /* The newest shape, after kSourceCursor. */
  virtual CursorShape cursor() { return {}; }
  /* Where the picture lies on the screen, in pixels, for absolute pointer positions. Any thread. */
  virtual Rect placement() const { return {0, 0, size().width, size().height}; }
  /* Why it was lost or ended. */
  virtual std::string reason() const { return {}; }
  /* Throws away what waits to be grabbed. Returns how many pictures that were; 0 for on-demand sources. */
  virtual size_t discard() { return 0; }
  /* Nobody needs pictures for a while, or again. A source starts at rest. */
  virtual void rest(bool /*resting*/) {}
  /* Pictures that wait in a ring now, and those overwritten there so far. Any thread. */
  virtual size_t queue_depth() const { return 0; }
  virtual uint64_t overwritten() const { return 0; }
};

/* Opens the source that the options name; `auto` takes the first that works here. Throws Error. */
std::unique_ptr<Source> open_source(const SourceOptions& source, const CaptureOptions& capture, double fps);

/* One backend and whether it works here. */
struct Availability {
  std::string name;
  bool available = false;
  std::string reason;
};
std::vector<Availability> probe_sources(const std::string& display);

/* JSON for pdc_list_windows. */
std::string list_windows(const std::string& display);

}  // namespace pdc
