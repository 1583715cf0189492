/* The recipe of a stage: all that decides its result. Its SHA-256 is the key. What is in it and how
 * it is encoded is a contract with every user's cache: docs/formats.md, "Recipe", pinned by golden
 * keys in tests. A part at its default encodes to nothing, so new parts invalidate nobody. */
#pragma once

#include "mlops/base/vec.h"
#include "mlops/codec/doc.h"
#include "mlops/model/artifact.h"
#include "mlops/model/pipeline.h"

/* A value of a parameter, as canonical bytes (for the key) and text (for people). */
struct recipe_param {
    struct str file;
    struct str key;     /* "" = the whole file */
    struct str encoded; /* canonical encoding of the value; empty: the key is missing */
    struct str shown;   /* at most LIMIT_SHOWN_BYTES; of a missing key empty */
};

VEC(recipe_param_vec, struct recipe_param);

struct recipe_env {
    struct str name;
    struct str value; /* of a secret: empty */
    bool is_secret;   /* only the name counts */
};

struct recipe_dep {
    struct str path;
    enum artifact_kind kind;
    bool is_executable;
    struct digest digest;
    int64_t size_bytes; /* for people; not in the key */
};

struct recipe {
    struct command cmd;
    struct str wdir;
    struct str shell;
    struct recipe_dep *deps; /* sorted by path, each once */
    size_t dep_count;
    struct recipe_param *params; /* sorted by file, key */
    size_t param_count;
    struct recipe_env *env; /* sorted by name */
    size_t env_count;
    struct str *outs; /* paths, sorted */
    size_t out_count;
    struct str environment; /* canonical bytes of the environment if the stage keys it */
};

/* The canonical bytes that are hashed and stored. Lists must be sorted and unique (checked). */
void recipe_encode(const struct recipe *recipe, struct buf *out);
struct digest recipe_key(const struct recipe *recipe);

/* Text borrows from `bytes`; `shown` is made from the value, sizes are 0. ERROR_STORED if the bytes
 * differ in any way from what recipe_encode writes. */
FALLIBLE recipe_decode(struct arena *arena, struct str bytes, struct recipe *ret);

/* Text of a canonical value for people: a string bare, lists and maps as compact JSON; clipped. */
struct str recipe_show(struct arena *arena, struct str encoded);

/* `text` if it has at most LIMIT_SHOWN_BYTES, else its beginning and an ellipsis, together no more.
 */
struct str recipe_clip(struct arena *arena, struct str text);

/* Values that are maps (whole files, sections) key by key: "train" = {lr: 1} is "train.lr" = 1.
 * Sorted, each key once. */
void recipe_flatten(struct arena *arena, const struct recipe_param *params, size_t count,
                    struct recipe_param **ret, size_t *ret_count);

/* A value of a parameter of which only the text is known. */
struct recipe_param recipe_param_of_text(struct arena *arena, struct str file, struct str key,
                                         struct str text);

/* Values that `${...}` took from files for a stage, sorted. */
struct recipe_param_vec recipe_tracked(struct arena *arena, const struct stage *stage);

enum reason_part {
    REASON_CMD,
    REASON_WDIR,
    REASON_SHELL,
    REASON_DEP,
    REASON_PARAM,
    REASON_ENV,
    REASON_OUT, /* the list of outputs */
    REASON_ENVIRONMENT,
    REASON_OUTPUT, /* the work tree's output differs from every known result */
    REASON_FORCED,
    REASON_ALWAYS, /* always_changed, or neither deps nor outs */
    REASON_NEVER_RUN,
    REASON_NOT_STORED, /* a result is known, but its objects are not here */
    REASON_REJECTED,   /* a validate stage said no; it is asked again */
    REASON_TEMPLATE,   /* a value that `${...}` put into the command or a path changed */
    REASON_UPSTREAM,   /* plan only: unknown until that stage has run */
};

/* One line of the answer to "why?". before/after are texts for people, empty = absent. */
struct reason {
    enum reason_part part;
    struct str what; /* path, "file:key", variable, stage */
    struct str before;
    struct str after; /* REASON_OUTPUT: empty = it is missing */
};

VEC(reason_vec, struct reason);

/* What differs, field by field, sorted by part then name. Appends to *ret. Nothing if and only if
 * the keys are equal; with before and after swapped it gives the same reasons, swapped. */
void recipe_diff(struct arena *arena, const struct recipe *before, const struct recipe *after,
                 struct reason_vec *ret);

/* "dep", "param", "cmd", ...: the name in JSON. */
const char *reason_part_name(enum reason_part part);

/* One line, others' text escaped:
 * "params.yaml:seed changed from 1 to 2", "data/raw.csv changed (a1b2c3d4 -> e5f6a7b8)". */
struct str reason_print(struct arena *arena, const struct reason *reason);
