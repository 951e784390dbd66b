#!/bin/bash
# snbench compare and snbench noise: verdicts, exit codes, every refusal, exact output, stored noise.
#
#     UPDATE_GOLDEN=1 SNBENCH=build/snbench tests/cli/compare.sh    writes the expected output anew
#
# Runs are copies of tests/golden/launches (6 launches of 6 rows) with their stored samples scaled.
. tests/cli/lib.sh
golden=tests/golden
base=$golden/launches

# copy NAME: the run again, as $tmp/NAME
copy() {
    cp -r $base "$tmp/$1"
}
# scale NAME FACTOR REGEX: samples of the matching rows of $tmp/NAME times FACTOR
scale() {
    awk -v f="$2" -v re="$3" '
        $0 ~ re {
            at = index($0, "\"samples_s\":[") + 13; head = substr($0, 1, at - 1); tail = substr($0, at)
            end = index(tail, "]"); n = split(substr(tail, 1, end - 1), x, ",")
            for (i = 1; i <= n; i++) head = head (i > 1 ? "," : "") sprintf("%.12g", x[i] * f)
            $0 = head substr(tail, end)
        }
        { print }' "$tmp/$1/rows.jsonl" >"$tmp/rows" && mv "$tmp/rows" "$tmp/$1/rows.jsonl"
}
# edit NAME SED-PROGRAM [FILE]
edit() {
    sed -E -i "$2" "$tmp/$1/${3:-rows.jsonl}"
}
# keep NAME N: only the first N launches
keep() {
    awk -v n="$2" 'match($0, /"launch":[0-9]+/) && substr($0, RSTART + 9, RLENGTH - 9) + 0 < n' "$tmp/$1/rows.jsonl" >"$tmp/rows"
    mv "$tmp/rows" "$tmp/$1/rows.jsonl"
    edit "$1" 's/"launches": 6/"launches": '"$2"'/' manifest.json
}
compare() { # NAME CODE ARGS...
    local name=$1 code=$2
    shift 2
    expect "$name: exit $code" "$code" "$SNBENCH" compare "$@"
}
# tells NAME TEXT: the last output contains TEXT, wherever its lines were wrapped
tells() {
    case $(tr -s ' \n' ' ' <<<"$out") in
    *"$2"*) ok "$1" ;;
    *) not_ok "$1: does not tell '$2'" ;;
    esac
}
# exactly NAME FILE: the last output, byte for byte
exactly() {
    if [ -n "${UPDATE_GOLDEN:-}" ]; then cp "$tmp/out" "$golden/expected/$2"; fi
    if cmp -s "$tmp/out" "$golden/expected/$2"; then
        ok "$1: exact output"
    else
        not_ok "$1: differs from $golden/expected/$2: $(diff "$golden/expected/$2" "$tmp/out" | head -n 4 | cut -c 1-160 | tr '\n' '|')"
    fi
}

# --- verdicts and exit codes ---
copy same
compare "the same rows, noise unknown" 4 $base "$tmp/same"
tells "it says that the noise is unknown" "A/A noise of this machine is unknown"
tells "why a row is inconclusive" "reaches over the threshold of 3.0 %"
compare "with a threshold of 5 %" 0 $base "$tmp/same" --threshold 5%
tells "in words" "NOT SLOWER: none of 6 rows"
tells "what could have been shown" "would have been called in 95 % of such comparisons"
copy slow
scale slow 1.10 '"transport":"rma","size":1048576'
compare "one row 10 % slower" 3 $base "$tmp/slow"
tells "the headline" "SLOWER: 1 of 6 rows"
tells "the row" "transfer transport=rma size=1048576 slower"
compare "not asked for" 0 $base "$tmp/slow" --fail-on none
compare "faster was asked for, and cannot be excluded" 4 $base "$tmp/slow" --fail-on faster
compare "any" 3 $base "$tmp/slow" --fail-on any
compare "the other way round: faster, and one row open" 4 "$tmp/slow" $base
tells "it is named" "transfer transport=rma size=1048576 faster"
compare "the other way round, faster asked for" 3 "$tmp/slow" $base --fail-on faster
tells "the headline of faster" "FASTER: 1 of 6 rows"
compare "below the threshold" 0 $base "$tmp/slow" --threshold 15%
compare "at a level that 6 launches never reach" 4 $base "$tmp/slow" --alpha 0.1%
tells "it says how many would" "can never be significant"
# 2 % faster all over, with little noise: certainly not slower, though neither faster nor same
copy better
scale better 0.96 .
compare "inconclusive, but certainly not slower" 0 $base "$tmp/better"
tells "some rows are inconclusive" "inconclusive; 0 not compared"
compare "whether it is faster is open" 4 $base "$tmp/better" --fail-on faster

# --- numbers of launches ---
for n in 1 3 4; do
    copy few$n
    keep few$n $n
done
scale few1 2 .
compare "one launch a side" 4 "$tmp/few1" "$tmp/few1"
tells "why one is not enough" "1 launch against 1: nothing says how launches differ; run both with --launches 4 or more"
tells "the same directory is said" "BASE and NEW are the same directory"
compare "twice the time, but one launch" 4 $base "$tmp/few1"
compare "three launches" 4 "$tmp/few3" "$tmp/few3"
tells "three are never significant" "3 launches against 3 can never be significant: p is at least 0.1; run both with --launches 4 or more"
tells "nothing is detectable" "no change, however large"
copy slow4
keep slow4 4
scale slow4 3 '"transport":"rma","size":64,'
compare "four launches, six rows, three times the time" 4 "$tmp/few4" "$tmp/slow4"
tells "among six rows four are not enough" "never be significant among 6 rows: p is at least 0.17; run both with --launches 5 or more"

# --- rows that cannot be compared ---
copy odd
scale odd 1.10 '"transport":"shm","size":8192'
scale odd 0.85 '"transport":"rma","size":64,'
edit odd '/"transport":"shm","size":1048576.*"launch":3/s/"status":"ok","reason":null/"status":"failed","reason":"byte 7: got 1, expected 2"/'
edit odd '/"transport":"rma","size":8192/d'
edit odd '/"transport":"rma","size":1048576/s/"status":"ok","reason":null/"status":"skipped","reason":"no window"/'
compare "failed, skipped and missing rows" 3 $base "$tmp/odd"
exactly "text" compare.text
tells "the failed row" "in NEW: launch 3 failed: byte 7: got 1, expected 2"
tells "the missing row" "planned in NEW, but it has no row there"
tells "the skipped row" "in NEW: skipped: no window"
for format in md csv json; do
    compare "format $format" 3 $base "$tmp/odd" --format $format
    exactly "$format" compare.$format
done
compare "what is missing may be slower" 4 $base "$tmp/odd" --threshold 12%
copy both
edit both '/"transport":"rma"/s/"status":"ok","reason":null/"status":"skipped","reason":"no window"/'
compare "skipped on both sides does no harm" 0 "$tmp/both" "$tmp/both" --threshold 5%
tells "but is listed" "skipped: no window, on both sides"
copy less
edit less '/"size":64,/d'
edit less '/"3601ba4945bedd3d",?/d; /"a949651ead0265b0",?/d' manifest.json
edit less ':a;N;$!ba;s/,(\s*)\]/\1]/g' manifest.json
compare "a smaller plan" 0 $base "$tmp/less" --threshold 5%
tells "names what is on one side only" "transfer transport=shm size=64: only in BASE"

# --- warnings ---
copy other
edit other 's/"model": "Example Xeon 8480C"/"model": "Other CPU"/; s/"memory_bytes": [0-9]+/"memory_bytes": 1/; s/-O2 -g/-O0/; s/MPICH Version: 4.0.2/Other MPI/; s/"cpus": "1"/"cpus": "3"/; s/"cores": 2/"cores": 64/; s/"version": "12.2.0"/"version": "13"/' manifest.json
compare "another machine" 4 $base "$tmp/other"
tells "CPU" "CPU: Example Xeon 8480C in BASE, Other CPU in NEW"
tells "cores" "cores: 2 in BASE, 64 in NEW"
tells "memory" "memory (bytes): 16789049344 in BASE, 1 in NEW"
tells "MPI" "MPI library: MPICH Version: 4.0.2 in BASE, Other MPI in NEW"
tells "compiler" "compiler version: 12.2.0 in BASE, 13 in NEW"
tells "flags" "compiler flags: -std=gnu11 -O2 -g in BASE, -std=gnu11 -O0 in NEW"
tells "binding" "binding of ranks: not the same"
copy bare
rm "$tmp/bare/manifest.json"
compare "rows without a manifest" 4 $base "$tmp/bare"
tells "it says so" "NEW has no manifest.json"
copy first
copy later
edit first '/"finished"|"started"/d; 2i "started": "2025-01-01T00:00:00Z", "finished": "2025-01-01T01:00:00Z",' manifest.json
edit later '/"finished"|"started"/d; 2i "started": "2025-01-01T01:00:00Z", "finished": "2025-01-01T02:00:00Z",' manifest.json
compare "one side after the other" 4 "$tmp/first" "$tmp/later"
tells "the order" "all of BASE ran before NEW"
edit later 's/T01:00:00Z/T00:03:00Z/' manifest.json
compare "interleaved" 4 "$tmp/first" "$tmp/later"
case $out in *"ran before"*) not_ok "no word of the order" ;; *) ok "no word of the order" ;; esac
copy torn
printf '{"schema":' >>"$tmp/torn/rows.jsonl"
compare "a torn last line" 4 $base "$tmp/torn"
tells "it is said" "last line of NEW/rows.jsonl is cut off"
copy part
edit part '/"launch":5/d'
compare "a launch is missing" 4 $base "$tmp/part"
tells "launches that are missing" "NEW holds 5 of 6 launches"

# --- refusals ---
refuse() { # NAME TEXT ARGS...
    local name=$1 text=$2
    shift 2
    expect "$name: exit 2" 2 "$SNBENCH" "$@"
    says "$name: says why" "$text"
    lines "$name: one line" 1
    [ -s "$tmp/out" ] && not_ok "$name: prints all the same" || ok "$name: prints nothing else"
}
refuse "no side" "name two run directories" compare
refuse "one side" "name two run directories" compare $base
refuse "three sides" "name two run directories" compare $base $base $base
refuse "no directory" "$tmp/none/rows.jsonl" compare $base "$tmp/none"
refuse "bad threshold" "for example 3%" compare $base $base --threshold x
refuse "bad alpha" "for example 5%" compare $base $base --alpha 2
refuse "bad word" "did you mean 'slower'" compare $base $base --fail-on slow
refuse "bad format" "did you mean 'json'" compare $base $base --format jsn
refuse "unknown option" "did you mean --noise" compare $base $base --nose x
mkdir "$tmp/empty"
: >"$tmp/empty/rows.jsonl"
refuse "no rows" "there are no rows" compare $base "$tmp/empty"
copy broken
echo '{' >>"$tmp/broken/rows.jsonl"
refuse "rows that cannot be read" "$tmp/broken/rows.jsonl:37" compare $base "$tmp/broken"
copy twice
tail -n 1 "$tmp/twice/rows.jsonl" >"$tmp/rows" && cat "$tmp/rows" >>"$tmp/twice/rows.jsonl"
refuse "a launch twice" "stands there twice" compare $base "$tmp/twice"
refuse "other ranks" "has ranks 2 in BASE and 4 in NEW" compare $base $golden/quick
copy ep
edit ep 's/"endpoints":2/"endpoints":8/'
refuse "other endpoints" "has endpoints 2 in BASE and 8 in NEW" compare $base "$tmp/ep"
copy emu
edit emu 's/"origin":"measured"/"origin":"emulated"/'
refuse "another origin" "has origin measured in BASE and emulated in NEW" compare $base "$tmp/emu"
copy mixed
edit mixed '/"launch":2/s/"origin":"measured"/"origin":"emulated"/'
refuse "origins mixed on one side" "mixes the origins measured and emulated" compare $base "$tmp/mixed"
copy clock
edit clock 's/"clock":"wall"/"clock":"model"/'
refuse "another clock" "has clock wall in BASE and model in NEW" compare $base "$tmp/clock"
# another workload: the ids change with what they are made of
copy size
edit size 's/"id":"(.)(.)/"id":"\2f/; s/"size":64,/"size":96,/; s/"size":8192/"size":9000/; s/"size":1048576/"size":1153434/'
refuse "another size" "of transfer, differs in axis size: 64 in BASE, 96 in NEW" compare $base "$tmp/size"
copy seed
edit seed 's/"id":"(.)(.)/"id":"\2f/; s/"seed":1/"seed":7/'
refuse "another seed" "differs in seed: 1 in BASE, 7 in NEW" compare $base "$tmp/seed"
copy bench
edit bench 's/"id":"(.)(.)/"id":"\2f/; s/"bench":"transfer"/"bench":"dispatch"/'
refuse "another benchmark" "benchmark: transfer in BASE, dispatch in NEW" compare $base "$tmp/bench"
copy axis
edit axis 's/"id":"(.)(.)/"id":"\2f/; s/,"window":1//'
refuse "another axis" "axis window: 1 in BASE, absent in NEW" compare $base "$tmp/axis"
edit clock 's/"id":"(.)(.)/"id":"\2f/'
refuse "another clock, no id in common" "clock: wall in BASE, model in NEW" compare $base "$tmp/clock"
copy in1
copy in2
edit in1 '2i "inputs": [{"path": "trace.csv", "sha256": "aa"}],' manifest.json
edit in2 '2i "inputs": [{"path": "trace.csv", "sha256": "bb"}],' manifest.json
edit in1 '/"inputs": \[\],?$/d' manifest.json
edit in2 '/"inputs": \[\],?$/d' manifest.json
refuse "another input" "the input file trace.csv held other bytes" compare "$tmp/in1" "$tmp/in2"

# --- where it is written ---
compare "into a file" 3 $base "$tmp/odd" --format csv -o "$tmp/file.csv"
if [ ! -s "$tmp/out" ] && cmp -s "$tmp/file.csv" $golden/expected/compare.csv; then ok "the file alone has it"; else not_ok "the file alone has it"; fi
refuse "a file that cannot be written" "$tmp/none/file" compare $base "$tmp/odd" -o "$tmp/none/file"
refuse "no file of what is refused" "endpoints" compare $base "$tmp/ep" -o "$tmp/nofile"
[ -e "$tmp/nofile" ] && not_ok "nothing half-written" || ok "nothing half-written"
for format in text json; do
    "$SNBENCH" compare $base "$tmp/odd" --format $format >"$tmp/a"
    "$SNBENCH" compare $base "$tmp/odd" --format $format >"$tmp/b"
    if cmp -s "$tmp/a" "$tmp/b"; then ok "the same rows, the same $format"; else not_ok "the same rows, the same $format"; fi
done

# --- noise ---
copy aa
expect "noise of a run" 0 "$SNBENCH" noise "$tmp/aa" --format json
sed 's/"name": "aa"/"name": "launches"/' "$tmp/out" >"$tmp/out2" && mv "$tmp/out2" "$tmp/out"
exactly "noise" noise.json
expect "noise as text" 0 "$SNBENCH" noise "$tmp/aa"
exactly "noise as text" noise.text
cp "$tmp/aa/noise.json" "$tmp/first.json"
"$SNBENCH" noise "$tmp/aa" >/dev/null
if cmp -s "$tmp/aa/noise.json" "$tmp/first.json"; then ok "noise twice: the same bytes"; else not_ok "noise twice: the same bytes"; fi
compare "BASE's noise is found" 0 "$tmp/aa" "$tmp/same"
tells "it is named" "aa/noise.json"
compare "the noise of a directory" 0 $base "$tmp/same" --noise "$tmp/aa"
compare "the noise of a file" 0 $base "$tmp/same" --noise $golden/expected/noise.json
exactly "with noise" compare-noise.text
# 8 % slower, where the A/A noise of that row is 12 %
copy drift
scale drift 1.12 '"transport":"rma","size":1048576.*"launch":[345]'
expect "noise of a run with a drift" 0 "$SNBENCH" noise "$tmp/drift" -o "$tmp/drift.json"
[ -e "$tmp/drift/noise.json" ] && not_ok "-o writes there alone" || ok "-o writes there alone"
copy eight
scale eight 1.08 '"transport":"rma","size":1048576'
compare "8 % are a change" 3 $base "$tmp/eight"
compare "but not where the machine drifts by 12 %" 0 $base "$tmp/eight" --noise "$tmp/drift.json" --threshold 5%
expect "noise of two runs" 0 "$SNBENCH" noise $base "$tmp/slow" -o "$tmp/two.json" --format csv
tells "12 launches" ",12,924,"
sed -E '/"rows"/,$ s/"id": "3601/"id": "0000/' "$tmp/first.json" >"$tmp/unknown.json"
compare "noise that lacks a row" 4 $base "$tmp/same" --noise "$tmp/unknown.json"
tells "how many" "knows nothing of 1 of the rows"
echo >>"$tmp/aa/rows.jsonl" && sed -i '$d' "$tmp/aa/rows.jsonl" && scale aa 1.001 '"size":64,'
compare "noise of other rows" 0 "$tmp/aa" "$tmp/same"
tells "it is said" "was not made from the rows that are there now"
refuse "no noise there" "$tmp/same/noise.json" compare $base $base --noise "$tmp/same"
refuse "a missing noise file" "$tmp/none.json" compare $base $base --noise "$tmp/none.json"
echo '{}' >"$tmp/bad.json"
refuse "a bad noise file" "bad.json: schema" compare $base $base --noise "$tmp/bad.json"
head -c 400 "$tmp/first.json" >"$tmp/bad.json"
refuse "half a noise file" "bad.json:" compare $base $base --noise "$tmp/bad.json"
refuse "noise of nothing" "name a run directory" noise
refuse "noise of no directory" "$tmp/none" noise "$tmp/none"
refuse "noise of three launches" "3 launches; at least 4 are needed" noise "$tmp/few3"
refuse "noise of two workloads" "has none of the rows of" noise $base "$tmp/size" -o "$tmp/nofile"
refuse "noise of two origins" "is measured in" noise $base "$tmp/emu" -o "$tmp/nofile"
refuse "noise of other ranks" "ran on 2 ranks in" noise $base $golden/quick -o "$tmp/nofile"
refuse "noise that cannot be stored" "$tmp/none/n.json" noise $base -o "$tmp/none/n.json"
[ -e "$tmp/nofile" ] && not_ok "noise: nothing half-written" || ok "noise: nothing half-written"

# --- the model clock, and a run of this program ---
model="run latency --clock=model op=get,put size=8,4K"
expect "a modelled run" 0 "$SNBENCH" $model -q -o "$tmp/m1"
expect "the same again" 0 "$SNBENCH" $model -q -o "$tmp/m2"
compare "a model repeats itself" 0 "$tmp/m1" "$tmp/m2" --threshold 0
tells "all rows are the same" "8 same"
scale m2 1.029 '"op":"get","size":4096'
compare "2.9 % are within 3 %" 0 "$tmp/m1" "$tmp/m2"
compare "with threshold 0 they are slower" 3 "$tmp/m1" "$tmp/m2" --threshold 0
scale m2 1.01 '"op":"get","size":4096'
compare "3.9 % are not" 3 "$tmp/m1" "$tmp/m2" --format csv
tells "a ratio without p" ",slower,"
refuse "noise of a model" "the model clock has no noise" noise "$tmp/m1"
refuse "the model and the wall" "clock: model in BASE, wall in NEW" compare "$tmp/m1" $base
expect "verify before" 0 "$SNBENCH" verify "$tmp/m1"
expect "four launches" 0 mpiexec -n 2 "$SNBENCH" run latency size=8 --samples 20:30 --budget 20ms --launches 4 -q -o "$tmp/w"
expect "their noise" 0 "$SNBENCH" noise "$tmp/w"
expect "the directory still verifies" 0 "$SNBENCH" verify "$tmp/w"
expect "and again" 0 "$SNBENCH" noise "$tmp/w"
echo >>"$tmp/w/report.md"
expect "a damaged directory gets no new checksums" 1 "$SNBENCH" noise "$tmp/w"
says "it says why" "is not what it was"
for c in compare noise; do
    expect "$c --help" 0 "$SNBENCH" $c --help
    tells "$c --help shows usage" "usage: snbench $c"
done
finish
