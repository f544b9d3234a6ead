package peer

import (
	"slices"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/logs"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/options"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/playoutdelay"
)

// maxMessage bounds a message that a viewer may send on a data channel, in bytes; it is announced in
// the answer (RFC 8841, section 6).
const maxMessage = 64 << 10

// maxRetransmission is SCTP's longest wait before it sends a message again: with RFC 9260's minute, a
// key press after a short outage would come many seconds late.
const maxRetransmission = 2 * time.Second

// chain is a peer's interceptors, nearest the wire first.
type chain []interceptor.Interceptor

type builtFactory struct{ built interceptor.Interceptor }

func (f builtFactory) NewInterceptor(string) (interceptor.Interceptor, error) { return f.built, nil }

// newAPI makes the Pion API of one peer. Each peer has its own, since its interceptors are its own
// objects.
func newAPI(engine options.Engine, factory *logs.Factory, interceptors chain) (*webrtc.API, error) {
	media, err := newMediaEngine()
	if err != nil {
		return nil, err
	}
	registry := &interceptor.Registry{}
	for _, one := range interceptors {
		registry.Add(builtFactory{one})
	}
	settings, err := newSettings(engine, factory)
	if err != nil {
		return nil, err
	}
	return webrtc.NewAPI(
		webrtc.WithMediaEngine(media),
		webrtc.WithInterceptorRegistry(registry),
		webrtc.WithSettingEngine(settings),
	), nil
}

// newMediaEngine knows H.264 as browsers offer it. The payload types are only ours until the offer
// says the viewer's.
func newMediaEngine() (*webrtc.MediaEngine, error) {
	media := &webrtc.MediaEngine{}
	feedback := []webrtc.RTCPFeedback{
		{Type: webrtc.TypeRTCPFBTransportCC},
		{Type: webrtc.TypeRTCPFBCCM, Parameter: "fir"},
		{Type: webrtc.TypeRTCPFBNACK},
		{Type: webrtc.TypeRTCPFBNACK, Parameter: "pli"},
	}
	codec := func(payloadType webrtc.PayloadType, mime, line string, feedback []webrtc.RTCPFeedback) error {
		return media.RegisterCodec(webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: mime, ClockRate: videoClock, SDPFmtpLine: line, RTCPFeedback: feedback,
			},
			PayloadType: payloadType,
		}, webrtc.RTPCodecTypeVideo)
	}
	// RFC 6184, section 8.1: constrained baseline, then baseline, level 3.1 as browsers write it;
	// level-asymmetry-allowed lets us send higher levels.
	for _, each := range []struct {
		payloadType webrtc.PayloadType
		mime, line  string
		feedback    []webrtc.RTCPFeedback
	}{
		{102, webrtc.MimeTypeH264, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f", feedback},
		{103, webrtc.MimeTypeRTX, "apt=102", nil},
		{106, webrtc.MimeTypeH264, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f", feedback},
		{107, webrtc.MimeTypeRTX, "apt=106", nil},
	} {
		if err := codec(each.payloadType, each.mime, each.line, each.feedback); err != nil {
			return nil, err
		}
	}
	for _, uri := range []string{sdp.TransportCCURI, playoutdelay.URI, sdp.SDESMidURI} {
		if err := media.RegisterHeaderExtension(
			webrtc.RTPHeaderExtensionCapability{URI: uri}, webrtc.RTPCodecTypeVideo); err != nil {
			return nil, err
		}
	}
	return media, nil
}

func newSettings(engine options.Engine, factory *logs.Factory) (webrtc.SettingEngine, error) {
	settings := webrtc.SettingEngine{LoggerFactory: factory}
	settings.SetICETimeouts(engine.Disconnected, engine.Failed, engine.KeepAlive)
	settings.SetIncludeLoopbackCandidate(engine.IncludeLoopback)
	settings.SetSCTPMaxMessageSize(maxMessage)
	settings.SetSCTPRTOMax(maxRetransmission)
	if engine.MDNS {
		settings.SetICEMulticastDNSMode(ice.MulticastDNSModeQueryOnly)
	} else {
		settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	}
	if len(engine.Interfaces) > 0 {
		settings.SetInterfaceFilter(func(name string) bool { return slices.Contains(engine.Interfaces, name) })
	}
	if engine.UDPPortMin != 0 {
		if err := settings.SetEphemeralUDPPortRange(engine.UDPPortMin, engine.UDPPortMax); err != nil {
			return settings, err
		}
	}
	return settings, nil
}

// newReports makes sender reports once a second (RFC 3550, section 6.4.1); receivers' reports on them
// give the round-trip time.
func newReports(factory *logs.Factory) (interceptor.Interceptor, error) {
	reports, err := report.NewSenderInterceptor(report.WithSenderLoggerFactory(factory))
	if err != nil {
		return nil, err
	}
	return reports.NewInterceptor("")
}

// newSequencer numbers all packets of the transport (transport-wide congestion control).
func newSequencer() (interceptor.Interceptor, error) {
	sequencer, err := twcc.NewHeaderExtensionInterceptor()
	if err != nil {
		return nil, err
	}
	return sequencer.NewInterceptor("")
}
