#include "mlops/cli/report_diff.h"

#include "mlops/base/arena.h"

#include "report_diff_private.h"

enum tone report_diff_tone(enum diff_verdict verdict)
{
    static const enum tone tones[] = {
        [DIFF_UNCHANGED] = TONE_STRONG,       [DIFF_BETTER_NOW] = TONE_GOOD,
        [DIFF_WORSE_NOW] = TONE_BAD,          [DIFF_MIXED] = TONE_WARN,
        [DIFF_NOT_SIGNIFICANT] = TONE_STRONG, [DIFF_METRICS_SAME] = TONE_STRONG,
        [DIFF_OTHER] = TONE_STRONG,
    };
    return tones[verdict];
}

void report_diff_sections(struct arena *arena, const struct run_diff *diff,
                          struct diff_section ret[static DIFF_SECTION_COUNT])
{
    static const struct {
        const char *name, *title;
        struct table (*make)(struct arena *arena, const struct run_diff *diff);
    } sections[DIFF_SECTION_COUNT] = {
        {"metrics", "Metrics", report_diff_metrics},
        {"params", "Parameters", report_diff_params},
        {"data", "Data", report_diff_data},
        {"code", "Code", report_diff_code},
        {"environment", "Environment", report_diff_environment},
        {"pipeline", "Pipeline", report_diff_pipeline},
        {"usage", "Time and memory", report_diff_usage},
    };
    for (size_t i = 0; i < COUNT_OF(sections); i++)
        ret[i] = (struct diff_section){sections[i].name, sections[i].title,
                                       sections[i].make(arena, diff)};
}

/* --- text --- */

static char change_letter(enum diff_change change)
{
    return change == DIFF_ADDED ? 'A' : change == DIFF_REMOVED ? 'D' : 'M';
}

/* The first files of each directory that differs. */
static void print_files(struct buf *out, const struct run_diff *diff)
{
    vec_each (const struct diff_data, data, &diff->data) {
        const struct diff_files *files = &data->files;
        int64_t count = files->added + files->removed + files->changed;
        if (!files->is_known)
            continue;
        buf_add_text(out, "\n");
        buf_add_escaped(out, data->path, false);
        buf_print(out, "/: %lld added, %lld removed, %lld changed", (long long)files->added,
                  (long long)files->removed, (long long)files->changed);
        if (files->renamed)
            buf_print(out, "; %lld renamed", (long long)files->renamed);
        buf_add_char(out, '\n');
        vec_each (const struct diff_file, file, &files->listed) {
            buf_print(out, "  %c ", change_letter(file->change));
            buf_add_escaped(out, file->path, false);
            if (file->from.len) {
                buf_add_text(out, "  (was ");
                buf_add_escaped(out, file->from, false);
                buf_add_char(out, ')');
            }
            buf_add_char(out, '\n');
        }
        if (count > (int64_t)files->listed.len)
            buf_print(out, "  ... and %lld more\n",
                      (long long)(count - (int64_t)files->listed.len));
    }
}

static void add_commits(struct buf *out, const struct diff_commit_vec *commits, int64_t count,
                        const char *where)
{
    if (!count)
        return;
    buf_print(out, "%lld commit%s%s\n", (long long)count, count > 1 ? "s" : "", where);
    vec_each (const struct diff_commit, commit, commits) {
        buf_print(out, "  %.7s ", commit->id.at);
        buf_add_escaped(out, commit->subject, false);
        buf_add_char(out, '\n');
    }
    if (count > (int64_t)commits->len)
        buf_print(out, "  ... and %lld more\n", (long long)(count - (int64_t)commits->len));
}

void report_diff_history(struct buf *out, const struct run_diff *diff)
{
    const struct diff_code *code = &diff->code;
    add_commits(out, &code->commits, code->commit_count, code->lost_count ? " only after" : "");
    add_commits(out, &code->lost, code->lost_count,
                code->commit_count ? " only before" : " taken back");
    if (code->other_count)
        buf_print(out, "%lld changed file%s that no stage depends on\n",
                  (long long)code->other_count, code->other_count > 1 ? "s" : "");
}

void report_diff_notes(struct buf *out, const struct run_diff *diff)
{
    size_t count = 0;
    vec_each (const struct diff_metric, metric, &diff->metrics)
        count += metric->is_detail && !diff->all;
    if (count)
        buf_print(out, "%zu more of classes and slices (--all)\n", count);
    if (diff->is_stale && diff->metrics.len)
        buf_add_text(out, "metrics are of what was run before\n");
    vec_each (const struct str, note, &diff->notes) {
        buf_add_escaped(out, *note, false);
        buf_add_char(out, '\n');
    }
}

static void print_judgements(struct buf *out, const struct run_diff *diff)
{
    bool tells = diff->verdict != DIFF_UNCHANGED;
    for (size_t i = 0; tells && i < diff->judgements.len; i++) {
        buf_add_escaped(out, diff->judgements.at[i], false);
        buf_add_char(out, '\n');
    }
}

static void print_section(struct context *context, const struct diff_section *section,
                          const struct run_diff *diff)
{
    struct buf history = buf_in(context->arena);
    bool is_code = strcmp(section->name, "code") == 0;
    if (is_code)
        report_diff_history(&history, diff);
    if (section->table.row_count || history.len)
        buf_add_char(&context->out, '\n');
    if (section->table.row_count)
        report_text(context, &section->table, false);
    buf_add_str(&context->out, buf_str(&history));
    if (strcmp(section->name, "metrics") == 0)
        report_diff_notes(&context->out, diff);
    if (strcmp(section->name, "data") == 0 && context->common.verbose)
        print_files(&context->out, diff);
}

static void print_text(struct context *context, const struct run_diff *diff)
{
    struct diff_section sections[DIFF_SECTION_COUNT];
    struct buf *out = &context->out;
    report_diff_sections(context->arena, diff, sections);
    report_add_toned(context, report_diff_tone(diff->verdict), diff->verdict_text);
    buf_add_char(out, '\n');
    report_add_toned(context, TONE_DIM,
                     str_print(context->arena, "%.*s -> %.*s", STR_FMT(diff->before_title),
                               STR_FMT(diff->after_title)));
    buf_add_char(out, '\n');
    print_judgements(out, diff);
    for (int i = 0; i < DIFF_SECTION_COUNT; i++)
        print_section(context, &sections[i], diff);
    if (!diff->code.patch.len)
        return;
    buf_add_char(out, '\n');
    buf_add_escaped(out, diff->code.patch, true);
}

void report_diff(struct context *context, const struct run_diff *diff)
{
    switch (context->format) {
    case FORMAT_TABLE:
        print_text(context, diff);
        return;
    case FORMAT_MARKDOWN:
        report_diff_markdown(context, diff);
        return;
    case FORMAT_CSV:
        report_diff_csv(context, diff);
        return;
    case FORMAT_JUNIT: /* a difference has no findings: command_run refuses these */
    case FORMAT_SARIF:
    case FORMAT_JSON:
        report_diff_json(context, diff);
        return;
    }
}
