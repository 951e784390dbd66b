# Parity: published across, modelled up, log-log, a point for each figure with its name, the diagonal and a band of 5 %.
# gnuplot -c parity.gp DATA.csv OUT.svg TITLE PREFIX KIND XLABEL YLABEL
# DATA: series, class, id, published, modelled (base units). KIND seconds or rate

DATA = ARG1; OUT = ARG2; TITLE = ARG3; PREFIX = ARG4
KIND = ARG5; XLABEL = ARG6; YLABEL = ARG7
HEIGHT = 520
load ARG0[1:strlen(ARG0) - strlen("parity.gp")] . "common.gp"
set xlabel XLABEL textcolor "#333a42" noenhanced offset 0,0.4
set ylabel YLABEL textcolor "#333a42" offset 0.5 noenhanced

stats DATA using 4 every ::1 nooutput name "X"
stats DATA using 5 every ::1 nooutput name "Y"
# One range for both axes, with room on the right for the names.
lo = (X_min < Y_min ? X_min : Y_min) / 1.3
hi = (X_max > Y_max ? X_max : Y_max) * 1.3
hi = hi / lo < 3 ? lo * 3 : hi
set xrange [lo : hi]
set yrange [lo : hi]
eval log10_tics("x", KIND, lo, hi)
eval log10_tics("y", KIND, lo, hi)
set samples 200

# Names beside their points, to the left in the right third of the plot.
far = lo * (hi / lo) ** 0.66
plot '+' using (lo * (hi / lo) ** (($0) / 199.0)):(lo * (hi / lo) ** (($0) / 199.0) * 0.95):(lo * (hi / lo) ** (($0) / 199.0) * 1.05) \
         with filledcurves fillcolor rgb "#8a929b" fillstyle transparent solid 0.25 noborder title "±5 %", \
     '+' using (lo * (hi / lo) ** (($0) / 199.0)):(lo * (hi / lo) ** (($0) / 199.0)) with lines linewidth 1 \
         linecolor rgb "#555555" title "equal", \
     for [i=1:N] DATA using ($1 == i ? $4 : NaN):5 every ::1 with points pointtype point(i) pointsize 0.8 \
         linecolor rgb colour(i) title NAME[i], \
     DATA using ($4 < far ? $4 : NaN):5:3 every ::1 with labels left offset 0.9,-0.25 noenhanced \
         textcolor "#333a42" font ",11" notitle, \
     DATA using ($4 < far ? NaN : $4):5:3 every ::1 with labels right offset -0.9,0.25 noenhanced \
         textcolor "#333a42" font ",11" notitle
