# Empirical distributions of samples: the share of the samples that took at most so long, log x.
# gnuplot -c ecdf.gp DATA.csv OUT.svg TITLE PREFIX XLABEL
# DATA: series, name, sample (s), fraction

DATA = ARG1; OUT = ARG2; TITLE = ARG3; PREFIX = ARG4; XLABEL = ARG5
load ARG0[1:strlen(ARG0) - strlen("ecdf.gp")] . "common.gp"
stats DATA using 3 every ::1 nooutput name "X"
set xlabel XLABEL textcolor "#333a42" noenhanced offset 0,0.4
set ylabel "share of the samples" textcolor "#333a42" offset 0.5
set xrange [X_min / 1.1 : X_max * 1.1]
set yrange [0 : 1.02]
set ytics ("0 %%" 0, "25 %%" 0.25, "50 %%" 0.5, "75 %%" 0.75, "100 %%" 1)
eval log10_tics("x", "seconds", X_min / 1.1, X_max * 1.1)
plot for [i=1:N] DATA using ($1 == i ? $3 : NaN):4 every ::1 with steps linewidth 1.8 \
    linecolor rgb colour(i) title NAME[i]
