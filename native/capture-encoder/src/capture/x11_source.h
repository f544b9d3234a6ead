// An X11 screen or window. Woken by XDamage; pictures by XShm, only the damaged rectangles of them; pointer
// shapes by XFixes. Used by one thread, except placement().
#pragma once

#include <xcb/damage.h>
#include <xcb/shm.h>
#include <xcb/xfixes.h>

#include <mutex>

#include "capture/source.h"
#include "x11/x11_connection.h"

namespace pdc {

/* Memory shared with the X server. */
class SharedMemory {
 public:
  SharedMemory(const X11Connection& x, size_t bytes);
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  uint8_t* data() const { return data_; }
  size_t size() const { return bytes_; }
  xcb_shm_seg_t segment() const { return segment_; }

 private:
  const X11Connection& x_;
  size_t bytes_;
  uint8_t* data_ = nullptr;
  xcb_shm_seg_t segment_ = 0;
};

class X11Source final : public Source {
 public:
  X11Source(const SourceOptions& source, const CaptureOptions& capture);
  ~X11Source() override;

  const char* name() const override { return "x11"; }
  Size size() const override { return size_; }
  uint32_t wait(Waker& waker, int64_t deadline_us) override;
  bool grab(Frame& frame, bool whole) override;
  CursorShape cursor() override;
  Rect placement() const override;
  std::string reason() const override { return reason_; }

 private:
  uint32_t drain();
  uint32_t handle(const xcb_generic_event_t& event);
  void resize_window(int width, int height);
  /* Reads geometry, names the window's pixmap anew. False: not visible, or too small to be one. */
  bool refresh_target();
  size_t damaged_parts(std::array<Rect, Frame::kMaxParts>& rects);

  X11Connection x_;
  xcb_window_t target_ = 0;
  bool is_window_ = false;
  bool wants_cursor_;
  uint8_t damage_event_ = 0, fixes_event_ = 0;
  xcb_damage_damage_t damage_ = 0;
  xcb_xfixes_region_t region_ = 0;
  xcb_drawable_t drawable_ = 0; /* root, or the window's pixmap; 0 while hidden */
  int border_ = 0;
  Size size_;
  bool whole_next_ = true;
  bool cursor_first_ = true;
  std::string reason_;
  std::unique_ptr<SharedMemory> memory_;
  uint64_t frames_ = 0;

  mutable std::mutex placement_mutex_;
  Rect placement_;
};

}  // namespace pdc
