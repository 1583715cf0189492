#include "mlops/model/run.h"

#include "mlops/base/arena.h"
#include "mlops/base/check.h"

#include "stored_private.h"

#define STATE_TAG STR("mlops.state.1")

/* The least an entry can take: its list, name and two digests. */
enum { ENTRY_BYTES_LEAST = 2 + 2 + 33 + 33 };

static const char *const STATUS_NAMES[] = {
    [RUN_RUNNING] = "running",         [RUN_SUCCEEDED] = "succeeded",
    [RUN_FAILED] = "failed",           [RUN_REJECTED] = "rejected",
    [RUN_UNCONFIRMED] = "unconfirmed", [RUN_INTERRUPTED] = "interrupted",
    [RUN_CRASHED] = "crashed",
};

const char *run_status_name(enum run_status status)
{
    return STATUS_NAMES[status];
}

bool run_status_parse(struct str name, enum run_status *ret)
{
    for (size_t i = 0; i < COUNT_OF(STATUS_NAMES); i++) {
        if (!str_is(name, STATUS_NAMES[i]))
            continue;
        *ret = (enum run_status)i;
        return true;
    }
    return false;
}

void state_encode(const struct state *state, struct buf *out)
{
    canon_str(out, STATE_TAG);
    canon_list(out, state->count);
    for (size_t i = 0; i < state->count; i++) {
        const struct state_entry *entry = &state->entries[i];
        check(i == 0 || str_compare(entry[-1].stage, entry->stage) < 0);
        canon_list(out, 3);
        canon_str(out, entry->stage);
        canon_digest(out, entry->key);
        canon_digest(out, entry->result);
    }
}

static FALLIBLE entries_decode(struct arena *arena, struct canon_reader *reader, struct state *ret)
{
    struct state state = {0};
    TRY(canon_expect_tag(reader, STATE_TAG));
    TRY(stored_list(reader, ENTRY_BYTES_LEAST, &state.count));
    state.entries = arena_new_array(arena, struct state_entry, state.count);
    for (size_t i = 0; i < state.count; i++) {
        struct state_entry *entry = &state.entries[i];
        TRY(stored_record(reader, 3));
        TRY(canon_read_str(reader, &entry->stage));
        TRY(canon_read_digest(reader, &entry->key));
        TRY(canon_read_digest(reader, &entry->result));
        if (i && str_compare(entry[-1].stage, entry->stage) >= 0)
            return stored_damaged("stages are not in ascending order");
    }
    TRY(canon_expect_end(reader));
    *ret = state;
    return NULL;
}

FALLIBLE state_decode(struct arena *arena, struct str bytes, struct state *ret)
{
    struct canon_reader reader = canon_reader_of(bytes);
    TRY_WITHIN(entries_decode(arena, &reader, ret), "a project state cannot be read");
    return NULL;
}
