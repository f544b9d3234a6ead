// Package logs carries Pion's log lines to the host.
package logs

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pion/logging"
)

// Factory makes Pion loggers that write to Emit. Debug and trace lines are never made: they may hold
// credentials.
type Factory struct {
	Level string // error, warn or info
	Emit  func(level, message string)
}

// NewLogger implements logging.LoggerFactory.
func (f *Factory) NewLogger(scope string) logging.LeveledLogger {
	rank := map[string]int{"error": 0, "warn": 1, "info": 2}[f.Level]
	return &logger{scope: scope, rank: rank, emit: f.Emit}
}

type logger struct {
	scope string
	rank  int
	emit  func(level, message string)
}

// expected are lines of Pion's that say nothing is wrong: candidates trickle, a check may be answered
// before its candidate is known, a candidate of before an ICE restart comes late, readers and writers
// end with their connection, and a machine without IPv6 cannot send on it.
var expected = []string{
	"Failed to ping without candidate pairs",
	"Discard success message from",
	"dropping candidate with ufrag",
	"stream is already closed",
	"association closed before connecting",
	"failed to write packets on netConn",
	"no endpoint for packet starting with 21", // a DTLS alert: the other side closes
	"failed to send mDNS packet",
}

func (l *logger) write(rank int, level, message string) {
	if rank < 2 && slices.ContainsFunc(expected, func(part string) bool { return strings.Contains(message, part) }) {
		rank, level = 2, "info"
	}
	if rank <= l.rank {
		l.emit(level, l.scope+": "+message)
	}
}

func (l *logger) Trace(string)                  {}
func (l *logger) Tracef(string, ...interface{}) {}
func (l *logger) Debug(string)                  {}
func (l *logger) Debugf(string, ...interface{}) {}
func (l *logger) Info(m string)                 { l.write(2, "info", m) }
func (l *logger) Infof(f string, a ...any)      { l.write(2, "info", fmt.Sprintf(f, a...)) }
func (l *logger) Warn(m string)                 { l.write(1, "warn", m) }
func (l *logger) Warnf(f string, a ...any)      { l.write(1, "warn", fmt.Sprintf(f, a...)) }
func (l *logger) Error(m string)                { l.write(0, "error", m) }
func (l *logger) Errorf(f string, a ...any)     { l.write(0, "error", fmt.Sprintf(f, a...)) }
