package external

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
)

// logLimit bounds what is read of a log while the checks run.
const logLimit = 8 << 20

// A logFile is the part of a log that is written while the checks run.
type logFile struct {
	path string

	mu    sync.Mutex
	from  int64
	lines []evidence.Line
	rest  []byte // of a line that is not whole yet
}

func openLog(path string) (*logFile, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no file that can be followed", path)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: --paperless-log: %w", ErrOptions, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: --paperless-log: %w", ErrOptions, err)
	}
	end, err := f.Seek(0, io.SeekEnd)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("%w: --paperless-log: %s is no file that can be followed: %w", ErrOptions, path, err)
	}
	return &logFile{path: path, from: end}, nil
}

// read is every line since the log was opened.
func (l *logFile) read(redact *evidence.Redactor) ([]evidence.Line, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f, err := os.Open(l.path)
	if err != nil {
		return l.lines, fmt.Errorf("read Paperless's log: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return l.lines, fmt.Errorf("read Paperless's log: %w", err)
	}
	if info.Size() < l.from { // rotated
		l.from, l.rest = 0, nil
	}
	if _, err := f.Seek(l.from, io.SeekStart); err != nil {
		return l.lines, fmt.Errorf("read Paperless's log: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(f, logLimit))
	if err != nil {
		return l.lines, fmt.Errorf("read Paperless's log: %w", err)
	}
	l.from += int64(len(text))
	text = append(l.rest, text...)
	l.rest = nil
	for {
		line, rest, whole := bytes.Cut(text, []byte("\n"))
		if !whole {
			l.rest = bytes.Clone(line)
			return l.lines, nil
		}
		l.lines = append(l.lines, evidence.Line{Source: "paperless", Text: redact.Text(strings.TrimRight(string(line), "\r"))})
		text = rest
	}
}

// logs are Paperless's lines, where they can be had, and authentik's events, in
// the order in which they were read: a list that only grows.
func (p *Pair) logs(ctx context.Context) ([]evidence.Line, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	if p.log != nil {
		lines, err := p.log.read(p.redactor)
		errs = append(errs, err)
		p.lines, p.fromLog = append(p.lines, lines[min(p.fromLog, len(lines)):]...), len(lines)
	}
	if p.idp != nil {
		lines, err := p.idp.lines(ctx)
		errs = append(errs, err)
		p.lines, p.fromIdP = append(p.lines, lines[min(p.fromIdP, len(lines)):]...), len(lines)
	}
	return slices.Clone(p.lines), errors.Join(errs...)
}
