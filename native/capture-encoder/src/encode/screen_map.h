// What viewers see of each macroblock: how coarsely it was coded, and what of the next picture is sent.
//
// x264 codes a macroblock that is marked as constant again if the quantiser is finer than the one it last had
// there, or if a neighbour was coded. So one typed letter, coded well on a page that is coarse yet, would
// bring the whole page with it. To send just what is wanted, the rest is given to x264 as its own decoded
// picture: there is nothing left to code in it.
#pragma once

#include <cstdint>
#include <vector>

#include "convert/picture.h"
#include "encode/encoder.h"
#include "encode/rate_plan.h"

namespace pdc {

/* Luma and chroma of a decoded picture, as x264 lends it until its next call. */
struct Decoded {
  const uint8_t* y = nullptr;
  const uint8_t* uv = nullptr;
  int y_stride = 0, uv_stride = 0; /* bytes */
};

class ScreenMap {
 public:
  static constexpr int kMacroblock = 16;
  static constexpr uint8_t kSent = 0;
  /* How far a scroll is looked for. */
  static constexpr int kReach = 64;

  /* kept: how a macroblock that is not sent is marked in marks(). */
  ScreenMap(Size size, uint8_t kept);

  int all() const { return across_ * down_; }
  /* Begins a picture: what is sent is what changed. */
  void begin(const EncodeInput& input);
  /* Macroblocks that are sent. */
  int sent() const { return sent_; }
  /* One for each macroblock: kSent or what the constructor was told. */
  uint8_t* marks() { return marks_.data(); }

  /* Mean activity of what is sent: of the luma steps between neighbours, 0..255. */
  double activity(const Picture& picture);
  /* Of what is sent, the share, 0 to 1, that is `shown` already, at most kReach pixels up, down or aside; and
     the distance of most of that. Looks at some of it. */
  struct Moved {
    double share = 0;
    int distance = 0;
  };
  Moved moved(const Picture& picture, const Decoded& shown);
  /* Adds macroblocks that are coarser than `limit` and did not change for a while, from where the last call
     ended, until the work of coding them at `qp` is `most`. Returns that work; 0 if there are none. */
  double add_coarse(const Picture& picture, int64_t now_us, int limit, int qp, double most);
  /* The work of coding at `qp` all that is coarser than `limit`: the sum of activities, each times the share
     of a new macroblock's bits that is not on the screen yet. */
  double work(const Picture& picture, int limit, int qp);

  /* The picture to encode at `qp`: `picture` itself or, where macroblocks that are not sent are coarser, a
     copy in which these are as they are `shown`. */
  const Picture& picture_for(int qp, const Picture& picture, const Decoded& shown);
  void on_encoded(int qp);

  /* The coarsest quantiser on the screen; and by how many steps, added up, it is coarser than `qp`. */
  int coarsest() const;
  int64_t coarser_than(int qp) const;

 private:
  struct Block {
    uint8_t qp = 51;
    float activity = -1; /* not known */
    int64_t changed_at = INT64_MIN / 2;
  };

  double activity_of(const Picture& picture, int index);
  struct Offset {
    int x = 0, y = 0;
  };
  bool is_shown(const Picture& picture, const Decoded& shown, int index, Offset by);
  bool find(const Picture& picture, const Decoded& shown, int index, Offset& by);
  double work_of(const Picture& picture, int index, int qp);
  void send(int index) {
    sent_ += marks_[static_cast<size_t>(index)] != kSent;
    marks_[static_cast<size_t>(index)] = kSent;
  }
  void copy(int index, int count, const Picture& picture);

  const Size size_;
  const int across_, down_; /* macroblocks */
  const uint8_t kept_;
  std::vector<Block> blocks_;
  std::vector<uint8_t> marks_;
  Picture composed_;
  int sent_ = 0;
  int next_ = 0;     /* where sharpening goes on */
  Offset last_move_; /* scrolling mostly goes on as it went */
};

}  // namespace pdc
