/* A language model's sizes: MLA and experts (bench/models/, schema in its README). */
#ifndef SN_BENCH_LLM_H
#define SN_BENCH_LLM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One step on one die. */
struct sn_llm_step {
    bool prefill;
    uint32_t requests;    /* of a die; prompts */
    uint32_t queries;     /* decode: tokens of a request per step, 1 + speculative ones */
    uint32_t ctx;         /* cached tokens of a request, those of the step included; of a prompt */
    uint32_t dies;        /* that share the experts */
    uint32_t slots;       /* routed experts on all of them, redundant ones included; 0: each once */
    uint32_t shared_dies; /* of them hold nothing but replicas of the shared experts; 0: every die
                             computes those for its own tokens */
};

struct sn_llm {
    const char *name, *brief, *source;
    const char *path; /* of the file */
    uint32_t layers, dense_layers, hidden, vocabulary;
    uint32_t heads, q_rank, latent, rope, nope, v; /* attention; q_rank 0: not compressed */
    uint32_t routed, shared, top_k, groups, kept, intermediate; /* experts */
    uint32_t dense_intermediate;
    struct sn_llm_step decode, prefill; /* a step as it is known to be served, where nothing else is
                                           said */
    void *storage;
};

/* A name (bench/models/NAME.yaml) or a path. SN_EINVAL: "FILE:LINE: ..." for what is not YAML,
 * unknown and missing keys, numbers that are none or out of range, sizes that contradict each other
 * (experts that do not divide into groups, more experts chosen than kept, an odd rope, more dense
 * layers than layers); an unknown name with the nearest one. SN_EIO. Release with sn_llm_close().
 */
int sn_llm_open(struct sn_llm *out, const char *name_or_file);
int sn_llm_parse(struct sn_llm *out, const char *text, size_t n, const char *path);
void sn_llm_close(struct sn_llm *m);

/* For `snbench list models`. */
void sn_llm_list(void (*emit)(void *out, const char *name, const char *brief,
                              const char *unavailable),
                 void *out);

#endif
