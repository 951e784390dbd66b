/* An open transport of a plug-in, for comm/transport_plugin*.c. */
#ifndef SN_COMM_TRANSPORT_PLUGIN_H
#define SN_COMM_TRANSPORT_PLUGIN_H

#include "comm/transport_impl.h"

struct mailbox;
struct cell;

struct plugin_link {
    struct sn_link link;
    const struct sn_transport_plugin *by;
    struct sn_bootstrap boot;
    int *host;
    struct sn_layout layout;
    void *state;
    bool open;      /* close() is due */
    char *base;     /* this rank's memory, aligned */
    uint64_t *skew; /* (ranks) from the plug-in's address to the aligned one */
    char **peer;    /* (ranks) aligned memory of each, where it has an address; or NULL */
    uint64_t *sent, *received; /* (ranks) pieces so far; NULL where the plug-in has messages */
    struct cell *staged;
};

/* SN_EENV with the plug-in's words. */
int sn_plugin_failed(const struct plugin_link *s, const char *hook, const char *why);

/* Returns from the calling function when a hook of the plug-in fails. */
#define HOOK(s, hook, ...)                                                                         \
    do {                                                                                           \
        const char *why_ = (s)->by->hook((s)->state, __VA_ARGS__);                                 \
        if (why_)                                                                                  \
            return sn_plugin_failed((s), #hook, why_);                                             \
    } while (0)

/* Makes progress until *word >= value. */
int sn_plugin_await(struct plugin_link *s, const uint64_t *word, uint64_t value);

/* Messages of a plug-in without send() and recv(): the bytes they take at the start of each rank's
 * memory, the arrays they need, and the two calls. */
size_t sn_plugin_mail_bytes(int ranks);
void sn_plugin_mail_open(struct plugin_link *s);
void sn_plugin_mail_close(struct plugin_link *s);
int sn_plugin_mail_send(struct plugin_link *s, int rank, unsigned me, unsigned to, const void *src,
                        size_t bytes);
int sn_plugin_mail_recv(struct plugin_link *s, int rank, unsigned me, unsigned from, void *dst,
                        size_t bytes);

#endif
