#!/bin/bash
# Nothing hangs, nothing written is lost: time-outs, signals, kills, resume.
. tests/cli/lib.sh
# `env mpiexec`: where its process id counts; mpiexec alone is a function.
measure_roofs
quick="--budget 30ms --samples 6:40 $roofs"
begin=$SECONDS
expect "a hung rank ends with exit 5" 5 mpiexec -n 2 "$SNBENCH" run latency size=8 --inject hang=1 --timeout 5s $quick -o "$tmp/h"
[ $((SECONDS - begin)) -le 8 ] && ok "soon after the time-out" || not_ok "soon after the time-out: $((SECONDS - begin)) s"
lines "one line" 1
says "names the case" "latency"
says "names the phase" "sample"
says "names the rank" "rank 1"
grep -q '"status":"failed"' "$tmp/h/rows.jsonl" && ok "its row is stored as failed" || not_ok "its row is stored as failed: no"

# Killed at random instants, then resumed: the same ids, once each, all parse.
cases="latency size=8:4M:*2 op=get,put" # 40 of them
slow="--budget 60ms --samples 1000000:1000000 $roofs" # every case takes its budget: 2.4 s and more
mpiexec -n 2 "$SNBENCH" run $cases $slow --dry-run | grep -oE '^[0-9a-f]{16} ' | tr -d ' ' | sort >"$tmp/plan"
[ "$(wc -l <"$tmp/plan")" = 40 ] && ok "40 cases" || not_ok "40 cases: $(wc -l <"$tmp/plan")"
midway=0
for round in ${KILL_ROUNDS:-1 2 3 4}; do
    d=$tmp/k$round
    env mpiexec -n 2 "$SNBENCH" run $cases $slow -o "$d" >/dev/null 2>&1 &
    pid=$!
    if [ $((round % 2)) = 0 ]; then # every other kill certainly hits a run that has rows
        for i in $(seq 200); do
            [ -s "$d/rows.jsonl" ] && break
            sleep 0.05
        done
    fi
    sleep "$(awk -v r=$RANDOM 'BEGIN { print r / 32768 }')"
    # The ranks, not only the launcher: that is what a lost machine looks like.
    for p in $(pgrep -f -- "-o $d\$"); do kill -KILL "$p" 2>/dev/null; done
    wait $pid 2>/dev/null
    before=0
    [ -f "$d/rows.jsonl" ] && before=$(wc -l <"$d/rows.jsonl")
    [ "$before" -gt 0 ] && [ "$before" -lt 40 ] && midway=1
    expect "resume after kill $round ($before rows)" 0 mpiexec -n 2 "$SNBENCH" run $cases $slow --resume -o "$d"
    grep -o '"id":"[0-9a-f]*"' "$d/rows.jsonl" | cut -d'"' -f4 | sort >"$tmp/got"
    cmp -s "$tmp/plan" "$tmp/got" && ok "the planned ids once each ($round)" || not_ok "the planned ids once each ($round): $(diff "$tmp/plan" "$tmp/got" | head -n 3 | tr '\n' ' ')"
    expect "verify after resume $round" 0 "$SNBENCH" verify "$d"
done

[ $midway = 1 ] && ok "a kill hit a run midway" || not_ok "a kill hit a run midway: none did; nothing was tested"

# A failed row stays failed when the run is resumed; the exit code says so.
expect "a failed case" 1 mpiexec -n 2 "$SNBENCH" run latency size=8,64 --mutate bitflip $quick -o "$tmp/f"
expect "resumed, it still fails" 1 mpiexec -n 2 "$SNBENCH" run latency size=8,64 --mutate bitflip --resume $quick -o "$tmp/f"
expect "resumed as another experiment" 2 mpiexec -n 2 "$SNBENCH" run latency size=8,64 --resume $quick -o "$tmp/f"
says "the difference is named" "mutate"

for s in INT TERM; do
    d=$tmp/s$s
    env mpiexec -n 2 "$SNBENCH" run $cases --budget 300ms --samples 6:20 $roofs -o "$d" >"$tmp/so" 2>&1 &
    pid=$!
    for i in $(seq 200); do # until there is something to lose
        [ -s "$d/rows.jsonl" ] && break
        sleep 0.1
    done
    for p in $(pgrep -f "$SNBENCH run .*-o $d\$" | grep -v "^$pid\$"); do kill -$s "$p" 2>/dev/null; done
    wait $pid
    rc=$?
    [ $rc != 0 ] && ok "SIG$s ends the run ($rc)" || not_ok "SIG$s ends the run: exit 0"
    [ -s "$d/rows.jsonl" ] && ok "SIG$s: rows stay" || not_ok "SIG$s: rows stay: none"
    grep -q '"interrupted"' "$d/manifest.json" && ok "SIG$s: the manifest says so" || not_ok "SIG$s: the manifest says so: no"
    expect "resume after SIG$s" 0 mpiexec -n 2 "$SNBENCH" run $cases --budget 300ms --resume $roofs --samples 6:20 -o "$d"
done
finish
