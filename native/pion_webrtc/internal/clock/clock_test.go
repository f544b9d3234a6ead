package clock

import "testing"

func TestTheClockDoesNotGoBack(t *testing.T) {
	last := Micros()
	if last <= 0 {
		t.Fatalf("%d", last)
	}
	for range 100_000 {
		now := Micros()
		if now < last {
			t.Fatalf("%d after %d", now, last)
		}
		last = now
	}
}
