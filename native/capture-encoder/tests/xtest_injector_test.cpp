// Input as an X client sees it.
#include "inject/xtest_injector.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "support/sink.h"
#include "support/x_client.h"
#include "support/xvfb.h"

namespace pdc {
namespace {

using test::XClient;
using test::XEvent;
using test::Xvfb;

pd_input_event key(uint16_t usage, uint8_t down) { return {PD_INPUT_KEY, down, usage, 0, 0}; }
pd_input_event button(uint16_t number, uint8_t down) { return {PD_INPUT_BUTTON, down, number, 0, 0}; }
pd_input_event at(int x, int y) { return {PD_INPUT_POINTER, 0, 0, x, y}; }
pd_input_event wheel(int x, int y) { return {PD_INPUT_WHEEL, 0, 0, x, y}; }

class Xtest : public testing::Test {
 protected:
  Xtest() : client(display, {0, 0, 1280, 720}, 0), injector(display) {
    client.focus();
    send({at(1000, 1000)});
    drain();
  }
  void send(std::initializer_list<pd_input_event> events, Rect area = {}) {
    injector.inject({events.begin(), events.size()}, area);
  }
  /* The next event that is no motion. */
  XEvent next() {
    while (const auto event = client.next_event()) {
      if (event->type != XCB_MOTION_NOTIFY) return *event;
    }
    ADD_FAILURE() << "no event";
    return {};
  }
  void drain() {
    client.sync();
    while (client.next_event(50)) {
    }
  }

  const std::string& display = Xvfb::shared().display();
  XClient client;
  XtestInjector injector;
};

TEST_F(Xtest, KeysHaveTheirKeysyms) {
  const std::pair<uint16_t, uint32_t> keys[] = {
      {0x04, 'a'},    {0x1d, 'z'},    {0x1e, '1'},    {0x28, 0xff0d}, {0x29, 0xff1b}, {0x2c, ' '},
      {0x3a, 0xffbe}, {0x4f, 0xff53}, {0x4c, 0xffff}, {0xe0, 0xffe3}, {0xe1, 0xffe1}};
  for (const auto& [usage, keysym] : keys) {
    send({key(usage, 1), key(usage, 0)});
    const XEvent down = next(), up = next();
    EXPECT_EQ(down.type, XCB_KEY_PRESS);
    EXPECT_EQ(up.type, XCB_KEY_RELEASE);
    EXPECT_EQ(down.keysym, keysym) << usage;
    EXPECT_EQ(up.keysym, keysym) << usage;
  }
}

TEST_F(Xtest, ClicksAtPlacesWithEveryButton) {
  const std::pair<int, int> places[] = {{0, 0}, {1279, 719}, {640, 360}, {17, 701}, {1203, 5}};
  const uint32_t x_buttons[] = {1, 2, 3, 8, 9};
  for (uint16_t i = 0; i < 5; ++i) {
    const auto [x, y] = places[i];
    send({at((x * 65536 + 32768) / 1280, (y * 65536 + 32768) / 720), button(i, 1), button(i, 0)});
    const XEvent down = next(), up = next();
    EXPECT_EQ(down.type, XCB_BUTTON_PRESS);
    EXPECT_EQ(up.type, XCB_BUTTON_RELEASE);
    EXPECT_EQ(down.detail, x_buttons[i]);
    EXPECT_EQ(down.x, x);
    EXPECT_EQ(down.y, y);
  }
}

TEST_F(Xtest, PositionsFollowTheCapturedArea) {
  send({at(32768, 32768), button(0, 1), button(0, 0)}, {300, 200, 320, 240});
  const XEvent down = next();
  EXPECT_EQ(down.x, 460);
  EXPECT_EQ(down.y, 320);
  next();
}

TEST_F(Xtest, RelativeMotionAddsUp) {
  send({at(32768, 32768), {PD_INPUT_MOTION, 0, 0, -40, 25}, button(0, 1), button(0, 0)});
  const XEvent down = next();
  EXPECT_EQ(down.x, 600);
  EXPECT_EQ(down.y, 385);
  next();
}

TEST_F(Xtest, WheelTurnsInNotches) {
  send({wheel(0, 120), wheel(0, -60), wheel(0, -60), wheel(240, 0), wheel(-120, 0)});
  for (const uint32_t expected : {5u, 4u, 7u, 7u, 6u}) {
    const XEvent down = next(), up = next();
    EXPECT_EQ(down.type, XCB_BUTTON_PRESS);
    EXPECT_EQ(down.detail, expected);
    EXPECT_EQ(up.detail, expected);
  }
}

TEST_F(Xtest, ReleasesWhatItHolds) {
  send({key(0x04, 1), key(0xe1, 1), key(0x04, 1), button(0, 1)});
  for (int i = 0; i < 3; ++i) next();
  EXPECT_EQ(injector.release_all(), 3);
  for (int i = 0; i < 3; ++i) {
    const uint8_t type = next().type;
    EXPECT_TRUE(type == XCB_KEY_RELEASE || type == XCB_BUTTON_RELEASE);
  }
  EXPECT_EQ(injector.release_all(), 0);
}

TEST_F(Xtest, TypesTextThatNoKeyGives) {
  const std::string text = "aé☃😀A\n";
  injector.text(text);
  for (const uint32_t keysym : {0x61u, 0xe9u, 0x01002603u, 0x0101f600u, 0x41u, 0xff0du}) {
    const XEvent down = next(), up = next();
    EXPECT_EQ(down.type, XCB_KEY_PRESS);
    EXPECT_EQ(down.keysym, keysym);
    EXPECT_EQ(up.detail, down.detail);
  }
  injector.text("\x01\x7f\xff");  // control characters: nothing; broken UTF-8: a replacement character
  EXPECT_EQ(next().keysym, 0x0100fffdu);
}

TEST(XtestServer, DyingServerIsAnError) {
  auto own = std::make_unique<Xvfb>(640, 480);
  XtestInjector injector(own->display());
  own->kill_now();
  const pd_input_event event = key(0x04, 1);
  EXPECT_TRUE(test::eventually([&] {
    try {
      injector.inject({&event, 1}, {});
    } catch (const Error& error) {
      return error.code() == PD_ERR_UNAVAILABLE;
    }
    return false;
  }));
}

}  // namespace
}  // namespace pdc
