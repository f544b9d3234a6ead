package packetize

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/pion/rtp/codecs"
)

func unit(nals ...[]byte) []byte {
	var out []byte
	for i, nal := range nals {
		if i%2 == 0 {
			out = append(out, 0)
		}
		out = append(append(out, 0, 0, 1), nal...)
	}
	return out
}

func nal(header byte, size int) []byte {
	return append([]byte{header}, bytes.Repeat([]byte{0xab}, size-1)...)
}

// Golden bytes of each kind of payload (RFC 6184, sections 5.6 to 5.8).
func TestPayloads(t *testing.T) {
	for _, each := range []struct {
		name  string
		nals  [][]byte
		limit int
		want  []string
	}{
		{"one", [][]byte{{0x41, 1, 2}}, 10, []string{"410102"}},
		{"STAP-A takes the highest reference", [][]byte{{0x67, 1}, {0x28, 2}}, 20, []string{"7800026701" + "00022802"}},
		{"FU-A in equal parts", [][]byte{{0x65, 1, 2, 3, 4, 5, 6}}, 6, []string{"7c85010203", "7c45040506"}},
		{"a delimiter and filler say nothing", [][]byte{{0x09, 0xf0}, {0x41, 1}, {0x0c, 0xff}}, 20, []string{"4101"}},
		{"no room to aggregate", [][]byte{{0x67, 1, 2}, {0x68, 3, 4}}, 6, []string{"670102", "680304"}},
	} {
		got, err := H264(unit(each.nals...), each.limit)
		if err != nil {
			t.Fatal(err)
		}
		var hex []string
		for _, payload := range got {
			hex = append(hex, fmt.Sprintf("%x", payload))
		}
		if fmt.Sprint(hex) != fmt.Sprint(each.want) {
			t.Errorf("%s: got %v, want %v", each.name, hex, each.want)
		}
	}
}

func TestNothingToSendIsAnError(t *testing.T) {
	for _, data := range [][]byte{nil, {}, {1, 2, 3}, {0, 0, 1}, {0, 0, 1, 0x09, 0xf0}} {
		if _, err := H264(data, 1000); err == nil {
			t.Errorf("%x gave no error", data)
		}
	}
}

func TestThePayloadsAreACopy(t *testing.T) {
	data := unit(nal(0x67, 10), nal(0x65, 5000))
	payloads, err := H264(data, 1000)
	if err != nil {
		t.Fatal(err)
	}
	before := bytes.Join(payloads, nil)
	clear(data)
	if !bytes.Equal(before, bytes.Join(payloads, nil)) {
		t.Error("the payloads change with the access unit")
	}
}

// Pion's depacketiser, which others wrote, gets back what went in.
func TestOthersReadIt(t *testing.T) {
	nals := [][]byte{nal(0x67, 12), nal(0x68, 5), nal(0x06, 700), nal(0x65, 40_000), nal(0x65, 1160), nal(0x65, 1161), nal(0x41, 1)}
	payloads, err := H264(unit(nals...), 1160)
	if err != nil {
		t.Fatal(err)
	}
	check(t, nals, payloads, 1160)
}

func check(t *testing.T, nals, payloads [][]byte, limit int) {
	t.Helper()
	var want, got []byte
	for _, each := range nals {
		want = append(append(want, 0, 0, 0, 1), each...)
	}
	reader := &codecs.H264Packet{}
	for _, payload := range payloads {
		if len(payload) > limit {
			t.Errorf("a payload has %d bytes", len(payload))
		}
		part, err := reader.Unmarshal(payload)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, part...)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes came back, want %d", len(got), len(want))
	}
}

func FuzzH264(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2}, 100)
	f.Add(unit(nal(0x65, 3000)), 50)
	f.Add([]byte{0, 0, 1, 0, 0, 1, 0, 0, 1}, 1160)
	f.Fuzz(func(t *testing.T, data []byte, limit int) {
		limit = 4 + (limit&0x7fffffff)%2000
		payloads, err := H264(data, limit)
		if err != nil {
			return
		}
		// Types that RFC 6184 reserves for packets cannot come out as NAL units.
		nals := split(data)
		for _, each := range nals {
			if kind := each[0] & typeMask; kind >= 24 || each[0]&0x80 != 0 || kind == 0 {
				return
			}
		}
		check(t, nals, payloads, limit)
	})
}
