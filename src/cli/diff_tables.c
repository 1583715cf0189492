#include "mlops/cli/diff_tables.h"

#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/data/drift.h"
#include "mlops/data/measurement.h"
#include "mlops/model/checks.h"
#include "mlops/store/cas.h"
#include "mlops/store/workspace.h"

#include <math.h>

static const char MEASURE_COMMAND[] = "mlops data measure {";

/* A stage that measures, and what it made. */
struct measuring {
    const struct recipe *recipe;
    const struct artifact *measured;
};

VEC(measuring_vec, struct measuring);

struct filler {
    struct context *context;
    struct cas *cas;
    struct map loaded; /* digest of a measurement -> struct measurement *, NULL: not here */
};

static bool reads(const struct recipe *recipe, struct str path)
{
    for (size_t i = 0; i < recipe->dep_count; i++)
        if (str_equal(recipe->deps[i].path, path))
            return true;
    return false;
}

static void find_measuring(struct arena *arena, const struct run_view *view,
                           struct measuring_vec *ret)
{
    for (size_t i = 0; i < view->stage_count; i++) {
        const struct run_view_stage *stage = &view->stages[i];
        bool is_measuring = stage->recipe && stage->recipe->cmd.count == 1 &&
                            str_starts(stage->recipe->cmd.items[0], str_of(MEASURE_COMMAND));
        for (size_t j = 0; is_measuring && j < stage->out_count; j++)
            if (str_starts(stage->outs[j].path, STR(MEASURED_DIRECTORY)))
                *vec_push(arena, ret) = (struct measuring){stage->recipe, &stage->outs[j]};
    }
}

/* *ret NULL: it is not in the store, or of another version. */
static FALLIBLE load(struct filler *filler, const struct artifact *artifact,
                     const struct measurement **ret)
{
    struct arena *arena = filler->context->arena;
    struct str key = {(const char *)artifact->digest.at, sizeof artifact->digest.at}, bytes = {0};
    bool is_found = map_has(&filler->loaded, key);
    *ret = map_get(&filler->loaded, key);
    if (is_found)
        return NULL;
    TRY(cas_get_bytes(filler->cas, arena, artifact->digest, LIMIT_MEASUREMENT_BYTES, &bytes,
                      &is_found));
    struct measurement *measurement = is_found ? arena_new(arena, struct measurement) : NULL;
    if (is_found) {
        struct error *error = measurement_parse(arena, artifact->path, bytes, measurement);
        if (error)
            context_notice(filler->context, "what '%.*s' measured is left out: %s",
                           STR_FMT(artifact->path), error->text);
        measurement = error ? NULL : measurement;
        error_drop(error);
    }
    map_put(arena, &filler->loaded, key, measurement);
    *ret = measurement;
    return NULL;
}

static const struct profile *profile_of(const struct measurement *measurement,
                                        const struct artifact *artifact)
{
    for (size_t i = 0; i < measurement->table_count; i++) {
        const struct table_measurement *table = &measurement->tables[i];
        bool is_it = str_equal(table->path, artifact->path) && !table->fault.len;
        bool is_same = digest_is_zero(table->profile.digest) ||
                       digest_equal(table->profile.digest, artifact->digest);
        if (is_it && is_same)
            return &table->profile;
    }
    return NULL;
}

/* The profile of a file as a side has it; *ret NULL: nothing measured it. */
static FALLIBLE find(struct filler *filler, const struct measuring_vec *side,
                     const struct artifact *artifact, const struct profile **ret)
{
    *ret = NULL;
    vec_each (const struct measuring, each, side) {
        const struct measurement *measurement = NULL;
        if (*ret || !reads(each->recipe, artifact->path))
            continue;
        TRY(load(filler, each->measured, &measurement));
        if (measurement)
            *ret = profile_of(measurement, artifact);
    }
    return NULL;
}

static const struct column_profile *column_of(const struct profile *profile, struct str name)
{
    for (size_t i = 0; i < profile->column_count; i++)
        if (str_equal(profile->columns[i].name, name))
            return &profile->columns[i];
    return NULL;
}

static FALLIBLE compare_columns(struct arena *arena, const struct column_profile *before,
                                const struct column_profile *after, struct diff_table *ret)
{
    struct drift drift;
    const struct drift_method_row *method = &drift_methods()[DRIFT_PSI];
    TRY(drift_measure(arena, before, after, &drift));
    struct diff_column column = {
        .change = DIFF_CHANGED,
        .name = before->name,
        .before_type = field_type_name(before->type),
        .after_type = field_type_name(after->type),
        .distance = drift.reason ? nan("") : drift_value(&drift, DRIFT_PSI),
        .threshold = method->threshold,
    };
    column.method = isnan(column.distance) ? NULL : method->name;
    column.has_drifted =
        column.method && drift_is_over(DRIFT_PSI, column.distance, column.threshold);
    if (column.has_drifted || before->type != after->type)
        *vec_push(arena, &ret->columns) = column;
    return NULL;
}

static FALLIBLE compare(struct arena *arena, const struct profile *before,
                        const struct profile *after, struct diff_table *ret)
{
    struct diff_table table = {
        .is_known = true,
        .before_rows = (int64_t)before->record_count,
        .after_rows = (int64_t)after->record_count,
    };
    for (size_t i = 0; i < before->column_count; i++) {
        const struct column_profile *old = &before->columns[i];
        const struct column_profile *new = column_of(after, old->name);
        if (new)
            TRY(compare_columns(arena, old, new, &table));
        else
            *vec_push(arena, &table.columns) = (struct diff_column){
                DIFF_REMOVED, old->name, field_type_name(old->type), NULL, NULL, 0, 0, false};
    }
    for (size_t i = 0; i < after->column_count; i++) {
        const struct column_profile *new = &after->columns[i];
        if (!column_of(before, new->name))
            *vec_push(arena, &table.columns) = (struct diff_column){
                DIFF_ADDED, new->name, NULL, field_type_name(new->type), NULL, 0, 0, false};
    }
    *ret = table;
    return NULL;
}

FALLIBLE diff_tables_fill(struct context *context, const struct run_view *before,
                          const struct run_view *after, struct run_diff *diff)
{
    struct filler filler = {.context = context};
    struct measuring_vec old_side = {0}, new_side = {0};
    struct workspace *workspace = NULL;
    find_measuring(context->arena, before, &old_side);
    find_measuring(context->arena, after, &new_side);
    TRY(context_workspace(context, &workspace));
    if (!old_side.len || !new_side.len || fd_number(workspace->state_fd) < 0)
        return NULL;
    TRY(context_cas(context, &filler.cas));
    vec_each (struct diff_data, row, &diff->data) {
        const struct profile *old = NULL, *new = NULL;
        if (row->change != DIFF_CHANGED || row->before.kind != ARTIFACT_FILE ||
            row->after.kind != ARTIFACT_FILE)
            continue;
        TRY(find(&filler, &old_side, &row->before, &old));
        if (old)
            TRY(find(&filler, &new_side, &row->after, &new));
        if (new)
            TRY(compare(context->arena, old, new, &row->table));
    }
    return NULL;
}
