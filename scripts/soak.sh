#!/usr/bin/env bash
# soak.sh N [FLAG...]: the checklist and three planted causes N times on the stack; prints
# how often each outcome came, the shortest, middle and longest run of each, the slowest step
# of all, and what is left on the engine. Flags go to ssocheck run.
set -euo pipefail
n=${1:?want soak.sh N [FLAG...]}
shift
bin=${SSOCHECK:-bin/ssocheck}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
wrong=0
touch "$dir/slow"
for ((i = 1; i <= n; i++)); do
	for plant in "" RED-SLASH TOK-SECRET CFG-JSON; do
		code=0
		start=$(date +%s%N)
		"$bin" run --target stack ${plant:+--plant "$plant"} "$@" >"$dir/out" 2>&1 || code=$?
		took=$((($(date +%s%N) - start) / 1000000))
		want=$((${#plant} > 0 ? 1 : 0))
		right=right
		if [ "$code" != "$want" ] || { [ -n "$plant" ] && ! grep -q "$plant" "$dir/out"; }; then
			right=WRONG wrong=1
			cat "$dir/out"
		fi
		echo "${plant:-checklist}: exit $code, $right" | tee -a "$dir/verdicts"
		echo "$took" >>"$dir/took.${plant:-checklist}"
		grep '^slowest step: ' "$dir/out" >>"$dir/slow" || true
	done
done
echo
sort "$dir/verdicts" | uniq -c
for took in "$dir"/took.*; do
	sort -n "$took" | awk -v what="${took##*/took.}" '{t[NR] = $1 / 1000}
		END {printf "%s: %.1f s, %.1f s, %.1f s (shortest, middle, longest)\n", what, t[1], t[int((NR + 1) / 2)], t[NR]}'
done
# The last word is the time: 0.8s, 12s or 1m09s.
awk '{t = $NF; m = 0; if (split(t, p, "m") == 2) {m = p[1]; t = p[2]} sub("s", "", t); print m * 60 + t, $0}' "$dir/slow" | sort -rn | sed -n '1s/^[^ ]* //p'
if command -v docker >/dev/null; then
	for what in "ps -aq" "network ls -q" "volume ls -q"; do
		# shellcheck disable=SC2086 # words of one command
		left=$(docker $what --filter label=ssocheck.run)
		[ -z "$left" ] || { echo "left: docker $what: $left" && wrong=1; }
	done
fi
exit $wrong
