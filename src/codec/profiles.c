#include "mlops/codec/profiles.h"

#include "mlops/base/arena.h"

struct reader {
    struct arena *arena;
    struct str name;
    bool is_config;
    int line;
    bool is_profile;    /* the section is one */
    struct str profile; /* its name */
    struct profile_vec *entries;
};

/* The line is not shown: it may hold a secret. */
static FALLIBLE refuse(const struct reader *reader, const char *what)
{
    struct mark mark = {
        .file = str_terminate(reader->arena, reader->name), .line = reader->line, .column = 1};
    return error_at(mark, (struct str){0}, "%s", what);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Without a comment, which begins behind a blank. */
static struct str without_comment(struct str value)
{
    for (size_t i = 1; i < value.len; i++)
        if ((value.at[i] == '#' || value.at[i] == ';') && is_blank(value.at[i - 1]))
            return str_trim(str_slice(value, 0, i));
    return value;
}

static FALLIBLE read_section(struct reader *reader, struct str line)
{
    struct str text = without_comment(line);
    if (text.len < 3 || text.at[text.len - 1] != ']')
        return refuse(reader, "a section must stand as [name]");
    text = str_trim(str_slice(text, 1, text.len - 1));
    reader->is_profile = true;
    if (reader->is_config && !str_is(text, "default")) {
        reader->is_profile =
            str_starts(text, STR("profile ")) || str_starts(text, STR("profile\t"));
        text = str_trim(str_slice(text, 8, text.len));
    }
    bool is_quoted = text.len >= 2 && (text.at[0] == '"' || text.at[0] == '\'') &&
                     text.at[text.len - 1] == text.at[0];
    reader->profile = is_quoted ? str_slice(text, 1, text.len - 1) : text;
    return NULL;
}

static FALLIBLE read_entry(struct reader *reader, struct str line)
{
    ptrdiff_t at = str_find_char(line, '=');
    if (at <= 0)
        return refuse(reader, "expected 'key = value' or [section]");
    if (!reader->is_profile)
        return NULL;
    struct str key = str_trim(str_slice(line, 0, (size_t)at));
    char *lower = arena_copy(reader->arena, key.at, key.len);
    for (size_t i = 0; i < key.len; i++)
        lower[i] = (char)(lower[i] >= 'A' && lower[i] <= 'Z' ? lower[i] + ('a' - 'A') : lower[i]);
    *vec_push(reader->arena, reader->entries) = (struct profile_entry){
        .profile = reader->profile,
        .key = {lower, key.len},
        .value = without_comment(str_trim(str_slice(line, (size_t)at + 1, line.len))),
    };
    return NULL;
}

static FALLIBLE read_line(struct reader *reader, struct str raw)
{
    struct str line = str_trim(raw);
    if (!line.len || line.at[0] == '#' || line.at[0] == ';' || is_blank(raw.at[0]))
        return NULL;
    return line.at[0] == '[' ? read_section(reader, line) : read_entry(reader, line);
}

FALLIBLE profiles_parse(struct arena *arena, struct str name, struct str bytes, bool is_config,
                        struct profile_vec *ret)
{
    struct reader reader = {.arena = arena, .name = name, .is_config = is_config, .entries = ret};
    struct str rest = bytes, line;
    if (str_starts(rest, STR("\xEF\xBB\xBF")))
        rest = str_slice(rest, 3, rest.len);
    while (str_split(&rest, '\n', &line)) {
        reader.line++;
        TRY(read_line(&reader, line));
    }
    return NULL;
}

struct str profiles_find(const struct profile_vec *profiles, struct str profile, const char *key)
{
    vec_each (struct profile_entry, entry, profiles)
        if (str_equal(entry->profile, profile) && str_is(entry->key, key))
            return entry->value;
    return (struct str){0};
}

bool profiles_have(const struct profile_vec *profiles, struct str profile)
{
    vec_each (struct profile_entry, entry, profiles)
        if (str_equal(entry->profile, profile))
            return true;
    return false;
}
