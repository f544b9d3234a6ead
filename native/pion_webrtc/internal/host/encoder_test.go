package host

import (
	"bytes"
	"time"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/abi"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/stream"
)

// picture is an access unit: SPS, PPS and IDR slice, or a P slice, of about size bytes.
func picture(keyframe bool, size int, number int64) stream.Unit {
	code := []byte{0, 0, 0, 1}
	var data []byte
	kind := byte(0x41)
	if keyframe {
		kind = 0x65
		data = append(append(append(data, code...), 0x67, 0x42, 0xe0, 0x1f, 0x8c), append(code, 0x68, 0xce, 0x3c, 0x80)...)
	}
	data = append(append(append(data, code...), kind), bytes.Repeat([]byte{0xab}, size)...)
	return stream.Unit{Data: data, Keyframe: keyframe, CaptureMicros: number * 16_667}
}

// encode pushes as an encoder does that obeys the sink, until stop.
func (b *bench) encode(stop chan struct{}) chan struct{} {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		wanted := false
		for number := int64(0); ; number++ {
			result, err := b.host.Push(b.stream, picture(wanted, 3000, number))
			if err != nil {
				b.t.Error(err)
				return
			}
			wanted = result&abi.SinkKeyframeWanted != 0
			select {
			case <-ticker.C:
			case <-stop:
				return
			}
		}
	}()
	return ended
}

func (b *bench) encodeDuring(body func()) {
	stop := make(chan struct{})
	ended := b.encode(stop)
	body()
	close(stop)
	<-ended
}

func nalType(payload []byte) byte {
	switch kind := payload[0] & 31; kind {
	case 28:
		return payload[1] & 31
	case 24:
		return payload[3] & 31
	default:
		return kind
	}
}
