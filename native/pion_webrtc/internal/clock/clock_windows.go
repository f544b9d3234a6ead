// Package clock reads the machine's monotonic clock, the one that capture times and event times use.
package clock

import (
	"math/bits"
	"syscall"
	"unsafe"
)

var (
	kernel32         = syscall.NewLazyDLL("kernel32.dll")
	queryCounter     = kernel32.NewProc("QueryPerformanceCounter")
	queryFrequency   = kernel32.NewProc("QueryPerformanceFrequency")
	counterFrequency = frequency()
)

func frequency() uint64 {
	var f uint64
	if ok, _, _ := queryFrequency.Call(uintptr(unsafe.Pointer(&f))); ok == 0 || f == 0 {
		return 1
	}
	return f
}

// Micros gives the performance counter in microseconds. The product with 10^6 is taken in 128
// bits: at 10 MHz it would leave 64 bits after three weeks of uptime.
func Micros() int64 {
	var now uint64
	if ok, _, _ := queryCounter.Call(uintptr(unsafe.Pointer(&now))); ok == 0 {
		return 0
	}
	hi, lo := bits.Mul64(now, 1_000_000)
	micros, _ := bits.Div64(hi%counterFrequency, lo, counterFrequency)
	return int64(micros)
}
