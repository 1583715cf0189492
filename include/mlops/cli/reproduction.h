/* What a reproduction came to: verdict first, then what differs stage by stage. */
#pragma once

#include "mlops/cli/context.h"
#include "mlops/engine/reproduce.h"

/* In the context's format: text, JSON, Markdown; as CSV the table of stages. */
void reproduction_print(struct context *context, const struct reproduce_options *options,
                        const struct reproduce_report *report);

/* What the original was made from comes together in a work directory; what the store lacks of its
 * data is fetched from the remote (empty: the default one). */
FALLIBLE reproduction_make(struct context *context, struct str remote,
                           const struct reproduce_options *options, struct work_dir *ret);

/* Takes the directory away, from outside, or says where it stays. */
FALLIBLE reproduction_clear(struct context *context, struct str name, bool keeps);
