/* Data that come from a URL and follow it: import-url makes a pointer that knows its source, update
 * asks whether the source has something newer and fetches only then. */
#pragma once

#include "mlops/engine/arrival.h"
#include "mlops/engine/data.h"
#include "mlops/engine/transfer.h"

struct url_import {
    struct str url;
    struct str inner, rev; /* of a git repository: the path in it, and the revision */
    struct str path; /* of the project; "" or a directory that is there: the name the URL ends in */
    struct str desc;
    bool is_frozen; /* recorded: only named it is updated */
    bool force;     /* what lies at the path gives way (to .mlops/displaced unless it is stored) */
};

enum url_status {
    URL_ADDED,
    URL_UPDATED,  /* other content was fetched */
    URL_SAME,     /* nothing newer, or the same bytes */
    URL_OUTDATED, /* there is something newer, which was only asked for */
    URL_FROZEN,   /* not asked */
    URL_GONE,     /* nothing lies there any more; what is here stays */
    URL_FAILED,   /* it could not be found out, or fetched: among the errors */
};
const char *url_status_name(enum url_status status);

struct url_outcome {
    enum url_status status;
    struct pointer *pointer;
    struct arrival_counts counts;
    int64_t displaced;       /* files of the user's that moved to ... */
    struct str displaced_to; /* ... this folder, relative to .mlops */
};
VEC(url_outcome_vec, struct url_outcome);

/* Into the store, durable; then the pointer, .gitignore, and the work tree. A pointer of the same
 * URL that is there is updated. */
FALLIBLE urls_import(struct session *session, const struct url_import *wanted,
                     struct url_outcome *ret);

/* The same of what another project holds, which is a git repository (engine/registry): the pointer
 * records its URL, the path in it, the revision that was asked for and the commit that it was. */
FALLIBLE urls_import_git(struct session *session, const struct url_import *wanted,
                         struct url_outcome *ret);

/* The work tree holds what the outcome's pointer says, which is in the store; what only the work
 * tree held is displaced, and told in the outcome. */
FALLIBLE urls_place(struct session *session, struct url_outcome *outcome);

struct url_update {
    const struct str *paths; /* of the project: what pointers track, or directories; none: all that
                                is not frozen */
    size_t count;
    struct str rev; /* of repositories: from now on this one; empty: as it was asked for */
    bool is_dry;    /* only asks */
};
FALLIBLE urls_update(struct session *session, const struct url_update *wanted,
                     struct url_outcome_vec *ret);

/* Whether a pointer (by its file) came from a repository. */
FALLIBLE urls_is_of_git(struct session *session, struct str file, bool *ret);

/* What our store lacks of a root that such a pointer names, once more from there, at the commit
 * that it came from. *ret false: it did not come from a repository. */
FALLIBLE urls_fetch_git(struct session *session, const struct transfer_root *root,
                        struct depot_counts *counts, bool *ret);
