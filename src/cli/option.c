#include "mlops/cli/option.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/base/limits.h"
#include "mlops/base/moment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void *row_place(const struct option_table *table, const struct option_row *row)
{
    return (char *)table->target + row->offset;
}

static void set_initial(const struct option_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct option_row *row = &table->rows[i];
        if (row->kind == OPTION_INT || row->kind == OPTION_DURATION)
            *(int64_t *)row_place(table, row) = row->initial;
        else if (row->kind == OPTION_CHOICE)
            *(int *)row_place(table, row) = (int)row->initial;
    }
}

/* A row and where its value goes. */
struct match {
    const struct option_table *table;
    const struct option_row *row;
};

static bool find_name(const struct option_parse *parse, struct str name, struct match *ret)
{
    for (size_t t = 0; t < parse->table_count; t++) {
        for (size_t i = 0; i < parse->tables[t].count; i++) {
            if (str_is(name, parse->tables[t].rows[i].name)) {
                *ret = (struct match){&parse->tables[t], &parse->tables[t].rows[i]};
                return true;
            }
        }
    }
    return false;
}

static bool find_letter(const struct option_parse *parse, char letter, struct match *ret)
{
    for (size_t t = 0; t < parse->table_count; t++) {
        for (size_t i = 0; i < parse->tables[t].count; i++) {
            if (letter && parse->tables[t].rows[i].letter == letter) {
                *ret = (struct match){&parse->tables[t], &parse->tables[t].rows[i]};
                return true;
            }
        }
    }
    return false;
}

static const char *suggest(const struct option_parse *parse, struct str name)
{
    size_t count = 0;
    for (size_t t = 0; t < parse->table_count; t++)
        count += parse->tables[t].count;
    const char **names = arena_new_array(parse->arena, const char *, count);
    size_t used = 0;
    for (size_t t = 0; t < parse->table_count; t++) {
        for (size_t i = 0; i < parse->tables[t].count; i++) {
            if (!parse->tables[t].rows[i].is_hidden)
                names[used++] = parse->tables[t].rows[i].name;
        }
    }
    return schema_suggest(name, names, used);
}

static FALLIBLE unknown_name(const struct option_parse *parse, struct str name)
{
    const char *near = suggest(parse, name);
    if (near)
        return error_new(ERROR_USAGE, "'%s' has no option '--%.*s' (did you mean '--%s'?)",
                         parse->command, STR_FMT(name), near);
    return error_hint(
        error_new(ERROR_USAGE, "'%s' has no option '--%.*s'", parse->command, STR_FMT(name)),
        "'%s --help' lists its options", parse->command);
}

static FALLIBLE bad_value(const struct option_row *row, struct str value, const char *wanted)
{
    return error_new(ERROR_USAGE, "--%s: '%.*s' is not %s", row->name, STR_FMT(value), wanted);
}

static FALLIBLE set_int(const struct option_row *row, struct str value, int64_t *ret)
{
    char text[32];
    char *end = NULL;
    if (value.len == 0 || value.len >= sizeof text || value.at[0] == ' ')
        return bad_value(row, value, "a whole number");
    memcpy(text, value.at, value.len);
    text[value.len] = '\0';
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (*end || errno)
        return bad_value(row, value, "a whole number");
    int64_t most = row->least == 0 && row->most == 0 ? INT64_MAX : row->most;
    if (number < row->least || number > most)
        return error_new(ERROR_USAGE, "--%s: %lld is outside of %lld to %lld", row->name, number,
                         (long long)row->least, (long long)most);
    *ret = number;
    return NULL;
}

static FALLIBLE set_choice(const struct option_parse *parse, const struct option_row *row,
                           struct str value, int *ret)
{
    struct buf list = buf_in(parse->arena);
    for (int i = 0; row->choices[i]; i++) {
        if (str_is(value, row->choices[i])) {
            *ret = i;
            return NULL;
        }
        buf_print(&list, "%s%s", i ? ", " : "", row->choices[i]);
    }
    return error_new(ERROR_USAGE, "--%s: '%.*s' is none of %.*s", row->name, STR_FMT(value),
                     STR_FMT(buf_str(&list)));
}

static FALLIBLE set_value(const struct option_parse *parse, struct match match, struct str value)
{
    void *place = row_place(match.table, match.row);
    switch (match.row->kind) {
    case OPTION_STR:
        *(struct str *)place = value;
        return NULL;
    case OPTION_STRS:
        *vec_push(parse->arena, (struct str_vec *)place) = value;
        return NULL;
    case OPTION_INT:
        return set_int(match.row, value, place);
    case OPTION_DURATION:
        return duration_parse(value, place) && *(int64_t *)place >= match.row->least
                   ? NULL
                   : bad_value(match.row, value, "a time such as 30s, 1.5m or 2h");
    case OPTION_CHOICE:
        return set_choice(parse, match.row, value, place);
    case OPTION_FLAG:
        break;
    }
    check(match.row->kind != OPTION_FLAG);
    return NULL;
}

static FALLIBLE take_next(struct option_parse *parse, const struct option_row *row,
                          struct str *ret_value)
{
    if (parse->at >= parse->argc)
        return error_new(ERROR_USAGE, "--%s needs a value (%s)", row->name,
                         row->value ? row->value : "VALUE");
    *ret_value = parse->argv[parse->at++];
    return NULL;
}

/* --no-name of a flag. */
static bool clear_flag(const struct option_parse *parse, struct str name)
{
    struct match match;
    if (!str_starts(name, STR("no-")) || !find_name(parse, str_slice(name, 3, name.len), &match) ||
        match.row->kind != OPTION_FLAG)
        return false;
    *(bool *)row_place(match.table, match.row) = false;
    return true;
}

static FALLIBLE parse_long(struct option_parse *parse, struct str text)
{
    struct match match;
    ptrdiff_t equals = str_find_char(text, '=');
    struct str name = equals < 0 ? text : str_slice(text, 0, (size_t)equals);
    struct str value = equals < 0 ? (struct str){0} : str_slice(text, (size_t)equals + 1, text.len);
    if (!find_name(parse, name, &match)) {
        if (equals < 0 && clear_flag(parse, name))
            return NULL;
        return unknown_name(parse, name);
    }
    if (match.row->kind == OPTION_FLAG) {
        if (equals >= 0)
            return error_new(ERROR_USAGE, "--%s takes no value", match.row->name);
        *(bool *)row_place(match.table, match.row) = true;
        return NULL;
    }
    if (equals < 0)
        TRY(take_next(parse, match.row, &value));
    return set_value(parse, match, value);
}

/* A row that shares the letter and wants the word behind it. */
static bool find_shared(const struct option_parse *parse, char letter, struct str word,
                        struct match *ret)
{
    for (size_t t = 0; t < parse->table_count; t++) {
        for (size_t i = 0; i < parse->tables[t].count; i++) {
            const struct option_row *row = &parse->tables[t].rows[i];
            if (row->takes && row->shared_letter == letter && row->takes(word)) {
                *ret = (struct match){&parse->tables[t], row};
                return true;
            }
        }
    }
    return false;
}

static struct str word_behind(const struct option_parse *parse, struct str rest)
{
    return rest.len || parse->at >= parse->argc ? rest : parse->argv[parse->at];
}

/* -x, -xyz (flags), -j4, -j 4 */
static FALLIBLE parse_letters(struct option_parse *parse, struct str letters)
{
    for (size_t i = 0; i < letters.len; i++) {
        struct match match;
        struct str value = str_slice(letters, i + 1, letters.len);
        if (!find_shared(parse, letters.at[i], word_behind(parse, value), &match) &&
            !find_letter(parse, letters.at[i], &match))
            return error_hint(
                error_new(ERROR_USAGE, "'%s' has no option '-%c'", parse->command, letters.at[i]),
                "'%s --help' lists its options", parse->command);
        if (match.row->kind == OPTION_FLAG) {
            *(bool *)row_place(match.table, match.row) = true;
            continue;
        }
        if (value.len == 0)
            TRY(take_next(parse, match.row, &value));
        return set_value(parse, match, value);
    }
    return NULL;
}

FALLIBLE options_parse(struct option_parse *parse)
{
    for (size_t t = 0; t < parse->table_count; t++)
        set_initial(&parse->tables[t]);
    bool only_words = false;
    while (parse->at < parse->argc) {
        struct str text = parse->argv[parse->at];
        bool is_word = only_words || text.len < 2 || text.at[0] != '-';
        if (is_word && parse->stops_at_word)
            return NULL;
        parse->at++;
        if (is_word)
            *vec_push(parse->arena, &parse->words) = text;
        else if (str_is(text, "--")) {
            only_words = true;
            parse->dash_at = 1 + (int)parse->words.len;
        } else if (text.at[1] == '-')
            TRY(parse_long(parse, str_slice(text, 2, text.len)));
        else
            TRY(parse_letters(parse, str_slice(text, 1, text.len)));
    }
    return NULL;
}

struct str option_show(struct arena *arena, const struct option_row *row)
{
    struct buf text = buf_in(arena);
    if (row->letter)
        buf_print(&text, "-%c, ", row->letter);
    else
        buf_add_text(&text, "    ");
    buf_print(&text, "--%s", row->name);
    if (row->kind != OPTION_FLAG)
        buf_print(&text, "=%s", row->value ? row->value : "VALUE");
    return buf_str(&text);
}
