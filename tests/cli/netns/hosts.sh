#!/bin/bash
# Four hosts on this machine, for tests/cli/netns.sh: run inside network and mount namespaces of its own, which
# take everything along when they end.
#
#     hosts.sh up RATE                   a bridge; hosts h0..h3 at 10.77.0.10..13, each with an eth0
#                                        that sends and receives at RATE (tc's token bucket)
#     hosts.sh rate HOST out|in RATE     another rate of what a host sends, or receives
#     hosts.sh [-x] ADDRESS COMMAND      in place of ssh: what mpiexec's launcher calls
set -eu
hosts=4
bucket() { # NAMESPACE-OPTIONS DEVICE RATE
    tc $1 qdisc replace dev $2 root tbf rate "$3" burst 16kb latency 400ms
}
case $1 in
up)
    mount -t tmpfs none /run # `ip netns` keeps its names there
    ip link set lo up
    ip link add hub type bridge
    ip addr add 10.77.0.1/24 dev hub
    ip link set hub up
    # A bridge may be told to show its packets to a firewall that is not ours.
    for f in /proc/sys/net/bridge/bridge-nf-call-*; do
        [ -w "$f" ] && echo 0 >"$f" || true
    done 2>/dev/null
    for ((i = 0; i < hosts; i++)); do
        ip netns add h$i
        ip link add port$i type veth peer name eth0 netns h$i
        ip link set port$i master hub up
        ip -n h$i link set lo up
        ip -n h$i addr add 10.77.0.1$i/24 dev eth0
        ip -n h$i link set eth0 up
        bucket "-n h$i" eth0 "$2"
        bucket "" port$i "$2"
    done
    ;;
rate)
    if [ "$3" = out ]; then bucket "-n h$2" eth0 "$4"; else bucket "" port$2 "$4"; fi
    ;;
*)
    while [ "${1#-}" != "$1" ]; do shift; done
    host=h${1##*.1}
    shift
    # Other work on this machine shall not be taken for a slow link.
    renice -n -20 $$ >/dev/null 2>&1 || true
    # NETNS_CLOCKS: clocks that differ from host to host by this many seconds
    clock=
    [ -z "${NETNS_CLOCKS:-}" ] || clock="unshare --time --monotonic $((NETNS_CLOCKS * ${host#h})) --fork --kill-child --"
    exec ip netns exec "$host" $clock unshare --uts -- sh -c "hostname $host && $*"
    ;;
esac
