/* Python files as files of parameters, as DVC reads them: what is assigned a literal, never running
 * anything. Taken are `name = literal` and `name: type = literal` of the module and of classes
 * (a mapping by the class's name) and `self.name = literal` in their `__init__`. Literals are
 * numbers, texts (raw, concatenated, of several lines), True, False, None, and lists, tuples, sets
 * (both lists here) and dicts of them. The last assignment counts. Whatever else the file holds is
 * passed over; what cannot be followed (a string or bracket that is never closed, indentation that
 * fits no block) is an error with its place. */
#pragma once

#include "mlops/codec/doc.h"

/* `name` and `bytes` must live as long as the arena. The root is a mapping. */
FALLIBLE literal_parse(struct arena *arena, struct str name, struct str bytes, struct doc **ret);
