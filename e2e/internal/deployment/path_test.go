package deployment

import (
	"strings"
	"testing"

	"github.com/Masterminds/semver/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestUpgradePath(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		from, to, step string
		want           []string
		err            string
	}{
		"both":                {"2.20.15,2025.8.1", "3.0.5,2025.10.0", StepBoth, []string{"3.0.5,2025.10.0"}, ""},
		"only Paperless":      {"2.20.15,2025.8.1", "3.0.5,2025.10.0", StepPaperless, []string{"3.0.5,2025.8.1"}, ""},
		"only authentik":      {"2.20.15,2025.8.1", "3.0.5,2025.10.0", StepAuthentik, []string{"2.20.15,2025.10.0"}, ""},
		"2.20.15 comes first": {"2.5.0,2025.8.1", "3.0.5,2025.8.1", StepBoth, []string{"2.20.15,2025.8.1", "3.0.5,2025.8.1"}, ""},
		"within v2":           {"2.5.0,2025.8.1", "2.20.15,2025.8.1", StepBoth, []string{"2.20.15,2025.8.1"}, ""},
		"authentik in turn": {
			"2.20.15,2025.8.1", "2.20.15,2026.5.6", StepBoth,
			[]string{"2.20.15,2025.10.4", "2.20.15,2025.12.6", "2.20.15,2026.2.7", "2.20.15,2026.5.6"},
			"",
		},
		"both with stages": {
			"2.18.4,2025.12.6", "3.0.5,2026.5.6", StepBoth,
			[]string{"2.20.15,2025.12.6", "2.20.15,2026.2.7", "3.0.5,2026.5.6"},
			"",
		},
		"to the newest, every major in turn": { // docs/facts/releases-2026.md#1.1
			"2.20.15,2025.8.1", "latest-known,latest-known", StepBoth,
			[]string{"2.20.15,2025.10.4", "2.20.15,2025.12.6", "2.20.15,2026.2.7", "2.20.15,2026.5.8", "3.3.0,2026.8.5"},
			"",
		},
		"authentik before 2026 may skip": {"2.20.15,2024.10.5", "2.20.15,2025.10.0", StepBoth, []string{"2.20.15,2025.10.0"}, ""},
		"downgrade":                      {"3.0.5,2025.8.1", "2.20.15,2025.8.1", StepBoth, nil, "is older than 3.0.5"},
		"nothing to do":                  {"3.0.5,2025.8.1", "3.0.5,2025.8.1", StepBoth, nil, "are the same"},
		"nothing for this step":          {"2.20.15,2025.8.1", "3.0.5,2025.8.1", StepAuthentik, nil, "are the same"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, err := ParsePair(tt.from, Pair{})
			require.NoError(t, err)
			to, err := ParsePair(tt.to, Pair{})
			require.NoError(t, err)
			stages, err := UpgradePath(from, to, tt.step)
			if tt.err != "" {
				require.ErrorIs(t, err, ErrPath)
				require.ErrorContains(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			var got []string
			for i, s := range stages {
				got = append(got, s.String())
				assert.Equal(t, i == len(stages)-1, s.Why == "", "a stage that was put in says why")
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestParsePair(t *testing.T) {
	t.Parallel()
	pair, err := ParsePair("v2.20.15", Pair{Authentik: "2025.8.1"})
	require.NoError(t, err)
	assert.Equal(t, "2.20.15,2025.8.1", pair.String())

	pair, err = ParsePair("latest-known,latest-known", Pair{})
	require.NoError(t, err)
	v, err := KnownVersions()
	require.NoError(t, err)
	assert.Equal(t, v.Paperless[len(v.Paperless)-1].Version, pair.Paperless)
	assert.Equal(t, v.Authentik[len(v.Authentik)-1].Version, pair.Authentik)

	pair, err = ParsePair("v2.20.3,2025.9.1", Pair{}) // between known ones
	require.NoError(t, err)
	assert.Equal(t, Pair{Paperless: "2.20.3", Authentik: "2025.9.1"}, pair)
	_, err = ParsePair("2.20.15,2023.9.1", Pair{})
	require.ErrorIs(t, err, ErrUnknownVersion)
	require.ErrorContains(t, err, "2024.10.5")
}

// The lists are in the order of their versions: nearest, latest-known and the
// stages of an upgrade rest on that.
func TestVersionsAreInOrder(t *testing.T) {
	t.Parallel()
	v, err := KnownVersions()
	require.NoError(t, err)
	for _, list := range [][]Release{v.Paperless, v.Authentik} {
		for i := 1; i < len(list); i++ {
			a, b := semver.MustParse(list[i-1].Version), semver.MustParse(list[i].Version)
			assert.True(t, a.LessThan(b), "%s stands before %s", a, b)
		}
	}
	for _, list := range [][]Release{v.Paperless, v.Authentik} {
		for _, r := range list {
			assert.Contains(t, []string{Observed, ReadIn, Reported}, r.Known, r.Version)
			assert.Equal(t, strings.HasPrefix(r.Source, "fixtures/observed.json"), r.Known == Observed, "%s: observed is what was recorded", r.Version)
		}
	}
	assert.Equal(t, "3.0.5", NewestObserved(v.Paperless))
	ids := map[string]bool{}
	for _, h := range v.Hazards {
		assert.False(t, ids[h.ID], "%s is a duplicate", h.ID)
		ids[h.ID] = true
		assert.NotEmpty(t, h.Title, h.ID)
		assert.NotEmpty(t, h.Symptom, h.ID)
		assert.NotEmpty(t, h.Check, h.ID)
		assert.NotEmpty(t, h.Source, h.ID)
		assert.Contains(t, []string{"high", "medium", "low", "info"}, h.Severity, h.ID)
		assert.Contains(t, []string{PaperlessProduct, AuthentikProduct}, h.Product, h.ID)
		_, err := semver.StrictNewVersion(h.At)
		assert.NoError(t, err, h.ID)
	}
}

func TestHazardsBetween(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		product, from, to string
		want              []string
	}{
		"id_token":            {PaperlessProduct, "2.18.4", "2.20.15", []string{"H01", "H18"}},
		"v3":                  {PaperlessProduct, "2.20.15", "3.0.5", []string{"H04", "H05", "H03", "H10", "H09"}},
		"fixed before to":     {PaperlessProduct, "2.18.4", "2.20.1", []string{"H01"}},
		"not fixed yet":       {PaperlessProduct, "2.18.4", "2.20.0", []string{"H02", "H01"}},
		"email_verified":      {AuthentikProduct, "2025.8.1", "2025.10.0", []string{"A03", "A18"}},
		"none in between":     {AuthentikProduct, "2025.6.4", "2025.8.1", nil},
		"2026.5":              {AuthentikProduct, "2026.2.3", "2026.5.6", []string{"A01", "A11", "A21"}},
		"the same is nothing": {PaperlessProduct, "3.0.5", "3.0.5", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hazards, err := HazardsBetween(tt.product, tt.from, tt.to)
			require.NoError(t, err)
			var ids []string
			for _, h := range hazards {
				ids = append(ids, h.ID)
			}
			assert.Equal(t, tt.want, ids)
		})
	}
}

// TestBasis shows on what the lab rests for a version that is not listed.
func TestBasis(t *testing.T) {
	t.Parallel()
	v, err := KnownVersions()
	require.NoError(t, err)
	for version, want := range map[string]string{
		"2.20.15": "2.20.15", "2.19.6": "2.18.4", "2.20.16": "2.20.15", "2.20.3": "2.20.15", "1.17.4": "2.4.3", "latest": "3.3.0", "3.1.0": "3.1.3", "3.0.4": "3.0.5",
	} {
		assert.Equal(t, want, Basis(v.Paperless, version).Version, version)
	}
}
