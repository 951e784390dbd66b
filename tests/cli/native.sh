#!/bin/bash
# decode and prefill on the wall clock: one checksum on 1, 2 and 4 ranks, whatever the algorithm; a wrong answer found;
# what cannot run skipped, what is wrong refused.
. tests/cli/lib.sh
measure_roofs
quick="--budget 30ms --samples 6:20 -q"
small="model=nano requests=4 steps=2 kv=40"
sums() { grep -o '"checksum":"[0-9a-f]*"' "$tmp/$1/rows.jsonl" | sort -u; }
rows() { grep -c '"status":"ok"' "$tmp/$1/rows.jsonl"; }
expect "decode on 1 rank" 0 "$SNBENCH" run decode $small algorithm=all $quick -o "$tmp/d1"
expect "decode on 2 ranks" 0 mpiexec -n 2 "$SNBENCH" run decode $small algorithm=all node=1 microbatch=1,2 $quick $roofs -o "$tmp/d2"
expect "decode on 4 ranks" 0 mpiexec -n 4 "$SNBENCH" run decode $small algorithm=all node=2 $quick -o "$tmp/d4"
expect "prefill on 1 rank" 0 "$SNBENCH" run prefill requests=3 prompt=11 $quick --roofs "$tmp/d1" -o "$tmp/p1"
expect "prefill on 2 ranks" 0 mpiexec -n 2 "$SNBENCH" run prefill requests=3 prompt=11 algorithm=all node=1 $quick $roofs -o "$tmp/p2"
[ "$(rows d1) $(rows d2) $(rows d4) $(rows p1) $(rows p2)" = "3 8 4 1 4" ] && ok "rows of all that can run" ||
    not_ok "rows of all that can run: $(rows d1) $(rows d2) $(rows d4) $(rows p1) $(rows p2)"
one=$(sums d1)
[ "$(wc -w <<<"$one")" = 1 ] && [ "$(sums d2)" = "$one" ] && [ "$(sums d4)" = "$one" ] && ok "decode: one checksum on 1, 2 and 4 ranks" ||
    not_ok "decode: one checksum on 1, 2 and 4 ranks: $one, $(sums d2), $(sums d4)"
one=$(sums p1)
[ "$(wc -w <<<"$one")" = 1 ] && [ "$(sums p2)" = "$one" ] && ok "prefill: one checksum on 1 and 2 ranks" ||
    not_ok "prefill: one checksum on 1 and 2 ranks: $one, $(sums p2)"
expect "verify" 0 "$SNBENCH" verify "$tmp/d2"
sed -i 's/"checksum":"[0-9a-f]*"/"checksum":"nonsense"/' "$tmp/p2/rows.jsonl"
expect "a checksum that is none" 1 "$SNBENCH" verify "$tmp/p2"
says "a checksum that is none is named" "check.checksum"
# The parts of a step are its time: 95 % at least on 2 ranks.
parts() {
    awk '{ match($0, /"median":[0-9.e-]*/); t = substr($0, RSTART + 9, RLENGTH - 9); sum = 0
           b = $0; sub(/.*"breakdown":/, "", b)
           while (match(b, /"s":[0-9.e-]*/)) { sum += substr(b, RSTART + 4, RLENGTH - 4); b = substr(b, RSTART + RLENGTH) }
           if (sum < 0.95 * t || sum > 1.05 * t) print sum / t }' "$1"
}
[ -z "$(parts "$tmp/d2/rows.jsonl")" ] && ok "the breakdown adds up to the time" || not_ok "the breakdown adds up to the time: $(parts "$tmp/d2/rows.jsonl" | tr '\n' ' ')"
for bench in "decode $small" "prefill requests=3 prompt=11"; do # the other mutations: tests/mpi/native.c
    for m in bitflip wrong-rank; do
        expect "--mutate $m is found (${bench%% *})" 1 mpiexec -n 2 "$SNBENCH" run $bench --mutate $m $quick $roofs -o "$tmp/m-$m-${bench%% *}"
        grep -q '"first":"request ' "$tmp/m-$m-${bench%% *}/rows.jsonl" && ok "--mutate $m names the first wrong request (${bench%% *})" ||
            not_ok "--mutate $m names the first wrong request (${bench%% *}): no"
    done
done
skipped() { # NAME TEXT DIRECTORY
    grep -q "\"status\":\"skipped\",\"reason\":\"[^\"]*$2" "$tmp/$3/rows.jsonl" && ok "$1" || not_ok "$1: $(cut -c 1-400 "$tmp/$3/rows.jsonl")"
}
expect "ep is not the ranks" 0 mpiexec -n 2 "$SNBENCH" run decode $small ep=1 $quick $roofs -o "$tmp/ep"
skipped "ep is not the ranks: skipped" "ep must be the number of ranks" ep
expect "a model without compressed queries" 0 mpiexec -n 2 "$SNBENCH" run decode model=deepseek-v2-lite $quick $roofs -o "$tmp/lite"
skipped "a model without compressed queries: skipped" "does not compress its queries" lite
expect "a model that does not fit" 0 mpiexec -n 2 "$SNBENCH" run prefill model=deepseek-r1 $quick $roofs -o "$tmp/r1"
skipped "a model that does not fit: skipped" "of memory per rank" r1
expect "an unknown model" 2 "$SNBENCH" run decode model=nanno $quick -o "$tmp/none"
says "an unknown model: the nearest" "nano"
lines "an unknown model: one line" 1
expect "no microbatches" 2 "$SNBENCH" run decode microbatch=0 $quick -o "$tmp/none"
expect "a share that is none" 2 "$SNBENCH" run decode accept=1.5 $quick -o "$tmp/none"
expect "describe" 0 "$SNBENCH" describe decode
says -o "describe names the formulas" "median x requests / tokens"
finish
