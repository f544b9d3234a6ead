// The C boundary, as a caller in another language sees it.
#include <dirent.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <set>
#include <thread>

#include "capture_encoder.h"
#include "support/sink.h"
#include "support/xvfb.h"

namespace pdc {
namespace {

using test::eventually;
using test::number_in;
using test::Sink;
using test::Xvfb;

struct Out {
  char text[16384] = {};
  static constexpr uint32_t size = sizeof(Out::text);
  std::string str() const { return text; }
};

int64_t open_pipeline(const std::string& options, Out& out) {
  return pdc_pipeline_open(options.data(), static_cast<uint32_t>(options.size()), out.text, Out::size);
}
int64_t open_injector(const std::string& options, Out& out) {
  return pdc_injector_open(options.data(), static_cast<uint32_t>(options.size()), out.text, Out::size);
}

const char kSynthetic[] = R"({"source":{"kind":"synthetic","width":160,"height":96}})";

std::string leaks_now() {
  Out out;
  pdc_leaks(out.text, Out::size);
  return out.str();
}

int open_files() {
  int count = 0;
  DIR* directory = opendir("/proc/self/fd");
  while (readdir(directory) != nullptr) ++count;
  closedir(directory);
  return count;
}

int threads() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("Threads:", 0) == 0) return std::stoi(line.substr(8));
  }
  return -1;
}

TEST(Capi, VersionAndProbe) {
  EXPECT_EQ(pdc_abi_version(), PD_ABI_VERSION);
  const std::string options = R"({"display":")" + Xvfb::shared().display() + "\"}";
  Out out;
  ASSERT_GT(pdc_probe(options.data(), static_cast<uint32_t>(options.size()), out.text, Out::size), 0);
  EXPECT_NE(out.str().find(R"({"name":"x11","available":true,"reason":""})"), std::string::npos) << out.str();
  EXPECT_NE(out.str().find(R"({"name":"libx264","available":true)"), std::string::npos);
  EXPECT_NE(out.str().find(R"({"name":"xtest","available":true)"), std::string::npos);
  EXPECT_NE(out.str().find(R"({"name":"nvenc","available":false,"reason":"not built)"), std::string::npos);
  char small[16];
  EXPECT_EQ(pdc_probe(nullptr, 0, small, sizeof small), PD_ERR_TOO_LARGE);
  EXPECT_EQ(std::strlen(small), sizeof small - 1);  // the error text, cut
}

TEST(Capi, WrongHandlesAreRefusedEverywhere) {
  Out out;
  const pd_input_event event{PD_INPUT_KEY, 1, 4, 0, 0};
  for (const int64_t handle :
       {int64_t{0}, int64_t{-1}, int64_t{INT64_MAX}, int64_t{INT64_MIN}, int64_t{1} << 40}) {
    EXPECT_EQ(pdc_pipeline_set_sink(handle, Sink::address(), 0), PD_ERR_BAD_HANDLE);
    EXPECT_EQ(pdc_pipeline_start(handle, out.text, Out::size), PD_ERR_BAD_HANDLE);
    EXPECT_NE(out.str().find("is not an open pipeline"), std::string::npos);
    EXPECT_EQ(pdc_pipeline_stop(handle), PD_ERR_BAD_HANDLE);
    EXPECT_EQ(pdc_pipeline_close(handle), PD_ERR_BAD_HANDLE);
    EXPECT_EQ(pdc_pipeline_set_rate(handle, 1000000, 0, 0), PD_ERR_BAD_HANDLE);
    EXPECT_EQ(pdc_pipeline_request_keyframe(handle), PD_ERR_BAD_HANDLE);
    EXPECT_EQ(pdc_pipeline_stats(handle, out.text, Out::size), PD_ERR_BAD_HANDLE);
    EXPECT_EQ(pdc_wake(static_cast<uint64_t>(handle), PD_WAKE_KEYFRAME), PD_ERR_BAD_HANDLE);
    EXPECT_EQ(pdc_injector_inject(handle, &event, 1), PD_ERR_BAD_HANDLE);
    EXPECT_EQ(pdc_injector_text(handle, "a", 1), PD_ERR_BAD_HANDLE);
    EXPECT_EQ(pdc_injector_release_all(handle), PD_ERR_BAD_HANDLE);
    EXPECT_EQ(pdc_injector_close(handle), PD_ERR_BAD_HANDLE);
  }
}

TEST(Capi, HandlesOfOneKindAreNotOfTheOther) {
  Out out;
  const int64_t pipeline = open_pipeline(kSynthetic, out);
  const int64_t injector = open_injector(R"({"kind":"recorder"})", out);
  ASSERT_GT(pipeline, 0);
  ASSERT_GT(injector, pipeline);
  EXPECT_EQ(pdc_pipeline_stop(injector), PD_ERR_BAD_HANDLE);
  EXPECT_EQ(pdc_pipeline_close(injector), PD_ERR_BAD_HANDLE);
  EXPECT_EQ(pdc_injector_close(pipeline), PD_ERR_BAD_HANDLE);
  EXPECT_EQ(pdc_injector_close(injector), PD_OK);
  EXPECT_EQ(pdc_pipeline_close(pipeline), PD_OK);
  // Closing twice is fine, everything else with a closed handle is not.
  EXPECT_EQ(pdc_injector_close(injector), PD_OK);
  EXPECT_EQ(pdc_pipeline_close(pipeline), PD_OK);
  EXPECT_EQ(pdc_pipeline_stop(pipeline), PD_ERR_BAD_HANDLE);
}

TEST(Capi, BadOptionsNameTheField) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "source is missing"},
      {"[]", "options must be a JSON object"},
      {R"({"source":{"kind":"vhs"}})", "source.kind must be one of"},
      {R"({"source":{"kind":"synthetic"},"encoder":{"fps":0}})", "encoder.fps must be between 1 and 240"},
      {R"({"source":{"kind":"synthetic"},"encodr":{}})", "encodr is not an option"},
      {R"({"source":{"kind":"synthetic","width":"wide"}})", "source.width must be a number"},
      {R"({"source":{"kind":"synthetic"},"capture":{"mmcss":{"enabled":1}}})",
       "capture.mmcss.enabled is not an option"},
      {R"({"source":{"kind":"synthetic"},"capture":{"maxQueueDepth":0}})",
       "capture.maxQueueDepth must be between"},
      {R"({"source":{"kind":"x11","window":"0x1","process":"a"}})", "exclude each other"},
      {"{\"source\"", "expected ':'"},
  };
  for (const auto& [options, text] : cases) {
    Out out;
    EXPECT_EQ(open_pipeline(options, out), PD_ERR_INVALID_ARGUMENT) << options;
    EXPECT_NE(out.str().find(text), std::string::npos) << out.str();
  }
  Out out;
  EXPECT_EQ(open_pipeline(R"({"source":{"kind":"wgc"}})", out), PD_ERR_UNSUPPORTED);
  EXPECT_EQ(open_pipeline(R"({"source":{"kind":"synthetic"},"encoder":{"kind":"amf"}})", out),
            PD_ERR_UNAVAILABLE);
  EXPECT_EQ(open_injector(R"({"kind":"recorder","pipeline":123456})", out), PD_ERR_BAD_HANDLE);
  EXPECT_EQ(pdc_pipeline_open(nullptr, 5, out.text, Out::size), PD_ERR_INVALID_ARGUMENT);
  EXPECT_EQ(pdc_pipeline_open(kSynthetic, sizeof kSynthetic - 1, nullptr, 7), PD_ERR_INVALID_ARGUMENT);
  EXPECT_EQ(number_in(leaks_now(), "pipelines"), 0);
}

TEST(Capi, OneBadInputEventStopsAllOfThem) {
  Out out;
  const int64_t injector = open_injector(R"({"kind":"recorder"})", out);
  const pd_input_event events[] = {{PD_INPUT_KEY, 1, 4, 0, 0}, {PD_INPUT_KEY, 1, 0x66, 0, 0}};
  EXPECT_EQ(pdc_injector_inject(injector, events, 2), PD_ERR_INVALID_ARGUMENT);
  EXPECT_EQ(pdc_injector_release_all(injector), 0);
  EXPECT_EQ(pdc_injector_inject(injector, events, 1), 1);
  EXPECT_EQ(pdc_injector_release_all(injector), 1);
  EXPECT_EQ(pdc_injector_inject(injector, nullptr, 0), 0);
  EXPECT_EQ(pdc_injector_inject(injector, nullptr, 1), PD_ERR_INVALID_ARGUMENT);
  EXPECT_EQ(pdc_injector_inject(injector, events, 5000), PD_ERR_INVALID_ARGUMENT);
  const std::string long_text(5000, 'a');
  EXPECT_EQ(pdc_injector_text(injector, long_text.data(), 5000), PD_ERR_TOO_LARGE);
  EXPECT_EQ(pdc_injector_close(injector), PD_OK);
}

TEST(Capi, InjectorOfAClosedPipelineSaysSo) {
  Out out;
  const int64_t pipeline = open_pipeline(kSynthetic, out);
  const int64_t injector =
      open_injector(R"({"kind":"recorder","pipeline":)" + std::to_string(pipeline) + "}", out);
  ASSERT_GT(injector, 0) << out.str();
  const pd_input_event event{PD_INPUT_KEY, 1, 4, 0, 0};
  EXPECT_EQ(pdc_injector_inject(injector, &event, 1), 1);
  pdc_pipeline_close(pipeline);
  EXPECT_EQ(pdc_injector_inject(injector, &event, 1), PD_ERR_CLOSED);
  EXPECT_EQ(pdc_injector_release_all(injector), 1);  // keys are released all the same
  pdc_injector_close(injector);
}

TEST(Capi, EventsAreDrainedAndPollsAreWoken) {
  alignas(8) static uint8_t buffer[1 << 20];
  while (pdc_poll_events(buffer, sizeof buffer, 0) > 0) {
  }
  EXPECT_EQ(pdc_poll_events(nullptr, 100, 0), PD_ERR_INVALID_ARGUMENT);
  EXPECT_EQ(pdc_poll_events(buffer, 8, 0), PD_ERR_INVALID_ARGUMENT);
  Out out;
  Sink sink;
  const int64_t pipeline = open_pipeline(kSynthetic, out);
  ASSERT_EQ(pdc_pipeline_set_sink(pipeline, Sink::address(), sink.user()), PD_OK);
  ASSERT_EQ(pdc_pipeline_start(pipeline, out.text, Out::size), PD_OK);
  int32_t used = 0;
  EXPECT_TRUE(eventually([&] { return (used = pdc_poll_events(buffer, sizeof buffer, 100)) > 0; }));
  const auto* header = reinterpret_cast<const pd_event_header*>(buffer);
  EXPECT_EQ(header->type, PD_EVENT_SOURCE);
  EXPECT_EQ(header->handle, pipeline);
  EXPECT_EQ(used % 8, 0);
  pdc_pipeline_close(pipeline);
  EXPECT_EQ(pdc_wake_events(), PD_OK);
}

void cycle(const std::string& options, const std::string& injector_options) {
  Out out;
  Sink sink;
  const int64_t pipeline = open_pipeline(options, out);
  ASSERT_GT(pipeline, 0) << out.str();
  const int64_t injector = open_injector(injector_options, out);
  ASSERT_GT(injector, 0) << out.str();
  ASSERT_EQ(pdc_pipeline_set_sink(pipeline, Sink::address(), sink.user()), PD_OK);
  ASSERT_EQ(pdc_pipeline_start(pipeline, out.text, Out::size), PD_OK);
  ASSERT_TRUE(sink.wait_count(1));
  ASSERT_GT(pdc_pipeline_stats(pipeline, out.text, Out::size), 0);
  pdc_injector_close(injector);
  pdc_pipeline_close(pipeline);
}

TEST(Capi, FiftyCyclesLeakNothing) {
  cycle(kSynthetic, R"({"kind":"recorder"})");
  const int files = open_files(), running = threads();
  for (int i = 0; i < 50; ++i) cycle(kSynthetic, R"({"kind":"recorder"})");
  EXPECT_EQ(open_files(), files);
  EXPECT_TRUE(eventually([&] { return threads() <= running; })) << threads() << " " << running;
  for (const char* what : {"pipelines", "injectors", "threads", "displays"})
    EXPECT_EQ(number_in(leaks_now(), what), 0);
}

TEST(Capi, FiftyCyclesOnAnXServerLeakNothing) {
  const std::string display = Xvfb::shared().display();
  const std::string options = R"({"source":{"kind":"x11","display":")" + display + "\"}}";
  const std::string injector = R"({"kind":"xtest","display":")" + display + "\"}";
  cycle(options, injector);
  const int files = open_files(), running = threads();
  for (int i = 0; i < 50; ++i) cycle(options, injector);
  EXPECT_EQ(open_files(), files);
  EXPECT_TRUE(eventually([&] { return threads() <= running; })) << threads() << " " << running;
  for (const char* what : {"pipelines", "injectors", "threads", "displays"})
    EXPECT_EQ(number_in(leaks_now(), what), 0);
}

TEST(Capi, CallsFromManyThreadsWhileHandlesCloseAreSafe) {
  Out out;
  for (int round = 0; round < 5; ++round) {
    Sink sink;
    const int64_t pipeline = open_pipeline(kSynthetic, out);
    pdc_pipeline_set_sink(pipeline, Sink::address(), sink.user());
    pdc_pipeline_start(pipeline, out.text, Out::size);
    std::atomic<bool> done{false};
    std::vector<std::thread> callers;
    for (int i = 0; i < 3; ++i) {
      callers.emplace_back([&] {
        Out mine;
        while (!done) {
          const int32_t code = pdc_wake(static_cast<uint64_t>(pipeline), PD_WAKE_KEYFRAME);
          EXPECT_TRUE(code == PD_OK || code == PD_ERR_BAD_HANDLE);
          pdc_pipeline_stats(pipeline, mine.text, Out::size);
          pdc_pipeline_set_rate(pipeline, 2000000, 50, 0);
        }
      });
    }
    ASSERT_TRUE(sink.wait_count(3));
    EXPECT_EQ(pdc_pipeline_close(pipeline), PD_OK);
    const size_t count = sink.count();
    EXPECT_EQ(pdc_pipeline_start(pipeline, out.text, Out::size), PD_ERR_BAD_HANDLE);
    done = true;
    for (std::thread& caller : callers) caller.join();
    EXPECT_EQ(sink.count(), count);
  }
}

TEST(Capi, ExportsAreExactlyTheHeader) {
  std::ifstream file(PDC_HEADER);
  const std::string header((std::istreambuf_iterator<char>(file)), {});
  std::set<std::string> declared, exported;
  // The words before each bracket of a line that starts with PDC_API.
  for (size_t at = 0; (at = header.find("\nPDC_API ", at)) != std::string::npos;) {
    at = header.find('(', at);
    declared.insert(header.substr(header.rfind(' ', at) + 1, at - header.rfind(' ', at) - 1));
  }
  FILE* names = popen("nm -D --defined-only '" PDC_LIBRARY "'", "r");
  ASSERT_NE(names, nullptr);
  char line[512];
  while (fgets(line, sizeof line, names) != nullptr) {
    const std::string text(line);
    exported.insert(text.substr(text.rfind(' ') + 1, text.find('\n') - text.rfind(' ') - 1));
  }
  pclose(names);
  EXPECT_FALSE(declared.empty());
  EXPECT_EQ(declared, exported);
}

}  // namespace
}  // namespace pdc
