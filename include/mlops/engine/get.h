/* Content to a place of the user's choice, without tracking it: from a URL, or from what a
 * project's pointers and lock files name. The place appears whole, by rename, or not at all. */
#pragma once

#include "mlops/engine/data.h"
#include "mlops/store/upstream.h"

struct get_target {
    struct str out;    /* absolute; its directory must be there */
    bool force;        /* a file that lies there is replaced; a directory never */
    bool is_directory; /* written with a '/' behind it: no name for a file */
    const struct observer *observer;
};

struct get_report {
    bool is_directory;
    int64_t files, bytes;
};

/* What `state` (of upstream_look) says. */
FALLIBLE get_url(struct arena *arena, const struct get_target *target, struct upstream *upstream,
                 const struct upstream_state *state, struct get_report *ret);

/* `path` (of the project) as pointers and lock files say, or, at a commit, a file that git keeps.
 * `commit` empty: of the work tree. Content comes from the store. ERROR_PROJECT: nothing names it;
 * ERROR_ANSWER: the store lacks it. */
FALLIBLE get_tracked(struct session *session, const struct get_target *target, struct str commit,
                     struct str path, struct get_report *ret);

/* Refuses early what could not be put in place later. */
FALLIBLE get_check(struct arena *arena, const struct get_target *target);

/* What is in the store. */
FALLIBLE get_stored(struct session *session, const struct get_target *target,
                    const struct artifact *artifact, struct get_report *ret);
