# Stacked bars, from left to right: the parts of the time of each case; a black stroke at the median.
# gnuplot -c stacked.gp DATA.csv OUT.svg TITLE PREFIX YLABEL
# DATA: series, part, bar, name of the bar, seconds, median (seconds). The rows of a bar follow each other.

DATA = ARG1; OUT = ARG2; TITLE = ARG3; PREFIX = ARG4; YLABEL = ARG5
set datafile separator comma
stats DATA using 3 every ::1 nooutput name "BAR"
B = int(BAR_max)
set datafile missing ""
array BARNAME[B]
array MEDIAN[B]
array SUM[B]
widest = 1
do for [b=1:B] {
    stats DATA using ($3 == b ? (found = strcol(4), median = $6, $5) : NaN) every ::1 nooutput
    BARNAME[b] = found
    MEDIAN[b] = median
    SUM[b] = STATS_sum
    widest = strlen(found) > widest ? strlen(found) : widest
}
longest = 0
do for [b=1:B] {
    longest = SUM[b] > longest ? SUM[b] : longest
    longest = MEDIAN[b] > longest ? MEDIAN[b] : longest
}

# Names of up to half the width stand left of their bars.
margin = (widest > 42 ? 42 : widest) + (YLABEL eq "" ? 3 : 5)
LEFT = 7.2 * margin - 40
HEIGHT_PLOT = 120 + 30 * B
load ARG0[1:strlen(ARG0) - strlen("stacked.gp")] . "common.gp"

set lmargin margin
set ylabel YLABEL textcolor "#333a42" noenhanced offset -1
set xlabel "time" textcolor "#333a42" offset 0,0.4
set yrange [B + 0.6 : 0.4]
set xrange [0 : longest * 1.17]
set ytics () scale 0
do for [b=1:B] {
    set ytics add (BARNAME[b] b)
}
unset grid
set grid xtics linecolor "#e3e6e9" linewidth 0.8 linetype 1
set xtics ()
raw = longest / 6
step = 10.0 ** floor(log10(raw))
step = raw / step > 5 ? 10 * step : raw / step > 2 ? 5 * step : raw / step > 1 ? 2 * step : step
do for [k=0:int(longest * 1.17 / step)] {
    eval sprintf('set xtics add ("%s" %.17g)', k == 0 ? "0" : seconds(k * step), k * step)
}

# Where a part begins: the sum of those before it in its bar.
before = 0
current = 0
begin(b, s) = (b == current ? 0 : (current = b, before = 0), left = before, before = before + s, left)
# Its share stands in it where there is room for the digits.
share(b, s) = s > longest * 38 / (WIDTH - LEFT - 60) ? sprintf("%.0f %%", 100 * s / SUM[b]) : ""
three(v) = v >= 0.9999 ? sprintf("%.3g s", v) : v >= 0.9999e-3 ? sprintf("%.3g ms", v * 1e3) \
    : v >= 0.9999e-6 ? sprintf("%.3g µs", v * 1e6) : sprintf("%.3g ns", v * 1e9)

plot for [i=1:N] DATA using (x0 = begin($3, $5), $1 == i ? x0 : NaN):3:(x0):(x0 + $5):($3 - 0.36):($3 + 0.36) \
         every ::1 with boxxyerror fillcolor rgb tone(i) fillstyle solid 1 border linecolor "#ffffff" title NAME[i], \
     DATA using (x0 = begin($3, $5), x0 + $5 / 2):3:(share($3, $5)):(ink(tone($1))) every ::1 \
         with labels center noenhanced font ",11" textcolor rgb variable notitle, \
     for [b=1:B] '+' using (SUM[b] > MEDIAN[b] ? SUM[b] : MEDIAN[b]):(b):(three(MEDIAN[b])) every ::0::0 \
         with labels left offset 0.6,0 noenhanced font ",11" textcolor "#333a42" notitle, \
     for [b=1:B] '+' using (MEDIAN[b]):(b - 0.42):(0):(0.84) every ::0::0 with vectors nohead linewidth 2.2 \
         linecolor rgb "#000000" title (b == 1 ? "median" : "")
