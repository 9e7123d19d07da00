package browser

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// finder is where to look for a browser; tests replace its parts.
type finder struct {
	window   bool
	goos     string
	getenv   func(string) string
	lookPath func(string) (string, error)
	release  func() []byte // /etc/os-release
	home     string
}

// Find returns the path of a Chrome or Chromium: what SSO_BROWSER, CHROME or
// CHROMIUM_PATH names, else one of the usual names in PATH, else one of the
// usual places. Unless it needs a window, one that was built without any comes
// first: it draws the same pages for half of the processor time (docs/bench.md).
// When there is none, the error wraps ErrNoBrowser and names the command that
// installs one here.
func Find(window bool) (string, error) {
	home, _ := os.UserHomeDir() // without one there is one place less
	return finder{
		window: window, goos: runtime.GOOS, getenv: os.Getenv, lookPath: exec.LookPath, home: home,
		release: func() []byte {
			text, _ := os.ReadFile("/etc/os-release") // only Linux has it
			return text
		},
	}.find()
}

func (f finder) find() (string, error) {
	for _, name := range []string{"SSO_BROWSER", "CHROME", "CHROMIUM_PATH"} {
		path := f.getenv(name)
		if path == "" {
			continue
		}
		found, err := f.lookPath(path)
		if err != nil {
			// Somebody chose this one; another would not be what they test with.
			return "", fmt.Errorf("%w: %s names %s, which cannot be run", ErrNoBrowser, name, path)
		}
		return found, nil
	}
	for _, name := range f.places() {
		if found, err := f.lookPath(name); err == nil {
			return found, nil
		}
	}
	return "", fmt.Errorf("%w was found; install one with: %s (or name one in SSO_BROWSER)%s", ErrNoBrowser, f.install(), f.container())
}

// container is the command that runs a browser in a container, where Docker is;
// else "".
func (f finder) container() string {
	if _, err := f.lookPath("docker"); err != nil {
		return ""
	}
	const image = "docker.io/chromedp/headless-shell:latest"
	if f.goos == "linux" {
		return "; or in a container: docker run -d --rm --network host --shm-size 512m " + image + " and --browser ws://127.0.0.1:9222"
	}
	// Docker's machine has another network: the browser reaches us by that name.
	return "; or in a container: docker run -d --rm -p 127.0.0.1:9222:9222 --shm-size 512m " + image +
		" and SSO_BROWSER_SEES=host.docker.internal with --browser ws://127.0.0.1:9222"
}

func (f finder) places() []string {
	if f.goos == "darwin" {
		var out []string
		for _, dir := range []string{"/Applications", filepath.Join(f.home, "Applications")} {
			out = append(out,
				filepath.Join(dir, "Google Chrome.app/Contents/MacOS/Google Chrome"),
				filepath.Join(dir, "Chromium.app/Contents/MacOS/Chromium"),
				filepath.Join(dir, "Google Chrome for Testing.app/Contents/MacOS/Google Chrome for Testing"),
				filepath.Join(dir, "Microsoft Edge.app/Contents/MacOS/Microsoft Edge"))
		}
		return append(out, "chromium", "google-chrome")
	}
	var out []string
	if !f.window {
		// Debian's script in PATH stays beside the browser that it starts, and would be
		// killed in its place.
		out = append(out, "/usr/lib/chromium/chromium-headless-shell", "chromium-headless-shell", "chrome-headless-shell", "headless_shell", "headless-shell", "/headless-shell/headless-shell")
	}
	// The snap comes last: it sees another /tmp than we do.
	return append(out,
		"google-chrome", "google-chrome-stable", "chromium", "chromium-browser", "chrome",
		"/opt/google/chrome/chrome", "/usr/lib/chromium/chromium", "/usr/lib64/chromium-browser/chromium-browser",
		"/usr/local/bin/chrome", "microsoft-edge", "microsoft-edge-stable", "/snap/bin/chromium",
	)
}

// install is the command that installs a browser on this system.
func (f finder) install() string {
	if f.goos == "darwin" {
		return "brew install --cask google-chrome"
	}
	ids := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(f.release()))
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), "=")
		ids[name] = strings.Trim(value, `"'`)
	}
	for _, id := range append([]string{ids["ID"]}, strings.Fields(ids["ID_LIKE"])...) {
		switch id {
		case "ubuntu":
			return "sudo snap install chromium"
		case "debian":
			if !f.window {
				return "sudo apt-get update && sudo apt-get install -y chromium-headless-shell"
			}
			return "sudo apt-get update && sudo apt-get install -y chromium"
		case "fedora", "rhel", "centos":
			return "sudo dnf install -y chromium"
		case "alpine":
			return "sudo apk add chromium"
		case "arch":
			return "sudo pacman -S --noconfirm chromium"
		case "suse", "opensuse":
			return "sudo zypper install -y chromium"
		}
	}
	return "scripts/browser.sh"
}
