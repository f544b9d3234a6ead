package host

import (
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/abi"
)

// chromiumOffer is what Chromium 156 offers for one video to receive and data channels, less the codecs
// that we do not answer and most header extensions.
const chromiumOffer = `v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
a=msid-semantic: WMS
m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 104 105 106 107 108 109
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:Zk3x
a=ice-pwd:pMsU1jxXUjEkGyEqVY0EbWcC
a=ice-options:trickle
a=fingerprint:sha-256 5B:3E:0B:9C:9D:1B:0E:3A:6F:6B:6C:53:0A:9F:0A:3D:2F:8B:6E:2D:55:19:59:0F:C3:74:6C:0B:C8:74:7A:5A
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:toffset
a=extmap:4 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=extmap:5 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay
a=extmap:9 urn:ietf:params:rtp-hdrext:sdes:mid
a=recvonly
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 goog-remb
a=rtcp-fb:96 transport-cc
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:102 H264/90000
a=rtcp-fb:102 goog-remb
a=rtcp-fb:102 transport-cc
a=rtcp-fb:102 ccm fir
a=rtcp-fb:102 nack
a=rtcp-fb:102 nack pli
a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f
a=rtpmap:103 rtx/90000
a=fmtp:103 apt=102
a=rtpmap:104 H264/90000
a=rtcp-fb:104 transport-cc
a=rtcp-fb:104 nack pli
a=fmtp:104 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42001f
a=rtpmap:105 rtx/90000
a=fmtp:105 apt=104
a=rtpmap:106 H264/90000
a=rtcp-fb:106 transport-cc
a=rtcp-fb:106 nack pli
a=fmtp:106 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f
a=rtpmap:107 rtx/90000
a=fmtp:107 apt=106
a=rtpmap:108 H264/90000
a=rtcp-fb:108 goog-remb
a=rtcp-fb:108 transport-cc
a=rtcp-fb:108 ccm fir
a=rtcp-fb:108 nack
a=rtcp-fb:108 nack pli
a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
a=rtpmap:109 rtx/90000
a=fmtp:109 apt=108
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=ice-ufrag:Zk3x
a=ice-pwd:pMsU1jxXUjEkGyEqVY0EbWcC
a=ice-options:trickle
a=fingerprint:sha-256 5B:3E:0B:9C:9D:1B:0E:3A:6F:6B:6C:53:0A:9F:0A:3D:2F:8B:6E:2D:55:19:59:0F:C3:74:6C:0B:C8:74:7A:5A
a=setup:actpass
a=mid:1
a=sctp-port:5000
a=max-message-size:262144
`

func crlf(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }

func without(text string, prefixes ...string) string {
	var kept []string
	for _, line := range strings.Split(text, "\n") {
		drop := false
		for _, prefix := range prefixes {
			drop = drop || strings.HasPrefix(line, prefix)
		}
		if !drop {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}

func answerTo(t *testing.T, b *bench, offer string) (string, error) {
	t.Helper()
	peer, err := b.host.OpenPeer(b.engine, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := b.host.Answer(peer, crlf(offer))
	if closeErr := b.host.ClosePeer(peer, 0); closeErr != nil {
		t.Error(closeErr)
	}
	return answer, err
}

func TestTheAnswerToChromium(t *testing.T) {
	b := newBench(t, engineOptions)
	answer, err := answerTo(t, b, chromiumOffer)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"a=rtpmap:108 H264/90000", "profile-level-id=42e01f", "a=fmtp:109 apt=108", "a=rtcp-fb:108 nack pli",
		"a=rtcp-fb:108 transport-cc", "a=rtcp-fb:108 ccm fir", "a=sendonly", "a=setup:active", "a=ice-options:trickle",
		"a=extmap:5 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay", "a=max-message-size:65536",
		"a=ssrc-group:FID", "a=extmap:4 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
	} {
		if !strings.Contains(answer, want) {
			t.Errorf("the answer has no %q", want)
		}
	}
	for _, unwanted := range []string{"VP8", "goog-remb", "packetization-mode=0", "a=candidate"} {
		if strings.Contains(answer, unwanted) {
			t.Errorf("the answer has %q", unwanted)
		}
	}
}

func TestAnOfferWithBaselineOnlyIsAnswered(t *testing.T) {
	b := newBench(t, engineOptions)
	offer := without(chromiumOffer, "a=rtpmap:108", "a=fmtp:108", "a=rtcp-fb:108", "a=rtpmap:109", "a=fmtp:109")
	offer = strings.Replace(offer, " 108 109", "", 1)
	answer, err := answerTo(t, b, offer)
	if err != nil || !strings.Contains(answer, "a=rtpmap:102 H264/90000") {
		t.Errorf("%v\n%s", err, answer)
	}
}

func TestAnOfferWithoutVideoIsAnswered(t *testing.T) {
	b := newBench(t, engineOptions)
	head, _, _ := strings.Cut(chromiumOffer, "m=video")
	_, tail, _ := strings.Cut(chromiumOffer, "m=application")
	offer := strings.Replace(head, "BUNDLE 0 1", "BUNDLE 1", 1) + "m=application" + tail
	if answer, err := answerTo(t, b, offer); err != nil || !strings.Contains(answer, "m=application 9") {
		t.Errorf("%v\n%s", err, answer)
	}
}

func TestBadOffers(t *testing.T) {
	b := newBench(t, engineOptions)
	for _, each := range []struct {
		name, offer, want string
		code              abi.Code
	}{
		{"empty", "", "no media section", abi.InvalidArgument},
		{"not SDP", "hello", "offer is not SDP", abi.InvalidArgument},
		{"no media", "v=0\no=- 1 2 IN IP4 127.0.0.1\ns=-\nt=0 0\n", "no media section", abi.InvalidArgument},
		{"no credentials", without(chromiumOffer, "a=ice-ufrag"), "a=ice-ufrag", abi.InvalidArgument},
		{"no fingerprint", without(chromiumOffer, "a=fingerprint"), "a=fingerprint", abi.InvalidArgument},
		{"no mid", without(chromiumOffer, "a=mid"), "a=mid", abi.InvalidArgument},
		{"no H.264", without(chromiumOffer, "a=fmtp:102", "a=fmtp:108"), "H.264", abi.Unsupported},
		{"a bad fingerprint", strings.ReplaceAll(chromiumOffer, "sha-256 5B", "sha-256"), "fingerprint", abi.InvalidArgument},
		{"too large", strings.Repeat("a", 140_000), "at most", abi.TooLarge},
	} {
		_, err := answerTo(t, b, each.offer)
		if abi.CodeOf(err) != each.code || err != nil && !strings.Contains(err.Error(), each.want) {
			t.Errorf("%s: %v (%d), want %q (%d)", each.name, err, abi.CodeOf(err), each.want, each.code)
		}
	}
}

// An offer that is refused by the check leaves the peer as it was.
func TestABadOfferSpoilsNothing(t *testing.T) {
	b := newBench(t, engineOptions)
	v := b.newViewer(viewerConfig{})
	if _, err := b.host.Answer(v.handle, "v=0"); err == nil {
		t.Fatal("no error")
	}
	b.encodeDuring(func() {
		v.connect()
		if _, err := b.host.Answer(v.handle, crlf(without(chromiumOffer, "a=fingerprint"))); err == nil {
			t.Fatal("no error")
		}
		v.packet()
		v.negotiate(&webrtc.OfferOptions{ICERestart: true})
		v.packet()
	})
}

func TestBadCandidates(t *testing.T) {
	b := newBench(t, engineOptions)
	peer, err := b.host.OpenPeer(b.engine, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.host.Answer(peer, crlf(chromiumOffer)); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]abi.Code{
		`{"candidate":""}`: abi.OK,
		`{"candidate":"candidate:1 1 udp 2130706431 127.0.0.1 9 typ host","sdpMid":"0"}`: abi.OK,
		`{"candidate":"candidate:1 1 udp 2130706431 127.0.0.1 9 typ host ufrag old"}`:    abi.OK, // late
		`{"candidate":"candidate:nonsense"}`:                                             abi.InvalidArgument,
		`{"candidate":"candidate:1 1 udp 1 127.0.0.1 99999 typ host"}`:                   abi.InvalidArgument,
		`nonsense`: abi.InvalidArgument,
	} {
		if got := abi.CodeOf(b.host.AddCandidate(peer, []byte(text))); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}

func FuzzOfferAndCandidate(f *testing.F) {
	f.Add(chromiumOffer, "candidate:1 1 udp 2130706431 127.0.0.1 9 typ host")
	f.Add(without(chromiumOffer, "a=mid"), "")
	f.Add(strings.ReplaceAll(chromiumOffer, "a=extmap:4", "a=extmap:400000"), "candidate:1 1 tcp 1 ::1 9 typ host tcptype active")
	f.Add(strings.ReplaceAll(chromiumOffer, "apt=102", "apt=999"), "candidate:a.local")
	f.Add(strings.ReplaceAll(chromiumOffer, "m=video 9", "m=video 0"), "x")
	f.Add(strings.ReplaceAll(chromiumOffer, "a=recvonly", "a=inactive"), "candidate:1 1 udp 1 0.0.0.0 0 typ relay")
	f.Add(strings.ReplaceAll(chromiumOffer, "H264/90000", "H264/80000"), "")
	f.Add("v=0\r\no=- 1 1 IN IP4 0\r\ns=-\r\nt=0 0\r\nm=audio 9 X 0\r\n", "")
	f.Add(strings.ReplaceAll(chromiumOffer, "sctp-port:5000", "sctp-port:-1"), "")
	h := New()
	engine, err := h.OpenEngine([]byte(`{"mdns":false,"interfaces":["none"],"log":"error"}`))
	if err != nil {
		f.Fatal(err)
	}
	if _, err := h.OpenStream(engine, nil); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, offer, candidate string) {
		peer, err := h.OpenPeer(engine, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := h.Answer(peer, crlf(offer))
		if err == nil && !strings.HasPrefix(answer, "v=0") {
			t.Errorf("answered %q", answer)
		}
		if abi.CodeOf(err) == abi.Internal {
			t.Errorf("an internal error for an offer: %v", err)
		}
		p, err := h.Peer(peer)
		if err != nil {
			t.Fatal(err)
		}
		_ = p.AddCandidate(webrtc.ICECandidateInit{Candidate: candidate})
		if err := h.ClosePeer(peer, 0); err != nil {
			t.Error(err)
		}
		buffer := make([]byte, 256<<10)
		if _, err := h.Events.Poll(buffer, 0); err != nil {
			t.Error(err)
		}
	})
}
