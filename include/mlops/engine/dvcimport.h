/* What `dvc import` brought from another project: it comes from there once more, and follows it. */
#pragma once

#include "mlops/engine/data.h"
#include "mlops/engine/transfer.h"
#include "mlops/engine/urls.h"

/* What our store lacks of a root of such a file, at the commit that it records; what is to be put
 * in place is added to `ret_placed`, unless it is of a commit. */
FALLIBLE dvcimport_fetch(struct session *session, const struct transfer_root *root,
                         struct data_record_vec *ret_placed, struct depot_counts *counts);

/* The repository that such a file names; may be empty. */
struct str dvcimport_url(const struct dvc_tracked *tracked);

/* Those in `path` ("" = all): a path that one tracks, its file, or a directory of such. */
FALLIBLE dvcimport_find(struct session *session, struct str path, struct dvc_tracked_vec *ret);

/* As urls_update of one: the newest commit of the revision that it follows. The outcome's pointer
 * has the `.dvc` file and the artifact, and nothing else. */
FALLIBLE dvcimport_update(struct session *session, const struct dvc_tracked *tracked,
                          const struct url_update *wanted, struct url_outcome *ret);
