package feedback

import (
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
)

// Meter is the shell around an Estimator: an interceptor that sees what leaves, nearest the wire, and
// the sink of what a viewer reports. Safe for use by any goroutine.
type Meter struct {
	interceptor.NoOp
	now    func() time.Time
	active func()

	mu        sync.Mutex
	estimator *Estimator
	heard     time.Time
}

// NewMeter makes one. active is called, and must not block, when something leaves after nothing did.
func NewMeter(now func() time.Time, active func()) *Meter {
	return &Meter{now: now, active: active, estimator: NewEstimator(now())}
}

// BindLocalStream implements interceptor.Interceptor.
func (m *Meter) BindLocalStream(info *interceptor.StreamInfo, writer interceptor.RTPWriter) interceptor.RTPWriter {
	id := uint8(0)
	for _, extension := range info.RTPHeaderExtensions {
		if extension.URI == sdp.TransportCCURI {
			id = uint8(extension.ID)
		}
	}
	return interceptor.RTPWriterFunc(func(header *rtp.Header, payload []byte, attributes interceptor.Attributes) (int, error) {
		var number rtp.TransportCCExtension
		numbered := id != 0 && number.Unmarshal(header.GetExtension(id)) == nil
		size := header.MarshalSize() + len(payload)
		m.mu.Lock()
		idle := m.estimator.Idle()
		if numbered {
			m.estimator.Sent(m.now(), number.TransportSequence, size)
		} else {
			m.estimator.Unnumbered(size)
		}
		m.mu.Unlock()
		if idle {
			m.active()
		}
		return writer.Write(header, payload, attributes)
	})
}

// Transport takes transport-wide feedback. outage: of a long time of sending nothing had arrived.
func (m *Meter) Transport(report *rtcp.TransportLayerCC) (outage bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.heard = m.now()
	return m.estimator.Transport(m.heard, report)
}

// Arrivals gives what reports have told since the last call; nil: nothing.
func (m *Meter) Arrivals() *Arrivals {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.estimator.TakeArrivals(m.now())
}

// Flight is how many bytes are on the way, and when a report came last; the zero time: never.
func (m *Meter) Flight() (bytes uint64, heard time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.estimator.InFlight(), m.heard
}

// Receiver takes a report block.
func (m *Meter) Receiver(block rtcp.ReceptionReport) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.estimator.Receiver(m.now(), block)
}

// Repair counts NACKs and what was sent again.
func (m *Meter) Repair(nacks, packets int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.estimator.Repair(uint64(nacks), uint64(packets))
}

// Request counts requests for keyframes.
func (m *Meter) Request(plis, firs int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.estimator.Request(uint64(plis), uint64(firs))
}

// RTT is the newest round-trip time, 0 if unknown.
func (m *Meter) RTT() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.estimator.RTT()
}

// Idle says whether nothing left and nothing was reported since the last report.
func (m *Meter) Idle() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.estimator.Idle()
}

// Take ends the interval and reports it.
func (m *Meter) Take(pacerQueue time.Duration) Report {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.estimator.Take(m.now(), pacerQueue)
}
