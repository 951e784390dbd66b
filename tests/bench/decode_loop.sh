#!/bin/bash
# This machine's own loop for whole steps: calibrate a device and a fabric on its micro rows, foretell `decode model=nano`
# on 2 ranks, run it, print both and the error (the report's section "Measured against modelled").
#
#     tests/bench/decode_loop.sh [DIR]
#
# DIR (default: a temporary folder) keeps the runs, the profiles and the report. A quiet machine: the error holds its noise.
cd "$(dirname "$0")/../.." || exit 2
make -s all || exit 2
dir=${1:-}
if [ -z "$dir" ]; then
    dir=$(mktemp -d)
    trap 'rm -rf "$dir"' EXIT
fi
mkdir -p "$dir" || exit 2
requests=8 kv=512
snbench=build/snbench
two="mpiexec -n 2 $snbench"

# The kernels that a die runs in a step of 8 requests on 2 dies.
{
    echo "name: step"
    echo 'brief: "kernels of a step of nano on one of two dies"'
    echo "cases:"
    $snbench step nano decode requests=$((requests / 2)) queries=1 ctx=$kv dies=2 --format yaml | grep -v '^    \(step\|count\):'
} >"$dir/step.yaml"
$two run --suite "$dir/step.yaml" --budget 1s -q -o "$dir/kernels" || exit
$two run latency transport=shm op=put,get size=256:4M:*4 --budget 500ms -q --roofs "$dir/kernels" -o "$dir/fabric" || exit
$two run dispatch ep=2 tokens=4,16,64 hidden=1024 experts=16 topk=4 phase=dispatch --budget 1s -q --roofs "$dir/kernels" \
    -o "$dir/dispatch" || exit
# One fabric profile from both: rows of a run directory are lines.
mkdir -p "$dir/both" && cp "$dir/fabric/manifest.json" "$dir/both/" && cat "$dir/fabric/rows.jsonl" "$dir/dispatch/rows.jsonl" \
    >"$dir/both/rows.jsonl"
$snbench calibrate "$dir/kernels" -o "$dir/device.yaml" >"$dir/device.txt" || exit
$snbench calibrate "$dir/both" -o "$dir/profile.yaml" >"$dir/profile.txt" || exit

$two run decode model=nano ep=2 requests=$requests kv=$kv steps=4 --budget 4s -q --roofs "$dir/kernels" -o "$dir/native" || exit
$snbench run decode --clock=model --device "$dir/device.yaml" --profile "$dir/profile.yaml" model=nano ep=2 batch=$requests kv=$kv \
    mtp=0 microbatch=1 -q -o "$dir/model" || exit
$snbench report "$dir/native" "$dir/model" --format md >"$dir/report.md" || exit
sed -n '/Measured against modelled/,/^## /p' "$dir/report.md" | sed '$d'
metric() {
    grep -o "\"tpot\":{\"value\":[^,]*" "$1/rows.jsonl" | cut -d: -f3
}
awk -v a="$(metric "$dir/native")" -v b="$(metric "$dir/model")" \
    'BEGIN { printf "tpot: measured %.4g ms, modelled %.4g ms, error %+.1f %%\n", a * 1e3, b * 1e3, (b / a - 1) * 100 }'
