package logs

import (
	"slices"
	"testing"
)

func TestLevelsAndExpectedWarnings(t *testing.T) {
	var got []string
	emit := func(level, message string) { got = append(got, level+" "+message) }
	warn := (&Factory{Level: "warn", Emit: emit}).NewLogger("ice")
	warn.Info("quiet")
	warn.Debug("credential")
	warn.Tracef("%s", "credential")
	warn.Warnf("odd %d", 1)
	warn.Warn("Failed to ping without candidate pairs. Connection is not possible yet.")
	warn.Error("bad")
	if want := []string{"warn ice: odd 1", "error ice: bad"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	got = nil
	info := (&Factory{Level: "info", Emit: emit}).NewLogger("ice")
	info.Warn("Failed to ping without candidate pairs.")
	if want := []string{"info ice: Failed to ping without candidate pairs."}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
