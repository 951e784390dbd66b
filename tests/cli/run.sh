#!/bin/bash
# A run from end to end: rows, verification, reports in every format, counters, launches, skipped cases.
. tests/cli/lib.sh
quick="--budget 30ms --samples 6:40"
field() { # FILE PYTHONISH-KEY: values of a top-level key, one per line
    sed -n "s/.*\"$2\":\"\{0,1\}\([^,\"]*\).*/\1/p" "$1"
}
expect "run latency" 0 mpiexec -n 2 "$SNBENCH" run latency size=8:4M:*4 op=get transport=shm,rma $quick -o "$tmp/d"
says -o "the report's path ends the run" "$tmp/d/report.html"
n=$(wc -l <"$tmp/d/rows.jsonl")
[ "$n" = 20 ] && ok "20 rows" || not_ok "20 rows: got $n"
[ "$(grep -c '"status":"ok"' "$tmp/d/rows.jsonl")" = 20 ] && ok "all ok" || not_ok "all ok: $(grep -o '"reason":"[^"]*"' "$tmp/d/rows.jsonl" | head -n 3)"
bad=$(grep -c -E '"ci95":\[null|"limit_s":null|"compared":0,' "$tmp/d/rows.jsonl")
[ "$bad" = 0 ] && ok "interval, limit and check in every row" || not_ok "interval, limit and check: $bad rows without"
expect "verify" 0 "$SNBENCH" verify "$tmp/d"
quick="$quick --roofs $tmp/d" # from here on the roofs are those of the first run
for f in md html csv json tex text osu; do
    expect "report --format $f" 0 "$SNBENCH" report "$tmp/d" --format $f
    [ -n "$out" ] && ok "report $f is not empty" || not_ok "report $f is not empty: nothing"
done
expect "report again" 0 "$SNBENCH" report "$tmp/d" --format html
cp "$tmp/out" "$tmp/once"
expect "and again" 0 "$SNBENCH" report "$tmp/d" --format html
cmp -s "$tmp/out" "$tmp/once" && ok "a report made twice is the same" || not_ok "a report made twice is the same: differs"
(cd "$tmp/d" && sha256sum -c --quiet SHA256SUMS) >/dev/null 2>&1 && ok "sha256sum agrees" || not_ok "sha256sum agrees: no"
expect "an existing run is not overwritten" 2 mpiexec -n 2 "$SNBENCH" run latency size=8 $quick -o "$tmp/d"
says "and says how to go on" "--resume"
expect "resume with another plan" 2 mpiexec -n 2 "$SNBENCH" run latency size=16 $quick --resume -o "$tmp/d"
sed -i '3s/"median":[0-9.e-]*/"median":1.5e-6/' "$tmp/d/rows.jsonl"
expect "verify finds an altered median" 1 "$SNBENCH" verify "$tmp/d"

expect "one rank: skipped, not failed" 0 "$SNBENCH" run latency size=8 --budget 20ms -o "$tmp/one"
grep -q '"status":"skipped","reason":"[^"]' "$tmp/one/rows.jsonl" && ok "with a reason" || not_ok "with a reason: none"
expect "no such clock: skipped" 0 mpiexec -n 2 "$SNBENCH" run msgrate size=8 --clock model $quick -o "$tmp/model"
expect "verify of the model clock" 0 "$SNBENCH" verify "$tmp/model"
grep -q 'model clock' "$tmp/model/rows.jsonl" && ok "with its reason" || not_ok "with its reason: none"

expect "dry run" 0 mpiexec -n 2 "$SNBENCH" run --suite quick --dry-run
says -o "counts the cases" " cases, "
expect "counters" 0 mpiexec -n 2 "$SNBENCH" run latency size=8 --counters cycles,instructions,llc-misses $quick -o "$tmp/c"
grep -q '"counters":{"cycles":' "$tmp/c/rows.jsonl" && ok "counters are in the row" || not_ok "counters are in the row: no"
expect "unknown counter" 2 mpiexec -n 2 "$SNBENCH" run latency size=8 --counters cyclse $quick -o "$tmp/c2"
says "names the nearest" "cycles"

expect "three launches" 0 mpiexec -n 2 "$SNBENCH" run latency size=8,64 --launches 3 $quick -o "$tmp/l"
[ "$(wc -l <"$tmp/l/rows.jsonl")" = 6 ] && ok "six rows" || not_ok "six rows: $(wc -l <"$tmp/l/rows.jsonl")"
[ "$(grep -o '"launch":[0-9]*' "$tmp/l/rows.jsonl" | sort | uniq -c | awk '{print $1}' | sort -u)" = 2 ] && ok "two of each launch" || not_ok "two of each launch: no"
expect "verify launches" 0 "$SNBENCH" verify "$tmp/l"

for f in json csv md osu; do
    expect "run --format $f" 0 mpiexec -n 2 "$SNBENCH" run latency size=8 $quick --format $f -o "$tmp/f-$f"
done
grep -q '"roofs_from"' "$tmp/c/manifest.json" && ok "the manifest says where the roofs are from" || not_ok "the manifest says where the roofs are from: no"
expect "roofs of another number of ranks" 2 "$SNBENCH" run latency size=8 --roofs "$tmp/d" -o "$tmp/r"
says "says how to go on" "leave the option out"
[ -e "$tmp/r" ] && not_ok "nothing is half-written: $tmp/r exists" || ok "nothing is half-written"
expect "7 ranks" 0 mpiexec -n 7 "$SNBENCH" run alltoall size=64 --budget 30ms --samples 6:20 -o "$tmp/seven"
[ "$(nproc)" -ge 7 ] || { grep -q '"origin":"emulated"' "$tmp/seven/rows.jsonl" && ok "more ranks than cores is emulated" || not_ok "more ranks than cores is emulated: no"; }
finish
