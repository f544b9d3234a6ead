// The one exception type of this library. capi.cpp turns it into a negative code and a text.
#pragma once

#include <stdexcept>
#include <string>

#include "peerdeck_abi.h"

namespace pdc {

class Error : public std::runtime_error {
 public:
  Error(pd_error code, const std::string& text) : std::runtime_error(text), code_(code) {}
  pd_error code() const { return code_; }

 private:
  pd_error code_;
};

}  // namespace pdc
