/* Between the files of module urls. */
#pragma once

#include "mlops/engine/urls.h"

/* What a pointer says of its source, as far as it decides whether it is the same one. */
struct url_origin {
    struct str url, path; /* path: of a repository */
    struct str last;      /* what it is called there */
    bool is_git;
};

/* Where it is to be: the wanted path, or in that directory as it is called there. */
FALLIBLE urls_find_path(struct session *session, const struct url_import *wanted,
                        const struct url_origin *origin, struct str *ret);

/* The pointer as it will be, but for what is fetched. Refuses what would take the place of
 * something else. */
FALLIBLE urls_make_pointer(struct session *session, const struct url_import *wanted,
                           const struct url_origin *origin, struct str path,
                           struct url_outcome *outcome);

FALLIBLE urls_write_pointer(struct session *session, const struct pointer *pointer);

/* Of a pointer whose source is a repository. */
FALLIBLE urls_update_git(struct session *session, const struct url_update *wanted,
                         struct url_outcome *outcome);
