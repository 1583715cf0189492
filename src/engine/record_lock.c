/* The lock files of a run: what changes in them, and when they are written. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/host/clock.h"

#include "record_private.h"

void locks_open(struct session *session, struct lock_book *ret)
{
    size_t count = session->pipeline->files.len;
    *ret = (struct lock_book){.session = session,
                              .files = arena_new_array(session->arena, struct lock_change, count),
                              .count = count};
}

static FALLIBLE stat_lock(const struct lock_book *book, size_t file, struct file_stat *ret,
                          bool *ret_found)
{
    struct session *session = book->session;
    AUTO(arena_drop) struct arena arena = {0};
    return file_stat_at(fd_number(session->workspace.root_fd),
                        str_terminate(&arena, session->locks[file].path), true, ret, ret_found);
}

static bool same_outs(const struct lock_entry *entry, const struct result *result)
{
    if (entry->out_count != result->out_count)
        return false;
    for (size_t i = 0; i < result->out_count; i++) {
        if (!str_equal(entry->outs[i].path, result->outs[i].path) ||
            !artifact_equal(&entry->outs[i], &result->outs[i]) ||
            entry->outs[i].is_stored != result->outs[i].is_stored)
            return false;
    }
    return true;
}

/* A file may have become metrics since: its values are to be said. */
static bool same_metrics(const struct lock_entry *entry, const struct result *result)
{
    for (size_t i = 0; i < result->out_count; i++) {
        struct str path = result->outs[i].path;
        if (metrics_have_file(&result->metrics, path) && !metrics_have_file(&entry->metrics, path))
            return false;
    }
    return true;
}

void locks_note(struct lock_book *book, const struct outcome *outcome)
{
    struct session *session = book->session;
    const struct stage *stage = outcome->stage;
    const struct result *result = outcome->value;
    const struct lock_entry *before = session_lock_entry(session, stage);
    bool is_said = before && !before->is_taken;
    if (is_said && digest_equal(before->key, outcome->key) && same_outs(before, result) &&
        same_metrics(before, result))
        return;
    struct lock_change *change = &book->files[stage->file->index];
    struct lock_entry *entry = arena_new(session->arena, struct lock_entry);
    *entry = (struct lock_entry){.stage = stage->local_name,
                                 .recipe = *outcome->recipe,
                                 .key = outcome->key,
                                 .outs = result->outs,
                                 .out_count = result->out_count,
                                 .metrics = result->metrics,
                                 .is_rejected = result->is_rejected};
    map_put(session->arena, &session_lock(session, stage)->entries, entry->stage, entry);
    map_put(session->arena, &change->changed, entry->stage, entry);
    change->is_stale = true;
}

/* Names of the stages of each file; made when first needed. */
static const struct map *stage_names(struct lock_book *book)
{
    struct arena *arena = book->session->arena;
    if (book->names)
        return book->names;
    book->names = arena_new_array(arena, struct map, book->count);
    if (book->count == 1) {
        book->names[0] = book->session->pipeline->by_name;
        return book->names;
    }
    vec_each (struct stage, stage, &book->session->pipeline->stages)
        map_put(arena, &book->names[stage->file->index], stage->local_name, stage);
    return book->names;
}

static bool has_extras(struct lock_book *book, size_t file)
{
    const struct map *names = &stage_names(book)[file];
    map_each (entry, &book->session->locks[file].entries) {
        if (!map_has(names, entry->key))
            return true;
    }
    return false;
}

void locks_note_extras(struct lock_book *book, const bool *complete)
{
    for (size_t i = 0; i < book->count; i++)
        book->files[i].is_stale |= complete[i] && has_extras(book, i);
}

static void prune(struct lock_book *book, size_t file)
{
    const struct map *names = &stage_names(book)[file];
    struct lockfile *lock = &book->session->locks[file];
    struct map kept = {0};
    map_each (entry, &lock->entries) {
        if (map_has(names, entry->key))
            map_put(book->session->arena, &kept, entry->key, entry->value);
    }
    lock->entries = kept;
}

void locks_prune(struct lock_book *book, const bool *complete)
{
    for (size_t i = 0; i < book->count; i++) {
        if (complete[i] && has_extras(book, i))
            prune(book, i);
    }
}

static FALLIBLE merge_one(struct lock_book *book, size_t file)
{
    struct session *session = book->session;
    struct lock_change *change = &book->files[file];
    struct file_stat stat;
    bool found = false;
    TRY(stat_lock(book, file, &stat, &found));
    if (found && change->is_ours && memcmp(&stat, &change->stat, sizeof stat) == 0)
        return NULL;
    TRY(session_load_lock(session, file));
    map_each (entry, &change->changed)
        map_put(session->arena, &session->locks[file].entries, entry->key, entry->value);
    return NULL;
}

struct error *locks_merge(struct lock_book *book)
{
    for (size_t i = 0; i < book->count; i++) {
        if (book->files[i].is_stale)
            TRY(merge_one(book, i));
    }
    return NULL;
}

/* A large lock is not printed for every group: what a crash leaves unsaid in it the stored results
 * know. */
static bool is_wanted(const struct lock_book *book, size_t file, bool is_last)
{
    enum { ENTRIES_SMALL = 1000, LARGE_LOCK_S = 2 };
    const struct lock_change *change = &book->files[file];
    bool is_small = book->session->locks[file].entries.len <= ENTRIES_SMALL;
    int64_t age_ns = clock_monotonic_ns() - change->written_ns;
    return change->is_stale && (is_last || is_small || age_ns > LARGE_LOCK_S * NS_PER_S);
}

void locks_print(struct lock_book *book, struct arena *arena, bool is_last,
                 struct ledger_group *group)
{
    struct ledger_lock *locks = arena_new_array(arena, struct ledger_lock, book->count);
    group->locks = locks;
    for (size_t i = 0; i < book->count; i++) {
        const struct lockfile *lock = &book->session->locks[i];
        struct buf *text = &book->files[i].text;
        if (!is_wanted(book, i, is_last))
            continue;
        lockfile_print(lock, text);
        locks[group->lock_count++] = (struct ledger_lock){lock->path, lock->digest, buf_str(text)};
    }
}

void locks_clear(struct lock_book **book)
{
    for (size_t i = 0; i < (*book)->count; i++) {
        buf_drop(&(*book)->files[i].text);
        (*book)->files[i].text = (struct buf){0};
    }
}

struct digest locks_digest(const struct lock_book *book)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct lockfile *after = arena_new_array(&arena, struct lockfile, book->count);
    for (size_t i = 0; i < book->count; i++) {
        const struct buf *text = &book->files[i].text;
        after[i] = book->session->locks[i];
        if (text->len)
            after[i].digest = digest_of(text->at, text->len);
    }
    return lockfile_digest_all(after, book->count);
}

static void tell_left(struct session *session, struct str path)
{
    struct event event = {
        .kind = EVENT_WARNING,
        .text = str_print(session->arena, "'%.*s' was changed by somebody else; it stays as it is",
                          STR_FMT(path))};
    observer_tell(session->observer, &event);
}

static bool is_in(const struct str_vec *paths, struct str path)
{
    vec_each (const struct str, each, paths) {
        if (str_equal(*each, path))
            return true;
    }
    return false;
}

/* From here on the file speaks, whoever writes to it. */
static FALLIBLE settle(struct lock_book *book, size_t file)
{
    struct lock_change *change = &book->files[file];
    struct lockfile *lock = &book->session->locks[file];
    lock->digest = digest_of(change->text.at, change->text.len);
    change->is_stale = false;
    change->changed = (struct map){0};
    change->written_ns = clock_monotonic_ns();
    lockfile_remember(book->session->index, lock);
    return stat_lock(book, file, &change->stat, &change->is_ours);
}

/* In a work directory nobody else writes, and what a kill interrupts there begins anew: nothing is
 * promised in the history, whose promises are about the project's own files. */
static FALLIBLE write_directly(struct lock_book *book)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct session *session = book->session;
    for (size_t i = 0; i < book->count; i++) {
        struct str path = session->locks[i].path;
        if (book->files[i].text.len)
            TRY_WITHIN(workspace_publish(&session->workspace, str_terminate(&arena, path),
                                         buf_str(&book->files[i].text), 0644, false),
                       "lock file '%.*s'", STR_FMT(path));
    }
    return NULL;
}

struct error *locks_publish(struct lock_book *book)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct session *session = book->session;
    struct str_vec left = {0};
    bool any = false;
    for (size_t i = 0; i < book->count; i++)
        any |= book->files[i].text.len > 0;
    if (!any)
        return NULL;
    if (session->workspace.is_work_dir)
        TRY(write_directly(book));
    else
        TRY(ledger_write_locks(session->ledger, &session->workspace, &arena, &left));
    for (size_t i = 0; i < book->count; i++) {
        if (!book->files[i].text.len)
            continue;
        if (is_in(&left, session->locks[i].path))
            tell_left(session, session->locks[i].path);
        else
            TRY(settle(book, i));
    }
    return NULL;
}
