/* Which snbench this is. */
#ifndef SN_HARNESS_VERSION_H
#define SN_HARNESS_VERSION_H

#include <stdbool.h>

const char *sn_version(void); /* "0.1.0" */
const char *
sn_version_commit(void);     /* the commit that was built, or NULL (built outside a repository) */
bool sn_version_dirty(void); /* built with changes that are not committed */

#endif
