#include "mlops/base/buf.h"
#include "mlops/base/limits.h"

#include <stdarg.h>

#include <inttypes.h>

#include "doc_private.h"

/* Bytes of the line break at `at` (LF, CRLF or CR), 0 if there is none. */
static size_t break_len(struct str bytes, size_t at)
{
    if (bytes.at[at] == '\n')
        return 1;
    if (bytes.at[at] != '\r')
        return 0;
    return at + 1 < bytes.len && bytes.at[at + 1] == '\n' ? 2 : 1;
}

struct doc *doc_make(struct arena *arena, struct str name, struct str bytes,
                     enum doc_dialect dialect)
{
    struct doc *doc = arena_new(arena, struct doc);
    doc->name = str_copy(arena, name);
    doc->bytes = bytes.at ? bytes : STR("");
    if (str_starts(doc->bytes, STR("\xEF\xBB\xBF")))
        doc->bytes = str_slice(doc->bytes, 3, doc->bytes.len);
    doc->dialect = dialect;
    doc->place = arena_new(arena, struct doc_place);
    doc->index = doc_index_make(arena);
    return doc;
}

/* Offset of the first byte behind the line that starts at `at`, its break included. */
static size_t behind_line(struct str bytes, size_t at)
{
    while (at < bytes.len) {
        size_t len = break_len(bytes, at);
        if (len)
            return at + len;
        at++;
    }
    return at;
}

struct str doc_line(const struct doc *doc, int line)
{
    struct doc_place *place = doc->place;
    if (place->line == 0 || place->line > line)
        *place = (struct doc_place){.line = 1};
    while (place->line < line && place->offset < doc->bytes.len) {
        place->offset = behind_line(doc->bytes, place->offset);
        place->line++;
    }
    size_t end = place->offset;
    while (place->line == line && end < doc->bytes.len && !break_len(doc->bytes, end))
        end++;
    return str_slice(doc->bytes, place->offset, end);
}

static FALLIBLE error_with(const struct doc *doc, int line, int column, const char *format,
                           va_list arguments) PRINTF_LIKE(4, 0);

static FALLIBLE error_with(const struct doc *doc, int line, int column, const char *format,
                           va_list arguments)
{
    AUTO(buf_drop) struct buf text = {0};
    buf_print_list(&text, format, arguments);
    struct str excerpt = doc_line(doc, line);
    if (memchr(excerpt.at, '\0', excerpt.len))
        excerpt.len = 0;
    return error_at((struct mark){doc->name.at, line, column}, excerpt, "%s", text.at);
}

FALLIBLE doc_error_place(const struct doc *doc, int line, int column, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct error *error = error_with(doc, line, column, format, arguments);
    va_end(arguments);
    return error;
}

FALLIBLE doc_error(const struct doc_node *node, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct error *error = error_with(node->doc, node->line, node->column, format, arguments);
    va_end(arguments);
    return error;
}

static int columns_between(struct str bytes, size_t from, size_t to)
{
    int columns = 1;
    for (size_t at = from; at < to; at++)
        columns += ((unsigned char)bytes.at[at] & 0xC0) != 0x80; /* no continuation byte */
    return columns;
}

FALLIBLE doc_error_at(const struct doc *doc, size_t offset, const char *format, ...)
{
    size_t from = 0;
    int line = 1;
    offset = MIN_OF(offset, doc->bytes.len);
    for (;;) {
        size_t next = behind_line(doc->bytes, from);
        if (next > offset || next == from || !break_len(doc->bytes, next - 1))
            break;
        from = next;
        line++;
    }
    va_list arguments;
    va_start(arguments, format);
    struct error *error =
        error_with(doc, line, columns_between(doc->bytes, from, offset), format, arguments);
    va_end(arguments);
    return error;
}

const char *doc_kind_name(enum doc_kind kind)
{
    static const char *const names[] = {
        [DOC_NULL] = "nothing",      [DOC_BOOL] = "true or false", [DOC_INT] = "an integer",
        [DOC_BIGINT] = "an integer", [DOC_REAL] = "a number",      [DOC_STR] = "a string",
        [DOC_LIST] = "a list",       [DOC_MAP] = "a mapping",
    };
    return names[kind];
}

/* The first place of a git conflict marker that starts a line, or -1. */
static ptrdiff_t find_conflict(const struct doc *doc)
{
    static const char *const marks[] = {"<<<<<<< ", "=======", ">>>>>>> "};
    for (size_t at = 0; at < doc->bytes.len; at = behind_line(doc->bytes, at)) {
        struct str rest = str_slice(doc->bytes, at, doc->bytes.len);
        for (size_t i = 0; i < COUNT_OF(marks); i++)
            if (str_starts(rest, str_of(marks[i])))
                return (ptrdiff_t)at;
    }
    return -1;
}

static FALLIBLE tell_conflict(const struct doc *doc, size_t offset)
{
    return error_hint(doc_error_at(doc, offset, "git merge conflict marker"),
                      "resolve the merge conflict in '%s', then run the command again",
                      doc->name.at);
}

FALLIBLE doc_refuse_conflict(const struct doc *doc)
{
    static const char mark[] = "<<<<<<< ";
    for (size_t at = 0; at < doc->bytes.len; at = behind_line(doc->bytes, at))
        if (str_starts(str_slice(doc->bytes, at, doc->bytes.len), str_of(mark)))
            return tell_conflict(doc, at);
    return NULL;
}

FALLIBLE doc_check_size(const struct doc *doc, int64_t bytes_most, const char *limit)
{
    if ((int64_t)doc->bytes.len <= bytes_most)
        return NULL;
    return error_at((struct mark){doc->name.at, 1, 1}, STR(""),
                    "larger than %" PRId64 " bytes (limit %s)", bytes_most, limit);
}

ptrdiff_t doc_find_bad_utf8(struct str bytes)
{
    for (size_t at = 0, used = 1; at < bytes.len; at += used) {
        uint32_t code = 0;
        bool is_ascii = (unsigned char)bytes.at[at] < 0x80;
        used = is_ascii ? 1 : utf8_decode(bytes.at + at, bytes.len - at, &code);
        if (!used)
            return (ptrdiff_t)at;
    }
    return -1;
}

FALLIBLE doc_finish(const struct doc *doc, struct error_list *errors, struct error *last)
{
    ptrdiff_t conflict = last ? find_conflict(doc) : -1;
    if (conflict < 0) {
        error_list_add(errors, last);
        return error_list_take(errors);
    }
    error_drop(last);
    error_drop(error_list_take(errors));
    return tell_conflict(doc, (size_t)conflict);
}
