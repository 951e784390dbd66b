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
# Figures and tables that a suite declares: with a name that every format must escape.
for format in text md tex csv; do
    golden declared $format "$golden/declared"
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

# With the figures that are declared: all that can be drawn are.
"$SNBENCH" report "$golden/declared" --format html >"$tmp/a.html" 2>"$tmp/err"
figures=$(grep -c '^</svg>' "$tmp/a.html")
if [ "$figures" = 8 ] && ! grep -q 'could not be drawn' "$tmp/a.html"; then
    ok "golden declared figures"
else
    not_ok "golden declared figures: $figures of 8 drawings in the page"
fi

# tex_errors FILE: what LaTeX would trip over; environments that do not match, rows of a table with more or
# fewer cells than columns, characters that are not escaped.
tex_errors() {
    awk '
    function bad(what) { print FILENAME ":" FNR ": " what; depth = 0; exit }
    match($0, /\\begin\{[a-z]+\}/) { stack[++depth] = substr($0, RSTART + 7, RLENGTH - 8); body = body || stack[depth] == "document" }
    /\\begin\{longtable\}/ {
        spec = $0
        sub(/.*\\begin\{longtable\}\{/, "", spec)
        gsub(/@\{\}|\{[^}]*\}|\}/, "", spec)
        columns = length(spec)
        next
    }
    match($0, /\\end\{[a-z]+\}/) {
        name = substr($0, RSTART + 5, RLENGTH - 6)
        if (!depth || stack[depth--] != name) bad("\\end{" name "} without its begin")
        if (name == "longtable") columns = 0
        next
    }
    body {
        line = $0
        gsub(/\\[a-zA-Z]+|\\[^a-zA-Z]/, "", line)
        if (line ~ /[%$#_^]/) bad("a character that is not escaped: " $0)
        cells = gsub(/&/, "", line) + 1
        if (!columns && cells > 1) bad("a cell outside a table")
        if (columns && /\\\\$/ && cells != columns) bad(cells " cells in a table of " columns " columns")
    }
    END { if (depth) print FILENAME ": \\begin{" stack[depth] "} without its end" }
    ' "$1"
}
for page in "$golden"/expected/*.tex; do
    wrong=$(tex_errors "$page")
    if [ -z "$wrong" ]; then ok "golden tex structure ${page##*/}"; else not_ok "golden tex structure: $wrong"; fi
done
page=$golden/expected/declared.tex
for change in '0,/\\end{longtable}/s///' 's/batch=8 & base & /batch=8 \& /' 's/peak\\_int8/peak_int8/' 's/96 \\&/96 \&/'; do
    sed "$change" "$page" >"$tmp/broken.tex"
    if ! cmp -s "$page" "$tmp/broken.tex" && [ -n "$(tex_errors "$tmp/broken.tex")" ]; then
        ok "golden tex structure finds $change"
    else
        not_ok "golden tex structure finds $change: it does not"
    fi
done

# The LaTeX pages compile wherever there is a LaTeX.
if command -v pdflatex >/dev/null; then
    for page in quick variants declared; do
        cp "$golden/expected/$page.tex" "$tmp/"
        if (cd "$tmp" && pdflatex -interaction=nonstopmode -halt-on-error $page.tex >$page.out 2>&1); then
            ok "golden tex compiles $page"
        else
            not_ok "golden tex compiles $page: $(grep -m 1 '^!' "$tmp/$page.out")"
        fi
    done
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
