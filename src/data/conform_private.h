/* Inside of conform. A tally is what is counted: one kind of violation of one field. In `visit`
 * each batch becomes a list of events in its slot; when its rows are known, events of blank rows
 * are dropped, the others counted in the worker's counters, and the first of each tally kept;
 * `commit` takes over what was kept, in order of the file. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/map.h"
#include "mlops/base/vec.h"
#include "mlops/data/conform.h"
#include "mlops/data/jsoncheck.h"
#include "mlops/data/pattern.h"

#define NO_COLUMN SIZE_MAX
#define NO_TALLY UINT32_MAX

enum violation_kind {
    KIND_UNMATCHED_HEADER,
    KIND_BLANK_LABEL,
    KIND_DUPLICATE_LABEL,
    KIND_INCORRECT_LABEL,
    KIND_EXTRA_LABEL,
    KIND_MISSING_LABEL,
    KIND_TYPE,
    KIND_REQUIRED,
    KIND_MIN_LENGTH,
    KIND_MAX_LENGTH,
    KIND_MINIMUM,
    KIND_MAXIMUM,
    KIND_EXCLUSIVE_MINIMUM,
    KIND_EXCLUSIVE_MAXIMUM,
    KIND_PATTERN,
    KIND_ENUM,
    KIND_CATEGORIES,
    KIND_JSON_SCHEMA,
    KIND_UNIQUE,
    KIND_MISSING_CELL,
    KIND_EXTRA_CELL,
    KIND_BLANK_ROW,
    KIND_PRIMARY_KEY,
    KIND_UNIQUE_KEY,
    KIND_FOREIGN_KEY,
    KIND_STRAY_QUOTE,
    KIND_COUNT,
};

struct violation_kind_row {
    const char *type, *constraint;
};

extern const struct violation_kind_row violation_kinds[KIND_COUNT];

/* A violation with what it counts for. */
struct kept {
    struct violation violation;
    uint32_t tally;
};

VEC(kept_vec, struct kept);
VEC(violation_vec, struct violation);

struct tally {
    enum violation_kind kind;
    uint64_t field;
    struct str name, expected;
    uint64_t count;             /* of the header and of keys; of cells see `counts` of workers */
    struct violation_vec shown; /* CONFORM_SHOWN at most */
    bool is_full;               /* atomic: nothing of later batches will be shown */
};

VEC(tally_vec, struct tally);

/* The values of an enum. */
struct value_set {
    struct arena *arena;
    struct map encoded;
};

/* Texts that passed a check not long ago; of the first MEMO_CHECKS checks of a table. */
enum { MEMO_SLOTS = 1024, MEMO_BYTES = 23, MEMO_CHECKS = 64 };
struct value_memo {
    struct {
        uint8_t used; /* length plus 1, 0: none */
        char bytes[MEMO_BYTES];
    } at[MEMO_SLOTS];
};

struct cell_check {
    enum violation_kind kind;
    uint32_t tally;
    size_t memo;
    double bound;
    struct str bound_text;
    int64_t length;
    struct value_set *set;
    struct pattern *pattern;
    struct jsoncheck *json;
};

VEC(cell_check_vec, struct cell_check);

/* What is looked at in a column of the file. */
struct column_plan {
    const struct schema_field *field; /* NULL: none of the schema's */
    struct caster *caster;
    uint32_t type_tally, required_tally, missing_tally, extra_tally;
    struct cell_check_vec checks;
    size_t key_states; /* where its states are kept for keys, or NO_COLUMN */
};

enum key_role { KEY_UNIQUE, KEY_PRIMARY, KEY_UNIQUE_KEY, KEY_FOREIGN, KEY_TARGET };

struct key_plan {
    enum key_role role;
    const size_t *columns; /* of the file */
    size_t len;
    uint32_t tally;
    struct keyset *set;
    size_t target;                     /* KEY_FOREIGN: which plan holds what it refers to ... */
    const struct foreign_key *foreign; /* ... or what it names in another table ... */
    struct keyset *others;             /* ... and the keys there: ... */
    bool is_looked_up; /* ... in memory, so that each row is judged at once: no `set` */
};

VEC(key_plan_vec, struct key_plan);

struct conform_event {
    uint32_t record, field, tally; /* field from 1 */
    uint32_t repeat;               /* this field and those behind it */
};

VEC(conform_event_vec, struct conform_event); /* on the heap */

struct conform_slot {
    bool is_begun;
    size_t record_cap;
    uint8_t *blank;  /* per record: 1 until a cell of it holds something */
    uint8_t *states; /* of the columns of keys, record_cap each */
    struct conform_event_vec events;
    struct arena arena; /* of `kept` */
    struct kept_vec kept;
    uint32_t *shown; /* per tally, of this batch */
    struct key_entry **entries;
    size_t *entry_counts;
};

struct key_text {
    struct buf out;
    size_t len, valid, nulls; /* fields of the key; of those added so far */
};

struct conform_worker {
    uint64_t *counts; /* per tally */
    struct value_memo *memos;
    struct pattern_room *patterns;
    struct arena scratch;
    struct key_text key;
};

struct conformer {
    struct arena *arena;
    struct conform_options options;
    const struct str *labels;
    size_t column_count;
    bool is_by_name;
    struct column_plan *columns;
    size_t *column_of; /* per field of the schema; NO_COLUMN: there is none */
    struct tally_vec tallies;
    uint32_t blank_tally, extra_tally, quote_tally;
    size_t mapped_count; /* columns that belong to a field */
    size_t memo_count, key_column_count;
    struct key_plan_vec keys;
    struct column_plan *absent; /* exact: fields behind the last column */
    size_t absent_count;
    struct conform_worker *workers;
    size_t worker_count;
    struct conform_slot *slots;
    size_t slot_count;
    struct kept_vec all; /* keeps_all */
    bool is_all_full;    /* atomic */
};

/* conform_tallies.c */
uint32_t tally_add(struct conformer *conformer, enum violation_kind kind, uint64_t field,
                   struct str name, struct str expected);
void tally_tell(struct conformer *conformer, uint32_t tally, const struct violation *violation);
struct violation violation_of(const struct tally *tally, uint64_t row, uint64_t field);

/* conform_expected.c */
struct str expected_type(struct arena *arena, const struct schema_field *field);
struct str expected_values(struct arena *arena, const struct constraint_values *values);

/* A text cut to LIMIT_SHOWN_BYTES between characters. */
struct str shown_text(struct str text);

/* conform_labels.c: which column is which field, and what is wrong with the header. */
void labels_match(struct conformer *conformer);

/* conform_plan.c: what is looked at in each column. */
FALLIBLE columns_plan(struct conformer *conformer);
void columns_drop(struct conformer *conformer);

/* conform_keys.c */
FALLIBLE keys_plan(struct conformer *conformer);
void keys_drop(struct conformer *conformer);
void keys_visit(struct conformer *conformer, struct conform_worker *worker,
                struct conform_slot *slot, const struct record_batch *batch);
FALLIBLE keys_commit(struct conformer *conformer, struct conform_slot *slot);

/* The cells of a key, one after the other, as one text that no other key has. */
void key_begin(struct key_text *key, size_t len);
void key_add(struct key_text *key, const struct caster *caster, const struct record_batch *batch,
             const struct raw_cell *cell, enum value_state state);

bool key_is_compared(const struct key_text *key, enum key_role role);

/* conform_resource.c: the keys of another table that foreign keys of ours name. */
FALLIBLE resource_keys(struct conformer *conformer, const struct foreign_key *key,
                       const struct keyset_options *options, struct keyset **ret);

/* conform_judge.c: violations of keys, when all rows have been seen. */
FALLIBLE keys_judge(struct conformer *conformer);

/* conform_values.c: the cells of keys that are told, out of the file once more. */
FALLIBLE values_read(struct conformer *conformer);

/* conform_rows.c */
void slot_begin(struct conform_slot *slot, const struct conformer *conformer,
                const struct record_batch *batch);
void slot_add(struct conform_slot *slot, size_t record, size_t field, uint32_t tally,
              size_t repeat);

/* conform_cells.c */
struct value_set *value_set_make(struct conformer *conformer, const struct caster *caster,
                                 const struct constraint_values *values);
