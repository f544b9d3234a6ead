// Command floor sends a recorded H.264 stream to one browser, each picture at its time and with no
// capture, conversion or encoder: the latency that is left is Pion's, the network's and the
// browser's, which no host can go below.
//
//	floor --stream FILE
//
// FILE holds pictures, each a 4-byte little-endian size and an Annex B byte stream. On stdout:
// `listening PORT`, then for each `run HZ` on stdin `paint N US` (CLOCK_MONOTONIC, taken before the
// picture is packetized; N from 0) and `done N`.
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
	"golang.org/x/sys/unix"
)

const (
	playoutDelayURI = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
	videoClock      = 90_000
	packetBytes     = 1200
)

const page = `<!doctype html><html data-state="connecting"><video id="video" autoplay muted playsinline
style="width:100vw;height:100vh"></video><script type="module">
const peer = new RTCPeerConnection();
peer.addTransceiver('video', { direction: 'recvonly' });
peer.ontrack = ({ receiver, track }) => {
  receiver.jitterBufferTarget = 0;
  document.querySelector('#video').srcObject = new MediaStream([track]);
};
peer.onconnectionstatechange = () => { document.documentElement.dataset.state = peer.connectionState; };
await peer.setLocalDescription();
await new Promise((done) => {
  if (peer.iceGatheringState === 'complete') done();
  peer.onicegatheringstatechange = () => peer.iceGatheringState === 'complete' && done();
});
const answer = await fetch('/offer', { method: 'POST', body: JSON.stringify(peer.localDescription) });
await peer.setRemoteDescription(await answer.json());
</script></html>`

type sender struct {
	pictures [][]byte
	track    *webrtc.TrackLocalStaticRTP
	sender   *webrtc.RTPSender
}

func readPictures(path string) ([][]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var pictures [][]byte
	for len(data) >= 4 {
		size := int(binary.LittleEndian.Uint32(data))
		if size > len(data)-4 {
			return nil, fmt.Errorf("%s: picture %d is cut off", path, len(pictures))
		}
		pictures = append(pictures, data[4:4+size])
		data = data[4+size:]
	}
	return pictures, nil
}

func newAPI() (*webrtc.API, error) {
	media := &webrtc.MediaEngine{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		return nil, err
	}
	extension := webrtc.RTPHeaderExtensionCapability{URI: playoutDelayURI}
	if err := media.RegisterHeaderExtension(extension, webrtc.RTPCodecTypeVideo); err != nil {
		return nil, err
	}
	registry := &interceptor.Registry{}
	if err := webrtc.RegisterDefaultInterceptors(media, registry); err != nil {
		return nil, err
	}
	settings := webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	return webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(registry),
		webrtc.WithSettingEngine(settings)), nil
}

func (s *sender) answer(offer webrtc.SessionDescription) (*webrtc.SessionDescription, error) {
	api, err := newAPI()
	if err != nil {
		return nil, err
	}
	peer, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	capability := webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeH264, ClockRate: videoClock,
		SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
	}
	if s.track, err = webrtc.NewTrackLocalStaticRTP(capability, "video", "floor"); err != nil {
		return nil, err
	}
	if s.sender, err = peer.AddTrack(s.track); err != nil {
		return nil, err
	}
	go func() {
		for {
			if _, _, err := s.sender.ReadRTCP(); err != nil {
				return
			}
		}
	}()
	if err := peer.SetRemoteDescription(offer); err != nil {
		return nil, err
	}
	gathered := webrtc.GatheringCompletePromise(peer)
	answer, err := peer.CreateAnswer(nil)
	if err != nil {
		return nil, err
	}
	if err := peer.SetLocalDescription(answer); err != nil {
		return nil, err
	}
	<-gathered
	return peer.LocalDescription(), nil
}

func monotonicMicros() int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		log.Fatal(err)
	}
	return now.Nano() / 1000
}

func (s *sender) run(hz float64) error {
	var delayID uint8
	for _, extension := range s.sender.GetParameters().HeaderExtensions {
		if extension.URI == playoutDelayURI {
			delayID = uint8(extension.ID) //nolint:gosec // 1 to 14 on the wire
		}
	}
	packetizer := rtp.NewPacketizer(packetBytes, 0, 0, &codecs.H264Payloader{},
		rtp.NewRandomSequencer(), videoClock)
	ticker := time.NewTicker(time.Duration(float64(time.Second) / hz))
	defer ticker.Stop()
	for number, picture := range s.pictures {
		<-ticker.C
		fmt.Printf("paint %d %d\n", number, monotonicMicros())
		for _, packet := range packetizer.Packetize(picture, uint32(videoClock/hz)) {
			if delayID != 0 {
				if err := packet.SetExtension(delayID, []byte{0, 0, 0}); err != nil {
					return err
				}
			}
			if err := s.track.WriteRTP(packet); err != nil {
				return err
			}
		}
	}
	fmt.Printf("done %d\n", len(s.pictures))
	return nil
}

func (s *sender) serve(listener net.Listener) error {
	http.HandleFunc("GET /", func(response http.ResponseWriter, _ *http.Request) {
		response.Header().Set("content-type", "text/html; charset=utf-8")
		_, _ = io.WriteString(response, page)
	})
	http.HandleFunc("POST /offer", func(response http.ResponseWriter, request *http.Request) {
		var offer webrtc.SessionDescription
		err := json.NewDecoder(io.LimitReader(request.Body, 1<<20)).Decode(&offer)
		if err != nil {
			http.Error(response, err.Error(), http.StatusBadRequest)
			return
		}
		answer, err := s.answer(offer)
		if err != nil {
			http.Error(response, err.Error(), http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(response).Encode(answer)
	})
	return http.Serve(listener, nil) //nolint:gosec // one local browser, for the length of a run
}

func main() {
	path := flag.String("stream", "", "recorded pictures")
	flag.Parse()
	pictures, err := readPictures(*path)
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	s := &sender{pictures: pictures}
	go func() { log.Fatal(s.serve(listener)) }()
	fmt.Printf("listening %d\n", listener.Addr().(*net.TCPAddr).Port)
	commands := bufio.NewScanner(os.Stdin)
	for commands.Scan() {
		var hz float64
		if _, err := fmt.Sscanf(commands.Text(), "run %f", &hz); err != nil || hz <= 0 {
			log.Fatalf("floor: %q is no command", commands.Text())
		}
		if err := s.run(hz); err != nil {
			log.Fatal(err)
		}
	}
}
