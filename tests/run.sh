#!/bin/bash
# Runs all tests and closes with one line for all of them: N passed, N failed.
#
#     tests/run.sh [--fast] BUILD_DIR PROGRAM
#
# Every kind prints "ok NAME" and "not ok NAME: why" lines; only the latter and one line per group are shown.
# --fast: unit and command-line tests only.
fast=0
[ "$1" = --fast ] && fast=1 && shift
build=$1
export SNBENCH=$2
passed=0 failed=0
export OMP_NUM_THREADS=1
# The sanitizers see our code, not the MPI library's own leaks; they must not stop at UCX's memory hooks.
# Their exit code is none of ours, so that no test takes a finding for an expected failure.
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=0:exitcode=99:verify_asan_link_order=0}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:exitcode=99}
seconds_fuzz=${FUZZ_SECONDS:-3}

# Groups run $together at a time, and are told in the order in which they began; each writes its lines into a file of its
# own under $out. No test judges a speed, but runs measure their roofs, which have a self-test that a busy machine fails:
# only groups that measure nothing run beside each other.
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
started=0 told=0 together=1

# group NAME LIMIT_SECONDS COMMAND...: starts it as soon as a place is free.
group() {
    local n=$started
    [ "$(jobs -rp | wc -l)" -lt $together ] || wait -n
    started=$((started + 1))
    one "$@" >"$out/$n.new" 2>&1 && mv "$out/$n.new" "$out/$n" &
    tell
}

# one NAME LIMIT_SECONDS COMMAND...: runs it, counts its lines, and counts an exit without a reason as a failure.
one() {
    local name=$1 limit=$2 lines rc ok bad start=$SECONDS
    shift 2
    lines=$(timeout -k 5 "$limit" "$@" 2>&1)
    rc=$?
    ok=$(grep -c '^ok ' <<<"$lines")
    bad=$(grep -c '^not ok ' <<<"$lines")
    if [ $((ok + bad)) = 0 ] || { [ $rc != 0 ] && [ "$bad" = 0 ]; }; then
        bad=$((bad + 1))
        echo "not ok $name: exit code $rc after $ok tests; its last lines:"
        tail -n 15 <<<"$lines" | sed 's/^/    /'
    elif [ "$bad" != 0 ]; then
        # a failure, and what was printed around it
        grep -A 6 '^not ok ' <<<"$lines" | head -n 60
    fi
    printf '  %-28s %4d passed %3d failed  %3d s\n' "$name" "$ok" "$bad" $((SECONDS - start))
}

# tell: prints what has ended and is next in order, and adds it up from the closing line.
tell() {
    local words
    while [ -f "$out/$told" ]; do
        cat "$out/$told"
        words=$(tail -n 1 "$out/$told" | sed -E 's/.* ([0-9]+) passed +([0-9]+) failed .*/\1 \2/')
        passed=$((passed + ${words% *})) failed=$((failed + ${words#* }))
        told=$((told + 1))
    done
}

. tests/mpiexec.sh
export SNBENCH_YIELD=$PWD/$build/tests/yield.so

unit() {
    ASAN_OPTIONS=detect_leaks=1:exitcode=99 "$build/tests/unit" --tap=- --timeout 120 "$@"
}
export -f unit
export build

group unit 600 bash -c unit
for t in tests/cli/*.sh; do
    [ "$t" = tests/cli/lib.sh ] && continue
    group "cli $(basename "$t" .sh)" 600 bash "$t"
done
if [ $fast = 0 ]; then
    for t in "$build"/tests/mpi-*; do
        [ -x "$t" ] && [ -f "$t" ] || continue
        case $t in *.last) continue ;; esac
        for n in 1 2 4 7; do
            group "$(basename "$t") on $n ranks" 300 bash -c "mpiexec -n $n $t"
        done
    done
    wait
    together=2
    for t in kernels kernels-emulated; do
        [ -x "$build/tests/$t" ] && group "$t" 300 env OMP_NUM_THREADS=2 OMP_WAIT_POLICY=passive "$build/tests/$t" --seconds "${KERNEL_SECONDS:-80}"
    done
    for t in "$build"/tests/fuzz-*; do
        case $t in *.last) continue ;; esac
        group "$(basename "$t")" $((seconds_fuzz + 60)) "$t" --seconds "$seconds_fuzz" "tests/fuzz/corpus/$(basename "${t#*fuzz-}")"
    done
fi
wait
tell
[ $told = $started ] || failed=$((failed + started - told))
echo "$passed passed, $failed failed"
[ $failed = 0 ]
