#include <criterion/criterion.h>

#include <string.h>

#include "harness/base/status.h"
#include "harness/options.h"

static int parse(struct sn_options *o, const char *a, const char *b, const char *c)
{
    char *argv[] = {"snbench", "run", (char *)a, (char *)b, (char *)c, NULL};
    int argc = 2 + (a != NULL) + (b != NULL) + (c != NULL);
    return sn_options_parse(o, SN_CMD_RUN, argc, argv, 2);
}

Test(options, defaults)
{
    struct sn_options o;
    cr_assert_eq(parse(&o, NULL, NULL, NULL), SN_OK);
    cr_assert_eq(o.clock, SN_CLOCK_WALL);
    cr_assert_eq(o.sample.min, 20);
    cr_assert_eq(o.sample.max, 1000);
    cr_assert_float_eq(o.sample.ci, 0.025, 1e-12);
    cr_assert_eq(o.launches, 1);
    cr_assert_eq(o.launch, -1);
    cr_assert_eq(o.n_args, 0);
    sn_options_free(&o);
}

Test(options, values_and_arguments_mix)
{
    struct sn_options o;
    cr_assert_eq(parse(&o, "latency", "--samples=6:30", "size=8"), SN_OK);
    cr_assert_eq(o.sample.min, 6);
    cr_assert_eq(o.sample.max, 30);
    cr_assert_eq(o.n_args, 2);
    cr_assert_str_eq(o.args[0], "latency");
    cr_assert_str_eq(o.args[1], "size=8");
    sn_options_free(&o);
}

Test(options, one_value_of_samples_is_both_ends)
{
    struct sn_options o;
    cr_assert_eq(parse(&o, "--samples", "50", NULL), SN_OK);
    cr_assert_eq(o.sample.min, 50);
    cr_assert_eq(o.sample.max, 50);
    sn_options_free(&o);
}

Test(options, plugins_add_up_in_order)
{
    struct sn_options o;
    cr_assert_eq(parse(&o, "--plugin=a.so", "latency", "--plugin=b.so"), SN_OK);
    cr_assert_eq(o.n_plugins, 2);
    cr_assert_str_eq(o.plugins[0], "a.so");
    cr_assert_str_eq(o.plugins[1], "b.so");
    cr_assert_eq(o.n_args, 1);
    sn_options_free(&o);
    cr_assert_eq(parse(&o, "--plugin=a.so", "--seed=x", NULL), SN_EINVAL); /* and nothing leaks */
}

static void refused(const char *a, const char *b, const char *text)
{
    struct sn_options o;
    sn_status_clear();
    cr_assert_eq(parse(&o, a, b, NULL), SN_EINVAL, "%s %s", a, b ? b : "");
    cr_assert(strstr(sn_status_message(), text), "%s: '%s' lacks '%s'", a, sn_status_message(),
              text);
}

Test(options, refusals_say_what_would_be_right)
{
    refused("--samples", "0:5", "MIN:MAX");
    refused("--samples", "9:5", "MIN:MAX");
    refused("--samples", "5:", "MIN:MAX");
    refused("--ci", "0%", "2.5%");
    refused("--ci", "nan", "2.5%");
    refused("--budget", "-3s", "500ms");
    refused("--seed", "-1", "integer");
    refused("--seed", "9223372036854775808", "integer");
    refused("--clock", "wal", "did you mean 'wall'");
    refused("--format", "html", "one of text, md, csv, json, osu");
    refused("--inject", "hang=x", "hang=RANK");
    refused("--launch", "1", "below --launches");
    refused("--mutate", "bitflop", "did you mean 'bitflip'");
    refused("--tiemout", "5s", "did you mean --timeout");
    refused("-z", NULL, "unknown option -z");
    refused("--suite", NULL, "needs a value");
}
