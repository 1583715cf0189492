/* For comments on merge requests: the verdict and the metrics, all else to be opened. */
#include "mlops/base/arena.h"
#include "mlops/cli/document.h"

#include "report_diff_private.h"

static void add_rows(struct buf *out, const struct diff_section *section)
{
    size_t count = section->table.row_count;
    buf_print(out, "\n<details><summary>%s (%zu)</summary>\n\n", section->title, count);
    report_markdown(out, &section->table);
}

/* A paragraph each: a line that follows a table is a row of it. */
static void add_notes(struct context *context, const struct run_diff *diff)
{
    struct buf notes = buf_in(context->arena);
    report_diff_notes(&notes, diff);
    struct str rest = buf_str(&notes), note;
    while (str_split(&rest, '\n', &note)) {
        if (note.len == 0)
            continue;
        buf_add_char(&context->out, '\n');
        report_markdown_text(&context->out, note);
        buf_add_char(&context->out, '\n');
    }
}

static void add_section(struct context *context, const struct diff_section *section,
                        const struct run_diff *diff)
{
    struct buf *out = &context->out;
    struct buf history = buf_in(context->arena);
    bool is_code = strcmp(section->name, "code") == 0;
    if (is_code)
        report_diff_history(&history, diff);
    if (!section->table.row_count && !history.len)
        return;
    if (strcmp(section->name, "metrics") == 0) {
        buf_add_char(out, '\n');
        report_markdown(out, &section->table);
        add_notes(context, diff);
        return;
    }
    add_rows(out, section);
    buf_add_char(out, '\n');
    if (history.len)
        document_fence(out, "", buf_str(&history));
    if (is_code && diff->code.patch.len)
        document_fence(out, "diff", diff->code.patch);
    buf_add_text(out, "</details>\n");
}

void report_diff_markdown(struct context *context, const struct run_diff *diff)
{
    struct diff_section sections[DIFF_SECTION_COUNT];
    struct buf *out = &context->out;
    report_diff_sections(context->arena, diff, sections);
    buf_add_text(out, "**");
    report_markdown_text(out, diff->verdict_text);
    buf_add_text(out, "**\n\n");
    report_markdown_text(out, diff->before_title);
    buf_add_text(out, " → ");
    report_markdown_text(out, diff->after_title);
    buf_add_char(out, '\n');
    for (size_t i = 0; diff->verdict != DIFF_UNCHANGED && i < diff->judgements.len; i++) {
        buf_add_text(out, i ? "- " : "\n- ");
        report_markdown_text(out, str_trim(diff->judgements.at[i]));
        buf_add_char(out, '\n');
    }
    for (int i = 0; i < DIFF_SECTION_COUNT; i++)
        add_section(context, &sections[i], diff);
}
