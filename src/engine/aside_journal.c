#include "mlops/base/arena.h"
#include "mlops/codec/canon.h"
#include "mlops/model/name.h"

#include "aside_private.h"

void journal_encode(const struct aside_journal *journal, struct buf *out)
{
    canon_str(out, STR("mlops.aside.1"));
    canon_str(out, journal->run);
    canon_str(out, journal->stage);
    canon_list(out, journal->count);
    for (size_t i = 0; i < journal->count; i++) {
        canon_int(out, (int64_t)journal->entries[i].state);
        canon_str(out, journal->entries[i].path);
    }
}

struct error *journal_decode(struct arena *arena, struct str bytes, struct aside_journal *ret)
{
    struct aside_journal journal = {0};
    struct canon_reader reader = canon_reader_of(bytes);
    TRY(canon_expect_tag(&reader, STR("mlops.aside.1")));
    TRY(canon_read_str(&reader, &journal.run));
    TRY(canon_read_str(&reader, &journal.stage));
    TRY(canon_read_list(&reader, &journal.count));
    journal.entries = arena_new_array(arena, struct aside_entry, journal.count);
    for (size_t i = 0; i < journal.count; i++) {
        int64_t state = 0;
        TRY(canon_read_int(&reader, &state));
        TRY(canon_read_str(&reader, &journal.entries[i].path));
        if (state < ASIDE_ABSENT || state > ASIDE_COPIED)
            return error_new(ERROR_STORED, "a set-aside journal has a state %lld",
                             (long long)state);
        journal.entries[i].state = (enum aside_state)state;
    }
    TRY(canon_expect_end(&reader));
    *ret = journal;
    return NULL;
}

struct aside_place aside_inside(const struct session *session, struct arena *arena,
                                struct str folder, size_t number)
{
    struct str path = str_print(arena, "%.*s/%zu", STR_FMT(folder), number);
    return (struct aside_place){fd_number(session->workspace.state_fd), path.at};
}

struct aside_place aside_sibling(const struct session *session, struct arena *arena,
                                 struct str attempt, size_t number, struct str path)
{
    struct str directory = path_directory(path);
    struct str name = str_print(arena, "%.*s%s.mlops-aside-%.*s-%zu", STR_FMT(directory),
                                directory.len ? "/" : "", STR_FMT(attempt), number);
    return (struct aside_place){fd_number(session->workspace.root_fd), name.at};
}

static FALLIBLE is_there(struct aside_place place, bool *ret)
{
    struct file_stat stat;
    return file_stat_at(place.at_fd, place.path, false, &stat, ret);
}

/* The place that holds entry `number`; *ret_found false: neither does. */
static FALLIBLE find_place(struct session *session, struct arena *arena, struct str attempt,
                           struct str folder, size_t number, struct str path,
                           struct aside_place *ret, bool *ret_found)
{
    *ret = aside_inside(session, arena, folder, number);
    TRY(is_there(*ret, ret_found));
    if (*ret_found)
        return NULL;
    *ret = aside_sibling(session, arena, attempt, number, path);
    return is_there(*ret, ret_found);
}

/* Where `path` is kept below a folder of .mlops: a path outside the project must not lead out of
 * the folder. */
static struct str kept_place(struct arena *arena, struct str folder, struct str path)
{
    struct buf place = buf_in(arena);
    struct str rest = path;
    struct str part;
    buf_add_str(&place, folder);
    while (str_split(&rest, '/', &part)) {
        struct str safe = str_is(part, "..") ? STR("@outside") : part;
        if (safe.len)
            buf_print(&place, "/%.*s", STR_FMT(safe));
    }
    return buf_str(&place);
}

static FALLIBLE move_made(struct session *session, struct arena *arena, struct str path,
                          struct str failed)
{
    int root = fd_number(session->workspace.root_fd);
    const char *from = str_terminate(arena, path);
    bool found = false;
    TRY(is_there((struct aside_place){root, from}, &found));
    if (!found)
        return NULL;
    struct str target = kept_place(arena, failed, path);
    int state = fd_number(session->workspace.state_fd);
    TRY(directory_make(state, str_terminate(arena, path_directory(target)), false));
    TRY(path_remove(state, target.at));
    return path_move(root, from, state, target.at);
}

static FALLIBLE undo_entry(struct session *session, struct str attempt, struct str folder,
                           const struct aside_journal *journal, size_t number, struct str failed)
{
    AUTO(arena_drop) struct arena arena = {0};
    const struct aside_entry *entry = &journal->entries[number];
    if (entry->state == ASIDE_ABSENT)
        return move_made(session, &arena, entry->path, failed);
    struct aside_place place;
    bool found = false;
    TRY(find_place(session, &arena, attempt, folder, number, entry->path, &place, &found));
    if (!found)
        return NULL; /* it was never moved: what is there is what was there */
    TRY(move_made(session, &arena, entry->path, failed));
    struct str parent = path_directory(entry->path);
    int root = fd_number(session->workspace.root_fd);
    if (parent.len)
        TRY(directory_make(root, str_terminate(&arena, parent), false));
    return path_move(place.at_fd, place.path, root, str_terminate(&arena, entry->path));
}

struct error *journal_undo(struct session *session, struct str attempt, struct str folder,
                           const struct aside_journal *journal, struct str failed)
{
    for (size_t i = 0; i < journal->count; i++) {
        TRY_WITHIN(undo_entry(session, attempt, folder, journal, i, failed), "putting back '%.*s'",
                   STR_FMT(journal->entries[i].path));
        worktree_forget(session->worktree, journal->entries[i].path);
    }
    AUTO(arena_drop) struct arena arena = {0};
    return path_remove(fd_number(session->workspace.state_fd), str_terminate(&arena, folder));
}

static FALLIBLE complete_entry(struct session *session, struct str attempt, struct str folder,
                               const struct aside_journal *journal, size_t number, int *displaced)
{
    AUTO(arena_drop) struct arena arena = {0};
    const struct aside_entry *entry = &journal->entries[number];
    struct aside_place place;
    bool found = false;
    TRY(find_place(session, &arena, attempt, folder, number, entry->path, &place, &found));
    if (!found)
        return NULL;
    if (entry->state != ASIDE_KEEP)
        return path_remove(place.at_fd, place.path);
    struct str displaced_to = str_print(&arena, "displaced/%.*s", STR_FMT(journal->run));
    struct str target = kept_place(&arena, displaced_to, entry->path);
    int state = fd_number(session->workspace.state_fd);
    TRY(directory_make(state, str_terminate(&arena, path_directory(target)), false));
    TRY(path_remove(state, target.at));
    TRY(path_move(place.at_fd, place.path, state, target.at));
    ++*displaced;
    return NULL;
}

struct error *journal_complete(struct session *session, struct str attempt, struct str folder,
                               const struct aside_journal *journal, int *ret_displaced)
{
    *ret_displaced = 0;
    for (size_t i = 0; i < journal->count; i++)
        TRY(complete_entry(session, attempt, folder, journal, i, ret_displaced));
    AUTO(arena_drop) struct arena arena = {0};
    return path_remove(fd_number(session->workspace.state_fd), str_terminate(&arena, folder));
}
