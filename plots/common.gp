# Shared by every figure: terminal, palette, tick labels. Loaded with DATA, OUT, TITLE and PREFIX set
# (`load` hides the arguments of the script that loads).
# Nothing here depends on the time, the locale or the fonts of the machine: the same CSV gives the same SVG.

set encoding utf8
set decimalsign "."
set datafile separator comma
set datafile missing ""
# Names of the series: column 1 holds their number, column 2 the name. The legend below the plot makes the page
# higher instead of the plot lower.
stats DATA using 1 every ::1 nooutput
N = int(STATS_max)
array NAME[N]
LONGEST = 1
do for [i=1:N] {
    found = "" # of a number that no row has
    stats DATA using ($1 == i ? (found = strcol(2), 1) : NaN) every ::1 nooutput
    NAME[i] = found
    LONGEST = strlen(found) > LONGEST ? strlen(found) : LONGEST
}
WIDTH = exists("WIDTH") ? WIDTH : 660
LEFT = exists("LEFT") ? LEFT : 0  # room that names of bars take of the width
across = int((WIDTH - LEFT - 90) / (7.2 * LONGEST + 62)) < 1 ? 1 : int((WIDTH - LEFT - 90) / (7.2 * LONGEST + 62))
HEIGHT = exists("HEIGHT") ? HEIGHT \
    : (exists("HEIGHT_PLOT") ? HEIGHT_PLOT : 412) + 18 * int(ceil((N + 1.0) / across))
# PREFIX makes the ids inside the SVG differ between the figures of one page.
set terminal svg size WIDTH,HEIGHT noenhanced rounded name PREFIX background "#ffffff" \
    font "Arial,13"
set output OUT

# Okabe and Ito (https://jfly.uni-koeln.de/color/), yellow replaced: too pale on white.
array COLOUR[8] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555", "#7a4fbf"]
colour(i) = COLOUR[(int(i) - 1) % 8 + 1]
# Of up to 16 parts of a whole: the eight, then lighter ones of them. Ink that reads on one.
lighter(c) = sprintf("#%02x%02x%02x", 110 + 0.57 * hex(c[2:3]), 110 + 0.57 * hex(c[4:5]), 110 + 0.57 * hex(c[6:7]))
hex(s) = 16 * (strstrt("0123456789abcdef", s[1:1]) - 1) + strstrt("0123456789abcdef", s[2:2]) - 1
tone(i) = (int(i) - 1) % 16 < 8 ? colour(i) : lighter(colour(i))
ink(c) = 0.299 * hex(c[2:3]) + 0.587 * hex(c[4:5]) + 0.114 * hex(c[6:7]) > 140 ? 0x1b1f24 : 0xffffff
array POINT[8] = [7, 5, 9, 13, 11, 6, 4, 8]
point(i) = POINT[(int(i) - 1) % 8 + 1]

set label 1 TITLE at character 1.5, screen 1 offset 0,-1.4 left noenhanced font "Arial,15" textcolor "#1b1f24"
set tmargin 3.2
set rmargin 3
set border 3 linecolor "#8a929b" linewidth 1
set tics nomirror out scale 0.6 textcolor "#333a42"
set grid xtics ytics linecolor "#e3e6e9" linewidth 0.8 linetype 1
set key outside center bottom horizontal Left reverse samplen 2.2 spacing 1.15 height 0.6 textcolor "#333a42" noenhanced

# "64 KiB", "2.5 GB/s", "3 µs": labels of ticks.
binary(v) = v >= 2.0**30 ? sprintf("%g GiB", v / 2.0**30) : v >= 2.0**20 ? sprintf("%g MiB", v / 2.0**20) \
    : v >= 1024 ? sprintf("%g KiB", v / 1024.0) : sprintf("%g B", v)
seconds(v) = v == 0 ? "0" : v >= 0.9999 ? sprintf("%g s", v) : v >= 0.9999e-3 ? sprintf("%g ms", v * 1e3) \
    : v >= 0.9999e-6 ? sprintf("%g µs", v * 1e6) : sprintf("%g ns", v * 1e9)
rate(v) = v >= 0.9999e12 ? sprintf("%g TB/s", v / 1e12) : v >= 0.9999e9 ? sprintf("%g GB/s", v / 1e9) \
    : v >= 0.9999e6 ? sprintf("%g MB/s", v / 1e6) : v >= 0.9999e3 ? sprintf("%g kB/s", v / 1e3) \
    : sprintf("%g B/s", v)
ops(v) = v >= 0.9999e15 ? sprintf("%g Pop/s", v / 1e15) : v >= 0.9999e12 ? sprintf("%g Top/s", v / 1e12) \
    : v >= 0.9999e9 ? sprintf("%g Gop/s", v / 1e9) : v >= 0.9999e6 ? sprintf("%g Mop/s", v / 1e6) : sprintf("%g op/s", v)
plain(v) = abs(v) >= 0.9999e6 ? sprintf("%g M", v / 1e6) : abs(v) >= 0.9999e4 ? sprintf("%g k", v / 1e3) : sprintf("%g", v)

# Axis "x" or "y" over [lo, hi] on a log scale of base 2 with binary labels, at most about 9 of them.
log2_tics(axis, lo, hi) = sprintf("set logscale %s 2; set %stics (); ", axis, axis) . log2_more(axis, lo, hi)
log2_step(lo, hi) = ceil((log(hi / lo) / log(2) + 1) / 9.0) < 1 ? 1 : ceil((log(hi / lo) / log(2) + 1) / 9.0)
log2_more(axis, lo, hi) = sprintf(\
    "do for [k=%d:%d:%d] { eval sprintf('set %stics add (\"%%s\" %%.17g)', binary(2.0**k), 2.0**k) }", \
    floor(log(lo) / log(2) + 1e-9), ceil(log(hi) / log(2) - 1e-9), log2_step(lo, hi), axis)

# The same with base 10: decades, 2 and 5 between them when there are fewer than three, and more within one. Where it
# is narrower than 1 to 1.5: round steps, about four.
log10_tics(axis, label, lo, hi) = hi / lo < 1.5 ? even_tics(axis, label, lo, hi, even_step((hi - lo) / 4)) : sprintf(\
    "set logscale %s 10; set %stics (); do for [k=%d:%d] { do for [m in '%s'] { " . \
    "eval sprintf('set %stics add (\"%%s\" %%.17g)', %s(m * 10.0**k), m * 10.0**k) } }", \
    axis, axis, floor(log10(lo)), ceil(log10(hi)), \
    log10(hi / lo) < 0.5 ? "1 1.2 1.4 1.6 1.8 2 2.5 3 3.5 4 5 6 7 8" : log10(hi / lo) < 2.5 ? "1 2 5" : "1", axis, label)
even_tics(axis, label, lo, hi, step) = sprintf(\
    "set logscale %s 10; set %stics (); do for [k=%d:%d] { " . \
    "eval sprintf('set %stics add (\"%%s\" %%.17g)', %s(k * %.17g), k * %.17g) }", \
    axis, axis, ceil(lo / step), floor(hi / step), axis, label, step, step)
even_step(x) = x <= 0 ? 1 : 10.0**floor(log10(x)) * even_digit(x / 10.0**floor(log10(x)))
even_digit(m) = m < 1.5 ? 1 : m < 3.5 ? 2 : m < 7.5 ? 5 : 10

# A linear axis: about five ticks.
linear_tics(axis, label, lo, hi) = sprintf("unset logscale %s; ", axis) . linear_more(axis, label, lo, hi, even_step((hi - lo) / 5))
linear_more(axis, label, lo, hi, step) = sprintf(\
    "set %stics (); do for [k=%d:%d] { eval sprintf('set %stics add (\"%%s\" %%.17g)', %s(k * %.17g), k * %.17g) }", \
    axis, ceil(lo / step - 1e-9), floor(hi / step + 1e-9), axis, label, step, step)
