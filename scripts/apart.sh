#!/bin/sh
# Runs a command in a network of its own, in which none comes or goes: Chromium gives up
# what it loads when the machine's network changes, as it does with each container of
# Docker. It has a loopback and one interface, and leads nowhere.
#
#   scripts/apart.sh COMMAND [ARG...]
#
# It exits with 2 where the system has no such network: it takes root on Linux, unshare
# and ip.
set -eu

if [ "${1-}" = --inside ]; then
	shift
	# A machine without any other interface is offline to Chromium. The address is one of
	# documentation (RFC 5737).
	ip link set lo up 2>/dev/null &&
		ip link add apart0 type veth peer name apart1 2>/dev/null &&
		ip addr add 192.0.2.1/24 dev apart0 2>/dev/null &&
		ip link set apart0 up 2>/dev/null &&
		ip link set apart1 up 2>/dev/null || exit 2
	exec "$@"
fi
[ $# -gt 0 ] || {
	echo "usage: $0 COMMAND [ARG...]" >&2
	exit 2
}
unshare --net sh "$0" --inside true 2>/dev/null || {
	echo 'apart.sh: no network of its own can be made here (it takes root on Linux, unshare and ip)' >&2
	exit 2
}
exec unshare --net sh "$0" --inside "$@"
