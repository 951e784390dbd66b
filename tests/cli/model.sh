#!/bin/bash
# Dispatch on the model clock: the same rows on any number of ranks, legs that add up, mutations
# found, axes of the other clock refused. How long it takes is not tested.
. tests/cli/lib.sh
shape="tokens=16 hidden=512 experts=24 topk=4"
model="run dispatch --clock=model $shape"
all="$model ep=40 shared=4 redundant=4 algorithm=alltoallv,pairwise,put,hier node=4 order=rotated,random"
for n in 1 2 4 7; do
    expect "every algorithm and order on $n ranks" 0 mpiexec -n $n "$SNBENCH" $all -q -o "$tmp/n$n"
    cmp -s "$tmp/n1/rows.jsonl" "$tmp/n$n/rows.jsonl" && ok "rows of $n ranks" || not_ok "rows of $n ranks: not those of one"
done
n=$(grep -c '"status":"ok"' "$tmp/n1/rows.jsonl")
[ "$n" = 24 ] && ok "24 rows ok" || not_ok "24 rows ok: $n"
expect "verify" 0 "$SNBENCH" verify "$tmp/n1"

# A pair takes what its legs take, draw by draw: rows come as dispatch, combine, pair.
samples() { grep -o "\"phase\":\"$1\".*\"samples_s\":\[[^]]*\]" "$tmp/n1/rows.jsonl" | sed 's/.*\[//; s/\]//'; }
paste -d';' <(samples dispatch) <(samples combine) <(samples pair) | awk -F';' '
    { n = split($1, a, ","); split($2, b, ","); split($3, c, ",")
      for (i = 1; i <= n; i++) { all++; d = a[i] + b[i] - c[i]; bad += d > 1e-14 || d < -1e-14 } }
    END { exit !(all == 8 * 7 && bad == 0) }' && ok "pair = dispatch + combine" || not_ok "pair = dispatch + combine: it is not"

# Every part of a row is at least 0 and they add up to the median; no row is below its bound.
for word in launch quantise inject latency flags reduce counts pack; do
    grep -q "\"part\":\"$word\"" "$tmp/n1/rows.jsonl" && ok "a part is $word" || not_ok "a part is $word: none"
done
awk '{ match($0, /"median":[^,]*/); t = substr($0, RSTART + 9, RLENGTH - 9)
       match($0, /"limit_s":[^,]*/); l = substr($0, RSTART + 10, RLENGTH - 10)
       match($0, /"breakdown":\[[^]]*/); n = split(substr($0, RSTART, RLENGTH), p, "\"s\":"); s = 0
       for (i = 2; i <= n; i++) { v = p[i] + 0; if (v < 0) bad++; s += v }
       d = s - t; if (d > 1e-14 || d < -1e-14 || l + 0 > t + 0) bad++ }
     END { exit !(NR == 24 && bad == 0) }' "$tmp/n1/rows.jsonl" && ok "parts add up, bounds hold" || not_ok "parts add up, bounds hold: not in every row"

# EP320 as it is deployed, and with dies that hold no expert.
expect "EP320, 320 slots" 0 "$SNBENCH" run dispatch --clock=model ep=320 shared=32 redundant=32 tokens=8 phase=pair -q -o "$tmp/slots"
grep -q '"flags":\["extrapolated"\]' "$tmp/slots/rows.jsonl" && ok "EP320 is extrapolated" || not_ok "EP320 is extrapolated: $(grep -o '"flags":[^]]*]' "$tmp/slots/rows.jsonl")"
expect "EP320, 256 slots" 0 "$SNBENCH" run dispatch --clock=model ep=320 tokens=8 phase=pair -q -o "$tmp/idle"
grep -q '"flags":\[[^]]*"idle-dies"' "$tmp/idle/rows.jsonl" && ok "idle dies are flagged" || not_ok "idle dies are flagged: no"

# A cut plane costs; another draw of arrivals; other forms of the flags.
expect "a cut plane" 0 "$SNBENCH" $model ep=64 phase=dispatch degrade=none,plane=3:0 profile=cloudmatrix384-ub -q -o "$tmp/cut"
medians() { grep -o '"median":[^,]*' "$1/rows.jsonl" | cut -d: -f2; }
medians "$tmp/cut" | awk '{ t[NR] = $1 } END { exit !(NR == 2 && t[2] > t[1]) }' && ok "a cut plane is slower" || not_ok "a cut plane is slower: $(medians "$tmp/cut" | tr '\n' ' ')"
expect "late dies" 0 "$SNBENCH" $model ep=16 phase=dispatch "skew=none,late(50us)" -q -o "$tmp/late"
medians "$tmp/late" | awk '{ t[NR] = $1 } END { d = t[2] - t[1]; exit !(NR == 2 && d > 40e-6 && d < 60e-6) }' && ok "a die late by 50 us" || not_ok "a die late by 50 us: $(medians "$tmp/late" | tr '\n' ' ')"
grep -q '"skew_free_s"' "$tmp/late/rows.jsonl" && ok "the skew-free value stands beside" || not_ok "the skew-free value stands beside: it does not"
expect "forms of the flags" 0 "$SNBENCH" $model ep=64 phase=dispatch sync=linear,mean,log -q -o "$tmp/sync"
medians "$tmp/sync" | awk '{ t[NR] = $1 } END { d = t[1] + t[3] - 2 * t[2]; exit !(NR == 3 && t[1] < t[3] && d < 1e-11 && d > -1e-11) }' && ok "the mean lies between" || not_ok "the mean lies between: $(medians "$tmp/sync" | tr '\n' ' ')"

for m in bitflip swap drop wrong-rank; do
    for p in header full; do
        expect "--mutate $m is found (payload=$p)" 1 mpiexec -n 2 "$SNBENCH" $model ep=6 payload=$p --mutate $m -q -o "$tmp/$m-$p"
        says "--mutate $m names the first wrong token (payload=$p)" "token "
    done
done
expect "transport= on the model clock" 2 "$SNBENCH" $model transport=shm -q -o "$tmp/bad"
says "transport= on the model clock is of the other" "belongs to the wall clock"
lines "transport= on the model clock in one line" 1
expect "payload= on the wall clock" 2 "$SNBENCH" run dispatch ep=2 payload=header -q -o "$tmp/bad"
says "payload= on the wall clock is of the other" "belongs to the model clock"
expect "an unknown profile" 2 "$SNBENCH" $model profile=cloudmatrix384-up -q -o "$tmp/bad"
says "an unknown profile: the nearest" "cloudmatrix384-ub"
expect "a plane that is not there" 2 "$SNBENCH" $model degrade=plane=9:0 -q -o "$tmp/bad"
[ ! -e "$tmp/bad" ] && ok "nothing is written" || not_ok "nothing is written: $(ls "$tmp/bad")"
finish
