#!/bin/bash
# This machine's own loop: a profile calibrated on measured rows of small sizes foretells larger ones. How well is printed by
# tests/bench/loop.sh; here the machine may be busy, and only what cannot be noise fails.
. tests/cli/lib.sh
measure_roofs
# rma: one straight line over these sizes on every machine; shm's slope changes with the caches.
rows() { # DIR SIZES
    mpiexec -n 2 "$SNBENCH" run latency op=get size="$2" transport=rma --budget 80ms $roofs -q -o "$1"
}
stat_of() { # NAME DIR
    grep -o "\"$1\":[^,]*" "$2/rows.jsonl" | cut -d: -f2
}
# One time round; the last one's files stay for what follows.
round() {
    rm -rf "$tmp"/{small,large,model,local.yaml}
    rows "$tmp/small" 16K:128K:*2 && rows "$tmp/large" 256K:1M:*2 || return
    "$SNBENCH" calibrate "$tmp/small" -o "$tmp/local.yaml" || return
    "$SNBENCH" run latency --clock=model --profile="$tmp/local.yaml" op=get path=node size=256K:1M:*2 -q -o "$tmp/model" || return
    paste <(stat_of min "$tmp/large" | grep -v null) <(stat_of median "$tmp/model") |
        awk '{ r = $2 / $1; if (!(r > 0.5 && r < 2)) bad = bad " " r; n++ } END { if (n != 3 || bad) print n " rows, ratios" bad }' >"$tmp/bad"
}
# The fastest sample of the larger sizes is compared: where other work takes whole time slices, one round says nothing.
good=0
for attempt in 1 2 3 4 5 6 7 8; do
    out=$(round 2>"$tmp/err") && [ ! -s "$tmp/bad" ] && good=1 && break
    sleep 1
done
[ $good = 1 ] && ok "calibrated on small sizes, larger ones within a factor of 2" ||
    not_ok "calibrated on small sizes, larger ones within a factor of 2: $(cat "$tmp/bad" "$tmp/err" 2>/dev/null | tail -n 2 | tr '\n' ' ')"
says -o "shows the parameters" "bandwidth"
says -o "shows the residuals" "fitted"
grep -q extrapolated "$tmp/model/rows.jsonl" && ok "larger sizes are flagged extrapolated" || not_ok "larger sizes are flagged extrapolated: no"

expect "no rows is a usage error" 2 "$SNBENCH" calibrate "$tmp" -o "$tmp/none.yaml"
lines "one line" 1
expect "no directory is a usage error" 2 "$SNBENCH" calibrate -o "$tmp/none.yaml"
expect "modelled rows calibrate nothing" 2 "$SNBENCH" calibrate "$tmp/model" -o "$tmp/none.yaml"
[ -e "$tmp/none.yaml" ] && not_ok "nothing half-written: none.yaml is there" || ok "nothing half-written"
finish
