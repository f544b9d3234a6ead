package peer

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/faults"
)

const (
	// maxRTCP is a whole UDP datagram: one that does not fit would be an error of the read.
	maxRTCP = 64 << 10
	// patientReads that end in a row are no news: a connection that ends does so before it says so.
	patientReads = 4
)

// rtcpSource is where RTCP is read from: a sender or a receiver.
type rtcpSource interface {
	Read(buffer []byte) (int, interceptor.Attributes, error)
}

// rtcpReader reads to the peer's end, whatever comes: without it nobody would hear that the viewer lost the
// picture, or how its path is.
type rtcpReader struct {
	part   *faults.Part
	done   <-chan struct{}
	over   func() bool // the connection has ended: reads that fail are no fault
	handle func([]rtcp.Packet)
}

// read returns when done is closed.
func (r *rtcpReader) read(source rtcpSource) {
	buffer := make([]byte, maxRTCP)
	ends := 0
	for {
		n, _, err := source.Read(buffer)
		if err != nil {
			ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe)
			wait := time.Second
			if ends++; !ended || ends > patientReads && !r.over() {
				wait = r.part.Failed(err.Error())
			} else if ends <= patientReads {
				wait = repairRetry << ends
			}
			if !faults.Pause(wait, r.done) {
				return
			}
			continue
		}
		ends = 0
		if wait, ok := r.part.Try(func() { r.take(buffer[:n]) }); !ok && !faults.Pause(wait, r.done) {
			return
		}
	}
}

// take hands on what it understands: a compound packet (RFC 3550, section 6.1) of which one part is not
// RTCP still has its others.
func (r *rtcpReader) take(datagram []byte) {
	packets, bad := parseRTCP(datagram)
	if len(packets) > 0 {
		r.handle(packets)
	}
	if bad != nil {
		r.part.Failed(bad.Error())
	} else {
		r.part.Worked()
	}
}

func parseRTCP(datagram []byte) (packets []rtcp.Packet, bad error) {
	for at := 0; at < len(datagram); {
		var header rtcp.Header
		if err := header.Unmarshal(datagram[at:]); err != nil {
			return packets, fmt.Errorf("byte %d: %w", at, err)
		}
		end := at + 4*(int(header.Length)+1)
		if end > len(datagram) {
			return packets, fmt.Errorf("byte %d: a packet of %d bytes is cut off", at, end-at)
		}
		parsed, err := rtcp.Unmarshal(datagram[at:end])
		if err != nil {
			bad = fmt.Errorf("byte %d: %w", at, err)
		}
		packets = append(packets, parsed...)
		at = end
	}
	return packets, bad
}
