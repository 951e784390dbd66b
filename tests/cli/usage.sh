#!/bin/bash
# Bad input: one clear line, exit code 2, nothing left behind. Help and lists work without MPI.
. tests/cli/lib.sh

refuse() { # NAME TEXT ARGS...
    local name=$1 text=$2
    shift 2
    expect "$name: exit 2" 2 "$SNBENCH" "$@"
    says "$name: says why" "$text"
    lines "$name: one line" 1
}
refuse "unknown axis" "did you mean 'size'" run latency sise=8 -o "$tmp/d"
refuse "empty sweep" "size=" run latency size= -o "$tmp/d"
refuse "factor 0" "*0" run latency 'size=8:4:*0' -o "$tmp/d"
refuse "out of range" "99999999999999" run latency size=99999999999999 -o "$tmp/d"
refuse "axis twice" "size" run latency size=8 size=16 -o "$tmp/d"
refuse "unknown benchmark" "did you mean 'latency'" run latancy -o "$tmp/d"
refuse "unknown word" "did you mean 'get'" run latency op=gett -o "$tmp/d"
refuse "unknown command" "did you mean 'report'" reprot
refuse "unknown option" "--resume" run latency --resum3 -o "$tmp/d"
refuse "bad ci" "2.5%" run latency --ci 300% -o "$tmp/d"
refuse "bad samples" "MIN:MAX" run latency --samples 9:3 -o "$tmp/d"
refuse "bad format" "did you mean 'json'" run latency --format jsn -o "$tmp/d"
refuse "missing suite" "missing.yaml" run --suite missing.yaml -o "$tmp/d"
refuse "nothing to run" "name a benchmark" run
refuse "unknown topic" "did you mean 'transports'" list transport
refuse "describe unknown" "did you mean 'dispatch'" describe dispach
refuse "report of nothing" "$tmp/none" report "$tmp/none"
refuse "unknown routing" "did you mean uniform" run dispatch routing=unifrom -o "$tmp/d"
refuse "missing map" "$tmp/map" run dispatch ep=2 experts=16 --map "$tmp/map" -o "$tmp/e"

printf 'name: bad\nbrief: x\ncases:\n  - bench: latency\n    axis: [size=8]\n' >"$tmp/bad.yaml"
refuse "suite with a misspelt key" "bad.yaml:5" run --suite "$tmp/bad.yaml" -o "$tmp/d"
says "the nearest key" "axes"
printf 'name: bad\nbrief: x\ncases:\n  - bench: latency\n    axes:\n      - op=get\n      - sise=8\n' >"$tmp/bad.yaml"
refuse "suite with a misspelt axis" "bad.yaml:7" run --suite "$tmp/bad.yaml" -o "$tmp/d"

if [ -e "$tmp/d" ]; then not_ok "nothing is half-written: $tmp/d exists"; else ok "nothing is half-written"; fi

# Under mpiexec the line is still one, and so is the code.
expect "usage error on 2 ranks" 2 mpiexec -n 2 "$SNBENCH" run latency sise=8
lines "one line from 2 ranks" 1

for c in run report verify diagnose compare noise list describe info; do
    expect "$c --help" 0 "$SNBENCH" $c --help
    says -o "$c --help shows usage" "usage: snbench $c"
done
expect "list" 0 "$SNBENCH" list
says -o "list names transports" "shm"
expect "version" 0 "$SNBENCH" --version
for b in $("$SNBENCH" list benchmarks | awk '{print $1}'); do
    expect "describe $b" 0 "$SNBENCH" describe "$b"
    says -o "describe $b gives its limit" "limit "
done
# These must not need MPI: in an environment in which MPI_Init cannot work they still answer.
broken="env PMI_FD=99 PMI_RANK=0 PMI_SIZE=2"
timeout 20 $broken "$SNBENCH" run latency size=8 -o "$tmp/d" >/dev/null 2>&1 && not_ok "the environment is broken: MPI_Init works in it" || ok "the environment is broken"
rm -rf "$tmp/d"
for c in "list benchmarks" "describe latency" "run --help" "--version" "report tests/golden/quick" "compare tests/golden/launches tests/golden/launches --threshold 5%"; do
    expect "$c without MPI" 0 $broken "$SNBENCH" $c
done
# Every suite can be planned, each on the clock that it is for.
for suite in bench/suites/*.yaml; do
    name=$(basename "$suite" .yaml)
    clock=wall
    grep -q 'clock=model' "$suite" && clock=model
    expect "suite $name can be planned" 0 mpiexec -n 2 "$SNBENCH" run --suite "$name" --clock=$clock --dry-run
done
finish
