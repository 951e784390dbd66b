#!/bin/bash
# Dispatch: every algorithm checked token by token; every mutation found and named.
. tests/cli/lib.sh
measure_roofs
quick="--budget 30ms --samples 6:20 $roofs"
shape="ep=2 experts=16 topk=8 tokens=16 hidden=512"
expect "all algorithms" 0 mpiexec -n 2 "$SNBENCH" run dispatch $shape dtype=bf16,int8,fp8 \
    algorithm=alltoallv,pairwise,put,hier transport=shm node=1 $quick -o "$tmp/d"
n=$(grep -c '"status":"ok"' "$tmp/d/rows.jsonl")
[ "$n" = 36 ] && ok "36 rows ok" || not_ok "36 rows ok: $n"
# The workload of a row does not depend on how many repetitions the machine made: fixed draws.
expect "another budget" 0 mpiexec -n 2 "$SNBENCH" run dispatch $shape dtype=bf16,int8,fp8 \
    algorithm=alltoallv,pairwise,put,hier transport=shm node=1 --budget 10ms --samples 6:9 $roofs -o "$tmp/d2"
bytes() { grep -o '"bytes":{[^}]*}' "$1/rows.jsonl"; }
[ -n "$(bytes "$tmp/d")" ] && [ "$(bytes "$tmp/d")" = "$(bytes "$tmp/d2")" ] && ok "another budget, the same bytes" || not_ok "another budget, the same bytes: they differ"
expect "verify" 0 "$SNBENCH" verify "$tmp/d"
for m in bitflip swap drop wrong-rank; do
    for a in alltoallv put; do
        expect "--mutate $m is found ($a)" 1 mpiexec -n 2 "$SNBENCH" run dispatch $shape algorithm=$a --mutate $m $quick -o "$tmp/$m-$a"
        says "--mutate $m names the first wrong token ($a)" "token "
        expect "--mutate $m of combined tokens is found ($a)" 1 mpiexec -n 2 "$SNBENCH" run dispatch $shape algorithm=$a phase=combine --mutate $m $quick -o "$tmp/$m-$a-combine"
        says "--mutate $m of combined tokens names value and token ($a)" "combined value"
    done
done
for op in get put; do
    expect "latency --mutate bitflip ($op)" 1 mpiexec -n 2 "$SNBENCH" run latency size=64 op=$op --mutate bitflip $quick -o "$tmp/lat-$op"
done
expect "more endpoints than ranks" 0 mpiexec -n 2 "$SNBENCH" run dispatch ep=16 experts=64 topk=8 tokens=8 hidden=256 \
    algorithm=alltoallv,put,hier phase=pair shared=16 redundant=16 node=8 $quick -o "$tmp/ep16"
grep -q '"origin":"emulated"' "$tmp/ep16/rows.jsonl" && ok "more endpoints than ranks is emulated" || not_ok "more endpoints than ranks is emulated: no"
expect "hier on one node" 0 mpiexec -n 2 "$SNBENCH" run dispatch $shape algorithm=hier node=2 phase=pair $quick -o "$tmp/hier1"
grep -q '"status":"skipped".*hier needs more than one node' "$tmp/hier1/rows.jsonl" && ok "hier on one node is skipped with a reason" || not_ok "hier on one node is skipped with a reason: $(cat "$tmp/hier1/rows.jsonl")"
printf '# die rank\n0 1\n1 0\n' >"$tmp/map"
expect "--map" 0 mpiexec -n 2 "$SNBENCH" run dispatch $shape algorithm=put phase=pair --map "$tmp/map" $quick -o "$tmp/map-run"
finish
