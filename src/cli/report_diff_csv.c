/* Sections have different columns; a spreadsheet wants one table. */
#include "mlops/base/arena.h"

#include "report_diff_private.h"

static const struct column flat_columns[] = {
    {.name = "section", .title = "SECTION"}, {.name = "change", .title = "CHANGE"},
    {.name = "file", .title = "FILE"},       {.name = "key", .title = "KEY"},
    {.name = "before", .title = "BEFORE"},   {.name = "after", .title = "AFTER"},
    {.name = "delta", .title = "DELTA"},
};

/* Columns of the sections + 1 that become those of the flat table, from "change" on; 0: none. */
static const size_t places[DIFF_SECTION_COUNT][COUNT_OF(flat_columns) - 1] = {
    {1, 2, 3, 4, 5, 6}, /* metrics */
    {1, 2, 3, 4, 5, 0}, /* params */
    {1, 2, 0, 4, 5, 0}, /* data */
    {1, 0, 2, 3, 4, 0}, /* code */
    {1, 2, 3, 4, 5, 0}, /* environment */
    {1, 2, 3, 4, 5, 0}, /* pipeline */
    {0, 0, 1, 2, 3, 0}, /* usage */
};

void report_diff_csv(struct context *context, const struct run_diff *diff)
{
    struct diff_section sections[DIFF_SECTION_COUNT];
    struct table flat = table_make(context->arena, flat_columns, COUNT_OF(flat_columns));
    report_diff_sections(context->arena, diff, sections);
    for (int s = 0; s < DIFF_SECTION_COUNT; s++) {
        const struct table *table = &sections[s].table;
        for (size_t i = 0; i < table->row_count; i++) {
            const struct cell *from = &table->cells[i * table->column_count];
            struct cell *row = table_add(&flat);
            row[0] = cell_text(str_of(sections[s].name));
            for (size_t c = 0; c < COUNT_OF(places[s]); c++)
                row[c + 1] = places[s][c] ? from[places[s][c] - 1] : (struct cell){0};
            if (!row[1].kind)
                row[1] = report_change_cell(DIFF_CHANGED);
        }
    }
    report_csv(&context->out, &flat);
}
