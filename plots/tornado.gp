# Tornado: how far a figure moves with each parameter, the parameter that moves it most on top.
# gnuplot -c tornado.gp DATA.csv OUT.svg TITLE PREFIX XLABEL
# DATA: bar, name, change where the parameter is 10 % smaller, and larger (fractions)

DATA = ARG1; OUT = ARG2; TITLE = ARG3; PREFIX = ARG4; XLABEL = ARG5
set datafile separator comma
stats DATA using 1 every ::1 nooutput name "BAR"
B = int(BAR_max)
widest = 1
do for [b=1:B] {
    stats DATA using ($1 == b ? (found = strcol(2), 1) : NaN) every ::1 nooutput
    widest = strlen(found) > widest ? strlen(found) : widest
}
margin = (widest > 42 ? 42 : widest) + 3
HEIGHT = 160 + 30 * B
load ARG0[1:strlen(ARG0) - strlen("tornado.gp")] . "common.gp"

set lmargin margin
stats DATA using ($3 < $4 ? $3 : $4) every ::1 nooutput name "LO"
stats DATA using ($3 > $4 ? $3 : $4) every ::1 nooutput name "HI"
lo = LO_min < 0 ? LO_min : 0
hi = HI_max > 0 ? HI_max : 0
air = hi > lo ? 0.14 * (hi - lo) : 0.01
set xlabel XLABEL textcolor "#333a42" noenhanced offset 0,0.4
set xrange [lo - air : hi + air]
set yrange [B + 0.6 : 0.4]
set ytics () scale 0
do for [b=1:B] {
    set ytics add (NAME[b] b)
}
unset grid
set grid xtics linecolor "#e3e6e9" linewidth 0.8 linetype 1
percent(v) = abs(v) < 1e-9 ? "0" : sprintf("%+g %%%%", 100 * v) # labels of ticks are formats
signed(v) = abs(v) < 0.00005 ? "0 %" : abs(v) < 0.00995 ? sprintf("%+.2f %%", 100 * v) : sprintf("%+.1f %%", 100 * v)
eval linear_tics("x", "percent", lo - air, hi + air)
set arrow 1 from 0, 0.4 to 0, B + 0.6 nohead linewidth 1.2 linecolor rgb "#555555" front
# Beside the end of its bar; where both bars go to one side, those of the shorter one are left out.
same(a, b) = a * b > 0 && abs(a) < abs(b)
plot DATA using 3:1:(0):3:($1 - 0.33):($1 + 0.33) every ::1 with boxxyerror fillcolor rgb colour(1) fillstyle solid 0.9 \
         noborder title "10 % smaller", \
     DATA using 4:1:(0):4:($1 - 0.33):($1 + 0.33) every ::1 with boxxyerror fillcolor rgb colour(2) fillstyle solid 0.9 \
         noborder title "10 % larger", \
     for [c=3:4] DATA using (column(c) >= 0 ? column(c) : NaN):1:(same(column(c), column(7 - c)) ? "" : signed(column(c))) \
         every ::1 with labels left offset 0.4,0 noenhanced font ",11" textcolor "#333a42" notitle, \
     for [c=3:4] DATA using (column(c) < 0 ? column(c) : NaN):1:(same(column(c), column(7 - c)) ? "" : signed(column(c))) \
         every ::1 with labels right offset -0.4,0 noenhanced font ",11" textcolor "#333a42" notitle
