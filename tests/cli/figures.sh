#!/bin/bash
# Figures that a suite declares, from the file to the run directory, and REPRODUCE.md.
. tests/cli/lib.sh

suite() { # the head of a suite, then its figures from standard input
    cat >"$tmp/s.yaml" <<EOF
name: s
brief: products on the device
cases:
  - bench: gemm
    axes: ["m=8,64", "n=512,1024", "k=512"]
figures:
EOF
    cat >>"$tmp/s.yaml"
}
run="--clock=model --device ascend910c-die -q"

suite <<'EOF'
  - {kind: roofline, title: Roofs, benches: [gemm]}
  - {kind: stacked, bench: gemm, x: m}
  - {kind: curve, bench: gemm, x: m, y: rate, by: n}
  - {kind: ablation, bench: gemm, base: ["m=8", "n=512"], metric: rate}
  - kind: headline
    rows:
      - {label: product, bench: gemm, match: ["m=64"], metric: rate}
      - {label: H800, published: ref.h800.prefill}
EOF
expect "a suite with figures" 0 "$SNBENCH" run --suite "$tmp/s.yaml" $run -o "$tmp/d"
for file in REPRODUCE.md plots/fig1-roofline-ascend910c-die.csv plots/fig2-gemm-stacked-n-512.csv \
    plots/fig3-gemm-curve.csv tables/fig4-gemm-ablation.csv tables/fig5-headline.csv; do
    grep -q "  $file\$" "$tmp/d/SHA256SUMS" && ok "checksum of $file" || not_ok "checksum of $file: there is none"
done
expect "a run prints the tables" 0 "$SNBENCH" run --suite "$tmp/s.yaml" ${run% -q} -o "$tmp/e"
says -o "the headline, with its origin" "H800             7839 token/s  published"
expect "the directory verifies" 0 "$SNBENCH" verify "$tmp/d"
grep -q '^H800,,7839,token/s,published,,,reference,CM384,ref.h800.prefill$' "$tmp/d/tables/fig5-headline.csv" &&
    ok "another system's figure stands as such" || not_ok "another system's figure: $(tail -n 1 "$tmp/d/tables/fig5-headline.csv")"

# The commands of REPRODUCE.md are real ones: the second line of the run, then cmp.
again=$(grep -m 1 -- '-o again$' "$tmp/d/REPRODUCE.md")
(cd "$tmp" && ln -s "$OLDPWD/build" build 2>/dev/null; eval "${again/ -o again/ -o $tmp/again}") >"$tmp/out" 2>"$tmp/err"
cmp -s "$tmp/d/rows.jsonl" "$tmp/again/rows.jsonl" && ok "REPRODUCE.md makes the same rows" || not_ok "REPRODUCE.md makes the same rows: $again: $(head -n 1 "$tmp/err")"
rm -f "$tmp/s.yaml"
expect "a report needs no suite" 0 "$SNBENCH" report "$tmp/d" --format md
says -o "it has the headline" "| H800"

refuse() { # NAME TEXT, the figures from standard input
    suite
    expect "$1: exit 2" 2 "$SNBENCH" run --suite "$tmp/s.yaml" $run -o "$tmp/refused"
    says "$1: says why" "s.yaml:$2"
    lines "$1: one line" 1
    [ -e "$tmp/refused" ] && not_ok "$1: leaves a directory" || ok "$1: leaves nothing"
}
refuse "a kind that there is not" "7: unknown kind of figure 'rooflin'; did you mean 'roofline'?" <<<'  - {kind: rooflin, benches: [gemm]}'
refuse "an axis that there is not" "9: gemm has no axis 'mm'; did you mean 'm'?" <<<'  - kind: stacked
    bench: gemm
    x: mm'
refuse "a benchmark that the suite has not" "7: unknown benchmark of this suite 'mla'" <<<'  - {kind: stacked, bench: mla}'
refuse "a published figure that there is not" \
    "9: no published figure 'ref.h800.prefil'; did you mean 'ref.h800.prefill'?" <<<'  - kind: headline
    rows:
      - {label: x, published: ref.h800.prefil}'
finish
