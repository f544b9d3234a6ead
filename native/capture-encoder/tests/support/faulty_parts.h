// Parts of a pipeline that fail when they are told to: once, several times, or until told otherwise.
#pragma once

#include <atomic>
#include <stdexcept>
#include <thread>

#include "capture/synthetic_source.h"
#include "clock/clock.h"
#include "convert/converter.h"
#include "encode/encoder.h"
#include "peerdeck_abi.h"
#include "support/sink.h"

namespace pdc::test {

/* How often a part still fails, and how often it did. */
class Faults {
 public:
  void fail(int times) { left_ = times; }
  int failed() const { return failed_; }
  bool due() {
    if (left_ <= 0) return false;
    --left_;
    ++failed_;
    return true;
  }
  void check(const char* what) {
    if (due()) throw std::runtime_error(what);
  }

 private:
  std::atomic<int> left_{0}, failed_{0};
};

/* A source in front of a real one. */
class FaultySource final : public Source {
 public:
  FaultySource(std::unique_ptr<Source> real, Faults& wait, Faults& grab, Faults& cursor)
      : real_(std::move(real)), wait_(wait), grab_(grab), cursor_(cursor) {}
  const char* name() const override { return real_->name(); }
  Size size() const override { return real_->size(); }
  uint32_t wait(Waker& waker, int64_t deadline) override {
    wait_.check("the wait is broken");
    const uint32_t events = real_->wait(waker, deadline);
    return cursor_.due() ? events | kSourceCursor : events;
  }
  bool grab(Frame& frame, bool whole) override {
    grab_.check("the grab is broken");
    return real_->grab(frame, whole);
  }
  CursorShape cursor() override { throw std::runtime_error("the shape is broken"); }
  size_t discard() override { return real_->discard(); }
  void rest(bool resting) override { real_->rest(resting); }

 private:
  std::unique_ptr<Source> real_;
  Faults &wait_, &grab_, &cursor_;
};

class FaultyConverter final : public Converter {
 public:
  explicit FaultyConverter(Faults& faults) : faults_(faults) {}
  const char* name() const override { return "faulty"; }
  void convert(const Frame& frame, Picture& out) override {
    faults_.check("the conversion is broken");
    real_->convert(frame, out);
  }
  void scale(const Picture& in, Picture& out) override { real_->scale(in, out); }

 private:
  Faults& faults_;
  std::unique_ptr<Converter> real_ = make_converter();
};

/* An encoder in front of a real one: it says that it failed, or throws. */
class FaultyEncoder final : public Encoder {
 public:
  FaultyEncoder(std::unique_ptr<Encoder> real, Faults& says, Faults& throws)
      : real_(std::move(real)), says_(says), throws_(throws) {}
  const char* name() const override { return real_->name(); }
  EncodeResult encode(const EncodeInput& input, EncodedUnit& unit) override {
    throws_.check("the encoder throws");
    if (says_.due()) return EncodeResult::failed;
    return real_->encode(input, unit);
  }
  void set_rate(uint64_t bps, double fps) override { real_->set_rate(bps, fps); }
  std::string reason() const override { return "it says so"; }

 private:
  std::unique_ptr<Encoder> real_;
  Faults &says_, &throws_;
};

/* A sink that refuses. */
struct FaultySink {
  Faults faults;
  Sink sink;
  uint64_t user() { return reinterpret_cast<uintptr_t>(this); }
  static int32_t receive(uint64_t user, const pd_access_unit* unit) {
    FaultySink& self = *reinterpret_cast<FaultySink*>(static_cast<uintptr_t>(user));
    if (self.faults.due()) return PD_ERR_INTERNAL;
    return Sink::receive(self.sink.user(), unit);
  }
};

}  // namespace pdc::test
