/* A mount namespace of one's own (with a user namespace where that is needed), so that another
 * directory stands at a path for this process and all it starts. No privilege is asked for beyond
 * what the kernel gives an ordinary user; containers often refuse it, which is an answer. */
#pragma once

#include "mlops/base/error.h"
#include "mlops/base/str.h"

/* Whether it works here, tried in a child process. *ret_why: why not, in words. */
FALLIBLE namespace_probe(struct arena *arena, bool *ret_can, struct str *ret_why);

enum mount_kind {
    MOUNT_BIND,      /* as it is */
    MOUNT_READ_ONLY, /* bound, nothing can be written through it */
    MOUNT_OVERLAY,   /* what is written lands in `upper`, `from` stays. Where the file system can't
                        hold an upper directory it stays in memory; where the kernel has no overlays
                        in user namespaces: read only. What is mounted below `from` is there, but
                        read only */
};

struct mount {
    enum mount_kind kind;
    struct str from, to;    /* absolute; `to` is there */
    struct str upper, work; /* of an overlay: empty directories side by side, alone there */
};

/* Only before threads exist. Mounts in this order, with everything below `from`; later ones see the
 * earlier. The caller's user and group stay what they were. An error leaves the process fit only to
 * exit. */
FALLIBLE namespace_enter(const struct mount *mounts, size_t count);
