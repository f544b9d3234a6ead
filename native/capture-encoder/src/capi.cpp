// The C boundary, and nothing else: checks pointers, finds handles, turns exceptions into codes.
#include <cstring>
#include <new>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "base/json.h"
#include "base/leaks.h"
#include "capture_encoder.h"
#include "inject/renewing_injector.h"
#include "library.h"
#include "versions.h"

namespace {

using pdc::Error;
using pdc::Library;

constexpr uint32_t kMaxTextBytes = 4096;
constexpr uint32_t kMaxInputEvents = 1024;
constexpr uint32_t kMaxPollMs = 1000;

/* Cut at the end of a character, always NUL-terminated. */
void leave_error(char* out, uint32_t capacity, const char* text) noexcept {
  if (out == nullptr || capacity == 0) return;
  size_t size = std::strlen(text);
  if (size >= capacity) {
    size = capacity - 1;
    while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  }
  std::memcpy(out, text, size);
  out[size] = '\0';
}

/* Runs `body`, which returns a code or handle; an exception becomes its code, with the text in `out`. */
template <typename Result, typename Body>
Result wrap(char* out, uint32_t capacity, Body&& body) noexcept {
  try {
    return body();
  } catch (const Error& error) {
    leave_error(out, capacity, error.what());
    return error.code();
  } catch (const std::bad_alloc&) {
    leave_error(out, capacity, "out of memory");
    return PD_ERR_INTERNAL;
  } catch (const std::exception& error) {
    leave_error(out, capacity, error.what());
    return PD_ERR_INTERNAL;
  } catch (...) {
    leave_error(out, capacity, "unknown failure");
    return PD_ERR_INTERNAL;
  }
}

std::string_view view(const char* text, uint32_t size) {
  if (text == nullptr && size > 0)
    throw Error(PD_ERR_INVALID_ARGUMENT, "options is null but its size is not 0");
  return text == nullptr ? std::string_view() : std::string_view(text, size);
}

int32_t leave(char* out, uint32_t capacity, const std::string& json) {
  if (out == nullptr && capacity == 0) return PD_OK;
  if (out == nullptr) throw Error(PD_ERR_INVALID_ARGUMENT, "out is null");
  if (json.size() + 1 > capacity) {
    throw Error(PD_ERR_TOO_LARGE, "the result has " + std::to_string(json.size() + 1) +
                                      " bytes; pass an out_capacity of at least that");
  }
  std::memcpy(out, json.c_str(), json.size() + 1);
  return static_cast<int32_t>(json.size());
}

void write_list(pdc::JsonWriter& json, const char* name, const std::vector<pdc::Availability>& list) {
  json.key(name).open('[');
  for (const pdc::Availability& one : list) {
    json.open('{')
        .field("name", one.name)
        .field("available", one.available)
        .field("reason", one.reason)
        .close('}');
  }
  json.close(']');
}

/* What a pipeline had (pictures, an encoder's tens of MB) was spread over the heap by several threads: glibc
   keeps such pages for ever unless it is asked, and each viewer that comes and goes would add some. */
void return_memory() {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}

pdc::Rect area_of(const pdc::InjectorSlot& slot) {
  if (!slot.follows_pipeline) return {};
  const std::shared_ptr<pdc::Pipeline> pipeline = slot.pipeline.lock();
  if (!pipeline) throw Error(PD_ERR_CLOSED, "the pipeline that gives the coordinates is closed");
  return pipeline->placement();
}

pdc::Injector& open_one(pdc::InjectorSlot& slot) {
  if (!slot.injector) throw Error(PD_ERR_BAD_HANDLE, "the injector is closed");
  return *slot.injector;
}

}  // namespace

extern "C" {

int32_t pdc_abi_version(void) { return PD_ABI_VERSION; }

int32_t pdc_probe(const char* options, uint32_t options_size, char* out, uint32_t out_capacity) {
  return wrap<int32_t>(out, out_capacity, [&] {
    const std::string display = pdc::parse_display(view(options, options_size));
    pdc::JsonWriter json;
    json.open('{').key("versions").open('{');
    for (const auto& [name, version] : pdc::versions()) json.field(name, version);
    json.close('}');
    write_list(json, "sources", pdc::probe_sources(display));
    write_list(json, "encoders", pdc::probe_encoders());
    write_list(json, "injectors", pdc::probe_injectors(display));
    json.close('}');
    return leave(out, out_capacity, json.text());
  });
}

int32_t pdc_list_windows(const char* options, uint32_t options_size, char* out, uint32_t out_capacity) {
  return wrap<int32_t>(out, out_capacity, [&] {
    return leave(out, out_capacity, pdc::list_windows(pdc::parse_display(view(options, options_size))));
  });
}

int64_t pdc_pipeline_open(const char* options, uint32_t options_size, char* out, uint32_t out_capacity) {
  return wrap<int64_t>(out, out_capacity, [&] {
    Library& library = Library::instance();
    const auto parsed = pdc::PipelineOptions::parse(view(options, options_size));
    const int64_t handle = library.next_handle();
    const auto pipeline = std::make_shared<pdc::Pipeline>(handle, parsed, library.events());
    leave(out, out_capacity, pipeline->describe());  // before it is added: throws if it does not fit
    library.add(handle, pipeline);
    return handle;
  });
}

int32_t pdc_pipeline_set_sink(int64_t pipeline, uint64_t sink_address, uint64_t user) {
  return wrap<int32_t>(nullptr, 0, [&] {
    const auto found = Library::instance().pipeline(pipeline);
    found->set_sink(reinterpret_cast<pd_frame_sink>(static_cast<uintptr_t>(sink_address)), user);
    return PD_OK;
  });
}

int32_t pdc_pipeline_start(int64_t pipeline, char* out, uint32_t out_capacity) {
  return wrap<int32_t>(out, out_capacity, [&] {
    const auto found = Library::instance().pipeline(pipeline);
    found->start();
    leave_error(out, out_capacity, "{}");
    return PD_OK;
  });
}

int32_t pdc_pipeline_stop(int64_t pipeline) {
  return wrap<int32_t>(nullptr, 0, [&] {
    Library::instance().pipeline(pipeline)->stop();
    return PD_OK;
  });
}

int32_t pdc_pipeline_close(int64_t pipeline) {
  return wrap<int32_t>(nullptr, 0, [&] {
    // Stop first: a sink that closes its own pipeline gets an error, and the handle stays valid.
    const auto found = Library::instance().remove_pipeline(pipeline);
    if (!found) return PD_OK;
    try {
      found->close();
    } catch (const Error&) {
      Library::instance().add(pipeline, found);
      throw;
    }
    return_memory();
    return PD_OK;
  });
}

int32_t pdc_pipeline_set_rate(int64_t pipeline, uint64_t bits_per_second, double fps, double scale) {
  return wrap<int32_t>(nullptr, 0, [&] {
    Library::instance().pipeline(pipeline)->set_rate(bits_per_second, fps, scale);
    return PD_OK;
  });
}

int32_t pdc_pipeline_request_keyframe(int64_t pipeline) {
  return wrap<int32_t>(nullptr, 0, [&] {
    Library::instance().pipeline(pipeline)->wake(PD_WAKE_KEYFRAME);
    return PD_OK;
  });
}

int32_t pdc_pipeline_stats(int64_t pipeline, char* out, uint32_t out_capacity) {
  return wrap<int32_t>(out, out_capacity, [&] {
    return leave(out, out_capacity, Library::instance().pipeline(pipeline)->stats());
  });
}

int32_t pdc_wake(uint64_t user, uint32_t flags) {
  return wrap<int32_t>(nullptr, 0, [&] {
    Library::instance().pipeline(static_cast<int64_t>(user))->wake(flags);
    return PD_OK;
  });
}

int64_t pdc_injector_open(const char* options, uint32_t options_size, char* out, uint32_t out_capacity) {
  return wrap<int64_t>(out, out_capacity, [&] {
    Library& library = Library::instance();
    const auto parsed = pdc::InjectorOptions::parse(view(options, options_size));
    const auto slot = std::make_shared<pdc::InjectorSlot>();
    if (parsed.pipeline != 0) {
      slot->pipeline = library.pipeline(parsed.pipeline);
      slot->follows_pipeline = true;
    }
    const int64_t handle = library.next_handle();
    slot->injector = std::make_unique<pdc::RenewingInjector>(
        [parsed] { return pdc::open_injector(parsed.kind, parsed.display); }, library.events(), handle);
    pdc::JsonWriter json;
    json.open('{').field("kind", slot->injector->name()).close('}');
    leave(out, out_capacity, json.text());
    library.add(handle, slot);
    return handle;
  });
}

int32_t pdc_injector_inject(int64_t injector, const pd_input_event* events, uint32_t count) {
  return wrap<int32_t>(nullptr, 0, [&] {
    const auto slot = Library::instance().injector(injector);
    if ((events == nullptr && count > 0) || count > kMaxInputEvents) {
      throw Error(PD_ERR_INVALID_ARGUMENT, "events is null, or more than 1024");
    }
    const std::span<const pd_input_event> all(events, count);
    pdc::check_events(all);
    const std::lock_guard lock(slot->mutex);
    open_one(*slot).inject(all, area_of(*slot));
    return static_cast<int32_t>(count);
  });
}

int32_t pdc_injector_text(int64_t injector, const char* text, uint32_t size) {
  return wrap<int32_t>(nullptr, 0, [&] {
    const auto slot = Library::instance().injector(injector);
    if (text == nullptr && size > 0) throw Error(PD_ERR_INVALID_ARGUMENT, "text is null");
    if (size > kMaxTextBytes) throw Error(PD_ERR_TOO_LARGE, "more than 4 KiB of text");
    const std::lock_guard lock(slot->mutex);
    open_one(*slot).text(view(text, size));
    return PD_OK;
  });
}

int32_t pdc_injector_release_all(int64_t injector) {
  return wrap<int32_t>(nullptr, 0, [&] {
    const auto slot = Library::instance().injector(injector);
    const std::lock_guard lock(slot->mutex);
    return static_cast<int32_t>(open_one(*slot).release_all());
  });
}

int32_t pdc_injector_close(int64_t injector) {
  return wrap<int32_t>(nullptr, 0, [&] {
    const auto slot = Library::instance().remove_injector(injector);
    if (!slot) return PD_OK;
    const std::lock_guard lock(slot->mutex);
    try {
      slot->injector->release_all();
    } catch (const Error&) {
      // The display is gone, and the held keys with it.
    }
    slot->injector.reset();
    return PD_OK;
  });
}

int32_t pdc_poll_events(uint8_t* buffer, uint32_t capacity, uint32_t timeout_ms) {
  return wrap<int32_t>(nullptr, 0, [&]() -> int32_t {
    if (buffer == nullptr || capacity < sizeof(pd_event_header)) return PD_ERR_INVALID_ARGUMENT;
    return Library::instance().events().poll(buffer, capacity, std::min(timeout_ms, kMaxPollMs));
  });
}

int32_t pdc_wake_events(void) {
  return wrap<int32_t>(nullptr, 0, [] {
    Library::instance().events().wake();
    return PD_OK;
  });
}

int32_t pdc_leaks(char* out, uint32_t out_capacity) {
  return wrap<int32_t>(out, out_capacity, [&] {
    Library& library = Library::instance();
    pdc::JsonWriter json;
    json.open('{').field("pipelines", static_cast<uint64_t>(library.pipelines()));
    json.field("injectors", static_cast<uint64_t>(library.injectors()));
    json.field("threads", pdc::leaks().threads.load()).field("displays", pdc::leaks().displays.load());
    json.field("queuedEvents", static_cast<uint64_t>(library.events().size()));
    json.field("droppedLogs", library.events().dropped_logs()).close('}');
    return leave(out, out_capacity, json.text());
  });
}

}  // extern "C"
