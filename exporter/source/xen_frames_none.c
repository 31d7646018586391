/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for xen_frames.c in a build without Xen's libraries. */
#include "source/frames.h"

#include <errno.h>

int xen_frames_new(struct frames **ret_frames)
{
    return -EOPNOTSUPP;
}
