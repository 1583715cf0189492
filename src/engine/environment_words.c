/* Shell scripts as words, as far as one can tell without running them. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"

#include "environment_private.h"

struct word {
    struct buf text;
    bool is_begun; /* quotes begin an empty word, too */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool ends_command(char c)
{
    return c == '\n' || c == ';' || c == '&' || c == '|' || c == '(' || c == ')';
}

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static char peek(const struct str *rest, size_t at)
{
    return at < rest->len ? rest->at[at] : '\0';
}

static void skip(struct str *rest, size_t count)
{
    *rest = str_slice(*rest, count, rest->len);
}

/* What stands between a bracket and the one that closes it; *rest behind that. */
static struct str take_nested(struct str *rest, char open, char close)
{
    size_t depth = 1, at = 1;
    for (; at < rest->len && depth; at++) {
        depth += rest->at[at] == open;
        depth -= rest->at[at] == close;
    }
    struct str inside = str_slice(*rest, 1, depth ? rest->len : at - 1);
    skip(rest, at);
    return inside;
}

/* NAME, NAME:-default, NAME-default: the value of the variable, or else the default. */
static struct str value_of(const struct scene *scene, struct str inside)
{
    size_t len = 0;
    while (len < inside.len && is_name(inside.at[len]))
        len++;
    struct str value = scene_variable_named(scene, str_slice(inside, 0, len));
    struct str rest = str_slice(inside, len, inside.len);
    if (value.len || !rest.len)
        return value;
    if (str_starts(rest, STR(":-")))
        return str_slice(rest, 2, rest.len);
    return rest.at[0] == '-' ? str_slice(rest, 1, rest.len) : (struct str){0};
}

/* At a '$'. */
static void add_variable(struct words *words, struct word *word)
{
    struct str *rest = &words->rest;
    skip(rest, 1);
    if (peek(rest, 0) == '(') {
        take_nested(rest, '(', ')');
        return;
    }
    if (peek(rest, 0) == '{') {
        buf_add_str(&word->text, value_of(words->scene, take_nested(rest, '{', '}')));
        return;
    }
    size_t len = 0;
    while (is_name(peek(rest, len)))
        len++;
    if (len)
        buf_add_str(&word->text, value_of(words->scene, str_slice(*rest, 0, len)));
    skip(rest, len);
}

static void add_backquoted(struct words *words)
{
    skip(&words->rest, 1);
    while (words->rest.len && words->rest.at[0] != '`')
        skip(&words->rest, 1);
    skip(&words->rest, 1);
}

static void add_quoted(struct words *words, struct word *word)
{
    struct str *rest = &words->rest;
    char quote = rest->at[0];
    skip(rest, 1);
    while (rest->len && rest->at[0] != quote) {
        if (quote == '"' && rest->at[0] == '$') {
            add_variable(words, word);
            continue;
        }
        if (quote == '"' && rest->at[0] == '\\' && rest->len > 1)
            skip(rest, 1);
        buf_add_char(&word->text, rest->at[0]);
        skip(rest, 1);
    }
    skip(rest, 1);
}

/* One sign, or what it opens. */
static void add_sign(struct words *words, struct word *word)
{
    struct str *rest = &words->rest;
    char c = rest->at[0];
    word->is_begun = true;
    if (c == '$') {
        add_variable(words, word);
    } else if (c == '`') {
        add_backquoted(words);
    } else if (c == '"' || c == '\'') {
        add_quoted(words, word);
    } else if (c == '\\') {
        if (rest->len > 1 && rest->at[1] != '\n')
            buf_add_char(&word->text, rest->at[1]);
        word->is_begun = word->text.len > 0;
        skip(rest, 2);
    } else if (c == '~' && !word->text.len && (rest->len == 1 || !is_name(rest->at[1]))) {
        buf_add_str(&word->text, scene_variable(words->scene, "HOME"));
        skip(rest, 1);
    } else {
        buf_add_char(&word->text, c);
        skip(rest, 1);
    }
}

static bool is_redirection(struct str rest)
{
    return rest.at[0] == '>' || rest.at[0] == '<' || (rest.at[0] == '&' && peek(&rest, 1) == '>');
}

static void skip_word(struct words *words)
{
    struct word word = {buf_in(words->scene->arena), false};
    while (words->rest.len && is_blank(words->rest.at[0]))
        skip(&words->rest, 1);
    while (words->rest.len && !is_blank(words->rest.at[0]) && !ends_command(words->rest.at[0]))
        add_sign(words, &word);
}

static void skip_redirection(struct words *words)
{
    while (words->rest.len && words->rest.at[0] != '\n' &&
           strchr("<>&|", words->rest.at[0]) != NULL)
        skip(&words->rest, 1);
    skip_word(words);
}

static void finish_word(const struct words *words, struct word *word, struct str_vec *ret)
{
    if (word->is_begun)
        *vec_push(words->scene->arena, ret) =
            word->text.at ? buf_str(&word->text) : (struct str){"", 0};
    *word = (struct word){buf_in(words->scene->arena), false};
}

static bool is_descriptor(const struct word *word)
{
    for (size_t i = 0; i < word->text.len; i++)
        if (word->text.at[i] < '0' || word->text.at[i] > '9')
            return false;
    return true;
}

bool words_next(struct words *words, struct str_vec *ret)
{
    struct word word = {buf_in(words->scene->arena), false};
    struct str *rest = &words->rest;
    ret->len = 0;
    while (rest->len) {
        if (is_redirection(*rest)) {
            if (is_descriptor(&word)) /* 2>file */
                word = (struct word){buf_in(words->scene->arena), false};
            finish_word(words, &word, ret);
            skip_redirection(words);
        } else if (ends_command(rest->at[0])) {
            skip(rest, 1);
            finish_word(words, &word, ret);
            if (ret->len)
                return true;
        } else if (is_blank(rest->at[0])) {
            skip(rest, 1);
            finish_word(words, &word, ret);
        } else if (rest->at[0] == '#' && !word.is_begun) {
            while (rest->len && rest->at[0] != '\n')
                skip(rest, 1);
        } else {
            add_sign(words, &word);
        }
    }
    finish_word(words, &word, ret);
    return ret->len > 0;
}
