/* Private to the reader of YAML: it, the translation of libyaml's complaints, what libyaml lets
 * pass, and merging. */
#pragma once

#include <yaml.h>

#include "doc_private.h"

/* The parser's error as ours. */
FALLIBLE doc_yaml_error(const struct doc *doc, const yaml_parser_t *parser);

/* Replaces the `<<` of a complete mapping, if it has one. */
FALLIBLE doc_yaml_merge(struct arena *scratch, struct doc_node *map);

/* Walks along with the events of one document. */
struct doc_strict {
    const struct doc *doc;
    bool is_ascii;
    bool checks_gaps;
    size_t end; /* offset behind the event before */
    int flow_depth;
    yaml_mark_t flow_start;
    int depth;                     /* of block collections */
    int indent[DOC_OPEN_MOST + 1]; /* their columns from 0; [0]: -1, none */
};

void doc_strict_open(struct doc_strict *strict, const struct doc *doc, bool is_ascii);
FALLIBLE doc_strict_check(struct doc_strict *strict, const yaml_event_t *event);
