#include "mlops/codec/ini.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/base/map.h"

struct reader {
    struct arena *arena;
    const char *name;
    struct str line; /* trimmed */
    int number;
    struct str section;
    struct map seen; /* "section NUL key" */
    struct ini_vec entries;
};

static FALLIBLE refuse(const struct reader *reader, const char *what)
{
    struct mark mark = {.file = reader->name, .line = reader->number, .column = 1};
    return error_at(mark, reader->line, "%s", what);
}

static struct str lower(struct arena *arena, struct str text)
{
    char *copy = arena_copy(arena, text.at ? text.at : "", text.len);
    for (size_t i = 0; i < text.len; i++) {
        if (copy[i] >= 'A' && copy[i] <= 'Z')
            copy[i] = (char)(copy[i] - 'A' + 'a');
    }
    return (struct str){copy, text.len};
}

static bool is_quote(char c)
{
    return c == '"' || c == '\'';
}

static struct str without_quotes(struct str text)
{
    bool is_quoted = text.len >= 2 && is_quote(text.at[0]) && text.at[text.len - 1] == text.at[0];
    return is_quoted ? str_slice(text, 1, text.len - 1) : text;
}

/* Up to a comment; marks inside quotes are text. */
static FALLIBLE without_comment(const struct reader *reader, struct str text, struct str *ret)
{
    char open = 0;
    size_t end = 0;
    for (; end < text.len; end++) {
        char c = text.at[end];
        if (open)
            open = c == open ? 0 : open;
        else if (is_quote(c))
            open = c;
        else if (c == '#')
            break;
    }
    *ret = str_trim(str_slice(text, 0, end));
    return open ? refuse(reader, "a quote is never closed") : NULL;
}

static FALLIBLE read_section(struct reader *reader)
{
    struct str text = {0};
    TRY(without_comment(reader, reader->line, &text));
    if (text.len < 3 || text.at[text.len - 1] != ']')
        return refuse(reader, "a section must stand as [name]");
    text = str_trim(str_slice(text, 1, text.len - 1));
    if (text.len && (text.at[0] == '[' || text.at[text.len - 1] == ']'))
        return refuse(reader, "sections can't be nested");
    reader->section = lower(reader->arena, without_quotes(text));
    return NULL;
}

/* The next item of a list, without its quotes; *rest moves behind its comma. */
static struct str take_item(struct str *rest)
{
    char open = 0;
    size_t end = 0;
    for (; end < rest->len && (open || rest->at[end] != ','); end++) {
        char c = rest->at[end];
        if (open)
            open = c == open ? 0 : open;
        else if (is_quote(c))
            open = c;
    }
    struct str item = str_trim(str_slice(*rest, 0, end));
    *rest = end < rest->len ? str_slice(*rest, end + 1, rest->len) : (struct str){0};
    return without_quotes(item);
}

static FALLIBLE read_value(const struct reader *reader, struct str text, struct str *ret)
{
    struct buf value = buf_in(reader->arena);
    if (str_starts(text, STR("'''")) || str_starts(text, STR("\"\"\"")))
        return refuse(reader, "values in triple quotes are not read");
    TRY(without_comment(reader, text, &text));
    buf_add_text(&value, "");
    for (bool is_first = true; text.len; is_first = false) {
        struct str item = take_item(&text);
        if (!is_first)
            buf_add_char(&value, ',');
        buf_add_str(&value, item);
    }
    *ret = buf_str(&value);
    return NULL;
}

static FALLIBLE read_entry(struct reader *reader)
{
    ptrdiff_t at = str_find_char(reader->line, '=');
    if (at < 0)
        return refuse(reader, "expected 'key = value' or [section]");
    struct str key = without_quotes(str_trim(str_slice(reader->line, 0, (size_t)at)));
    if (!key.len)
        return refuse(reader, "a value without a key");
    if (!reader->section.len)
        return refuse(reader, "a key must stand in a [section]");
    struct ini_entry *entry = vec_push(reader->arena, &reader->entries);
    *entry = (struct ini_entry){
        .section = reader->section, .key = lower(reader->arena, key), .line = reader->number};
    struct buf seen = buf_in(reader->arena);
    buf_add_str(&seen, entry->section);
    buf_add_char(&seen, '\0');
    buf_add_str(&seen, entry->key);
    if (map_put(reader->arena, &reader->seen, buf_str(&seen), reader))
        return refuse(reader, "this key stands twice in its section");
    struct str value = str_trim(str_slice(reader->line, (size_t)at + 1, reader->line.len));
    return read_value(reader, value, &entry->value);
}

static FALLIBLE read_line(struct reader *reader)
{
    if (!reader->line.len || reader->line.at[0] == '#' || reader->line.at[0] == ';')
        return NULL;
    return reader->line.at[0] == '[' ? read_section(reader) : read_entry(reader);
}

FALLIBLE ini_parse(struct arena *arena, struct str name, struct str bytes, struct ini_vec *ret)
{
    struct reader reader = {.arena = arena, .name = str_terminate(arena, name)};
    struct str rest = bytes;
    if ((int64_t)bytes.len > LIMIT_INI_BYTES)
        return error_new(ERROR_PROJECT, "%.*s: more than %lld bytes", STR_FMT(name),
                         (long long)LIMIT_INI_BYTES);
    if (!str_is_utf8(bytes) || str_find_char(bytes, '\0') >= 0)
        return error_new(ERROR_PROJECT, "%.*s: this is no text in UTF-8", STR_FMT(name));
    if (str_starts(rest, STR("\xEF\xBB\xBF")))
        rest = str_slice(rest, 3, rest.len);
    while (str_split(&rest, '\n', &reader.line)) {
        reader.number++;
        reader.line = str_trim(reader.line);
        TRY(read_line(&reader));
    }
    *ret = reader.entries;
    return NULL;
}
