# Curves with interval bands on log axes, one per series, with their limits as thin dashed lines.
# gnuplot -c curves.gp DATA.csv OUT.svg TITLE PREFIX XKIND YKIND XLABEL YLABEL
# DATA: series, name, x, median, lo, hi, limit (base units; an empty field is unknown)
# XKIND binary (bytes) or count; YKIND seconds or rate

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

# Half a step of air at both ends keeps the outermost points off the frame.
set xrange [X_min / 1.15 : X_max * 1.15]
set yrange [ymin / 1.35 : ymax * 1.35]
if (XKIND eq "binary") {
    eval log2_tics("x", X_min, X_max)
} else {
    set logscale x 2
    set xtics ()
    do for [k=floor(log(X_min) / log(2) + 1e-9):ceil(log(X_max) / log(2) - 1e-9):log2_step(X_min, X_max)] {
        eval sprintf('set xtics add ("%d" %d)', 2**k, 2**k)
    }
}
eval log10_tics("y", YKIND, ymin / 1.35, ymax * 1.35)
has_limit = 0
stats DATA using (valid(7) ? (has_limit = 1, 1) : 0) every ::1 nooutput

plot for [i=1:N] DATA using ($1 == i ? $3 : NaN):7 every ::1 with lines dashtype (6,4) linewidth 1 \
         linecolor rgb colour(i) notitle, \
     for [i=1:N] DATA using ($1 == i ? $3 : NaN):5:6 every ::1 with filledcurves \
         fillcolor rgb colour(i) fillstyle transparent solid 0.22 noborder notitle, \
     for [i=1:N] DATA using ($1 == i ? $3 : NaN):4 every ::1 with linespoints linewidth 2 \
         linecolor rgb colour(i) pointtype point(i) pointsize 0.55 title NAME[i], \
     (has_limit ? 1 : NaN) with lines dashtype (6,4) linewidth 1 linecolor rgb "#555555" \
         title (has_limit ? "limit" : "")
