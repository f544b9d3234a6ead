package peer

import (
	"math"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/abi"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/faults"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/guard"
)

// maxBuffered is how much may wait on one data channel, in bytes.
const maxBuffered = 1 << 20

// channelGrace is how long a connection that ends may take to say so after its channels did.
const channelGrace = time.Second

// channels are a peer's data channels by their fixed ids. Both sides create them so (RFC 8831,
// section 6.5: negotiated), and no handshake is needed.
type channels struct {
	mu   sync.Mutex // one sender at a time, so that the bound holds
	byID map[uint16]*webrtc.DataChannel
}

func (p *Peer) openChannels() error {
	p.channels.byID = map[uint16]*webrtc.DataChannel{}
	ordered, unordered, noRetransmits := true, false, uint16(0)
	for _, spec := range []struct {
		id          uint16
		label       string
		ordered     *bool
		retransmits *uint16
	}{
		{abi.ChannelControl, "control", &ordered, nil},
		{abi.ChannelInput, "input", &ordered, nil},
		{abi.ChannelPointer, "pointer", &unordered, &noRetransmits},
	} {
		negotiated := true
		channel, err := p.pc.CreateDataChannel(spec.label, &webrtc.DataChannelInit{
			ID: &spec.id, Negotiated: &negotiated, Ordered: spec.ordered, MaxRetransmits: spec.retransmits,
		})
		if err != nil {
			return err
		}
		p.channels.byID[spec.id] = channel
		p.listen(spec.id, channel)
	}
	return nil
}

func (p *Peer) listen(id uint16, channel *webrtc.DataChannel) {
	channel.OnOpen(func() {
		defer guard.Recover("channel open", p.report)
		p.teller.say(abi.EventChannel, id, map[string]string{"state": "open"})
	})
	channel.OnClose(func() {
		defer guard.Recover("channel close", p.report)
		p.teller.say(abi.EventChannel, id, map[string]string{"state": "closed"})
		// Both sides make a channel once: if the connection lives on, see missChannels.
		p.channelGone.CompareAndSwap(0, p.config.Now().UnixNano())
	})
	// Runs on the channel's read loop: while it waits for the event queue, nothing more is read, and
	// SCTP's window holds the sender back.
	channel.OnMessage(func(message webrtc.DataChannelMessage) {
		defer guard.Recover("channel message", p.report)
		if id != abi.ChannelControl && !p.takesInput.Load() {
			p.droppedInput.Add(1)
			return // of a viewer that is not in control: it must not stand before the controller's
		}
		payload := make([]byte, 1+len(message.Data))
		if message.IsString {
			payload[0] = 1
		}
		copy(payload[1:], message.Data)
		p.config.Events.Data(p.done, id, p.config.Handle, payload)
	})
}

// missChannels is called while the connection is up. A channel that ended alone (a message over the limit, a
// fault below) would leave a viewer that sees the picture and cannot do a thing: the connection ends, and the
// viewer makes a new one.
func (p *Peer) missChannels(now time.Time) {
	gone := p.channelGone.Load()
	if gone == 0 || now.UnixNano()-gone < int64(channelGrace) || p.isClosed() {
		return
	}
	p.channelGone.Store(math.MaxInt64) // once
	faults.New("data channel", p.tell).Ended("a channel ended while the connection was up; the connection is closed")
	guard.Go("close without channels", p.report, func() { _ = p.pc.Close() })
}

// Send puts one message on a channel. It never blocks on the network.
func (p *Peer) Send(id uint16, isText bool, data []byte) error {
	channel, ok := p.channels.byID[id]
	if !ok {
		return abi.Errorf(abi.InvalidArgument, "channel %d does not exist; known: 1 control, 2 input, 3 pointer", id)
	}
	if len(data) > maxMessage {
		return abi.Errorf(abi.TooLarge, "the message has %d bytes; at most %d are sent", len(data), maxMessage)
	}
	if p.isClosed() {
		return errClosed()
	}
	p.channels.mu.Lock()
	defer p.channels.mu.Unlock()
	switch channel.ReadyState() {
	case webrtc.DataChannelStateOpen:
	case webrtc.DataChannelStateConnecting:
		return abi.Errorf(abi.State, "the channel is not open yet: wait for its open event")
	default:
		return abi.Errorf(abi.Closed, "the channel is closed")
	}
	if channel.BufferedAmount()+uint64(len(data)) > maxBuffered {
		return abi.Errorf(abi.WouldBlock, "%d bytes wait on the channel; try again later", channel.BufferedAmount())
	}
	var err error
	if isText {
		err = channel.SendText(string(data))
	} else {
		err = channel.Send(data)
	}
	if err != nil {
		return abi.Errorf(abi.Closed, "the channel did not take the message: %s", err)
	}
	return nil
}

// buffered is what waits on all channels, acknowledged bytes left out.
func (p *Peer) buffered() (bytes uint64) {
	for _, channel := range p.channels.byID {
		if channel.ReadyState() == webrtc.DataChannelStateOpen {
			bytes += channel.BufferedAmount()
		}
	}
	return bytes
}
