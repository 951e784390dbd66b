/* comm/routing.h: what is said of wrong specifications and files (comm/routing_kind.h). */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "comm/routing_kind.h"
#include "harness/base/status.h"

#define TRACE          "trace(tests/golden/routing/trace.csv)"
#define EACH(i, array) (size_t i = 0; i < sizeof(array) / sizeof(array)[0]; i++)

/* Every word of `words` (separated by |) is in the last message. */
static void says(const char *what, const char *words)
{
    char copy[256], *rest = copy;
    strcpy(copy, words);
    for (char *word; (word = strsep(&rest, "|"));)
        cr_assert(strstr(sn_status_message(), word), "%s: '%s' does not say '%s'", what,
                  sn_status_message(), word);
}

Test(routing_text, specification_errors)
{
    static const char *const table[][2] = {
        {"unifrom", "'unifrom'|uniform"},
        {"blanced", "balanced"},
        {"hott(2,0.3)", "hot(N,SHARE)"},
        {"", "balanced, uniform, zipf(S)"},
        {"quux", "balanced, uniform, zipf(S)"},
        {"(3)", "balanced, uniform, zipf(S)"},
        {"zipf", "zipf(S)|zipf(1.2)"},
        {"zipf()", "zipf(S)"},
        {"zipf(", "')'"},
        {"zipf(1", "')'"},
        {"zipf(1)x", "')'"},
        {"zipf(-1)", "zipf(-1)|0..20"},
        {"zipf(21)", "0..20"},
        {"zipf(x)", "zipf(x)|S of zipf(S)"},
        {"zipf(nan)", "zipf(nan)"},
        {"zipf(1,2)", "1 argument"},
        {"hot(2)", "2 arguments|hot(N,SHARE)|hot(8,0.3)"},
        {"hot(2,0.3,4)", "2 arguments"},
        {"hot(1.5,0.3)", "an integer"},
        {"hot(0,0.3)", "1..65535"},
        {"hot(2,1.5)", "0..1"},
        {"balanced(3)", "no arguments"},
        {"uniform()x", "')'"},
        {"curve", "curve(FILE)"},
        {"curve()", "curve(FILE)"},
        {"trace", "trace(FILE)"},
    };
    for
        EACH(i, table)
        {
            sn_status_clear();
            cr_assert_eq(sn_routing_check(table[i][0]), SN_EINVAL, "'%s' was accepted",
                         table[i][0]);
            says(table[i][0], table[i][1]);
            struct sn_routing *r = (void *)1;
            cr_assert_eq(sn_routing_open(&r, table[i][0], 16, 2, 0), SN_EINVAL);
            cr_assert_eq(r, (void *)1, "out is set on success only");
        }
    /* check() reads no file */
    cr_assert_eq(sn_routing_check("curve(missing.csv)"), SN_OK);
    cr_assert_eq(sn_routing_check("trace(a,b (c).csv)"), SN_OK);
    cr_assert_eq(sn_routing_check("uniform"), SN_OK);
    cr_assert_eq(sn_routing_check("hot(2,30%)"), SN_OK);
}

Test(routing_text, open_errors)
{
    static const struct {
        const char *spec;
        unsigned experts, topk;
        int status;
        const char *says;
    } table[] = {
        {"uniform", 0, 1, SN_EINVAL, "0 experts|1..65535"},
        {"uniform", 65536, 1, SN_EINVAL, "65536 experts"},
        {"uniform", 8, 0, SN_EINVAL, "top-0 of 8"},
        {"uniform", 8, 9, SN_EINVAL, "top-9 of 8"},
        {"hot(1,0.5)", 256, 8, SN_EINVAL, "12.5%|50%|top-8"},
        {"hot(12,0.3)", 12, 2, SN_EINVAL, "at most 11"},
        {"hot(10,0.3)", 12, 8, SN_EINVAL, "75%"},
        {"curve(missing.csv)", 16, 2, SN_EIO, "missing.csv"},
        {"trace(missing.csv)", 16, 2, SN_EIO, "missing.csv"},
        {TRACE, 4, 3, SN_EINVAL, "trace.csv:2|2 experts|top-3"},
        {TRACE, 3, 2, SN_EINVAL, "trace.csv:5|'3'|0..2"},
    };
    for
        EACH(i, table)
        {
            struct sn_routing *r = NULL;
            sn_status_clear();
            cr_assert_eq(sn_routing_open(&r, table[i].spec, table[i].experts, table[i].topk, 0),
                         table[i].status, "%s", table[i].spec);
            says(table[i].spec, table[i].says);
            cr_assert_null(r);
        }
}

Test(routing_text, curve_file_errors)
{
    static const char *const table[][2] = {
        {"", "f:0|experts,share"},
        {"# nothing\n", "f:1|experts,share"},
        {"expert,share\n1,0.1\n", "f:1|experts,share"},
        {"experts,share\n", "f:1|no line"},
        {"experts,share\n1\n", "f:2|one field"},
        {"experts,share\n1,0.1,2\n", "f:2|more than two"},
        {"experts,share\nx,0.1\n", "f:2|'x'"},
        {"experts,share\n1,0.1\n\n# so\n2,abc\n", "f:5|abc"},
        {"experts,share\n2,0.1\n2,0.2\n", "f:3|must grow"},
        {"experts,share\n0,0.1\n", "f:2|must grow"},
        {"experts,share\n1,0.5\n2,0.4\n", "f:3|must not fall"},
        {"experts,share\n1,1.5\n", "f:2|pass 1"},
        {"experts,share\n1,0.1\n2,0.5\n", "f:3|the most used must come first"},
        {"experts,share\n1,0.5\n8,0.9\n", "f:3|384,1"},
    };
    for
        EACH(i, table)
        {
            char text[128];
            double popularity[8];
            strcpy(text, table[i][0]);
            sn_status_clear();
            cr_assert_eq(sn_routing_curve_parse(text, "f", 8, popularity), SN_EINVAL, "%s",
                         table[i][0]);
            says(table[i][0], table[i][1]);
        }
    /* CR LF, blanks, comments, no newline at the end; the rest goes to the experts asked for */
    char text[] = "# c\r\nexperts,share\r\n 1 , 0.5 \r\n\r\n2,0.75";
    double p[4];
    cr_assert_eq(sn_routing_curve_parse(text, "f", 4, p), SN_OK, "%s", sn_status_message());
    cr_assert(p[0] == 0.5 && p[1] == 0.25 && p[2] == 0.125 && p[3] == 0.125);
}

Test(routing_text, curve_of_fewer_experts_than_topk)
{
    char path[] = "/tmp/snbench-curve-XXXXXX", spec[64];
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, "experts,share\n2,1\n4,1\n", 22), 22);
    close(fd);
    snprintf(spec, sizeof spec, "curve(%s)", path);
    struct sn_routing *r = NULL;
    cr_assert_eq(sn_routing_open(&r, spec, 4, 3, 0), SN_EINVAL);
    says(spec, "only 2 of 4|top-3");
    cr_assert_eq(sn_routing_open(&r, spec, 4, 2, 0), SN_OK);
    sn_routing_close(r);
    unlink(path);
}

Test(routing_text, trace_file_errors)
{
    static const char *const table[][2] = {
        {"", "f:0|layer,token,e0,e1"},
        {"layer,tokens,e0,e1\n", "f:1|layer,token,e0,e1"},
        {"layer,token,e0\n", "f:1|1 experts|top-2"},
        {"layer,token,e0,e2\n", "f:1|column 4|'e1'"},
        {"layer,token,e0,e1\n", "f:1|no row"},
        {"layer,token,e0,e1\n0,1,0,1\n", "f:2|token 0"},
        {"layer,token,e0,e1\n0,0,0,1\n0,2,0,1\n", "f:3|token 1"},
        {"layer,token,e0,e1\n0,0,0,1\n2,0,0,1\n", "f:3|layer 1 token 0"},
        {"layer,token,e0,e1\n0,0,0,1\n# c\n1,1,0,1\n", "f:4|layer 1 token 1"},
        {"layer,token,e0,e1\nx,0,0,1\n", "f:2|'x'|layer"},
        {"layer,token,e0,e1\n0,-1,0,1\n", "f:2|'-1'|token"},
        {"layer,token,e0,e1\n0\n", "f:2|token"},
        {"layer,token,e0,e1\n0,0,0\n", "f:2|1 experts|must be 2"},
        {"layer,token,e0,e1\n0,0,0,1,2\n", "f:2|more than 2"},
        {"layer,token,e0,e1\n0,0,0,4\n", "f:2|'4'|0..3"},
        {"layer,token,e0,e1\n0,0,0,\n", "f:2|''"},
        {"layer,token,e0,e1\n0,0,2,2\n", "f:2|expert 2 twice"},
    };
    for
        EACH(i, table)
        {
            char text[128];
            struct sn_routing_trace_rows t;
            strcpy(text, table[i][0]);
            sn_status_clear();
            cr_assert_eq(sn_routing_trace_parse(&t, text, "f", 4, 2), SN_EINVAL, "%s", table[i][0]);
            says(table[i][0], table[i][1]);
        }
}

struct seen {
    unsigned n;
    bool zipf;
};

static void emit(void *out, const char *name, const char *brief, const char *unavailable)
{
    struct seen *s = out;
    s->n++;
    s->zipf |= strcmp(name, "zipf(S)") == 0;
    cr_assert(name && brief && *brief && !unavailable);
}

Test(routing_text, list_shows_every_kind)
{
    struct seen s = {0};
    sn_routing_list(emit, &s);
    cr_assert_eq(s.n, 6);
    cr_assert(s.zipf);
#define SN_ROUTING(kind) cr_assert_eq(sn_routing_check(sn_routing_##kind.example), SN_OK);
#include "comm/routings.def"
#undef SN_ROUTING
}
