/* Reading degradations: TARGET:FACTOR terms joined by '+' (comm/fabric/net.h has the grammar). */
#include "comm/fabric/net_degrade.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "comm/fabric/net.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"

static const char *const target_words[] = {[SN_DEGRADE_PLANE] = "plane",
                                           [SN_DEGRADE_NODE] = "node",
                                           [SN_DEGRADE_DIE] = "die",
                                           [SN_DEGRADE_PAIR] = "pair",
                                           [SN_DEGRADE_TARGETS] = NULL};

/* Digits at *at, at most nine so that no unsigned overflows; moves *at behind them. */
static bool take_number(const char **at, unsigned *out)
{
    const char *c = *at;
    unsigned v = 0;
    while (*c >= '0' && *c <= '9' && c - *at < 9)
        v = v * 10 + (unsigned)(*c++ - '0');
    if (c == *at || (*c >= '0' && *c <= '9'))
        return false;
    *at = c;
    *out = v;
    return true;
}

static int read_target(struct sn_degrade_term *t, const char *text, const char *at)
{
    size_t word = strcspn(at, "=");
    int which = 0;
    while (target_words[which] &&
           (strlen(target_words[which]) != word || strncmp(target_words[which], at, word)))
        which++;
    if (!target_words[which] || at[word] != '=') {
        char *unknown = strndup(at, word);
        const char *near = unknown ? sn_nearest(unknown, target_words, SN_DEGRADE_TARGETS) : NULL;
        int s = SN_FAIL(SN_EINVAL,
                        "%s: must be plane=N, node=N, die=N (also with .link=N) or pair=N-N, then "
                        ":FACTOR%s%s%s",
                        text, near ? "; did you mean " : "", near ? near : "", near ? "=?" : "");
        free(unknown);
        return s;
    }
    t->target = (enum sn_degrade_target)which;
    t->link = SN_DEGRADE_ALL;
    at += word + 1;
    if (!take_number(&at, &t->at))
        return SN_FAIL(SN_EINVAL, "%s: %s= needs a whole number", text, target_words[which]);
    if (t->target == SN_DEGRADE_PAIR) {
        if (*at++ != '-' || !take_number(&at, &t->link))
            return SN_FAIL(SN_EINVAL, "%s: a pair is two dies, source-destination: pair=3-9", text);
        if (t->at == t->link)
            return SN_FAIL(SN_EINVAL, "%s: a pair must be two different dies", text);
    } else if (*at == '.') {
        if (t->target == SN_DEGRADE_PLANE)
            return SN_FAIL(SN_EINVAL, "%s: a plane has no .link; node=N.link=%u is a node's", text,
                           t->at);
        if (strncmp(at, ".link=", 6) || (at += 6, !take_number(&at, &t->link)))
            return SN_FAIL(SN_EINVAL, "%s: behind the number only .link=N may follow", text);
    }
    if (*at)
        return SN_FAIL(SN_EINVAL, "%s: \"%s\" before the factor is not understood", text, at);
    return SN_OK;
}

/* Slower than that, nothing arrives before the clock ends. */
#define FACTOR_LEAST 1e-9

static int read_factor(struct sn_degrade_term *t, const char *text, const char *at)
{
    char *end;
    double f = strtod(at, &end);
    if (end == at || *end || strspn(at, "0123456789.e-") != strlen(at) || !(f >= 0 && f <= 1) ||
        *at == '-')
        return SN_FAIL(SN_EINVAL, "%s: the factor must be a number from 0 (cut) to 1, got \"%s\"",
                       text, at);
    /* 1e-400 is below the smallest double: read as 0 it would cut what it means to slow. */
    bool digit = false;
    for (const char *c = at; *c && *c != 'e'; c++)
        digit |= *c >= '1' && *c <= '9';
    if (digit && f < FACTOR_LEAST)
        return SN_FAIL(SN_EINVAL, "%s: the factor %s is too small, the least is %g; 0 cuts", text,
                       at, FACTOR_LEAST);
    t->factor = f;
    return SN_OK;
}

/* `text` is one term; it is cut at its colon and mended. */
static int read_term(struct sn_degrade_term *t, char *text)
{
    size_t n = strlen(text) < sizeof t->text - 1 ? strlen(text) : sizeof t->text - 1;
    memcpy(t->text, text, n);
    t->text[n] = '\0';
    char *colon = strchr(text, ':');
    if (!*text)
        return SN_FAIL(SN_EINVAL, "a degradation is empty; \"none\" is the healthy network, "
                                  "plane=3:0 cuts plane 3");
    if (!colon)
        return SN_FAIL(SN_EINVAL, "%s: has no :FACTOR (0 cuts, 0.5 halves)", t->text);
    *colon = '\0';
    int s = read_target(t, t->text, text);
    return s ? s : read_factor(t, t->text, colon + 1);
}

int sn_degrade_parse(struct sn_degrade_term **out, size_t *n, const char *spec)
{
    *out = NULL;
    *n = 0;
    if (!spec || !strcmp(spec, "none"))
        return SN_OK;
    size_t terms = 1;
    for (const char *c = spec; *c; c++)
        terms += *c == '+';
    if (terms > SN_DEGRADE_MAX_TERMS)
        return SN_FAIL(SN_EINVAL, "%zu degradations: at most %d", terms, SN_DEGRADE_MAX_TERMS);
    char *copy = sn_strdup(spec), *next = copy;
    struct sn_degrade_term *t = sn_calloc(terms, sizeof *t);
    int s = SN_OK;
    for (size_t i = 0; !s && i < terms; i++) {
        char *one = next, *plus = strchr(next, '+');
        if (plus)
            *plus = '\0', next = plus + 1;
        s = read_term(&t[i], one);
    }
    free(copy);
    if (s) {
        free(t);
        return s;
    }
    *out = t;
    *n = terms;
    return SN_OK;
}

int sn_degrade_check(const char *spec)
{
    struct sn_degrade_term *t;
    size_t n;
    int s = sn_degrade_parse(&t, &n, spec);
    free(t);
    return s;
}
