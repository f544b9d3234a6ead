package abi

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func TestTheNumbersAreThoseOfTheHeader(t *testing.T) {
	text, err := os.ReadFile("../../../include/peerdeck_abi.h")
	if err != nil {
		t.Fatal(err)
	}
	header := map[string]int64{}
	for _, match := range regexp.MustCompile(`\b(PD_[A-Z0-9_]+)(?: =|) (-?\d+)u?( << (\d+))?`).FindAllStringSubmatch(string(text), -1) {
		value, _ := strconv.ParseInt(match[2], 10, 64)
		if match[4] != "" {
			shift, _ := strconv.Atoi(match[4])
			value <<= shift
		}
		header[match[1]] = value
	}
	ours := map[string]int64{
		"PD_ABI_VERSION": Version,
		"PD_OK":          int64(OK), "PD_ERR_INVALID_ARGUMENT": int64(InvalidArgument), "PD_ERR_BAD_HANDLE": int64(BadHandle),
		"PD_ERR_UNSUPPORTED": int64(Unsupported), "PD_ERR_UNAVAILABLE": int64(Unavailable), "PD_ERR_NOT_FOUND": int64(NotFound),
		"PD_ERR_STATE": int64(State), "PD_ERR_TOO_LARGE": int64(TooLarge), "PD_ERR_WOULD_BLOCK": int64(WouldBlock),
		"PD_ERR_CLOSED": int64(Closed), "PD_ERR_INTERNAL": int64(Internal),
		"PD_CODEC_H264": int64(CodecH264), "PD_CODEC_OPUS": int64(CodecOpus),
		"PD_AU_KEYFRAME": int64(UnitKeyframe), "PD_AU_DROPPABLE": int64(UnitDroppable), "PD_AU_REFINEMENT": int64(UnitRefinement),
		"PD_SINK_OK": int64(SinkOK), "PD_SINK_KEYFRAME_WANTED": int64(SinkKeyframeWanted), "PD_SINK_CONGESTED": int64(SinkCongested),
		"PD_SINK_NO_VIEWER": int64(SinkNoViewer), "PD_SINK_CLOSED": int64(SinkClosed),
		"PD_WAKE_KEYFRAME": int64(WakeKeyframe), "PD_WAKE_VIEWERS": int64(WakeViewers), "PD_WAKE_DRAINED": int64(WakeDrained),
		"PD_EVENT_PEER_STATE": int64(EventPeerState), "PD_EVENT_CANDIDATE": int64(EventCandidate), "PD_EVENT_CHANNEL": int64(EventChannel),
		"PD_EVENT_DATA": int64(EventData), "PD_EVENT_FEEDBACK": int64(EventFeedback), "PD_EVENT_PATH": int64(EventPath), "PD_EVENT_LOG": int64(EventLog),
		"PD_CHANNEL_CONTROL": int64(ChannelControl), "PD_CHANNEL_INPUT": int64(ChannelInput), "PD_CHANNEL_POINTER": int64(ChannelPointer),
	}
	for name, value := range ours {
		if got, ok := header[name]; !ok || got != value {
			t.Errorf("%s is %d here and %d in the header (found: %t)", name, value, got, ok)
		}
	}
	for name := range header {
		if _, ok := ours[name]; !ok && (strings.HasPrefix(name, "PD_ERR_") || strings.HasPrefix(name, "PD_SINK_") || strings.HasPrefix(name, "PD_WAKE_")) {
			t.Errorf("%s is in the header and not here", name)
		}
	}
}

func TestCodeOf(t *testing.T) {
	for want, err := range map[Code]error{
		OK: nil, Internal: errors.New("x"), State: Errorf(State, "x"), Closed: fmt.Errorf("deep: %w", Errorf(Closed, "x")),
	} {
		if got := CodeOf(err); got != want {
			t.Errorf("%v: %d, want %d", err, got, want)
		}
	}
}
