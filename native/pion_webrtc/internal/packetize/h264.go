// Package packetize cuts access units into RTP payloads.
package packetize

import (
	"bytes"
	"errors"
)

// RFC 6184, table 1 and section 5.2.
const (
	nalDelimiter = 9
	nalFiller    = 12
	nalSTAPA     = 24
	nalFUA       = 28
	typeMask     = 0x1f
	refMask      = 0x60
	fuStart      = 0x80
	fuEnd        = 0x40
)

// ErrNoUnit is an access unit without any NAL unit in it.
var ErrNoUnit = errors.New("no NAL unit found: the access unit must be an Annex B byte stream (start codes 00 00 01)")

// H264 cuts an Annex B access unit into payloads of at most limit bytes for packetization-mode 1
// (RFC 6184, section 6.3): small NAL units that follow each other share a STAP-A, large ones are cut into
// FU-A fragments of about equal size, for a full packet followed by a tiny one costs as much as two.
// The payloads are a copy; unit belongs to the caller again.
func H264(unit []byte, limit int) ([][]byte, error) {
	nals := split(unit)
	if len(nals) == 0 {
		return nil, ErrNoUnit
	}
	fragments := len(unit)/(limit-2) + 2*len(nals)
	// Sized so that appending never moves it: the payloads are slices of it.
	arena := make([]byte, 0, len(unit)+3*len(nals)+2*fragments)
	payloads := make([][]byte, 0, fragments)

	for i := 0; i < len(nals); {
		if len(nals[i]) > limit {
			arena, payloads = fragment(arena, payloads, nals[i], limit)
			i++
			continue
		}
		end, size := i, 1
		for end < len(nals) && size+2+len(nals[end]) <= limit {
			size += 2 + len(nals[end])
			end++
		}
		start := len(arena)
		if end-i < 2 {
			arena = append(arena, nals[i]...)
			i++
		} else {
			arena = aggregate(arena, nals[i:end])
			i = end
		}
		payloads = append(payloads, arena[start:len(arena):len(arena)])
	}
	return payloads, nil
}

// aggregate writes a STAP-A (RFC 6184, section 5.7.1).
func aggregate(arena []byte, nals [][]byte) []byte {
	reference := byte(0)
	for _, nal := range nals {
		reference = max(reference, nal[0]&refMask)
	}
	arena = append(arena, reference|nalSTAPA)
	for _, nal := range nals {
		arena = append(arena, byte(len(nal)>>8), byte(len(nal)))
		arena = append(arena, nal...)
	}
	return arena
}

// fragment writes FU-As (RFC 6184, section 5.8).
func fragment(arena []byte, payloads [][]byte, nal []byte, limit int) ([]byte, [][]byte) {
	indicator, kind, rest := nal[0]&refMask|nalFUA, nal[0]&typeMask, nal[1:]
	for left := (len(rest) + limit - 3) / (limit - 2); left > 0; left-- {
		size := (len(rest) + left - 1) / left
		header := kind
		if len(rest) == len(nal)-1 {
			header |= fuStart
		}
		if left == 1 {
			header |= fuEnd
		}
		start := len(arena)
		arena = append(arena, indicator, header)
		arena = append(arena, rest[:size]...)
		payloads = append(payloads, arena[start:len(arena):len(arena)])
		rest = rest[size:]
	}
	return arena, payloads
}

// split finds the NAL units (ITU-T H.264, annex B), leaving out those that say nothing to a receiver.
func split(unit []byte) [][]byte {
	var nals [][]byte
	startCode := []byte{0, 0, 1}
	at := bytes.Index(unit, startCode)
	for at >= 0 {
		begin := at + len(startCode)
		next := bytes.Index(unit[begin:], startCode)
		end := len(unit)
		if next >= 0 {
			at = begin + next
			end = at
		} else {
			at = -1
		}
		// Zero bytes before the next start code (trailing_zero_8bits, or a four-byte code) belong to none.
		nal := bytes.TrimRight(unit[begin:end], "\x00")
		if len(nal) == 0 {
			continue
		}
		if kind := nal[0] & typeMask; kind != nalDelimiter && kind != nalFiller {
			nals = append(nals, nal)
		}
	}
	return nals
}
