package peer

import (
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/abi"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/guard"
)

const (
	maxFlush   = 500 * time.Millisecond
	closeBound = 5 * time.Second
)

// Close ends the peer: the data channels may drain for flush (at most 500 ms) first. It returns when
// all its goroutines have ended; idempotent, and a second caller waits for the first.
func (p *Peer) Close(flush time.Duration) {
	p.closeOnce.Do(func() {
		p.drain(min(flush, maxFlush))
		close(p.done)
		p.dead.Store(true)
		p.connected.Store(false)
		for _, t := range p.tracks {
			t.stream.Detach(t)
		}
		p.shut()
		p.teller.end()
		close(p.closed)
	})
	<-p.closed
}

func (p *Peer) drain(limit time.Duration) {
	const step = 2 * time.Millisecond
	for waited := time.Duration(0); waited < limit && !p.dead.Load() && p.buffered() > 0; waited += step {
		time.Sleep(step)
	}
}

// shut closes the connection and waits for its goroutines. The bound is there so that a fault below
// cannot hang the host.
func (p *Peer) shut() {
	ended := make(chan struct{})
	guard.Go("close", p.report, func() {
		defer close(ended)
		if p.pc != nil {
			_ = p.pc.GracefulClose()
		}
		p.running.Wait()
	})
	timer := time.NewTimer(closeBound)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
		p.config.Events.Log(p.config.Handle, "error", "closing the connection took too long; it was left behind")
	}
}

func (p *Peer) closing() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func (p *Peer) isClosed() bool {
	return p.closing() || p.pc.ConnectionState() == webrtc.PeerConnectionStateClosed
}

func errClosed() error { return abi.Errorf(abi.Closed, "the peer is closed") }
