/* For more ranks than cores, in tests alone: a rank that waits within MPI gives its core away.
 *
 * MPICH waits by asking UCX for progress in a loop, a whole time slice long while the rank that it
 * waits for has no core. Loaded before the libraries, this asks in its place and yields where there
 * was nothing: 7 ranks on 2 cores need 3 s for tests that took 93. On other builds of MPICH nothing
 * calls it. */
#include <dlfcn.h>
#include <sched.h>

unsigned ucp_worker_progress(void *worker);

unsigned ucp_worker_progress(void *worker)
{
    static unsigned (*next)(void *);
    if (!next)
        next = (unsigned (*)(void *))dlsym(RTLD_NEXT, "ucp_worker_progress");
    unsigned events = next(worker);
    if (!events)
        sched_yield();
    return events;
}
