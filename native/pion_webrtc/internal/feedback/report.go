package feedback

import "encoding/json"

// Report is the payload of PD_EVENT_FEEDBACK; docs/architecture.md has its table. Pointers are nil
// where nothing was measured.
type Report struct {
	IntervalMs           float64  `json:"intervalMs"`
	RTTMs                *float64 `json:"rttMs"`
	JitterMs             *float64 `json:"jitterMs"`
	LossFraction         *float64 `json:"lossFraction"`
	LossFractionRR       *float64 `json:"lossFractionRr"`
	QueueDelayMs         *float64 `json:"queueDelayMs"`
	DelayTrendMsPerS     *float64 `json:"delayTrendMsPerS"`
	SentBytes            uint64   `json:"sentBytes"`
	SentPackets          uint64   `json:"sentPackets"`
	AckedBytes           uint64   `json:"ackedBytes"`
	ReceiveRateBps       *float64 `json:"receiveRateBps"`
	RetransmittedPackets uint64   `json:"retransmittedPackets"`
	Nacks                uint64   `json:"nacks"`
	PLIs                 uint64   `json:"plis"`
	FIRs                 uint64   `json:"firs"`
	TWCCReports          uint64   `json:"twccReports"`
	ReceiverReports      uint64   `json:"receiverReports"`
	PacerQueueMs         float64  `json:"pacerQueueMs"`
}

// JSON of the report.
func (r Report) JSON() []byte {
	text, err := json.Marshal(r)
	if err != nil {
		return nil
	}
	return text
}
