// Package handles gives out the integers by which the host names our objects.
package handles

import "sync"

// kindBits leaves room for the kinds of objects in the low bits of a handle, so that a handle of one
// kind is never taken for one of another.
const kindBits = 2

// Found says what a handle turned out to be.
type Found int

const (
	Unknown Found = iota // never given out by this table
	Gone                 // given out and removed since
	Live
)

// Table maps handles to objects of one kind. Handles are positive, unique within the process and
// never reused. Safe for use by any goroutine.
type Table[T any] struct {
	kind int64
	mu   sync.RWMutex
	last int64
	live map[int64]T
}

// NewTable makes a table; kind is 1 to 3 and differs from that of every other table.
func NewTable[T any](kind int64) *Table[T] {
	return &Table[T]{kind: kind, live: map[int64]T{}}
}

// Reserve gives a handle before its object exists, for objects that need to know their own.
func (t *Table[T]) Reserve() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last++
	return t.last<<kindBits | t.kind
}

// Put files the object under a reserved handle.
func (t *Table[T]) Put(handle int64, object T) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.live[handle] = object
}

// Get looks a handle up.
func (t *Table[T]) Get(handle int64) (T, Found) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	object, ok := t.live[handle]
	if ok {
		return object, Live
	}
	return object, t.gone(handle)
}

// Take looks a handle up and removes it.
func (t *Table[T]) Take(handle int64) (T, Found) {
	t.mu.Lock()
	defer t.mu.Unlock()
	object, ok := t.live[handle]
	if ok {
		delete(t.live, handle)
		return object, Live
	}
	return object, t.gone(handle)
}

// Len is the number of live objects.
func (t *Table[T]) Len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.live)
}

func (t *Table[T]) gone(handle int64) Found {
	serial := handle >> kindBits
	if handle&(1<<kindBits-1) == t.kind && serial >= 1 && serial <= t.last {
		return Gone
	}
	return Unknown
}

// Drop removes the objects that match.
func (t *Table[T]) Drop(match func(T) bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for handle, object := range t.live {
		if match(object) {
			delete(t.live, handle)
		}
	}
}
