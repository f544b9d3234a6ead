// The options of pdc_pipeline_open and pdc_injector_open, parsed and checked once. Defaults live here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pdc {

struct SourceOptions {
  std::string kind = "auto";
  std::string display; /* "" is $DISPLAY */
  std::string window;  /* "0x…" */
  std::string process;
  int width = 1280, height = 720;
  bool resize = false;
};

struct EncoderOptions {
  std::string kind = "auto";
  double fps = 60;
  uint64_t bitrate_bps = 6000000;
  int threads = 0;  /* 0: by load */
  int quality = 85; /* how good a picture may become where the rate allows: rate_plan.h */
  int max_width = 0, max_height = 0;
};

struct CaptureOptions {
  int max_queue_depth = 4;
  int frame_pool_buffers = 6;
  int drop_window_ms = 200;
  int drop_min_events = 2;
  int64_t min_update_interval_100ns = 0;
  bool skip_unchanged = false;
  std::string cursor = "separate";
  bool mmcss = true; /* raise the thread's priority: MMCSS "Games" on Windows, nice on Linux */
  int mmcss_priority = 2;
};

struct PipelineOptions {
  SourceOptions source;
  EncoderOptions encoder;
  CaptureOptions capture;
  int stats_interval_ms = 0;

  static PipelineOptions parse(std::string_view json);
};

struct InjectorOptions {
  std::string kind = "auto";
  std::string display;
  int64_t pipeline = 0;

  static InjectorOptions parse(std::string_view json);
};

/* {"display":":0"}? of probe and list_windows. */
std::string parse_display(std::string_view json);

}  // namespace pdc
