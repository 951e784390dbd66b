#!/bin/bash
# Compares `snbench report DIR --format F` byte for byte with the files in tests/golden/expected.
#
#     SNBENCH=build/snbench tests/cli/golden.sh                    compare
#     UPDATE_GOLDEN=1 SNBENCH=build/snbench tests/cli/golden.sh    write them anew, then read the diff
#
# Runs from the repository root. gnuplot is hidden, so that the pages do not depend on its version;
# that figures are drawn is tested at the end and in tests/unit/report.c.
. tests/cli/lib.sh
golden=tests/golden

# golden NAME FORMAT DIR...
golden() {
    local format=$2 name=$1 want="$golden/expected/$1.$2" rc
    shift 2
    PATH=/nonexistent "$SNBENCH" report "$@" --format "$format" >"$tmp/out" 2>"$tmp/err"
    rc=$?
    if [ $rc != 0 ] || [ -s "$tmp/err" ]; then
        not_ok "golden $name $format: exit code $rc, $(head -n 1 "$tmp/err")"
    elif [ -n "${UPDATE_GOLDEN:-}" ]; then
        cp "$tmp/out" "$want"
        ok "golden $name $format (written)"
    elif cmp -s "$tmp/out" "$want"; then
        ok "golden $name $format"
    else
        not_ok "golden $name $format: differs from $want"
        diff "$want" "$tmp/out" | head -n 10 | cut -c 1-160
    fi
}

for format in text md csv json osu html tex; do
    golden quick $format "$golden/quick"
done
# Six launches of every case; a run that was killed; two runs in one report.
for format in text csv; do
    golden launches $format "$golden/launches"
done
# Variants that compete: in turn, one of them not.
for format in text md tex; do
    golden variants $format "$golden/variants"
done
golden cut text "$golden/cut"
golden cut json "$golden/cut"
golden two md "$golden/quick" "$golden/cut"
golden two csv "$golden/quick" "$golden/cut"
golden two json "$golden/quick" "$golden/cut"

# With gnuplot the page holds its figures, the same ones each time.
"$SNBENCH" report "$golden/quick" --format html >"$tmp/a.html" 2>"$tmp/err"
"$SNBENCH" report "$golden/quick" --format html >"$tmp/b.html" 2>>"$tmp/err"
figures=$(grep -c '^</svg>' "$tmp/a.html")
if [ "$figures" = 7 ] && ! grep -q 'could not be drawn' "$tmp/a.html"; then
    ok "golden figures"
else
    not_ok "golden figures: $figures of 7 drawings in the page"
fi
if cmp -s "$tmp/a.html" "$tmp/b.html"; then
    ok "golden figures twice"
else
    not_ok "golden figures twice: two pages from the same rows differ"
fi

# The LaTeX page compiles wherever there is a LaTeX.
if command -v pdflatex >/dev/null; then
    cp "$golden/expected/quick.tex" "$tmp/"
    if (cd "$tmp" && pdflatex -interaction=nonstopmode -halt-on-error quick.tex >quick.out 2>&1); then
        ok "golden tex compiles"
    else
        not_ok "golden tex compiles: $(grep -m 1 '^!' "$tmp/quick.out")"
    fi
fi

# A run directory without rows is an error that names the file.
mkdir "$tmp/empty"
"$SNBENCH" report "$tmp/empty" >"$tmp/out" 2>"$tmp/err"
rc=$?
if [ $rc = 2 ] && grep -q 'rows.jsonl' "$tmp/err" && [ ! -s "$tmp/out" ]; then
    ok "golden no rows"
else
    not_ok "golden no rows: exit code $rc, $(head -n 1 "$tmp/err")"
fi
finish
