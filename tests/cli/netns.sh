#!/bin/bash
# Several real hosts on one machine: four network namespaces on a bridge, MPICH across them, one host slowed by
# tc's token bucket. `diagnose` names it, and nothing where nothing is slow. Skips where the machine does not
# allow namespaces. All links are slow on purpose, so that tc decides the times and not the load of the machine.
. tests/cli/lib.sh
hosts=$PWD/tests/cli/netns/hosts.sh

skip() {
    ok "several hosts # skipped: $*"
    finish
}
for c in ip tc unshare renice; do
    command -v $c >/dev/null || skip "there is no $c"
done
mpiexec -help 2>&1 | grep -q launcher-exec || skip "mpiexec is not MPICH's Hydra"
if [ -z "${NETNS_INSIDE:-}" ]; then
    new="unshare --net --mount --uts"
    [ "$(id -u)" = 0 ] || new="$new --user --map-root-user"
    why=$($new bash "$hosts" up 40mbit 2>&1 && $new bash -c "bash $hosts up 40mbit && ip netns exec h0 unshare --uts true" 2>&1) ||
        skip "no namespaces or no token bucket here: $(tail -n 1 <<<"$why")"
    # A session of its own, ahead of other work where we may: what else runs here is no slow link.
    NETNS_INSIDE=1 exec setsid -w $new bash "$0"
fi
{ echo -20 >/proc/self/autogroup; } 2>/dev/null
bash "$hosts" up 40mbit || skip "the hosts do not come up"
export UCX_TLS=tcp UCX_NET_DEVICES=eth0 FI_PROVIDER=tcp FI_TCP_IFACE=eth0
across() { # COMMAND...: on a rank of each host
    timeout -k 5 120 mpiexec -launcher ssh -launcher-exec "$hosts" -localhost 10.77.0.1 \
        -hosts 10.77.0.10,10.77.0.11,10.77.0.12,10.77.0.13 -n 4 "$@"
}
across hostname >"$tmp/names" 2>&1 || skip "MPI does not start across the hosts: $(tail -n 1 "$tmp/names")"
if [ "$(sort "$tmp/names" | tr '\n' ' ')" = "h0 h1 h2 h3 " ]; then ok "four hosts"; else not_ok "four hosts: $(tr '\n' ' ' <"$tmp/names")"; fi

expect "roofs" 0 across "$SNBENCH" run latency op=send transport=p2p size=8 --samples 5:8 --budget 50ms -q -o "$tmp/roofs"
roofs="--roofs $tmp/roofs"

# diagnosed NAME CODE: runs pairs and diagnoses; where noise hides the answer, one run more, up to 4 together.
diagnosed() {
    local name=$1 want=$2 dirs= i
    for i in 1 2 3 4; do
        expect "$name: run $i" 0 across "$SNBENCH" run pairs transport=p2p size=256K \
            src=0:3 dst=0:3 --samples 5:8 --budget 600ms --timeout 100s $roofs -q -o "$tmp/${name// /-}-$i"
        dirs="$dirs $tmp/${name// /-}-$i"
        "$SNBENCH" diagnose $dirs --detect 4 >"$tmp/out" 2>"$tmp/err"
        [ $? = 4 ] || break
    done
    if "$SNBENCH" diagnose $dirs --detect 4 >"$tmp/out" 2>&1 || [ $? != 4 ]; then
        expect "$name" "$want" "$SNBENCH" diagnose $dirs --detect 4
        [ "$rc" = "$want" ] || cat "$tmp/out"
    else
        ok "$name # skipped: this machine is too busy: $(grep -o 'Inconclusive: [^;]*' "$tmp/out")"
        return 1
    fi
}
# names TEXT: the only finding begins with TEXT
names() {
    local all
    all=$(grep -E '^- (plane|node|nodes|endpoint|pair) ' <<<"$out")
    case $all in
    "- $1"*) if [ "$(wc -l <<<"$all")" = 1 ]; then ok "named alone: $1"; else not_ok "named alone: $1: $all"; fi ;;
    *) not_ok "named: $1: $all" ;;
    esac
}
diagnosed "healthy hosts" 0
if [ "$(nproc)" -lt 4 ]; then
    if grep -q '"origin":"emulated".*"sync":"round-yield"' "$tmp/healthy-hosts-1/rows.jsonl"; then
        ok "hosts that share a machine share its cores"
    else
        not_ok "hosts that share a machine share its cores: rows claim to be measured"
    fi
fi
bash "$hosts" rate 2 out 4mbit
bash "$hosts" rate 2 in 4mbit
diagnosed "a slow host" 3 && names "endpoint 2, sending and receiving:"
bash "$hosts" rate 2 in 40mbit
diagnosed "a host slow at sending" 3 && names "endpoint 2, sending:"
bash "$hosts" rate 2 out 40mbit

# Clocks that differ from host to host by 1000 s: found, and no time contains it.
export NETNS_CLOCKS=1000
if across true >/dev/null 2>&1; then
    expect "hosts with clocks of their own" 0 across "$SNBENCH" run latency op=send transport=p2p size=8 \
        --samples 5:8 --budget 500ms --timeout 100s $roofs -q -o "$tmp/clocks"
    if grep -q '"common": *false' "$tmp/clocks/manifest.json"; then ok "their clocks are found to differ"; else not_ok "their clocks are found to differ: $(grep -o '"clock": *{[^}]*}' "$tmp/clocks/manifest.json")"; fi
    if grep -q '"flags":\[[^]]*"\(synced\|local\)-clock"' "$tmp/clocks/rows.jsonl"; then ok "the row says which clock"; else not_ok "the row says which clock: $(grep -o '"flags":[^]]*' "$tmp/clocks/rows.jsonl")"; fi
    median=$(sed 's/.*"median":\([0-9.e-]*\).*/\1/' "$tmp/clocks/rows.jsonl")
    if awk "BEGIN { exit !($median > 0 && $median < 10) }"; then ok "no clock's offset is in a time"; else not_ok "no clock's offset is in a time: median $median s"; fi
else
    ok "hosts with clocks of their own # skipped: no time namespaces"
fi
finish
