#!/bin/bash
# Kernels on the model clock, devices and models by name, the steps of a suite, and this machine as a device.
. tests/cli/lib.sh
root=$PWD
case $SNBENCH in /*) ;; *) SNBENCH=$root/$SNBENCH ;; esac
model="--clock=model"

expect "list devices" 0 "$SNBENCH" list devices
says -o "the 910C die is listed" "ascend910c-die"
expect "list models" 0 "$SNBENCH" list models
says -o "DeepSeek-R1 is listed" "deepseek-r1"

# refuse NAME TEXT ARGS...: a usage error of one line that says TEXT, and nothing was written.
refuse() {
    local name=$1 text=$2
    shift 2
    expect "$name" 2 "$SNBENCH" "$@"
    says "$name: says what would be right" "$text"
    lines "$name: one line" 1
}
refuse "an unknown device" "did you mean 'h800'?" run gemm $model --device h80 -o "$tmp/none"
refuse "a device on the wall clock" "add --clock=model" run gemm --device h800 -o "$tmp/none"
refuse "an unknown model" "did you mean 'nano'?" step nanno
refuse "an unknown step" "did you mean 'prefill'?" step nano prefil
refuse "a step of more dies than experts" "slots=300" step nano decode dies=300
printf 'name: a\nbrief: b\npeak: {}\nmemory:\n  bandwidth: {value: 1, unit: GB, class: spec, source: s}\n' >"$tmp/bad.yaml"
refuse "a device with a wrong unit" "bad.yaml:5: memory.bandwidth is a rate of bytes" run gemm $model --device "$tmp/bad.yaml" -o "$tmp/none"
[ -e "$tmp/none" ] && not_ok "nothing was written" || ok "nothing was written"

# The same rows on any number of ranks; parts, bound, origin; the device in the manifest.
for n in 1 2 4; do
    expect "gemm on $n ranks" 0 mpiexec -n $n "$SNBENCH" run gemm $model m=1,64,1K device=ascend910c-die,h800 -q -o "$tmp/gemm-$n"
    cmp -s "$tmp/gemm-1/rows.jsonl" "$tmp/gemm-$n/rows.jsonl" && ok "the same rows on $n ranks" || not_ok "the same rows on $n ranks: they differ"
done
rows=$(cat "$tmp/gemm-1/rows.jsonl")
n=$(grep '"origin":"modelled"' <<<"$rows" | grep '"part":"multiply"' | grep -c '"limit_s":[0-9]')
[ "$n" = 6 ] && ok "modelled rows with parts and bound" || not_ok "modelled rows with parts and bound: $n of 6"
# 2 x 1024 x 4096 x 7168 op at 0.8005 x 752 Top/s
grep '"m":1024,.*ascend910c-die' <<<"$rows" | grep -q '"median":9.98869[0-9]*e-0*5' && ok "1,024 rows take 99.89 us" || not_ok "1,024 rows take 99.89 us: $(grep -o '"median":[0-9.e-]*' <<<"$rows" | tr '\n' ' ')"
sum=$(sha256sum kernels/devices/ascend910c-die.yaml | cut -d' ' -f1)
grep -q "$sum" "$tmp/gemm-1/manifest.json" && ok "the manifest has the device's checksum" || not_ok "the manifest has the device's checksum: no"
expect "--mutate is found" 1 "$SNBENCH" run gemm $model --mutate drop -q -o "$tmp/mutate"
expect "verify" 0 "$SNBENCH" verify "$tmp/gemm-1"

# The suite of kernels, with the time of its steps.
expect "suite kernels on the model clock" 0 "$SNBENCH" run --suite kernels $model --device ascend910c-die -o "$tmp/suite"
says -o "steps are printed" "fastest of each"
expect "the suite's report as JSON" 0 "$SNBENCH" report "$tmp/suite" --format json
says -o "steps in JSON" '"step":"decode"'
says -o "what a decode step covers" '"covers":"mla-prolog, mla, grouped-gemm, quantize, gemm, gate, moe"'
says -o "what a prefill step covers" '"covers":"quantize, gemm, mla-prefill, gate, moe"'
[ -s "$tmp/suite/tables/steps.csv" ] && ok "a table of steps" || not_ok "a table of steps: none"
expect "step with times" 0 "$SNBENCH" step deepseek-r1 decode requests=48 --device ascend910c-die
says -o "attention of 48 requests" "445.3 us"

# What a problem costs does not depend on the clock.
expect "a run that measures the roofs of one rank" 0 "$SNBENCH" run peak kind=f32 --budget 5ms -q -o "$tmp/roofs"
roofs="--roofs $tmp/roofs"
figures() { # DIR: the counted metrics of its row
    grep -oE '"(operations|weights|activations|output)":\{"value":[^,]*' "$1/rows.jsonl" | tr '\n' ' '
}
while read -r bench axes; do
    expect "$bench, measured" 0 "$SNBENCH" run $bench $axes --budget 5ms -q -o "$tmp/wall-$bench" $roofs
    expect "$bench, modelled" 0 "$SNBENCH" run $bench $axes $model --device ascend910c-die -q -o "$tmp/model-$bench"
    [ -n "$(figures "$tmp/wall-$bench")" ] && [ "$(figures "$tmp/wall-$bench")" = "$(figures "$tmp/model-$bench")" ] &&
        ok "$bench costs the same on both clocks" ||
        not_ok "$bench costs the same on both clocks: $(figures "$tmp/wall-$bench") and $(figures "$tmp/model-$bench")"
done <<END
gemm m=3 n=20 k=70
grouped-gemm groups=5 m=7 n=20 k=70 routing=zipf(1)
quantize t=5 h=100
gate t=3
moe experts=6 tokens=2 hidden=64 intermediate=48 load=empty
mla batch=2 ctx=50 heads=4 kv=s8 lengths=uniform
mla-prolog t=2 hidden=64 q_rank=32 heads=2 nope=16 latent=32 rope=8
mla-prefill prompts=3 tokens=20 heads=2 lengths=uniform
END

# This machine: measured, calibrated, foretold.
cd "$tmp" || exit 1
# A machine with other work may fail to measure its roof of memory, or find it too low: some rounds.
for attempt in 1 2 3 4 5 6 7 8; do
    rm -rf "$tmp/mine"
    "$SNBENCH" run gemm m=0,1,32 n=512 k=1024 cache=cold-weights --budget 30ms -q -o "$tmp/mine" 2>"$tmp/err" &&
        "$SNBENCH" calibrate "$tmp/mine" >"$tmp/out" 2>"$tmp/err" && ! grep -q suspect "$tmp/mine/rows.jsonl" && break
    sleep 1
done
expect "calibrate" 0 "$SNBENCH" calibrate "$tmp/mine"
says -o "where it was written" "results/devices/local.yaml"
expect "list devices has the own one" 0 "$SNBENCH" list devices
says -o "local is listed" "local"
expect "foretold" 0 "$SNBENCH" run gemm $model --device local m=1,32 n=512 k=1024 -q -o "$tmp/foretold"
medians() { # DIR: m and median of its rows of some
    grep -v '"m":0' "$1/rows.jsonl" | sed 's/.*"m":\([0-9]*\).*"median":\([0-9.e-]*\).*/\1 \2/'
}
paste <(medians "$tmp/mine") <(medians "$tmp/foretold") | awk '{ r = $4 / $2; if ($1 != $3 || r < 0.98 || r > 1.02) bad = 1; n++ } END { exit bad || n != 2 }' &&
    ok "the rows it was calibrated on within 2 %" || not_ok "the rows it was calibrated on within 2 %: $(medians "$tmp/mine") against $(medians "$tmp/foretold")"
grep -q extrapolated "$tmp/foretold/rows.jsonl" && not_ok "inside its range: flagged" || ok "inside its range"
expect "beyond its range" 0 "$SNBENCH" run gemm $model --device local m=64 n=512 k=1024 -q -o "$tmp/beyond"
grep -q extrapolated "$tmp/beyond/rows.jsonl" && ok "beyond its range: flagged" || not_ok "beyond its range: flagged: no"
expect "modelled rows calibrate nothing" 2 "$SNBENCH" calibrate "$tmp/foretold" -o "$tmp/x.yaml"
cd "$root" || exit 1
finish
