#!/bin/bash
# Are launch and issue of the calibrated profiles what the model's dispatch fits to the published rows?
#
#     tests/bench/fit.sh [PROFILE...]
#
# Prints per profile the fit, the file's figures and the errors of both. Exit 3 when they are apart by more than 5 %.
cd "$(dirname "$0")/../.." || exit 2
[ $# -gt 0 ] || set -- cloudmatrix384-ub h800-deepep
make -s build/release/tests/bench-fit all || exit 2
bad=0
for p; do
    build/release/tests/bench-fit build/snbench "$p" || bad=$?
done
exit $bad
