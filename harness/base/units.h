/* Numbers with units, as people type and read them.
 *
 * Reading: an optional sign, a decimal number (1.5, 3e9), then nothing, a count suffix (K M G =
 * powers of 1024, k m g = powers of 1000; not for times, where 5m would be taken for minutes, nor
 * for fractions) or, for a value of a unit, a unit word: B KiB MiB GiB TiB kB MB GB TB (bytes), ns
 * us ms s min h (time), the words of bytes with /s (rate), op/s kop/s Mop/s Gop/s Top/s, Hz kHz MHz
 * GHz, % (fraction); one space may stand before it.
 * Writing: base units in files, scaled units on terminals; GB is 1e9 bytes and GiB 2^30, always.
 */
#ifndef SN_BASE_UNITS_H
#define SN_BASE_UNITS_H

#include <stddef.h>
#include <stdint.h>

enum sn_unit {
    SN_UNIT_COUNT,       /* a plain number; suffixes K M G k m g */
    SN_UNIT_BYTES,       /* B */
    SN_UNIT_SECONDS,     /* s */
    SN_UNIT_BYTES_PER_S, /* B/s */
    SN_UNIT_OPS_PER_S,   /* op/s */
    SN_UNIT_FRACTION,    /* 1; "2.5%" reads as 0.025 */
    SN_UNIT_HERTZ,       /* Hz */
};

/* "B", "s", "B/s", "op/s", "1", "Hz"; "1" for SN_UNIT_COUNT as well. */
const char *sn_units_name(enum sn_unit unit);

/* Reads all of `text` as an integer of `unit`; 1.5K is 1536, a fraction that is left over
 * (1.5, 0.3K) is an error. SN_EINVAL with a message that quotes `text` and shows a right value. */
int sn_units_parse_int(const char *text, enum sn_unit unit, int64_t *out);

/* Reads all of `text` as a finite real of `unit` in base units ("3us" -> 3e-6). SN_EINVAL as above.
 */
int sn_units_parse_real(const char *text, enum sn_unit unit, double *out);

/* Writes `value` (base units) for people, 4 significant digits: "1.234 us", "4 KiB" for exact
 * binary byte counts, "12.31 GB/s", "97.4 %"; a whole SN_UNIT_COUNT in full. NaN gives "-". Returns
 * `buf`. */
char *sn_units_format(char *buf, size_t size, double value, enum sn_unit unit);

/* As sn_units_format(), the unit given by its name in files ("s", "B", "B/s", "op/s", "1"); an
 * unknown name is appended as it is. */
char *sn_units_format_named(char *buf, size_t size, double value, const char *unit);

/* Rounds to 12 significant digits, the precision of every real in a row: after this a value is
 * the same before and after it was written to a file. Not finite: returned as it is. */
double sn_units_snap(double value);

#endif
