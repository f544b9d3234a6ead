package host

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/abi"
)

// turnServer is a real TURN server on loopback; it gives its port.
func turnServer(t *testing.T) int {
	t.Helper()
	socket, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, err := turn.NewServer(turn.ServerConfig{
		Realm: "test",
		AuthHandler: func(request *turn.RequestAttributes) (string, []byte, bool) {
			return request.Username, turn.GenerateAuthKey("user", request.Realm, "secret"), request.Username == "user"
		},
		PacketConnConfigs: []turn.PacketConnConfig{{
			PacketConn: socket,
			RelayAddressGenerator: &turn.RelayAddressGeneratorStatic{
				RelayAddress: net.ParseIP("127.0.0.1"), Address: "127.0.0.1",
			},
		}},
		LoggerFactory: logging.NewDefaultLoggerFactory(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return socket.LocalAddr().(*net.UDPAddr).Port
}

func TestThroughARelay(t *testing.T) {
	port := turnServer(t)
	b := newBench(t, engineOptions)
	v := b.newViewer(viewerConfig{peerOptions: fmt.Sprintf(
		`{"relayOnly":true,"iceServers":[{"urls":["turn:127.0.0.1:%d"],"username":"user","credential":"secret"}]}`, port)})
	b.encodeDuring(func() {
		v.connect()
		first := v.packet().SequenceNumber
		for i := range uint16(300) {
			if got := v.packet().SequenceNumber; got != first+i+1 {
				t.Fatalf("packet %d came where %d was due", got, first+i+1)
			}
		}
	})
	path := b.await("path", func(e event) bool { return e.kind == abi.EventPath && e.handle == v.handle })
	if !strings.Contains(string(path.payload), `"local":"relay"`) {
		t.Errorf("path %s, want a relay", path.payload)
	}
	b.until("candidates", func(all []event) bool {
		for _, e := range all {
			if e.kind == abi.EventCandidate && strings.Contains(string(e.payload), "typ host") {
				t.Errorf("relayOnly told of %s", e.payload)
			}
		}
		return true
	})
}
