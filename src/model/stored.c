#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/model/name.h"

#include <stdarg.h>

#include "stored_private.h"

FALLIBLE stored_damaged(const char *format, ...)
{
    AUTO(buf_drop) struct buf text = {0};
    va_list arguments;
    va_start(arguments, format);
    buf_print_list(&text, format, arguments);
    va_end(arguments);
    return error_new(ERROR_STORED, "stored data is damaged: %s", text.at);
}

size_t stored_left(const struct canon_reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

FALLIBLE stored_list(struct canon_reader *reader, size_t item_bytes, size_t *ret_count)
{
    size_t count = 0;
    TRY(canon_read_list(reader, &count));
    if (count > stored_left(reader) / item_bytes)
        return stored_damaged("a list of %zu items is cut off", count);
    *ret_count = count;
    return NULL;
}

FALLIBLE stored_record(struct canon_reader *reader, size_t count)
{
    size_t found = 0;
    TRY(canon_read_list(reader, &found));
    if (found != count)
        return stored_damaged("%zu items expected, %zu found", count, found);
    return NULL;
}

FALLIBLE stored_amount(struct canon_reader *reader, int64_t *ret)
{
    int64_t amount = 0;
    TRY(canon_read_int(reader, &amount));
    if (amount < 0)
        return stored_damaged("a negative amount");
    *ret = amount;
    return NULL;
}

FALLIBLE stored_path(struct canon_reader *reader, bool may_be_outside, struct str *ret)
{
    struct str path = {0};
    TRY(canon_read_str(reader, &path));
    const char *fault = path_fault(may_be_outside ? path_without_way_out(path) : path);
    if (fault)
        return stored_damaged("path '%.*s' %s", STR_FMT(str_slice(path, 0, 200)), fault);
    *ret = path;
    return NULL;
}
