#!/bin/sh
# Writes what a release has beside the program: completion scripts and the manual
# page, made from the flags, into dist-files/ (or the folder that is named).
set -eu
cd "$(dirname "$0")/.."
to=${1:-dist-files}
mkdir -p "$to"
CGO_ENABLED=0 go build -o "$to/.ssocheck" ./e2e/cmd/ssocheck
trap 'rm -f "$to/.ssocheck"' EXIT
"$to/.ssocheck" completion bash >"$to/ssocheck.bash"
"$to/.ssocheck" completion zsh >"$to/_ssocheck"
"$to/.ssocheck" completion fish >"$to/ssocheck.fish"
"$to/.ssocheck" completion powershell >"$to/ssocheck.ps1"
"$to/.ssocheck" man >"$to/ssocheck.1"
