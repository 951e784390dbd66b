/* Degradations as terms: what a specification says, before it meets a network. */
#ifndef SN_COMM_FABRIC_NET_DEGRADE_H
#define SN_COMM_FABRIC_NET_DEGRADE_H

#include <stddef.h>

enum sn_degrade_target {
    SN_DEGRADE_PLANE,
    SN_DEGRADE_NODE,
    SN_DEGRADE_DIE,
    SN_DEGRADE_PAIR,
    SN_DEGRADE_TARGETS
};

#define SN_DEGRADE_ALL (~0u) /* link: of every plane */
enum { SN_DEGRADE_MAX_TERMS = 4096 };

struct sn_degrade_term {
    enum sn_degrade_target target;
    unsigned at;   /* plane, node, die; of a pair the source */
    unsigned link; /* the plane of the link, or SN_DEGRADE_ALL; of a pair the destination */
    double factor;
    char text[64]; /* as written, cut to fit */
};

/* Splits `spec` (NULL or "none": no terms) and reads each term; *out (n terms, NULL when none) is
 * freed by the caller. SN_EINVAL names the term and what would be right. */
int sn_degrade_parse(struct sn_degrade_term **out, size_t *n, const char *spec);

#endif
