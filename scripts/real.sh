#!/bin/sh
# Says which pairs of real images the engine has, for make test-real; without any it
# says so, and fails: nothing is passed off as run.
set -eu
tags() { docker image ls --format '{{.Tag}}' "$1" | grep -E '^[0-9]+\.[0-9]+\.[0-9]+$' || true; }
if ! docker info >/dev/null 2>&1; then
	echo "NOT RUN: make test-real: no Docker engine answers"
	exit 1
fi
paperless=$(tags ghcr.io/paperless-ngx/paperless-ngx)
authentik=$(tags ghcr.io/goauthentik/server)
if [ -z "$paperless" ] || [ -z "$authentik" ]; then
	echo "NOT RUN: make test-real: the engine has no pair of real images; docker pull ghcr.io/paperless-ngx/paperless-ngx:VERSION and ghcr.io/goauthentik/server:VERSION"
	exit 1
fi
for p in $paperless; do
	for a in $authentik; do
		echo "real pair: Paperless-ngx $p with authentik $a"
	done
done
