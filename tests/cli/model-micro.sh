#!/bin/bash
# The micro benchmarks on the model clock: the same rows on any number of ranks, damage found, a cut
# plane's share of the bandwidth and its name, what does not go with this clock.
. tests/cli/lib.sh
model="--clock=model"

cat >"$tmp/all.yaml" <<'END'
name: all
brief: a case or two of each benchmark on the model clock
cases:
  - {bench: latency, axes: ["op=get,send", "size=64K", "path=cpu"]}
  - {bench: bandwidth, axes: ["size=8", "direction=both", "path=supernode"]}
  - {bench: incast, axes: ["op=put,get", "size=64K", "senders=9"]}
  - {bench: pairs, axes: ["src=0", "dst=17", "plane=all,hash,2"]}
  - {bench: alltoall, axes: ["ep=10", "size=1000", "algorithm=put", "order=random", "skew=exp(1us)"]}
  - {bench: alltoall, axes: ["ep=5", "size=1000", "algorithm=ring,mpi"]}
  - {bench: allgather, axes: ["ep=8", "size=24", "algorithm=doubling", "skew=late(3us)"]}
END
for n in 1 2 4 7; do
    expect "every benchmark on $n ranks" 0 mpiexec -n $n "$SNBENCH" run --suite "$tmp/all.yaml" $model -q -o "$tmp/all-$n"
    [ $n = 1 ] && continue
    cmp -s "$tmp/all-1/rows.jsonl" "$tmp/all-$n/rows.jsonl" && ok "the same rows on $n ranks" || not_ok "the same rows on $n ranks: $(cmp "$tmp/all-1/rows.jsonl" "$tmp/all-$n/rows.jsonl" 2>&1)"
done
rows=$(cat "$tmp/all-1/rows.jsonl")
n=$(grep -c '"status":"ok"' <<<"$rows")
[ "$n" = 10 ] && ok "10 rows ok, 2 skipped" || not_ok "10 rows ok, 2 skipped: $n ok"
expect "verify" 0 "$SNBENCH" verify "$tmp/all-1"

# part BENCH NAME: the rows of a benchmark have a part of that name in their breakdown.
part() {
    grep "\"bench\":\"$1\".*\"status\":\"ok\"" <<<"$rows" | grep -v "\"part\":\"$2\"" | grep -q . &&
        not_ok "$1 has the part $2: not in every row" || ok "$1 has the part $2"
}
for b in latency bandwidth incast pairs alltoall allgather; do
    for p in issue latency wire queue; do part $b $p; done
done
part allgather skew
grep '"skew":"late' <<<"$rows" | grep -q '"skew_free_s":{"value":[0-9]' && ok "skew-free time beside" || not_ok "skew-free time beside: missing"
grep '"order":"random"' <<<"$rows" | grep -q '"n":7' && ok "7 draws where something is random" || not_ok "7 draws where something is random: no"

for b in "latency size=64" "bandwidth size=64 window=2" "incast size=64 senders=3" "pairs src=0 dst=1" \
    "alltoall ep=4 size=64" "allgather ep=2 size=64"; do
    for m in bitflip swap drop wrong-rank; do
        expect "--mutate $m is found ($b)" 1 "$SNBENCH" run $b $model --mutate $m -q -o "$tmp/mutate"
        rm -rf "$tmp/mutate"
    done
done

# One of seven planes cut: sprayed traffic keeps 6/7, and the plane is named.
bandwidths() { # DEGRADE: of bandwidth and of pairs, in B/s
    rm -rf "$tmp/b" "$tmp/p"
    expect "bandwidth, degrade=$1" 0 "$SNBENCH" run bandwidth $model op=put,get size=8M path=node,supernode degrade=$1 -q -o "$tmp/b"
    expect "pairs, degrade=$1" 0 "$SNBENCH" run pairs $model op=put src=0 dst=2,16 degrade=$1 -q -o "$tmp/p"
    got=$(cat "$tmp/b/rows.jsonl" "$tmp/p/rows.jsonl" | grep -o '"bandwidth":{"value":[0-9.e+]*' | grep -o '[0-9.e+]*$')
}
bandwidths none
healthy=$got
bandwidths plane=3:0
paste <(echo "$healthy") <(echo "$got") | awk '{ r = $2 / $1 * 7 / 6; if (r < 0.99 || r > 1.01) bad = 1; n++ } END { exit bad || n != 6 }' &&
    ok "one of seven planes cut: 6/7 of the bandwidth, within 1 %" || not_ok "one of seven planes cut: $healthy, then $got"
matrix="$model src=0:63:+9 dst=0:63:+9 dies=64 plane=all,0,1,2,3,4,5,6"
expect "a matrix plane by plane" 0 "$SNBENCH" run pairs $matrix degrade=plane=3:0 -q -o "$tmp/cut"
expect "diagnose finds something" 3 "$SNBENCH" diagnose "$tmp/cut"
says -o "it names the plane" "plane 3: cut"
expect "a healthy matrix" 0 "$SNBENCH" run pairs $matrix -q -o "$tmp/healthy"
expect "diagnose finds nothing in it" 0 "$SNBENCH" diagnose "$tmp/healthy"

expect "the rows of the published figures" 0 "$SNBENCH" run --suite fidelity $model -q -o "$tmp/fidelity"
for f in cloudmatrix384 h800-deepep; do
    expect "they hold: $f" 0 "$SNBENCH" validate "$tmp/fidelity" --against results/published/$f.yaml
done
expect "the suite fabric" 0 "$SNBENCH" run --suite fabric $model -q -o "$tmp/fabric"
expect "diagnose takes its matrix" 0 "$SNBENCH" diagnose "$tmp/fabric"

refuse() { # NAME TEXT ARGS...
    local name=$1 text=$2
    shift 2
    expect "$name: exit 2" 2 "$SNBENCH" run "$@" -q -o "$tmp/refused"
    says "$name: says why" "$text"
    lines "$name: one line" 1
}
refuse "an axis of the wall clock" "transport" latency size=8 $model transport=shm
refuse "an axis of the model clock" "path" latency size=8 path=node
refuse "no such plane" "all (sprayed), hash or" pairs $model plane=x
refuse "a node beyond the machine" "node must be 0 to 1" pairs $model dies=32 degrade=node=7:0.5
refuse "a profile that is none" "cloudmatrix384-ub" latency $model profile=cloudmatrix384-ubb
finish
