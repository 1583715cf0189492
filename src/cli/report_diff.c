#include "mlops/cli/report_diff.h"

#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/cli/report_run.h"

#include "report_diff_private.h"

/* One letter as in git, so that nothing is said by colour alone. */
static struct cell change_cell(enum diff_change change)
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

static const struct column metric_columns[] = {
    {.name = "change", .title = ""},
    {.name = "file", .title = "FILE", .may_shrink = true, .drop = 1},
    {.name = "key", .title = "METRIC", .may_shrink = true},
    {.name = "before", .title = "BEFORE", .is_right = true},
    {.name = "after", .title = "AFTER", .is_right = true},
    {.name = "delta", .title = "DELTA", .is_right = true},
};

static const struct column param_columns[] = {
    {.name = "change", .title = ""},
    {.name = "file", .title = "FILE", .may_shrink = true, .drop = 1},
    {.name = "key", .title = "PARAMETER", .may_shrink = true},
    {.name = "before", .title = "BEFORE", .may_shrink = true},
    {.name = "after", .title = "AFTER", .may_shrink = true},
};

static const struct column data_columns[] = {
    {.name = "change", .title = ""},
    {.name = "path", .title = "PATH", .may_shrink = true},
    {.name = "role", .title = "ROLE", .drop = 1},
    {.name = "before", .title = "BEFORE", .is_right = true},
    {.name = "after", .title = "AFTER", .is_right = true},
};

static const struct column stage_columns[] = {
    {.name = "change", .title = ""},
    {.name = "stage", .title = "STAGE", .may_shrink = true},
    {.name = "before", .title = "TIME BEFORE", .is_right = true},
    {.name = "after", .title = "AFTER", .is_right = true},
    {.name = "why", .title = "WHY", .may_shrink = true},
};

static const struct column code_columns[] = {
    {.name = "what", .title = "CODE"},
    {.name = "before", .title = "BEFORE"},
    {.name = "after", .title = "AFTER"},
};

static struct table metric_table(struct arena *arena, const struct run_diff *diff)
{
    struct table table = table_make(arena, metric_columns, COUNT_OF(metric_columns));
    vec_each (const struct diff_metric, metric, &diff->metrics) {
        struct cell *row = table_add(&table);
        row[0] = change_cell(metric->change);
        row[1] = cell_text(metric->file);
        row[2] = cell_text(metric->key);
        row[3] = cell_text(metric->before);
        row[4] = cell_text(metric->after);
        row[5] = cell_text(metric->delta_text);
    }
    return table;
}

static struct table param_table(struct arena *arena, const struct run_diff *diff)
{
    struct table table = table_make(arena, param_columns, COUNT_OF(param_columns));
    vec_each (const struct diff_param, param, &diff->params) {
        struct cell *row = table_add(&table);
        row[0] = change_cell(param->change);
        row[1] = cell_text(param->file);
        row[2] = cell_text(param->key);
        row[3] = cell_text(param->before);
        row[4] = cell_text(param->after);
    }
    return table;
}

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

static struct table data_table(struct arena *arena, const struct run_diff *diff)
{
    struct table table = table_make(arena, data_columns, COUNT_OF(data_columns));
    vec_each (const struct diff_data, data, &diff->data) {
        struct cell *row = table_add(&table);
        row[0] = change_cell(data->change);
        row[1] = cell_text(data->path);
        row[2] = cell_text(data->role == DIFF_OUTPUT ? STR("output") : STR("input"));
        row[3] = artifact_cell(arena, &data->before);
        row[4] = artifact_cell(arena, &data->after);
    }
    return table;
}

static struct cell duration_cell(struct arena *arena, int64_t duration_ns)
{
    if (duration_ns < 0)
        return (struct cell){0};
    return cell_real_shown(duration_print(arena, duration_ns), report_seconds(duration_ns));
}

static struct str reasons_text(struct arena *arena, const struct reason_vec *reasons)
{
    struct buf text = buf_in(arena);
    vec_each (const struct reason, reason, reasons) {
        buf_add_text(&text, text.len ? "; " : "");
        buf_add_str(&text, reason_print(arena, reason));
    }
    return buf_str(&text);
}

static struct table stage_table(struct arena *arena, const struct run_diff *diff)
{
    struct table table = table_make(arena, stage_columns, COUNT_OF(stage_columns));
    vec_each (const struct diff_stage, stage, &diff->stages) {
        struct cell *row = table_add(&table);
        row[0] = change_cell(stage->change);
        row[1] = cell_text(stage->stage);
        row[2] = duration_cell(arena, stage->before_ns);
        row[3] = duration_cell(arena, stage->after_ns);
        row[4] = cell_text(reasons_text(arena, &stage->reasons));
    }
    return table;
}

static struct table code_table(struct arena *arena, const struct run_diff *diff)
{
    struct table table = table_make(arena, code_columns, COUNT_OF(code_columns));
    const struct code_state *before = &diff->code.before;
    const struct code_state *after = &diff->code.after;
    if (!diff->code.differs)
        return table;
    struct cell *row = table_add(&table);
    row[0] = cell_text(STR("commit"));
    row[1] = cell_shown(run_commit(arena, before), before->commit);
    row[2] = cell_shown(run_commit(arena, after), after->commit);
    bool has_both = before->branch.len && after->branch.len;
    if (!has_both || str_equal(before->branch, after->branch))
        return table;
    row = table_add(&table);
    row[0] = cell_text(STR("branch"));
    row[1] = cell_text(before->branch);
    row[2] = cell_text(after->branch);
    return table;
}

enum { SECTION_COUNT = 5 };

struct section {
    const char *name;
    struct table table;
};

static void make_sections(struct arena *arena, const struct run_diff *diff,
                          struct section ret[SECTION_COUNT])
{
    ret[0] = (struct section){"metrics", metric_table(arena, diff)};
    ret[1] = (struct section){"params", param_table(arena, diff)};
    ret[2] = (struct section){"data", data_table(arena, diff)};
    ret[3] = (struct section){"code", code_table(arena, diff)};
    ret[4] = (struct section){"stages", stage_table(arena, diff)};
}

static void print_files(struct context *context, const struct run_diff *diff)
{
    vec_each (const struct str, file, &diff->code.files) {
        buf_add_text(&context->out, "  ");
        buf_add_escaped(&context->out, *file, false);
        buf_add_char(&context->out, '\n');
    }
}

static char change_letter(enum diff_change change)
{
    return change == DIFF_ADDED ? 'A' : change == DIFF_REMOVED ? 'D' : 'M';
}

/* "out/: 1 file added, 0 removed, 2 changed", and the first of them. */
static void print_data_files(struct context *context, const struct run_diff *diff)
{
    struct buf *out = &context->out;
    vec_each (const struct diff_data, data, &diff->data) {
        const struct diff_files *files = &data->files;
        int64_t count = files->added + files->removed + files->changed;
        if (!files->is_known)
            continue;
        buf_add_text(out, "\n");
        buf_add_escaped(out, data->path, false);
        buf_print(out, "/: %lld added, %lld removed, %lld changed\n", (long long)files->added,
                  (long long)files->removed, (long long)files->changed);
        vec_each (const struct diff_file, file, &files->listed) {
            buf_print(out, "  %c ", change_letter(file->change));
            buf_add_escaped(out, file->path, false);
            buf_add_char(out, '\n');
        }
        if (count > (int64_t)files->listed.len)
            buf_print(out, "  ... and %lld more\n",
                      (long long)(count - (int64_t)files->listed.len));
    }
}

static void print_text(struct context *context, const struct run_diff *diff)
{
    struct section sections[SECTION_COUNT];
    bool has_any = diff->code.files.len > 0;
    make_sections(context->arena, diff, sections);
    for (int i = 0; i < SECTION_COUNT; i++)
        has_any = has_any || sections[i].table.row_count;
    report_add_toned(context, TONE_STRONG,
                     str_print(context->arena, "%.*s -> %.*s", STR_FMT(diff->before_title),
                               STR_FMT(diff->after_title)));
    buf_add_text(&context->out, has_any ? "\n" : ": no difference\n");
    for (int i = 0; i < SECTION_COUNT; i++) {
        bool is_code = strcmp(sections[i].name, "code") == 0;
        bool has_files = is_code && diff->code.files.len;
        if (sections[i].table.row_count || has_files)
            buf_add_char(&context->out, '\n');
        if (sections[i].table.row_count)
            report_text(context, &sections[i].table, false);
        if (strcmp(sections[i].name, "data") == 0)
            print_data_files(context, diff);
        if (has_files)
            print_files(context, diff);
    }
}

static void print_markdown(struct context *context, const struct run_diff *diff)
{
    struct section sections[SECTION_COUNT];
    struct buf *out = &context->out;
    make_sections(context->arena, diff, sections);
    buf_add_text(out, "## ");
    buf_add_escaped(out, diff->before_title, false);
    buf_add_text(out, " → ");
    buf_add_escaped(out, diff->after_title, false);
    buf_add_text(out, diff_is_empty(diff) ? "\n\nNo difference.\n" : "\n");
    for (int i = 0; i < SECTION_COUNT; i++) {
        if (sections[i].table.row_count == 0)
            continue;
        buf_print(out, "\n### %c%s\n\n", sections[i].name[0] - 'a' + 'A', sections[i].name + 1);
        report_markdown(out, &sections[i].table);
    }
    if (diff->code.files.len)
        buf_add_text(out, "\n```\n");
    print_files(context, diff);
    if (diff->code.files.len)
        buf_add_text(out, "```\n");
}

static const struct column flat_columns[] = {
    {.name = "section", .title = "SECTION"}, {.name = "change", .title = "CHANGE"},
    {.name = "file", .title = "FILE"},       {.name = "key", .title = "KEY"},
    {.name = "before", .title = "BEFORE"},   {.name = "after", .title = "AFTER"},
    {.name = "delta", .title = "DELTA"},
};

static struct cell *add_flat(struct table *table, const char *section, struct cell change)
{
    struct cell *row = table_add(table);
    row[0] = cell_text(str_of(section));
    row[1] = change;
    return row;
}

/* Sections have different columns; a spreadsheet wants one table. */
static void print_csv(struct context *context, const struct run_diff *diff)
{
    static const struct {
        size_t file, key, before, after, delta; /* columns of the section + 1; 0: none */
    } places[SECTION_COUNT] = {
        {2, 3, 4, 5, 6}, {2, 3, 4, 5, 0}, {2, 0, 4, 5, 0}, {0, 1, 2, 3, 0}, {0, 2, 3, 4, 0},
    };
    struct section sections[SECTION_COUNT];
    struct table flat = table_make(context->arena, flat_columns, COUNT_OF(flat_columns));
    make_sections(context->arena, diff, sections);
    for (int s = 0; s < SECTION_COUNT; s++) {
        const struct table *table = &sections[s].table;
        bool is_code = strcmp(sections[s].name, "code") == 0;
        for (size_t i = 0; i < table->row_count; i++) {
            const struct cell *from = &table->cells[i * table->column_count];
            struct cell *row =
                add_flat(&flat, sections[s].name, is_code ? change_cell(DIFF_CHANGED) : from[0]);
            const size_t from_columns[] = {places[s].file, places[s].key, places[s].before,
                                           places[s].after, places[s].delta};
            for (size_t c = 0; c < COUNT_OF(from_columns); c++)
                row[c + 2] = from_columns[c] ? from[from_columns[c] - 1] : (struct cell){0};
        }
    }
    report_csv(&context->out, &flat);
}

void report_diff(struct context *context, const struct run_diff *diff)
{
    switch (context->format) {
    case FORMAT_TABLE:
        print_text(context, diff);
        return;
    case FORMAT_MARKDOWN:
        print_markdown(context, diff);
        return;
    case FORMAT_CSV:
        print_csv(context, diff);
        return;
    case FORMAT_JUNIT: /* a difference has no findings: command_run refuses these */
    case FORMAT_SARIF:
    case FORMAT_JSON:
        report_diff_json(context, diff);
        return;
    }
}
