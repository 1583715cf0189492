/* Shared by the files of module table that read JSON: a text without a tree. */
#pragma once

#include "table_private.h"

/* A record of a slot while it is read: [at, end) of its text. */
struct json_text {
    const struct table_reader *table;
    struct table_slot *slot;
    char *text;
    size_t at, end;
    size_t key_end; /* behind the last key of the record: what is wrong with it is told there */
};

static inline void json_skip_space(struct json_text *json)
{
    const char *text = json->text;
    size_t at = json->at;
    while (at < json->end &&
           (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t'))
        at++;
    json->at = at;
}

/* Takes a character if it stands there. */
static inline bool json_take(struct json_text *json, char c)
{
    if (json->at == json->end || json->text[json->at] != c)
        return false;
    json->at++;
    return true;
}

/* ERROR_PROJECT if it does not. */
FALLIBLE json_expect(struct json_text *json, char c, const char *where);
ERROR_MADE json_fault(const struct json_text *json, const char *what);

/* A string at its quote: where its content lies, decoded in place if `decodes`. */
FALLIBLE json_string(struct json_text *json, bool decodes, struct raw_cell *ret);

/* Any value; checked by the grammar whatever it is, decoded if it is a string. */
FALLIBLE json_value(struct json_text *json, bool decodes, struct raw_cell *ret);

/* Whether what stands before the list (`end`: its bracket) and behind it is JSON. */
FALLIBLE json_check_before(const struct table_reader *table, struct table_slot *slot, size_t end);
FALLIBLE json_check_behind(struct table_reader *table, struct table_slot *slot);

/* A record ends before `end`, where what parts it from the next one stands. */
void json_add_record(struct table_slot *slot, size_t end);

/* Cuts records of a list from the start of the slot, as far as they are plain. */
void json_cut_fast(struct table_reader *table, struct table_slot *slot, size_t records_most);

/* A slot's records one by one: begins with the one behind the break before `from`. */
struct json_text json_record(const struct table_reader *table, struct table_slot *slot,
                             size_t from);
