/* Tables of millions of rows: printed some thousand at a time. */
#include "mlops/cli/report.h"

enum { ROWS_HELD = 4096 };

struct report_stream report_stream_make(struct context *context, const struct column *columns,
                                        size_t count, const char *noun)
{
    return (struct report_stream){.context = context,
                                  .noun = noun,
                                  .table = table_make(NULL, columns, count),
                                  .widths = arena_new_array(context->arena, int, count)};
}

void report_stream_drop(struct report_stream *stream)
{
    arena_drop(&stream->memory);
}

struct arena *report_stream_arena(struct report_stream *stream)
{
    return &stream->memory;
}

static void print_items(struct report_stream *stream)
{
    if (!stream->is_begun) {
        stream->json = report_json_open(stream->context);
        json_name(&stream->json, stream->noun);
        json_open_list(&stream->json);
    }
    report_json_items(&stream->json, &stream->table);
}

static void print_rows(struct report_stream *stream)
{
    struct context *context = stream->context;
    const struct table *table = &stream->table;
    bool is_first = !stream->is_begun;
    if (context->format == FORMAT_TABLE)
        report_text_part(context, table, !is_first, is_first, stream->widths);
    else if (context->format == FORMAT_CSV)
        (is_first ? report_csv : report_csv_rows)(&context->out, table);
    else if (context->format == FORMAT_MARKDOWN)
        (is_first ? report_markdown : report_markdown_rows)(&context->out, table);
    else
        print_items(stream);
    stream->is_begun = true;
}

static void forget_rows(struct report_stream *stream)
{
    stream->table = table_make(NULL, stream->table.columns, stream->table.column_count);
    arena_reset(&stream->memory);
}

FALLIBLE report_stream_add(struct report_stream *stream, struct cell **ret)
{
    stream->table.arena = &stream->memory; /* the stream may have moved since it was made */
    if (stream->table.row_count == ROWS_HELD) {
        print_rows(stream);
        forget_rows(stream);
        TRY(context_flush(stream->context));
        stream->table.arena = &stream->memory;
    }
    *ret = table_add(&stream->table);
    return NULL;
}

FALLIBLE report_stream_end(struct report_stream *stream)
{
    stream->table.arena = &stream->memory;
    if (!stream->is_begun) {
        report_table(stream->context, &stream->table, stream->noun);
        return NULL;
    }
    print_rows(stream);
    bool is_json = stream->context->format != FORMAT_TABLE &&
                   stream->context->format != FORMAT_CSV &&
                   stream->context->format != FORMAT_MARKDOWN;
    if (is_json) {
        json_close_list(&stream->json);
        report_json_close(&stream->json);
    }
    return NULL;
}
