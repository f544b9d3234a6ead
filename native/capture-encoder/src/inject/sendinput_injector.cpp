#include "inject/sendinput_injector.h"

#include <windows.h>

#include <bitset>

#include "base/error.h"
#include "base/text.h"
#include "inject/hid_keys.h"

namespace pdc {
namespace {

/* evdev codes up to 88 are the scan codes of set 1; these are the others. Extended ones have 0xe000. */
struct ScanCode {
  uint8_t evdev;
  uint16_t scan;
};
constexpr ScanCode kScanCodes[] = {
    {96, 0xe01c},  {97, 0xe01d},  {98, 0xe035},  {99, 0xe037},  {100, 0xe038}, {102, 0xe047}, {103, 0xe048},
    {104, 0xe049}, {105, 0xe04b}, {106, 0xe04d}, {107, 0xe04f}, {108, 0xe050}, {109, 0xe051}, {110, 0xe052},
    {111, 0xe053}, {113, 0xe020}, {114, 0xe02e}, {115, 0xe030}, {117, 0x59},   {125, 0xe05b}, {126, 0xe05c},
    {127, 0xe05d}, {183, 0x64},   {184, 0x65},   {185, 0x66},   {186, 0x67},   {187, 0x68},   {188, 0x69},
    {189, 0x6a},   {190, 0x6b},   {191, 0x6c},   {192, 0x6d},   {193, 0x6e},   {194, 0x76},   {89, 0x73},
    {92, 0x79},    {93, 0x70},    {94, 0x7b},    {121, 0x7e},   {124, 0x7d},
};

uint16_t scan_from(uint8_t evdev) {
  for (const ScanCode& one : kScanCodes) {
    if (one.evdev == evdev) return one.scan;
  }
  return evdev <= 88 ? evdev : 0;
}

class SendInputInjector final : public Injector {
 public:
  const char* name() const override { return "sendinput"; }

  void inject(std::span<const pd_input_event> events, const Rect& area) override {
    inputs_.clear();
    for (const pd_input_event& e : events) add(e, area);
    flush();
  }

  void text(std::string_view utf8) override {
    inputs_.clear();
    for (size_t at = 0; at < utf8.size();) {
      const uint32_t code = next_code_point(utf8, at);
      if (code < 0x20 && code != '\t' && code != '\n' && code != '\r') continue;
      if (code < 0x10000) {
        unit(static_cast<uint16_t>(code == '\n' ? '\r' : code));
      } else {  // UTF-16 surrogates
        unit(static_cast<uint16_t>(0xd7c0 + (code >> 10)));
        unit(static_cast<uint16_t>(0xdc00 + (code & 0x3ff)));
      }
    }
    flush();
  }

  void hold(std::span<const pd_input_event> events) override {
    for (const pd_input_event& e : events) {
      if (e.kind == PD_INPUT_KEY) keys_.set(evdev_from_usage(e.code));
      if (e.kind == PD_INPUT_BUTTON) buttons_.set(e.code);
    }
  }

  int release_all() override {
    inputs_.clear();
    for (uint8_t code = 1; code != 0; ++code) {
      if (keys_[code]) key(code, false);
    }
    for (uint16_t number = 0; number < buttons_.size(); ++number) {
      if (buttons_[number]) button(number, false);
    }
    const int count = static_cast<int>(inputs_.size());
    flush();
    return count;
  }

 private:
  void add(const pd_input_event& e, const Rect& area) {
    switch (e.kind) {
      case PD_INPUT_KEY:
        key(evdev_from_usage(e.code), e.value != 0);
        break;
      case PD_INPUT_BUTTON:
        button(e.code, e.value != 0);
        break;
      case PD_INPUT_POINTER:
        move_to(e.x, e.y, area);
        break;
      case PD_INPUT_MOTION:
        mouse(MOUSEEVENTF_MOVE, e.x, e.y, 0);
        break;
      case PD_INPUT_WHEEL:
        // Windows takes parts of a notch itself, and counts away from the user.
        if (e.y != 0) mouse(MOUSEEVENTF_WHEEL, 0, 0, -e.y);
        if (e.x != 0) mouse(MOUSEEVENTF_HWHEEL, 0, 0, e.x);
        break;
      default:
        break;
    }
  }

  void key(uint8_t evdev, bool down) {
    const uint16_t scan = scan_from(evdev);
    keys_[evdev] = down;
    INPUT input{};
    input.type = INPUT_KEYBOARD;
    if (scan == 0) {
      input.ki.wVk = VK_PAUSE;  // the only key left: its scan code is a sequence
    } else {
      input.ki.wScan = scan & 0xff;
      input.ki.dwFlags = KEYEVENTF_SCANCODE | ((scan & 0xff00) != 0 ? KEYEVENTF_EXTENDEDKEY : 0);
    }
    if (!down) input.ki.dwFlags |= KEYEVENTF_KEYUP;
    inputs_.push_back(input);
  }

  void unit(uint16_t utf16) {
    INPUT input{};
    input.type = INPUT_KEYBOARD;
    input.ki.wScan = utf16;
    input.ki.dwFlags = KEYEVENTF_UNICODE;
    inputs_.push_back(input);
    input.ki.dwFlags |= KEYEVENTF_KEYUP;
    inputs_.push_back(input);
  }

  void button(uint16_t number, bool down) {
    static constexpr DWORD kDown[] = {MOUSEEVENTF_LEFTDOWN, MOUSEEVENTF_MIDDLEDOWN, MOUSEEVENTF_RIGHTDOWN,
                                      MOUSEEVENTF_XDOWN, MOUSEEVENTF_XDOWN};
    static constexpr DWORD kUp[] = {MOUSEEVENTF_LEFTUP, MOUSEEVENTF_MIDDLEUP, MOUSEEVENTF_RIGHTUP,
                                    MOUSEEVENTF_XUP, MOUSEEVENTF_XUP};
    buttons_[number] = down;
    mouse(down ? kDown[number] : kUp[number], 0, 0, number == 3 ? XBUTTON1 : number == 4 ? XBUTTON2 : 0);
  }

  void move_to(int x, int y, const Rect& area) {
    const int left = GetSystemMetrics(SM_XVIRTUALSCREEN), top = GetSystemMetrics(SM_YVIRTUALSCREEN);
    const int width = GetSystemMetrics(SM_CXVIRTUALSCREEN), height = GetSystemMetrics(SM_CYVIRTUALSCREEN);
    const Rect on = area.empty() ? Rect{left, top, width, height} : area;
    // SendInput's own 0..65535 is over the virtual screen; half a pixel more, so that it rounds to ours.
    const auto scaled = [](int pixel, int start, int size) {
      return static_cast<LONG>((static_cast<int64_t>(pixel - start) * 65536 + 32768) / std::max(size, 1));
    };
    mouse(MOUSEEVENTF_MOVE | MOUSEEVENTF_ABSOLUTE | MOUSEEVENTF_VIRTUALDESK,
          scaled(to_pixel(x, on.x, on.width), left, width), scaled(to_pixel(y, on.y, on.height), top, height),
          0);
  }

  void mouse(DWORD flags, LONG x, LONG y, int data) {
    INPUT input{};
    input.type = INPUT_MOUSE;
    input.mi.dx = x;
    input.mi.dy = y;
    input.mi.dwFlags = flags;
    input.mi.mouseData = static_cast<DWORD>(data);
    inputs_.push_back(input);
  }

  void flush() {
    if (inputs_.empty()) return;
    const auto count = static_cast<UINT>(inputs_.size());
    if (SendInput(count, inputs_.data(), sizeof(INPUT)) != count) {
      throw Error(PD_ERR_UNAVAILABLE,
                  "Windows refused the input; a window with higher rights or the lock screen is in front");
    }
  }

  std::vector<INPUT> inputs_;
  std::bitset<256> keys_; /* held, by evdev code */
  std::bitset<8> buttons_;
};

}  // namespace

std::unique_ptr<Injector> open_sendinput_injector() { return std::make_unique<SendInputInjector>(); }

}  // namespace pdc
