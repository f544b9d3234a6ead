package main

import (
	"strings"
	"testing"
	"time"
)

func TestAScriptIsReadInOrderOfItsTimes(t *testing.T) {
	steps, err := ParseScript([]byte(`[
		{"atMs": 2000, "direction": "down", "rateBps": 2e6},
		{"atMs": 500.5, "direction": "both", "delayMs": 90, "state": "hold"}]`))
	if err != nil {
		t.Fatal(err)
	}
	if steps[0].At() != 500500*time.Microsecond || steps[1].At() != 2*time.Second {
		t.Errorf("%v, %v", steps[0].At(), steps[1].At())
	}
	if !steps[0].Touches("up") || !steps[0].Touches("down") || steps[1].Touches("up") {
		t.Error("directions are mixed up")
	}
}

func TestAStepLeavesWhatItDoesNotName(t *testing.T) {
	steps, err := ParseScript([]byte(`[{"direction": "down", "rateBps": 2e6, "jitterMs": 4}]`))
	if err != nil {
		t.Fatal(err)
	}
	before := Settings{RateBps: 8e6, Delay: 20 * ms, QueueBytes: 5000, LossShare: 0.1, State: Up}
	after := steps[0].Apply(before)
	want := before
	want.RateBps, want.Jitter = 2e6, 4*ms
	if after != want {
		t.Errorf("%+v", after)
	}
}

func TestWhatMakesNoSenseIsRefused(t *testing.T) {
	for text, reason := range map[string]string{
		`{}`:                                      "script",
		`[{"direction": "left"}]`:                 "direction",
		`[{"direction": "up", "rateBps": -1}]`:    "rateBps",
		`[{"direction": "up", "atMs": -1}]`:       "atMs",
		`[{"direction": "up", "lossShare": 2}]`:   "lossShare",
		`[{"direction": "up", "queueBytes": 10}]`: "queueBytes",
		`[{"direction": "up", "state": "away"}]`:  "state",
	} {
		if _, err := ParseScript([]byte(text)); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestLatenessIsSummed(t *testing.T) {
	var lateness Lateness
	if lateness.Summary() != (Summary{}) {
		t.Error("something of nothing")
	}
	for i := range 100 {
		lateness.Note(time.Duration(99-i) * time.Microsecond)
	}
	if got := lateness.Summary(); got != (Summary{100, 50, 99, 99}) {
		t.Errorf("%+v", got)
	}
}
