// Package peer is one viewer: its connection, its tracks and its data channels.
package peer

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/abi"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/events"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/feedback"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/guard"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/logs"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/options"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/pacer"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/playoutdelay"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/retransmit"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/stream"
)

const (
	maxEarlyCandidates = 64
	maxOffer           = 64 << 10 // bytes
	maxFlush           = 500 * time.Millisecond
	closeBound         = 5 * time.Second

	minRate = 10_000 // bit/s
	maxRate = 10_000_000_000
)

// Config is what a peer needs; Streams is which encodes it watches.
type Config struct {
	Handle  int64
	Engine  options.Engine
	Options options.Peer
	Streams []*stream.Stream
	Events  *events.Queue
	Now     func() time.Time
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

	stateMu sync.Mutex
	state   string

	everConnected atomic.Bool // not 'is connected': an ICE restart must not cost frames
	connected     atomic.Bool // now
	dead          atomic.Bool // failed or closed
	videoOn       atomic.Bool
	datagrams     atomic.Bool // the path is plain UDP, which never blocks a writer
	firstContact  chan struct{}

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
	p.meter = feedback.NewMeter(p.config.Now)
	p.repairer = retransmit.New(p.config.Now, rand.Uint32)
	p.pacer = pacer.New(pacer.Config{
		BitsPerSecond: p.config.Engine.BitrateBps, Now: p.config.Now, Report: p.report, OnDrained: p.onDrained,
	})
	p.pacer.SetInline(false) // until the path is known
	return chain{p.meter, sequencer, p.pacer, &playoutdelay.Interceptor{}, p.repairer, reports}, nil
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

// Answer takes an offer and gives the answer. It does not wait for candidates: they trickle as events.
func (p *Peer) Answer(offer string) (string, error) {
	if len(offer) > maxOffer {
		return "", abi.Errorf(abi.TooLarge, "the offer has %d bytes; at most %d are read", len(offer), maxOffer)
	}
	p.signaling.Lock()
	defer p.signaling.Unlock()
	if p.isClosed() {
		return "", errClosed()
	}
	description := webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}
	if err := checkOffer(&description, p.config.Options.Video && len(p.tracks) > 0); err != nil {
		return "", err
	}
	if err := p.pc.SetRemoteDescription(description); err != nil {
		return "", abi.Errorf(abi.InvalidArgument, "the offer was refused: %s", err)
	}
	answer, err := p.pc.CreateAnswer(&webrtc.AnswerOptions{
		OfferAnswerOptions: webrtc.OfferAnswerOptions{ICETricklingSupported: true},
	})
	if err != nil {
		return "", abi.Errorf(abi.InvalidArgument, "no answer fits the offer: %s", err)
	}
	if err := p.pc.SetLocalDescription(answer); err != nil {
		if abi.CodeOf(err) != abi.Internal {
			return "", err // a track's own words
		}
		return "", abi.Errorf(abi.InvalidArgument, "no answer to the offer could be applied: %s", err)
	}
	p.offered = true
	for _, candidate := range p.early {
		if err := p.pc.AddICECandidate(candidate); err != nil {
			p.config.Events.Log(p.config.Handle, "warn", "an early candidate was refused: "+err.Error())
		}
	}
	p.early = nil
	return answer.SDP, nil // not the local description, which may hold some candidates by now
}

// AddCandidate takes a candidate of the viewer; those before the offer are kept for it.
func (p *Peer) AddCandidate(candidate webrtc.ICECandidateInit) error {
	p.signaling.Lock()
	defer p.signaling.Unlock()
	if p.isClosed() {
		return errClosed()
	}
	if !p.offered {
		if len(p.early) >= maxEarlyCandidates {
			return abi.Errorf(abi.WouldBlock, "%d candidates wait for the offer already", maxEarlyCandidates)
		}
		p.early = append(p.early, candidate)
		return nil
	}
	if err := p.pc.AddICECandidate(candidate); err != nil {
		return abi.Errorf(abi.InvalidArgument, "candidate was refused: %s", err)
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

// SetRate says what the path is believed to carry, in bit/s.
func (p *Peer) SetRate(bitsPerSecond uint64) error {
	if bitsPerSecond < minRate || bitsPerSecond > maxRate {
		return abi.Errorf(abi.InvalidArgument, "bits_per_second must be from %d to %d", minRate, maxRate)
	}
	p.pacer.SetRate(bitsPerSecond)
	return nil
}

// Tick is called ten times a second: it tells what was measured, and asks for what is still missing.
func (p *Peer) Tick() {
	defer guard.Recover("tick", p.report)
	if !p.connected.Load() {
		return
	}
	p.config.Events.Stat(abi.EventFeedback, p.config.Handle, func() []byte {
		return p.meter.Take(p.pacer.Delay()).JSON()
	})
	if p.receiving() {
		for _, t := range p.tracks {
			t.ask()
		}
	}
}

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
		p.emitState("closed")
		p.config.Events.Forget(p.config.Handle)
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

// receiving says whether video reaches this peer.
func (p *Peer) receiving() bool {
	return p.everConnected.Load() && p.videoOn.Load() && !p.dead.Load()
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

// onState runs on a goroutine of its own for each change, in no order: so it takes the state that
// holds now, not the one it was called for.
func (p *Peer) onState() {
	defer guard.Recover("state", p.report)
	current := p.pc.ConnectionState()
	p.connected.Store(current == webrtc.PeerConnectionStateConnected)
	switch current {
	case webrtc.PeerConnectionStateConnected:
		first := !p.everConnected.Swap(true)
		if first {
			close(p.firstContact)
		}
		revived := p.dead.Load() && !p.isClosed()
		if revived {
			p.dead.Store(false)
		}
		if first || revived {
			for _, t := range p.tracks {
				t.restart()
			}
		}
	case webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed:
		p.dead.Store(true)
	case webrtc.PeerConnectionStateNew:
		return
	default:
	}
	p.emitState(current.String())
	for _, t := range p.tracks {
		t.stream.Refresh()
	}
}

// onPath runs when ICE chose a pair of candidates.
func (p *Peer) onPath(pair *webrtc.ICECandidatePair) {
	defer guard.Recover("path", p.report)
	if pair == nil || pair.Local == nil || pair.Remote == nil {
		return
	}
	relayed := pair.Local.Typ == webrtc.ICECandidateTypeRelay
	p.datagrams.Store(!relayed && pair.Local.Protocol == webrtc.ICEProtocolUDP)
	local := pair.Local.Typ
	if local == webrtc.ICECandidateTypePrflx {
		local = webrtc.ICECandidateTypeSrflx // both are our address as another sees it
	}
	p.emit(abi.EventPath, map[string]string{
		"local": local.String(), "remote": pair.Remote.Typ.String(), "protocol": pair.Local.Protocol.String(),
	})
	for _, t := range p.tracks {
		t.setInline()
	}
}

// onDrained runs when the send queue has room again.
func (p *Peer) onDrained() {
	for _, t := range p.tracks {
		t.ask()
		t.stream.Drained()
	}
}

// dropQueue throws away the media that waits, and its history: it must not come by way of a NACK.
func (p *Peer) dropQueue() {
	p.pacer.Flush()
	p.repairer.Forget()
}

func (p *Peer) emitState(state string) {
	p.stateMu.Lock()
	defer p.stateMu.Unlock()
	if p.state == state || p.state == "closed" {
		return
	}
	p.state = state
	p.emit(abi.EventPeerState, map[string]string{"state": state})
}

func (p *Peer) onCandidate(candidate *webrtc.ICECandidate) {
	defer guard.Recover("candidate", p.report)
	if candidate == nil {
		p.emit(abi.EventCandidate, map[string]string{"candidate": ""})
		return
	}
	p.emit(abi.EventCandidate, candidate.ToJSON())
}

func (p *Peer) emit(kind uint16, payload any) {
	text, err := json.Marshal(payload)
	if err != nil {
		p.report("event", err.Error())
		return
	}
	p.config.Events.State(kind, 0, p.config.Handle, text)
}
