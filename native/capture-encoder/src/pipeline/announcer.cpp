#include "pipeline/announcer.h"

#include "base/json.h"
#include "capture/png.h"

namespace pdc {

void Announcer::source(const char* state, Size size, const std::string& reason) {
  JsonWriter json;
  json.open('{').field("state", state).field("width", size.width).field("height", size.height);
  json.field("reason", reason).close('}');
  events_.post(PD_EVENT_SOURCE, handle_, json.text());
}

void Announcer::encoder(const char* state, const char* name, const std::string& reason) {
  JsonWriter json;
  json.open('{').field("state", state).field("name", name).field("reason", reason).close('}');
  events_.post(PD_EVENT_ENCODER, handle_, json.text());
}

void Announcer::cursor(const CursorShape& shape) {
  JsonWriter json;
  json.open('{').field("serial", static_cast<uint64_t>(shape.serial));
  if (shape.hidden) {
    json.field("hidden", true);
  } else {
    json.field("hotX", shape.hot_x).field("hotY", shape.hot_y);
    json.field("width", shape.width).field("height", shape.height);
    json.field("png", base64(encode_png(shape.rgba.data(), shape.width, shape.height)));
  }
  json.close('}');
  events_.post(PD_EVENT_CURSOR, handle_, json.text());
}

}  // namespace pdc
