#!/bin/bash
# The harness against a plain ping-pong, interleaved A B A B: do both measure the same thing?
#
#     tests/bench/pingpong.sh [ROUNDS]
#
# Prints per size the median over rounds of each, their difference and the verdict: within 3 % or 0.05 us. Exit 3 when any size is not.
# It needs two cores that do nothing else.
cd "$(dirname "$0")/../.." || exit 2
rounds=${1:-7}
sizes="8 64 512 4096 32768 262144 1048576 4194304"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
make -s build/release/tests/bench-pingpong all || exit 2
for r in $(seq "$rounds"); do
    mpiexec -n 2 build/release/tests/bench-pingpong $sizes | sed 's/^/plain /' >>"$tmp/all" || exit 1
    mpiexec -n 2 build/snbench run latency op=send transport=p2p size=$(echo $sizes | tr ' ' ,) -q -o "$tmp/$r" || exit 1
    sed 's/.*"size":\([0-9]*\).*"median":\([0-9.e-]*\).*/snbench \1 \2/' "$tmp/$r/rows.jsonl" >>"$tmp/all"
done
sort -k1,1 -k2,2n -k3,3g "$tmp/all" | awk '
{ v[$1, $2, ++n[$1, $2]] = $3; if ($1 == "plain") sizes[$2] = 1 }
function median(who, size, m) { m = n[who, size]; return v[who, size, int((m + 1) / 2)] }
END {
    printf "%10s %12s %12s %9s\n", "size (B)", "plain (us)", "snbench (us)", "diff"
    for (i = 3; i < 40; i++) {
        s = 2 ^ i
        if (!(s in sizes)) continue
        p = median("plain", s); q = median("snbench", s); d = q - p
        good = (d < 0 ? -d : d) <= 0.03 * p || (d < 0 ? -d : d) <= 0.05e-6
        bad += !good
        printf "%10d %12.3f %12.3f %+8.1f%% %s\n", s, p * 1e6, q * 1e6, 100 * d / p, good ? "" : "APART"
    }
    exit bad ? 3 : 0
}'
