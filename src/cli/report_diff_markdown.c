/* For comments on merge requests: the verdict and the metrics, all else to be opened. */
#include "mlops/base/arena.h"

#include "report_diff_private.h"

static void add_rows(struct buf *out, const struct diff_section *section)
{
    size_t count = section->table.row_count;
    buf_print(out, "\n<details><summary>%s (%zu)</summary>\n\n", section->title, count);
    report_markdown(out, &section->table);
}

/* Text that no fence inside it can end. */
static void add_fenced(struct buf *out, const char *language, struct str text)
{
    size_t most = 2, ticks = 0;
    for (size_t i = 0; i < text.len; i++) {
        ticks = text.at[i] == '`' ? ticks + 1 : 0;
        most = MAX_OF(most, ticks);
    }
    buf_add_char(out, '\n');
    buf_add_repeated(out, '`', most + 1);
    buf_print(out, "%s\n", language);
    buf_add_escaped(out, text, true);
    if (text.len && text.at[text.len - 1] != '\n')
        buf_add_char(out, '\n');
    buf_add_repeated(out, '`', most + 1);
    buf_add_char(out, '\n');
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
        buf_add_text(out, diff->notes.len ? "\n" : "");
        report_diff_notes(out, diff);
        return;
    }
    add_rows(out, section);
    if (history.len)
        add_fenced(out, "", buf_str(&history));
    if (is_code && diff->code.patch.len)
        add_fenced(out, "diff", diff->code.patch);
    buf_add_text(out, "\n</details>\n");
}

/* Others' text on a line of Markdown. */
static void add_plain(struct context *context, struct str text)
{
    struct buf safe = buf_in(context->arena);
    buf_add_escaped(&safe, text, false);
    for (size_t i = 0; i < safe.len; i++) {
        bool is_mark = safe.at[i] == '*' || safe.at[i] == '_' || safe.at[i] == '`' ||
                       safe.at[i] == '<' || safe.at[i] == '[' || safe.at[i] == '\\';
        if (is_mark)
            buf_add_char(&context->out, '\\');
        buf_add_char(&context->out, safe.at[i]);
    }
}

void report_diff_markdown(struct context *context, const struct run_diff *diff)
{
    struct diff_section sections[DIFF_SECTION_COUNT];
    struct buf *out = &context->out;
    report_diff_sections(context->arena, diff, sections);
    buf_add_text(out, "**");
    add_plain(context, diff->verdict_text);
    buf_add_text(out, "**\n\n");
    add_plain(context, diff->before_title);
    buf_add_text(out, " → ");
    add_plain(context, diff->after_title);
    buf_add_char(out, '\n');
    for (size_t i = 0; diff->verdict != DIFF_UNCHANGED && i < diff->judgements.len; i++) {
        buf_add_text(out, i ? "- " : "\n- ");
        add_plain(context, str_trim(diff->judgements.at[i]));
        buf_add_char(out, '\n');
    }
    for (int i = 0; i < DIFF_SECTION_COUNT; i++)
        add_section(context, &sections[i], diff);
}
