#!/bin/bash
# This machine's own loop: calibrate on measured rows of small sizes, predict the larger ones, print the error of each.
#
#     tests/bench/loop.sh [TRANSPORT]
#
# It needs a quiet machine: the error holds its noise.
cd "$(dirname "$0")/../.." || exit 2
make -s all || exit 2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
run() {
    mpiexec -n 2 build/snbench run latency transport="${transport:-rma}" op=get "$@" -q
}
transport=${1:-rma}
run size=16K:128K:*2 -o "$tmp/small" && run size=256K:4M:*2 --roofs "$tmp/small" -o "$tmp/large" || exit
build/snbench calibrate "$tmp/small" -o "$tmp/local.yaml" || exit
build/snbench run latency --clock=model --profile="$tmp/local.yaml" op=get path=node size=256K:4M:*2 -q -o "$tmp/model" || exit
medians() {
    grep -o '"median":[^,]*' "$1/rows.jsonl" | cut -d: -f2
}
echo "size  measured_s  predicted_s  error"
paste <(grep -o '"size":[0-9]*' "$tmp/large/rows.jsonl" | cut -d: -f2) <(medians "$tmp/large") <(medians "$tmp/model") |
    awk '{ printf "%s  %s  %s  %+.1f %%\n", $1, $2, $3, ($3 / $2 - 1) * 100 }'
