#include "mlops/engine/transfer.h"

#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/host/signal.h"

#include "transfer_private.h"

static FALLIBLE walk_all(struct walk *walk, const struct transfer_root_vec *roots, bool *whole)
{
    for (size_t i = 0; i < roots->len; i++) {
        bool is_whole = true;
        TRY(walk_root(walk, &roots->at[i], &is_whole));
        whole[i] = is_whole;
    }
    return NULL;
}

static void add_missing(struct arena *arena, const struct transfer_root_vec *roots,
                        const bool *whole, struct transfer_report *report)
{
    for (size_t i = 0; i < roots->len; i++)
        if (!whole[i])
            *vec_push(arena, &report->missing) = roots->at[i];
    report->roots = (int64_t)roots->len;
}

/* The files first; then it is known which trees are whole, and only those are sent. */
struct error *transfer_push(struct arena *arena, const struct workspace *workspace,
                            struct depot *depot, struct cas *cas,
                            const struct transfer_root_vec *roots, struct transfer_report *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    bool *whole = arena_new_array(&scratch, bool, roots->len + 1);
    struct depot_want_vec missing = {0};
    struct transfer_report report = {0};
    struct walk files = {.arena = &scratch, .cas = cas, .depot = depot};
    TRY(walk_all(&files, roots, whole));
    wants_sort(&files.files);
    TRY(depot_push(depot, &scratch, files.files.at, files.files.len, &missing));
    struct walk trees = {.arena = &scratch,
                         .cas = cas,
                         .depot = depot,
                         .missing = digest_list_of(&scratch, &missing),
                         .knows_files = true};
    TRY(walk_all(&trees, roots, whole));
    TRY(depot_push_names(depot, &scratch, trees.trees.at, trees.trees.len, &missing));
    TRY(results_send(workspace, depot, roots, whole, &report.results));
    TRY(roots_record(&scratch, workspace, depot, roots, whole));
    TRY(depot_finish(depot));
    add_missing(arena, roots, whole, &report);
    report.counts = depot_counts(depot);
    *ret = report;
    return NULL;
}

static bool has_all(const struct depot *depot, const struct depot_want_vec *wants)
{
    vec_each (const struct depot_want, want, wants)
        if (!depot_has(depot, want->digest))
            return false;
    return true;
}

struct error *transfer_claim(struct arena *arena, const struct workspace *workspace,
                             struct depot *depot, struct cas *cas,
                             const struct transfer_root_vec *roots)
{
    bool *whole = arena_new_array(arena, bool, roots->len + 1);
    for (size_t i = 0; i < roots->len; i++) {
        AUTO(arena_drop) struct arena scratch = {0};
        struct walk walk = {.arena = &scratch, .cas = cas, .depot = depot};
        TRY(walk_root(&walk, &roots->at[i], &whole[i]));
        whole[i] = whole[i] && has_all(depot, &walk.files) && has_all(depot, &walk.trees);
    }
    return roots_record(arena, workspace, depot, roots, whole);
}

/* Trees that the store lacks, with the bytes that the remote says they have. */
static FALLIBLE fetch_trees(struct depot *depot, struct arena *arena,
                            const struct depot_want_vec *lost, size_t *ret_fetched)
{
    struct depot_want_vec wants = {0}, missing = {0};
    for (size_t i = 0; i < lost->len; i++) {
        struct depot_want want = lost->at[i];
        bool found = false;
        TRY(depot_object_bytes(depot, want.digest, &want.size_bytes, &found));
        if (found && want.size_bytes <= LIMIT_TREE_BYTES) /* what a remote says is not believed */
            *vec_push(arena, &wants) = want;
    }
    TRY(depot_fetch(depot, arena, wants.at, wants.len, &missing));
    *ret_fetched = wants.len - missing.len;
    return NULL;
}

/* Level by level: what a tree names is known when it is here. */
static FALLIBLE fetch_names(struct depot *depot, struct cas *cas, struct arena *arena,
                            const struct transfer_root_vec *roots, bool *whole,
                            struct depot_want_vec *ret_files)
{
    for (;;) {
        struct walk walk = {.arena = arena, .cas = cas};
        size_t fetched = 0;
        TRY(signal_check());
        TRY(walk_all(&walk, roots, whole));
        wants_sort(&walk.lost);
        *ret_files = walk.files;
        if (walk.lost.len)
            TRY(fetch_trees(depot, arena, &walk.lost, &fetched));
        if (!fetched)
            return NULL;
    }
}

struct error *transfer_fetch_trees(struct arena *arena, struct depot *depot, struct cas *cas,
                                   const struct transfer_root_vec *roots)
{
    bool *whole = arena_new_array(arena, bool, roots->len + 1);
    struct depot_want_vec files = {0};
    return fetch_names(depot, cas, arena, roots, whole, &files);
}

struct error *transfer_fetch(struct arena *arena, const struct workspace *workspace,
                             struct depot *depot, struct cas *cas,
                             const struct transfer_root_vec *roots,
                             const struct transfer_trust *trust, struct transfer_report *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    bool *whole = arena_new_array(&scratch, bool, roots->len + 1);
    struct depot_want_vec files = {0}, missing = {0};
    struct transfer_report report = {0};
    TRY(fetch_names(depot, cas, &scratch, roots, whole, &files));
    wants_sort(&files);
    TRY(depot_fetch(depot, &scratch, files.at, files.len, &missing));
    struct walk after = {.arena = &scratch,
                         .cas = cas,
                         .missing = digest_list_of(&scratch, &missing),
                         .knows_files = true};
    TRY(walk_all(&after, roots, whole));
    if (trust && transfer_trusts_some(trust))
        TRY(results_take(workspace, depot, trust, roots, &report.results));
    add_missing(arena, roots, whole, &report);
    report.counts = depot_counts(depot);
    *ret = report;
    return NULL;
}

/* --- where things are --- */

static FALLIBLE count_one(struct depot *depot, struct cas *cas, struct digest digest,
                          int64_t size_bytes, struct transfer_state *state)
{
    bool is_here = false;
    TRY(cas_has(cas, digest, &is_here));
    bool is_there = depot && (is_here ? depot_has(depot, digest) : depot_can_give(depot, digest));
    int64_t bytes = MAX_OF(size_bytes, INT64_C(0));
    state->here_objects += is_here && !is_there;
    state->here_bytes += is_here && !is_there ? bytes : 0;
    state->there_objects += !is_here && is_there;
    state->there_bytes += !is_here && is_there ? bytes : 0;
    state->lost_objects += !is_here && !is_there;
    state->lost_bytes += !is_here && !is_there ? bytes : 0;
    return NULL;
}

/* Of large files the remote may have lost chunks. */
static FALLIBLE check_files(struct depot *depot, const struct depot_want_vec *wants)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct digest_list list = digest_list_of(&scratch, wants);
    return depot ? depot_check_files(depot, list.at, list.len) : NULL;
}

/* All at once what needs no walk. */
static FALLIBLE check_roots(struct depot *depot, const struct transfer_root_vec *roots)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct depot_want_vec files = {0};
    vec_each (const struct transfer_root, root, roots)
        if (root->artifact.kind == ARTIFACT_FILE)
            *vec_push(&scratch, &files) = (struct depot_want){.digest = root->artifact.digest};
    return check_files(depot, &files);
}

static FALLIBLE count_all(struct depot *depot, struct cas *cas, const struct depot_want_vec *wants,
                          struct transfer_state *state)
{
    vec_each (const struct depot_want, want, wants)
        TRY(count_one(depot, cas, want->digest, want->size_bytes, state));
    return signal_check();
}

/* Of a directory that is not here at all its pointer or lock file knows the size. */
static void count_unseen(const struct transfer_root *root, const struct walk *walk,
                         struct transfer_state *state)
{
    const struct artifact *artifact = &root->artifact;
    if (artifact->kind != ARTIFACT_TREE || root->below.len || walk->lost.len != 1 ||
        !digest_equal(walk->lost.at[0].digest, artifact->digest))
        return;
    bool is_there = state->there_objects > 0;
    *(is_there ? &state->there_objects : &state->lost_objects) += artifact->file_count;
    *(is_there ? &state->there_bytes : &state->lost_bytes) += artifact->size_bytes;
}

static enum transfer_place place_of(const struct transfer_state *state)
{
    if (state->lost_objects)
        return PLACE_NOWHERE;
    if (state->here_objects)
        return PLACE_HERE;
    return state->there_objects ? PLACE_THERE : PLACE_BOTH;
}

struct error *transfer_compare(struct arena *arena, struct depot *depot, struct cas *cas,
                               const struct transfer_root_vec *roots, struct transfer_state *ret)
{
    (void)arena;
    TRY(check_roots(depot, roots));
    for (size_t i = 0; i < roots->len; i++) {
        AUTO(arena_drop) struct arena scratch = {0};
        struct walk walk = {.arena = &scratch, .cas = cas};
        struct transfer_state state = {0};
        bool is_whole = true;
        TRY(walk_root(&walk, &roots->at[i], &is_whole));
        wants_sort(&walk.files);
        if (roots->at[i].artifact.kind == ARTIFACT_TREE)
            TRY(check_files(depot, &walk.files));
        TRY(count_all(depot, cas, &walk.files, &state));
        TRY(count_all(depot, cas, &walk.trees, &state));
        TRY(count_all(depot, cas, &walk.lost, &state));
        count_unseen(&roots->at[i], &walk, &state);
        state.place = place_of(&state);
        ret[i] = state;
    }
    return NULL;
}

const char *transfer_place_name(enum transfer_place place)
{
    static const char *const names[] = {[PLACE_BOTH] = "both",
                                        [PLACE_HERE] = "here",
                                        [PLACE_THERE] = "there",
                                        [PLACE_NOWHERE] = "nowhere"};
    return names[place];
}
