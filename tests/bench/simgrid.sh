#!/bin/bash
# The engine's speed against SimGrid's flow model on the same traffic: an all-to-all at 64 dies. Prints messages a second of
# both and their ratio. SimGrid's time is that of the whole program less that of one without messages.
#
#     tests/bench/simgrid.sh      needs smpicc and smpirun (make deps-optional)
cd "$(dirname "$0")/../.." || exit 2
command -v smpicc >/dev/null && command -v smpirun >/dev/null || { echo "simgrid.sh: no smpicc and smpirun here; left out"; exit 0; }
make -s all build/release/tests/bench-engine || exit 2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
build/snbench fabric export dies=64 traffic=alltoall size=120K -o "$tmp/t" >"$tmp/ours" || exit
smpicc -O2 tests/cli/simgrid/replay.c -o "$tmp/replay" || exit
: >"$tmp/none.txt"
seconds() { # TRAFFIC: the least of three
    for _ in 1 2 3; do
        local begin end
        begin=$(date +%s.%N)
        tests/cli/simgrid/smpirun.sh "$tmp/t" 64 "$tmp/replay" "$1" >/dev/null 2>&1 || return
        end=$(date +%s.%N)
        echo "$end $begin"
    done | awk '{ t = $1 - $2; if (!n++ || t < least) least = t } END { print least }'
}
with=$(seconds "$tmp/t/traffic.txt") without=$(seconds "$tmp/none.txt")
engine=$(build/release/tests/bench-engine --seconds 1 | awk '$1 == "sends" && $2 == 64 && $3 == "rotated" { print $5 }')
awk -v n="$(wc -l <"$tmp/t/traffic.txt")" -v a="$with" -v b="$without" -v e="$engine" 'BEGIN {
    s = n / (a - b)
    printf "messages %d\nengine   %.3g messages/s\nSimGrid  %.3g messages/s\nratio    %.0f\n", n, e * 1e6, s, e * 1e6 / s }'
