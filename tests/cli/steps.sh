#!/bin/bash
# Steps of a served model on the model clock: the published rows, the same rows on any number of ranks, traces, calibration,
# what is refused.
. tests/cli/lib.sh

model="--clock=model -q"
expect "decode at EP320" 0 "$SNBENCH" run decode $model batch=8,96 -o "$tmp/one"
expect "prefill at EP32" 0 "$SNBENCH" run prefill $model reuse=0,0.5 -o "$tmp/prefill"
expect "they meet the published rows" 0 "$SNBENCH" validate "$tmp/one" "$tmp/prefill" --against results/published/cloudmatrix384.yaml
says -o "all six of steps" "all 6 judged entries hold"
for ranks in 2 4; do
    expect "on $ranks ranks" 0 mpiexec -n $ranks "$SNBENCH" run decode $model batch=8,96 -o "$tmp/$ranks"
    if cmp -s "$tmp/one/rows.jsonl" "$tmp/$ranks/rows.jsonl"; then
        ok "the same rows on $ranks ranks"
    else
        not_ok "the same rows on $ranks ranks: they differ"
    fi
done

# More cases than ranks, several benchmarks, one that is not shared out between, a case that is skipped.
cat >"$tmp/mixed.yaml" <<'Y'
name: mixed
brief: "cases that are shared out, and others"
cases:
  - bench: decode
    axes: ["model=nano", "ep=4,8,16", "batch=2,4,6", "kv=128"]
  - bench: latency
    axes: ["size=8", "path=node"]
  - bench: prefill
    axes: ["model=nano", "ep=4", "tokens=512,1024", "prompt=128"]
  - bench: decode
    axes: ["model=nano", "ep=64", "batch=4", "kv=128", "redundant=0"]
Y
for ranks in 1 2 4; do
    expect "a mixed suite on $ranks ranks" 0 mpiexec -n $ranks "$SNBENCH" run --suite "$tmp/mixed.yaml" $model -o "$tmp/mixed$ranks"
    cmp -s "$tmp/mixed1/rows.jsonl" "$tmp/mixed$ranks/rows.jsonl" && ok "its rows" || not_ok "its rows on $ranks ranks differ"
done
grep -q '"status":"skipped","reason":"more dies than slots' "$tmp/mixed1/rows.jsonl" && ok "a reason" || not_ok "a reason: none of the skipped case"
head -n 3 "$tmp/mixed2/rows.jsonl" >"$tmp/head" && cp -r "$tmp/mixed2" "$tmp/cut" && cp "$tmp/head" "$tmp/cut/rows.jsonl"
expect "resumed on 2 ranks" 0 mpiexec -n 2 "$SNBENCH" run --suite "$tmp/mixed.yaml" $model -o "$tmp/cut" --resume
cmp -s "$tmp/mixed1/rows.jsonl" "$tmp/cut/rows.jsonl" && ok "as if uninterrupted" || not_ok "as if uninterrupted: rows differ"

# What is kept for later cases is kept apart: decode with a draft and prefill of one shape; parts of different sizes.
cat >"$tmp/shapes.yaml" <<'Y'
name: shapes
brief: "cases that look alike to what is remembered"
cases:
  - bench: decode
    axes: ["model=nano", "ep=4", "batch=128", "kv=64", "mtp=1", "routing=uniform", "eplb=on"]
  - bench: prefill
    axes: ["model=nano", "ep=4", "tokens=256", "prompt=64", "routing=uniform", "eplb=on", "algorithm=put"]
  - bench: decode
    axes: ["model=nano", "ep=4", "batch=12,6", "kv=64", "mtp=0,1"]
Y
for ranks in 1 3; do
    expect "shapes on $ranks ranks" 0 mpiexec -n $ranks "$SNBENCH" run --suite "$tmp/shapes.yaml" $model -o "$tmp/shapes$ranks"
done
cmp -s "$tmp/shapes1/rows.jsonl" "$tmp/shapes3/rows.jsonl" && ok "whatever came before" || not_ok "whatever came before: rows differ"
expect "one of them alone" 0 "$SNBENCH" run decode $model model=nano ep=4 batch=6 kv=64 mtp=1 -o "$tmp/alone"
grep -qxF "$(cat "$tmp/alone/rows.jsonl")" "$tmp/shapes1/rows.jsonl" && ok "the same alone" || not_ok "the same alone: another row"

expect "a damaged exchange is found" 1 "$SNBENCH" run decode $model model=nano ep=4 batch=4 kv=128 --mutate bitflip -o "$tmp/mutated"

expect "a trace" 0 "$SNBENCH" run decode $model model=nano ep=4 batch=4 kv=128 --trace "$tmp/trace.json" -o "$tmp/traced"
grep -q '"traceEvents":\[{' "$tmp/trace.json" && grep -q '"name":"attention"' "$tmp/trace.json" && ok "its events" || not_ok "its events: none"
expect "a trace of two cases" 2 "$SNBENCH" run decode $model batch=8,16 --trace "$tmp/t.json" -o "$tmp/none"
says "why" "the plan has 2"
expect "a trace of a benchmark without" 2 "$SNBENCH" run latency $model size=8 path=node --trace "$tmp/t.json" -o "$tmp/none"
says "which have" "decode and prefill have"
expect "a trace of the wall clock" 2 "$SNBENCH" run decode --trace "$tmp/t.json" -o "$tmp/none"
lines "one line" 1
expect "a model that there is not" 2 "$SNBENCH" run decode $model model=deepseek-r2 -o "$tmp/none"
says "the nearest" "deepseek-r1"
expect "a routing that there is not" 2 "$SNBENCH" run decode $model routing=zipff -o "$tmp/none"
expect "a number of slots that is none" 2 "$SNBENCH" run decode $model redundant=few -o "$tmp/none"
says "what would be right" "neither auto nor a number"
expect "an odd batch" 0 "$SNBENCH" run decode $model batch=7 -o "$tmp/odd"
grep -q '"status":"skipped"' "$tmp/odd/rows.jsonl" && ok "is skipped" || not_ok "an odd batch: not skipped"
[ -e "$tmp/none" ] && not_ok "nothing is left of what was refused" || ok "nothing is left of what was refused"

# The profile's fitted figures are what the fit gives.
expect "calibration" 0 "$SNBENCH" calibrate steps -o "$tmp/device.yaml"
for key in f32 host skew block; do
    a=$(grep -E "^ *$key: " kernels/devices/ascend910c-die.yaml | grep -o 'value: [0-9.]*' | cut -d' ' -f2)
    b=$(grep -E "^ *$key: " "$tmp/device.yaml" | grep -o 'value: [0-9.]*' | cut -d' ' -f2)
    [ $key = f32 ] && b=$(awk -v b="$b" 'BEGIN { print b / 1000 }') # Gop/s
    if awk -v a="$a" -v b="$b" 'BEGIN { exit !(a > 0 && b / a > 0.99 && b / a < 1.01) }'; then
        ok "$key"
    else
        not_ok "$key: the profile has $a, the fit gives $b"
    fi
done
expect "calibration to nowhere" 2 "$SNBENCH" calibrate steps
says "where to" "-o FILE"
finish
