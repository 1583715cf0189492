/* JSON Schema for values in cells (constraint `jsonSchema`): the keywords that drafts 4 to 2020-12
 * have in common and that people use. type, enum, const; minimum, maximum, exclusiveMinimum,
 * exclusiveMaximum (a number, or true as in draft 4), multipleOf; minLength, maxLength, pattern;
 * items (a schema, or a list of them), prefixItems, additionalItems, contains, minItems, maxItems,
 * uniqueItems; properties, patternProperties, additionalProperties, required, propertyNames,
 * minProperties, maxProperties, dependentRequired, dependencies; allOf, anyOf, oneOf, not, if,
 * then, else; $ref within the schema ("#", "#/definitions/x"). Other keywords, `format` too, say
 * nothing.
 */
#pragma once

#include "mlops/codec/doc.h"

struct arena;
struct jsoncheck;
struct pattern_room;

/* Finds and compiles what the schema holds; shared by threads. ERROR_PROJECT at the place of a
 * $ref that leads nowhere or elsewhere, or a pattern that is none. */
FALLIBLE jsoncheck_open(struct arena *arena, const struct doc_node *schema, struct jsoncheck **ret);
void jsoncheck_drop(struct jsoncheck **check);

/* Whether a value conforms. An error if it takes more than LIMIT_JSON_CHECK_STEPS. */
FALLIBLE jsoncheck_accepts(const struct jsoncheck *check, struct pattern_room *room,
                           const struct doc_node *value, bool *ret);
