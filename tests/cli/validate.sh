#!/bin/bash
# snbench validate: measured rows against a specification, its exit codes, its messages.
. tests/cli/lib.sh
spec=results/published/fabric-spec.yaml

expect "a measured run" 0 mpiexec -n 2 "$SNBENCH" run latency op=get,put size=8 --samples 20:50 -q -o "$tmp/lat"
expect "a run of the pairs" 0 mpiexec -n 2 "$SNBENCH" run pairs op=put size=1M --samples 20:50 --roofs "$tmp/lat" -q -o "$tmp/pairs"

# What a machine does is not tested here: a specification that anything meets, and one that nothing does.
sed -e 's/max: .* us/max: 60 s/' -e 's/min: 500 MB\/s/min: 1 B\/s/' -e 's/min: 0.5/min: 0.0001/' -e 's/max: 2$/max: 10000/' $spec >"$tmp/easy.yaml"
expect "rows that hold: exit 0" 0 "$SNBENCH" validate "$tmp/lat" "$tmp/pairs" --against "$tmp/easy.yaml"
says -o "the table names the entry" "link.bandwidth"
says -o "several links, one entry" "ok (all "
says -o "an entry without a row is listed" "absent"
sed 's/min: 1 B\/s/min: 900 TB\/s/' "$tmp/easy.yaml" >"$tmp/hard.yaml"
expect "one that does not: exit 3" 3 "$SNBENCH" validate "$tmp/lat" "$tmp/pairs" --against "$tmp/hard.yaml"
says "the entry is named" "do not hold: link.bandwidth"
lines "on one line" 1
says -o "with the number of links" "OUT ("
for format in text md csv; do
    expect "format $format" 0 "$SNBENCH" validate "$tmp/lat" --against "$tmp/easy.yaml" --format $format
    says -o "format $format has the entry" "link.read.latency"
done
sed 's/min: 0.0001/required: true\n    min: 0.0001/' "$tmp/easy.yaml" >"$tmp/required.yaml"
expect "a required entry without a row: exit 3" 3 "$SNBENCH" validate "$tmp/lat" --against "$tmp/required.yaml"
says "it is named" "link.symmetry"

refuse() { # NAME TEXT ARGS...
    local name=$1 text=$2
    shift 2
    expect "$name: exit 2" 2 "$SNBENCH" validate "$@"
    says "$name: says why" "$text"
    lines "$name: one line" 1
    [ -s "$tmp/out" ] && not_ok "$name: prints a table all the same" || ok "$name: prints no table"
}
refuse "no directory" "name one or more run directories" --against "$tmp/easy.yaml"
refuse "nothing to compare with" "--against FILE" "$tmp/lat"
refuse "missing file" "none.yaml" "$tmp/lat" --against "$tmp/none.yaml"
refuse "missing rows" "rows.jsonl" "$tmp/none" --against "$tmp/easy.yaml"
refuse "no row of it" "snbench run latency" tests/golden/quick --against "$tmp/easy.yaml"
refuse "unknown format" "did you mean 'csv'" "$tmp/lat" --against "$tmp/easy.yaml" --format cvs
sed '/link.write.latency/,/match/ s/match/macth/' "$tmp/easy.yaml" >"$tmp/bad.yaml"
refuse "misspelt key" "bad.yaml:$(grep -n macth "$tmp/bad.yaml" | cut -d: -f1): unknown key 'macth'; did you mean 'match'?" "$tmp/lat" --against "$tmp/bad.yaml"
sed 's/min: 1 B\/s/min: 1 us/' "$tmp/easy.yaml" >"$tmp/bad.yaml"
refuse "wrong unit" "bad.yaml:$(grep -n 'min: 1 us' "$tmp/bad.yaml" | cut -d: -f1): link.bandwidth:" "$tmp/lat" --against "$tmp/bad.yaml"
sed 's/op=get, size=8/op=fetch, size=8/' "$tmp/easy.yaml" >"$tmp/bad.yaml"
refuse "unknown word" "op=fetch" "$tmp/lat" --against "$tmp/bad.yaml"
: >"$tmp/bad.yaml"
refuse "empty file" "bad.yaml:1: the file is empty" "$tmp/lat" --against "$tmp/bad.yaml"

# The model against the figures it was fitted to; one of them moved by 30 %.
model="run dispatch --clock=model --profile=cloudmatrix384-ub ep=8,256 tokens=128 hidden=7168 topk=8 experts=256 dtype=int8"
expect "the model's dispatch" 0 "$SNBENCH" $model routing=uniform -q -o "$tmp/model"
published=results/published/cloudmatrix384.yaml
expect "its calibration rows within 5 %" 0 "$SNBENCH" validate "$tmp/model" --against $published --format csv
for id in dispatch.ep8 dispatch.ep256 combine.ep8; do
    case $out in
    *"$id,calibration,"*",ok,"*) ok "$id is judged" ;;
    *) not_ok "$id is judged: $(grep "$id" <<<"$out")" ;;
    esac
done
sed 's/expected: 152 us/expected: 197.6 us/' $published >"$tmp/moved.yaml"
expect "a figure moved by 30 %: exit 3" 3 "$SNBENCH" validate "$tmp/model" --against "$tmp/moved.yaml"
says "it is named" "do not hold: dispatch.ep256"
expect "the report" 0 "$SNBENCH" report "$tmp/model" --format md
says -o "it has the fidelity" "## Fidelity"
says -o "it shows the published figure" "published"
"$SNBENCH" verify "$tmp/model" >/dev/null 2>&1 && ok "and verifies" || not_ok "and verifies"
[ -e "$tmp/model/plots/fidelity-time.csv" ] && ok "the parity's data" || not_ok "the parity's data: no file"

# A cut link holds no bandwidth, however good the others are; figures that are never judged say nothing.
"$SNBENCH" run pairs --clock=model src=2 dst=3:5 plane=3 degrade=die=5.link=3:0 -q -o "$tmp/cut"
cat >"$tmp/link.yaml" <<'Y'
name: link
brief: every pair of dies
entries:
  - {id: link, class: spec, bench: pairs, metric: bandwidth, match: [src=2], min: 1 GB/s}
Y
expect "a cut link: exit 3" 3 "$SNBENCH" validate "$tmp/cut" --against "$tmp/link.yaml" --format csv
says "it is named" "do not hold: link"
says -o "it has failed" ",FAILED,"
sed 's/class: spec/class: projection/' "$tmp/link.yaml" >"$tmp/shown.yaml"
expect "nothing judged: exit 4" 4 "$SNBENCH" validate "$tmp/cut" --against "$tmp/shown.yaml"
says -o "it is not called OK" "INCONCLUSIVE: no judged entry has a row"
lines "it says why in one line" 1

expect "help" 0 "$SNBENCH" validate --help
says -o "help shows --against" "--against FILE"
finish
