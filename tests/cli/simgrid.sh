#!/bin/bash
# The engine against SimGrid's flow model: the same network and the same traffic, makespans within 10 % where both describe the
# same system. Needs smpicc and smpirun (Debian: libsimgrid-dev); where they are missing only the export is tested.
. tests/cli/lib.sh

export_to() { # DIR PROFILE WORDS...: exports; $ours is the engine's makespan.
    local dir=$1 profile=$2
    shift 2
    expect "export $profile $*" 0 "$SNBENCH" fabric export "$@" --profile "$profile" -o "$dir"
    ours=$(awk '$1 == "makespan" { print $2 }' <<<"$out")
}

expect "no folder is a usage error" 2 "$SNBENCH" fabric export dies=16
says "says how" "-o DIR"
expect "an unknown word is a usage error" 2 "$SNBENCH" fabric export sise=8 -o "$tmp/x"
says "names the nearest" "size="
expect "an unknown form is a usage error" 2 "$SNBENCH" fabric export --format ns3 -o "$tmp/x"
expect "too few dies are a usage error" 2 "$SNBENCH" fabric export dies=1 -o "$tmp/x"
expect "an unknown profile is a usage error" 2 "$SNBENCH" fabric export --profile idael -o "$tmp/x"
says "names the nearest profile" "ideal"
# What has no counterpart there is refused, not written as another system.
expect "a port of a node is refused" 2 "$SNBENCH" fabric export --profile cloudmatrix384-vpc dies=32 -o "$tmp/x"
says "names the port" 'profile cloudmatrix384-vpc: port "vpc" is one for all dies of a node'
sed 's/spread: sprayed/spread: hashed/' comm/fabric/profiles/cloudmatrix384-ub.yaml >"$tmp/hashed.yaml"
expect "hashed links are refused" 2 "$SNBENCH" fabric export --profile "$tmp/hashed.yaml" dies=32 -o "$tmp/x"
says "says hashed" "hashes messages to links"
sed 's/uplink: {value: 28,/uplink: {value: 7,/' comm/fabric/profiles/cloudmatrix384-ub.yaml >"$tmp/thin.yaml"
expect "thin uplinks are refused" 2 "$SNBENCH" fabric export --profile "$tmp/thin.yaml" dies=32 -o "$tmp/x"
says "says uplinks" "uplinks carry less than its 16 dies send"
expect "thin uplinks that nothing uses" 0 "$SNBENCH" fabric export --profile "$tmp/thin.yaml" dies=16 -o "$tmp/thin"
sed '/^  package:/,/^  node:/{/^  node:/!d}' comm/fabric/profiles/cloudmatrix384-ub.yaml >"$tmp/path.yaml"
expect "a path that is not there is refused" 2 "$SNBENCH" fabric export --profile "$tmp/path.yaml" dies=3 traffic=incast -o "$tmp/x"
says "says which" 'no path `package`'
lines "in one line" 1
[ -e "$tmp/x" ] && not_ok "nothing is written: $tmp/x exists" || ok "nothing is written"
export_to "$tmp/a" ideal dies=16 traffic=alltoall size=120K
[ "$(wc -l <"$tmp/a/traffic.txt")" = 240 ] && ok "a line per message" || not_ok "a line per message: $(wc -l <"$tmp/a/traffic.txt")"
cp -r "$tmp/a" "$tmp/b"
export_to "$tmp/a" ideal dies=16 traffic=alltoall size=120K
diff -r "$tmp/a" "$tmp/b" >/dev/null && ok "the same files again" || not_ok "the same files again: they differ"

grep -q 'traffic=alltoall size=122880 order=rotated seed=1' "$tmp/a/platform.xml" && ! grep -q seed <<<"$out" && ok "nothing random: no seed is printed" || not_ok "nothing random: no seed is printed: $out"
export_to "$tmp/c" ideal dies=4 traffic=skewed seed=7
grep -qx "seed 7" <<<"$out" && ok "random: the seed is printed" || not_ok "random: the seed is printed: $out"
expect "the help says a directory" 0 "$SNBENCH" fabric export --help
says -o "the help says a directory: -o DIR" "-o DIR"
grep -q -- "--out FILE" <<<"$out" && not_ok "the help says no file: $out" || ok "the help says no file"

if ! command -v smpicc >/dev/null || ! command -v smpirun >/dev/null; then
    ok "against SimGrid # skipped: smpicc or smpirun is not here (libsimgrid-dev)"
    finish
fi
# The program wants SimGrid's mpi.h and none of this build's flags.
env -u CFLAGS smpicc -O1 tests/cli/simgrid/replay.c -o "$tmp/replay" >"$tmp/smpicc.log" 2>&1 ||
    { not_ok "replay.c builds: $(tail -n 2 "$tmp/smpicc.log" | tr '\n' ' ')"; finish; }

theirs_of() { # DIR DIES
    tests/cli/simgrid/smpirun.sh "$1" "$2" "$tmp/replay" "$1/traffic.txt" 2>"$tmp/smpirun.log" | awk '$1 == "makespan" { print $2 }'
}

# compare NAME DIES LOW HIGH: ours / theirs must lie between.
compare() {
    local theirs
    theirs=$(theirs_of "$tmp/t" "$2")
    if awk -v a="$ours" -v b="${theirs:-0}" -v lo="$3" -v hi="$4" 'BEGIN { exit !(b > 0 && a / b >= lo && a / b <= hi) }'; then
        ok "$1: $ours s, SimGrid $theirs s"
    else
        not_ok "$1: $ours s, SimGrid ${theirs:-nothing: $(tail -n 1 "$tmp/smpirun.log")}, ratio must be $3 to $4"
    fi
}

for dies in 16 64; do
    for profile in ideal cloudmatrix384-ub; do
        for traffic in alltoall skewed incast; do
            export_to "$tmp/t" $profile dies=$dies traffic=$traffic size=120K
            compare "$traffic on $dies dies of $profile" $dies 0.9 1.1
        done
    done
done
# Not the same system: in a flow model all messages of a die leave at once and the order of sending is lost, while a die of the
# engine sends one after another. Where all start at die 0 every receiver is idle half of the time: twice as long.
export_to "$tmp/t" ideal dies=64 traffic=alltoall size=120K order=same
compare "all-to-all from die 0 on takes twice as long as SimGrid's flows" 64 1.8 2
finish
