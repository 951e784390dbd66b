#!/bin/bash
# The network's engines: messages a second on one core, bytes of memory a message.
#
#     tests/bench/engine.sh [SECONDS]
#
# SECONDS (default 1) are spent on each line. Exit 3 when sends in rotated or random order run below 5 million messages a second, or
# when traffic without dependencies takes more than 64 bytes a message (and a page). It needs a core that does nothing else.
cd "$(dirname "$0")/../.." || exit 2
make -s build/release/tests/bench-engine || exit 2
build/release/tests/bench-engine --seconds "${1:-1}" | tee /dev/stderr | awk '
    NR > 1 && $1 == "sends" && $3 != "same" && $5 < 5 { print "MISSED: 5 M/s at " $2 " dies, " $3; bad = 1 }
    NR > 1 && $1 != "events" && $6 > 64 + 4096 / $4 { print "MISSED: 64 B/msg, " $1 " at " $2 " dies, " $3; bad = 1 }
    END { exit bad ? 3 : 0 }'
