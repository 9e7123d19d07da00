#!/bin/sh
# Makes sure that a Docker engine answers. Silent when one does; starts the one
# that is installed, or installs Debian's docker.io, where it may (root). Else
# it says why there is none and exits with 2.
#
#   scripts/docker.sh
#
# DOCKER_HOST names an engine elsewhere; nothing is installed then.
set -eu

have() { command -v "$1" >/dev/null 2>&1; }

answers() {
	if have docker; then
		docker info >/dev/null 2>&1
	elif have curl; then
		curl -fsS -o /dev/null --max-time 5 --unix-socket /var/run/docker.sock http://docker/_ping 2>/dev/null
	else
		return 1
	fi
}

no() {
	printf 'docker.sh: no Docker engine: %s\n' "$1" >&2
	exit 2
}

answers && exit 0

[ -z "${DOCKER_HOST-}" ] || no "the one of DOCKER_HOST=$DOCKER_HOST does not answer"
[ "$(id -u)" -eq 0 ] || no 'start it with: sudo systemctl start docker (or run this script as root)'
[ "$(uname -s)" = Linux ] || no 'start Docker Desktop'

if ! have dockerd; then
	have apt-get || no 'there is no dockerd, and no apt-get to install one'
	echo 'docker.sh: apt-get install docker.io' >&2
	DEBIAN_FRONTEND=noninteractive
	export DEBIAN_FRONTEND
	if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends docker.io iptables; } >/tmp/docker-install.log 2>&1; then
		tail -n 3 /tmp/docker-install.log >&2
		no 'docker.io cannot be installed (/tmp/docker-install.log)'
	fi
	have docker || apt-get install -y -qq --no-install-recommends docker-cli >>/tmp/docker-install.log 2>&1 || true # a package of its own in newer Debians
	answers && exit 0 # its package may have started it
fi

log=/tmp/dockerd.log
rm -f /var/run/docker.pid
if have setsid; then
	setsid dockerd >"$log" 2>&1 &
else
	dockerd >"$log" 2>&1 &
fi
pid=$!
tries=0
while [ "$tries" -lt 60 ]; do
	if answers; then
		exit 0
	fi
	if ! kill -0 "$pid" 2>/dev/null; then
		tail -n 3 "$log" >&2
		no "dockerd does not start here ($log); a container needs --privileged for it"
	fi
	tries=$((tries + 1))
	sleep 1
done
kill "$pid" 2>/dev/null || true
no "dockerd does not answer within a minute ($log)"
