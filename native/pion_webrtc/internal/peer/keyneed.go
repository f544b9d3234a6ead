package peer

import "time"

// Least times between two requests of one viewer for a keyframe, by why it asks. An IDR is many times
// a usual picture, and every viewer pays for it.
const (
	spacingNone      = time.Duration(0)
	spacingShared    = time.Second            // a PLI while others watch too
	spacingOverflow  = 500 * time.Millisecond // its queue ran over
	spacingCongested = 2 * time.Second        // its link cannot carry what others' can

	reminder = 250 * time.Millisecond
)

// What one viewer's requests may cost: a few keyframes at once, as after a burst of loss, then one in so long.
// Among others it is what a watcher whose link is too slow may ask for, and two keyframes for whomever are at
// least sharedGap apart, so that many who ask cost no more than one.
const (
	keyBurst     = 4
	refillAlone  = time.Second
	refillShared = 2 * time.Second
	sharedGap    = 500 * time.Millisecond
)

// keyNeed is whether a viewer needs a keyframe and when it may ask. Pure.
type keyNeed struct {
	missing bool // deltas are of no use until one comes
	wanted  bool // one is to be asked for
	spacing time.Duration
	again   time.Duration // while one is missing, it is asked for again after so long
	asked   time.Time
	sent    time.Time
	owing   bool    // asked, and none came since
	budget  float64 // keyframes that may still be asked for
	counted time.Time
}

// want notes that a keyframe is to be asked for; of several reasons the most urgent counts.
func (k *keyNeed) want(spacing time.Duration) {
	if !k.wanted || spacing < k.spacing {
		k.spacing = spacing
	}
	k.wanted = true
}

// lose notes that deltas are of no use any more.
func (k *keyNeed) lose(spacing time.Duration) {
	k.missing = true
	k.again = max(spacing, reminder)
	k.want(spacing)
}

// remind asks again for a keyframe that was asked for and did not come: the encoder may have made one
// at the very moment of asking.
func (k *keyNeed) remind(now time.Time) {
	if k.missing && !k.wanted && now.Sub(k.asked) >= k.again {
		k.want(k.again)
	}
}

// stale says whether a request that arrives now was sent before the last keyframe could have been
// seen. A request is never older than most of a round trip; Chromium repeats it while it has need.
func (k *keyNeed) stale(now time.Time, rtt time.Duration) bool {
	return now.Sub(k.sent) < min(rtt*8/10, 250*time.Millisecond)
}

// due says whether to ask now, and books it. Nobody asks into a queue that is over its bound.
func (k *keyNeed) due(now time.Time, congested, alone bool) bool {
	k.refill(now, alone)
	if !k.wanted || congested && k.spacing != spacingNone || now.Sub(k.asked) < k.spacing {
		return false
	}
	if k.budget < 1 || !alone && now.Sub(k.sent) < sharedGap {
		return false
	}
	k.wanted = false
	k.asked = now
	k.owing = true
	return true
}

// written notes that a keyframe was sent. One that another viewer asked for costs this one nothing.
func (k *keyNeed) written(now time.Time) {
	if k.owing {
		k.budget--
	}
	k.missing, k.wanted, k.owing = false, false, false
	k.sent = now
}

func (k *keyNeed) refill(now time.Time, alone bool) {
	every := refillShared
	if alone {
		every = refillAlone
	}
	k.budget = min(keyBurst, k.budget+now.Sub(k.counted).Seconds()/every.Seconds())
	k.counted = now
}
