/* Shared by the files of module metric. */
#pragma once

#include "mlops/model/metric.h"

/* A table as metrics: docs/pipeline.md, "Metrics files". ERROR_PROJECT: it is none. */
FALLIBLE metric_table_read(struct arena *arena, struct str path, struct str bytes, bool is_tabs,
                           struct metric_vec *ret);

/* The last line that is an object. */
FALLIBLE metric_lines_read(struct arena *arena, struct str path, struct str bytes,
                           struct metric_vec *ret);

/* JSON in which NaN, Infinity and -Infinity may stand for numbers, as Python's json writes them
 * unless it is told not to: a loss that is no number is worth knowing. They are texts in the tree;
 * flattened by the second function they are numbers again. */
FALLIBLE metric_json_parse(struct arena *arena, struct str path, struct str bytes,
                           struct doc **ret);
FALLIBLE metric_json_flatten(struct arena *arena, struct str file, const struct doc_node *root,
                             struct metric_vec *ret);
