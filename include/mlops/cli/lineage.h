/* Where something came from and what came of it, as a tree read from the ledger. */
#pragma once

#include "mlops/cli/context.h"
#include "mlops/model/run.h"

enum lineage_kind {
    LINEAGE_ARTIFACT,
    LINEAGE_PARAM,
    LINEAGE_STAGE, /* an execution that used the artifact above it */
};

struct lineage_node {
    enum lineage_kind kind;
    struct artifact artifact;
    struct str name;   /* parameter: file:key; of a part of a directory: the directory; of an
                          execution: what it used, if that is a part of the artifact or holds it */
    struct str value;  /* parameter */
    struct str stage;  /* that made the artifact, or used it */
    struct str run;    /* ULID of that run; empty: nobody made it */
    struct str commit; /* of that run */
    bool is_repeated;  /* told elsewhere in the tree: no children here */
    bool is_cut;       /* LINEAGE_LEVELS_MOST was reached */
    struct lineage_node *first, *last, *next;
};

/* A level takes up to four levels of JSON, whose writer has a limit of 128. */
enum { LINEAGE_LEVELS_MOST = 30 };

/* The artifact (newest version recorded; `digest` zero: any) and what it was made of. *ret_found
 * false: the ledger knows nothing of it. `path` empty: by digest alone. */
FALLIBLE lineage_origins(struct context *context, struct str path, struct digest digest,
                         struct lineage_node **ret, bool *ret_found);

/* The same artifact and what came of it: executions that used it, what those made, and so on. */
FALLIBLE lineage_uses(struct context *context, const struct artifact *artifact,
                      struct lineage_node **ret);
