// A source with a clock of its own: it produces whole pictures on a thread of its own into the ring, and
// the pipeline takes them from there. (On-demand sources such as X11 need no ring: what is not grabbed
// stays on the screen, and the newest picture is grabbed when the encoder has room for it.)
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/ring.h"
#include "capture/source.h"

namespace pdc {

struct RingFrame {
  std::vector<uint8_t> bgra;
  uint64_t id = 0;
  int64_t capture_time_us = 0;
};

class RingSource : public Source {
 public:
  Size size() const final { return size_; }
  uint32_t wait(Waker& waker, int64_t deadline_us) final;
  bool grab(Frame& frame, bool whole) final;
  size_t discard() final;
  void rest(bool resting) final;
  size_t queue_depth() const final { return ring_.depth(); }
  uint64_t overwritten() const final { return ring_.overwritten(); }

 protected:
  RingSource(Size size, int depth, int buffers);

  /* The producer's thread; calls produce() until stop(). The derived constructor's last and destructor's
     first act. */
  void start();
  void stop();
  /* Fills the picture. Returns when the next one is due (now_us() scale). What it throws comes out of wait(),
     and it is called again after a pause that grows to a second. */
  virtual int64_t produce(uint8_t* bgra, int stride, uint64_t id, int64_t now) = 0;

 private:
  void run();

  Size size_;
  Ring<RingFrame> ring_;
  Waker producer_;
  std::atomic<Waker*> consumer_{nullptr};
  std::atomic<bool> resting_{true};
  std::mutex failure_mutex_;
  std::string failure_; /* of produce(), until wait() has told it */
  std::thread thread_;
};

}  // namespace pdc
