/* Serving once more, slowly: microsecond by microsecond, every request looked at in each. */
#ifndef SN_TESTS_UNIT_SERVE_REFERENCE_H
#define SN_TESTS_UNIT_SERVE_REFERENCE_H

#include "bench/macro/serve_engine.h"

enum { REFERENCE_REQUESTS = 32, REFERENCE_EMISSIONS = 4096, REFERENCE_BLOCKS = 512 };

struct reference_instants {
    int64_t start_us, computed_us, first_us, here_us, end_us;
    uint32_t cached, read, stored;
};

struct reference {
    struct reference_instants request[REFERENCE_REQUESTS];
    struct sn_serve_emission emission[REFERENCE_EMISSIONS];
    size_t emissions;
    int64_t last_us; /* at which anything happened */
    uint64_t inserted, evicted;
};

/* All times of the load and the configuration are whole microseconds; no admission, one member of
 * the pool. */
void reference_run(struct reference *out, const struct sn_serve_load *load,
                   const struct sn_serve_config *c);

#endif
