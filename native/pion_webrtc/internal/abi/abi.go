// Package abi holds the numbers that native/include/peerdeck_abi.h defines, so that no other
// package needs cgo to speak of them. A test compares them with the header.
package abi

import (
	"errors"
	"fmt"
)

// Version is PD_ABI_VERSION.
const Version = 3

// Code is a pd_error.
type Code int32

const (
	OK              Code = 0
	InvalidArgument Code = -1
	BadHandle       Code = -2
	Unsupported     Code = -3
	Unavailable     Code = -4
	NotFound        Code = -5
	State           Code = -6
	TooLarge        Code = -7
	WouldBlock      Code = -8
	Closed          Code = -9
	Internal        Code = -10
)

// Flags of an access unit (pd_access_unit_flags) and its codecs (pd_codec).
const (
	CodecH264 uint32 = 1
	CodecOpus uint32 = 16

	UnitKeyframe   uint32 = 1 << 0
	UnitDroppable  uint32 = 1 << 1
	UnitRefinement uint32 = 1 << 2
)

// SinkResult is what a frame sink answers (pd_sink_result).
type SinkResult int32

const (
	SinkOK             SinkResult = 0
	SinkKeyframeWanted SinkResult = 1 << 0
	SinkCongested      SinkResult = 1 << 1
	SinkNoViewer       SinkResult = 1 << 2
	SinkClosed         SinkResult = 1 << 3
)

// Flags of a wake (pd_wake_flags).
const (
	WakeKeyframe uint32 = 1 << 0
	WakeViewers  uint32 = 1 << 1
	WakeDrained  uint32 = 1 << 2
)

// Types of events (pd_event_type) that this library makes.
const (
	EventPeerState uint16 = 1
	EventCandidate uint16 = 2
	EventChannel   uint16 = 3
	EventData      uint16 = 4
	EventFeedback  uint16 = 5
	EventPath      uint16 = 6
	EventArrivals  uint16 = 7
	EventLog       uint16 = 64
	EventFault     uint16 = 65
)

// Data channels by stream id (pd_channel).
const (
	ChannelControl uint16 = 1
	ChannelInput   uint16 = 2
	ChannelPointer uint16 = 3
)

// Error is a failure with its code; Text says what, which field, and the remedy.
type Error struct {
	Code Code
	Text string
}

func (e *Error) Error() string { return e.Text }

// Errorf makes an *Error.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Text: fmt.Sprintf(format, args...)}
}

// CodeOf gives the code of err: OK for nil, Internal for an error that carries none.
func CodeOf(err error) Code {
	if err == nil {
		return OK
	}
	var coded *Error
	if errors.As(err, &coded) {
		return coded.Code
	}
	return Internal
}
