package guard

import (
	"strings"
	"testing"
)

func TestAPanicIsReportedAndEndsThere(t *testing.T) {
	told := make(chan string, 1)
	Go("here", func(where, what string) { told <- where + ": " + what }, func() { panic("boom") })
	if got := <-told; !strings.HasPrefix(got, "here: boom\n") || !strings.Contains(got, "guard_test.go") {
		t.Errorf("got %q, want the place, the value and the stack", got)
	}
}
