# One metric against another: the frontier of each series as a line, what it beats as pale points.
# gnuplot -c pareto.gp DATA.csv OUT.svg TITLE PREFIX XKIND YKIND XLABEL YLABEL
# DATA: series, name, x, y, frontier (1 or 0), label of the point (base units; of each series first its frontier in the
# order of x; published figures have series 0 and stand last). KIND seconds, rate, ops, binary or plain

DATA = ARG1; OUT = ARG2; TITLE = ARG3; PREFIX = ARG4
XKIND = ARG5; YKIND = ARG6; XLABEL = ARG7; YLABEL = ARG8
load ARG0[1:strlen(ARG0) - strlen("pareto.gp")] . "common.gp"
set xlabel XLABEL textcolor "#333a42" noenhanced offset 0,0.4
set ylabel YLABEL textcolor "#333a42" offset 0.5 noenhanced

stats DATA using 3 every ::1 nooutput name "X"
stats DATA using 4 every ::1 nooutput name "Y"
has_mark = 0
stats DATA using ($1 == 0 ? (has_mark = 1, 1) : 0) every ::1 nooutput

# Over a factor of 8 an axis is logarithmic; else it begins at 0 where that is not far.
range(axis, kind, lo, hi) = lo > 0 && hi / lo > 8 ? log10_tics(axis, kind, lo / 1.4, hi * 1.4) \
        . sprintf("; set %srange [%.17g : %.17g]", axis, lo / 1.4, hi * 1.4) \
    : linear_tics(axis, kind, floor_of(lo, hi), hi + 0.1 * room(lo, hi)) \
        . sprintf("; set %srange [%.17g : %.17g]", axis, floor_of(lo, hi), hi + 0.1 * room(lo, hi))
room(lo, hi) = hi > lo ? hi - lo : hi > 0 ? hi : 1
floor_of(lo, hi) = lo >= 0 && lo < 0.7 * hi ? 0 : lo - 0.1 * room(lo, hi)
eval range("x", XKIND, X_min, X_max)
eval range("y", YKIND, Y_min, Y_max)

plot for [i=1:N] DATA using ($1 == i && $5 == 0 ? $3 : NaN):4 every ::1 with points pointtype point(i) pointsize 0.7 \
         linecolor rgb lighter(colour(i)) notitle, \
     for [i=1:N] DATA using ($1 == i && $5 == 1 ? $3 : NaN):4 every ::1 with linespoints linewidth 2 \
         linecolor rgb colour(i) pointtype point(i) pointsize 0.75 title NAME[i], \
     DATA using ($1 > 0 && $5 == 1 ? $3 : NaN):4:(strcol(6)) every ::1 with labels left offset 0.7,-0.7 noenhanced \
         textcolor "#333a42" font ",11" notitle, \
     DATA using ($1 == 0 ? $3 : NaN):4 every ::1 with points pointtype 12 pointsize 1.1 linewidth 1.8 \
         linecolor rgb "#1b1f24" title (has_mark ? "published" : "")
