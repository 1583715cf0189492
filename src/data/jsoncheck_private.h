/* Inside of jsoncheck. */
#pragma once

#include "mlops/base/vec.h"
#include "mlops/data/jsoncheck.h"
#include "mlops/data/pattern.h"

enum { JSON_CHECK_DEPTH = 128 };

/* What was found for a node of the schema before any value was seen. */
struct json_part {
    const struct doc_node *node;
    struct pattern *pattern;       /* of a pattern, or a key of patternProperties */
    const struct doc_node *target; /* of a $ref */
};

VEC(json_part_vec, struct json_part);

struct jsoncheck {
    struct arena *arena;
    const struct doc_node *root;
    struct json_part_vec parts; /* by address of the node */
};

/* One value being looked at. */
struct json_look {
    const struct jsoncheck *check;
    struct pattern_room *room;
    int64_t steps;
    int depth;
    struct error *error; /* the first; all that follows is refused */
};

/* A schema's keyword on a value it applies to. */
typedef bool json_keyword_function(struct json_look *look, const struct doc_node *schema,
                                   const struct doc_node *keyword, const struct doc_node *value);

struct json_keyword {
    const char *name;
    json_keyword_function *accepts;
};

extern const struct json_keyword json_scalar_keywords[], json_list_keywords[], json_map_keywords[],
    json_joint_keywords[];

/* The member of a map; unlike doc_find it leaves the document as it is, which threads share. */
const struct doc_node *json_member(const struct doc_node *map, const char *name);
bool json_is_number(const struct doc_node *node);
bool json_equal(const struct doc_node *a, const struct doc_node *b);

/* <0, 0, >0 of two numbers. */
int json_compare(const struct doc_node *a, const struct doc_node *b);
const struct json_part *json_part_find(const struct jsoncheck *check, const struct doc_node *node);
bool json_pattern_matches(struct json_look *look, const struct doc_node *node, struct str text);

/* Whether a schema accepts a value. */
bool json_look_at(struct json_look *look, const struct doc_node *schema,
                  const struct doc_node *value);
