package checklist_test

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestListIsValid(t *testing.T) {
	t.Parallel()
	all := checklist.All()
	require.NoError(t, check.Validate(all))
	id := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	for _, c := range all {
		assert.Regexp(t, id, c.ID)
		assert.NotContains(t, c.Title, "\n")
	}
}

func TestAllIsFresh(t *testing.T) {
	t.Parallel()
	one := checklist.All()
	one[0] = nil
	assert.NotNil(t, checklist.All()[0], "a caller's change must not reach the next one")
}

func TestVariants(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		check  *check.Check
		change func(env map[string]string)
		want   []string
	}{
		"sign-up on":                 {checklist.FirstLogin, nil, []string{"as-configured", "auto-signup-off"}},
		"sign-up off":                {checklist.FirstLogin, func(e map[string]string) { delete(e, deployment.AutoSignup) }, []string{"as-configured", "auto-signup-on"}},
		"sign-up by the dead name":   {checklist.FirstLogin, func(e map[string]string) { delete(e, deployment.AutoSignup); e["PAPERLESS_AUTO_CREATE"] = "true" }, []string{"as-configured", "auto-signup-on"}},
		"redirect off":               {checklist.RedirectToSSO, nil, []string{"redirect-on"}},
		"redirect on":                {checklist.RedirectToSSO, func(e map[string]string) { e[deployment.RedirectToSSO] = "true" }, []string{"as-configured"}},
		"redirect meant":             {checklist.RedirectToSSO, func(e map[string]string) { e[deployment.RedirectToSSO] = "on" }, []string{"as-configured"}},
		"regular login on":           {checklist.SSOOnly, nil, []string{"sso-only"}},
		"regular login off":          {checklist.SSOOnly, func(e map[string]string) { e[deployment.DisableRegularLogin] = "1" }, []string{"as-configured"}},
		"linking with local form":    {checklist.Linking, nil, []string{"as-configured"}},
		"linking without local form": {checklist.Linking, func(e map[string]string) { e[deployment.DisableRegularLogin] = "true" }, []string{"local-login-on"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := deployment.Default()
			require.NoError(t, err)
			if tt.change != nil {
				tt.change(b.Paperless.Env)
			}
			var got []string
			for _, v := range tt.check.Variants(b) {
				got = append(got, v.Name)
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

// A name must mean the same change wherever it is used: the runner starts each
// variant once.
func TestVariantsOfOneNameAreAlike(t *testing.T) {
	t.Parallel()
	b, err := deployment.Default()
	require.NoError(t, err)
	b.Paperless.Env["PAPERLESS_AUTO_CREATE"] = "true"
	seen := map[string]map[string]string{}
	for _, c := range checklist.All() {
		if c.Variants == nil {
			continue
		}
		for _, v := range c.Variants(b) {
			changed := b.Clone()
			if v.Change != nil {
				v.Change(changed)
			}
			if have, ok := seen[v.Name]; ok {
				assert.Equal(t, have, changed.Paperless.Env, v.Name)
			}
			seen[v.Name] = changed.Paperless.Env
		}
	}
	_, wanted := (&deployment.Deployment{Paperless: deployment.Paperless{Env: seen["auto-signup-off"]}}).Intends(deployment.AutoSignup)
	assert.False(t, wanted, "off removes every name that asks for it")
}
