package target

import (
	"context"
	"sync"
)

// A slot bounds how many pairs boot side by side.
type slotKey struct{}

// WithSlot gives a starter a slot to work in; free hands it to the next start.
// free is called once at most.
func WithSlot(ctx context.Context, free func()) context.Context {
	return context.WithValue(ctx, slotKey{}, sync.OnceFunc(free))
}

// Waits tells that the start of a pair needs no core of the machine from here on:
// it only waits for what is started elsewhere, such as an authentik that another
// pair uses too. The next start begins. It does nothing without a slot, and the
// second time.
func Waits(ctx context.Context) {
	if free, ok := ctx.Value(slotKey{}).(func()); ok {
		free()
	}
}
