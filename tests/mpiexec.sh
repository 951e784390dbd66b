# mpiexec -n N COMMAND...: as ever, but ranks that outnumber cores give theirs away while they wait (yield.c, the
# file $SNBENCH_YIELD).
mpiexec() {
    if [ "$1" = -n ] && [ "$2" -gt "$(nproc)" ] && [ -f "${SNBENCH_YIELD:-}" ]; then
        set -- -genv LD_PRELOAD "$SNBENCH_YIELD" "$@"
    fi
    command mpiexec "$@"
}
export -f mpiexec
