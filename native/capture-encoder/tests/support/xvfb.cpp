#include "support/xvfb.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>

namespace pdc::test {

Xvfb::Xvfb(int width, int height) {
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("pipe failed");
  const std::string screen = std::to_string(width) + "x" + std::to_string(height) + "x24";
  const std::string number_fd = std::to_string(ends[1]);
  const char* arguments[] = {"Xvfb",      "-displayfd", number_fd.c_str(), "-screen", "0", screen.c_str(),
                             "-nolisten", "tcp",        "-noreset",        nullptr};
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(ends[0]);
    const int nothing = open("/dev/null", O_RDWR);
    dup2(nothing, 1);
    dup2(nothing, 2);
    execvp(arguments[0], const_cast<char* const*>(arguments));
    _exit(127);
  }
  close(ends[1]);
  char text[16] = {};
  size_t got = 0;
  pollfd item{ends[0], POLLIN, 0};
  while (got + 1 < sizeof text && (got == 0 || text[got - 1] != '\n') && poll(&item, 1, 30000) == 1) {
    const ssize_t count = read(ends[0], text + got, sizeof text - 1 - got);
    if (count <= 0) break;
    got += static_cast<size_t>(count);
  }
  close(ends[0]);
  if (got == 0) {
    kill_now();
    throw std::runtime_error("Xvfb does not start; is it installed (Debian: xvfb)?");
  }
  display_.push_back(':');
  display_.append(text, got - 1);
}

Xvfb::~Xvfb() {
  if (pid_ <= 0) return;
  kill(pid_, SIGTERM);
  waitpid(pid_, nullptr, 0);
}

void Xvfb::kill_now() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

Xvfb& Xvfb::shared() {
  static Xvfb server;
  return server;
}

}  // namespace pdc::test
