#!/bin/bash
# What share of this machine's copy roof do reads of KV blocks reach, on 2 ranks?
#
#     tests/bench/kvread.sh [RUNS]
#
# RUNS (default 3) runs after each other of `run kvread` with its defaults: 128 blocks of 128 KiB a reader out of 32 MiB of
# the other rank. The roof is measured between the repetitions (bench/micro/kvread_roof.c), so a machine whose memory
# wanders moves both; it needs two cores. Exit 3 when one run is below 0.85. Above 1: a fifth of the blocks is read twice
# in a repetition and may still be in a cache, the straight copy reads nothing twice.
cd "$(dirname "$0")/../.." || exit 2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
make -s all || exit 2
missed=0
value() { grep -o "\"$1\":{\"value\":[^,]*" "$tmp/$2/rows.jsonl" | sed 's/.*://'; }
for ((i = 1; i <= ${1:-3}; i++)); do
    mpiexec -n 2 build/snbench run kvread transport=shm -q -o "$tmp/$i" || exit 1
    awk -v n="$i" -v a="$(value aggregate "$i")" -v r="$(value copy_roof "$i")" -v s="$(value of_copy_roof "$i")" 'BEGIN {
        printf "run %d: %5.2f GB/s a reader, straight copies %5.2f GB/s, share %.3f  >= 0.85  %s\n", n, a / 2e9, r / 1e9, s,
            (s >= 0.85 ? "reached" : "MISSED")
        exit !(s >= 0.85)
    }' || missed=3
done
exit $missed
