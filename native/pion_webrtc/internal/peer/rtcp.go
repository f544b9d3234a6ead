package peer

import (
	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
)

// readRTCP reads what the viewer reports on a track, until the track ends.
func (p *Peer) readRTCP(t *track, read func() ([]rtcp.Packet, interceptor.Attributes, error)) {
	for {
		packets, _, err := read()
		if err != nil {
			return
		}
		for _, packet := range packets {
			switch packet.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				t.stream.WantKeyframe()
			}
		}
	}
}
