/* Words that the reader and the writer of profiles share. */
#ifndef SN_BENCH_PROFILE_WORDS_H
#define SN_BENCH_PROFILE_WORDS_H

/* By enum sn_figure_class; the first, of a figure that is not given, stands in no file. NULL ends.
 */
extern const char *const sn_profile_class_words[];

#endif
