// Command pion_webrtc is the WebRTC side of the host as a C library (-buildmode=c-shared). This file
// is its whole boundary, described in native/include/pion_webrtc.h; what it does is in internal/host.
//
// Threads. Every function may be called from any thread. None blocks on the network:
// pdw_poll_events waits up to 100 ms by design, and the close functions wait for goroutines that end
// at once. A call into Go is cheap (about a microsecond) from a thread that runs on its own stack, which
// Go enters once and remembers. It costs about half a millisecond from a JavaScript main thread, where
// the FFI runs calls on a stack of its own and Go asks the C library for the stack's bounds each time:
// call from worker threads only. The library's static TLS block is small but there: glibc leaves room
// for it when a library is loaded late, other C libraries may not.
//
// A panic never leaves: each export recovers here, each goroutine of ours by internal/guard.
// The library must not be unloaded: the Go runtime cannot end.
package main

/*
#include <string.h>
#include "../include/peerdeck_abi.h"

// The header's types under names that cgo repeats in its own prototypes, const and all, so that the C
// compiler compares every export with pion_webrtc.h.
typedef const char pdw_text;
typedef const uint8_t pdw_bytes;

#include "../include/pion_webrtc.h"

static void pdw_call_wake(uint64_t address, uint64_t user, uint32_t flags) {
  ((pd_wake)(uintptr_t)address)(user, flags);
}
*/
import "C"

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"
	"unsafe"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/abi"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/host"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/pacer"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/stream"
)

// library is the process's one instance: handles are unique within the process.
var library = host.New()

func main() {}

//export pdw_abi_version
func pdw_abi_version() C.int32_t { return abi.Version }

//export pdw_describe
func pdw_describe(out *C.char, outCapacity C.uint32_t) (code C.int32_t) {
	return call32(out, outCapacity, func() (string, error) {
		return toJSON(map[string]any{"abi": abi.Version, "go": runtime.Version(), "pion": moduleVersion("github.com/pion/webrtc/v4")})
	})
}

//export pdw_engine_open
func pdw_engine_open(options *C.pdw_text, optionsSize C.uint32_t, out *C.char, outCapacity C.uint32_t) C.int64_t {
	return call64(out, outCapacity, func() (int64, error) { return library.OpenEngine(input(options, optionsSize)) })
}

//export pdw_engine_close
func pdw_engine_close(engine C.int64_t) C.int32_t {
	return call32(nil, 0, func() (string, error) { return "", library.CloseEngine(int64(engine)) })
}

//export pdw_stream_open
func pdw_stream_open(engine C.int64_t, options *C.pdw_text, optionsSize C.uint32_t, out *C.char, outCapacity C.uint32_t) C.int64_t {
	return call64(out, outCapacity, func() (int64, error) {
		return library.OpenStream(int64(engine), input(options, optionsSize))
	})
}

//export pdw_stream_close
func pdw_stream_close(stream C.int64_t) C.int32_t {
	return call32(nil, 0, func() (string, error) { return "", library.CloseStream(int64(stream)) })
}

//export pdw_push
func pdw_push(user C.uint64_t, unit *C.pd_access_unit) (result C.int32_t) {
	defer recovered(func(code C.int32_t, _ string) { result = code })
	if unit == nil || unit.struct_size < C.uint32_t(unsafe.Sizeof(*unit)) || unit.data == nil || unit.size == 0 {
		return C.PD_ERR_INVALID_ARGUMENT
	}
	if uint32(unit.codec) != abi.CodecH264 {
		return C.PD_ERR_UNSUPPORTED
	}
	flags, err := library.Push(int64(user), stream.Unit{
		Data:          unsafe.Slice((*byte)(unit.data), int(unit.size)),
		Keyframe:      uint32(unit.flags)&abi.UnitKeyframe != 0,
		Droppable:     uint32(unit.flags)&abi.UnitDroppable != 0,
		CaptureMicros: int64(unit.capture_time_us),
	})
	if err != nil {
		return C.int32_t(abi.CodeOf(err))
	}
	return C.int32_t(flags)
}

//export pdw_stream_set_wake
func pdw_stream_set_wake(stream C.int64_t, wakeAddress C.uint64_t, user C.uint64_t) C.int32_t {
	return call32(nil, 0, func() (string, error) {
		if wakeAddress == 0 {
			return "", library.SetWake(int64(stream), nil)
		}
		return "", library.SetWake(int64(stream), func(flags uint32) {
			C.pdw_call_wake(wakeAddress, user, C.uint32_t(flags))
		})
	})
}

//export pdw_peer_open
func pdw_peer_open(engine C.int64_t, options *C.pdw_text, optionsSize C.uint32_t, out *C.char, outCapacity C.uint32_t) C.int64_t {
	return call64(out, outCapacity, func() (int64, error) {
		return library.OpenPeer(int64(engine), input(options, optionsSize))
	})
}

//export pdw_peer_answer
func pdw_peer_answer(peer C.int64_t, offer *C.pdw_text, offerSize C.uint32_t, out *C.char, outCapacity C.uint32_t) C.int32_t {
	return call32(out, outCapacity, func() (string, error) {
		return library.Answer(int64(peer), string(input(offer, offerSize)))
	})
}

//export pdw_peer_add_candidate
func pdw_peer_add_candidate(peer C.int64_t, candidate *C.pdw_text, candidateSize C.uint32_t, out *C.char, outCapacity C.uint32_t) C.int32_t {
	return call32(out, outCapacity, func() (string, error) {
		return "", library.AddCandidate(int64(peer), input(candidate, candidateSize))
	})
}

//export pdw_peer_send
func pdw_peer_send(peer C.int64_t, channel C.uint32_t, isText C.int32_t, data *C.pdw_bytes, size C.uint32_t) C.int32_t {
	return call32(nil, 0, func() (string, error) {
		p, err := library.Peer(int64(peer))
		if err != nil {
			return "", err
		}
		if channel > 65535 {
			return "", abi.Errorf(abi.InvalidArgument, "channel is out of range")
		}
		return "", p.Send(uint16(channel), isText != 0, input((*C.pdw_text)(unsafe.Pointer(data)), size))
	})
}

//export pdw_peer_set_video
func pdw_peer_set_video(peer C.int64_t, enabled C.int32_t) C.int32_t {
	return call32(nil, 0, func() (string, error) {
		p, err := library.Peer(int64(peer))
		if err == nil {
			p.SetVideo(enabled != 0)
		}
		return "", err
	})
}

//export pdw_peer_set_input
func pdw_peer_set_input(peer C.int64_t, accepted C.int32_t) C.int32_t {
	return call32(nil, 0, func() (string, error) {
		p, err := library.Peer(int64(peer))
		if err == nil {
			p.SetInput(accepted != 0)
		}
		return "", err
	})
}

//export pdw_peer_set_pace
func pdw_peer_set_pace(peer C.int64_t, bitsPerSecond C.uint64_t, gain C.double, windowBytes C.uint64_t) C.int32_t {
	return call32(nil, 0, func() (string, error) {
		p, err := library.Peer(int64(peer))
		if err == nil {
			err = p.SetPace(pacer.Pace{BitsPerSecond: uint64(bitsPerSecond), Gain: float64(gain), Window: uint64(windowBytes)})
		}
		return "", err
	})
}

//export pdw_peer_close
func pdw_peer_close(peer C.int64_t, flushMs C.uint32_t) C.int32_t {
	return call32(nil, 0, func() (string, error) {
		return "", library.ClosePeer(int64(peer), time.Duration(flushMs)*time.Millisecond)
	})
}

//export pdw_poll_events
func pdw_poll_events(buffer *C.uint8_t, capacity C.uint32_t, timeoutMs C.uint32_t) (result C.int32_t) {
	defer recovered(func(code C.int32_t, _ string) { result = code })
	if buffer == nil || capacity > 1<<30 {
		return C.PD_ERR_INVALID_ARGUMENT
	}
	used, err := library.Events.Poll(unsafe.Slice((*byte)(buffer), int(capacity)), time.Duration(timeoutMs)*time.Millisecond)
	if err != nil {
		return C.int32_t(abi.CodeOf(err))
	}
	return C.int32_t(used)
}

//export pdw_wake_events
func pdw_wake_events() C.int32_t {
	return call32(nil, 0, func() (string, error) {
		library.Events.Wake()
		return "", nil
	})
}

//export pdw_leaks
func pdw_leaks(out *C.char, outCapacity C.uint32_t) C.int32_t {
	return call32(out, outCapacity, func() (string, error) { return toJSON(library.Leaks()) })
}

// call32 runs the body of an export that leaves a text, or nothing, in out.
func call32(out *C.char, capacity C.uint32_t, body func() (string, error)) (result C.int32_t) {
	defer recovered(func(code C.int32_t, text string) {
		result = code
		leave(out, capacity, text)
	})
	text, err := body()
	if err != nil {
		leave(out, capacity, err.Error())
		return C.int32_t(abi.CodeOf(err))
	}
	if text == "" {
		leave(out, capacity, "")
		return C.PD_OK
	}
	if len(text) >= int(capacity) || out == nil {
		leave(out, capacity, fmt.Sprintf("the result has %d bytes and a terminator; out_capacity is %d", len(text), capacity))
		return C.PD_ERR_TOO_LARGE
	}
	leave(out, capacity, text)
	return C.PD_OK
}

// call64 runs the body of an export that gives a handle.
func call64(out *C.char, capacity C.uint32_t, body func() (int64, error)) (result C.int64_t) {
	defer recovered(func(code C.int32_t, text string) {
		result = C.int64_t(code)
		leave(out, capacity, text)
	})
	handle, err := body()
	if err != nil {
		leave(out, capacity, err.Error())
		return C.int64_t(abi.CodeOf(err))
	}
	leave(out, capacity, "")
	return C.int64_t(handle)
}

// recovered is deferred by every export: it turns a panic into an error of the call.
func recovered(fail func(code C.int32_t, text string)) {
	if value := recover(); value != nil {
		library.Events.Log(0, "error", fmt.Sprintf("caught a panic at the boundary: %v\n%s", value, debug.Stack()))
		fail(C.PD_ERR_INTERNAL, fmt.Sprintf("internal fault: %v", value))
	}
}

// input copies what came in, since pointers are valid only during the call.
func input(text *C.pdw_text, size C.uint32_t) []byte {
	if text == nil || size == 0 {
		return nil
	}
	return C.GoBytes(unsafe.Pointer(text), C.int(min(size, 1<<24)))
}

// leave writes text into out, cut to fit, always terminated.
func leave(out *C.char, capacity C.uint32_t, text string) {
	if out == nil || capacity == 0 {
		return
	}
	buffer := unsafe.Slice((*byte)(unsafe.Pointer(out)), int(capacity))
	buffer[copy(buffer[:capacity-1], text)] = 0
}

func toJSON(value any) (string, error) {
	text, err := json.Marshal(value)
	return string(text), err
}

func moduleVersion(path string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == path {
				return module.Version
			}
		}
	}
	return "unknown"
}
