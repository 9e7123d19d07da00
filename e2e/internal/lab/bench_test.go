package lab_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/edge"
	"github.com/ssocheck/ssocheck/e2e/internal/lab"
)

// BenchmarkBoot is a lab of its own, started and closed.
func BenchmarkBoot(b *testing.B) {
	bundle, err := deployment.Default()
	require.NoError(b, err)
	for b.Loop() {
		tg, err := lab.Start(b.Context(), bundle)
		require.NoError(b, err)
		require.NoError(b, tg.Close())
	}
}

// BenchmarkBootOnEdge is a lab among others on one edge, as a run has them.
func BenchmarkBootOnEdge(b *testing.B) {
	bundle, err := deployment.Default()
	require.NoError(b, err)
	e, err := edge.Listen(edge.Options{})
	require.NoError(b, err)
	defer func() { _ = e.Close() }()
	for b.Loop() {
		tg, err := lab.Start(b.Context(), bundle, lab.WithEdge(e, "one"))
		require.NoError(b, err)
		require.NoError(b, tg.Close())
	}
}

// BenchmarkSignIn is a user who signs in with authentik, without a browser.
func BenchmarkSignIn(b *testing.B) {
	bundle, err := deployment.Default()
	require.NoError(b, err)
	tg, err := lab.Start(b.Context(), bundle)
	require.NoError(b, err)
	defer func() { _ = tg.Close() }()
	u := bundle.Authentik.Users[0]
	for b.Loop() {
		w := walk(b, tg, u.Username)
		w.password = u.Password
		w.visit("GET", "/accounts/login/", nil)
		w.press()
		w.answer()
		require.Equal(b, "/dashboard", w.at.Path)
	}
}
