/*
 * Calls the built library as a host does that loads it late: every function with what a careless or
 * hostile caller may hand it. argv[1] is the library. Prints each failed check; exits with their number.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "../../include/pion_webrtc.h"

static int failures;

#define CHECK(got, want)                                                                   \
  do {                                                                                     \
    long long got_ = (long long)(got), want_ = (long long)(want);                          \
    if (got_ != want_) {                                                                   \
      printf("line %d: %s is %lld, want %lld\n", __LINE__, #got, got_, want_);             \
      failures++;                                                                          \
    }                                                                                      \
  } while (0)

#define CHECK_TEXT(text, part)                                                             \
  do {                                                                                     \
    if (strstr((text), (part)) == NULL) {                                                  \
      printf("line %d: \"%s\" does not say \"%s\"\n", __LINE__, (text), (part));           \
      failures++;                                                                          \
    }                                                                                      \
  } while (0)

#define FUNCTIONS(X)                                                                       \
  X(pdw_abi_version) X(pdw_describe) X(pdw_engine_open) X(pdw_engine_close)                \
  X(pdw_stream_open) X(pdw_stream_close) X(pdw_push) X(pdw_stream_set_wake)                \
  X(pdw_peer_open) X(pdw_peer_answer) X(pdw_peer_add_candidate) X(pdw_peer_send)           \
  X(pdw_peer_set_video) X(pdw_peer_set_pace) X(pdw_peer_close) X(pdw_poll_events)          \
  X(pdw_wake_events) X(pdw_leaks)
#define DECLARE(name) static __typeof__(&name) call_##name;
FUNCTIONS(DECLARE)

static int32_t wake_nobody(uint64_t user, uint32_t flags) {
  (void)user;
  (void)flags;
  return 0;
}

static void *poll_until_closed(void *result) {
  static uint8_t buffer[1 << 17];
  *(int32_t *)result = 0;
  for (int i = 0; i < 100; i++) {
    int32_t used = call_pdw_poll_events(buffer, sizeof buffer, 100);
    if (used != 0) {
      *(int32_t *)result = used;
      return NULL;
    }
  }
  return NULL;
}

static void describes_itself(void) {
  char out[256], small[8];
  CHECK(call_pdw_abi_version(), PD_ABI_VERSION);
  CHECK(call_pdw_describe(out, sizeof out), PD_OK);
  CHECK_TEXT(out, "\"abi\":3");
  CHECK_TEXT(out, "\"pion\":\"v4.");
  CHECK(call_pdw_describe(small, sizeof small), PD_ERR_TOO_LARGE);
  CHECK(strlen(small), sizeof small - 1);
  CHECK(call_pdw_describe(NULL, 100), PD_ERR_TOO_LARGE);
  CHECK(call_pdw_describe(out, 0), PD_ERR_TOO_LARGE);
}

static void refuses_bad_options(void) {
  char out[256];
  const char *unknown = "{\"volume\":11}";
  CHECK(call_pdw_engine_open(unknown, (uint32_t)strlen(unknown), out, sizeof out), PD_ERR_INVALID_ARGUMENT);
  CHECK_TEXT(out, "volume");
  CHECK(call_pdw_engine_open(unknown, (uint32_t)strlen(unknown), NULL, 0), PD_ERR_INVALID_ARGUMENT);
  CHECK(call_pdw_engine_open("\xff", 1, out, 1), PD_ERR_INVALID_ARGUMENT);
  CHECK(out[0], 0);
}

static void refuses_wrong_handles(int64_t handle) {
  char out[256];
  const uint8_t byte = 0;
  pd_access_unit unit = {.struct_size = sizeof unit, .codec = PD_CODEC_H264, .data = &byte, .size = 1};
  CHECK(call_pdw_engine_close(handle), PD_ERR_BAD_HANDLE);
  CHECK(call_pdw_stream_open(handle, NULL, 0, out, sizeof out), PD_ERR_BAD_HANDLE);
  CHECK(call_pdw_stream_close(handle), PD_ERR_BAD_HANDLE);
  CHECK(call_pdw_push((uint64_t)handle, &unit), PD_ERR_BAD_HANDLE);
  CHECK(call_pdw_stream_set_wake(handle, 0, 0), PD_ERR_BAD_HANDLE);
  CHECK(call_pdw_peer_open(handle, NULL, 0, out, sizeof out), PD_ERR_BAD_HANDLE);
  CHECK(call_pdw_peer_answer(handle, "x", 1, out, sizeof out), PD_ERR_BAD_HANDLE);
  CHECK(call_pdw_peer_add_candidate(handle, "{}", 2, out, sizeof out), PD_ERR_BAD_HANDLE);
  CHECK(call_pdw_peer_send(handle, 1, 1, &byte, 1), PD_ERR_BAD_HANDLE);
  CHECK(call_pdw_peer_set_video(handle, 1), PD_ERR_BAD_HANDLE);
  CHECK(call_pdw_peer_set_pace(handle, 1000000, 1.5, 0), PD_ERR_BAD_HANDLE);
  CHECK(call_pdw_peer_close(handle, 0), PD_ERR_BAD_HANDLE);
}

static void refuses_bad_units(int64_t stream) {
  const uint8_t data[] = {0, 0, 0, 1, 0x65, 1};
  const pd_access_unit good = {
      .struct_size = sizeof good, .codec = PD_CODEC_H264, .data = data, .size = sizeof data, .flags = PD_AU_KEYFRAME};
  pd_access_unit unit = good;
  CHECK(call_pdw_push((uint64_t)stream, &unit), PD_SINK_NO_VIEWER);
  CHECK(call_pdw_push((uint64_t)stream, NULL), PD_ERR_INVALID_ARGUMENT);
  unit.struct_size = 8;
  CHECK(call_pdw_push((uint64_t)stream, &unit), PD_ERR_INVALID_ARGUMENT);
  unit = good;
  unit.data = NULL;
  CHECK(call_pdw_push((uint64_t)stream, &unit), PD_ERR_INVALID_ARGUMENT);
  unit = good;
  unit.size = 0;
  CHECK(call_pdw_push((uint64_t)stream, &unit), PD_ERR_INVALID_ARGUMENT);
  unit = good;
  unit.codec = PD_CODEC_OPUS;
  CHECK(call_pdw_push((uint64_t)stream, &unit), PD_ERR_UNSUPPORTED);
  unit = good;
  unit.size = 1u << 30;
  CHECK(call_pdw_push((uint64_t)stream, &unit), PD_ERR_TOO_LARGE);
}

static void opens_polls_and_closes(void) {
  char out[4096];
  const char *options = "{\"mdns\":false,\"maxPeers\":1}";
  int64_t engine = call_pdw_engine_open(options, (uint32_t)strlen(options), out, sizeof out);
  int64_t stream = call_pdw_stream_open(engine, NULL, 0, out, sizeof out);
  int64_t peer = call_pdw_peer_open(engine, NULL, 0, NULL, 0);
  CHECK(engine > 0 && stream > 0 && peer > 0, 1);
  CHECK(call_pdw_peer_open(engine, NULL, 0, out, sizeof out), PD_ERR_STATE);
  CHECK_TEXT(out, "maxPeers");
  refuses_bad_units(stream);
  CHECK(call_pdw_stream_set_wake(stream, (uint64_t)(uintptr_t)wake_nobody, 7), PD_OK);
  CHECK(call_pdw_stream_set_wake(stream, 0, 0), PD_OK);
  CHECK(call_pdw_peer_answer(peer, "hello", 5, out, sizeof out), PD_ERR_INVALID_ARGUMENT);
  CHECK_TEXT(out, "offer is not SDP");
  CHECK(call_pdw_peer_add_candidate(peer, "{}", 2, out, sizeof out), PD_ERR_INVALID_ARGUMENT);
  CHECK_TEXT(out, "candidate is missing");
  CHECK(call_pdw_peer_send(peer, 1, 1, NULL, 0), PD_ERR_STATE);
  CHECK(call_pdw_peer_send(peer, 70000, 1, NULL, 0), PD_ERR_INVALID_ARGUMENT);
  CHECK(call_pdw_peer_set_pace(peer, 1, 1.5, 0), PD_ERR_INVALID_ARGUMENT);
  CHECK(call_pdw_poll_events(NULL, 100, 0), PD_ERR_INVALID_ARGUMENT);

  pthread_t poller;
  int32_t polled = 0;
  pthread_create(&poller, NULL, poll_until_closed, &polled);
  CHECK(call_pdw_peer_close(peer, 0), PD_OK); /* its state ends the poll */
  pthread_join(poller, NULL);
  CHECK(polled > 0, 1);
  CHECK(call_pdw_peer_close(peer, 0), PD_OK);
  CHECK(call_pdw_wake_events(), PD_OK);
  CHECK(call_pdw_engine_close(engine), PD_OK);
  CHECK(call_pdw_engine_close(engine), PD_OK);
  CHECK(call_pdw_stream_close(stream), PD_OK);
  CHECK(call_pdw_push((uint64_t)stream, &(pd_access_unit){.struct_size = sizeof(pd_access_unit), .codec = PD_CODEC_H264,
                                                          .data = (const uint8_t *)"x", .size = 1}), PD_SINK_CLOSED);
  CHECK(call_pdw_leaks(out, sizeof out), PD_OK);
  CHECK_TEXT(out, "{\"engines\":0,\"streams\":0,\"peers\":0,");
}

int main(int argc, char **argv) {
  void *library = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
  if (library == NULL) {
    printf("the library does not load: %s\n", argc == 2 ? dlerror() : "no path given");
    return 1;
  }
#define RESOLVE(name)                                                                      \
  call_##name = (__typeof__(&name))dlsym(library, #name);                                  \
  if (call_##name == NULL) {                                                               \
    printf("%s is not exported\n", #name);                                                 \
    return 1;                                                                              \
  }
  FUNCTIONS(RESOLVE)
  describes_itself();
  refuses_bad_options();
  refuses_wrong_handles(0);
  refuses_wrong_handles(-1);
  refuses_wrong_handles(INT64_MAX);
  refuses_wrong_handles(INT64_MIN);
  opens_polls_and_closes();
  return failures;
}
