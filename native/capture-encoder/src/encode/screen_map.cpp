#include "encode/screen_map.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace pdc {
namespace {

/* A flat macroblock has some bits too. */
constexpr double kLeastActivity = 0.2;

/* The share of new content's bits that so many steps finer cost: a quarter at six. Measured on text. */
const std::array<double, 64> kShareOfNew = [] {
  std::array<double, 64> shares{};
  for (size_t steps = 0; steps < shares.size(); ++steps)
    shares[steps] = 1 - std::exp2(static_cast<double>(steps) / -14);
  return shares;
}();

/* Of the luma of a macroblock and a place in what is shown, in every fourth row. */
int difference(const uint8_t* here, ptrdiff_t here_stride, const uint8_t* there, ptrdiff_t there_stride) {
  int sum = 0;
  for (int y = 0; y < ScreenMap::kMacroblock; y += 4) {
    for (int x = 0; x < ScreenMap::kMacroblock; ++x)
      sum += std::abs(here[y * here_stride + x] - there[y * there_stride + x]);
  }
  return sum;
}

}  // namespace

ScreenMap::ScreenMap(Size size, uint8_t kept)
    : size_(size),
      across_((size.width + kMacroblock - 1) / kMacroblock),
      down_((size.height + kMacroblock - 1) / kMacroblock),
      kept_(kept),
      blocks_(static_cast<size_t>(all())),
      marks_(blocks_.size(), kept) {}

void ScreenMap::begin(const EncodeInput& input) {
  const Rect everything{0, 0, size_.width, size_.height};
  const Rect* changed = input.changed == nullptr ? &everything : input.changed;
  const size_t count = input.changed == nullptr ? 1 : input.changed_count;
  std::fill(marks_.begin(), marks_.end(), kept_);
  sent_ = 0;
  for (size_t i = 0; i < count; ++i) {
    const Rect& r = changed[i];
    if (r.empty()) continue;
    const int right = std::min((r.x + r.width - 1) / kMacroblock, across_ - 1);
    const int bottom = std::min((r.y + r.height - 1) / kMacroblock, down_ - 1);
    for (int y = r.y / kMacroblock; y <= bottom; ++y) {
      for (int x = r.x / kMacroblock; x <= right; ++x) {
        Block& block = blocks_[static_cast<size_t>(y * across_ + x)];
        block.activity = -1;
        block.changed_at = input.now_us;
        send(y * across_ + x);
      }
    }
  }
  if (!input.keyframe) return;
  // It is all sent, though perhaps nothing changed.
  std::fill(marks_.begin(), marks_.end(), kSent);
  sent_ = all();
}

/* Every fourth row tells enough. */
double ScreenMap::activity_of(const Picture& picture, int index) {
  Block& block = blocks_[static_cast<size_t>(index)];
  if (block.activity >= 0) return block.activity;
  const int left = index % across_ * kMacroblock, top = index / across_ * kMacroblock;
  const int right = std::min(left + kMacroblock, picture.width()) - 1;
  const int bottom = std::min(top + kMacroblock, picture.height()) - 1;
  int steps = 0, count = 0;
  for (int y = top; y < bottom; y += 4) {
    const uint8_t* row = picture.y() + static_cast<ptrdiff_t>(y) * picture.stride();
    const uint8_t* below = row + picture.stride();
    for (int x = left; x < right; ++x) steps += std::abs(row[x] - row[x + 1]) + std::abs(row[x] - below[x]);
    count += 2 * (right - left);
  }
  block.activity = static_cast<float>(std::max(kLeastActivity, 1.0 * steps / std::max(count, 1)));
  return block.activity;
}

double ScreenMap::activity(const Picture& picture) {
  double sum = 0;
  for (int i = 0; i < all(); ++i) {
    if (marks_[static_cast<size_t>(i)] == kSent) sum += activity_of(picture, i);
  }
  return sum / std::max(sent_, 1);
}

bool ScreenMap::is_shown(const Picture& picture, const Decoded& shown, int index, Offset by) {
  const int left = index % across_ * kMacroblock, top = index / across_ * kMacroblock;
  const int x = left + by.x, y = top + by.y;
  if (x < 0 || y < 0 || x + kMacroblock > size_.width || y + kMacroblock > size_.height) return false;
  // What the quantiser did to it is much less than what another text would be.
  const int alike = static_cast<int>(64 * std::max(3.0, activity_of(picture, index) / 3));
  return difference(picture.y() + static_cast<ptrdiff_t>(top) * picture.stride() + left, picture.stride(),
                    shown.y + static_cast<ptrdiff_t>(y) * shown.y_stride + x, shown.y_stride) <= alike;
}

/* The nearest place, up and down before aside. */
bool ScreenMap::find(const Picture& picture, const Decoded& shown, int index, Offset& by) {
  for (int distance = 0; distance <= kReach; ++distance) {
    for (const Offset offset : {Offset{0, distance}, {0, -distance}, {distance, 0}, {-distance, 0}}) {
      if (!is_shown(picture, shown, index, offset)) continue;
      by = offset;
      return true;
    }
  }
  return false;
}

ScreenMap::Moved ScreenMap::moved(const Picture& picture, const Decoded& shown) {
  constexpr int kSamples = 24, kEnough = 6;
  if (shown.y == nullptr) return {};
  int looked = 0, seen = 0, found = 0, far = 0;
  for (int i = 0; i < all(); ++i) {
    if (marks_[static_cast<size_t>(i)] != kSent) continue;
    const int left = i % across_ * kMacroblock, top = i / across_ * kMacroblock;
    if (left + kMacroblock > size_.width || top + kMacroblock > size_.height) continue;
    // Flat ones are alike everywhere: they tell nothing, and cost nothing.
    if (seen++ % std::max(1, sent_ / kSamples) != 0 || activity_of(picture, i) < 2) continue;
    if (found == 0 && looked == kEnough) return {};
    ++looked;
    Offset by = last_move_;
    if (!is_shown(picture, shown, i, by) && !find(picture, shown, i, by)) continue;
    ++found;
    if (by.x == 0 && by.y == 0) continue;
    last_move_ = by;
    ++far;
  }
  if (found == 0) return {};
  const int distance = std::max(std::abs(last_move_.x), std::abs(last_move_.y));
  return {1.0 * found / looked, far * 2 >= found ? distance : 0};
}

double ScreenMap::work_of(const Picture& picture, int index, int qp) {
  const int steps = std::clamp(blocks_[static_cast<size_t>(index)].qp - qp, 0, 63);
  return activity_of(picture, index) * kShareOfNew[static_cast<size_t>(steps)];
}

double ScreenMap::add_coarse(const Picture& picture, int64_t now_us, int limit, int qp, double most) {
  double sum = 0;
  const int from = next_;
  // A picture that is refined as a whole is at rest; beside a change there may be others.
  const int64_t settled = sent_ == 0 ? 0 : kRestUs;
  for (int i = 0; i < all() && sum < most; ++i) {
    const int index = (from + i) % all();
    const Block& block = blocks_[static_cast<size_t>(index)];
    if (block.qp <= limit || marks_[static_cast<size_t>(index)] == kSent) continue;
    if (now_us - block.changed_at < settled) continue;
    sum += work_of(picture, index, qp);
    send(index);
    next_ = (index + 1) % all();
  }
  return sum;
}

double ScreenMap::work(const Picture& picture, int limit, int qp) {
  double sum = 0;
  for (int i = 0; i < all(); ++i) {
    if (blocks_[static_cast<size_t>(i)].qp > limit) sum += work_of(picture, i, qp);
  }
  return sum;
}

void ScreenMap::copy(int index, int count, const Picture& picture) {
  const int left = index % across_ * kMacroblock, top = index / across_ * kMacroblock;
  const auto bytes = static_cast<size_t>(std::min(count * kMacroblock, size_.width - left));
  const ptrdiff_t from = picture.stride(), to = composed_.stride();
  for (int y = top; y < std::min(top + kMacroblock, size_.height); ++y)
    std::memcpy(composed_.y() + y * to + left, picture.y() + y * from + left, bytes);
  for (int y = top / 2; y < std::min(top + kMacroblock, size_.height) / 2; ++y)
    std::memcpy(composed_.uv() + y * to + left, picture.uv() + y * from + left, bytes);
}

const Picture& ScreenMap::picture_for(int qp, const Picture& picture, const Decoded& shown) {
  bool coarser = false;
  for (size_t i = 0; i < blocks_.size() && !coarser; ++i) coarser = marks_[i] != kSent && blocks_[i].qp > qp;
  if (!coarser || shown.y == nullptr) return picture;
  if (composed_.width() == 0) composed_ = Picture(size_.width, size_.height);
  const auto width = static_cast<size_t>(size_.width);
  for (int y = 0; y < size_.height; ++y)
    std::memcpy(composed_.y() + static_cast<ptrdiff_t>(y) * composed_.stride(),
                shown.y + static_cast<ptrdiff_t>(y) * shown.y_stride, width);
  for (int y = 0; y < size_.height / 2; ++y)
    std::memcpy(composed_.uv() + static_cast<ptrdiff_t>(y) * composed_.stride(),
                shown.uv + static_cast<ptrdiff_t>(y) * shown.uv_stride, width);
  for (int y = 0; y < down_; ++y) {
    for (int x = 0; x < across_;) {
      const int index = y * across_ + x;
      int run = 0;
      while (x + run < across_ && marks_[static_cast<size_t>(index + run)] == kSent) ++run;
      if (run > 0) copy(index, run, picture);
      x += std::max(run, 1);
    }
  }
  return composed_;
}

void ScreenMap::on_encoded(int qp) {
  for (size_t i = 0; i < blocks_.size(); ++i) {
    if (marks_[i] == kSent) blocks_[i].qp = static_cast<uint8_t>(qp);
  }
}

int ScreenMap::coarsest() const {
  int worst = 0;
  for (const Block& block : blocks_) worst = std::max<int>(worst, block.qp);
  return worst;
}

int64_t ScreenMap::coarser_than(int qp) const {
  int64_t sum = 0;
  for (const Block& block : blocks_) sum += std::max(0, block.qp - qp);
  return sum;
}

}  // namespace pdc
