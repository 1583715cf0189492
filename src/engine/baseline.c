#include "mlops/engine/baseline.h"

#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/model/name.h"

enum { COMMIT_SHOWN = 7 };

/* --- files of a side --- */

static bool is_it(struct str bytes, struct digest digest)
{
    return digest_equal(digest_of(bytes.at, bytes.len), digest);
}

static FALLIBLE read_of_git(struct session *session, struct str commit, struct str path,
                            int64_t bytes_most, struct str *ret, bool *ret_found)
{
    struct vcs *vcs = NULL;
    *ret_found = false;
    TRY(session_vcs(session, &vcs));
    if (!vcs || !commit.len)
        return NULL;
    return vcs_read(vcs, session->arena, commit, session_vcs_path(session, session->arena, path),
                    bytes_most, ret, ret_found);
}

FALLIBLE baseline_read(struct session *session, struct str commit, struct str path,
                       struct digest digest, int64_t bytes_most, struct str *ret, bool *ret_found)
{
    struct arena *arena = session->arena;
    *ret_found = false;
    if (session->cas)
        TRY(cas_get_bytes(session->cas, arena, digest, bytes_most, ret, ret_found));
    if (*ret_found)
        return NULL;
    struct file_stat stat;
    const char *name = str_terminate(arena, path);
    TRY(file_stat_at(fd_number(session->workspace.root_fd), name, true, &stat, ret_found));
    if (*ret_found && stat.size_bytes <= bytes_most)
        TRY(file_read(arena, fd_number(session->workspace.root_fd), name, bytes_most, ret,
                      ret_found));
    if (*ret_found && is_it(*ret, digest))
        return NULL;
    TRY(read_of_git(session, commit, path, bytes_most, ret, ret_found));
    *ret_found = *ret_found && is_it(*ret, digest);
    return NULL;
}

/* --- metrics --- */

static bool has_metrics_of(const struct metric_vec *metrics, struct str file)
{
    vec_each (const struct metric, metric, metrics) {
        if (str_equal(metric->file, file))
            return true;
    }
    return false;
}

static FALLIBLE add_metrics(struct session *session, const struct artifact *out,
                            struct evaluated *side)
{
    struct str bytes = {0};
    bool found = false;
    TRY(baseline_read(session, side->commit, out->path, out->digest, LIMIT_JSON_BYTES, &bytes,
                      &found));
    if (!found)
        return error_hint(error_new(ERROR_MACHINE,
                                    "what '%.*s' measured, '%.*s', is neither in git nor in the "
                                    "store",
                                    STR_FMT(side->title), STR_FMT(out->path)),
                          "'mlops fetch --all-commits' brings what a remote has of it");
    struct error *error = metrics_parse(session->arena, out->path, bytes, &side->metrics);
    return error ? error_recode(error_within(error, "metrics of '%.*s'", STR_FMT(side->title)),
                                ERROR_MACHINE)
                 : NULL;
}

/* Those files that are metrics of the stage as it is now. */
static FALLIBLE complete_metrics(struct session *session, const struct stage *stage,
                                 struct evaluated *side)
{
    vec_each (const struct output, output, &stage->outs) {
        for (size_t i = 0; output->category == OUT_METRICS && i < side->out_count; i++) {
            const struct artifact *out = &side->outs[i];
            bool is_asked = str_equal(out->path, output->path) && out->kind == ARTIFACT_FILE &&
                            !has_metrics_of(&side->metrics, out->path);
            if (is_asked)
                TRY(add_metrics(session, out, side));
        }
    }
    return NULL;
}

/* --- runs --- */

static FALLIBLE take_result(struct session *session, const struct result *result,
                            struct evaluated *ret)
{
    ret->recipe = arena_new(session->arena, struct recipe);
    TRY(recipe_decode(session->arena, result->recipe, ret->recipe));
    ret->outs = result->outs;
    ret->out_count = result->out_count;
    ret->metrics = result->metrics;
    return NULL;
}

static FALLIBLE find_last(struct session *session, const struct stage *stage, int64_t sequence,
                          struct evaluated *ret, enum baseline_found *ret_found)
{
    struct ledger *ledger = NULL;
    struct result *result = arena_new(session->arena, struct result);
    struct str run = {0};
    bool found = false;
    *ret_found = BASELINE_FIRST;
    TRY(session_ledger(session, &ledger));
    TRY(ledger_last_good(ledger, session->arena, session->pipeline->path, stage->name, sequence,
                         result, &run, &found));
    if (!found)
        return NULL;
    ret->title = str_print(session->arena, "run %.*s", STR_FMT(ulid_short(run)));
    *ret_found = BASELINE_FOUND;
    return take_result(session, result, ret);
}

static struct digest result_in(const struct state *state, struct str stage)
{
    for (size_t i = 0; i < state->count; i++) {
        if (str_equal(state->entries[i].stage, stage))
            return state->entries[i].result;
    }
    return (struct digest){0};
}

static FALLIBLE find_in_run(struct session *session, const struct stage *stage,
                            const struct run *run, struct evaluated *ret,
                            enum baseline_found *ret_found)
{
    struct arena *arena = session->arena;
    struct ledger *ledger = NULL;
    struct state state = {0};
    struct result *result = arena_new(arena, struct result);
    bool has_state = false, found = false;
    ret->title = str_print(arena, "run %.*s", STR_FMT(ulid_short(run->id)));
    TRY(session_ledger(session, &ledger));
    TRY(ledger_load_state(ledger, arena, run->state, &state, &has_state));
    struct digest id = result_in(&state, stage->name);
    *ret_found = BASELINE_FIRST;
    if (has_state && digest_is_zero(id))
        return NULL;
    if (has_state)
        TRY(ledger_load_result(ledger, arena, id, result, &found));
    if (!found)
        return error_hint(error_new(ERROR_MACHINE,
                                    "what '%.*s' left is not recorded: it did not end well",
                                    STR_FMT(ret->title)),
                          "name another baseline; 'mlops runs' lists runs");
    *ret_found = BASELINE_FOUND;
    return take_result(session, result, ret);
}

/* --- revisions --- */

/* A branch that is only on the remote is meant by its short name, too. */
static FALLIBLE find_commit(struct session *session, struct str word, struct str *ret)
{
    struct vcs *vcs = NULL;
    bool found = false;
    *ret = (struct str){0};
    TRY(session_vcs(session, &vcs));
    if (!vcs || str_starts(word, STR("@")))
        return NULL;
    struct error *error = vcs_resolve(vcs, session->arena, word, ret, &found);
    if (!error && !found)
        error = vcs_resolve(vcs, session->arena,
                            str_print(session->arena, "origin/%.*s", STR_FMT(word)), ret, &found);
    if (error)
        return error_recode(error, ERROR_MACHINE);
    if (!found)
        *ret = (struct str){0};
    return NULL;
}

static FALLIBLE extent_of(struct session *session, struct vcs_extent *ret)
{
    struct vcs *vcs = NULL;
    *ret = (struct vcs_extent){0};
    TRY(session_vcs(session, &vcs));
    return vcs ? vcs_extent_of(vcs, ret) : NULL;
}

static FALLIBLE tell_unknown(struct session *session, struct str word)
{
    struct vcs_extent extent;
    struct error *error = error_new(
        ERROR_MACHINE, "the baseline '%.*s' is no run, tag or git revision here", STR_FMT(word));
    error_drop(extent_of(session, &extent));
    if (str_starts(word, STR("@")))
        return error_hint(error, "'mlops runs' lists the runs of this clone; a branch or commit "
                                 "can be had in each");
    if (extent.is_shallow)
        return error_hint(error,
                          "this clone is shallow: 'git fetch --unshallow' or 'git fetch origin "
                          "%.*s' brings it (actions/checkout: fetch-depth: 0)",
                          STR_FMT(word));
    return error_hint(error,
                      "'git fetch origin %.*s' brings a branch, 'mlops runs' lists runs and "
                      "tags",
                      STR_FMT(word));
}

/* It is named, but its files are not here, or are damaged. */
static ERROR_MADE unreadable(struct session *session, struct str title, struct error *error)
{
    struct vcs_extent extent;
    if (error->code >= ERROR_SIGNAL)
        return error;
    error_drop(extent_of(session, &extent));
    struct str text = str_of(error->text);
    struct str place = STR("");
    if (error->mark.file)
        place = str_print(session->arena, "%s:%d: ", error->mark.file, error->mark.line);
    struct error *told = error_new(ERROR_MACHINE, "the baseline '%.*s' can't be read: %.*s%.*s",
                                   STR_FMT(title), STR_FMT(place), STR_FMT(text));
    error_drop(error);
    if (extent.is_shallow)
        return error_hint(told, "this clone is shallow: git fetch --unshallow (actions/checkout: "
                                "fetch-depth: 0)");
    return error_hint(told, "name another baseline, or mend that revision");
}

static FALLIBLE read_lock(struct session *session, const struct stage *stage, struct str word,
                          struct str commit, const struct lock_entry **ret)
{
    struct arena *arena = session->arena;
    struct lockfile *lock = arena_new(arena, struct lockfile);
    struct str path = stage->file->lock_path, bytes = {0};
    bool found = false;
    *ret = NULL;
    TRY(read_of_git(session, commit, path, LIMIT_LOCK_BYTES, &bytes, &found));
    if (!found)
        return NULL;
    TRY(lockfile_parse(arena, str_print(arena, "%.*s:%.*s", STR_FMT(word), STR_FMT(path)), bytes,
                       lock));
    *ret = map_get(&lock->entries, stage->local_name);
    return NULL;
}

static FALLIBLE find_in_revision(struct session *session, const struct stage *stage,
                                 struct str word, struct str commit, struct evaluated *ret,
                                 enum baseline_found *ret_found)
{
    const struct lock_entry *entry = NULL;
    ret->title = str_print(session->arena, "%.*s (%.*s)", STR_FMT(word),
                           STR_FMT(str_slice(commit, 0, COMMIT_SHOWN)));
    ret->commit = commit;
    struct error *error = read_lock(session, stage, word, commit, &entry);
    if (error)
        return unreadable(session, ret->title, error);
    *ret_found = entry ? BASELINE_FOUND : BASELINE_FIRST;
    if (!entry)
        return NULL;
    ret->recipe = (struct recipe *)(uintptr_t)&entry->recipe;
    ret->outs = entry->outs;
    ret->out_count = entry->out_count;
    ret->metrics = entry->metrics;
    return NULL;
}

/* --- both --- */

static FALLIBLE tell_ambiguous(struct session *session, struct str word, const struct run *runs,
                               size_t count, struct str commit)
{
    struct buf text = buf_in(session->arena);
    for (size_t i = 0; i < count; i++)
        buf_print(&text, "%srun %.*s", i ? ", " : "", STR_FMT(runs[i].id));
    if (commit.len)
        buf_print(&text, ", git commit %.*s", STR_FMT(str_slice(commit, 0, 12)));
    return error_hint(error_new(ERROR_MACHINE, "the baseline '%.*s' may mean: %.*s", STR_FMT(word),
                                STR_FMT(buf_str(&text))),
                      "write more of the one you mean");
}

static FALLIBLE find_word(struct session *session, const struct stage *stage, struct str word,
                          int64_t sequence, struct evaluated *ret, enum baseline_found *ret_found)
{
    struct ledger *ledger = NULL;
    struct run *runs = NULL;
    struct str commit = {0};
    size_t count = 0;
    TRY(session_ledger(session, &ledger));
    TRY(ledger_find_runs(ledger, session->arena, word, &runs, &count));
    TRY(find_commit(session, word, &commit));
    if (count + (commit.len > 0) > 1)
        return tell_ambiguous(session, word, runs, count, commit);
    if (count && runs->sequence == sequence)
        return error_hint(
            error_new(ERROR_MACHINE, "the baseline '%.*s' is this very run", STR_FMT(word)),
            "'@~1' is the run before whose state differs");
    if (count)
        return find_in_run(session, stage, runs, ret, ret_found);
    if (!commit.len)
        return tell_unknown(session, word);
    return find_in_revision(session, stage, word, commit, ret, ret_found);
}

FALLIBLE baseline_find(struct session *session, const struct stage *stage, struct str word,
                       int64_t sequence, struct evaluated *ret, enum baseline_found *ret_found)
{
    *ret = (struct evaluated){0};
    TRY(word.len ? find_word(session, stage, word, sequence, ret, ret_found)
                 : find_last(session, stage, sequence, ret, ret_found));
    return *ret_found == BASELINE_FOUND ? complete_metrics(session, stage, ret) : NULL;
}
