package options

import (
	"strings"
	"testing"
	"time"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/abi"
)

func TestDefaults(t *testing.T) {
	for _, text := range []string{"", "  ", "{}"} {
		o, err := ParseEngine([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if o.Disconnected != time.Second || o.Failed != 2500*time.Millisecond || o.KeepAlive != 250*time.Millisecond ||
			!o.MDNS || o.MaxPeers != 16 || o.BitrateBps != 6_000_000 || o.Log != "warn" {
			t.Errorf("defaults of %q: %+v", text, o)
		}
	}
	if o, err := ParsePeer(nil); err != nil || !o.Video || o.RelayOnly {
		t.Errorf("peer defaults: %+v, %v", o, err)
	}
}

func TestEverythingIsRead(t *testing.T) {
	o, err := ParseEngine([]byte(`{"iceTimeouts":{"disconnectedMs":2000,"failedMs":5000,"keepAliveMs":500},
		"mdns":false,"interfaces":["lo"],"includeLoopback":true,"udpPortMin":41000,"udpPortMax":41099,
		"maxPeers":3,"bitrateBps":8000000,"log":"info"}`))
	if err != nil {
		t.Fatal(err)
	}
	if o.Disconnected != 2*time.Second || o.Failed != 5*time.Second || o.KeepAlive != 500*time.Millisecond || o.MDNS ||
		len(o.Interfaces) != 1 || !o.IncludeLoopback || o.UDPPortMin != 41000 || o.UDPPortMax != 41099 ||
		o.MaxPeers != 3 || o.BitrateBps != 8_000_000 || o.Log != "info" {
		t.Errorf("got %+v", o)
	}
	p, err := ParsePeer([]byte(`{"iceServers":[{"urls":["stun:a.example:3478","turn:b.example?transport=tcp"],
		"username":"u","credential":"c"},{"urls":"stun:c.example"}],"relayOnly":true,"video":false}`))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.ICEServers) != 2 || p.ICEServers[0].Credential != "c" || !p.RelayOnly || p.Video {
		t.Errorf("got %+v", p)
	}
}

// What the configuration of a host and the signaling service may hold, both together.
func TestPeerTakesAsManyICEServersAsThereMayBe(t *testing.T) {
	urls := strings.Repeat(`"stun:a.example",`, 15) + `"stun:a.example"`
	server := `{"urls":[` + urls + `]}`
	p, err := ParsePeer([]byte(`{"iceServers":[` + strings.Repeat(server+",", 63) + server + `]}`))
	if err != nil || len(p.ICEServers) != 64 || len(p.ICEServers[63].URLs) != 16 {
		t.Errorf("got %d, %v", len(p.ICEServers), err)
	}
	if _, err := ParsePeer([]byte(`{"iceServers":[` + strings.Repeat(server+",", 64) + server + `]}`)); err == nil {
		t.Error("65 servers were taken")
	}
}

func TestErrorsNameTheFieldAndNoSecret(t *testing.T) {
	engine := func(text string) error { _, err := ParseEngine([]byte(text)); return err }
	stream := func(text string) error { _, err := ParseStream([]byte(text)); return err }
	peer := func(text string) error { _, err := ParsePeer([]byte(text)); return err }
	candidate := func(text string) error { _, err := ParseCandidate([]byte(text)); return err }
	for _, each := range []struct {
		parse      func(string) error
		text, want string
		code       abi.Code
	}{
		{engine, `{"maxpeers":3}`, "maxpeers is not an option", abi.InvalidArgument},
		{engine, `{"MDNS":false}`, "MDNS is not an option", abi.InvalidArgument},
		{engine, `{"iceTimeouts":{"failed":1}}`, "iceTimeouts.failed is not", abi.InvalidArgument},
		{engine, `{"iceTimeouts":{"failedMs":1}}`, "iceTimeouts.failedMs must be", abi.InvalidArgument},
		{engine, `{"maxPeers":1.5}`, "maxPeers must be a whole number from 1 to 256", abi.InvalidArgument},
		{engine, `{"mdns":null}`, "mdns must be true or false", abi.InvalidArgument},
		{engine, `{"udpPortMin":5}`, "udpPortMin", abi.InvalidArgument},
		{engine, `{"log":"debug"}`, "log must be one of", abi.InvalidArgument},
		{engine, `[]`, "options must be a JSON object", abi.InvalidArgument},
		{engine, `{"mdns":true} x`, "options must be", abi.InvalidArgument},
		{engine, strings.Repeat(" ", 70_000), "at most", abi.TooLarge},
		{stream, `{"codec":"vp9"}`, "codec must be one of h264", abi.InvalidArgument},
		{peer, `{"iceServers":[{"urls":["http://x"],"credential":"S3CRET"}]}`, "iceServers[0].urls[0]", abi.InvalidArgument},
		{peer, `{"iceServers":[{"urls":"turn:x","credential":"S3CRET"}]}`, "iceServers[0] names a TURN", abi.InvalidArgument},
		{peer, `{"iceServers":[{"username":"x"}]}`, "iceServers[0].urls is missing", abi.InvalidArgument},
		{peer, `{"iceServers":{}}`, "iceServers must be a list", abi.InvalidArgument},
		{candidate, `{}`, "candidate is missing", abi.InvalidArgument},
		{candidate, `{"candidate":null}`, "candidate must be a string", abi.InvalidArgument},
		{candidate, `{"candidate":"","sdpMLineIndex":-1}`, "sdpMLineIndex must be", abi.InvalidArgument},
	} {
		err := each.parse(each.text)
		if err == nil || !strings.Contains(err.Error(), each.want) || abi.CodeOf(err) != each.code {
			t.Errorf("%.60s: got %v (%d), want %q", each.text, err, abi.CodeOf(err), each.want)
		}
		if err != nil && strings.Contains(err.Error(), "S3CRET") {
			t.Errorf("a credential is in %q", err)
		}
	}
}

func TestCandidateFieldsMayBeNull(t *testing.T) {
	init, err := ParseCandidate([]byte(`{"candidate":"candidate:1 1 udp 1 1.2.3.4 5 typ host","sdpMid":null,"sdpMLineIndex":0,"usernameFragment":null}`))
	if err != nil {
		t.Fatal(err)
	}
	if init.SDPMid != nil || init.SDPMLineIndex == nil || init.UsernameFragment != nil {
		t.Errorf("got %+v", init)
	}
}

func FuzzOptions(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `[1]`, `{"iceTimeouts":{"disconnectedMs":1e9}}`, `{"interfaces":[null,"\u0000"]}`,
		`{"iceServers":[{"urls":["stun:[::1]:1"],"username":"a","credential":"b"}]}`, "\xff\xfe", `{"a":`,
		`{"candidate":"candidate:1 1 udp 1 ::1 1 typ host"}`, `{"candidate":"","sdpMLineIndex":65536}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if o, err := ParseEngine(text); err == nil && (o.MaxPeers < 1 || o.KeepAlive <= 0 || o.BitrateBps < 10_000) {
			t.Errorf("accepted %q as %+v", text, o)
		}
		if o, err := ParsePeer(text); err == nil {
			for _, server := range o.ICEServers {
				if len(server.URLs) == 0 {
					t.Errorf("accepted a server without URL in %q", text)
				}
			}
		}
		_, _ = ParseStream(text)
		_, _ = ParseCandidate(text)
	})
}
