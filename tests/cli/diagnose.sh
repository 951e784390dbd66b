#!/bin/bash
# `snbench diagnose` on the model clock, where the fault is known: its name, its exit code, its formats.
. tests/cli/lib.sh

# pairs NAME AXES...: rows of a model in $tmp/NAME
pairs() {
    local name=$1
    shift
    expect "run $name" 0 "$SNBENCH" run pairs --clock=model "$@" -q -o "$tmp/$name"
}
# found NAME TEXT: exactly one finding, with that name
found() {
    expect "$1 is found" 3 "$SNBENCH" diagnose "$tmp/$1"
    says -o "$1 is named" "- $2:"
    if [ "$(grep -c '^[a-z].* \(slow\|cut\)  ' <<<"$out")" = 1 ]; then ok "$1 alone is named"; else not_ok "$1 alone is named: $(head -n 12 <<<"$out" | tr '\n' '|')"; fi
}
pairs healthy src=0:63:+3 dst=0:63:+3 dies=64
expect "a healthy machine" 0 "$SNBENCH" diagnose "$tmp/healthy"
says -o "it says so" "HEALTHY"
says -o "it says what it would have seen" "Would be found"

pairs pair src=0:15 dst=0:15 degrade=pair=3-9:0.5
found pair "pair 3 -> 9"
pairs die src=0:31 dst=0:31 degrade=die=5:0.5
found die "endpoint 5, sending and receiving"
pairs node src=0:4,16:20,32:36,48:52 dst=0:4,16:20,32:36,48:52 dies=64 plane=2 degrade=node=3.link=2:0.5
found node "node 3, sending and receiving, plane 2"
pairs plane src=0:7 dst=0:7 plane=0,1,2,3,4,5,6 degrade=plane=3:0
found plane "plane 3"
says -o "a cut is called a cut" "cut: nothing passes"
pairs slowplane src=0:7 dst=0:7 plane=0,1,2,3,4,5,6 degrade=plane=3:0.5
found slowplane "plane 3"

# Several runs at once; every format.
expect "runs together" 3 "$SNBENCH" diagnose "$tmp/healthy" "$tmp/pair"
says -o "the faulty one shows" "- pair 3 -> 9:"
expect "as CSV" 3 "$SNBENCH" diagnose "$tmp/pair" --format csv
says -o "its row" "pair,sending,3,9,,slow,"
expect "as JSON" 3 "$SNBENCH" diagnose "$tmp/plane" --format json
says -o "its finding" '"kind":"plane","direction":null,"src":null,"dst":null,"plane":3,"state":"cut"'
expect "as Markdown" 3 "$SNBENCH" diagnose "$tmp/pair" --format md
says -o "its table" "| pair 3"
"$SNBENCH" diagnose "$tmp/die" --format json >"$tmp/a"
"$SNBENCH" diagnose "$tmp/die" --format json >"$tmp/b"
if cmp -s "$tmp/a" "$tmp/b"; then ok "the same rows, the same bytes"; else not_ok "the same rows, the same bytes"; fi
expect "a threshold above the fault" 0 "$SNBENCH" diagnose "$tmp/pair" --threshold 150% --detect 4

# Two nodes: a half-slow one looks like its peer, and no node is never taken for healthy; one die of a
# node is not the node; nodes of 8, every fourth die looked at.
pairs twonodes src=0:31:+3 dst=0:31:+3 plane=2 degrade=node=1.link=2:0.5
expect "one of two nodes" 4 "$SNBENCH" diagnose "$tmp/twonodes"
says -o "it says why" "Inconclusive: 2 nodes: a slow one has too few peers"
pairs threenodes src=0:47:+3 dst=0:47:+3 dies=48 plane=2 degrade=node=1.link=2:0.5
found threenodes "node 1, sending and receiving, plane 2"
pairs somedies src=0:63:+7 dst=0:63:+7 dies=64 plane=2 degrade=die=14:0.5
found somedies "endpoint 14, sending and receiving, plane 2"
pairs suite src=0:63:+3 dst=0:63:+3 dies=64 plane=2 degrade=node=1.link=2:0.5
found suite "node 1, sending and receiving, plane 2"
pairs gpus --profile=h800-deepep src=0:31:+4 dst=0:31:+4 degrade=die=8:0.5
expect "nodes of 8 are healthy but for one" 3 "$SNBENCH" diagnose "$tmp/gpus"
says -o "they are 4 nodes" "8 endpoints, 4 nodes"
pairs part src=0:63:+3 dst=0:63:+3 dies=64
grep -v '"src":12,' "$tmp/healthy/rows.jsonl" >"$tmp/part/rows.jsonl"
expect "an endpoint without rows" 4 "$SNBENCH" diagnose "$tmp/part"
says -o "it is named" "from endpoint 12 have no result"

# What cannot be told, and what cannot be read.
pairs three src=0:2 dst=0:2
expect "three endpoints are too few" 4 "$SNBENCH" diagnose "$tmp/three"
says -o "it says how many" "at least 4"
expect "no matrix" 2 "$SNBENCH" diagnose tests/golden/cut
says "it says what to run" "snbench run pairs"
lines "in one line" 1
expect "no directory" 2 "$SNBENCH" diagnose "$tmp/none"
says "it is named" "$tmp/none"
expect "nothing to diagnose" 2 "$SNBENCH" diagnose
expect "a bad level" 2 "$SNBENCH" diagnose "$tmp/pair" --alpha 2
says "a right one" "1%"
finish
