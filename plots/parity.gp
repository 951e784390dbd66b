# Parity: published across, modelled up, log-log, a point for each figure with its name and error, the diagonal and a
# band of 5 %. Names stand alternately right and left of their points, as neighbours often lie close.
# gnuplot -c parity.gp DATA.csv OUT.svg TITLE PREFIX KIND XLABEL YLABEL
# DATA: series, class, id, published, modelled (base units), side (1 right, -1 left). KIND seconds or rate

DATA = ARG1; OUT = ARG2; TITLE = ARG3; PREFIX = ARG4
KIND = ARG5; XLABEL = ARG6; YLABEL = ARG7
HEIGHT = 540
load ARG0[1:strlen(ARG0) - strlen("parity.gp")] . "common.gp"
set xlabel XLABEL textcolor "#333a42" noenhanced offset 0,0.4
set ylabel YLABEL textcolor "#333a42" offset 0.5 noenhanced

stats DATA using 4 every ::1 nooutput name "X"
stats DATA using 5 every ::1 nooutput name "Y"
# One range for both axes; a third of it more on each side, where the outermost names stand.
lo = X_min < Y_min ? X_min : Y_min
hi = X_max > Y_max ? X_max : Y_max
room = (hi / lo < 1.5 ? 1.5 : hi / lo) ** 0.42
lo = lo / room
hi = hi * room
set xrange [lo : hi]
set yrange [lo : hi]
if (hi / lo < 20) {
    set logscale xy 10
    set xtics ()
    set ytics ()
    do for [k=floor(log10(lo)):ceil(log10(hi))] {
        do for [m in (hi / lo < 5 ? "1 1.5 2 2.5 3 4 5 6 8" : "1 2 5")] {
            tic = m * 10.0**k
            text = KIND eq "rate" ? rate(tic) : seconds(tic)
            eval sprintf('set xtics add ("%s" %.17g); set ytics add ("%s" %.17g)', text, tic, text, tic)
        }
    }
} else {
    eval log10_tics("x", KIND, lo, hi)
    eval log10_tics("y", KIND, lo, hi)
}

set samples 2
at(i) = i == 0 ? lo : hi
error(p, m) = abs(m / p - 1) < 5e-4 ? 0 : 100 * (m / p - 1)
named(id, p, m) = error(p, m) == 0 ? id . " 0.0 %" : sprintf("%s %+.1f %%", id, error(p, m))
plot '+' using (at($0)):(at($0) * 0.95):(at($0) * 1.05) with filledcurves fillcolor rgb "#8a929b" \
         fillstyle transparent solid 0.25 noborder title "±5 %", \
     '+' using (at($0)):(at($0)) with lines linewidth 1 linecolor rgb "#555555" title "equal", \
     for [i=1:N] DATA using ($1 == i ? $4 : NaN):5 every ::1 with points pointtype point(i) pointsize 0.8 \
         linecolor rgb colour(i) title NAME[i], \
     DATA using ($6 > 0 ? $4 : NaN):5:(named(strcol(3), $4, $5)) every ::1 with labels left offset 0.9,-0.35 \
         noenhanced textcolor "#333a42" font ",11" notitle, \
     DATA using ($6 < 0 ? $4 : NaN):5:(named(strcol(3), $4, $5)) every ::1 with labels right offset -0.9,0.35 \
         noenhanced textcolor "#333a42" font ",11" notitle
