/* Numbers with units: values by definition of the units, texts as the header promises them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "harness/base/rng.h"
#include "harness/base/status.h"
#include "harness/base/units.h"

Test(units, integers)
{
    static const struct {
        const char *text;
        enum sn_unit unit;
        int64_t value;
    } t[] = {
        {"0", SN_UNIT_COUNT, 0},
        {"8", SN_UNIT_COUNT, 8},
        {"-8", SN_UNIT_COUNT, -8},
        {"+8", SN_UNIT_COUNT, 8},
        {"007", SN_UNIT_COUNT, 7},
        {"4K", SN_UNIT_COUNT, 4096},
        {"4k", SN_UNIT_COUNT, 4000},
        {"1.5K", SN_UNIT_COUNT, 1536},
        {"1.5M", SN_UNIT_BYTES, 1572864},
        {"2.5m", SN_UNIT_COUNT, 2500000},
        {"1G", SN_UNIT_BYTES, 1073741824},
        {"1g", SN_UNIT_BYTES, 1000000000},
        {"1GB", SN_UNIT_BYTES, 1000000000},
        {"1GiB", SN_UNIT_BYTES, 1073741824},
        {"1 GiB", SN_UNIT_BYTES, 1073741824},
        {"512B", SN_UNIT_BYTES, 512},
        {"0.5KiB", SN_UNIT_BYTES, 512},
        {"0.0009765625K", SN_UNIT_BYTES, 1},
        {"1e3", SN_UNIT_COUNT, 1000},
        {"1.5e1", SN_UNIT_COUNT, 15},
        {"1500e-3K", SN_UNIT_COUNT, 1536},
        {"2min", SN_UNIT_SECONDS, 120},
        {"1h", SN_UNIT_SECONDS, 3600},
        {"2000ms", SN_UNIT_SECONDS, 2},
        {"200%", SN_UNIT_FRACTION, 2},
        {"2.6GHz", SN_UNIT_HERTZ, 2600000000},
        {"12.5GB/s", SN_UNIT_BYTES_PER_S, 12500000000},
        {"9223372036854775807", SN_UNIT_COUNT, INT64_MAX},
        {"9007199254740993", SN_UNIT_COUNT, 9007199254740993}, /* 2^53 + 1: no double on the way */
        {"0e400", SN_UNIT_COUNT, 0},
        {"0.000", SN_UNIT_COUNT, 0},
        {"10000000000000000000000000000000000000000e-40", SN_UNIT_COUNT, 1},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        int64_t v = -77;
        cr_expect_eq(sn_units_parse_int(t[i].text, t[i].unit, &v), SN_OK, "%s: %s", t[i].text,
                     sn_status_message());
        cr_expect_eq(v, t[i].value, "%s: %lld", t[i].text, (long long)v);
    }
}

Test(units, not_integers)
{
    static const struct {
        const char *text;
        enum sn_unit unit;
        const char *says;
    } t[] = {
        {"", SN_UNIT_COUNT, "not a number"},
        {"x", SN_UNIT_COUNT, "not a number"},
        {".", SN_UNIT_COUNT, "not a number"},
        {"-", SN_UNIT_COUNT, "not a number"},
        {"--1", SN_UNIT_COUNT, "not a number"},
        {"1..2", SN_UNIT_COUNT, "not a number"},
        {"1,2", SN_UNIT_COUNT, "not a number"},
        {" 1", SN_UNIT_COUNT, "not a number"},
        {"1 ", SN_UNIT_COUNT, "not a number"},
        {"1  K", SN_UNIT_COUNT, "not a number"},
        {"0x10", SN_UNIT_COUNT, "not a number"},
        {"nan", SN_UNIT_COUNT, "not a number"},
        {"1T", SN_UNIT_COUNT, "not a number"},
        {"1e", SN_UNIT_COUNT, "not a number"},
        {"1e99999999999999999999", SN_UNIT_COUNT, "not a number"},
        {"1GB", SN_UNIT_COUNT, "not a number"},
        {"1Gb", SN_UNIT_BYTES, "512, 4K, 1MiB"},
        {"5m", SN_UNIT_SECONDS, "2min"},
        {"5K", SN_UNIT_FRACTION, "2.5%"},
        {"1.5", SN_UNIT_COUNT, "whole"},
        {"0.3K", SN_UNIT_COUNT, "whole"},
        {"3us", SN_UNIT_SECONDS, "whole"},
        {"0.00000000000000000000000000000000000000000000000001", SN_UNIT_COUNT, "whole"},
        {"1e-300", SN_UNIT_COUNT, "whole"},
        {"9223372036854775808", SN_UNIT_COUNT, "large"},
        {"8589934592G", SN_UNIT_COUNT, "large"},
        {"1e300", SN_UNIT_COUNT, "large"},
        {"99999999999999999999999999999999999999999999", SN_UNIT_COUNT, "large"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        int64_t v = -77;
        cr_expect_eq(sn_units_parse_int(t[i].text, t[i].unit, &v), SN_EINVAL, "%s", t[i].text);
        cr_expect_eq(v, -77, "%s: written", t[i].text);
        cr_expect(strstr(sn_status_message(), t[i].says), "%s: %s", t[i].text, sn_status_message());
    }
}

Test(units, reals_are_the_nearest_double)
{
    static const struct {
        const char *text;
        enum sn_unit unit;
        double value;
    } t[] = {
        {"3us", SN_UNIT_SECONDS, 3e-6},
        {"1.234567us", SN_UNIT_SECONDS, 1.234567e-6},
        {"1ns", SN_UNIT_SECONDS, 1e-9},
        {"2.5%", SN_UNIT_FRACTION, 0.025},
        {"0.1", SN_UNIT_COUNT, 0.1},
        {"1e-9", SN_UNIT_SECONDS, 1e-9},
        {"1.5min", SN_UNIT_SECONDS, 90},
        {"-2.5e3ms", SN_UNIT_SECONDS, -2.5},
        {"7.3GB/s", SN_UNIT_BYTES_PER_S, 7.3e9},
        {"1KiB/s", SN_UNIT_BYTES_PER_S, 1024},
        {"2.6GHz", SN_UNIT_HERTZ, 2.6e9},
        {"1.2Top/s", SN_UNIT_OPS_PER_S, 1.2e12},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        double v = NAN;
        cr_expect_eq(sn_units_parse_real(t[i].text, t[i].unit, &v), SN_OK, "%s: %s", t[i].text,
                     sn_status_message());
        cr_expect(v == t[i].value, "%s: %.17g", t[i].text, v);
    }
    double v = 5;
    cr_expect_eq(sn_units_parse_real("1e400", SN_UNIT_COUNT, &v), SN_EINVAL);
    cr_expect_eq(sn_units_parse_real("inf", SN_UNIT_COUNT, &v), SN_EINVAL);
    cr_expect_eq(sn_units_parse_real("1us2", SN_UNIT_SECONDS, &v), SN_EINVAL);
    cr_expect(v == 5);
}

Test(units, format)
{
    static const struct {
        double value;
        enum sn_unit unit;
        const char *text;
    } t[] = {
        {1.2341e-6, SN_UNIT_SECONDS, "1.234 us"},
        {999.96e-9, SN_UNIT_SECONDS, "1 us"}, /* not "1000 ns" */
        {999.94e-9, SN_UNIT_SECONDS, "999.9 ns"},
        {0.25e-9, SN_UNIT_SECONDS, "0.25 ns"},
        {0, SN_UNIT_SECONDS, "0 s"},
        {1, SN_UNIT_SECONDS, "1 s"},
        {59.5, SN_UNIT_SECONDS, "59.5 s"},
        {150, SN_UNIT_SECONDS, "2.5 min"},
        {5400, SN_UNIT_SECONDS, "90 min"},
        {9000, SN_UNIT_SECONDS, "2.5 h"},
        {-3e-3, SN_UNIT_SECONDS, "-3 ms"},
        {0, SN_UNIT_BYTES, "0 B"},
        {8, SN_UNIT_BYTES, "8 B"},
        {1000, SN_UNIT_BYTES, "1 kB"},
        {1024, SN_UNIT_BYTES, "1 KiB"},
        {4096, SN_UNIT_BYTES, "4 KiB"},
        {7168, SN_UNIT_BYTES, "7 KiB"},
        {7680, SN_UNIT_BYTES, "7.68 kB"},
        {1048576, SN_UNIT_BYTES, "1 MiB"},
        {1572864, SN_UNIT_BYTES, "1536 KiB"},
        {1e9, SN_UNIT_BYTES, "1 GB"},
        {12.3123e9, SN_UNIT_BYTES_PER_S, "12.31 GB/s"},
        {0.974, SN_UNIT_FRACTION, "97.4 %"},
        {1, SN_UNIT_FRACTION, "100 %"},
        {123456, SN_UNIT_COUNT, "123456"},
        {1.32456, SN_UNIT_COUNT, "1.325"},
        {2.6e9, SN_UNIT_HERTZ, "2.6 GHz"},
        {1.5e12, SN_UNIT_OPS_PER_S, "1.5 Top/s"},
        {NAN, SN_UNIT_SECONDS, "-"},
        {INFINITY, SN_UNIT_SECONDS, "inf s"},
    };
    char buf[64];
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        cr_expect_str_eq(sn_units_format(buf, sizeof buf, t[i].value, t[i].unit), t[i].text);
    cr_expect_str_eq(sn_units_format_named(buf, sizeof buf, 1.5e-6, "s"), "1.5 us");
    cr_expect_str_eq(sn_units_format_named(buf, sizeof buf, 1.5, "1"), "1.5");
    cr_expect_str_eq(sn_units_format_named(buf, sizeof buf, 3, "msg/s"), "3 msg/s");
    cr_expect_str_eq(sn_units_format_named(buf, sizeof buf, NAN, "msg/s"), "-");
    cr_expect_str_eq(sn_units_format(buf, 5, 1.2341e-6, SN_UNIT_SECONDS), "1.23"); /* cut */
}

/* What is written can be read again, to the digits that were written. */
Test(units, format_and_parse_agree)
{
    struct sn_rng r = sn_rng_make(1, 0);
    for (int i = 0; i < 20000; i++) {
        enum sn_unit unit = (enum sn_unit)sn_rng_below(&r, SN_UNIT_HERTZ + 1);
        double value = exp(log(1e-8) + sn_rng_uniform(&r) * log(1e20)), back;
        char text[64];
        sn_units_format(text, sizeof text, value, unit);
        cr_assert_eq(sn_units_parse_real(text, unit, &back), SN_OK, "%s", text);
        cr_assert(fabs(back - value) <= 5.1e-4 * value, "%.17g is %s is %.17g", value, text, back);
    }
}

Test(units, snap)
{
    cr_expect(sn_units_snap(1.23456789012345) == 1.23456789012);
    cr_expect(sn_units_snap(0.1) == 0.1);
    cr_expect(sn_units_snap(0) == 0 && !signbit(sn_units_snap(-0.0)));
    cr_expect(isnan(sn_units_snap(NAN)) && isinf(sn_units_snap(INFINITY)));
    struct sn_rng r = sn_rng_make(2, 0);
    for (int i = 0; i < 20000; i++) {
        double x = (sn_rng_uniform(&r) - 0.5) * pow(10, (double)sn_rng_below(&r, 40) - 20);
        double s = sn_units_snap(x);
        char text[40];
        snprintf(text, sizeof text, "%.12g", s);
        cr_assert(strtod(text, NULL) == s && sn_units_snap(s) == s, "%.17g", x);
        cr_assert(fabs(s - x) <= 5.0001e-12 * fabs(x), "%.17g", x);
    }
}

Test(units, names)
{
    cr_expect_str_eq(sn_units_name(SN_UNIT_COUNT), "1");
    cr_expect_str_eq(sn_units_name(SN_UNIT_BYTES), "B");
    cr_expect_str_eq(sn_units_name(SN_UNIT_SECONDS), "s");
    cr_expect_str_eq(sn_units_name(SN_UNIT_BYTES_PER_S), "B/s");
    cr_expect_str_eq(sn_units_name(SN_UNIT_OPS_PER_S), "op/s");
    cr_expect_str_eq(sn_units_name(SN_UNIT_FRACTION), "1");
    cr_expect_str_eq(sn_units_name(SN_UNIT_HERTZ), "Hz");
}
