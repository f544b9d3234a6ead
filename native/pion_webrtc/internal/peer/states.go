package peer

import (
	"github.com/pion/webrtc/v4"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/abi"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/guard"
)

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
		away := p.pathLost.Swap(false)
		p.config.OnActive()
		for _, t := range p.tracks {
			if first || revived {
				t.restart()
			} else if away {
				t.renew()
			}
		}
	case webrtc.PeerConnectionStateConnecting, webrtc.PeerConnectionStateDisconnected:
		p.pathLost.Store(true)
	case webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed:
		p.dead.Store(true)
	case webrtc.PeerConnectionStateNew:
		return
	default:
	}
	p.teller.state(current.String())
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
	p.teller.say(abi.EventPath, 0, map[string]string{
		"local": local.String(), "remote": pair.Remote.Typ.String(), "protocol": pair.Local.Protocol.String(),
	})
	for _, t := range p.tracks {
		t.setInline()
	}
}
