#!/bin/bash
# Variants that compete are sampled in turn and compared: rows, ratios, resume, hangs, launches.
. tests/cli/lib.sh
measure_roofs
quick="--budget 50ms --samples 6:60 $roofs"
three="algorithm=mpi,pairwise,put"

# count NAME FILE PATTERN N: N lines of FILE match.
count() {
    local n
    n=$(grep -c -- "$3" "$2")
    [ "$n" = "$4" ] && ok "$1" || not_ok "$1: $n lines, expected $4"
}

expect "three variants" 0 mpiexec -n 2 "$SNBENCH" run alltoall size=64,4K $three $quick -o "$tmp/v"
says -o "the terminal shows ratios" "Variants compared"
says -o "against the first" "base"
count "six rows, all in turn" "$tmp/v/rows.jsonl" '"status":"ok".*"interleaved"' 6
count "four ratios in the CSV" "$tmp/v/tables/alltoall-ratios.csv" ',mpi,' 4
expect "verify" 0 "$SNBENCH" verify "$tmp/v"
for f in text md html tex; do
    expect "report --format $f" 0 "$SNBENCH" report "$tmp/v" --format $f
    says -o "$f shows ratios" "Variants compared"
done
expect "describe names the axis" 0 "$SNBENCH" describe alltoall
says -o "and what it means" "sampled in turn"

# The axis is not the fastest one: ids keep the plan's order, rivals follow each other in the file.
expect "dispatch" 0 mpiexec -n 2 "$SNBENCH" run dispatch tokens=8 hidden=128 experts=8 topk=2 algorithm=put,pairwise \
    phase=dispatch,pair $quick -o "$tmp/d"
order=$(sed 's/.*"algorithm":"\([a-z]*\)".*"phase":"\([a-z]*\)".*/\1-\2/' "$tmp/d/rows.jsonl" | tr '\n' ' ')
[ "$order" = "put-dispatch pairwise-dispatch put-pair pairwise-pair " ] && ok "rivals follow each other" || not_ok "rivals follow each other: $order"
order=$(grep -oE '^(put|pairwise) +(dispatch|pair) ' "$tmp/out" | tr -s ' ' | sed 's/ $//; s/ /-/' | head -n 4 | tr '\n' ' ')
[ "$order" = "put-dispatch put-pair pairwise-dispatch pairwise-pair " ] && ok "the terminal has the plan's order" || not_ok "the terminal has the plan's order: $order"
order=$(grep -o 'algorithm=[a-z]* [^"]*phase=[a-z]*' "$tmp/d/manifest.json" | sed 's/algorithm=\([a-z]*\) .*phase=/\1-/' | tr '\n' ' ')
[ "$order" = "put-dispatch put-pair pairwise-dispatch pairwise-pair " ] && ok "the plan has its own order" || not_ok "the plan has its own order: $order"
expect "verify dispatch" 0 "$SNBENCH" verify "$tmp/d"

# Killed between the rows of one set of rivals: only what is missing runs, and is no pair of what is there.
sed -i '$d' "$tmp/v/rows.jsonl"
cp "$tmp/v/rows.jsonl" "$tmp/before"
expect "resume in the middle of a set" 0 mpiexec -n 2 "$SNBENCH" run alltoall size=64,4K $three $quick --resume -o "$tmp/v"
head -n 5 "$tmp/v/rows.jsonl" | cmp -s - "$tmp/before" && ok "what was there stays" || not_ok "what was there stays: no"
tail -n 1 "$tmp/v/rows.jsonl" | grep -q '"flags":\[.*"not-interleaved"' && ok "what came later says so" || not_ok "what came later says so: no"
expect "verify after resume" 0 "$SNBENCH" verify "$tmp/v"
tail -n 1 "$tmp/v/tables/alltoall-ratios.csv" | grep -q ',,,0$' && ok "its ratio has no interval" || not_ok "its ratio has no interval: $(tail -n 1 "$tmp/v/tables/alltoall-ratios.csv")"
expect "report after resume" 0 "$SNBENCH" report "$tmp/v"
says -o "and the report says why" "not sampled in turn"

expect "a hang among rivals ends" 5 mpiexec -n 2 "$SNBENCH" run alltoall size=64 $three --inject hang=1 --timeout 4s $quick -o "$tmp/h"
says "names the variant" "algorithm=mpi"
says "names the phase" "'sample'"
says "names the rank" "rank 1"
count "it has its row" "$tmp/h/rows.jsonl" '"algorithm":"mpi".*"status":"failed"' 1
expect "resumed, the others run" 1 mpiexec -n 2 "$SNBENCH" run alltoall size=64 $three --resume --timeout 4s $quick -o "$tmp/h"
count "the two others" "$tmp/h/rows.jsonl" '"status":"ok"' 2

expect "--mutate is found in every variant" 1 mpiexec -n 2 "$SNBENCH" run dispatch tokens=8 hidden=128 experts=8 topk=2 algorithm=put,pairwise \
    phase=pair --mutate bitflip $quick -o "$tmp/m"
count "both rows fail" "$tmp/m/rows.jsonl" '"status":"failed"' 2
expect "counters" 0 mpiexec -n 2 "$SNBENCH" run alltoall size=64 $three --counters page-faults $quick -o "$tmp/c"
count "in every row" "$tmp/c/rows.jsonl" '"counters":{"page-faults":' 3

expect "four launches" 0 mpiexec -n 2 "$SNBENCH" run alltoall size=64 $three --launches 4 $quick -o "$tmp/l"
head -n 1 "$tmp/l/tables/alltoall-ratios.csv" | grep -q ',launches$' && ok "are the pairs" || not_ok "are the pairs: $(head -n 1 "$tmp/l/tables/alltoall-ratios.csv")"
count "with an interval" "$tmp/l/tables/alltoall-ratios.csv" ',[0-9.e-]*,[0-9.e-]*,4$' 2
expect "verify launches" 0 "$SNBENCH" verify "$tmp/l"

expect "the model clock has no turns" 0 "$SNBENCH" run alltoall ep=8 size=256 --clock model -q -o "$tmp/model"
grep -q interleaved "$tmp/model/rows.jsonl" && not_ok "nor flags: has some" || ok "nor flags"

# A signal in the middle of a set: earlier sets stay, this one is made anew.
mpiexec -n 2 "$SNBENCH" run alltoall size=64:64K:*4 $three --budget 400ms --samples 100000:100000 $roofs -o "$tmp/s" >/dev/null 2>&1 &
pid=$!
for i in $(seq 200); do
    [ -s "$tmp/s/rows.jsonl" ] && break
    sleep 0.1
done
for p in $(pgrep -f "$SNBENCH run .*-o $tmp/s\$" | grep -v "^$pid\$"); do kill -INT "$p" 2>/dev/null; done
wait $pid
n=$(wc -l <"$tmp/s/rows.jsonl")
[ "$n" -gt 0 ] && [ "$n" -lt 18 ] && [ $((n % 3)) = 0 ] && ok "a signal leaves whole sets" || not_ok "a signal leaves whole sets: $n rows"
expect "resume after the signal" 0 mpiexec -n 2 "$SNBENCH" run alltoall size=64:64K:*4 $three --budget 400ms --samples 100000:100000 --resume $roofs -o "$tmp/s"
count "all in turn" "$tmp/s/rows.jsonl" '"interleaved"' 18
finish
