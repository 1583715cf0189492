/* A state of thousands of stages changes by a few of them from run to run: it is stored as what
 * differs from the newest one, at most STATE_DEPTH_MOST steps from a whole one. */
#include "mlops/base/arena.h"
#include "mlops/base/map.h"

#include <stdlib.h>

#include "ledger_private.h"

enum {
    STATE_DEPTH_MOST = 16,      /* rows read to load a state */
    STATE_WHOLE_BYTES = 4096,   /* up to this size changes are not worth it */
    STATE_CHANGE_SHARE = 4,     /* a change is stored if it is at most a quarter of the whole */
    STATE_CHANGE_BYTES = 8 + 32 /* of an entry besides its name */
};

static const struct str change_tag = STR_ROW("mlops.statechange.1");

static bool entry_equal(const struct state_entry *a, const struct state_entry *b)
{
    return digest_equal(a->key, b->key) && digest_equal(a->result, b->result);
}

VEC(entry_vec, struct state_entry);

struct change {
    struct entry_vec set;
    struct str_vec removed;
};

/* Both are sorted by stage. */
static struct change change_between(struct arena *arena, const struct state *before,
                                    const struct state *after)
{
    struct change change = {0};
    size_t i = 0, j = 0;
    while (i < before->count || j < after->count) {
        int order = i == before->count ? 1
                    : j == after->count
                        ? -1
                        : str_compare(before->entries[i].stage, after->entries[j].stage);
        if (order < 0)
            *vec_push(arena, &change.removed) = before->entries[i].stage;
        else if (order > 0 || !entry_equal(&before->entries[i], &after->entries[j]))
            *vec_push(arena, &change.set) = after->entries[j];
        i += order <= 0;
        j += order >= 0;
    }
    return change;
}

static void change_encode(const struct change *change, struct buf *out)
{
    canon_str(out, change_tag);
    canon_list(out, change->set.len);
    vec_each (struct state_entry, entry, &change->set) {
        canon_list(out, 3);
        canon_str(out, entry->stage);
        canon_digest(out, entry->key);
        canon_digest(out, entry->result);
    }
    canon_list(out, change->removed.len);
    vec_each (struct str, name, &change->removed)
        canon_str(out, *name);
}

static FALLIBLE change_decode(struct arena *arena, struct str bytes, struct change *ret)
{
    struct canon_reader reader = canon_reader_of(bytes);
    size_t count = 0, items = 0;
    TRY(canon_expect_tag(&reader, change_tag));
    TRY(canon_read_list(&reader, &count));
    for (; count; count--) {
        struct state_entry *entry = vec_push(arena, &ret->set);
        TRY(canon_read_list(&reader, &items));
        TRY(canon_read_str(&reader, &entry->stage));
        TRY(canon_read_digest(&reader, &entry->key));
        TRY(canon_read_digest(&reader, &entry->result));
    }
    TRY(canon_read_list(&reader, &count));
    for (; count; count--)
        TRY(canon_read_str(&reader, vec_push(arena, &ret->removed)));
    return canon_expect_end(&reader);
}

/* Merges two sorted lists; what is removed and what is set are disjoint. */
static struct state change_apply(struct arena *arena, const struct state *before,
                                 const struct change *change)
{
    struct state after = {0};
    after.entries = arena_new_array(arena, struct state_entry, before->count + change->set.len + 1);
    size_t i = 0, set = 0, removed = 0;
    while (i < before->count || set < change->set.len) {
        const struct state_entry *old = i < before->count ? &before->entries[i] : NULL;
        const struct state_entry *new = set < change->set.len ? &change->set.at[set] : NULL;
        int order = !old ? 1 : !new ? -1 : str_compare(old->stage, new->stage);
        bool is_removed = order < 0 && removed < change->removed.len &&
                          str_equal(old->stage, change->removed.at[removed]);
        removed += is_removed;
        if (!is_removed)
            after.entries[after.count++] = order < 0 ? *old : *new;
        i += order <= 0;
        set += order >= 0;
    }
    return after;
}

struct state_row {
    int64_t base, depth;
    struct str body;
};

static FALLIBLE read_row(struct ledger *ledger, struct arena *arena, int64_t id,
                         struct state_row *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger->sql, &row, "SELECT base, depth, body FROM state WHERE id = ?", "i", id));
    bool found = false;
    TRY(sql_next(row, &found));
    if (!found)
        return error_new(ERROR_STORED, "the lineage database lacks a state");
    ret->base = sql_int(row, 0);
    ret->depth = sql_int(row, 1);
    ret->body = str_copy(arena, sql_blob(row, 2));
    return NULL;
}

static FALLIBLE load_by_id(struct ledger *ledger, struct arena *arena, int64_t id,
                           struct state *ret, int64_t *ret_depth)
{
    struct change changes[STATE_DEPTH_MOST] = {0};
    struct state_row row;
    size_t count = 0;
    TRY(read_row(ledger, arena, id, &row));
    *ret_depth = row.depth;
    while (row.base) {
        if (count == STATE_DEPTH_MOST)
            return error_new(ERROR_STORED, "a state of the lineage database is damaged");
        TRY(change_decode(arena, row.body, &changes[count++]));
        TRY(read_row(ledger, arena, row.base, &row));
    }
    struct state state = {0};
    TRY(state_decode(arena, row.body, &state));
    while (count)
        state = change_apply(arena, &state, &changes[--count]);
    *ret = state;
    return NULL;
}

FALLIBLE ledger_load_state_row(struct ledger *ledger, struct arena *arena, int64_t id,
                               struct state *ret)
{
    int64_t depth = 0;
    return load_by_id(ledger, arena, id, ret, &depth);
}

FALLIBLE ledger_load_state(struct ledger *ledger, struct arena *arena, struct digest digest,
                           struct state *ret, bool *ret_found)
{
    int64_t id = 0, depth = 0;
    struct state state = {0};
    TRY(ledger_find_id(ledger, "SELECT id FROM state WHERE digest = ?", digest, &id));
    *ret_found = id != 0;
    if (id == 0)
        return NULL;
    TRY(load_by_id(ledger, arena, id, &state, &depth));
    AUTO(buf_drop) struct buf whole = {0};
    state_encode(&state, &whole);
    if (!digest_equal(digest_of(whole.at, whole.len), digest))
        return error_new(ERROR_STORED, "a state of the lineage database is damaged");
    *ret = state;
    return NULL;
}

FALLIBLE ledger_state_from(struct ledger *ledger, struct arena *arena, struct digest base,
                           struct str body, struct state *ret)
{
    struct state before = {0};
    struct change change = {0};
    bool found = false;
    if (digest_is_zero(base))
        return state_decode(arena, body, ret);
    TRY(ledger_load_state(ledger, arena, base, &before, &found));
    if (!found)
        return error_new(ERROR_STORED, "the state that it changes is not known");
    TRY(change_decode(arena, body, &change));
    *ret = change_apply(arena, &before, &change);
    return NULL;
}

static FALLIBLE newest_state(struct ledger *ledger, int64_t *ret_id)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger->sql, &row,
                   "SELECT state FROM run WHERE state IS NOT NULL ORDER BY sequence DESC LIMIT 1",
                   ""));
    bool found = false;
    TRY(sql_next(row, &found));
    *ret_id = found ? sql_int(row, 0) : 0;
    return NULL;
}

/* The change to the newest state, if that is worth it: else *ret_base is 0. */
static FALLIBLE find_change(struct ledger *ledger, const struct state *state, size_t whole_bytes,
                            struct buf *out, int64_t *ret_base, int64_t *ret_depth)
{
    *ret_base = *ret_depth = 0;
    if (whole_bytes <= STATE_WHOLE_BYTES)
        return NULL;
    AUTO(arena_drop) struct arena scratch = {0};
    int64_t base = 0, depth = 0;
    struct state before = {0};
    TRY(newest_state(ledger, &base));
    if (base)
        TRY(load_by_id(ledger, &scratch, base, &before, &depth));
    struct change change = change_between(&scratch, &before, state);
    change_encode(&change, out);
    if (base == 0 || depth == STATE_DEPTH_MOST || out->len > whole_bytes / STATE_CHANGE_SHARE)
        return NULL;
    *ret_base = base;
    *ret_depth = depth + 1;
    return NULL;
}

static FALLIBLE insert_state(struct ledger *ledger, const struct state *state, struct digest digest,
                             struct str whole, int64_t *ret_id)
{
    AUTO(buf_drop) struct buf change = {0};
    int64_t base = 0, depth = 0;
    TRY(find_change(ledger, state, whole.len, &change, &base, &depth));
    TRY(sql_run(ledger->sql,
                "INSERT INTO state (digest, base, depth, body) VALUES (?, nullif(?, 0), ?, ?)",
                "diib", digest, base, depth, base ? buf_str(&change) : whole));
    *ret_id = sql_last_id(ledger->sql);
    return NULL;
}

FALLIBLE ledger_put_state(struct ledger *ledger, const struct state *state, struct digest *ret,
                          int64_t *ret_id, bool *ret_is_new)
{
    AUTO(buf_drop) struct buf whole = {0};
    int64_t id = 0;
    state_encode(state, &whole);
    struct digest digest = digest_of(whole.at, whole.len);
    TRY(ledger_find_id(ledger, "SELECT id FROM state WHERE digest = ?", digest, &id));
    *ret_is_new = id == 0;
    if (id == 0)
        TRY(insert_state(ledger, state, digest, buf_str(&whole), &id));
    *ret = digest;
    *ret_id = id;
    return NULL;
}

FALLIBLE ledger_state_names(struct str body, void (*visit)(void *context, struct digest digest),
                            void *context)
{
    struct canon_reader reader = canon_reader_of(body);
    struct digest digest;
    struct str text;
    size_t count = 0;
    for (;;) {
        enum canon_kind kind = canon_next(&reader);
        if (kind == CANON_END)
            return canon_expect_end(&reader);
        if (kind == CANON_LIST)
            TRY(canon_read_list(&reader, &count)); /* what is in it follows */
        else if (kind == CANON_DIGEST)
            TRY(canon_read_digest(&reader, &digest));
        else
            TRY(canon_read_str(&reader, &text));
        if (kind == CANON_DIGEST)
            visit(context, digest);
    }
}

FALLIBLE ledger_make_whole(struct ledger *ledger, int64_t id)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(buf_drop) struct buf whole = {0};
    struct state state = {0};
    TRY(ledger_load_state_row(ledger, &scratch, id, &state));
    state_encode(&state, &whole);
    return sql_run(ledger->sql, "UPDATE state SET base = NULL, depth = 0, body = ?2 WHERE id = ?1",
                   "ib", id, buf_str(&whole));
}
