#include "mlops/codec/delimited.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"

#include <stdlib.h>

struct delimited delimited_of(struct arena *arena, struct str bytes, bool is_tabs)
{
    if (str_starts(bytes, STR("\xEF\xBB\xBF")))
        bytes = str_slice(bytes, 3, bytes.len);
    struct str rest = bytes, first = {0};
    if (bytes.len)
        str_split(&rest, '\n', &first);
    bool is_semicolons = str_find_char(first, ',') < 0 && str_find_char(first, ';') >= 0;
    return (struct delimited){arena, bytes, is_tabs ? '\t' : is_semicolons ? ';' : ','};
}

/* At a quote: the field copied, its quotes taken off. */
static struct str read_quoted(struct delimited *reader)
{
    struct str *rest = &reader->rest;
    struct buf field = buf_in(reader->arena);
    bool is_quoted = false;
    while (rest->len) {
        char c = rest->at[0];
        bool is_pair = is_quoted && c == '"' && rest->len > 1 && rest->at[1] == '"';
        if (!is_quoted && (c == reader->separator || c == '\n'))
            break;
        if (c == '"' && !is_pair)
            is_quoted = !is_quoted;
        else
            buf_add_char(&field, c);
        *rest = str_slice(*rest, is_pair ? 2 : 1, rest->len);
    }
    return str_trim(buf_str(&field));
}

/* *rest at what ends it. */
static struct str read_field(struct delimited *reader)
{
    struct str *rest = &reader->rest;
    size_t len = 0;
    if (rest->len && rest->at[0] == '"')
        return read_quoted(reader);
    while (len < rest->len && rest->at[len] != reader->separator && rest->at[len] != '\n')
        len++;
    struct str field = str_trim(str_slice(*rest, 0, len));
    *rest = str_slice(*rest, len, rest->len);
    return field;
}

bool delimited_next(struct delimited *reader, struct delimited_row *ret)
{
    ret->len = 0;
    while (reader->rest.len) {
        struct str field = read_field(reader);
        if (ret->len < DELIMITED_COLUMNS_MOST)
            *vec_push(reader->arena, ret) = field;
        bool goes_on = reader->rest.len && reader->rest.at[0] == reader->separator;
        reader->rest = str_slice(reader->rest, 1, reader->rest.len);
        if (goes_on && !reader->rest.len && ret->len < DELIMITED_COLUMNS_MOST)
            *vec_push(reader->arena, ret) = (struct str){0};
        if (goes_on && reader->rest.len)
            continue;
        if (ret->len > 1 || ret->at[0].len)
            return true;
        ret->len = 0;
    }
    return false;
}

bool delimited_number(struct str text, double *ret)
{
    char copy[64], *end = NULL;
    if (text.len == 0 || text.len >= sizeof copy || str_find_char(text, 'x') >= 0)
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    *ret = strtod(copy, &end);
    return end == copy + text.len;
}
