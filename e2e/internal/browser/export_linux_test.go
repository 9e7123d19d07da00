package browser

import (
	"context"
	"errors"
	"log/slog"
)

// OpenByHelper is Open for a user who is not root.
func OpenByHelper(ctx context.Context, o Options) (*Browser, error) {
	o.Log = slog.New(slog.DiscardHandler)
	path, err := Find(false)
	if err != nil {
		return nil, err
	}
	o.Path, o.StartLimit = path, answerLimit
	own, err := planIsland(o.Rules, o.Log)
	if err == nil {
		err = own.leaveItTo(o.Helper)
	}
	if err != nil {
		return nil, err
	}
	b, err := open(ctx, o, own)
	if err != nil {
		return nil, errors.Join(err, own.close())
	}
	return b, nil
}
