# Bars by algorithm in clusters, whiskers for the interval, a black stroke at the limit.
# gnuplot -c bars.gp DATA.csv OUT.svg TITLE PREFIX YLABEL
# DATA: series, name, cluster, cluster name, median, lo, hi, limit (seconds; empty: unknown)

DATA = ARG1; OUT = ARG2; TITLE = ARG3; PREFIX = ARG4; YLABEL = ARG5
load ARG0[1:strlen(ARG0) - strlen("bars.gp")] . "common.gp"
set ylabel YLABEL textcolor "#333a42" offset 0.5 noenhanced
unset grid
set grid ytics linecolor "#e3e6e9" linewidth 0.8 linetype 1

stats DATA using 3 every ::1 nooutput name "CLUSTER"
stats DATA using (valid(7) ? $7 : $5) every ::1 nooutput name "HI"
C = int(CLUSTER_max)
set xrange [0.5 : C + 0.5]
set xtics () scale 0
do for [c=1:C] {
    found = ""
    stats DATA using ($3 == c ? (found = strcol(4), 1) : NaN) every ::1 nooutput
    eval sprintf('set xtics add ("%s" %d)', found, c)
}

# Linear from zero: the length of a bar is what the eye compares. About six labels in one unit.
raw = HI_max / 6
step = 10.0 ** floor(log10(raw))
step = raw / step > 5 ? 10 * step : raw / step > 2 ? 5 * step : raw / step > 1 ? 2 * step : step
set yrange [0 : HI_max * 1.06]
set ytics ()
do for [k=0:int(HI_max * 1.06 / step)] {
    eval sprintf('set ytics add ("%s" %.17g)', k == 0 ? "0" : seconds(k * step), k * step)
}

width = 0.8 / N
at(i, c) = c - 0.4 + (i - 0.5) * width
# One dummy point far outside carries the key entry of the limit.
has_limit = 0
stats DATA using (valid(8) ? (has_limit = 1, 1) : 0) every ::1 nooutput
plot for [i=1:N] DATA using ($1 == i ? at(i, $3) : NaN):5:(width * 0.88) every ::1 with boxes \
         fillcolor rgb colour(i) fillstyle solid 0.85 noborder title NAME[i], \
     DATA using (at($1, $3)):6:(0):($7 - $6) every ::1 with vectors nohead linewidth 1.3 \
         linecolor rgb "#1b1f24" notitle, \
     for [end=6:7] DATA using (at($1, $3) - width * 0.15):(column(end)):(width * 0.3):(0) every ::1 \
         with vectors nohead linewidth 1.3 linecolor rgb "#1b1f24" notitle, \
     DATA using (at($1, $3) - width * 0.44):(valid(8) ? $8 : NaN):(width * 0.88):(0) every ::1 \
         with vectors nohead linewidth 2.5 linecolor rgb "#000000" notitle, \
     (has_limit ? -1 : NaN) with lines linewidth 2.5 linecolor rgb "#000000" title (has_limit ? "limit" : "")
