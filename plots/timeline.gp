# Timeline: lanes from top to bottom, a box for each span, its name in it where there is room.
# gnuplot -c timeline.gp DATA.csv OUT.svg TITLE PREFIX
# DATA: series (of the name), name, lane, name of the lane, start (s), duration (s)

DATA = ARG1; OUT = ARG2; TITLE = ARG3; PREFIX = ARG4
set datafile separator comma
set datafile missing ""
stats DATA using 3 every ::1 nooutput name "LANE"
L = int(LANE_max)
array LANENAME[L]
widest = 1
do for [l=1:L] {
    stats DATA using ($3 == l ? (found = strcol(4), 1) : NaN) every ::1 nooutput
    LANENAME[l] = found
    widest = strlen(found) > widest ? strlen(found) : widest
}
stats DATA using ($5 + $6) every ::1 nooutput name "END"
margin = (widest > 42 ? 42 : widest) + 3
LEFT = 7.2 * margin - 40
HEIGHT_PLOT = 120 + 52 * L
load ARG0[1:strlen(ARG0) - strlen("timeline.gp")] . "common.gp"

set lmargin margin
set xlabel "time" textcolor "#333a42" offset 0,0.4
set xrange [0 : END_max * 1.01]
set yrange [L + 0.55 : 0.45]
set ytics () scale 0
do for [l=1:L] {
    set ytics add (LANENAME[l] l)
}
unset grid
set grid xtics linecolor "#e3e6e9" linewidth 0.8 linetype 1
eval linear_tics("x", "seconds", 0, END_max)
# A letter is about 6 of the WIDTH - LEFT - 60 points of the plot.
fits(name, s) = s / (END_max * 1.01) * (WIDTH - LEFT - 60) > 6.0 * strlen(name) + 4 ? name : ""
plot for [i=1:N] DATA using ($1 == i ? $5 : NaN):3:5:($5 + $6):($3 - 0.36):($3 + 0.36) every ::1 with boxxyerror \
         fillcolor rgb tone(i) fillstyle solid 1 border linecolor "#ffffff" title NAME[i], \
     DATA using ($5 + $6 / 2):3:(fits(strcol(2), $6)):(ink(tone($1))) every ::1 with labels center noenhanced \
         font ",11" textcolor rgb variable notitle
