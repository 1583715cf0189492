/* The regular expressions of schemas, by PCRE2 with its just-in-time compiler, within bounds: no
 * expression and no value can make it hang. */
#pragma once

#include "mlops/base/error.h"
#include "mlops/base/str.h"

struct pattern;

enum pattern_extent {
    PATTERN_WHOLE,  /* the whole text matches, as tableschema_pattern says: constraint `pattern` */
    PATTERN_WITHIN, /* a part of it: `pattern` of JSON Schema */
};

/* Shared by threads. ERROR_PROJECT with PCRE2's words and where; no place in a file. */
FALLIBLE pattern_open(struct str text, enum pattern_extent extent, struct pattern **ret);
void pattern_drop(struct pattern **pattern);

/* One thread's room for matching. */
struct pattern_room;
FALLIBLE pattern_room_open(struct pattern_room **ret);
void pattern_room_drop(struct pattern_room **room);

/* `text` is UTF-8; `is_ascii` makes it fast. An error if it takes more than LIMIT_PATTERN_STEPS. */
FALLIBLE pattern_matches(const struct pattern *pattern, struct pattern_room *room, struct str text,
                         bool is_ascii, bool *ret);
