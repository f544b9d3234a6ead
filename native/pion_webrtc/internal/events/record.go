package events

import "encoding/binary"

// headerSize is sizeof(pd_event_header): size u32, type u16, channel u16, handle i64, time_us i64.
const headerSize = 24

// event is one record before it is written out.
type event struct {
	kind    uint16
	channel uint16
	handle  int64
	time    int64
	payload []byte
	// render makes the payload of a statistic at the moment it is taken, so that the newest values
	// win and no count is lost while it waits.
	render func() []byte
	void   bool // nothing to tell after all
}

// recordSize is what the event takes in a buffer, padding included.
func (e *event) recordSize() int {
	return (headerSize + len(e.payload) + 7) &^ 7
}

// put writes the record at the start of buffer, which has room for it.
func (e *event) put(buffer []byte) {
	binary.LittleEndian.PutUint32(buffer[0:], uint32(headerSize+len(e.payload)))
	binary.LittleEndian.PutUint16(buffer[4:], e.kind)
	binary.LittleEndian.PutUint16(buffer[6:], e.channel)
	binary.LittleEndian.PutUint64(buffer[8:], uint64(e.handle))
	binary.LittleEndian.PutUint64(buffer[16:], uint64(e.time))
	end := headerSize + copy(buffer[headerSize:], e.payload)
	clear(buffer[end:e.recordSize()])
}
