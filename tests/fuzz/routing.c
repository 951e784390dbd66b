/* Fuzz target: routing specifications, curve files and trace files. The first byte chooses; what is
 * accepted must also draw: distinct experts in range. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "comm/routing_kind.h"

enum { EXPERTS = 12, TOPK = 2 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void draw(const char *spec)
{
    struct sn_routing *r;
    if (strchr(spec, '/') || sn_routing_open(&r, spec, EXPERTS, TOPK, 1))
        return;
    for (uint64_t t = 0; t < 4; t++) {
        uint16_t expert[TOPK];
        float weight[TOPK];
        sn_routing_token(r, t, ~t, expert, weight);
        if (expert[0] == expert[1] || expert[0] >= EXPERTS || expert[1] >= EXPERTS)
            abort();
    }
    sn_routing_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    char *text = strndup((const char *)data + 1, size - 1);
    double popularity[EXPERTS], sum = 0;
    struct sn_routing_trace_rows rows;

    switch (data[0]) {
    case 'c':
        if (sn_routing_curve_parse(text, "curve", EXPERTS, popularity))
            break;
        for (unsigned e = 0; e < EXPERTS; e++)
            sum += popularity[e];
        if (!(sum > 0.999999 && sum < 1.000001))
            abort();
        break;
    case 't':
        if (sn_routing_trace_parse(&rows, text, "trace", EXPERTS, TOPK) == 0) {
            if (rows.layers == 0 || rows.layer_first[rows.layers] == 0)
                abort();
            sn_routing_trace_free(&rows);
        }
        break;
    default:
        if (sn_routing_check(text) == 0)
            draw(text);
    }
    free(text);
    return 0;
}
