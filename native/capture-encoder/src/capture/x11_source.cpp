#include "capture/x11_source.h"

#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xcb/composite.h>

#include <vector>

#include "base/error.h"
#include "capture/x11_windows.h"
#include "clock/clock.h"

namespace pdc {
namespace {

constexpr int kSmallest = 16; /* pixels; x264 wants at least one macroblock */

/* A request's failure as an exception. */
void check(const X11Connection& x, xcb_void_cookie_t cookie, const char* what) {
  const XReply<xcb_generic_error_t> error(xcb_request_check(x.get(), cookie));
  if (error) {
    throw Error(PD_ERR_UNAVAILABLE, std::string(what) + ": the X server refused (error " +
                                        std::to_string(error->error_code) + ")");
  }
}

}  // namespace

SharedMemory::SharedMemory(const X11Connection& x, size_t bytes) : x_(x), bytes_(bytes) {
  // A descriptor, not a System V segment: nothing is left behind when the process is killed.
  const int fd = memfd_create("peerdeck-capture", MFD_CLOEXEC);
  if (fd < 0 || ftruncate(fd, static_cast<off_t>(bytes)) != 0) {
    if (fd >= 0) close(fd);
    throw Error(PD_ERR_UNAVAILABLE, "no memory to share with the X server");
  }
  void* mapped = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) {
    close(fd);
    throw Error(PD_ERR_UNAVAILABLE, "no memory to share with the X server");
  }
  data_ = static_cast<uint8_t*>(mapped);
  segment_ = xcb_generate_id(x.get());
  // XCB closes the descriptor once it is sent.
  const XReply<xcb_generic_error_t> error(
      xcb_request_check(x.get(), xcb_shm_attach_fd_checked(x.get(), segment_, fd, 0)));
  if (error || x.lost()) {
    munmap(data_, bytes);
    throw Error(PD_ERR_UNAVAILABLE,
                "the X server cannot share memory with this process; it must run on this machine");
  }
}

SharedMemory::~SharedMemory() {
  xcb_shm_detach(x_.get(), segment_);
  munmap(data_, bytes_);
}

X11Source::X11Source(const SourceOptions& source, const CaptureOptions& capture)
    : x_(source.display), wants_cursor_(capture.cursor == "separate") {
  x_.require(&xcb_shm_id, "MIT-SHM");
  damage_event_ = x_.require(&xcb_damage_id, "DAMAGE");
  fixes_event_ = x_.require(&xcb_xfixes_id, "XFIXES");
  if (capture.cursor == "embedded") {
    throw Error(PD_ERR_UNSUPPORTED,
                "capture.cursor: 'embedded' is not built for x11; use 'separate' or 'none'");
  }
  // Both want to be asked for their version before anything else.
  const auto damage_cookie = xcb_damage_query_version(x_.get(), 1, 1);
  const auto fixes_cookie = xcb_xfixes_query_version(x_.get(), 5, 0);
  const XReply<xcb_damage_query_version_reply_t> damage_version(
      xcb_damage_query_version_reply(x_.get(), damage_cookie, nullptr));
  const XReply<xcb_xfixes_query_version_reply_t> fixes_version(
      xcb_xfixes_query_version_reply(x_.get(), fixes_cookie, nullptr));
  if (!damage_version || !fixes_version || fixes_version->major_version < 2) {
    throw Error(PD_ERR_UNAVAILABLE,
                "the X server's DAMAGE or XFIXES extension is too old (XFIXES 2 is needed)");
  }

  is_window_ = !source.window.empty() || !source.process.empty();
  target_ = !source.window.empty()    ? find_window_by_id(x_, source.window)
            : !source.process.empty() ? find_window_by_process(x_, source.process)
                                      : x_.root();
  const uint32_t mask = XCB_EVENT_MASK_STRUCTURE_NOTIFY;
  check(x_, xcb_change_window_attributes_checked(x_.get(), target_, XCB_CW_EVENT_MASK, &mask),
        "watching the window");
  if (is_window_) {
    x_.require(&xcb_composite_id, "Composite");
    const auto cookie = xcb_composite_query_version(x_.get(), 0, 4);
    const XReply<xcb_composite_query_version_reply_t> version(
        xcb_composite_query_version_reply(x_.get(), cookie, nullptr));
    // The window then has a pixmap of its own, which nothing in front of it can cover or leak into.
    check(x_, xcb_composite_redirect_window_checked(x_.get(), target_, XCB_COMPOSITE_REDIRECT_AUTOMATIC),
          "capturing the window");
    if (source.resize) resize_window(source.width, source.height);
  }
  damage_ = xcb_generate_id(x_.get());
  check(x_, xcb_damage_create_checked(x_.get(), damage_, target_, XCB_DAMAGE_REPORT_LEVEL_NON_EMPTY),
        "watching for damage");
  region_ = xcb_generate_id(x_.get());
  xcb_xfixes_create_region(x_.get(), region_, 0, nullptr);
  if (wants_cursor_) {
    xcb_xfixes_select_cursor_input(x_.get(), x_.root(), XCB_XFIXES_CURSOR_NOTIFY_MASK_DISPLAY_CURSOR);
  }
  if (!refresh_target()) {
    throw Error(PD_ERR_UNAVAILABLE,
                "the window is hidden, or smaller than 16 x 16 pixels; show it, then capture it");
  }
}

X11Source::~X11Source() = default;  // the server frees what a closed connection had

void X11Source::resize_window(int width, int height) {
  const uint32_t values[] = {static_cast<uint32_t>(width), static_cast<uint32_t>(height)};
  xcb_configure_window(x_.get(), target_, XCB_CONFIG_WINDOW_WIDTH | XCB_CONFIG_WINDOW_HEIGHT, values);
  xcb_flush(x_.get());
  // A window manager takes its time; what comes later arrives as a resize event.
  const int64_t deadline = now_us() + 200000;
  while (true) {
    const Rect area = window_area(x_, target_);
    const int64_t left = deadline - now_us();
    if ((area.width == width && area.height == height) || left <= 0 || x_.lost()) return;
    pollfd item{xcb_get_file_descriptor(x_.get()), POLLIN, 0};
    poll(&item, 1, static_cast<int>(left / 1000) + 1);
    while (XReply<xcb_generic_event_t>(xcb_poll_for_event(x_.get()))) {
    }
  }
}

bool X11Source::refresh_target() {
  if (is_window_ && drawable_ != 0) xcb_free_pixmap(x_.get(), drawable_);
  drawable_ = 0;
  const auto attributes_cookie = xcb_get_window_attributes(x_.get(), target_);
  const auto geometry_cookie = xcb_get_geometry(x_.get(), target_);
  const XReply<xcb_get_window_attributes_reply_t> attributes(
      xcb_get_window_attributes_reply(x_.get(), attributes_cookie, nullptr));
  const XReply<xcb_get_geometry_reply_t> geometry(xcb_get_geometry_reply(x_.get(), geometry_cookie, nullptr));
  if (!attributes || !geometry || attributes->map_state != XCB_MAP_STATE_VIEWABLE) return false;
  if (geometry->depth != 24 && geometry->depth != 32) {
    throw Error(PD_ERR_UNAVAILABLE, "the screen has " + std::to_string(geometry->depth) +
                                        " bits of colour; 24 are needed (Xvfb: -screen 0 1280x720x24)");
  }
  const Rect area = window_area(x_, target_);
  const Size size{geometry->width & ~1, geometry->height & ~1};
  if (area.empty() || size.width < kSmallest || size.height < kSmallest) return false;
  if (is_window_) {
    const xcb_pixmap_t pixmap = xcb_generate_id(x_.get());
    const XReply<xcb_generic_error_t> error(
        xcb_request_check(x_.get(), xcb_composite_name_window_pixmap_checked(x_.get(), target_, pixmap)));
    if (error) return false;
    drawable_ = pixmap;
    border_ = geometry->border_width;
  } else {
    drawable_ = target_;
  }
  size_ = size;
  const size_t bytes = static_cast<size_t>(size.width) * static_cast<size_t>(size.height) * 4;
  if (!memory_ || memory_->size() < bytes) {
    memory_.reset();
    memory_ = std::make_unique<SharedMemory>(x_, bytes);
  }
  {
    const std::lock_guard lock(placement_mutex_);
    placement_ = {area.x, area.y, size.width, size.height};
  }
  whole_next_ = true;
  return true;
}

Rect X11Source::placement() const {
  const std::lock_guard lock(placement_mutex_);
  return placement_;
}

uint32_t X11Source::handle(const xcb_generic_event_t& event) {
  const uint8_t type = event.response_type & 0x7f;
  if (type == damage_event_ + XCB_DAMAGE_NOTIFY) return kSourceChanged;
  if (type == fixes_event_ + XCB_XFIXES_CURSOR_NOTIFY) return kSourceCursor;
  switch (type) {
    case XCB_CONFIGURE_NOTIFY: {
      const auto& e = reinterpret_cast<const xcb_configure_notify_event_t&>(event);
      if (e.window != target_) return 0;
      if ((e.width & ~1) != size_.width || (e.height & ~1) != size_.height || e.border_width != border_) {
        const Size before = size_;
        if (!refresh_target()) return 0;
        return kSourceChanged | (size_ == before ? 0u : static_cast<uint32_t>(kSourceResized));
      }
      const Rect area = window_area(x_, target_);
      const std::lock_guard lock(placement_mutex_);
      placement_.x = area.x;
      placement_.y = area.y;
      return 0;
    }
    case XCB_MAP_NOTIFY: {
      const Size before = size_;
      if (!is_window_ || !refresh_target()) return 0;
      return kSourceChanged | (size_ == before ? 0u : static_cast<uint32_t>(kSourceResized));
    }
    case XCB_UNMAP_NOTIFY:
      if (is_window_ && drawable_ != 0) {
        xcb_free_pixmap(x_.get(), drawable_);
        drawable_ = 0;
      }
      return 0;
    case XCB_DESTROY_NOTIFY:
      if (reinterpret_cast<const xcb_destroy_notify_event_t&>(event).window != target_) return 0;
      reason_ = "the window was closed";
      drawable_ = 0;
      return kSourceEnded;
    default:
      return 0;  // errors of unchecked requests come as type 0; a window that vanishes causes them
  }
}

uint32_t X11Source::drain() {
  uint32_t happened = 0;
  while (const XReply<xcb_generic_event_t> event{xcb_poll_for_event(x_.get())}) happened |= handle(*event);
  if (x_.lost()) {
    reason_ = "the X server went away";
    happened |= kSourceLost;
  }
  return happened;
}

uint32_t X11Source::wait(Waker& waker, int64_t deadline_us) {
  uint32_t happened = drain();
  if (wants_cursor_ && cursor_first_) {
    cursor_first_ = false;
    happened |= kSourceCursor;
  }
  if (happened != 0) return happened;
  xcb_flush(x_.get());
  pollfd items[] = {{xcb_get_file_descriptor(x_.get()), POLLIN, 0}, {waker.fd(), POLLIN, 0}};
  timespec timeout{};
  const timespec* until = nullptr;
  if (deadline_us != kNever) {
    const int64_t left = std::max<int64_t>(deadline_us - now_us(), 0);
    timeout = {static_cast<time_t>(left / 1000000), static_cast<long>(left % 1000000 * 1000)};
    until = &timeout;
  }
  ppoll(items, 2, until, nullptr);
  return drain();
}

size_t X11Source::damaged_parts(std::array<Rect, Frame::kMaxParts>& rects) {
  const auto cookie = xcb_xfixes_fetch_region(x_.get(), region_);
  const XReply<xcb_xfixes_fetch_region_reply_t> reply(
      xcb_xfixes_fetch_region_reply(x_.get(), cookie, nullptr));
  if (!reply) return 0;
  const xcb_rectangle_t* found = xcb_xfixes_fetch_region_rectangles(reply.get());
  const int count = xcb_xfixes_fetch_region_rectangles_length(reply.get());
  // Two rectangles become one where that costs fewer pixels than a request costs time.
  constexpr int64_t kRequestPixels = 16384;
  size_t used = 0;
  for (int i = 0; i < count; ++i) {
    Rect rect = Rect{found[i].x, found[i].y, found[i].width, found[i].height}.evened().clipped(size_.width,
                                                                                               size_.height);
    if (rect.empty()) continue;
    size_t best = used;
    int64_t best_cost = INT64_MAX;
    for (size_t j = 0; j < used; ++j) {
      const int64_t cost = rects[j].united(rect).area() - rects[j].area() - rect.area();
      if (cost < best_cost) {
        best_cost = cost;
        best = j;
      }
    }
    if (best < used && (best_cost < kRequestPixels || used == rects.size())) {
      rects[best] = rects[best].united(rect);
    } else {
      rects[used++] = rect;
    }
  }
  // Overlaps may have made it more than the whole picture.
  int64_t total = 0;
  for (size_t i = 0; i < used; ++i) total += rects[i].area();
  if (total > static_cast<int64_t>(size_.width) * size_.height * 9 / 10) {
    rects[0] = {0, 0, size_.width, size_.height};
    used = 1;
  }
  return used;
}

bool X11Source::grab(Frame& frame, bool whole) {
  if (drawable_ == 0) return false;
  std::array<Rect, Frame::kMaxParts> rects{};
  size_t count = 1;
  // What is painted from here on is damage again, so nothing is lost between this and the pictures.
  if (whole || whole_next_) {
    xcb_damage_subtract(x_.get(), damage_, XCB_NONE, XCB_NONE);
    rects[0] = {0, 0, size_.width, size_.height};
  } else {
    xcb_damage_subtract(x_.get(), damage_, XCB_NONE, region_);
    count = damaged_parts(rects);
    if (count == 0) return false;
  }

  frame.capture_time_us = now_us();
  std::array<xcb_shm_get_image_cookie_t, Frame::kMaxParts> cookies{};
  uint32_t offset = 0;
  for (size_t i = 0; i < count; ++i) {
    const Rect& r = rects[i];
    cookies[i] = xcb_shm_get_image(x_.get(), drawable_, static_cast<int16_t>(r.x + border_),
                                   static_cast<int16_t>(r.y + border_), static_cast<uint16_t>(r.width),
                                   static_cast<uint16_t>(r.height), ~0u, XCB_IMAGE_FORMAT_Z_PIXMAP,
                                   memory_->segment(), offset);
    frame.parts[i] = {r, memory_->data() + offset, r.width * 4};
    offset += static_cast<uint32_t>(r.area() * 4);
  }
  bool complete = true;
  for (size_t i = 0; i < count; ++i) {
    xcb_generic_error_t* error = nullptr;
    const XReply<xcb_shm_get_image_reply_t> reply(xcb_shm_get_image_reply(x_.get(), cookies[i], &error));
    const XReply<xcb_generic_error_t> owned(error);
    complete = complete && reply;
  }
  if (!complete) {
    whole_next_ = true;  // the window changes under us; its event is on the way
    return false;
  }
  whole_next_ = false;
  frame.width = size_.width;
  frame.height = size_.height;
  frame.id = ++frames_;
  frame.part_count = count;
  return true;
}

CursorShape X11Source::cursor() {
  // Larger ones are cut: they must fit one message of the control channel.
  constexpr int kLargest = 96;
  CursorShape shape;
  const auto cookie = xcb_xfixes_get_cursor_image(x_.get());
  const XReply<xcb_xfixes_get_cursor_image_reply_t> reply(
      xcb_xfixes_get_cursor_image_reply(x_.get(), cookie, nullptr));
  shape.hidden = true;
  if (!reply) return shape;
  shape.serial = reply->cursor_serial;
  shape.hot_x = reply->xhot;
  shape.hot_y = reply->yhot;
  shape.width = std::min<int>(reply->width, kLargest);
  shape.height = std::min<int>(reply->height, kLargest);
  const uint32_t* pixels = xcb_xfixes_get_cursor_image_cursor_image(reply.get());
  shape.rgba.reserve(static_cast<size_t>(shape.width) * static_cast<size_t>(shape.height) * 4);
  for (int y = 0; y < shape.height; ++y) {
    for (int x = 0; x < shape.width; ++x) {
      const uint32_t pixel = pixels[y * reply->width + x];
      const uint32_t alpha = pixel >> 24;
      if (alpha != 0) shape.hidden = false;
      // The server's colours are multiplied by alpha; PNG's are not.
      for (const int shift : {16, 8, 0}) {
        const uint32_t value = pixel >> shift & 255;
        shape.rgba.push_back(static_cast<uint8_t>(alpha == 0 ? 0 : std::min(255u, value * 255 / alpha)));
      }
      shape.rgba.push_back(static_cast<uint8_t>(alpha));
    }
  }
  return shape;
}

}  // namespace pdc
