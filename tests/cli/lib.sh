# Helpers of the command-line tests: source it, call the functions, end with `finish`.
# $SNBENCH is the program; tests run from the repository's root and write only below $tmp.
set -u
SNBENCH=${SNBENCH:-build/snbench}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failures=0
. tests/mpiexec.sh

ok() {
    echo "ok $*"
}
not_ok() { # NAME: why
    echo "not ok $*"
    failures=$((failures + 1))
}
# expect NAME CODE COMMAND...: runs it; $out and $err hold what it printed, $rc its exit code.
expect() {
    local name=$1 want=$2
    shift 2
    "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    rc=$?
    out=$(cat "$tmp/out")
    err=$(cat "$tmp/err")
    if [ $rc = "$want" ]; then
        ok "$name"
    else
        not_ok "$name: exit code $rc, expected $want; stderr: $(tail -n 3 "$tmp/err" | tr '\n' ' ')"
    fi
}
# says NAME TEXT: the last command's standard error (or, with -o, output) contains TEXT.
says() {
    local where=$err
    [ "$1" = -o ] && where=$out && shift
    case $where in
    *"$2"*) ok "$1" ;;
    *) not_ok "$1: does not say '$2' but: $(head -n 3 <<<"$where" | tr '\n' ' ')" ;;
    esac
}
# lines NAME N: the last command's standard error has N lines.
lines() {
    local n
    n=$(grep -c . "$tmp/err")
    if [ "$n" = "$2" ]; then ok "$1"; else not_ok "$1: $n lines on standard error, expected $2: $(head -n 4 "$tmp/err" | tr '\n' '|')"; fi
}
finish() {
    exit $((failures > 0))
}
# measure_roofs: measures them once on 2 ranks; runs with $roofs then start without two seconds of it.
measure_roofs() {
    expect "a run that measures the roofs" 0 mpiexec -n 2 "$SNBENCH" run latency size=8 --budget 20ms -q -o "$tmp/roofs"
    roofs="--roofs $tmp/roofs"
}
