package peer

import (
	"strings"

	"github.com/pion/webrtc/v4"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/abi"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/guard"
)

const (
	maxEarlyCandidates = 64
	maxOffer           = 128 << 10 // bytes; the protocol's bound of an SDP, held by a test of host-agent
)

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
	// A restart takes the path away; the states in between may pass too quickly to be seen.
	p.pathLost.Store(p.offered)
	if err := p.pc.SetRemoteDescription(description); err != nil {
		if p.isClosed() {
			return "", errClosed()
		}
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
		if p.isClosed() {
			return errClosed()
		}
		return abi.Errorf(abi.InvalidArgument, "candidate was refused: %s", err)
	}
	return nil
}

func (p *Peer) onCandidate(candidate *webrtc.ICECandidate) {
	defer guard.Recover("candidate", p.report)
	if candidate == nil {
		p.teller.say(abi.EventCandidate, 0, map[string]string{"candidate": ""})
		return
	}
	init := candidate.ToJSON()
	if init.UsernameFragment == nil {
		// Tells the viewer which ICE generation it belongs to.
		if _, rest, ok := strings.Cut(init.Candidate, " ufrag "); ok {
			fragment, _, _ := strings.Cut(rest, " ")
			init.UsernameFragment = &fragment
		}
	}
	p.teller.say(abi.EventCandidate, 0, init)
}
