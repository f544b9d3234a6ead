#include "base/options.h"

#include "base/error.h"
#include "base/json.h"

namespace pdc {
namespace {

SourceOptions parse_source(OptionReader r) {
  SourceOptions o;
  o.kind = r.choice("kind", o.kind, {"auto", "x11", "synthetic", "wgc", "dxgi", "gdi"});
  o.display = r.text("display", o.display);
  o.window = r.text("window", o.window);
  o.process = r.text("process", o.process);
  o.width = static_cast<int>(r.integer("width", o.width, 16, 8192));
  o.height = static_cast<int>(r.integer("height", o.height, 16, 8192));
  o.resize = r.flag("resize", o.resize);
  r.finish();
  if (!o.window.empty() && !o.process.empty()) {
    throw Error(PD_ERR_INVALID_ARGUMENT, "source.window and source.process exclude each other; pass one");
  }
  return o;
}

EncoderOptions parse_encoder(OptionReader r) {
  EncoderOptions o;
  o.kind = r.choice("kind", o.kind, {"auto", "libx264", "x264", "nvenc", "amf", "qsv", "mf", "vaapi"});
  o.fps = r.number("fps", o.fps, 1, 240);
  o.bitrate_bps =
      static_cast<uint64_t>(r.integer("bitrateBps", static_cast<int64_t>(o.bitrate_bps), 50000, 1000000000));
  o.threads = static_cast<int>(r.integer("threads", o.threads, 0, 16));
  o.quality = static_cast<int>(r.integer("quality", o.quality, 1, 100));
  o.max_width = static_cast<int>(r.integer("maxWidth", o.max_width, 0, 8192));
  o.max_height = static_cast<int>(r.integer("maxHeight", o.max_height, 0, 8192));
  r.finish();
  return o;
}

CaptureOptions parse_capture(OptionReader r) {
  CaptureOptions o;
  o.max_queue_depth = static_cast<int>(r.integer("maxQueueDepth", o.max_queue_depth, 1, 64));
  o.frame_pool_buffers = static_cast<int>(r.integer("framePoolBuffers", o.frame_pool_buffers, 2, 64));
  o.drop_window_ms = static_cast<int>(r.integer("dropWindowMs", o.drop_window_ms, 1, 60000));
  o.drop_min_events = static_cast<int>(r.integer("dropMinEvents", o.drop_min_events, 0, 1000));
  o.min_update_interval_100ns = r.integer("minUpdateInterval100ns", 0, 0, 10000000);
  o.skip_unchanged = r.flag("skipUnchanged", o.skip_unchanged);
  o.cursor = r.choice("cursor", o.cursor, {"separate", "embedded", "none"});
  OptionReader mmcss = r.child("mmcss");
  o.mmcss = mmcss.flag("enable", o.mmcss);
  o.mmcss_priority = static_cast<int>(mmcss.integer("priority", o.mmcss_priority, -2, 2));
  mmcss.finish();
  // Of the GPU backends; accepted everywhere, so that one configuration file serves all machines.
  r.flag("gpuTiming", false);
  r.flag("deferredContext", false);
  r.finish();
  return o;
}

}  // namespace

PipelineOptions PipelineOptions::parse(std::string_view json) {
  const Json value = Json::parse(json);
  OptionReader r(value, "");
  PipelineOptions o;
  if (!r.has("source")) {
    throw Error(PD_ERR_INVALID_ARGUMENT, "source is missing; pass {\"source\":{\"kind\":\"auto\"}}");
  }
  o.source = parse_source(r.child("source"));
  o.encoder = parse_encoder(r.child("encoder"));
  o.capture = parse_capture(r.child("capture"));
  o.stats_interval_ms = static_cast<int>(r.integer("statsIntervalMs", 0, 0, 3600000));
  if (o.stats_interval_ms > 0 && o.stats_interval_ms < 50) {
    throw Error(PD_ERR_INVALID_ARGUMENT, "statsIntervalMs must be 0 (off) or at least 50");
  }
  r.finish();
  return o;
}

InjectorOptions InjectorOptions::parse(std::string_view json) {
  const Json value = Json::parse(json);
  OptionReader r(value, "");
  InjectorOptions o;
  o.kind = r.choice("kind", o.kind, {"auto", "xtest", "sendinput", "recorder"});
  o.display = r.text("display", o.display);
  o.pipeline = r.integer("pipeline", 0, 0, 9007199254740991);
  r.finish();
  return o;
}

std::string parse_display(std::string_view json) {
  const Json value = Json::parse(json);
  OptionReader r(value, "");
  std::string display = r.text("display", "");
  r.finish();
  return display;
}

}  // namespace pdc
