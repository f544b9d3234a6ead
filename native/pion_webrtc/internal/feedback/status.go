package feedback

import (
	"time"

	"github.com/pion/rtcp"
)

// status is what one transport-wide feedback packet says of one packet.
type status struct {
	sequence uint16
	received bool
	timed    bool
	arrival  time.Duration // on the receiver's clock, whose zero is unknown
}

// referenceUnit is that of the reference time (draft-holmer-rmcat-transport-wide-cc-extensions-01,
// section 3.1); it has 24 bits and so wraps after 12 days.
const (
	referenceUnit = 64 * time.Millisecond
	referenceWrap = 1 << 24
)

// statuses unfolds a feedback packet. base is the unwrapped reference time.
func statuses(report *rtcp.TransportLayerCC, base time.Duration) []status {
	found := make([]status, 0, report.PacketStatusCount)
	at, next := base, 0
	add := func(symbol uint16) {
		if len(found) >= int(report.PacketStatusCount) {
			return
		}
		s := status{sequence: report.BaseSequenceNumber + uint16(len(found))}
		switch symbol {
		case rtcp.TypeTCCPacketReceivedSmallDelta, rtcp.TypeTCCPacketReceivedLargeDelta:
			s.received = true
			if next < len(report.RecvDeltas) {
				at += time.Duration(report.RecvDeltas[next].Delta) * time.Microsecond
				next++
				s.timed, s.arrival = true, at
			}
		case rtcp.TypeTCCPacketReceivedWithoutDelta:
			s.received = true
		}
		found = append(found, s)
	}
	for _, chunk := range report.PacketChunks {
		switch c := chunk.(type) {
		case *rtcp.RunLengthChunk:
			for range c.RunLength {
				add(c.PacketStatusSymbol)
			}
		case *rtcp.StatusVectorChunk:
			for _, symbol := range c.SymbolList {
				add(symbol)
			}
		}
	}
	return found
}
