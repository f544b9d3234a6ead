package host

import (
	"testing"
	"time"
)

// BenchmarkPush is what an encoder's thread spends on a picture of 12.5 kB (6 Mbit/s at 60 a second) with
// one viewer, socket included.
func BenchmarkPush(b *testing.B) {
	bench := newBench(b, engineOptions)
	v := bench.newViewer(viewerConfig{}).connect()
	go func() {
		for range v.packets {
		}
	}()
	v.setRate(1_000_000_000)
	unit := picture(true, 12_500, 0)
	b.ReportAllocs()
	for b.Loop() {
		unit.CaptureMicros += 16_667
		if _, err := bench.host.Push(bench.stream, unit); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		time.Sleep(2 * time.Millisecond)
		b.StartTimer()
	}
}
