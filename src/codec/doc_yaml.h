/* Private to the reader of YAML: it and the translation of libyaml's complaints. */
#pragma once

#include <yaml.h>

#include "doc_private.h"

/* The parser's error as ours. */
FALLIBLE doc_yaml_error(const struct doc *doc, const yaml_parser_t *parser);

/* Replaces the `<<` of a complete mapping, if it has one. */
FALLIBLE doc_yaml_merge(struct arena *scratch, struct doc_node *map);
