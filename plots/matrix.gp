# A matrix of rates, source down and destination across: a slow link is a dark cell.
# gnuplot -c matrix.gp DATA.csv OUT.svg TITLE PREFIX
# DATA: src, dst, value (B/s; empty: unknown)

DATA = ARG1; OUT = ARG2; TITLE = ARG3; PREFIX = ARG4
WIDTH = 520
HEIGHT = 460
load ARG0[1:strlen(ARG0) - strlen("matrix.gp")] . "common.gp"
stats DATA using 1 every ::1 nooutput name "SRC"
stats DATA using 2 every ::1 nooutput name "DST"
stats DATA using 3 every ::1 nooutput name "V"
# Every third endpoint, say: cells as wide as the steps between them.
stride = 1
if (SRC_max > SRC_min) {
    stats DATA using ($1 > SRC_min ? $1 : NaN) every ::1 nooutput name "NEXT"
    stride = NEXT_min - SRC_min
}
last = SRC_max > DST_max ? SRC_max : DST_max
n = last / stride + 1

unset grid
unset key
set border 0
set size ratio -1
set rmargin 12
set xrange [-0.5 * stride : last + 0.5 * stride]
set yrange [last + 0.5 * stride : -0.5 * stride]
step = stride * ceil(n / 16.0)
set xtics 0, step scale 0
set ytics 0, step scale 0
set xlabel "destination" textcolor "#333a42"
set ylabel "source" textcolor "#333a42"
unit = V_max >= 1e12 ? 1e12 : V_max >= 1e9 ? 1e9 : V_max >= 1e6 ? 1e6 : 1e3
set label 2 (unit == 1e12 ? "TB/s" : unit == 1e9 ? "GB/s" : unit == 1e6 ? "MB/s" : "kB/s") \
    at graph 1, graph 1 offset 1.5,1 left noenhanced textcolor "#333a42"
# From zero, so that the shade is the share of the best link and noise does not look like a pattern.
set cbrange [0 : V_max / unit]
# viridis (matplotlib, CC0): even in lightness, readable without colour vision and in grey print.
set palette defined (0 "#440154", 1 "#482878", 2 "#3e4989", 3 "#31688e", 4 "#26828e", 5 "#1f9e89", \
    6 "#35b779", 7 "#6ece58", 8 "#b5de2b", 9 "#fde725")
set colorbox
set cbtics format "%g" scale 0.5
pretty(v) = v / unit >= 100 ? sprintf("%.0f", v / unit) : v / unit >= 10 ? sprintf("%.1f", v / unit) : sprintf("%.2f", v / unit)
ink(v) = v > 0.55 * V_max ? 0x1b1f24 : 0xffffff
if (n <= 16) {
    plot DATA using 2:1:($2 - 0.49 * stride):($2 + 0.49 * stride):($1 - 0.49 * stride):($1 + 0.49 * stride):($3 / unit) every ::1 \
             with boxxyerror fillstyle solid 1 noborder linecolor palette, \
         DATA using 2:1:(pretty($3)):(ink($3)) every ::1 with labels textcolor rgb variable font ",11"
} else {
    plot DATA using 2:1:($2 - 0.5 * stride):($2 + 0.5 * stride):($1 - 0.5 * stride):($1 + 0.5 * stride):($3 / unit) every ::1 \
             with boxxyerror fillstyle solid 1 noborder linecolor palette
}
