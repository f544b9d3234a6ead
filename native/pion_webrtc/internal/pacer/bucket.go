package pacer

import "time"

const (
	// headroom over the believed rate: a belief is a lower bound that grows by being exceeded, and a
	// frame over its budget should not wait for a queue that does not exist.
	headroom = 1.5
	// burstTime of the believed rate may leave at once: more than two pictures at 60 a second, so
	// that a normal one never waits.
	burstTime = 40 * time.Millisecond
	// minBurst in bytes is that for very low rates.
	minBurst = 15_000
)

// bucket is a token bucket in bytes, pure: the time is passed in.
type bucket struct {
	rate   float64 // bytes/s
	burst  float64
	credit float64 // below zero after a packet that was larger than it
	last   time.Time
}

func newBucket(bitsPerSecond uint64, now time.Time) *bucket {
	b := &bucket{last: now}
	b.setRate(bitsPerSecond, now)
	b.credit = b.burst
	return b
}

func (b *bucket) setRate(bitsPerSecond uint64, now time.Time) {
	b.refill(now)
	believed := float64(bitsPerSecond) / 8
	b.rate = believed * headroom
	b.burst = max(minBurst, believed*burstTime.Seconds())
	b.credit = min(b.credit, b.burst)
}

func (b *bucket) refill(now time.Time) {
	if passed := now.Sub(b.last); passed > 0 {
		b.credit = min(b.burst, b.credit+b.rate*passed.Seconds())
		b.last = now
	}
}

// take says whether a packet may leave now, and if so books it.
func (b *bucket) take(now time.Time, bytes int) bool {
	b.refill(now)
	if b.credit <= 0 {
		return false
	}
	b.credit -= float64(bytes)
	return true
}

// wait is how long until the next packet may leave.
func (b *bucket) wait() time.Duration {
	if b.credit > 0 {
		return 0
	}
	return time.Duration((1 - b.credit) / b.rate * float64(time.Second))
}

// clearing is how long a queue of so many bytes takes to leave.
func (b *bucket) clearing(bytes int) time.Duration {
	if bytes == 0 {
		return 0
	}
	return time.Duration(max(0, float64(bytes)-b.credit) / b.rate * float64(time.Second))
}
