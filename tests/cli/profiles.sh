#!/bin/bash
# Profiles on the model clock: what they were calibrated on is met and flagged, cases that cannot run are skipped, options and axes
# do not contradict, wrong files are refused in one line.
. tests/cli/lib.sh
small="tokens=16 hidden=512 experts=24 topk=4"
run="run dispatch --clock=model"
stat_of() { grep -o "\"$1\":[^,]*" "$2/rows.jsonl" | cut -d: -f2; }
flags_of() { grep -o '"flags":\[[^]]*\]' "$1/rows.jsonl" | tr -d '\n'; }
flags() { # NAME DIR FLAGS...
    local name=$1 got want=
    got=$(flags_of "$2")
    shift 2
    for f; do want="$want\"flags\":[$f]"; done
    [ "$got" = "$want" ] && ok "$name" || not_ok "$name: $got"
}

# h800-deepep by the default order against its own rows (DeepEP: dispatch.ep16, combine.ep16, dispatch.ep256), within 5 %.
expect "h800-deepep, its rows" 0 "$SNBENCH" $run profile=h800-deepep dtype=fp8 ep=16,256 phase=dispatch,combine -q -o "$tmp/h800"
stat_of median "$tmp/h800" | awk '{ t[NR] = $1 * 1e6 } function off(x, y) { return x / y < 0.95 || x / y > 1.05 }
    END { exit NR != 4 || off(t[1], 118) || off(t[2], 195) || off(t[3], 194) }' && ok "h800-deepep meets its rows" || not_ok "h800-deepep meets its rows: $(stat_of median "$tmp/h800" | tr '\n' ' ')"
flags "h800-deepep: its rows have no flag" "$tmp/h800" '' '' '' ''

# Every condition of the calibration, one at a time.
for outside in dtype=int8 order=same topk=6 tokens=64 hidden=3584 ep=8 algorithm=pairwise routing=balanced; do
    axes="dtype=fp8 ep=16 order=random phase=dispatch"
    expect "h800-deepep $outside" 0 "$SNBENCH" $run profile=h800-deepep $(sed "s/${outside%%=*}=[^ ]*//" <<<"$axes") $outside -q -o "$tmp/out-$outside"
    flags "h800-deepep $outside is extrapolated" "$tmp/out-$outside" '"extrapolated"'
done
grep -q 'Extrapolated: 1 of 1 .*outside the range' "$tmp/out-order=same/report.md" && ok "the report says so" || not_ok "the report says so: $(grep -i extrapolated "$tmp/out-order=same/report.md")"
grep -q 'order = same (calibrated: random, rotated)' "$tmp/out-order=same/report.md" && ok "and which condition" || not_ok "and which condition: $(grep -i extrapolated "$tmp/out-order=same/report.md")"
expect "more dies than the machine has" 0 "$SNBENCH" run alltoall --clock=model profile=ideal ep=768,769 size=8 algorithm=put payload=header -q -o "$tmp/dies"
flags "more dies than the machine has are extrapolated" "$tmp/dies" '' '"extrapolated"'

# Costs that a profile does not give count as 0, and the row says so.
expect "no costs" 0 "$SNBENCH" $run $small profile=cloudmatrix384-vpc,ideal ep=16 phase=dispatch -q -o "$tmp/cost"
flags "no costs are flagged, costs of 0 are not" "$tmp/cost" '"no-cost"' ''
grep -q 'no-cost' "$tmp/cost/report.md" && grep -q 'Warning: 1 of 2 modelled cases' "$tmp/cost/report.md" && ok "the report warns" || not_ok "the report warns: $(grep -i cost "$tmp/cost/report.md" | head -3)"
sed 's/{axis: tokens,.*/{axis: window, min: 1, max: 8}/' comm/fabric/profiles/cloudmatrix384-ub.yaml >"$tmp/window.yaml"
expect "an axis of one benchmark" 0 "$SNBENCH" run bandwidth --clock=model profile="$tmp/window.yaml" op=put size=1M path=node direction=one window=8,16 -q -o "$tmp/window"
flags "every axis in valid is checked" "$tmp/window" '' '"extrapolated"'

# Every benchmark looks: no case is what this profile was fitted to. A new benchmark with a model clock needs a line here.
sed '/^valid:/,$d' comm/fabric/profiles/cloudmatrix384-ub.yaml >"$tmp/other.yaml"
echo 'valid: [{axis: degrade, words: ["plane=6:0.5"]}]' >>"$tmp/other.yaml"
declare -A words=(
    [latency]="op=put size=8 path=node" [bandwidth]="op=put size=8 window=2 path=node direction=one" [pairs]="op=put size=8 src=0 dst=2"
    [incast]="op=put size=8 senders=2" [alltoall]="ep=4 size=8 algorithm=put" [allgather]="ep=4 size=8 algorithm=ring"
    [dispatch]="$small ep=4 phase=dispatch" [kvread]="readers=2 reads=4 dies=32" [kvtransfer]="prefill=2 decode_dp=2 decode_tp=1 prompt=256 layers=2"
    [modelload]="model_bytes=64M instances=2 instance_dies=2 dies=32 from=warm" [serve]="transfer=ub requests=4"
)
for bench in $("$SNBENCH" list benchmarks | awk '{ print $1 }'); do
    "$SNBENCH" describe $bench | grep -q "^  profile " || continue # no fabric in it
    expect "$bench on a profile of something else" 0 "$SNBENCH" run $bench --clock=model profile="$tmp/other.yaml" ${words[$bench]-} -q -o "$tmp/other-$bench"
    n=$(grep -c '"status":"ok"' "$tmp/other-$bench/rows.jsonl") f=$(grep -c '"flags":\[[^]]*"extrapolated"' "$tmp/other-$bench/rows.jsonl")
    [ "$n" -gt 0 ] && [ "$n" = "$f" ] && ok "$bench flags all its rows" || not_ok "$bench flags all its rows: $f of $n"
done

# What cannot run is skipped with its reason, and the rest of the sweep runs.
expect "a cut die" 0 "$SNBENCH" $run $small ep=4,16 phase=dispatch degrade=none,die=12:0 -q -o "$tmp/cut"
n=$(grep -c '"status":"ok"' "$tmp/cut/rows.jsonl")
[ "$n" = 2 ] && ok "a cut die: two rows run" || not_ok "a cut die: two rows run: $n"
grep -q '"status":"skipped","reason":"nothing passes from die 0 to die 12: die 12 is cut"' "$tmp/cut/rows.jsonl" && ok "skipped with the pair" || not_ok "skipped with the pair: $(grep -o '"status":"[^o].*"ranks' "$tmp/cut/rows.jsonl")"
grep -q '"status":"skipped","reason":"die=12:0: die must be 0 to 3' "$tmp/cut/rows.jsonl" && ok "skipped: no such die at this ep" || not_ok "skipped: no such die at this ep: $(grep -o '"status":"[^o].*"ranks' "$tmp/cut/rows.jsonl")"
expect "a die that the machine has not" 2 "$SNBENCH" $run $small ep=16 degrade=die=768:0.5 -q -o "$tmp/bad"
says "a die that the machine has not: the range" "die must be 0 to 767"
expect "by node a pair can do without" 0 "$SNBENCH" $run $small ep=8 node=4 algorithm=hier,put phase=dispatch degrade=pair=0-5:0 -q -o "$tmp/hier"
[ "$(grep -o '"status":"[a-z]*"' "$tmp/hier/rows.jsonl" | tr -d '\n')" = '"status":"ok""status":"skipped"' ] && ok "by node a pair can do without: hier alone" || not_ok "by node a pair can do without: $(grep -o '"status":"[a-z]*"' "$tmp/hier/rows.jsonl" | tr '\n' ' ')"
sed '/^  supernode:/,/^  # A die/{/^  # A die/!d}' comm/fabric/profiles/cloudmatrix384-ub.yaml >"$tmp/one-node.yaml"
expect "a profile without a path" 0 "$SNBENCH" $run $small ep=16,17 phase=dispatch profile="$tmp/one-node.yaml" -q -o "$tmp/path"
grep -q '"status":"skipped","reason":"nothing passes from die 0 to die 16: the profile has no path `supernode`"' "$tmp/path/rows.jsonl" && ok "skipped: no such path" || not_ok "skipped: no such path: $(grep -o '"status":"[^o].*"ranks' "$tmp/path/rows.jsonl")"

# Options beside axes.
expect "--degrade" 0 "$SNBENCH" $run $small ep=16 phase=dispatch --degrade plane=3:0 -q -o "$tmp/option"
expect "degrade=" 0 "$SNBENCH" $run $small ep=16 phase=dispatch degrade=plane=3:0 -q -o "$tmp/axis"
cmp -s "$tmp/option/rows.jsonl" "$tmp/axis/rows.jsonl" && ok "--degrade is the axis" || not_ok "--degrade is the axis: the rows differ"
expect "--degrade against degrade=" 2 "$SNBENCH" $run --degrade plane=3:0 degrade=none -q -o "$tmp/bad"
says "--degrade against degrade=" "dispatch: --degrade plane=3:0 contradicts degrade=none; give one of them"
lines "--degrade against degrade= in one line" 1
expect "--degrade on the wall clock" 2 "$SNBENCH" run latency --degrade plane=3:0 -q -o "$tmp/bad"
says "--degrade on the wall clock" "add --clock=model"
expect "--profile against profile=" 2 "$SNBENCH" $run --profile=ideal profile=h800-deepep -q -o "$tmp/bad"
says "--profile against profile=" "dispatch: --profile ideal contradicts profile=h800-deepep"
expect "--profile and the same profile=" 0 "$SNBENCH" $run --profile=ideal profile=ideal --dry-run

# Files that are wrong.
wrong() { # NAME SED TEXT
    sed "$2" comm/fabric/profiles/cloudmatrix384-ub.yaml >"$tmp/wrong.yaml"
    expect "$1" 2 "$SNBENCH" $run profile="$tmp/wrong.yaml" ep=8 -q -o "$tmp/bad"
    says "$1: FILE:LINE and why" "$3"
    lines "$1: one line" 1
}
wrong "a count of 768.5" 's/dies: 768 /dies: 768.5 /' "wrong.yaml:14: machine.dies: '768.5' is not a plain decimal integer"
wrong "a count of 1k" 's/dies: 768 /dies: 1k /' "wrong.yaml:14: machine.dies: '1k'"
wrong "an octal count" 's/dies_per_node: 16/dies_per_node: 016/' "wrong.yaml:16: machine.dies_per_node: '016'"
wrong "an unknown axis" 's/axis: tokens/axis: token/' "no benchmark has on the model clock an axis 'token'; did you mean 'tokens'?"
wrong "a cost beyond the clock" 's/value: 142.6, unit: ns/value: 9e4, unit: s/' "cost.flag: 90000 is more than 1 s"
[ ! -e "$tmp/bad" ] && ok "nothing is written" || not_ok "nothing is written: $(ls "$tmp/bad")"

# The profile of the pool's plane is in the manifest, with its hash.
expect "kvread on another plane" 0 "$SNBENCH" run kvread --clock=model plane=rdma memory=die readers=2 reads=4 dies=32 -q -o "$tmp/plane"
for f in cloudmatrix384-ub cloudmatrix384-rdma; do
    sum=$(sha256sum "comm/fabric/profiles/$f.yaml" | cut -d' ' -f1)
    grep -q "$sum" "$tmp/plane/manifest.json" && grep -q "\"$f\"" "$tmp/plane/manifest.json" && ok "the manifest has $f" || not_ok "the manifest has $f: no"
done
finish
