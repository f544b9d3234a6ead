// Package guard keeps a panic inside this library: one in any goroutine would end the host process.
package guard

import (
	"fmt"
	"runtime/debug"
)

// Report is told of a panic that was caught: where it happened, and its value and stack.
type Report func(where, what string)

// Recover is deferred at the top of every goroutine and of every callback that a library runs on a
// goroutine of its own.
func Recover(where string, report Report) {
	if value := recover(); value != nil && report != nil {
		report(where, fmt.Sprintf("%v\n%s", value, debug.Stack()))
	}
}

// Go runs fn on a goroutine that recovers.
func Go(where string, report Report, fn func()) {
	go func() {
		defer Recover(where, report)
		fn()
	}()
}
