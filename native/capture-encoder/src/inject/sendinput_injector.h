// Windows' SendInput. Keys are named by their place (scan code), so the host's layout decides what they type.
#pragma once

#include "inject/injector.h"

namespace pdc {

std::unique_ptr<Injector> open_sendinput_injector();

}  // namespace pdc
