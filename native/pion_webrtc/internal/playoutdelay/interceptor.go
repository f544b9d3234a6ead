// Package playoutdelay tells the browser to show every picture at once.
package playoutdelay

import (
	"github.com/pion/interceptor"
	"github.com/pion/rtp"
)

// URI of the header extension (WebRTC's own, "playout-delay"). Chromium offers it; with a range of
// 0/0 its jitter buffer holds a picture 0.7 ms instead of 7.5. Firefox ignores it.
const URI = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"

// Interceptor puts minimum and maximum playout delay of zero on every packet of every local stream
// that negotiated the extension, retransmissions included.
type Interceptor struct {
	interceptor.NoOp
}

// BindLocalStream implements interceptor.Interceptor.
func (i *Interceptor) BindLocalStream(info *interceptor.StreamInfo, writer interceptor.RTPWriter) interceptor.RTPWriter {
	id := uint8(0)
	for _, extension := range info.RTPHeaderExtensions {
		if extension.URI == URI {
			id = uint8(extension.ID)
		}
	}
	if id == 0 {
		return writer
	}
	// 12 bits of minimum and 12 of maximum delay, in units of 10 ms.
	delay := []byte{0, 0, 0}
	return interceptor.RTPWriterFunc(func(header *rtp.Header, payload []byte, attributes interceptor.Attributes) (int, error) {
		if err := header.SetExtension(id, delay); err != nil {
			return 0, err
		}
		return writer.Write(header, payload, attributes)
	})
}
