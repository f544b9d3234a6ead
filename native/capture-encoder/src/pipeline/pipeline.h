// Source -> convert -> encode -> sink, on one thread: one wake takes a picture all the way, with no
// hand-over in between. Owns its source, encoder and thread.
//
// A part that fails is tried again, or built anew, after a pause that grows to a second, and the failure is
// told as an event (fault.h). One that fails ten times in a row makes the pipeline 'lost', for its owner to
// open another; a sink is not ours to build, so it is tried on and on.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "base/event_queue.h"
#include "base/fault.h"
#include "base/options.h"
#include "base/waker.h"
#include "capture/source.h"
#include "convert/converter.h"
#include "encode/encoder.h"
#include "pipeline/announcer.h"
#include "pipeline/frame_policy.h"
#include "pipeline/stats.h"

namespace pdc {

/* What a pipeline is made of, where it is not what the options name; tests use it. */
struct PipelineParts {
  std::unique_ptr<Source> source;
  std::unique_ptr<Encoder> encoder; /* the first one */
  std::function<std::unique_ptr<Encoder>(const std::string&, const EncoderSettings&)> open_encoder =
      pdc::open_encoder;
  std::function<std::unique_ptr<Converter>()> make_converter = pdc::make_converter;
};

class Pipeline {
 public:
  /* Opens source and encoder; captures nothing yet. Throws Error. */
  Pipeline(int64_t handle, const PipelineOptions& options, EventQueue& events);
  Pipeline(int64_t handle, const PipelineOptions& options, EventQueue& events, PipelineParts parts);
  ~Pipeline();

  /* All of these: any thread. */
  std::string describe() const;
  void set_sink(pd_frame_sink sink, uint64_t user);
  void start();
  void stop();  /* idempotent; when it returns, no sink call runs and none will */
  void close(); /* stops, and gives up the source */
  void set_rate(uint64_t bitrate_bps, double fps, double scale);
  void wake(uint32_t pd_wake_flags);
  std::string stats() const;
  Rect placement() const;

 private:
  void run();
  void step();
  void wait(int64_t until);
  void handle_source(uint32_t events);
  void handle_wake(uint32_t flags);
  void apply_rate();
  void reopen_encoder();
  void capture();
  bool grab();
  bool convert();
  void encode(FramePolicy::Action action, const Frame* frame, Passage& passage);
  void push(const EncodedUnit& unit, const Passage& passage, bool refinement);
  void show_cursor();
  /* Runs what a part does; false if it threw, which is noted. */
  template <typename Body>
  bool attempt(Fault& part, Body&& body);
  void on_fault(Fault& part, const std::string& reason);
  void on_encoder_fault(const std::string& reason);
  void fail(const char* state, const std::string& reason);
  Size encoded_size(Size source, double scale) const;

  /* Flags of the waker beside pd_wake_flags. */
  static constexpr uint32_t kWakeStop = 1u << 8;
  static constexpr uint32_t kWakeRate = 1u << 9;
  /* The pipeline whose thread this is, so that a sink cannot wait for itself. */
  static inline thread_local const Pipeline* running_here_ = nullptr;

  const int64_t handle_;
  const PipelineOptions options_;
  EventQueue& events_;
  Announcer announcer_;
  Waker waker_;

  std::mutex lifecycle_; /* held through start, stop and close; taken before mutex_ */
  std::thread thread_;

  mutable std::mutex mutex_; /* guards what follows, up to the thread's own */
  std::unique_ptr<Source> source_;
  bool running_ = false, closed_ = false;
  pd_frame_sink sink_ = nullptr;
  uint64_t sink_user_ = 0;
  uint64_t bitrate_bps_;
  double fps_;
  double scale_ = 1;
  Size size_; /* of what is encoded */
  std::string encoder_name_;

  std::atomic<const char*> state_{"stopped"};
  Stats stats_;

  /* Only the thread, or nobody while it is stopped. */
  const decltype(PipelineParts::open_encoder) open_encoder_;
  const decltype(PipelineParts::make_converter) make_converter_;
  std::unique_ptr<Converter> converter_;
  std::unique_ptr<Encoder> encoder_;
  std::unique_ptr<FramePolicy> policy_;
  Picture picture_, scaled_;
  Frame frame_;
  uint64_t frame_id_ = 0, last_source_id_ = 0;
  int64_t capture_time_us_ = 0;
  int64_t stats_at_ = kNever;
  bool whole_next_ = true, stopping_ = false, lost_ = false;
  bool encoder_broken_ = false; /* to be built anew before it is used */
  int64_t cursor_at_ = kNever;  /* when a shape that could not be told is tried again */
  Fault source_fault_, converter_fault_, encoder_fault_, sink_fault_, cursor_fault_;
  uint32_t last_hash_ = 0; /* of the newest grab, for skipUnchanged */
};

}  // namespace pdc
