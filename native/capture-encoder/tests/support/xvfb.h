// An X server of the test's own, on a free display.
#pragma once

#include <sys/types.h>

#include <string>

namespace pdc::test {

class Xvfb {
 public:
  /* Waits until it accepts clients; throws std::runtime_error if it cannot start. */
  explicit Xvfb(int width = 1280, int height = 720);
  ~Xvfb();
  Xvfb(const Xvfb&) = delete;
  Xvfb& operator=(const Xvfb&) = delete;

  const std::string& display() const { return display_; } /* ":7" */
  /* As a crash does it. */
  void kill_now();

  /* One that lives as long as the test program. */
  static Xvfb& shared();

 private:
  pid_t pid_ = -1;
  std::string display_;
};

}  // namespace pdc::test
