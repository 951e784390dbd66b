# Curves with interval bands on log axes, one per series, with their limits as thin dashed lines.
# gnuplot -c curves.gp DATA.csv OUT.svg TITLE PREFIX XKIND YKIND XLABEL YLABEL
# DATA: series, name, x, median, lo, hi, limit, published (base units; an empty field is unknown; the last column may be
# absent: its rows have series 0, stand last and have nothing but x and it)
# XKIND binary (bytes), count, or values (ticks at the values; from 0 on a linear axis);
# YKIND seconds, rate, ops, binary or plain

DATA = ARG1; OUT = ARG2; TITLE = ARG3; PREFIX = ARG4
XKIND = ARG5; YKIND = ARG6; XLABEL = ARG7; YLABEL = ARG8
load ARG0[1:strlen(ARG0) - strlen("curves.gp")] . "common.gp"
set xlabel XLABEL textcolor "#333a42" noenhanced offset 0,0.4
set ylabel YLABEL textcolor "#333a42" offset 0.5 noenhanced

stats DATA using 3 every ::1 nooutput name "X"
stats DATA using (valid(5) ? $5 : $4) every ::1 nooutput name "LO"
stats DATA using (valid(6) ? $6 : $4) every ::1 nooutput name "HI"
stats DATA using (valid(7) ? $7 : $4) every ::1 nooutput name "LIMIT"
ymin = LO_min < LIMIT_min ? LO_min : LIMIT_min
ymax = HI_max > LIMIT_max ? HI_max : LIMIT_max
has_mark = 0
stats DATA using (valid(8) ? (has_mark = 1, ymin = column(8) < ymin ? column(8) : ymin, \
    ymax = column(8) > ymax ? column(8) : ymax, 1) : 0) every ::1 nooutput

array TICK[64]
ticks = 0
if (XKIND eq "values") { # gathered before there are ranges, which stats would keep to
    last = X_min
    while (ticks < 64 && last <= X_max) {
        ticks = ticks + 1
        TICK[ticks] = last
        after = X_max * 2 + 1
        if (last < X_max) {
            stats DATA using ($3 > last ? $3 : NaN) every ::1 nooutput
            after = STATS_min
        }
        last = after
    }
}
# Half a step of air at both ends keeps the outermost points off the frame.
set xrange [X_min / 1.15 : X_max * 1.15]
set yrange [ymin / 1.35 : ymax * 1.35]
if (XKIND eq "values") {
    linear = X_min <= 0
    if (linear) {
        set xrange [X_min - 0.05 * (X_max - X_min) : X_max + 0.05 * (X_max - X_min)]
    } else {
        set logscale x 2
    }
    place(v) = linear ? v : log(v)
    room = (place(X_max) - place(X_min)) / 18
    set xtics ()
    shown = NaN
    do for [t=1:ticks] {
        if (t == 1 || place(TICK[t]) - place(shown) >= room) {
            eval sprintf('set xtics add ("%g" %.17g)', TICK[t], TICK[t])
            shown = TICK[t]
        }
    }
} else { if (XKIND eq "binary") {
    eval log2_tics("x", X_min, X_max)
} else {
    set logscale x 2
    set xtics ()
    do for [k=floor(log(X_min) / log(2) + 1e-9):ceil(log(X_max) / log(2) - 1e-9):log2_step(X_min, X_max)] {
        eval sprintf('set xtics add ("%d" %d)', 2**k, 2**k)
    }
} }
if (ymin > 0) {
    eval log10_tics("y", YKIND, ymin / 1.35, ymax * 1.35)
} else {
    eval linear_tics("y", YKIND, ymin, ymax)
    set yrange [ymin - 0.05 * (ymax - ymin) : ymax + 0.05 * (ymax - ymin)]
}
has_limit = 0
stats DATA using (valid(7) ? (has_limit = 1, 1) : 0) every ::1 nooutput

plot for [i=1:N] DATA using ($1 == i ? $3 : NaN):7 every ::1 with lines dashtype (6,4) linewidth 1 \
         linecolor rgb colour(i) notitle, \
     for [i=1:N] DATA using ($1 == i ? $3 : NaN):5:6 every ::1 with filledcurves \
         fillcolor rgb colour(i) fillstyle transparent solid 0.22 noborder notitle, \
     for [i=1:N] DATA using ($1 == i ? $3 : NaN):4 every ::1 with linespoints linewidth 2 \
         linecolor rgb colour(i) pointtype point(i) pointsize 0.55 title NAME[i], \
     DATA using ($1 == 0 ? $3 : NaN):(valid(8) ? $8 : NaN) every ::1 with points pointtype 12 pointsize 1.1 \
         linewidth 1.8 linecolor rgb "#1b1f24" title (has_mark ? "published" : ""), \
     (has_limit ? 1 : NaN) with lines dashtype (6,4) linewidth 1 linecolor rgb "#555555" \
         title (has_limit ? "limit" : "")
