/* What pointers and lock files say a project holds. */
#include "mlops/engine/data.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/base/moment.h"
#include "mlops/host/clock.h"
#include "mlops/host/signal.h"
#include "mlops/model/event.h"
#include "mlops/model/name.h"
#include "mlops/store/search.h"

#include <time.h>

#define LOCK_MARK STR("# mlops lock file")
enum { LOCK_HEAD_BYTES = 4096 };

static void tell_waiting(void *context)
{
    struct session *session = context;
    struct event event = {.kind = EVENT_NOTICE,
                          .text = STR("waiting for another command that writes pointers")};
    observer_tell(session->observer, &event);
}

FALLIBLE data_lock(struct session *session, struct data_lock *ret)
{
    bool taken = false;
    TRY(lock_take(fd_number(session->workspace.state_fd), "locks/data", LOCK_EXCLUSIVE,
                  session->workspace.config.lock_timeout_ns, tell_waiting, session, &ret->lock,
                  &taken));
    if (!taken)
        return error_new(ERROR_MACHINE, "another command has been writing pointers for longer than "
                                        "'lock_timeout' allows");
    if (!session->cas)
        return NULL;
    TRY(cas_hold(session->cas));
    ret->held = session->cas;
    return NULL;
}

void data_lock_drop(struct data_lock *lock)
{
    if (lock->held)
        cas_release(lock->held);
    lock_drop(&lock->lock);
    *lock = (struct data_lock){0};
}

static FALLIBLE claimed_too_long(struct session *session, const struct str *paths, size_t count)
{
    struct buf names = buf_in(session->arena);
    for (size_t i = 0; i < count; i++)
        buf_print(&names, "%s'%.*s'", i ? " or " : "", STR_FMT(paths[i]));
    return error_new(ERROR_MACHINE,
                     "a run has been working on %.*s for longer than 'lock_timeout' allows",
                     STR_FMT(buf_str(&names)));
}

FALLIBLE data_claim(struct session *session, const struct str *paths, size_t count,
                    struct claims *ret)
{
    const struct timespec pause = {.tv_nsec = 25 * NS_PER_MS};
    int64_t most_ns = session->workspace.config.lock_timeout_ns;
    int64_t began_ns = clock_monotonic_ns();
    struct claim *claims = arena_new_array(session->arena, struct claim, count);
    for (size_t i = 0; i < count; i++)
        claims[i] = (struct claim){paths[i], LOCK_EXCLUSIVE};
    for (bool taken = false;;) {
        TRY(claims_take(fd_number(session->workspace.state_fd), "locks/paths", claims, count, ret,
                        &taken));
        if (taken)
            return NULL;
        TRY(signal_check());
        if (most_ns >= 0 && clock_monotonic_ns() - began_ns > most_ns)
            return claimed_too_long(session, paths, count);
        nanosleep(&pause, NULL);
    }
}

struct reading {
    struct session *session;
    struct map tracked; /* paths of pointers */
    struct data_record_vec records;
};

static void add_pointers(struct reading *reading, const struct pointer_vec *pointers)
{
    struct arena *arena = reading->session->arena;
    for (size_t i = 0; i < pointers->len; i++) {
        const struct pointer *pointer = pointers->at[i];
        map_put(arena, &reading->tracked, pointer->artifact.path, reading);
        *vec_push(arena, &reading->records) = (struct data_record){
            .artifact = pointer->artifact, .named_by = pointer->file, .pointer = pointer};
    }
}

bool data_is_lock(struct str bytes)
{
    return str_find(str_slice(bytes, 0, LOCK_HEAD_BYTES), LOCK_MARK) >= 0;
}

static FALLIBLE add_lock(struct reading *reading, struct str path, struct str bytes)
{
    struct arena *arena = reading->session->arena;
    struct lockfile lock = {0};
    if (!data_is_lock(bytes))
        return NULL; /* of another tool */
    TRY(lockfile_parse(arena, path, bytes, &lock));
    map_each (item, &lock.entries) {
        const struct lock_entry *entry = item->value;
        for (size_t i = 0; i < entry->out_count; i++) {
            const struct artifact *out = &entry->outs[i];
            if (!out->is_stored || map_has(&reading->tracked, out->path))
                continue;
            *vec_push(arena, &reading->records) = (struct data_record){
                .artifact = *out,
                .named_by = str_print(arena, "%.*s: %.*s", STR_FMT(path), STR_FMT(entry->stage))};
        }
    }
    return NULL;
}

static bool is_lock_name(struct str name)
{
    return str_ends(name, STR(".lock"));
}

static FALLIBLE visit_lock(void *context, struct str path)
{
    struct reading *reading = context;
    struct str bytes = {0};
    bool found = false;
    TRY(file_read(reading->session->arena, fd_number(reading->session->workspace.root_fd), path.at,
                  LIMIT_LOCK_BYTES, &bytes, &found));
    return found ? add_lock(reading, path, bytes) : NULL;
}

static void add_tracked(struct reading *reading, const struct dvc_tracked_vec *all)
{
    struct arena *arena = reading->session->arena;
    struct map ours = {0};
    for (size_t i = 0; i < reading->records.len && all->len; i++)
        map_put(arena, &ours, reading->records.at[i].artifact.path, reading);
    vec_each (const struct dvc_tracked, tracked, all)
        if (!map_has(&ours, tracked->artifact.path))
            *vec_push(arena, &reading->records) = (struct data_record){
                .artifact = tracked->artifact, .named_by = tracked->named_by, .dvc = tracked};
}

static FALLIBLE read_worktree(struct reading *reading)
{
    struct session *session = reading->session;
    struct pointer_vec pointers = {0};
    struct search_visitor visitor = {is_lock_name, visit_lock, NULL, reading};
    TRY(pointers_load_all(session->arena, &session->workspace, &pointers));
    add_pointers(reading, &pointers);
    TRY(search_files(session->arena, &session->workspace, STR(""), &visitor));
    struct dvc_tracked_vec tracked = {0};
    TRY(dvcfiles_load(session->arena, &session->workspace, session->index, session->observer,
                      &tracked));
    add_tracked(reading, &tracked);
    return NULL;
}

static FALLIBLE add_tracked_at(struct reading *reading, struct str commit)
{
    struct session *session = reading->session;
    struct dvc_tracked_vec tracked = {0};
    struct vcs_path_vec commits = {0};
    *vec_push(session->arena, &commits) = commit;
    if (session->index)
        TRY(dvcfiles_load_commits(session->arena, &session->workspace, session->index, session->vcs,
                                  &commits, session->observer, &tracked));
    add_tracked(reading, &tracked);
    return NULL;
}

static FALLIBLE read_commit(struct reading *reading, struct str commit)
{
    struct session *session = reading->session;
    struct pointer_vec pointers = {0};
    struct vcs_path_vec paths = {0};
    struct str inner = session_vcs_path(session, session->arena, STR(""));
    TRY(pointers_load_commit(session->arena, &session->workspace, session->vcs, commit, &pointers));
    add_pointers(reading, &pointers);
    TRY(vcs_list(session->vcs, session->arena, commit, STR(".lock"), &paths));
    vec_each (const struct str, path, &paths) {
        struct str bytes = {0};
        bool found = false;
        if (!str_starts(*path, inner))
            continue;
        TRY(vcs_read(session->vcs, session->arena, commit, *path, LIMIT_LOCK_BYTES, &bytes,
                     &found));
        if (found)
            TRY(add_lock(reading, str_slice(*path, inner.len, path->len), bytes));
    }
    return add_tracked_at(reading, commit);
}

static int by_path(const void *a, const void *b)
{
    const struct data_record *left = a, *right = b;
    return str_compare(left->artifact.path, right->artifact.path);
}

FALLIBLE data_records(struct session *session, struct str commit, struct data_record_vec *ret)
{
    struct reading reading = {.session = session};
    struct vcs *vcs = NULL;
    TRY(session_vcs(session, &vcs));
    TRY(commit.len ? read_commit(&reading, commit) : read_worktree(&reading));
    vec_sort(&reading.records, by_path);
    *ret = reading.records;
    return NULL;
}
