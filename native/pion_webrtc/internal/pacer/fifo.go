package pacer

import (
	"github.com/pion/interceptor"
	"github.com/pion/rtp"
)

// packet is one on its way to a stream's writer.
type packet struct {
	header     *rtp.Header
	payload    []byte
	attributes interceptor.Attributes
	writer     interceptor.RTPWriter
	size       int // header and payload, bytes
}

func (p packet) send() error {
	_, err := p.writer.Write(p.header, p.payload, p.attributes)
	return err
}

// keep makes the packet outlive the call that brought it: the header is the caller's again.
func (p packet) keep() packet {
	header := p.header.Clone()
	p.header = &header
	return p
}

// fifo is a queue that knows its bytes.
type fifo struct {
	packets []packet
	bytes   int
}

func (f *fifo) empty() bool   { return len(f.packets) == 0 }
func (f *fifo) first() packet { return f.packets[0] }

func (f *fifo) push(p packet) {
	f.packets = append(f.packets, p)
	f.bytes += p.size
}

func (f *fifo) pop() packet {
	p := f.packets[0]
	f.packets[0] = packet{}
	f.packets = f.packets[1:]
	f.bytes -= p.size
	return p
}
