// What a unit of work costs at each quantiser, in bits: learned from what pictures became. Pure.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

namespace pdc {

class CostCurve {
 public:
  /* Beside the quantisers of H.264, 0 to 51: pictures made coarser before they are encoded at 51. */
  static constexpr int kSteps = 55;
  static constexpr int kReference = 26;

  /* at_reference: bits of a unit at quantiser 26. halving: by how many steps it must grow for half of that,
     up to 40 and beyond. */
  CostCurve(double at_reference, double halving, double coarse_halving) {
    for (int qp = 0; qp < kSteps; ++qp) {
      log_[at(qp)] = std::log2(at_reference) + (kReference - std::min(qp, kCoarse)) / halving -
                     std::clamp(qp - kCoarse, 0, 51 - kCoarse) / coarse_halving;
    }
    // Means of 4, 16 and 64 pixels square (coarsen.h), measured on text.
    log_[52] = log_[51] - 1.6;
    log_[53] = log_[51] - 2.7;
    log_[54] = log_[51] - 3.1;
  }

  double bits(int qp) const { return std::exp2(log_[at(qp)]); }

  /* A unit was seen to cost `seen` bits at `qp`. Up at once, since a cost that is thought too low fills the
     link; down by `eagerness`, 0 to 1. What one quantiser teaches holds less for those far from it. */
  void learn(int qp, double seen, double eagerness = 0.3) {
    const double off = std::clamp(std::log2(std::max(seen, kLeast)) - log_[at(qp)], -8.0, 8.0);
    const double change = off > 0 ? off : off * eagerness;
    for (int other = 0; other < kSteps; ++other) {
      const double nearness = std::max(0.5, 1 - std::abs(other - qp) / 24.0);
      log_[at(other)] = std::clamp(log_[at(other)] + change * nearness, std::log2(kLeast), kMostLog);
    }
    // Coarser is never dearer.
    for (int other = qp + 1; other < kSteps; ++other)
      log_[at(other)] = std::min(log_[at(other)], log_[at(other - 1)]);
    for (int other = qp - 1; other >= 0; --other)
      log_[at(other)] = std::max(log_[at(other)], log_[at(other + 1)]);
  }

 private:
  static constexpr int kCoarse = 40;
  static constexpr double kLeast = 0.02, kMostLog = 14;
  static size_t at(int qp) { return static_cast<size_t>(std::clamp(qp, 0, kSteps - 1)); }
  std::array<double, kSteps> log_{};
};

}  // namespace pdc
