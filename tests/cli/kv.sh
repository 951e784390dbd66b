#!/bin/bash
# KV-cache reads, transfers and model loads: figures worked out by hand, the same rows at any number
# of ranks, damage found, mistakes named.
. tests/cli/lib.sh
model="--clock=model -q"
# value DIR METRIC: of the first row that has it.
value() { grep -o "\"$2\":{\"value\":[^,]*" "$1/rows.jsonl" | head -n 1 | sed 's/.*://'; }
median() { grep -o '"median":[^,]*' "$1/rows.jsonl" | head -n 1 | sed 's/.*://'; }
# is NAME GOT WANT: equal to 1e-9.
is() {
    if awk -v a="$2" -v b="$3" 'BEGIN { d = a - b; exit !(a != "" && d <= 1e-9 * b && -d <= 1e-9 * b) }'; then
        ok "$1"
    else
        not_ok "$1: got '$2', expected $3"
    fi
}

# --- a trace that can be counted by hand: 11 blocks asked for, 6 distinct -----------------------
cat >"$tmp/hand.jsonl" <<'T'
{"timestamp": 0, "input_length": 1536, "output_length": 1, "hash_ids": [1, 2, 3]}
{"timestamp": 1000, "input_length": 1530, "output_length": 1, "hash_ids": [1, 2, 4]}
{"timestamp": 2000, "input_length": 512, "output_length": 1, "hash_ids": [5]}
{"timestamp": 3000, "input_length": 2048, "output_length": 1, "hash_ids": [1, 2, 3, 6]}
T
hand="pattern=trace($tmp/hand.jsonl) block=1K"
expect "a trace by hand" 0 "$SNBENCH" run kvread $hand $model -o "$tmp/hand"
is "blocks found: 2 of request 2, 3 of request 4" "$(value "$tmp/hand" blocks_found)" "$(awk 'BEGIN { printf "%.12g", 5 / 11 }')"
is "they are prefixes" "$(value "$tmp/hand" prefix_found)" "$(awk 'BEGIN { printf "%.12g", 5 / 11 }')"
is "bytes read" "$(value "$tmp/hand" read_bytes)" 5120
is "bytes stored" "$(value "$tmp/hand" stored_bytes)" 6144
is "bytes over the plane" "$(value "$tmp/hand" bytes_ub)" 11264
# One member with room for 3 blocks, the least recently used goes, the end of a request first:
# 321 -> 4 in for 3 -> 5 in for 4 -> 6, 3, 2, 1 each in for the oldest; 2 and 2 blocks found.
expect "a small pool by hand" 0 "$SNBENCH" run kvread $hand dies=1 readers=1 memory=die capacity=3K $model -o "$tmp/small"
is "found in the small pool" "$(value "$tmp/small" blocks_found)" "$(awk 'BEGIN { printf "%.12g", 4 / 11 }')"
is "dropped from the small pool" "$(value "$tmp/small" evicted)" 6
is "most in the small pool" "$(value "$tmp/small" pool_bytes)" 3072
is "stored in the small pool" "$(value "$tmp/small" stored_bytes)" 8192
expect "vpc carries the same bytes" 0 "$SNBENCH" run kvread $hand plane=vpc $model -o "$tmp/vpc"
is "bytes over vpc" "$(value "$tmp/vpc" bytes_vpc)" 11264

# --- times by hand: the ideal profile has 196 GB/s ports and 0.929 us ---------------------------
one="--profile=ideal dies=2 readers=1 memory=die placement=node block=196000 reads=4"
expect "one read after another" 0 "$SNBENCH" run kvread $one outstanding=1 $model -o "$tmp/t1"
is "4 (latency + bytes / bandwidth)" "$(median "$tmp/t1")" 7.716e-6
expect "four reads in flight" 0 "$SNBENCH" run kvread $one outstanding=4 $model -o "$tmp/t4"
is "latency + 4 bytes / bandwidth" "$(median "$tmp/t4")" 4.929e-6
expect "a slower pool" 0 "$SNBENCH" run kvread $one outstanding=4 pool_bandwidth=98GB/s block_latency=1us $model -o "$tmp/ts"
is "latencies + 4 bytes / the pool's bandwidth" "$(median "$tmp/ts")" 9.929e-6
expect "a die's own memory" 0 "$SNBENCH" run kvread --profile=ideal dies=2 readers=2 memory=die placement=local block=196000 reads=4 $model -o "$tmp/tl"
is "copies one after another" "$(median "$tmp/tl")" 4e-6
expect "whole prompts" 0 "$SNBENCH" run kvtransfer --profile=ideal prefill=1 decode_dp=2 prompt=98000 layers=4 mode=whole interval=1ms payload=header $model -o "$tmp/whole"
is "prefill + 2 prompts through a port + latency" "$(median "$tmp/whole")" "$(awk 'BEGIN { printf "%.12g", 4e-3 + 2 * 98000 * 1152 * 4 / 196e9 + 0.929e-6 }')"
expect "layer by layer" 0 "$SNBENCH" run kvtransfer --profile=ideal prefill=1 decode_dp=2 prompt=49000 layers=4 mode=layers interval=1ms payload=header $model -o "$tmp/layers"
is "prefill + 2 layers through a port + latency" "$(median "$tmp/layers")" "$(awk 'BEGIN { printf "%.12g", 4e-3 + 2 * 49000 * 1152 / 196e9 + 0.929e-6 }')"
load="model_bytes=1g block=1000000 instances=2 instance_dies=4 dies=16 storage_bandwidth=1GB/s payload=header"
expect "a model from storage" 0 "$SNBENCH" run modelload $load from=storage --profile=ideal $model -o "$tmp/storage"
is "the file twice" "$(median "$tmp/storage")" 2
expect "a model through the pool" 0 "$SNBENCH" run modelload $load from=pool --profile=ideal $model -o "$tmp/pool"
# Both instances' last block leave one socket's port after each other.
is "the file once, then its last block" "$(median "$tmp/pool")" "$(awk 'BEGIN { printf "%.12g", 1 + 0.929e-6 + 2 * 1e6 / 196e9 }')"

# --- the same rows at any number of ranks -------------------------------------------------------
cases() { # DIR RANKS
    mpiexec -n "$2" "$SNBENCH" run kvread "pattern=trace(bench/traces/small.jsonl),zipf(1.1)" plane=ub,vpc dies=64 readers=8 payload=header $model -o "$1-a" &&
        mpiexec -n "$2" "$SNBENCH" run kvread with=dispatch ep=8 dies=16 readers=8 block=64K payload=header $model -o "$1-b" &&
        mpiexec -n "$2" "$SNBENCH" run kvtransfer prefill=8 decode_dp=16 prompt=4 mode=layers,whole payload=full $model -o "$1-c" &&
        mpiexec -n "$2" "$SNBENCH" run modelload model_bytes=16M block=1M from=pool,warm instances=2 instance_dies=8 dies=32 payload=header $model -o "$1-d" &&
        cat "$1"-?/rows.jsonl >"$1.rows"
}
for n in 1 2 4 7; do
    expect "the model's rows at $n ranks" 0 cases "$tmp/n$n" $n
    cmp -s "$tmp/n1.rows" "$tmp/n$n.rows" && ok "$n ranks, the same rows" || not_ok "$n ranks, the same rows: they differ"
done
n=$(grep -c '"status":"ok"' "$tmp/n1.rows")
[ "$n" = 9 ] && ok "all of them ok" || not_ok "all of them ok: $n of 9"
for m in slowdown_read slowdown_dispatch; do
    awk -v x="$(value "$tmp/n1-b" $m)" 'BEGIN { exit !(x > 1.01) }' && ok "$m is above 1" || not_ok "$m is above 1: $(value "$tmp/n1-b" $m)"
done
grep -q "\"flags\":\[[^]]*dispatch-ended-first" "$tmp/n1-b/rows.jsonl" && not_ok "dispatch lasted as long as the reads: flagged" || ok "dispatch lasted as long as the reads"
# Spaced reads (a pool's bandwidth beside dispatch) of one reader: blocks take what they take alone.
paced="dies=16 readers=1 block=64K pool_bandwidth=1GB/s payload=header"
expect "a slow pool alone" 0 "$SNBENCH" run kvread $paced $model -o "$tmp/paced-a"
expect "a slow pool beside dispatch" 0 "$SNBENCH" run kvread $paced with=dispatch ep=2 $model -o "$tmp/paced-d"
for m in block_p50 block_p99; do
    awk -v a="$(value "$tmp/paced-a" $m)" -v b="$(value "$tmp/paced-d" $m)" 'BEGIN { exit !(b > 0.99 * a && b < 1.05 * a) }' && ok "$m of a slow pool is the same" || not_ok "$m of a slow pool is the same: $(value "$tmp/paced-a" $m), beside dispatch $(value "$tmp/paced-d" $m)"
done
awk -v x="$(value "$tmp/n1-b" jain)" 'BEGIN { exit !(x > 0.5 && x <= 1) }' && ok "Jain's index of two is above 1/2" || not_ok "Jain's index of two is above 1/2: $(value "$tmp/n1-b" jain)"

# --- the published trace, where it is -----------------------------------------------------------
published=../shared/data/mooncake/conversation_trace.jsonl
if [ -r $published ]; then
    expect "the conversation trace" 0 timeout 60 "$SNBENCH" run kvread "pattern=trace($published)" $model -o "$tmp/conversation"
    is "its reuse: 288500 blocks, 182790 distinct" "$(value "$tmp/conversation" blocks_found)" "$(awk 'BEGIN { printf "%.12g", 105710 / 288500 }')"
else
    ok "the conversation trace # skipped: not here"
fi

# --- the wall clock -----------------------------------------------------------------------------
measure_roofs
quick="--budget 30ms --samples 6:20 $roofs"
expect "reads on the wall clock" 0 mpiexec -n 2 "$SNBENCH" run kvread block=8K reads=32 blocks=32 transport=shm,rma,p2p $quick -o "$tmp/wall"
[ -n "$(value "$tmp/wall" of_copy_roof)" ] && ok "of_copy_roof is there" || not_ok "of_copy_roof is there: no"
[ "$(grep -c '"copy_roof":{"value":[0-9]' "$tmp/wall/rows.jsonl")" = 3 ] && ok "copy_roof is there for every transport" || not_ok "copy_roof is there for every transport: no"
expect "verify" 0 "$SNBENCH" verify "$tmp/wall"
expect "transfers on the wall clock" 0 mpiexec -n 2 "$SNBENCH" run kvtransfer prompt=4 mode=layers,whole $quick -o "$tmp/walltransfer"
for m in bitflip swap drop wrong-rank; do
    expect "--mutate $m is found (kvread)" 1 mpiexec -n 2 "$SNBENCH" run kvread block=8K reads=8 blocks=8 --mutate $m $quick -o "$tmp/m-$m"
    says "--mutate $m names the block" "block "
    expect "--mutate $m is found (kvtransfer)" 1 mpiexec -n 2 "$SNBENCH" run kvtransfer prompt=4 --mutate $m $quick -o "$tmp/t-$m"
    expect "--mutate $m is found (a trace)" 1 "$SNBENCH" run kvread "pattern=trace(bench/traces/small.jsonl)" --mutate $m $model -o "$tmp/r-$m"
done
expect "no storage on the wall clock" 0 mpiexec -n 2 "$SNBENCH" run modelload $roofs -o "$tmp/nostorage"
grep -q '"status":"skipped".*page cache' "$tmp/nostorage/rows.jsonl" && ok "it is skipped with the reason" || not_ok "it is skipped with the reason: $(cut -c 1-200 "$tmp/nostorage/rows.jsonl")"

# --- mistakes: exit 2, one line -----------------------------------------------------------------
bad() { # NAME TEXT ARGUMENTS...
    local name=$1 text=$2
    shift 2
    expect "$name" 2 "$SNBENCH" run "$@" -o "$tmp/bad"
    says "$name is named" "$text"
    lines "$name in one line" 1
    [ -e "$tmp/bad" ] && not_ok "$name leaves nothing: a directory" && rm -rf "$tmp/bad"
}
bad "a missing trace" "nowhere.jsonl" kvread "pattern=trace(nowhere.jsonl)" $model
sed '3s/512,/512, "x": 1,/' "$tmp/hand.jsonl" >"$tmp/badline.jsonl"
bad "a bad line" "badline.jsonl:3: 'x' is no key" kvread "pattern=trace($tmp/badline.jsonl)" $model
bad "an unknown pattern" "did you mean zipf" kvread "pattern=zip(1.0)" $model
bad "a pattern without its number" "right would be zipf(1.0)" kvread pattern=zipf $model
bad "an unknown plane" "plane" kvread plane=ubb $model
bad "an unknown profile" "profile" kvread --profile=nowhere $model
bad "more readers than dies" "readers=9: the machine has dies=8" kvread dies=8 readers=9 $model
bad "more readers than ranks" "readers=9" kvread readers=9 placement=any -q
bad "a block smaller than a head" "at least 64 bytes" kvread block=8 $model
bad "a block larger than the pool" "capacity" kvread block=2K capacity=1K $model
bad "more dispatching dies than dies" "ep=64" kvread with=dispatch dies=32 readers=1 $model
bad "more instances than dies" "instances=8" modelload dies=16 $model
bad "a degradation of a die that is not there" "die=99" kvtransfer prefill=1 decode_dp=2 degrade=die=99:0.5 $model
bad "a degradation of a die that is not there (kvread)" "die=999" kvread degrade=die=999:0.5 $model
cat >"$tmp/noreuse.jsonl" <<'T'
{"timestamp": 0, "input_length": 1536, "output_length": 1, "hash_ids": [1, 2, 3]}
{"timestamp": 1000, "input_length": 512, "output_length": 1, "hash_ids": [4]}
T
bad "a trace without reuse on the wall clock" "noreuse.jsonl: no block comes twice" kvread "pattern=trace($tmp/noreuse.jsonl)" placement=any -q
expect "it can be replayed on the model clock" 0 "$SNBENCH" run kvread "pattern=trace($tmp/noreuse.jsonl)" block=1K $model -o "$tmp/noreuse"
# 107 days are more picoseconds than 63 bits hold; 2^53 ms are the longest trace.
for ms in 9300000000 9007199254740991; do
    sed "2s/1000/$ms/" "$tmp/noreuse.jsonl" >"$tmp/long.jsonl"
    bad "a trace of $ms ms" "the model clock holds 46" kvread "pattern=trace($tmp/long.jsonl)" block=1K $model
done
sed "2s/1000/9300000000/" "$tmp/noreuse.jsonl" >"$tmp/long.jsonl"
expect "the same faster" 0 "$SNBENCH" run kvread "pattern=trace($tmp/long.jsonl)" block=1K speed=3 $model -o "$tmp/faster"
for d in die=0:0 node=0:0; do
    rm -rf "$tmp/cutoff"
    expect "$d leaves nothing to read" 0 "$SNBENCH" run kvread degrade=$d dies=32 readers=4 payload=header $model -o "$tmp/cutoff"
    grep -q "\"status\":\"skipped\",\"reason\":\"${d%%=*} 0 is cut\"" "$tmp/cutoff/rows.jsonl" && ok "$d is skipped with the reason" || not_ok "$d is skipped with the reason: $(cut -c 1-600 "$tmp/cutoff/rows.jsonl")"
done
expect "a mapping that does not work out" 0 "$SNBENCH" run kvtransfer prefill=3 decode_dp=2 $model -o "$tmp/unmapped"
grep -q '"status":"skipped".*must be a multiple' "$tmp/unmapped/rows.jsonl" && ok "it is skipped with the reason" || not_ok "it is skipped with the reason: $(cut -c 1-200 "$tmp/unmapped/rows.jsonl")"
finish
