/* What an experiment changes in the files of parameters: `-P [FILE:]KEY=VALUE`, `+KEY=VALUE` (new),
 * `~KEY` (removed), in Hydra's words as DVC's users know them. */
#pragma once

#include "mlops/base/error.h"
#include "mlops/base/str.h"
#include "mlops/base/vec.h"
#include "mlops/codec/edit.h"

struct override {
    struct str file; /* relative to the project; empty: the file that has the key */
    struct str key;  /* dotted; `layers[0]` is read as `layers.0` */
    struct str text; /* the value as a YAML flow value; empty for EDIT_REMOVE */
    enum edit_action action;
};

VEC(override_vec, struct override);

/* One word of the command line; `FILE:` is one if it ends as a file of values does (.yaml, .yml,
 * .json, .toml, .py). A value that is no YAML flow value is an ERROR_USAGE that shows where. */
FALLIBLE override_parse(struct arena *arena, struct str word, struct override *ret);

/* Whether a word looks like one: tells `-P lr=1` from DVC's flag -P and a target behind it. */
bool override_is_word(struct str word);

/* The word that gives this override, with its file unless that is params.yaml. */
struct str override_print(struct arena *arena, const struct override *override);

/* Two with the same file and key are a mistake (ERROR_USAGE). */
FALLIBLE override_check(const struct override_vec *overrides);

/* In which order they are made so that every index of a list means the list as it was: what is
 * removed goes last, from the end on. overrides->len of them. */
const struct override **override_order(struct arena *arena, const struct override_vec *overrides);
