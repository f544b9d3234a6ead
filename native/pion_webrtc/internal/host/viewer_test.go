package host

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/abi"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/playoutdelay"
)

// viewer is a real Pion peer in the browser's place.
type viewer struct {
	t        testing.TB
	bench    *bench
	handle   int64
	pc       *webrtc.PeerConnection
	channels map[uint16]*webrtc.DataChannel
	opened   chan uint16
	messages chan string
	packets  chan *rtp.Packet
	tracks   chan *webrtc.TrackRemote

	delayID uint8

	mu          sync.Mutex
	negotiating bool
	remote      []webrtc.ICECandidateInit
}

type viewerConfig struct {
	peerOptions  string
	interceptors []interceptor.Factory // first is nearest the wire
	noVideo      bool
}

func (b *bench) newViewer(config viewerConfig) *viewer {
	b.t.Helper()
	handle, err := b.host.OpenPeer(b.engine, []byte(config.peerOptions))
	if err != nil {
		b.t.Fatal(err)
	}
	v := &viewer{
		t: b.t, bench: b, handle: handle, channels: map[uint16]*webrtc.DataChannel{},
		opened: make(chan uint16, 8), messages: make(chan string, 4096), packets: make(chan *rtp.Packet, 8192),
		tracks: make(chan *webrtc.TrackRemote, 4),
	}
	v.pc, err = viewerAPI(b.t, config.interceptors).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = v.pc.GracefulClose() })
	if !config.noVideo {
		if _, err := v.pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo,
			webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			b.t.Fatal(err)
		}
	}
	v.addChannels()
	v.pc.OnTrack(func(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		for _, extension := range receiver.GetParameters().HeaderExtensions {
			if extension.URI == playoutdelay.URI {
				v.delayID = uint8(extension.ID)
			}
		}
		go func() { // interceptors see feedback only while it is read
			for {
				if _, _, err := receiver.ReadRTCP(); err != nil {
					return
				}
			}
		}()
		v.tracks <- track
		for {
			packet, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			v.packets <- packet
		}
	})
	v.pc.OnICECandidate(func(candidate *webrtc.ICECandidate) {
		text := []byte(`{"candidate":""}`)
		if candidate != nil {
			text, _ = json.Marshal(candidate.ToJSON())
		}
		if err := b.host.AddCandidate(handle, text); err != nil && abi.CodeOf(err) != abi.BadHandle && abi.CodeOf(err) != abi.Closed {
			b.t.Errorf("candidate %s: %s", text, err)
		}
	})
	b.mu.Lock()
	b.hooks[handle] = v.onEvent
	b.mu.Unlock()
	return v
}

func viewerAPI(t testing.TB, interceptors []interceptor.Factory) *webrtc.API {
	media := &webrtc.MediaEngine{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	for _, uri := range []string{playoutdelay.URI, sdp.TransportCCURI} {
		if err := media.RegisterHeaderExtension(
			webrtc.RTPHeaderExtensionCapability{URI: uri}, webrtc.RTPCodecTypeVideo); err != nil {
			t.Fatal(err)
		}
	}
	registry := &interceptor.Registry{}
	for _, factory := range interceptors {
		registry.Add(factory)
	}
	if err := webrtc.ConfigureNack(media, registry); err != nil {
		t.Fatal(err)
	}
	reports, _ := report.NewReceiverInterceptor(report.ReceiverInterval(100 * time.Millisecond))
	registry.Add(reports)
	feedback, _ := twcc.NewSenderInterceptor(twcc.SendInterval(50 * time.Millisecond))
	registry.Add(feedback)
	media.RegisterFeedback(webrtc.RTCPFeedback{Type: webrtc.TypeRTCPFBTransportCC}, webrtc.RTPCodecTypeVideo)
	settings := webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetInterfaceFilter(func(name string) bool { return name == "lo" })
	settings.SetSCTPRTOMax(200 * time.Millisecond) // how soon it sees that a paused reader goes on
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.SetICETimeouts(time.Second, 2500*time.Millisecond, 250*time.Millisecond)
	return webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(settings))
}

func (v *viewer) addChannels() {
	yes, no, none := true, false, uint16(0)
	for id, spec := range map[uint16]struct {
		label       string
		ordered     *bool
		retransmits *uint16
	}{
		1: {"control", &yes, nil}, 2: {"input", &yes, nil}, 3: {"pointer", &no, &none},
	} {
		channel, err := v.pc.CreateDataChannel(spec.label, &webrtc.DataChannelInit{
			ID: &id, Negotiated: &yes, Ordered: spec.ordered, MaxRetransmits: spec.retransmits,
		})
		if err != nil {
			v.t.Fatal(err)
		}
		v.channels[id] = channel
		channel.OnOpen(func() { v.opened <- id })
		channel.OnMessage(func(m webrtc.DataChannelMessage) {
			v.messages <- fmt.Sprintf("%d %v %s", id, m.IsString, m.Data)
		})
	}
}

func (v *viewer) onEvent(e event) {
	if e.kind != abi.EventCandidate || string(e.payload) == `{"candidate":""}` {
		return
	}
	var init webrtc.ICECandidateInit
	if err := json.Unmarshal(e.payload, &init); err != nil {
		v.t.Error(err)
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.remote = append(v.remote, init)
	v.applyCandidates()
}

// applyCandidates is called with the lock held; candidates that precede the answer wait for it.
func (v *viewer) applyCandidates() {
	if v.negotiating {
		return
	}
	for _, init := range v.remote {
		if err := v.pc.AddICECandidate(init); err != nil {
			v.t.Logf("the viewer refused a candidate: %s", err)
		}
	}
	v.remote = nil
}

// negotiate makes an offer and applies the answer.
func (v *viewer) negotiate(options *webrtc.OfferOptions) string {
	v.t.Helper()
	v.mu.Lock()
	v.negotiating = true
	v.mu.Unlock()
	offer, err := v.pc.CreateOffer(options)
	if err != nil {
		v.t.Fatal(err)
	}
	if err := v.pc.SetLocalDescription(offer); err != nil {
		v.t.Fatal(err)
	}
	answer, err := v.bench.host.Answer(v.handle, offer.SDP)
	if err != nil {
		v.t.Fatal(err)
	}
	if err := v.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		v.t.Fatal(err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.negotiating = false
	v.applyCandidates()
	return answer
}

// connect negotiates and waits for media and channels.
func (v *viewer) connect() *viewer {
	v.t.Helper()
	v.negotiate(nil)
	v.bench.awaitState(v.handle, "connected")
	for range 3 {
		select {
		case <-v.opened:
		case <-time.After(patience):
			v.t.Fatal("a data channel did not open")
		}
	}
	for id := range v.channels {
		v.bench.await("open channel", func(e event) bool {
			return e.kind == abi.EventChannel && e.handle == v.handle && e.channel == id && string(e.payload) == `{"state":"open"}`
		})
	}
	return v
}

// packet waits for the next RTP packet that arrives.
func (v *viewer) packet() *rtp.Packet {
	v.t.Helper()
	select {
	case p := <-v.packets:
		return p
	case <-time.After(patience):
		v.t.Fatal("no RTP packet came")
		return nil
	}
}
