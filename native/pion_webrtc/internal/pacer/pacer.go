// Package pacer spreads what is over the path's rate, and lets everything else pass at once.
package pacer

import (
	"errors"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/faults"
)

const (
	// interval between releases while something waits: a longer one shows in the latency (5 ms costs
	// 2.4 ms in the median).
	interval = time.Millisecond
	// congestedAt and drainedAt bound the wait of the newest packet; between them nothing changes.
	congestedAt = 50 * time.Millisecond
	drainedAt   = 10 * time.Millisecond
	// A shut window stays so until a report opens it. When none has come for so long, a packet leaves
	// each probeEvery: what it brings back is how the end of an outage is heard of.
	probeAfter = 100 * time.Millisecond
	probeEvery = 50 * time.Millisecond
	// usualGain until SetPace says another one.
	usualGain = 1.5
	// maxMedia is a last bound in bytes; the peer flushes long before.
	maxMedia = 8 << 20
)

var (
	errClosed   = errors.New("the pacer is closed")
	errOverflow = errors.New("the pacer's queue is full")
	errRepairs  = errors.New("too much is sent again")
)

// Config of a pacer.
type Config struct {
	BitsPerSecond uint64
	Now           func() time.Time
	// Flight is how many bytes are on the way, and when the viewer reported last; nil: nobody knows.
	Flight func() (bytes uint64, heard time.Time)
	// Part is told when the goroutine panics, and that it sends again.
	Part *faults.Part
	// OnDrained is told, on a goroutine of the pacer's, when congestion is over.
	OnDrained func()
	// OnLost is told when packets may have been lost here, and on a still picture no later one would show it.
	OnLost func()
}

// Pacer is the interceptor through which all RTP of one peer goes. It sits outside the transport-wide
// numbering, so that packets are numbered in the order in which they leave. It knows streams by the
// writer they were bound to and not by SSRC: Pion's own pacers of the gcc package look SSRCs up and
// so drop retransmissions, which kills a stream at 2 % loss.
//
// Payloads must not change after they were written: those that wait are not copied.
type Pacer struct {
	interceptor.NoOp
	config Config
	kick   chan struct{} // capacity 1
	// reported ends a wait for a window that was shut; capacity 1. A kick does not: each packet that is
	// written while others wait is one.
	reported chan struct{}
	done     chan struct{}
	ended    chan struct{}

	mu          sync.Mutex
	bucket      *bucket
	repairable  *bucket // what may be sent again: one over it is dropped, the viewer asks once more
	repairs     fifo
	media       fifo
	inline      bool
	sending     bool // the goroutine sends, without the lock: its socket may block
	congested   bool
	late        bool      // congested by what waits, and not by the window alone
	shutSince   time.Time // when media began to wait for the window; zero: it does not
	window      uint64    // bytes that may be on the way; 0: no bound
	probed      time.Time
	closed      bool
	onceStarted sync.Once
}

// New makes a pacer. Its goroutine starts with the first packet that has to wait.
func New(config Config) *Pacer {
	return &Pacer{
		config: config, inline: true, bucket: newBucket(shaped(usualGain), config.BitsPerSecond, config.Now()),
		repairable: newBucket(repairShare, config.BitsPerSecond, config.Now()),
		kick:       make(chan struct{}, 1), reported: make(chan struct{}, 1), done: make(chan struct{}), ended: make(chan struct{}),
	}
}

// BindLocalStream implements interceptor.Interceptor.
func (p *Pacer) BindLocalStream(info *interceptor.StreamInfo, writer interceptor.RTPWriter) interceptor.RTPWriter {
	repairSSRC := info.SSRCRetransmission
	return interceptor.RTPWriterFunc(func(header *rtp.Header, payload []byte, attributes interceptor.Attributes) (int, error) {
		size := header.MarshalSize() + len(payload)
		repair := repairSSRC != 0 && header.SSRC == repairSSRC
		return size, p.write(packet{header, payload, attributes, writer, size}, repair)
	})
}

func (p *Pacer) write(next packet, repair bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return errClosed
	}
	if repair && !p.repairable.take(p.config.Now(), next.size) {
		return errRepairs
	}
	idle := !p.sending && p.repairs.empty() && (repair || p.media.empty())
	shut := p.shut(next.size, p.inline && idle)
	if p.inline && idle && !shut && p.bucket.take(p.config.Now(), next.size) {
		return next.send() // with the lock, which keeps the order
	}
	if repair {
		p.repairs.push(next.keep())
	} else {
		if p.media.bytes > maxMedia {
			return errOverflow
		}
		p.media.push(next.keep())
	}
	if p.delay() > congestedAt {
		p.congested, p.late = true, true
	}
	if shut {
		p.congested = true
		if p.shutSince.IsZero() {
			p.shutSince = p.config.Now()
		}
	}
	p.wake()
	return nil
}

// Pace is what a path is believed to carry, how much faster a picture over its budget may leave (1 or more),
// and how many bytes may be on the way unreported (0: no bound).
type Pace struct {
	BitsPerSecond uint64
	Gain          float64
	Window        uint64
}

// SetPace says how packets may leave from now on.
func (p *Pacer) SetPace(pace Pace) {
	p.mu.Lock()
	p.bucket.setShape(shaped(pace.Gain), pace.BitsPerSecond, p.config.Now())
	p.repairable.setRate(pace.BitsPerSecond, p.config.Now())
	p.window = pace.Window
	p.mu.Unlock()
	p.Reported()
	p.wake()
}

// Reported says that the viewer has told of packets: there may be room on the way.
func (p *Pacer) Reported() {
	select {
	case p.reported <- struct{}{}:
	default:
	}
}

// shut says whether the way has no room for so many bytes. One packet always has room where nothing is on the
// way, and one in a while where nobody tells what is. leaves: the packet goes if it may.
func (p *Pacer) shut(size int, leaves bool) bool {
	if p.window == 0 || p.config.Flight == nil {
		return false
	}
	bytes, heard := p.config.Flight()
	if bytes == 0 || bytes+uint64(size) <= p.window {
		return false
	}
	now := p.config.Now()
	if !leaves || now.Sub(heard) < probeAfter || now.Sub(p.probed) < probeEvery {
		return true
	}
	p.probed = now
	return false
}

// SetInline says whether packets within the rate leave on the goroutine that writes them, which is the
// fastest way, or on the pacer's own, so that a writer who serves several viewers, or a socket that may
// block, is not held up.
func (p *Pacer) SetInline(inline bool) {
	p.mu.Lock()
	p.inline = inline
	p.mu.Unlock()
}

// Delay is how long the newest packet will wait.
func (p *Pacer) Delay() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bucket.refill(p.config.Now())
	return p.delay()
}

// Congested is true from the moment that the delay passes its bound until it is nearly gone.
func (p *Pacer) Congested() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.congested
}

// Overdue is true when the newest packet waits for longer than a moment: a window that is shut for the time until
// the next report is none. An encoder may leave a picture out for that; who leaves one out of a stream that it
// shares with others has no picture until the next keyframe.
func (p *Pacer) Overdue() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.late || !p.shutSince.IsZero() && p.config.Now().Sub(p.shutSince) > congestedAt
}

// Flush drops the media that waits.
func (p *Pacer) Flush() {
	p.mu.Lock()
	p.media = fifo{}
	p.mu.Unlock()
	p.wake()
}

// Close drops what waits and ends the goroutine. Idempotent.
func (p *Pacer) Close() error {
	p.mu.Lock()
	was := p.closed
	p.closed = true
	p.repairs, p.media = fifo{}, fifo{}
	p.mu.Unlock()
	if !was {
		close(p.done)
	}
	p.onceStarted.Do(func() { close(p.ended) })
	<-p.ended
	return nil
}

func (p *Pacer) delay() time.Duration {
	return p.bucket.clearing(p.repairs.bytes + p.media.bytes)
}

func (p *Pacer) wake() {
	p.onceStarted.Do(func() {
		go func() {
			defer close(p.ended)
			fresh := true
			p.config.Part.Keep(p.done, func() {
				if !fresh && p.config.OnLost != nil {
					p.config.OnLost()
				}
				fresh = false
				p.run()
			})
		}()
	})
	select {
	case p.kick <- struct{}{}:
	default:
	}
}

func (p *Pacer) run() {
	timer := time.NewTimer(interval)
	defer timer.Stop()
	for {
		if wait := p.release(); wait > 0 {
			timer.Reset(max(wait, interval))
			select {
			case <-timer.C:
			case <-p.reported:
			case <-p.done:
				return
			}
			continue
		}
		select {
		case <-p.kick:
		case <-p.done:
			return
		}
	}
}

// release sends what may leave and gives the wait for more; 0: nothing waits.
func (p *Pacer) release() time.Duration {
	wait, drained := p.send()
	if drained && p.config.OnDrained != nil {
		p.config.OnDrained()
	}
	return wait
}

func (p *Pacer) send() (wait time.Duration, drained bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sending = true
	defer func() { p.sending = false }()
	shut := false
	for {
		queue := &p.repairs
		if queue.empty() {
			queue = &p.media
		}
		if queue.empty() {
			break
		}
		if shut = p.shut(queue.first().size, true); shut || !p.bucket.take(p.config.Now(), queue.first().size) {
			break
		}
		p.sendOne(queue.pop())
	}
	if !shut {
		p.shutSince = time.Time{}
	}
	drained = p.congested && !shut && p.delay() <= drainedAt
	if drained {
		p.congested, p.late = false, false
	}
	if !p.repairs.empty() || !p.media.empty() {
		wait = max(p.bucket.wait(), 1)
		if shut {
			wait = max(wait, probeEvery/2) // a report wakes us before
		}
	}
	return wait, drained
}

// sendOne gives the lock away meanwhile: the socket may block.
func (p *Pacer) sendOne(next packet) {
	p.mu.Unlock()
	defer p.mu.Lock()
	// A packet that the socket refuses is lost like one on the way.
	_ = next.send()
	p.config.Part.Worked()
}
