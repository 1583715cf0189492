#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/base/map.h"
#include "mlops/base/vec.h"
#include "mlops/host/clock.h"
#include "mlops/host/signal.h"
#include "mlops/host/sql.h"
#include "mlops/model/name.h"
#include "mlops/model/tree.h"
#include "mlops/store/results.h"

#include <fcntl.h>
#include <stdlib.h>

#include "verify_private.h"

static void add_fault(struct verification *verification, const char *what, struct str name,
                      struct str fault, struct str repair)
{
    verify_add_fault(
        verification,
        (struct verify_fault){.what = what, .name = name, .fault = fault, .repair = repair});
}

void verify_add_fault(struct verification *verification, struct verify_fault fault)
{
    *vec_push(verification->arena, &verification->faults) = fault;
}

static FALLIBLE need_object(struct verification *verification, struct digest digest,
                            bool *ret_is_new)
{
    bool found = false;
    *ret_is_new = digest_set_add(&verification->seen, digest);
    if (*ret_is_new)
        TRY(cas_has(verification->cas, digest, &found));
    if (*ret_is_new && !found)
        *vec_push(verification->arena, &verification->missing) =
            (struct cas_checked){digest, 0, 0, CAS_ABSENT};
    return NULL;
}

/* The entries of a stored directory; none if it is missing or damaged itself, which is told by its
 * own name. */
FALLIBLE verify_load_tree(struct cas *cas, struct arena *scratch, struct digest digest,
                          struct tree *ret)
{
    struct str bytes = {0};
    bool found = false;
    TRY(signal_check());
    TRY(cas_get_bytes(cas, scratch, digest, LIMIT_TREE_BYTES, &bytes, &found));
    return found ? tree_decode(scratch, bytes, ret) : NULL;
}

static FALLIBLE need_entries(struct verification *verification, struct arena *arena,
                             struct digest digest, struct digest_vec *waiting)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct tree tree = {0};
    bool is_new = false;
    TRY(verify_load_tree(verification->cas, &scratch, digest, &tree));
    for (size_t i = 0; i < tree.count; i++) {
        TRY(need_object(verification, tree.entries[i].digest, &is_new));
        if (is_new && tree.entries[i].kind == TREE_DIRECTORY)
            *vec_push(arena, waiting) = tree.entries[i].digest;
    }
    return NULL;
}

/* A directory's objects at any depth. */
static FALLIBLE need_tree(struct verification *verification, struct digest top)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct digest_vec waiting = {0};
    bool is_new = false;
    TRY(need_object(verification, top, &is_new));
    if (is_new)
        *vec_push(&arena, &waiting) = top;
    while (waiting.len)
        TRY(need_entries(verification, &arena, waiting.at[--waiting.len], &waiting));
    return NULL;
}

static FALLIBLE need_outputs(struct verification *verification, const struct result *result)
{
    bool is_new = false;
    for (size_t i = 0; i < result->out_count; i++) {
        const struct artifact *out = &result->outs[i];
        if (out->is_stored && out->kind == ARTIFACT_TREE)
            TRY(need_tree(verification, out->digest));
        else if (out->is_stored && out->kind == ARTIFACT_FILE)
            TRY(need_object(verification, out->digest, &is_new));
    }
    return NULL;
}

/* A result file is right if its name is its digest and it decodes: that includes that the recipe
 * hashes to the key. */
static FALLIBLE check_result(void *context, struct str project, struct digest key, struct digest id,
                             struct str bytes, const char *path)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct verification *verification = context;
    struct result result = {0};
    const char *fault = NULL;
    (void)project;
    verification->report->results++;
    TRY(signal_check());
    struct error *error = result_decode(&scratch, bytes, &result);
    if (!digest_equal(digest_of(bytes.at, bytes.len), id))
        fault = "its bytes are not what its name says";
    else if (error)
        fault = error->text;
    else if (!digest_equal(result.key, key))
        fault = "it is filed under another key";
    if (fault)
        add_fault(verification, "result", str_copy(verification->arena, str_of(path)),
                  str_copy(verification->arena, str_of(fault)),
                  STR("nothing: it is passed over, and the next run of its stage makes a new one"));
    error_drop(error);
    return fault ? NULL : need_outputs(verification, &result);
}

static FALLIBLE check_lineage(struct verification *verification, struct ledger *ledger)
{
    struct str fault = {0};
    TRY(ledger_check(ledger, verification->arena, &fault));
    if (fault.len)
        add_fault(
            verification, "lineage", STR("lineage.db"), fault,
            STR("`mlops verify --rebuild-lineage`: what is up to date does not depend on it"));
    return NULL;
}

/* A damaged one counts as absent anyway; it is only told. */
static FALLIBLE check_index(struct verification *verification)
{
    const struct workspace *workspace = verification->workspace;
    AUTO(sql_drop) struct sql *sql = NULL;
    struct str path = path_join(verification->arena, workspace->index_dir, STR("index.db"));
    struct str fault = {0};
    struct file_stat stat;
    bool found = false;
    TRY(file_stat_at(AT_FDCWD, path.at, true, &stat, &found));
    if (!found)
        return NULL;
    struct error *error = sql_open(path.at, &(struct sql_options){.is_read_only = true}, &sql);
    if (!error)
        error = sql_check(sql, verification->arena, &fault);
    if (error && error->code != ERROR_STORED)
        return error;
    if (error)
        fault = str_copy(verification->arena, str_of(error->text));
    error_drop(error);
    if (!fault.len)
        return NULL;
    index_remove(path.at);
    add_fault(verification, "index", STR("index.db"), fault,
              STR("nothing: it was removed, and the next command makes it anew"));
    return NULL;
}

static void verification_drop(struct verification *verification)
{
    digest_set_drop(&verification->seen);
    digest_set_drop(&verification->quarantined);
    digest_set_drop(&verification->told);
    arena_drop(&verification->memory);
}

FALLIBLE verify_run(struct arena *arena, const struct workspace *workspace, struct ledger *ledger,
                    struct cas *cas, struct pool *pool, const struct verify_wish *wish,
                    const struct observer *observer, struct verify_report *ret)
{
    struct verify_report report = {0};
    AUTO(verification_drop)
    struct verification verification = {
        .arena = arena, .workspace = workspace, .cas = cas, .report = &report};
    TRY(verify_note_packs(&verification));
    TRY(check_lineage(&verification, ledger));
    TRY(check_index(&verification));
    TRY(verify_load_pointers(&verification));
    TRY(verify_objects(&verification, pool, wish, observer));
    TRY(results_each(workspace, check_result, &verification));
    TRY(verify_tell_bad(&verification));
    TRY(verify_pointers(&verification));
    TRY(verify_tell_packs(&verification));
    report.faults = verification.faults.at;
    report.fault_count = verification.faults.len;
    *ret = report;
    return NULL;
}
