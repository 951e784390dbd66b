#!/bin/bash
# Plug-ins: built outside the tree with the installed header alone; checked, listed, run, recorded;
# each fault is one line.
. tests/cli/lib.sh
prefix=$tmp/prefix
config=$(sed -n 's:^build/\([a-z]*\)/snbench$:\1:p' <<<"$SNBENCH")
make -s install CONFIG="${config:-release}" PREFIX="$prefix" >"$tmp/install.log" 2>&1 && ok "make install" ||
    not_ok "make install: $(tail -n 2 "$tmp/install.log")"
mkdir "$tmp/own"
cp tests/plugins/*.c "$tmp/own"
snbench=$SNBENCH
case $snbench in /*) ;; *) snbench=$PWD/$snbench ;; esac
root=$PWD
cd "$tmp/own" || exit 1

# build OUT SOURCE FLAGS...: no header but the installed one, no symbol of snbench.
build() {
    local out=$1 source=$2
    shift 2
    if ${CC_PLUGIN:-cc} -std=c11 -D_GNU_SOURCE -Wall -Wextra -Wno-unused -I "$prefix/include" -shared -fPIC -O2 "$@" -o "$out" \
        "$source" 2>"$tmp/cc.log" && ! [ -s "$tmp/cc.log" ]; then
        ok "$out compiles against the installed header"
    else
        not_ok "$out compiles against the installed header: $(head -n 3 "$tmp/cc.log" | tr '\n' ' ')"
    fi
}
build gemm.so gemm.c -O3
build gemm-wrong.so gemm.c -O3 -DWRONG
build shm.so shm.c
build copy.so shm.c -DUNMAPPED
build shm-wrong.so shm.c -DWRONG
build queue.so queue.c
build queue-wrong.so queue.c -DWRONG
if command -v c++ >/dev/null; then
    printf '#include <snbench.h>\nint main() { return SN_ABI_VERSION == 0; }\n' >h.cc
    c++ -std=c++17 -Wall -Wextra -Werror -I "$prefix/include" -c -o h.o h.cc 2>"$tmp/cc.log" && ok "the header is C++ too" ||
        not_ok "the header is C++ too: $(head -n 3 "$tmp/cc.log" | tr '\n' ' ')"
fi

# The example of kernels/README.md is what it says.
sed -n '/#include <snbench.h>/,/^$/s/^    //p' "$root/kernels/README.md" >readme.c
[ "$(wc -l <readme.c)" -le 30 ] && ok "the README's example has 30 lines" || not_ok "the README's example has 30 lines: $(wc -l <readme.c)"
build readme.so readme.c

# What is listed and described.
expect "list kernels" 0 "$snbench" list kernels --plugin gemm.so
says -o "lists the plug-in's" "gemm mine_strips"
expect "describe" 0 "$snbench" describe gemm --plugin ./gemm.so
says -o "its name is a word of the axis" "mine_strips"
expect "list transports" 0 "$snbench" list transports --plugin shm.so --plugin "$PWD/copy.so" --plugin queue.so
for t in posix posix-copy queue p2p; do says -o "lists $t" "  $t "; done
expect "without the plug-in" 2 "$snbench" run gemm variant=mine_strips
says "the word is unknown" "mine_strips"

# A kernel: measured beside the reference, recorded.
quick="--budget 20ms --samples 6:30 -q"
expect "a kernel runs" 0 "$snbench" run gemm m=8 n=64 k=64 variant=all --plugin gemm.so $quick -o k
grep -q '"variant":"mine_strips".*"status":"ok"' k/rows.jsonl && ok "has its row" || not_ok "has its row: $(tail -n 1 k/rows.jsonl | cut -c 1-300)"
sum=$(sha256sum gemm.so | cut -d ' ' -f 1)
tr -d ' \n' <k/manifest.json | grep -q "\"path\":\"$PWD/gemm.so\",\"sha256\":\"$sum\",\"name\":\"mine\",\"kernels\":\[{\"op\":\"gemm\",\"name\":\"mine_strips\",\"checked\":true}" &&
    ok "the manifest records it" || not_ok "the manifest records it: $(grep -A 6 '"plugins"' k/manifest.json | tr -d ' \n')"
expect "verify" 0 "$snbench" verify k
expect "report needs no plug-in" 0 "$snbench" report k
says -o "and shows the variant" "mine_strips"
says -o "and what it came from" "SHA-256 $sum"
expect "--mutate is found" 1 "$snbench" run gemm m=8 n=64 k=64 variant=mine_strips --plugin gemm.so --mutate bitflip --roofs k $quick -o m
expect "what it does not do" 0 "$snbench" run gemm m=8 n=64 k=64 out=bf16 variant=mine_strips --plugin gemm.so --roofs k $quick -o u
grep -q '"status":"skipped","reason":"writes f32 and s32 alone"' u/rows.jsonl && ok "is skipped with its reason" || not_ok "is skipped with its reason: $(cut -c 1-300 u/rows.jsonl)"
expect "resume" 0 "$snbench" run gemm m=8 n=64 k=64 variant=all --plugin gemm.so $quick --resume -o k
cp gemm.so same.so
printf 'x' >>gemm.so # bytes behind the end: another file that does the same
expect "resume with another build" 2 "$snbench" run gemm m=8 n=64 k=64 variant=all --plugin gemm.so $quick --resume -o k
says "says what differs" "plugins is"
mv same.so gemm.so
expect "launches" 0 "$snbench" run gemm m=8 n=64 k=64 variant=mine_strips --plugin gemm.so --launches 2 --roofs k $quick -o l
[ "$(grep -c '"status":"ok"' l/rows.jsonl)" = 2 ] && ok "a row of each" || not_ok "a row of each: $(wc -l <l/rows.jsonl)"

expect "the README's example runs" 0 "$snbench" run gemm m=8 n=64 k=64 a=s8 out=s32 variant=ref,mine --plugin ./readme.so --roofs k $quick -o readme
[ "$(grep -c '"status":"ok"' readme/rows.jsonl)" = 2 ] && ok "two rows" || not_ok "two rows: $(cut -c 1-300 readme/rows.jsonl)"

# Transports: every byte of every benchmark is checked, before and after.
two="--plugin shm.so --plugin copy.so --plugin queue.so"
with="transport=posix,posix-copy,queue"
expect "transports run" 0 mpiexec -n 2 "$snbench" run latency size=8,100K op=put,get,send $with $two $quick -o t
[ "$(grep -c '"status":"ok"' t/rows.jsonl)" = 18 ] && ok "18 rows" || not_ok "18 rows: $(grep -c '"status":"ok"' t/rows.jsonl)"
for b in "latency op=atomic size=8" "bandwidth size=64K" "alltoall size=4K algorithm=put" "kvread" \
    "dispatch tokens=8 hidden=128 experts=8 topk=2 algorithm=put phase=pair"; do
    expect "$b" 0 mpiexec -n 2 "$snbench" run $b $with $two --roofs t $quick -o "t-${b// /_}"
    [ "$(grep -c '"status":"ok"' "t-${b// /_}/rows.jsonl")" = 3 ] && ok "$b: three rows" || not_ok "$b: three rows: $(cut -c 1-300 "t-${b// /_}/rows.jsonl")"
done
expect "--mutate is found with transports" 1 mpiexec -n 2 "$snbench" run bandwidth size=4K $with $two --mutate bitflip --roofs t $quick -o tm
[ "$(grep -c '"status":"failed"' tm/rows.jsonl)" = 3 ] && ok "in each" || not_ok "in each: $(grep -c '"status":"failed"' tm/rows.jsonl)"
tr -d ' \n' <t/manifest.json | grep -q '"transports":\["posix-copy"\]' && ok "the manifest records them" || not_ok "the manifest records them: no"
left=$(ls /dev/shm 2>/dev/null | grep -c snbench-example)
[ "$left" = 0 ] && ok "nothing is left in /dev/shm" || not_ok "nothing is left in /dev/shm: $left files"

# faulty CODE TEXT OPTIONS...: one line with the file and TEXT, and the exit code; from `run` as from `list`, nothing written.
faulty() {
    local code=$1 text=$2
    shift 2
    expect "$*: exit $code" "$code" "$snbench" list kernels "$@"
    says "$*: says why" "$text"
    says "$*: names the file" "--plugin ${2}: "
    lines "$*: one line" 1
}
faulty 1 "plug-in mine: kernel gemm mine_strips: fails its check" --plugin gemm-wrong.so
faulty 1 "plug-in posix: transport posix: fails its check: put()" --plugin shm-wrong.so
faulty 1 "plug-in queue: transport queue: fails its check: recv()" --plugin queue-wrong.so
faulty 2 "No such file" --plugin none.so
faulty 2 "is no file" --plugin .
faulty 2 "cannot be loaded" --plugin gemm.c
: >empty.so && faulty 2 "cannot be loaded" --plugin empty.so
expect "the same name twice" 2 "$snbench" list kernels --plugin gemm.so --plugin ./gemm.so
says "says where the first is from" "plug-in mine: there is one of that name already, from gemm.so"
lines "in one line" 1
expect "no value" 2 "$snbench" list kernels --plugin
expect "report has no plug-ins" 2 "$snbench" report k --plugin gemm.so

# broken FLAG CODE TEXT
broken() {
    ${CC_PLUGIN:-cc} -std=c11 -D_GNU_SOURCE -w -I "$prefix/include" -shared -fPIC -O1 "-DFAULT_$1" ${4:-} -o "$1.so" broken.c ||
        not_ok "$1.so compiles: no"
    faulty "$2" "$3" --plugin "$1.so"
}
broken SYMBOL 2 "has no symbol 'sn_plugin'"
version=$(sed -n 's/#define SN_ABI_VERSION \([0-9]*\)u/\1/p' "$prefix/include/snbench.h") next=$((version + 1))
broken VERSION 2 "is a plug-in for version $next of snbench.h"
broken SIZE 2 "(descriptor of 48 bytes); this is version $version (40 bytes)"
broken UNNAMED 2 "has no name"
broken EMPTY 2 "plug-in faulty: it brings neither a kernel nor a transport"
broken UNDEFINED 2 "undefined symbol: defined_nowhere"
broken CONSTRUCTOR 2 "while it is loaded: it crashed with SIGSEGV"
broken GARBAGE 2 "plug-in faulty: while its descriptors are read: it crashed with SIGSEGV"
broken KERNEL_VERSION 2 "plug-in faulty: a kernel for version $next"
broken KERNEL_SIZE 2 "plug-in faulty: a kernel for version $version of snbench.h (descriptor of"
broken OP 2 "plug-in faulty: kernel broken: unknown operation 'gem'; did you mean 'gemm'?"
broken TAKEN 2 "plug-in faulty: kernel ref: there is a variant of gemm of that name already"
broken NAME 2 "plug-in faulty: kernel two,words: a name is made of letters"
broken ISA 2 "plug-in faulty: kernel broken: unknown isa 'avx9'"
broken HOOK 2 "plug-in faulty: kernel broken: its hook 'run' is missing"
check="plug-in faulty: kernel gemm broken:"
broken PREPARE 1 "$check fails its check: gemm broken: prepare() failed"
broken NOTHING 1 "$check fails its check:"
broken SEGV 1 "$check in its check, m="
says "and how" "it crashed with SIGSEGV"
broken ILL 1 "it crashed with SIGILL"
broken FPE 1 "it crashed with SIGFPE"
broken ABORT 1 "it crashed with SIGABRT"
broken EXIT 1 "it ended the process with exit code 0"
broken BEYOND 1 "it crashed with SIGSEGV"
broken LOOP 1 "it did not end within 5 s of processor time"
broken TRANSPORT 1 "plug-in faulty: transport broken: fails its check: open(): out of order"
broken TRANSPORT_CRASH 1 "plug-in faulty: transport broken: in the check of its open(): it crashed with SIGSEGV" -DFAULT_TRANSPORT
broken TRANSPORT_HOOK 2 "plug-in faulty: transport broken: its hook 'add' is missing" -DFAULT_TRANSPORT
broken TRANSPORT_TAKEN 2 "plug-in faulty: transport shm: there is one of that name already" -DFAULT_TRANSPORT

# On several ranks the line is still one, the code the same, and nothing is written.
expect "a crash on 2 ranks" 1 mpiexec -n 2 "$snbench" run gemm --plugin SEGV.so -o x
says "says why" "it crashed with SIGSEGV"
lines "in one line" 1
expect "a missing file on 2 ranks" 2 mpiexec -n 2 "$snbench" run gemm --plugin none.so -o x
lines "in one line" 1
[ -e x ] && not_ok "nothing is written: x exists" || ok "nothing is written"
# A file that only one rank lacks is everyone's failure, with that rank's words.
expect "a file that one rank lacks" 2 mpiexec -n 1 "$snbench" run gemm --plugin gemm.so -o x : -n 1 "$snbench" run gemm --plugin none.so -o x
says "names the rank" "rank 1: --plugin none.so: No such file"
lines "in one line" 1
cd / && finish
