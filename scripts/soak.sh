#!/usr/bin/env bash
# soak.sh N [FLAG...]: the checklist and three planted causes N times on the stack; prints
# how often each outcome came, and the slowest step of all. Flags go to ssocheck run.
set -euo pipefail
n=${1:?want soak.sh N [FLAG...]}
shift
bin=${SSOCHECK:-bin/ssocheck}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
wrong=0
for ((i = 1; i <= n; i++)); do
	for plant in "" RED-SLASH TOK-SECRET CFG-JSON; do
		code=0
		"$bin" run --target stack ${plant:+--plant "$plant"} "$@" >"$dir/out" 2>&1 || code=$?
		want=$((${#plant} > 0 ? 1 : 0))
		right=right
		if [ "$code" != "$want" ] || { [ -n "$plant" ] && ! grep -q "$plant" "$dir/out"; }; then
			right=WRONG wrong=1
			cat "$dir/out"
		fi
		echo "${plant:-checklist}: exit $code, $right" | tee -a "$dir/verdicts"
		grep '^slowest step: ' "$dir/out" >>"$dir/slow" || true
	done
done
echo
sort "$dir/verdicts" | uniq -c
# The last word is the time: 0.8s, 12s or 1m09s.
awk '{t = $NF; m = 0; if (split(t, p, "m") == 2) {m = p[1]; t = p[2]} sub("s", "", t); print m * 60 + t, $0}' "$dir/slow" 2>/dev/null | sort -rn | sed -n '1s/^[^ ]* //p'
exit $wrong
