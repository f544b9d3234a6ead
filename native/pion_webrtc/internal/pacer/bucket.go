package pacer

import "time"

// shape makes a bucket out of what a path is believed to carry.
type shape struct {
	share     float64       // of the believed rate, sustained
	burstTime time.Duration // of the believed rate, at once
	minBurst  float64       // bytes, that for very low rates
}

// shaped makes the shape of all that leaves, by how much faster than the belief it may. Above 1 the burst is more
// than two pictures at 60 a second: a normal one never waits, and arrives spread by the bottleneck, which
// tells what that carries. At 1 a queue has just been emptied, and what is more than the rate would fill
// it again.
func shaped(gain float64) shape {
	if gain > 1 {
		return shape{share: gain, burstTime: 40 * time.Millisecond, minBurst: 15_000}
	}
	return shape{share: 1, burstTime: 20 * time.Millisecond, minBurst: 3000}
}

var (
	// repairs of those: all that was lost in an outage of a tenth of a second at once, but no storm
	// into a queue that overflows, which would be the cause of more loss.
	repairShare = shape{share: 0.3, burstTime: 100 * time.Millisecond, minBurst: 15_000}
)

// bucket is a token bucket in bytes, pure: the time is passed in.
type bucket struct {
	shape  shape
	rate   float64 // bytes/s
	burst  float64
	credit float64 // below zero after a packet that was larger than it
	last   time.Time
}

func newBucket(s shape, bitsPerSecond uint64, now time.Time) *bucket {
	b := &bucket{shape: s, last: now}
	b.setRate(bitsPerSecond, now)
	b.credit = b.burst
	return b
}

func (b *bucket) setShape(s shape, bitsPerSecond uint64, now time.Time) {
	b.refill(now)
	b.shape = s
	b.setRate(bitsPerSecond, now)
}

func (b *bucket) setRate(bitsPerSecond uint64, now time.Time) {
	b.refill(now)
	believed := float64(bitsPerSecond) / 8
	b.rate = believed * b.shape.share
	b.burst = max(b.shape.minBurst, believed*b.shape.burstTime.Seconds())
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
