//go:build unix

package main

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

// eatOnSignal takes memory without end once SIGUSR1 comes: how a test lets the
// kernel end a container that has a limit.
func eatOnSignal(ctx context.Context) {
	hungry := make(chan os.Signal, 1)
	signal.Notify(hungry, syscall.SIGUSR1)
	go func() {
		defer signal.Stop(hungry)
		select {
		case <-ctx.Done():
			return
		case <-hungry:
		}
		const bite = 1 << 20
		var eaten [][]byte
		for ctx.Err() == nil {
			b := make([]byte, bite)
			for i := range b {
				b[i] = 1 // touched, so that it counts
			}
			eaten = append(eaten, b)
		}
		runtime.KeepAlive(eaten)
	}()
}
