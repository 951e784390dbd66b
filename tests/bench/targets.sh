#!/bin/bash
# What this suite's own transports and algorithms should reach, from one run each on 2 ranks.
#
#     tests/bench/targets.sh
#
# Prints figure, target and verdict; exit 3 when one is missed. It needs two cores that do nothing else. Missed on a machine
# whose L2 does not hold 2 MiB twice over: shm against rma at 1 MiB (both then run at the speed of the next level).
cd "$(dirname "$0")/../.." || exit 2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
make -s all || exit 2
run() { # NAME ARGS...
    local name=$1
    shift
    mpiexec -n 2 build/snbench run "$@" -q -o "$tmp/$name" || exit 1
}
run get latency op=get size=256K,1M transport=shm,rma
run moe dispatch ep=2 experts=16 topk=8 tokens=128 hidden=7168 dtype=int8 routing=uniform \
    algorithm=alltoallv,put transport=shm

# value FILE "PARAM=VALUE ..." KEY: a number of the row whose params hold all the pairs
value() {
    local rows key=$3 pair
    rows=$(cat "$tmp/$1/rows.jsonl")
    for pair in $2; do rows=$(grep -E "\"${pair%%=*}\":\"?${pair#*=}\"?[,}]" <<<"$rows"); done
    sed -E "s/.*\"$key\":(\{\"value\":)?([-0-9.e+]+).*/\2/" <<<"$rows"
}
missed=0
target() { # WHAT FIGURE AT_LEAST
    local verdict
    verdict=$(awk -v a="$2" -v b="$3" 'BEGIN { print (a >= b) ? "reached" : "MISSED" }')
    [ "$verdict" = MISSED ] && missed=1
    awk -v w="$1" -v a="$2" -v b="$3" -v v="$verdict" 'BEGIN { printf "%-58s %8.2f  >= %4.2f  %s\n", w, a, b, v }'
}
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { print a / b }'; }
for s in 262144 1048576; do
    shm=$(value get "transport=shm size=$s" median) rma=$(value get "transport=rma size=$s" median)
    target "get of $((s / 1024)) KiB: shm, share of the copy roof" "$(value get "transport=shm size=$s" efficiency)" 0.85
    target "get of $((s / 1024)) KiB: rma time / shm time" "$(ratio "$rma" "$shm")" 4
done
for p in dispatch combine; do
    target "$p: alltoallv time / put time" \
        "$(ratio "$(value moe "algorithm=alltoallv phase=$p" median)" "$(value moe "algorithm=put phase=$p" median)")" 1.5
done
target "dispatch by put: wire + local bytes, share of the copy roof" "$(value moe "algorithm=put phase=dispatch" of_copy_roof)" 0.6
exit $((missed * 3))
