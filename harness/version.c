#include "harness/version.h"

#include <stddef.h>

#include "gitinfo.h" /* written by the makefile: SN_GIT_COMMIT, SN_GIT_DIRTY */

const char *sn_version(void)
{
    return "0.1.0";
}

const char *sn_version_commit(void)
{
    return SN_GIT_COMMIT[0] ? SN_GIT_COMMIT : NULL;
}

bool sn_version_dirty(void)
{
    return SN_GIT_DIRTY;
}
