//go:build !linux

package browser

import "errors"

// openNamespace is for Linux.
func (i *island) openNamespace() error {
	return errors.New("only Linux gives a browser a network of its own")
}

func (i *island) leaveItTo(string) error { return errNotAllowed }

// Help is for Linux: there is nothing to help with here.
func Help([]string) error { return errNotAllowed }
