/* TOML 1.0.0 (toml.io) into the same tree as YAML and JSON. Dates and times are text as written,
 * of a list of tables each table is a mapping, `inf` and `nan` are numbers. Refused with a place:
 * what TOML refuses (a key or table defined twice names both places), integers beyond int64,
 * numbers beyond the range of doubles, NUL in keys, depth above LIMIT_DOCUMENT_DEPTH and the other
 * limits of documents. Keys that are defined twice are told together, other errors end the reading.
 */
#pragma once

#include "mlops/codec/doc.h"

/* `name` and `bytes` must live as long as the arena. The root is a mapping, empty for an empty
 * file. */
FALLIBLE toml_parse(struct arena *arena, struct str name, struct str bytes, struct doc **ret);
