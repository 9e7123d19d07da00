//go:build !unix

package main

import "context"

func eatOnSignal(context.Context) {}
