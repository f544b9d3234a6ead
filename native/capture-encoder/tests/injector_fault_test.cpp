// An injector whose backend fails, once and for a while: input goes on, nothing stays held, and it is told.
#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "clock/clock.h"
#include "inject/recorder_injector.h"
#include "inject/renewing_injector.h"
#include "support/faulty_parts.h"
#include "support/x_client.h"
#include "support/xvfb.h"

namespace pdc {
namespace {

using test::eventually;
using test::Faults;

pd_input_event key(uint16_t usage, uint8_t down) { return {PD_INPUT_KEY, down, usage, 0, 0}; }

class FaultyInjector final : public Injector {
 public:
  FaultyInjector(RecorderInjector& real, Faults& faults) : real_(real), faults_(faults) {}
  const char* name() const override { return "faulty"; }
  void inject(std::span<const pd_input_event> events, const Rect& area) override {
    if (faults_.due()) throw Error(PD_ERR_UNAVAILABLE, "it is gone");
    real_.inject(events, area);
  }
  void text(std::string_view utf8) override { real_.text(utf8); }
  int release_all() override {
    const int count = real_.release_all();
    released += count;
    return count;
  }
  void hold(std::span<const pd_input_event> events) override { real_.hold(events); }
  static inline int released = 0;

 private:
  RecorderInjector& real_;
  Faults& faults_;
};

TEST(InjectorFault, InputGoesOnAfterOneFaultAndAfterFive) {
  Faults faults;
  EventQueue events;
  RecorderInjector recorder;  // stands for the display: outlives the connections to it
  RenewingInjector injector([&] { return std::make_unique<FaultyInjector>(recorder, faults); }, events, 7);
  const auto send = [&](pd_input_event event) {
    try {
      injector.inject({&event, 1}, {});
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), PD_ERR_UNAVAILABLE);
    }
  };
  for (const int times : {1, 5}) {
    send(key(0x04, 1));
    FaultyInjector::released = 0;
    const int before = faults.failed();
    faults.fail(times);
    const int64_t start = now_us();
    EXPECT_TRUE(eventually([&] {
      send(key(0x05, 1));
      return !recorder.events().empty() && recorder.events().back().code == 0x05;
    }));
    std::printf("fault: injector, %d in a row: %.1f ms\n", times,
                static_cast<double>(now_us() - start) / 1000);
    EXPECT_EQ(faults.failed() - before, times);
    EXPECT_EQ(FaultyInjector::released, 1);  // the key that was down when it failed
    send(key(0x05, 0));
  }
  std::vector<uint8_t> buffer(1 << 16);
  const int32_t used = events.poll(buffer.data(), 1 << 16, 0);
  const std::string text(reinterpret_cast<const char*>(buffer.data()), static_cast<size_t>(used));
  EXPECT_NE(text.find(R"({"part":"injector","state":"failing")"), std::string::npos);
  EXPECT_NE(text.find(R"({"part":"injector","state":"recovered")"), std::string::npos);
}

std::set<int> sockets() {
  std::set<int> found;
  DIR* folder = opendir("/proc/self/fd");
  while (const dirent* entry = readdir(folder)) {
    const int fd = std::atoi(entry->d_name);
    int type = 0;
    socklen_t size = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0) found.insert(fd);
  }
  closedir(folder);
  return found;
}

/* The X server stays, its connection goes: keys work again, and the one that was down does not stay so. */
TEST(InjectorFault, AConnectionToTheDisplayThatIsCutIsMadeAnew) {
  const std::string& display = test::Xvfb::shared().display();
  test::XClient client(display, {0, 0, 400, 300}, 0);
  client.focus();
  EventQueue events;
  const std::set<int> before = sockets();
  RenewingInjector injector([&] { return open_injector("xtest", display); }, events, 7);
  const auto next_key = [&] {
    while (const auto event = client.next_event())
      if (event->type == XCB_KEY_PRESS || event->type == XCB_KEY_RELEASE) return *event;
    ADD_FAILURE() << "no key";
    return test::XEvent{};
  };
  const pd_input_event shift = key(0xe1, 1), a[] = {key(0x04, 1), key(0x04, 0)};
  injector.inject({&shift, 1}, {});
  EXPECT_EQ(next_key().keysym, 0xffe1u);
  for (const int fd : sockets())
    if (before.count(fd) == 0) shutdown(fd, SHUT_RDWR);
  injector.inject(a, {});
  const test::XEvent up = next_key(), press = next_key(), release = next_key();
  EXPECT_EQ(up.type, XCB_KEY_RELEASE);
  EXPECT_EQ(up.keysym, 0xffe1u);
  EXPECT_EQ(press.type, XCB_KEY_PRESS);
  EXPECT_EQ(press.keysym, uint32_t{'a'});
  EXPECT_EQ(release.type, XCB_KEY_RELEASE);
}

}  // namespace
}  // namespace pdc
