package pacer

import (
	"testing"
	"time"
)

func TestAPictureWithinTheBurstLeavesAtOnce(t *testing.T) {
	now := time.Unix(0, 0)
	b := newBucket(shaped(usualGain), 6_000_000, now)
	// 6 Mbit/s at 60 pictures a second are 12.5 kB each; two of them and more pass.
	for range 25 {
		if !b.take(now, 1160) {
			t.Fatal("a packet within the burst waits")
		}
	}
	for b.take(now, 1160) {
	}
	if wait := b.wait(); wait <= 0 || wait > 2*time.Millisecond {
		t.Errorf("the next packet waits %s", wait)
	}
}

func TestTheRateHoldsOverTime(t *testing.T) {
	now := time.Unix(0, 0)
	b := newBucket(shaped(usualGain), 8_000_000, now)
	sent := 0
	for range 1000 {
		now = now.Add(time.Millisecond)
		for b.take(now, 1000) {
			sent += 1000
		}
	}
	// A second at 1.5 MB/s, and the burst of 40 kB.
	if sent < 1_480_000 || sent > 1_560_000 {
		t.Errorf("%d bytes left in a second, want about 1,540,000", sent)
	}
}

func TestClearing(t *testing.T) {
	now := time.Unix(0, 0)
	b := newBucket(shaped(usualGain), 8_000_000, now)
	if b.clearing(0) != 0 || b.clearing(40_000) != 0 {
		t.Error("what the burst carries has to wait")
	}
	if got := b.clearing(40_000 + 150_000); got != 100*time.Millisecond {
		t.Errorf("150 kB over the burst take %s at 1.5 MB/s", got)
	}
	b.setRate(4_000_000, now)
	if got := b.clearing(20_000 + 75_000); got != 100*time.Millisecond {
		t.Errorf("after a change of rate: %s", got)
	}
}

func TestWithoutGainABurstIsShortAndTheRateIsTheBelief(t *testing.T) {
	now := time.Unix(0, 0)
	b := newBucket(shaped(usualGain), 8_000_000, now)
	b.setShape(shaped(1), 8_000_000, now)
	if b.clearing(20_000) != 0 {
		t.Error("20 ms of the rate have to wait")
	}
	if got := b.clearing(20_000 + 100_000); got != 100*time.Millisecond {
		t.Errorf("100 kB over the burst take %s at 1 MB/s", got)
	}
}
