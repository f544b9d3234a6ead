#include "inject/injector.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "inject/hid_keys.h"
#include "inject/recorder_injector.h"

namespace pdc {
namespace {

TEST(HidKeys, KnownKeys) {
  EXPECT_EQ(evdev_from_usage(0x04), 30);   // A
  EXPECT_EQ(evdev_from_usage(0x1d), 44);   // Z
  EXPECT_EQ(evdev_from_usage(0x27), 11);   // 0
  EXPECT_EQ(evdev_from_usage(0x28), 28);   // Enter
  EXPECT_EQ(evdev_from_usage(0x2c), 57);   // Space
  EXPECT_EQ(evdev_from_usage(0x4f), 106);  // Right
  EXPECT_EQ(evdev_from_usage(0x58), 96);   // keypad Enter
  EXPECT_EQ(evdev_from_usage(0x64), 86);   // the key left of Z
  EXPECT_EQ(evdev_from_usage(0xe1), 42);   // left Shift
  EXPECT_EQ(evdev_from_usage(0xe7), 126);  // right Meta
}

TEST(HidKeys, UnknownAndPowerKeysAreNone) {
  for (const uint16_t usage : {0x00, 0x03, 0x66, 0xa5, 0xe8, 0x100, 0xffff})
    EXPECT_EQ(evdev_from_usage(usage), 0);
}

TEST(Injector, NamesTheFirstBadEvent) {
  const pd_input_event bad[] = {
      {PD_INPUT_KEY, 1, 0, 0, 0},        {PD_INPUT_KEY, 2, 4, 0, 0},
      {PD_INPUT_BUTTON, 1, 5, 0, 0},     {PD_INPUT_POINTER, 0, 0, 65536, 0},
      {PD_INPUT_POINTER, 0, 0, 0, -1},   {PD_INPUT_MOTION, 0, 0, 40000, 0},
      {PD_INPUT_WHEEL, 0, 0, 0, -40000}, {9, 0, 0, 0, 0},
  };
  for (const pd_input_event& event : bad) {
    const pd_input_event both[] = {{PD_INPUT_KEY, 1, 4, 0, 0}, event};
    try {
      check_events(both);
      ADD_FAILURE() << static_cast<int>(event.kind);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), PD_ERR_INVALID_ARGUMENT);
      EXPECT_EQ(std::string(error.what()).rfind("event 1: ", 0), 0u) << error.what();
    }
  }
}

TEST(Injector, WheelGathersNotches) {
  WheelAccumulator wheel;
  EXPECT_EQ(wheel.add(60), 0);
  EXPECT_EQ(wheel.add(60), 1);
  EXPECT_EQ(wheel.add(-119), 0);
  EXPECT_EQ(wheel.add(-1), -1);
  EXPECT_EQ(wheel.add(360), 3);
  EXPECT_EQ(wheel.add(100), 0);
  EXPECT_EQ(wheel.add(-100), 0);
}

TEST(Injector, PositionsReachEveryPixel) {
  EXPECT_EQ(to_pixel(0, 100, 1280), 100);
  EXPECT_EQ(to_pixel(65535, 100, 1280), 1379);
  for (int pixel = 0; pixel < 1920; ++pixel) {
    EXPECT_EQ(to_pixel((pixel * 65536 + 32768) / 1920, 0, 1920), pixel);
  }
}

TEST(Injector, RecorderKnowsWhatIsHeld) {
  RecorderInjector recorder;
  const pd_input_event events[] = {{PD_INPUT_KEY, 1, 4, 0, 0},
                                   {PD_INPUT_KEY, 1, 5, 0, 0},
                                   {PD_INPUT_KEY, 0, 4, 0, 0},
                                   {PD_INPUT_BUTTON, 1, 2, 0, 0}};
  recorder.inject(events, {});
  EXPECT_EQ(recorder.events().size(), 4u);
  EXPECT_EQ(recorder.release_all(), 2);
  EXPECT_EQ(recorder.release_all(), 0);
}

}  // namespace
}  // namespace pdc
