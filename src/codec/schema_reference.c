#include "mlops/base/buf.h"
#include "mlops/codec/schema.h"

/* Text in a cell of a Markdown table. */
static void add_cell(struct buf *out, const char *text)
{
    for (; text && *text; text++) {
        if (*text == '|')
            buf_add_char(out, '\\');
        buf_add_char(out, *text == '\n' ? ' ' : *text);
    }
}

static void add_row(struct buf *out, const struct field *field)
{
    buf_print(out, "| `%s` | ", field->name);
    add_cell(out, field->type ? field->type : "text");
    buf_add_text(out, " | ");
    add_cell(out, field->initial);
    buf_add_text(out, " | ");
    add_cell(out, field->help);
    if (field->flags & FIELD_REQUIRED)
        buf_add_text(out, " Required.");
    if (field->flags & FIELD_NATIVE_ONLY)
        buf_add_text(out, " Not in `dvc.yaml`.");
    if (field->flags & FIELD_DVC_ONLY)
        buf_add_text(out, " Only in `dvc.yaml`.");
    buf_add_text(out, " |\n");
}

void schema_print_reference(const struct schema *schema, struct buf *out)
{
    buf_add_text(out, "| key | value | default | meaning |\n| --- | --- | --- | --- |\n");
    for (size_t i = 0; i < schema->count; i++)
        if (!(schema->fields[i].flags & FIELD_LATER))
            add_row(out, &schema->fields[i]);
}
