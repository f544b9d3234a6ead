// H.264 for low latency. One backend per file; the factory in encoder_factory.cpp knows them all.
//
// What every backend promises: one access unit for each picture at once (no reordering, no look-ahead);
// constrained baseline; no IDR but on demand, and that one with SPS and PPS in front; Annex B.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "capture/source.h"
#include "convert/picture.h"

namespace pdc {

struct EncoderSettings {
  Size size;
  double fps = 60;
  uint64_t bitrate_bps = 6000000;
  int threads = 0;  /* 0: by size and cores */
  int quality = 85; /* 1 to 100: how good a picture may become where the rate allows (rate_plan.h) */
};

struct EncodeInput {
  const Picture* picture = nullptr;
  int64_t now_us = 0;
  bool keyframe = false;
  bool refinement = false; /* the same picture as before */
  /* What changed since the previous encode(); null: anything may have. Even coordinates. */
  const Rect* changed = nullptr;
  size_t changed_count = 0;
};

struct EncodedUnit {
  const uint8_t* data = nullptr; /* until the next call */
  size_t size = 0;
  bool keyframe = false;
  bool droppable = false;
  int qp = 0;            /* of what this unit carries; 0 (best) to 51; above: coarser yet */
  int64_t coarse = 0;    /* how much is left to sharpen; 0: nothing. Falls with each refinement of use */
  int64_t room_at = 0;   /* now_us() time before which a further picture would be too much for the bitrate */
  int64_t refine_at = 0; /* the same for a refinement; and it would come too soon after a motion */
};

enum class EncodeResult {
  ok,
  again, /* no room now; the picture was not taken */
  failed /* reopen it; reason() says why */
};

/* Used by one thread at a time. */
class Encoder {
 public:
  virtual ~Encoder() = default;
  virtual const char* name() const = 0;
  virtual EncodeResult encode(const EncodeInput& input, EncodedUnit& unit) = 0;
  /* From the next picture on, without an IDR. */
  virtual void set_rate(uint64_t bitrate_bps, double fps) = 0;
  virtual std::string reason() const { return {}; }
};

/* `kind` or, with "auto", the first that opens. Throws Error with each one's reason. */
std::unique_ptr<Encoder> open_encoder(const std::string& kind, const EncoderSettings& settings);

/* Which ones work here. */
std::vector<Availability> probe_encoders();

}  // namespace pdc
