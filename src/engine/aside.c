#include "mlops/engine/aside.h"

#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/base/limits.h"
#include "mlops/codec/glob.h"
#include "mlops/engine/lookup.h"
#include "mlops/host/clock.h"
#include "mlops/host/process.h"
#include "mlops/model/name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aside_private.h"

/* Shared on what a stage reads, exclusive on what it makes. */
static size_t claims_of(struct arena *arena, const struct stage *stage, struct claim **ret)
{
    size_t most = stage->deps.len + stage->params.len + stage->outs.len;
    struct claim *claims = arena_new_array(arena, struct claim, most);
    size_t count = 0;
    vec_each (struct dependency, dependency, &stage->deps) {
        struct str path = dependency->is_glob ? glob_prefix(dependency->path) : dependency->path;
        if (!dependency->is_url && path.len)
            claims[count++] = (struct claim){path, LOCK_SHARED};
    }
    vec_each (struct param_ref, reference, &stage->params)
        claims[count++] = (struct claim){reference->file, LOCK_SHARED};
    vec_each (struct output, output, &stage->outs)
        claims[count++] = (struct claim){output->path, LOCK_EXCLUSIVE};
    *ret = claims;
    return count;
}

static FALLIBLE claim_paths(struct session *session, const struct stage *stage,
                            struct attempt *attempt, bool *ret_taken)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct claim *claims = NULL;
    size_t count = claims_of(&arena, stage, &claims);
    return claims_take(fd_number(session->workspace.state_fd), "locks/paths", claims, count,
                       &attempt->claims, ret_taken);
}

struct error *attempt_is_free(struct session *session, const struct stage *stage, bool *ret)
{
    struct attempt attempt = {0};
    struct error *error = claim_paths(session, stage, &attempt, ret);
    attempt_drop(&attempt);
    return error;
}

static FALLIBLE claim_key(struct session *session, const struct stage *stage, struct digest key,
                          struct attempt *attempt, bool *ret_taken)
{
    char hex[DIGEST_HEX_LEN + 1];
    digest_print(key, hex);
    AUTO(arena_drop) struct arena arena = {0};
    /* Two stages of one pipeline may have equal recipes (neither deps nor outs): the name keeps
     * them apart. */
    struct str name = str_print(&arena, "%.*s/%s/%zu", STR_FMT(session->workspace.config.project),
                                hex, stage->index);
    struct claim claim = {name, LOCK_EXCLUSIVE};
    return claims_take(fd_number(session->workspace.cache_fd), "running/keys", &claim, 1,
                       &attempt->key_claim, ret_taken);
}

struct error *attempt_begin(struct session *session, const struct stage *stage,
                            const struct digest *key, struct str run_id, struct attempt *ret,
                            bool *ret_taken)
{
    struct attempt attempt = {.run = run_id};
    struct error *error = claim_paths(session, stage, &attempt, ret_taken);
    if (!error && *ret_taken && key)
        error = claim_key(session, stage, *key, &attempt, ret_taken);
    if (error || !*ret_taken) {
        attempt_drop(&attempt);
        return error;
    }
    attempt.id = clock_ulid(session->arena);
    attempt.folder = str_print(session->arena, "aside/%.*s", STR_FMT(attempt.id));
    attempt.marker = str_print(session->arena, "MLOPS_ATTEMPT=%.*s", STR_FMT(attempt.id));
    *ret = attempt;
    return NULL;
}

struct error *attempt_share(const struct stage *stage, const struct attempt *attempt)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct claim *claims = NULL;
    size_t count = claims_of(&arena, stage, &claims);
    return claims_share(&attempt->claims, claims, count);
}

/* Whether the lock says that a run made just this content. */
static bool is_recorded(const struct session *session, const struct stage *stage,
                        const struct artifact *before)
{
    const struct lock_entry *entry = session_lock_entry(session, stage);
    for (size_t i = 0; entry && i < entry->out_count; i++) {
        if (str_equal(entry->outs[i].path, before->path) && artifact_equal(&entry->outs[i], before))
            return true;
    }
    return false;
}

/* What is in the way may go if the store holds it. A recorded output that a new or emptied store
 * lacks is put there first; an edit of the user's is kept. */
static FALLIBLE choose_state(struct session *session, const struct stage *stage,
                             const struct output *output, const struct artifact *before,
                             enum aside_state *ret)
{
    bool is_stored = false;
    bool is_made = is_recorded(session, stage, before);
    TRY(worktree_can_restore(session->worktree, before, &is_stored));
    if (!is_stored && is_made && output->is_cached) {
        TRY(worktree_heal(session->worktree, before, &is_stored));
        TRY(lookup_adopt(session, stage));
    }
    bool is_empty = before->kind == ARTIFACT_TREE && before->file_count == 0;
    bool may_go = is_stored || is_empty || (is_made && !output->is_cached);
    *ret = may_go ? ASIDE_DROP : ASIDE_KEEP;
    return NULL;
}

/* Where an output really lies: behind a link that the user put at its path. */
static FALLIBLE real_place(struct session *session, struct arena *arena, struct str path,
                           struct str *ret)
{
    struct file_stat stat;
    bool found = false;
    struct str root = session->workspace.root;
    *ret = path;
    TRY(file_stat_at(fd_number(session->workspace.root_fd), str_terminate(arena, path), false,
                     &stat, &found));
    if (!found || !S_ISLNK(stat.mode))
        return NULL;
    struct str real;
    TRY(path_real(arena, path_join(arena, root, path), &real));
    bool is_inside = path_is_within(real, root) && real.len > root.len;
    *ret = is_inside ? str_slice(real, root.len + 1, real.len) : real;
    return NULL;
}

static FALLIBLE plan_entry(struct session *session, struct arena *arena, const struct stage *stage,
                           const struct output *output, const struct artifact *before,
                           struct aside_entry *ret)
{
    *ret = (struct aside_entry){.state = ASIDE_ABSENT};
    TRY(real_place(session, arena, output->path, &ret->path));
    if (before->kind == ARTIFACT_ABSENT)
        return NULL;
    if (output->persists) {
        ret->state = ASIDE_COPIED;
        return NULL;
    }
    return choose_state(session, stage, output, before, &ret->state);
}

/* The folder with its journal, which stays locked as long as any process of the attempt lives. */
static FALLIBLE write_journal(struct session *session, struct attempt *attempt,
                              const struct aside_journal *journal, bool is_durable)
{
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(lock_drop) struct lock lock = {0};
    int state = fd_number(session->workspace.state_fd);
    bool taken = false;
    /* A folder without a locked journal looks like a crash to who recovers right now. */
    TRY(lock_take(state, "locks/recover", LOCK_SHARED, -1, NULL, NULL, &lock, &taken));
    TRY(directory_make(state, attempt->folder.at, false));
    struct str path = str_print(&arena, "%.*s/journal", STR_FMT(attempt->folder));
    AUTO(fd_drop)
    struct fd file = fd_of(openat(state, path.at, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (fd_number(file) < 0)
        return error_os(errno, "cannot make '.mlops/%.*s'", STR_FMT(path));
    if (flock(fd_number(file), LOCK_EX | LOCK_NB) != 0)
        return error_os(errno, "cannot lock '.mlops/%.*s'", STR_FMT(path));
    AUTO(buf_drop) struct buf bytes = {0};
    journal_encode(journal, &bytes);
    TRY(file_write(fd_number(file), bytes.at, bytes.len, path.at));
    if (is_durable)
        TRY(file_sync(fd_number(file), path.at));
    attempt->journal = fd_of(fd_release(&file));
    return NULL;
}

static FALLIBLE move_away(struct session *session, const struct attempt *attempt, size_t number,
                          struct str path)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct aside_place place = aside_inside(session, &arena, attempt->folder, number);
    int root = fd_number(session->workspace.root_fd);
    const char *from = str_terminate(&arena, path);
    if (renameat(root, from, place.at_fd, place.path) == 0)
        return NULL;
    if (errno != EXDEV)
        return error_os(errno, "cannot set aside '%.*s'", STR_FMT(path));
    place = aside_sibling(session, &arena, attempt->id, number, path);
    if (renameat(root, from, place.at_fd, place.path) != 0)
        return error_os(errno, "cannot set aside '%.*s'", STR_FMT(path));
    return NULL;
}

/* A safety copy of a persisting output: complete under its name or not there. */
static FALLIBLE copy_away(struct session *session, const struct attempt *attempt, size_t number,
                          struct str path)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct aside_place place = aside_inside(session, &arena, attempt->folder, number);
    return path_copy(fd_number(session->workspace.root_fd), str_terminate(&arena, path),
                     place.at_fd, place.path);
}

static FALLIBLE make_parents(struct session *session, const struct stage *stage)
{
    AUTO(arena_drop) struct arena arena = {0};
    int root = fd_number(session->workspace.root_fd);
    if (session->pipeline->dialect == DOC_DVC)
        return NULL; /* as DVC: the command makes them */
    vec_each (struct output, output, &stage->outs) {
        struct str parent = path_directory(output->path);
        if (parent.len)
            TRY(directory_make(root, str_terminate(&arena, parent), false));
    }
    return NULL;
}

/* The store holds the tree that goes, but not what ignore files hide in it. */
static void plan_ignored(struct arena *arena, const struct artifact *before,
                         struct aside_journal *journal, size_t number)
{
    const struct aside_entry *tree = &journal->entries[number];
    for (size_t i = 0; tree->state == ASIDE_DROP && i < before->ignored_count; i++)
        journal->entries[journal->count++] = (struct aside_entry){
            .path = path_join(arena, tree->path, before->ignored[i]), .state = ASIDE_KEEP};
}

static FALLIBLE plan_journal(struct session *session, struct arena *arena,
                             const struct stage *stage, const struct artifact *before,
                             struct aside_journal *journal, bool *ret_moves)
{
    size_t most = stage->outs.len;
    *ret_moves = false;
    for (size_t i = 0; i < stage->outs.len; i++)
        most += before[i].ignored_count;
    journal->entries = arena_new_array(arena, struct aside_entry, most);
    journal->count = stage->outs.len;
    for (size_t i = 0; i < stage->outs.len; i++) {
        TRY(plan_entry(session, arena, stage, &stage->outs.at[i], &before[i],
                       &journal->entries[i]));
        plan_ignored(arena, &before[i], journal, i);
        *ret_moves |= journal->entries[i].state != ASIDE_ABSENT;
    }
    return NULL;
}

struct error *attempt_set_aside(struct session *session, const struct stage *stage,
                                const struct artifact *before, struct attempt *attempt)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct aside_journal journal = {.run = attempt->run, .stage = stage->name};
    bool moves = false;
    TRY(plan_journal(session, &arena, stage, before, &journal, &moves));
    bool is_durable = moves && session->workspace.config.durability == DURABILITY_FULL;
    TRY(write_journal(session, attempt, &journal, is_durable));
    for (size_t i = stage->outs.len; i < journal.count; i++)
        TRY(move_away(session, attempt, i, journal.entries[i].path));
    for (size_t i = 0; i < stage->outs.len; i++) {
        struct aside_entry *entry = &journal.entries[i];
        if (entry->state == ASIDE_COPIED)
            TRY(copy_away(session, attempt, i, entry->path));
        else if (entry->state != ASIDE_ABSENT)
            TRY(move_away(session, attempt, i, entry->path));
        bool is_linked = !str_equal(entry->path, stage->outs.at[i].path);
        if (is_linked && before[i].kind == ARTIFACT_TREE && entry->state != ASIDE_COPIED)
            TRY(directory_make(fd_number(session->workspace.root_fd),
                               str_terminate(&arena, entry->path),
                               false)); /* the link leads somewhere */
    }
    return make_parents(session, stage);
}

struct error *attempt_note_process(struct session *session, const struct attempt *attempt,
                                   pid_t group, int64_t started_ticks)
{
    AUTO(arena_drop) struct arena arena = {0};
    if (!session->boot_id.len)
        TRY(process_boot_id(session->arena, &session->boot_id));
    struct buf bytes = buf_in(&arena);
    canon_str(&bytes, STR("mlops.process.1"));
    canon_int(&bytes, group);
    canon_int(&bytes, started_ticks);
    canon_str(&bytes, session->boot_id);
    struct str path = str_print(&arena, "%.*s/process", STR_FMT(attempt->folder));
    return file_publish(fd_number(session->workspace.state_fd), path.at, buf_str(&bytes), 0644,
                        false);
}

static FALLIBLE read_journal(struct session *session, struct arena *arena,
                             const struct attempt *attempt, struct aside_journal *ret)
{
    struct str bytes;
    bool found = false;
    struct str path = str_print(arena, "%.*s/journal", STR_FMT(attempt->folder));
    TRY(file_read(arena, fd_number(session->workspace.state_fd), path.at, LIMIT_LOCK_BYTES, &bytes,
                  &found));
    if (!found)
        return error_new(ERROR_STORED, "the journal '.mlops/%.*s' is gone", STR_FMT(path));
    return journal_decode(arena, bytes, ret);
}

struct error *attempt_undo(struct session *session, struct attempt *attempt, struct str failed)
{
    if (fd_number(attempt->journal) < 0)
        return NULL; /* nothing was set aside yet */
    AUTO(arena_drop) struct arena arena = {0};
    struct aside_journal journal;
    TRY(read_journal(session, &arena, attempt, &journal));
    return journal_undo(session, attempt->id, attempt->folder, &journal, failed);
}

struct error *attempt_complete(struct session *session, struct attempt *attempt, int *ret_displaced)
{
    *ret_displaced = 0;
    if (fd_number(attempt->journal) < 0)
        return NULL;
    AUTO(arena_drop) struct arena arena = {0};
    struct aside_journal journal;
    TRY(read_journal(session, &arena, attempt, &journal));
    return journal_complete(session, attempt->id, attempt->folder, &journal, ret_displaced);
}

void attempt_drop(struct attempt *attempt)
{
    fd_drop(&attempt->journal);
    claims_drop(&attempt->claims);
    claims_drop(&attempt->key_claim);
    for (size_t i = 0; i < attempt->gpu_count; i++)
        fd_drop(&attempt->gpus[i]);
    *attempt = (struct attempt){0};
}
