// What this library is made of, for pdc_probe.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace pdc {

/* Name and version of each part. */
std::vector<std::pair<std::string, std::string>> versions();

}  // namespace pdc
