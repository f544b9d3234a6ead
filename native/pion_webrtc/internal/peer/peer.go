// Package peer is one viewer: its connection, its tracks and its data channels.
package peer

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/abi"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/events"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/faults"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/feedback"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/guard"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/logs"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/options"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/pacer"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/playoutdelay"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/retransmit"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/stream"
)

// Bounds of SetPace, in bit/s.
const (
	minRate = 10_000
	maxRate = 10_000_000_000
	maxGain = 3
)

// idleFeedback apart are the events of feedback while nothing is sent: a still desktop costs next to
// nothing. A little less than the second between idle ticks.
const idleFeedback = 950 * time.Millisecond

// arrivalsSpacing is the least between two events of arrivals; what comes in between is in the next one, or in
// that of the next tick.
const arrivalsSpacing = 10 * time.Millisecond

// Config is what a peer needs; Streams is which encodes it watches.
type Config struct {
	Handle  int64
	Engine  options.Engine
	Options options.Peer
	Streams []*stream.Stream
	Events  *events.Queue
	Now     func() time.Time
	// OnActive is called, and must not block, when the peer has something to tell after it had not.
	OnActive func()
	// Wire, if set, makes one more interceptor nearest the wire; tests break it.
	Wire func() interceptor.Interceptor
}

// Peer is safe for use by any goroutine.
type Peer struct {
	config   Config
	report   guard.Report
	pc       *webrtc.PeerConnection
	api      *webrtc.API
	tracks   []*track
	channels channels
	pacer    *pacer.Pacer
	repairer *retransmit.Responder
	meter    *feedback.Meter

	signaling sync.Mutex // offers and candidates, one at a time
	offered   bool
	early     []webrtc.ICECandidateInit

	teller *teller

	everConnected atomic.Bool // not 'is connected': an ICE restart must not cost frames
	pathLost      atomic.Bool // the path was away since it last held
	connected     atomic.Bool // now
	dead          atomic.Bool // failed or closed
	videoOn       atomic.Bool
	takesInput    atomic.Bool // in control: messages on the input channels are passed on
	droppedInput  atomic.Uint64
	channelGone   atomic.Int64 // when a channel ended, Unix nanoseconds; 0: none did
	datagrams     atomic.Bool  // the path is plain UDP, which never blocks a writer
	firstContact  chan struct{}
	told          time.Time    // when the last feedback was; of Tick's goroutine
	arrivalsTold  atomic.Int64 // when the last report was told of, Unix nanoseconds

	done      chan struct{} // closed when closing begins
	closed    chan struct{} // closed when it ended
	closeOnce sync.Once
	running   sync.WaitGroup // our goroutines
}

// New makes a peer that waits for its offer.
func New(config Config) (*Peer, error) {
	p := &Peer{
		config: config, done: make(chan struct{}), closed: make(chan struct{}), firstContact: make(chan struct{}),
	}
	p.report = func(where, what string) {
		config.Events.Log(config.Handle, "error", fmt.Sprintf("caught a panic in %s: %s", where, what))
	}
	p.teller = &teller{queue: config.Events, handle: config.Handle}
	p.videoOn.Store(true)
	factory := &logs.Factory{Level: config.Engine.Log, Emit: func(level, message string) {
		if p.closing() {
			return // what was under way fails now, as it should
		}
		config.Events.Log(config.Handle, level, message)
	}}
	interceptors, err := p.newChain(factory)
	if err != nil {
		return nil, abi.Errorf(abi.Internal, "interceptors: %s", err)
	}
	if p.api, err = newAPI(config.Engine, factory, interceptors); err != nil {
		return nil, abi.Errorf(abi.InvalidArgument, "settings: %s", err)
	}
	configuration := webrtc.Configuration{
		ICEServers: config.Options.ICEServers, BundlePolicy: webrtc.BundlePolicyMaxBundle,
	}
	if config.Options.RelayOnly {
		configuration.ICETransportPolicy = webrtc.ICETransportPolicyRelay
	}
	if p.pc, err = p.api.NewPeerConnection(configuration); err != nil {
		return nil, abi.Errorf(abi.InvalidArgument, "the peer's options were refused: %s", err)
	}
	if err := p.assemble(); err != nil {
		p.Close(0)
		return nil, abi.Errorf(abi.Internal, "the peer could not be put together: %s", err)
	}
	return p, nil
}

// newChain makes the interceptors, nearest the wire first: what is measured is what leaves, numbered
// in the order in which it leaves; copies made for NACKs go through the pacer like the rest.
func (p *Peer) newChain(factory *logs.Factory) (chain, error) {
	sequencer, err := newSequencer()
	if err != nil {
		return nil, err
	}
	reports, err := newReports(factory)
	if err != nil {
		return nil, err
	}
	p.meter = feedback.NewMeter(p.config.Now, p.config.OnActive)
	p.repairer = retransmit.New(p.config.Now, rand.Uint32)
	p.pacer = pacer.New(pacer.Config{
		BitsPerSecond: p.config.Engine.BitrateBps, Now: p.config.Now, Part: faults.New("pacer", p.tell), OnDrained: p.onDrained,
		OnLost: p.onLost, Flight: p.meter.Flight,
	})
	p.pacer.SetInline(false) // until the path is known
	interceptors := chain{p.meter, sequencer, p.pacer, &playoutdelay.Interceptor{}, p.repairer, reports}
	if p.config.Wire != nil {
		interceptors = append(chain{p.config.Wire()}, interceptors...)
	}
	return interceptors, nil
}

func (p *Peer) assemble() error {
	p.pc.OnConnectionStateChange(func(webrtc.PeerConnectionState) { p.onState() })
	p.pc.OnICECandidate(p.onCandidate)
	p.pc.SCTP().Transport().ICETransport().OnSelectedCandidatePairChange(p.onPath)
	if err := p.openChannels(); err != nil {
		return err
	}
	if !p.config.Options.Video {
		return nil
	}
	for i, source := range p.config.Streams {
		t := newTrack(fmt.Sprintf("video%d", i), p, source, rand.Uint32)
		transceiver, err := p.pc.AddTransceiverFromTrack(t, webrtc.RTPTransceiverInit{
			Direction: webrtc.RTPTransceiverDirectionSendonly,
		})
		if err != nil {
			return err
		}
		if !source.Attach(t) {
			continue
		}
		p.tracks = append(p.tracks, t)
		p.listenRTCP(t, transceiver.Sender())
	}
	return nil
}

// SetVideo turns the video to this peer on or off.
func (p *Peer) SetVideo(on bool) {
	if p.videoOn.Swap(on) == on {
		return
	}
	for _, t := range p.tracks {
		if on {
			t.restart()
		}
		t.stream.Refresh()
	}
}

// SetInput says whether messages on the input channels are passed on; at first they are dropped where they
// are read.
func (p *Peer) SetInput(accepted bool) { p.takesInput.Store(accepted) }

// DroppedInput counts the messages that were dropped so.
func (p *Peer) DroppedInput() uint64 { return p.droppedInput.Load() }

// SetPace says what the path is believed to carry in bit/s, how much faster a picture over its budget may leave,
// and how many bytes may be on the way unreported (0: no bound).
func (p *Peer) SetPace(pace pacer.Pace) error {
	if pace.BitsPerSecond < minRate || pace.BitsPerSecond > maxRate {
		return abi.Errorf(abi.InvalidArgument, "bits_per_second must be from %d to %d", minRate, maxRate)
	}
	if !(pace.Gain >= 1 && pace.Gain <= maxGain) {
		return abi.Errorf(abi.InvalidArgument, "gain must be from 1 to %d", maxGain)
	}
	p.pacer.SetPace(pace)
	return nil
}

// Tick is called by one goroutine, ten times a second while any peer is active and once a second
// otherwise: it tells what was measured, and asks for what is still missing.
func (p *Peer) Tick() (active bool) {
	defer guard.Recover("tick", p.report)
	if !p.connected.Load() {
		return false
	}
	active = !p.meter.Idle()
	if active {
		p.tellArrivals()
	}
	p.missChannels(p.config.Now())
	if now := p.config.Now(); active || now.Sub(p.told) >= idleFeedback {
		p.told = now
		p.config.Events.Stat(abi.EventFeedback, p.config.Handle, func() []byte {
			return p.meter.Take(p.pacer.Delay()).JSON()
		})
	}
	if p.receiving() {
		for _, t := range p.tracks {
			active = t.ask() || active
		}
	}
	return active
}

// receiving says whether video reaches this peer.
func (p *Peer) receiving() bool {
	return p.everConnected.Load() && p.videoOn.Load() && !p.dead.Load()
}

// onDrained runs when the send queue has room again.
func (p *Peer) onDrained() {
	for _, t := range p.tracks {
		t.ask()
		t.stream.Drained()
	}
}

// onLost runs when packets may have been lost before they left.
func (p *Peer) onLost() {
	for _, t := range p.tracks {
		t.renew()
	}
}

// onTransport tells of a report at once: a rate that is decided late is decided wrong.
func (p *Peer) onTransport(report *rtcp.TransportLayerCC) {
	outage := p.meter.Transport(report)
	if outage {
		// What waited through it is old, and what was lost too much to repair.
		p.dropQueue()
		p.onLost()
	}
	p.pacer.Reported()
	// A browser reports 15 times a second. Whoever does it thousands of times has the host decide no more often.
	if now := p.config.Now().UnixNano(); now-p.arrivalsTold.Load() >= int64(arrivalsSpacing) {
		p.arrivalsTold.Store(now)
		p.tellArrivals()
	}
}

func (p *Peer) tellArrivals() {
	p.config.Events.Stat(abi.EventArrivals, p.config.Handle, func() []byte { return p.meter.Arrivals().JSON() })
}

func (p *Peer) tell(part, state string, times int, reason string) {
	p.config.Events.Fault(p.config.Handle, part, state, times, reason)
}

// dropQueue throws away the media that waits, and its history: it must not come by way of a NACK.
func (p *Peer) dropQueue() {
	p.pacer.Flush()
	p.repairer.Forget()
}
