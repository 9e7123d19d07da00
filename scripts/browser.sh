#!/bin/sh
# Makes sure that a Chrome or Chromium is here. Silent when one is; installs one
# where it may (root, passwordless sudo, Homebrew); else prints the command that
# does and exits with 2. With --print it prints the browser's path.
#
#   scripts/browser.sh [--print | --light]
#
# --light installs, beside a browser that is here, one that was built without a
# window, where the system has a package of it: it does the same in half the time.
#
# SSO_BROWSER, CHROME or CHROMIUM_PATH name a browser of your own.
set -eu

print=no light=no
case ${1-} in
'') ;;
--print) print=yes ;;
--light) light=yes ;;
*)
	echo "usage: $0 [--print | --light]" >&2
	exit 2
	;;
esac

# find_light finds one without a window.
find_light() {
	for name in /usr/lib/chromium/chromium-headless-shell chromium-headless-shell chrome-headless-shell \
		headless_shell headless-shell /headless-shell/headless-shell; do
		command -v "$name" && return 0
	done
	return 1
}

# The order is that of browser.Find (e2e/internal/browser/find.go).
find_browser() {
	for chosen in "SSO_BROWSER=${SSO_BROWSER-}" "CHROME=${CHROME-}" "CHROMIUM_PATH=${CHROMIUM_PATH-}"; do
		path=${chosen#*=}
		[ -n "$path" ] || continue
		if ! command -v "$path"; then
			echo "browser.sh: ${chosen%%=*} names $path, which cannot be run" >&2
			exit 2
		fi
		return 0
	done
	if [ "$(uname -s)" != Darwin ]; then
		find_light && return 0
	fi
	for app in "Google Chrome" Chromium "Google Chrome for Testing" "Microsoft Edge"; do
		for dir in /Applications "${HOME-}/Applications"; do
			path="$dir/$app.app/Contents/MacOS/$app"
			if [ -x "$path" ]; then
				printf '%s\n' "$path"
				return 0
			fi
		done
	done
	for name in google-chrome google-chrome-stable chromium chromium-browser chrome \
		/opt/google/chrome/chrome /usr/lib/chromium/chromium /usr/lib64/chromium-browser/chromium-browser \
		/usr/local/bin/chrome microsoft-edge microsoft-edge-stable /snap/bin/chromium; do
		command -v "$name" && return 0
	done
	return 1
}

found() {
	status=0
	browser=$(find_browser) || status=$?
	if [ "$status" -eq 2 ]; then
		exit 2 # the one that was named is not there; it said so
	fi
	if [ "$status" -ne 0 ]; then
		return 1
	fi
	if [ "$print" = yes ]; then
		printf '%s\n' "$browser"
	fi
}

have() { command -v "$1" >/dev/null 2>&1; }

# install_command prints the command for this system, without sudo.
install_command() {
	if have brew && [ "$(uname -s)" = Darwin ]; then
		echo 'brew install --cask google-chrome'
	elif have apt-get && grep -qs '^ID\(_LIKE\)\{0,1\}=.*ubuntu' /etc/os-release; then
		# Ubuntu's package only points to the snap, and a snap sees another /tmp.
		if [ "$(uname -m)" = x86_64 ] && have curl; then
			deb=https://dl.google.com/linux/direct/google-chrome-stable_current_amd64.deb
			echo "sh -c 'curl -fsSLo /tmp/google-chrome.deb $deb && apt-get update && apt-get install -y /tmp/google-chrome.deb'"
		else
			echo 'snap install chromium'
		fi
	elif have apt-get; then
		# Debian 11 has only the one with a window.
		echo "sh -c 'apt-get update && { apt-get install -y --no-install-recommends chromium-headless-shell || apt-get install -y --no-install-recommends chromium; }'"
	elif have dnf; then
		echo 'dnf install -y chromium'
	elif have apk; then
		echo 'apk add --no-cache chromium'
	elif have pacman; then
		echo 'pacman -S --noconfirm --needed chromium'
	elif have zypper; then
		echo 'zypper --non-interactive install chromium'
	else
		return 1
	fi
}

lacks_light() { [ "$light" = yes ] && ! find_light >/dev/null && install_command | grep -q headless-shell; }

if ! lacks_light && found; then
	exit 0
fi

if ! command=$(install_command); then
	echo 'browser.sh: no Chrome or Chromium, and no package manager that I know; install one and name it in SSO_BROWSER' >&2
	exit 2
fi

case $command in
brew*) run=$command ;; # Homebrew refuses root
*)
	if [ "$(id -u)" -eq 0 ]; then
		run=$command
	elif have sudo && sudo -n true 2>/dev/null; then
		run="sudo -n $command"
	else
		printf 'browser.sh: no Chrome or Chromium; install one with:\n\n  sudo %s\n\n' "$command" >&2
		exit 2
	fi
	;;
esac

echo "browser.sh: $run" >&2
DEBIAN_FRONTEND=noninteractive
export DEBIAN_FRONTEND
if ! eval "$run" >&2; then
	printf 'browser.sh: that did not work; by hand:\n\n  %s\n\n' "$run" >&2
	exit 2
fi
if ! found; then
	echo 'browser.sh: installed, but no browser is found; name it in SSO_BROWSER' >&2
	exit 2
fi
