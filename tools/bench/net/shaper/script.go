package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Step changes what it names, and leaves the rest.
type Step struct {
	AtMs         float64  `json:"atMs"`
	Direction    string   `json:"direction"` // "down" (to the viewer), "up", or "both"
	RateBps      *float64 `json:"rateBps"`
	DelayMs      *float64 `json:"delayMs"`
	JitterMs     *float64 `json:"jitterMs"`
	JitterHoldMs *float64 `json:"jitterHoldMs"`
	QueueBytes   *int     `json:"queueBytes"`
	LossShare    *float64 `json:"lossShare"`
	LossBurst    *float64 `json:"lossBurst"`
	State        *State   `json:"state"`
}

// ParseScript reads a JSON list of steps and puts them in order of their times.
func ParseScript(text []byte) ([]Step, error) {
	var steps []Step
	if err := json.Unmarshal(text, &steps); err != nil {
		return nil, fmt.Errorf("script: %w", err)
	}
	for i, step := range steps {
		if err := step.check(); err != nil {
			return nil, fmt.Errorf("step %d of the script: %w", i, err)
		}
	}
	slices.SortStableFunc(steps, func(a, b Step) int { return int(a.At() - b.At()) })
	return steps, nil
}

// At is the step's time from the start of the script.
func (s Step) At() time.Duration { return milliseconds(s.AtMs) }

// Touches tells whether the step is meant for this direction.
func (s Step) Touches(direction string) bool {
	return s.Direction == "both" || s.Direction == direction
}

// Apply returns the settings with the step's changes.
func (s Step) Apply(to Settings) Settings {
	set(&to.RateBps, s.RateBps)
	set(&to.QueueBytes, s.QueueBytes)
	set(&to.LossShare, s.LossShare)
	set(&to.LossBurst, s.LossBurst)
	set(&to.State, s.State)
	for _, time := range []struct {
		to *time.Duration
		ms *float64
	}{{&to.Delay, s.DelayMs}, {&to.Jitter, s.JitterMs}, {&to.JitterHold, s.JitterHoldMs}} {
		if time.ms != nil {
			*time.to = milliseconds(*time.ms)
		}
	}
	return to
}

func (s Step) check() error {
	switch s.Direction {
	case "down", "up", "both":
	default:
		return fmt.Errorf("direction %q is not down, up or both", s.Direction)
	}
	for name, value := range map[string]*float64{
		"atMs": &s.AtMs, "rateBps": s.RateBps, "delayMs": s.DelayMs, "jitterMs": s.JitterMs,
		"jitterHoldMs": s.JitterHoldMs, "lossShare": s.LossShare, "lossBurst": s.LossBurst,
	} {
		if value != nil && !(*value >= 0 && *value < 1e12) {
			return fmt.Errorf("%s is %v", name, *value)
		}
	}
	if s.LossShare != nil && *s.LossShare > 1 {
		return fmt.Errorf("lossShare %v is over 1", *s.LossShare)
	}
	if s.QueueBytes != nil && (*s.QueueBytes < 1500 || *s.QueueBytes > 1<<28) {
		return fmt.Errorf("queueBytes %d holds no packet, or more than 256 MiB", *s.QueueBytes)
	}
	if s.State != nil && *s.State != Up && *s.State != Hold && *s.State != Drop {
		return fmt.Errorf("state %q is not up, hold or drop", *s.State)
	}
	return nil
}

func set[T any](to *T, value *T) {
	if value != nil {
		*to = *value
	}
}

func milliseconds(ms float64) time.Duration { return time.Duration(ms * 1e6) }
