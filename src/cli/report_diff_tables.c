/* What differs beside metrics and parameters as tables. */
#include "mlops/base/arena.h"
#include "mlops/base/map.h"
#include "mlops/base/moment.h"
#include "mlops/cli/report_run.h"
#include "mlops/model/checks.h"

#include "report_diff_private.h"

enum { STAGES_NAMED = 3, COLUMNS_NAMED = 6 };

/* One letter as in git, so that nothing is said by colour alone. */
struct cell report_change_cell(enum diff_change change)
{
    static const struct {
        struct str letter;
        enum tone tone;
    } marks[] = {
        [DIFF_ADDED] = {STR_ROW("A"), TONE_GOOD},
        [DIFF_REMOVED] = {STR_ROW("D"), TONE_BAD},
        [DIFF_CHANGED] = {STR_ROW("M"), TONE_WARN},
        [DIFF_SAME] = {STR_ROW("="), TONE_DIM},
    };
    return cell_toned(cell_shown(marks[change].letter, str_of(diff_change_name(change))),
                      marks[change].tone);
}

/* --- data --- */

static const struct column data_columns[] = {
    {.name = "change", .title = ""},
    {.name = "path", .title = "DATA", .may_shrink = true},
    {.name = "role", .title = "ROLE", .drop = 1},
    {.name = "before", .title = "BEFORE", .is_right = true},
    {.name = "after", .title = "AFTER", .is_right = true},
    {.name = "inside", .title = "", .may_shrink = true, .drop = 2},
};

/* "1.2 KiB a1b2c3d4": the digest tells apart what has the same size. */
static struct cell artifact_cell(struct arena *arena, const struct artifact *artifact)
{
    char hex[DIGEST_HEX_LEN + 1];
    if (artifact->kind == ARTIFACT_ABSENT || digest_is_zero(artifact->digest))
        return (struct cell){0};
    digest_print(artifact->digest, hex);
    struct str value = str_print(arena, "sha256:%s", hex);
    /* Sizes of inputs are not in a recipe, so those of recorded runs are unknown (0). */
    if (artifact->size_bytes <= 0)
        return cell_shown(str_print(arena, "%.8s", hex), value);
    return cell_shown(
        str_print(arena, "%.*s %.8s", STR_FMT(bytes_print(arena, artifact->size_bytes)), hex),
        value);
}

/* "1 added (3 B), 2 changed" */
static struct str files_text(struct arena *arena, const struct diff_files *files)
{
    const struct {
        const char *word;
        int64_t count, bytes;
    } parts[] = {{"added", files->added, files->added_bytes},
                 {"removed", files->removed, files->removed_bytes},
                 {"changed", files->changed, files->changed_bytes}};
    struct buf out = buf_in(arena);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (parts[i].count)
            buf_print(&out, "%s%lld %s (%.*s)",
                      out.len ? ", " : "files: ", (long long)parts[i].count, parts[i].word,
                      STR_FMT(bytes_print(arena, parts[i].bytes)));
    }
    if (files->renamed)
        buf_print(&out, "; %lld renamed", (long long)files->renamed);
    return buf_str(&out);
}

static void add_column(struct arena *arena, const struct diff_column *column, struct buf *out)
{
    bool is_typed = column->before_type && column->after_type &&
                    strcmp(column->before_type, column->after_type) != 0;
    buf_print(out, ", %s%.*s",
              column->change == DIFF_ADDED     ? "+"
              : column->change == DIFF_REMOVED ? "-"
                                               : "",
              STR_FMT(column->name));
    if (is_typed)
        buf_print(out, " %s -> %s", column->before_type, column->after_type);
    if (column->has_drifted)
        buf_print(out, " drifted (%s %.2g)", column->method, column->distance);
    (void)arena;
}

/* "rows 100 -> 120, +age, -name, income drifted (psi 0.31)" */
static struct str table_text(struct arena *arena, const struct diff_table *table)
{
    struct buf out = buf_in(arena);
    size_t count = 0;
    buf_print(&out, "rows %.*s -> %.*s", STR_FMT(count_print(arena, table->before_rows)),
              STR_FMT(count_print(arena, table->after_rows)));
    vec_each (const struct diff_column, column, &table->columns)
        if (++count <= COLUMNS_NAMED)
            add_column(arena, column, &out);
    if (count > COLUMNS_NAMED)
        buf_print(&out, " and %zu columns more", count - COLUMNS_NAMED);
    return buf_str(&out);
}

/* Files whose metrics differ: the metrics section tells of them. */
static struct map metric_files(struct arena *arena, const struct run_diff *diff)
{
    struct map files = {0};
    vec_each (const struct diff_metric, metric, &diff->metrics)
        if (metric->change != DIFF_SAME)
            map_put(arena, &files, metric->file, &files);
    return files;
}

/* Among data; measurements are what mlops keeps for itself. */
static bool is_shown(const struct map *told, const struct diff_data *data)
{
    bool is_internal = data->role == DIFF_OUTPUT && str_starts(data->path, STR(MEASURED_DIRECTORY));
    return data->role != DIFF_CODE && !is_internal && !map_has(told, data->path);
}

struct table report_diff_data(struct arena *arena, const struct run_diff *diff)
{
    struct table table = table_make(arena, data_columns, COUNT_OF(data_columns));
    const struct map told = metric_files(arena, diff);
    vec_each (const struct diff_data, data, &diff->data) {
        if (!is_shown(&told, data))
            continue;
        struct cell *row = table_add(&table);
        row[0] = report_change_cell(data->change);
        row[1] = cell_text(data->path);
        row[2] = cell_text(data->role == DIFF_OUTPUT ? STR("output") : STR("input"));
        row[3] = artifact_cell(arena, &data->before);
        row[4] = artifact_cell(arena, &data->after);
        if (data->files.is_known)
            row[5] = cell_text(files_text(arena, &data->files));
        if (data->table.is_known)
            row[5] = cell_text(table_text(arena, &data->table));
    }
    return table;
}

/* --- code --- */

static const struct column code_columns[] = {
    {.name = "change", .title = ""},
    {.name = "what", .title = "CODE", .may_shrink = true},
    {.name = "before", .title = "BEFORE"},
    {.name = "after", .title = "AFTER"},
};

struct table report_diff_code(struct arena *arena, const struct run_diff *diff)
{
    struct table table = table_make(arena, code_columns, COUNT_OF(code_columns));
    const struct code_state *before = &diff->code.before, *after = &diff->code.after;
    bool has_both = before->branch.len && after->branch.len;
    vec_each (const struct diff_data, data, &diff->data) {
        if (data->role != DIFF_CODE)
            continue;
        struct cell *row = table_add(&table);
        row[0] = report_change_cell(data->change);
        row[1] = cell_text(data->path);
        row[2] = artifact_cell(arena, &data->before);
        row[3] = artifact_cell(arena, &data->after);
    }
    bool has_commits = before->commit.len || after->commit.len;
    if (!diff->code.differs || !has_commits)
        return table;
    struct cell *row = table_add(&table);
    row[1] = cell_text(STR("commit"));
    row[2] = cell_shown(run_commit(arena, before), before->commit);
    row[3] = cell_shown(run_commit(arena, after), after->commit);
    if (!has_both || str_equal(before->branch, after->branch))
        return table;
    row = table_add(&table);
    row[1] = cell_text(STR("branch"));
    row[2] = cell_text(before->branch);
    row[3] = cell_text(after->branch);
    return table;
}

/* --- environment --- */

static const struct column environment_columns[] = {
    {.name = "change", .title = ""},
    {.name = "section", .title = "ENVIRONMENT", .drop = 2},
    {.name = "name", .title = "NAME", .may_shrink = true},
    {.name = "before", .title = "BEFORE", .may_shrink = true},
    {.name = "after", .title = "AFTER", .may_shrink = true},
    {.name = "stages", .title = "STAGES", .may_shrink = true, .drop = 1},
};

static struct str stages_text(struct arena *arena, const struct str_vec *stages)
{
    struct buf out = buf_in(arena);
    for (size_t i = 0; i < stages->len && i < STAGES_NAMED; i++)
        buf_print(&out, "%s%.*s", i ? ", " : "", STR_FMT(stages->at[i]));
    if (stages->len > STAGES_NAMED)
        buf_print(&out, " and %zu more", stages->len - STAGES_NAMED);
    return buf_str(&out);
}

/* Of lists such as PATH only what is around the difference; programs get all of it. */
enum { LIST_BYTES_MOST = 60 };

static struct cell place_cell(struct arena *arena, struct str text, struct str other)
{
    size_t front = 0, back = 0, least = MIN_OF(text.len, other.len);
    if (MAX_OF(text.len, other.len) <= LIST_BYTES_MOST)
        return cell_text(text);
    while (front < least && text.at[front] == other.at[front])
        front++;
    while (front && text.at[front - 1] != ':')
        front--;
    while (back < least - front && text.at[text.len - back - 1] == other.at[other.len - back - 1])
        back++;
    while (back && text.at[text.len - back] != ':')
        back--;
    struct str part = str_slice(text, front, text.len - back);
    return cell_shown(
        str_print(arena, "%s%.*s%s", front ? "...:" : "", STR_FMT(part), back ? ":..." : ""), text);
}

struct table report_diff_environment(struct arena *arena, const struct run_diff *diff)
{
    struct table table = table_make(arena, environment_columns, COUNT_OF(environment_columns));
    vec_each (const struct diff_environment, environment, &diff->environments) {
        struct str stages = stages_text(arena, &environment->stages);
        vec_each (const struct environment_change, change, &environment->changes) {
            struct cell *row = table_add(&table);
            row[0] = report_change_cell(!change->before.len  ? DIFF_ADDED
                                        : !change->after.len ? DIFF_REMOVED
                                                             : DIFF_CHANGED);
            row[1] = cell_text(change->section);
            row[2] = cell_text(change->name);
            row[3] = place_cell(arena, change->before, change->after);
            row[4] = place_cell(arena, change->after, change->before);
            row[5] = cell_text(stages);
        }
    }
    return table;
}

/* --- pipeline --- */

static const struct column pipeline_columns[] = {
    {.name = "change", .title = ""},
    {.name = "stage", .title = "STAGE", .may_shrink = true},
    {.name = "part", .title = "PART"},
    {.name = "before", .title = "BEFORE", .may_shrink = true},
    {.name = "after", .title = "AFTER", .may_shrink = true},
};

static void add_reasons(const struct diff_stage *stage, struct table *table)
{
    vec_each (const struct reason, reason, &stage->reasons) {
        if (!diff_redefines(reason))
            continue;
        struct cell *row = table_add(table);
        row[0] = report_change_cell(DIFF_CHANGED);
        row[1] = cell_text(stage->stage);
        row[2] = cell_text(reason->part == REASON_ENV ? reason->what
                                                      : str_of(reason_part_name(reason->part)));
        row[3] = cell_text(reason->before);
        row[4] = cell_text(reason->after);
    }
}

struct table report_diff_pipeline(struct arena *arena, const struct run_diff *diff)
{
    struct table table = table_make(arena, pipeline_columns, COUNT_OF(pipeline_columns));
    vec_each (const struct diff_stage, stage, &diff->stages) {
        bool is_whole = stage->change == DIFF_ADDED || stage->change == DIFF_REMOVED;
        if (!is_whole) {
            add_reasons(stage, &table);
            continue;
        }
        struct cell *row = table_add(&table);
        row[0] = report_change_cell(stage->change);
        row[1] = cell_text(stage->stage);
    }
    return table;
}

/* --- time and memory --- */

static const struct column usage_columns[] = {
    {.name = "stage", .title = "STAGE", .may_shrink = true},
    {.name = "before", .title = "TIME BEFORE", .is_right = true},
    {.name = "after", .title = "AFTER", .is_right = true},
    {.name = "peak_before", .title = "MEMORY BEFORE", .is_right = true, .drop = 1},
    {.name = "peak_after", .title = "AFTER", .is_right = true, .drop = 1},
};

static struct cell duration_cell(struct arena *arena, int64_t duration_ns)
{
    if (duration_ns < 0)
        return (struct cell){0};
    return cell_real_shown(duration_print(arena, duration_ns), report_seconds(duration_ns));
}

static struct cell bytes_cell(struct arena *arena, int64_t bytes)
{
    return bytes > 0 ? cell_int_shown(bytes_print(arena, bytes), bytes) : (struct cell){0};
}

struct table report_diff_usage(struct arena *arena, const struct run_diff *diff)
{
    struct table table = table_make(arena, usage_columns, COUNT_OF(usage_columns));
    vec_each (const struct diff_stage, stage, &diff->stages) {
        bool is_known = stage->before_ns >= 0 && stage->after_ns >= 0;
        if (!stage->is_noticeable && !(is_known && diff->all))
            continue;
        struct cell *row = table_add(&table);
        row[0] = cell_text(stage->stage);
        row[1] = duration_cell(arena, stage->before_ns);
        row[2] = duration_cell(arena, stage->after_ns);
        row[3] = bytes_cell(arena, stage->before_peak);
        row[4] = bytes_cell(arena, stage->after_peak);
    }
    return table;
}
