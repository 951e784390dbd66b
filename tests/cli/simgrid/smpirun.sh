#!/bin/sh
# smpirun.sh DIR DIES REPLAY TRAFFIC: replays a traffic on the platform in DIR, prints SimGrid's makespan. A pure flow model:
# capacities shared max-min, latencies added once, nothing for the MPI calls or the processors.
exec smpirun -np "$2" -hostfile "$1/hosts" -platform "$1/platform.xml" --cfg=surf/precision:1e-13 --cfg=network/model:CM02 \
    --cfg=network/TCP-gamma:0 --cfg=network/crosstraffic:0 --cfg=network/bandwidth-factor:1 --cfg=network/latency-factor:1 \
    --cfg=network/weight-S:0 --cfg=smpi/simulate-computation:no --cfg=smpi/os:0:0:0 --cfg=smpi/or:0:0:0 \
    --cfg=smpi/ois:0:0:0 --cfg=smpi/send-is-detached-thresh:0 --cfg=smpi/async-small-thresh:0 --cfg=smpi/wtime:0 \
    --log=root.thres:critical "$3" "$4"
