# Roofline: operations per second against operations per byte, log-log; the roofs, and a point for each case.
# gnuplot -c roofline.gp DATA.csv OUT.svg TITLE PREFIX XLABEL YLABEL
# DATA: series, name, operations per byte, operations per second; roofs have series 0 and stand last: bandwidth (B/s)
# and peak (op/s) in place of the two

DATA = ARG1; OUT = ARG2; TITLE = ARG3; PREFIX = ARG4; XLABEL = ARG5; YLABEL = ARG6
HEIGHT_PLOT = 460
load ARG0[1:strlen(ARG0) - strlen("roofline.gp")] . "common.gp"
set xlabel XLABEL textcolor "#333a42" noenhanced offset 0,0.4
set ylabel YLABEL textcolor "#333a42" offset 0.5 noenhanced

R = 0
array ROOF[32]
array BANDWIDTH[32]
array PEAK[32]
stats DATA using ($1 == 0 ? (R = R < 32 ? R + 1 : R, ROOF[R] = strcol(2), BANDWIDTH[R] = $3, PEAK[R] = $4, 1) : NaN) \
    every ::1 nooutput
stats DATA using ($1 > 0 ? $3 : NaN) every ::1 nooutput name "X"
stats DATA using ($1 > 0 ? $4 : NaN) every ::1 nooutput name "Y"
# Every ridge is in the picture, and every point.
xmin = X_min
xmax = X_max
ymin = Y_min
ymax = Y_max
widest = 0
do for [r=1:R] {
    ridge = PEAK[r] / BANDWIDTH[r]
    xmin = ridge < xmin ? ridge : xmin
    xmax = ridge > xmax ? ridge : xmax
    ymin = PEAK[r] < ymin ? PEAK[r] : ymin
    ymax = PEAK[r] > ymax ? PEAK[r] : ymax
    widest = BANDWIDTH[r] > widest ? BANDWIDTH[r] : widest
}
xmin = xmin / 2
xmax = xmax * 6
ymin = ymin / 2
ymax = ymax * 1.7
set xrange [xmin : xmax]
set yrange [ymin : ymax]
eval log10_tics("x", "plain", xmin, xmax)
eval log10_tics("y", "ops", ymin, ymax)
set samples 400

three(v) = v >= 0.9999e15 ? sprintf("%.3g Pop/s", v / 1e15) : v >= 0.9999e12 ? sprintf("%.3g Top/s", v / 1e12) \
    : v >= 0.9999e9 ? sprintf("%.3g Gop/s", v / 1e9) : sprintf("%.3g Mop/s", v / 1e6)
three_rate(v) = v >= 0.9999e12 ? sprintf("%.3g TB/s", v / 1e12) : sprintf("%.3g GB/s", v / 1e9)
roof(r, x) = BANDWIDTH[r] * x < PEAK[r] ? BANDWIDTH[r] * x : PEAK[r]
# The name of a peak above its line, at the right; that of a bandwidth beside its slope, once.
do for [r=1:R] {
    set label 10 + r sprintf("%s: %s", ROOF[r], three(PEAK[r])) at xmax, PEAK[r] right offset -0.6,0.55 noenhanced \
        font ",11" textcolor "#333a42"
    first_of = 1
    do for [q=1:r-1] {
        first_of = BANDWIDTH[q] == BANDWIDTH[r] ? 0 : first_of
    }
    if (first_of) { # of the widest left of its slope, of the others right of theirs
        # Half way up to its lowest ridge.
        ridge = xmax
        do for [q=1:R] {
            at_q = PEAK[q] / BANDWIDTH[q]
            ridge = BANDWIDTH[q] == BANDWIDTH[r] && at_q < ridge ? at_q : ridge
        }
        at_x = sqrt(ridge * (xmin > ymin / BANDWIDTH[r] ? xmin : ymin / BANDWIDTH[r]))
        if (BANDWIDTH[r] == widest) {
            set label 50 + r three_rate(BANDWIDTH[r]) at at_x, BANDWIDTH[r] * at_x right offset -0.6,0.5 noenhanced \
                font ",11" textcolor "#333a42"
        } else {
            set label 50 + r three_rate(BANDWIDTH[r]) at at_x, BANDWIDTH[r] * at_x left offset 0.6,-0.5 noenhanced \
                font ",11" textcolor "#333a42"
        }
    }
}
plot for [r=1:R] '+' using 1:(roof(r, $1)) with lines linewidth 1.4 linecolor rgb "#555555" notitle, \
     for [i=1:N] DATA using ($1 == i ? $3 : NaN):4 every ::1 with points pointtype point(i) pointsize 0.85 \
         linecolor rgb colour(i) title NAME[i]
