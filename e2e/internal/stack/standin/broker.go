package standin

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
)

// serveBroker is a Redis that answers PING, which is all that a start asks for.
func serveBroker(ctx context.Context, w World) error {
	l, err := net.Listen("tcp", ":6379")
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	fmt.Fprintln(w.Stdout, "* Ready to accept connections tcp")
	for {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		go func() {
			defer func() { _ = c.Close() }()
			lines := bufio.NewScanner(c)
			for lines.Scan() {
				if !strings.EqualFold(strings.TrimSpace(lines.Text()), "PING") {
					continue
				}
				if _, err := fmt.Fprint(c, "+PONG\r\n"); err != nil {
					return
				}
			}
		}()
	}
}
