#!/bin/bash
# The layering check fails on what it should, and passes on what it should.
. tests/cli/lib.sh
mkdir -p "$tmp/t/kernels" "$tmp/t/comm" "$tmp/t/harness/base" "$tmp/t/bench"
echo '#include "harness/base/units.h"' >"$tmp/t/kernels/a.c"
echo '#include "comm/transport.h"' >"$tmp/t/bench/b.c"
expect "allowed includes pass" 0 .ci/lint-layers "$tmp/t"
echo '#include "comm/transport.h"' >"$tmp/t/kernels/bad.c"
expect "kernels must not include comm" 1 .ci/lint-layers "$tmp/t"
says -o "the line is named" "kernels/bad.c:1"
echo '#include "../comm/transport.h"' >"$tmp/t/kernels/bad.c"
expect "nor through .." 1 .ci/lint-layers "$tmp/t"
echo '#include <comm/transport.h>' >"$tmp/t/kernels/bad.c"
expect "nor in angle brackets" 1 .ci/lint-layers "$tmp/t"
echo '#include "papi.h"' >"$tmp/t/kernels/bad.c"
expect "nor a library in quotes" 1 .ci/lint-layers "$tmp/t"
rm "$tmp/t/kernels/bad.c"
echo '  #  include "harness/row.h"' >"$tmp/t/comm/bad.c"
expect "comm must not include harness" 1 .ci/lint-layers "$tmp/t"
rm "$tmp/t/comm/bad.c"
echo '#include <mpi.h>' >"$tmp/t/harness/base/bad.c"
expect "base must not include MPI" 1 .ci/lint-layers "$tmp/t"
rm "$tmp/t/harness/base/bad.c"
echo '#include "bench/benches.h"' >"$tmp/t/harness/bad.c"
expect "harness must not include bench" 1 .ci/lint-layers "$tmp/t"
expect "this tree's layers" 0 .ci/lint-layers .
finish
