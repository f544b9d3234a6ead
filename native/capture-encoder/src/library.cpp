#include "library.h"

namespace pdc {
namespace {

template <typename Value>
std::shared_ptr<Value> look_up(const std::map<int64_t, std::shared_ptr<Value>>& map, int64_t handle,
                               const char* what) {
  const auto it = map.find(handle);
  if (it == map.end()) {
    throw Error(PD_ERR_BAD_HANDLE, std::to_string(handle) + " is not an open " + what);
  }
  return it->second;
}

template <typename Value>
std::shared_ptr<Value> take_out(std::map<int64_t, std::shared_ptr<Value>>& map, int64_t handle, int64_t last,
                                bool other_kind, const char* what) {
  const auto it = map.find(handle);
  if (it == map.end()) {
    if (handle > 0 && handle <= last && !other_kind) return nullptr;
    throw Error(PD_ERR_BAD_HANDLE, std::to_string(handle) + " never was a " + what);
  }
  std::shared_ptr<Value> value = std::move(it->second);
  map.erase(it);
  return value;
}

}  // namespace

Library& Library::instance() {
  static Library& library = *new Library();
  return library;
}

int64_t Library::next_handle() {
  const std::lock_guard lock(mutex_);
  return ++last_handle_;
}

void Library::add(int64_t handle, std::shared_ptr<Pipeline> pipeline) {
  const std::lock_guard lock(mutex_);
  pipelines_.emplace(handle, std::move(pipeline));
}

void Library::add(int64_t handle, std::shared_ptr<InjectorSlot> injector) {
  const std::lock_guard lock(mutex_);
  injectors_.emplace(handle, std::move(injector));
}

std::shared_ptr<Pipeline> Library::pipeline(int64_t handle) const {
  const std::lock_guard lock(mutex_);
  return look_up(pipelines_, handle, "pipeline");
}

std::shared_ptr<InjectorSlot> Library::injector(int64_t handle) const {
  const std::lock_guard lock(mutex_);
  return look_up(injectors_, handle, "injector");
}

std::shared_ptr<Pipeline> Library::remove_pipeline(int64_t handle) {
  const std::lock_guard lock(mutex_);
  return take_out(pipelines_, handle, last_handle_, injectors_.count(handle) != 0, "pipeline");
}

std::shared_ptr<InjectorSlot> Library::remove_injector(int64_t handle) {
  const std::lock_guard lock(mutex_);
  return take_out(injectors_, handle, last_handle_, pipelines_.count(handle) != 0, "injector");
}

size_t Library::pipelines() const {
  const std::lock_guard lock(mutex_);
  return pipelines_.size();
}

size_t Library::injectors() const {
  const std::lock_guard lock(mutex_);
  return injectors_.size();
}

}  // namespace pdc
