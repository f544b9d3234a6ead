package peer

import (
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/faults"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/guard"
)

// repairRetry is how long to wait for SRTP, which starts just after 'connected'.
const repairRetry = 10 * time.Millisecond

// listenRTCP reads what the viewer reports on a track, on two goroutines: Pion hands an RTCP packet
// to the readers of the SSRCs that it names, and a sender reads its media SSRC only. But a browser
// names the SSRC that it heard last in its transport-wide feedback, which after a retransmission is
// the RTX one: those reports would be lost, and read as loss of hundreds of packets. A receiver on the
// RTX SSRC reads them.
func (p *Peer) listenRTCP(t *track, sender *webrtc.RTPSender) {
	media := p.newRTCPReader("rtcp reader", func(packets []rtcp.Packet) {
		for _, encoding := range sender.GetParameters().Encodings {
			p.handleRTCP(t, packets, uint32(encoding.SSRC))
		}
	})
	p.running.Go(func() { media.part.Keep(p.done, func() { media.read(sender) }) })
	repairs := p.newRTCPReader("rtcp reader of rtx", nil)
	p.running.Go(func() { repairs.part.Keep(p.done, func() { p.readRepairRTCP(t, sender, repairs) }) })
}

func (p *Peer) newRTCPReader(name string, handle func([]rtcp.Packet)) *rtcpReader {
	return &rtcpReader{part: faults.New(name, p.tell), done: p.done, over: p.dead.Load, handle: handle}
}

func (p *Peer) readRepairRTCP(t *track, sender *webrtc.RTPSender, reader *rtcpReader) {
	select {
	case <-p.firstContact:
	case <-p.done:
		return
	}
	encodings := sender.GetParameters().Encodings
	if len(encodings) == 0 || encodings[0].RTX.SSRC == 0 {
		return // the viewer knows no RTX
	}
	receiver := p.openRepairReceiver(sender, encodings[0].RTX.SSRC)
	if receiver == nil {
		return
	}
	defer func() { _ = receiver.Stop() }()
	stopped := make(chan struct{})
	defer close(stopped)
	guard.Go("rtcp of rtx, close", p.report, func() {
		select {
		case <-p.done:
			_ = receiver.Stop() // ends the read below
		case <-stopped:
		}
	})
	reader.handle = func(packets []rtcp.Packet) { p.handleRTCP(t, packets, uint32(encodings[0].RTX.SSRC)) }
	reader.read(receiver)
}

// openRepairReceiver gives nil when the peer closes first.
func (p *Peer) openRepairReceiver(sender *webrtc.RTPSender, ssrc webrtc.SSRC) *webrtc.RTPReceiver {
	parameters := webrtc.RTPReceiveParameters{Encodings: []webrtc.RTPDecodingParameters{
		{RTPCodingParameters: webrtc.RTPCodingParameters{SSRC: ssrc}},
	}}
	for {
		receiver, err := p.api.NewRTPReceiver(webrtc.RTPCodecTypeVideo, sender.Transport())
		if err == nil {
			if err = receiver.Receive(parameters); err == nil {
				return receiver
			}
			_ = receiver.Stop()
		}
		if !faults.Pause(repairRetry, p.done) {
			return nil
		}
	}
}

// handleRTCP takes from a compound packet what is about ssrc: the rest comes to the other reader, too.
func (p *Peer) handleRTCP(t *track, packets []rtcp.Packet, ssrc uint32) {
	for _, packet := range packets {
		switch report := packet.(type) {
		case *rtcp.TransportLayerCC:
			if report.MediaSSRC == ssrc {
				p.onTransport(report)
			}
		case *rtcp.TransportLayerNack:
			if report.MediaSSRC == ssrc {
				p.meter.Repair(1, p.repairer.Resend(report, p.meter.RTT()))
			}
		case *rtcp.PictureLossIndication:
			if report.MediaSSRC == ssrc {
				p.meter.Request(1, 0)
				t.pictureLost(p.meter.RTT())
			}
		case *rtcp.FullIntraRequest:
			for _, entry := range report.FIR {
				if entry.SSRC == ssrc {
					p.meter.Request(0, 1)
					t.pictureLost(p.meter.RTT())
				}
			}
		case *rtcp.ReceiverReport:
			p.receiverReport(report.Reports, t, ssrc)
		case *rtcp.SenderReport:
			p.receiverReport(report.Reports, t, ssrc)
		}
	}
}

// receiverReport takes the block on the media: that on RTX counts what nobody missed.
func (p *Peer) receiverReport(blocks []rtcp.ReceptionReport, t *track, ssrc uint32) {
	for _, block := range blocks {
		if block.SSRC == ssrc && ssrc == t.ssrc() {
			p.meter.Receiver(block)
		}
	}
}
