/* What 'mlops remote' does with the settings of remotes, and trying one out. */
#pragma once

#include "mlops/cli/context.h"
#include "mlops/store/remote.h"

/* argv: NAME URL [KEY=VALUE...]; all are looked at before any is written. */
FALLIBLE remotes_add(struct context *context, const struct workspace *workspace,
                     enum config_layer layer, int argc, const struct str *argv);

/* Takes its settings out of all layers. */
FALLIBLE remotes_remove(struct context *context, const struct workspace *workspace,
                        struct str name);

/* In all layers and as the default; what is known of its packs goes along. Pipelines that name it
 * are told, not changed. */
FALLIBLE remotes_rename(struct context *context, const struct workspace *workspace, struct str from,
                        struct str to);

/* In the layer that says where it is; `written` may be a path or HOST:PATH as for `add`. */
FALLIBLE remotes_set_url(struct context *context, const struct workspace *workspace,
                         struct str name, struct str written);

/* Writes, reads and removes a small file; the answer says what works. */
FALLIBLE remotes_check(struct context *context, const struct workspace *workspace, struct str name);
