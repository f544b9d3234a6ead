package handles

import "testing"

func TestAHandleIsLiveThenGoneAndNeverReused(t *testing.T) {
	table := NewTable[string](1)
	first := table.Reserve()
	if _, found := table.Get(first); found != Gone {
		t.Errorf("a reserved handle is %v before its object is put", found)
	}
	table.Put(first, "a")
	if object, found := table.Get(first); found != Live || object != "a" {
		t.Errorf("got %q, %v", object, found)
	}
	if object, found := table.Take(first); found != Live || object != "a" {
		t.Errorf("took %q, %v", object, found)
	}
	if _, found := table.Take(first); found != Gone {
		t.Errorf("taken twice: %v, want Gone", found)
	}
	if second := table.Reserve(); second == first || second <= 0 {
		t.Errorf("handles %d and %d", first, second)
	}
}

func TestHandlesOfAnotherKindAreUnknown(t *testing.T) {
	engines, streams := NewTable[int](1), NewTable[int](2)
	handle := engines.Reserve()
	engines.Put(handle, 1)
	streams.Put(streams.Reserve(), 1)
	for _, wrong := range []int64{handle, 0, -1, -handle, 1 << 62, handle + 4000} {
		if _, found := streams.Get(wrong); found != Unknown {
			t.Errorf("handle %d is %v, want Unknown", wrong, found)
		}
	}
}

func TestDropRemovesWhatMatches(t *testing.T) {
	table := NewTable[int](3)
	for i := range 4 {
		table.Put(table.Reserve(), i)
	}
	table.Drop(func(i int) bool { return i%2 == 0 })
	if table.Len() != 2 {
		t.Errorf("%d left, want 2", table.Len())
	}
}
