package browser_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/browser"
)

func TestFind(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		goos     string
		window   bool
		env      map[string]string
		programs []string
		release  string
		want     string
		wantErr  string // part of the error
	}{
		"in PATH": {goos: "linux", programs: []string{"chromium"}, want: "/found/chromium"},
		"ours before the usual": {
			goos: "linux", env: map[string]string{"SSO_BROWSER": "/opt/mine", "CHROME": "/opt/other"},
			programs: []string{"/opt/mine", "/opt/other", "chromium"}, want: "/found//opt/mine",
		},
		"CHROME":        {goos: "linux", env: map[string]string{"CHROME": "mychrome"}, programs: []string{"mychrome", "chromium"}, want: "/found/mychrome"},
		"CHROMIUM_PATH": {goos: "linux", env: map[string]string{"CHROMIUM_PATH": "/c"}, programs: []string{"/c"}, want: "/found//c"},
		"the one that was named is not there": {
			goos: "linux", env: map[string]string{"CHROME": "/gone"}, programs: []string{"chromium"},
			wantErr: "CHROME names /gone",
		},
		"without a window first": {
			goos: "linux", programs: []string{"google-chrome", "chromium", "chromium-headless-shell"}, want: "/found/chromium-headless-shell",
		},
		"Debian's program, not its script": {
			goos: "linux", programs: []string{"chromium-headless-shell", "/usr/lib/chromium/chromium-headless-shell"},
			want: "/found//usr/lib/chromium/chromium-headless-shell",
		},
		"Chrome's name of it":    {goos: "linux", programs: []string{"google-chrome", "chrome-headless-shell"}, want: "/found/chrome-headless-shell"},
		"its own image":          {goos: "linux", programs: []string{"/headless-shell/headless-shell"}, want: "/found//headless-shell/headless-shell"},
		"a window":               {goos: "linux", window: true, programs: []string{"chromium", "chromium-headless-shell"}, want: "/found/chromium"},
		"a window that none has": {goos: "linux", window: true, release: "ID=debian\n", programs: []string{"chromium-headless-shell"}, wantErr: "apt-get install -y chromium ("},
		"snap last":              {goos: "linux", programs: []string{"/snap/bin/chromium", "google-chrome"}, want: "/found/google-chrome"},
		"macOS": {
			goos: "darwin", programs: []string{"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"},
			want: "/found//Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
		},
		"macOS at home": {
			goos: "darwin", programs: []string{"/home/me/Applications/Chromium.app/Contents/MacOS/Chromium"},
			want: "/found//home/me/Applications/Chromium.app/Contents/MacOS/Chromium",
		},
		"none on Debian":     {goos: "linux", release: "ID=debian\n", wantErr: "apt-get install -y chromium-headless-shell ("},
		"none on Ubuntu":     {goos: "linux", release: "ID=ubuntu\nID_LIKE=debian\n", wantErr: "snap install chromium"},
		"none on Mint":       {goos: "linux", release: "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", wantErr: "snap install chromium"},
		"none on Fedora":     {goos: "linux", release: "ID=fedora\n", wantErr: "dnf install -y chromium"},
		"none on Rocky":      {goos: "linux", release: "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", wantErr: "dnf install -y chromium"},
		"none on Alpine":     {goos: "linux", release: "ID=alpine\n", wantErr: "apk add chromium"},
		"none on Arch":       {goos: "linux", release: "ID=arch\n", wantErr: "pacman -S --noconfirm chromium"},
		"none on openSUSE":   {goos: "linux", release: "ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"\n", wantErr: "zypper install -y chromium"},
		"none on macOS":      {goos: "darwin", wantErr: "brew install --cask google-chrome"},
		"none and unknown":   {goos: "freebsd", wantErr: "scripts/browser.sh"},
		"none, with Docker":  {goos: "linux", programs: []string{"docker"}, wantErr: "docker run -d --rm --network host"},
		"Docker on macOS":    {goos: "darwin", programs: []string{"docker"}, wantErr: "SSO_BROWSER_SEES=host.docker.internal"},
		"none says how else": {goos: "linux", wantErr: "SSO_BROWSER"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			programs := map[string]bool{}
			for _, p := range tt.programs {
				programs[p] = true
			}
			got, err := browser.NewFinder(tt.window, tt.goos, tt.env, programs, tt.release)()
			if tt.wantErr != "" {
				require.ErrorIs(t, err, browser.ErrNoBrowser)
				require.ErrorContains(t, err, tt.wantErr)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}
