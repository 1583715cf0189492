/* From text to postfix terms. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/model/filter.h"

#include <stdarg.h>

#include <math.h>

#include "filter_private.h"

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_TEXT, TOKEN_OPERATOR, TOKEN_SIGN };

struct token {
    enum token_kind kind;
    struct str text; /* without quotes */
    struct str as_written;
    size_t at;
};

struct parser {
    struct arena *arena;
    struct filter *filter;
    const char *source;
    size_t at; /* behind `token` */
    struct token token;
    struct filter_term_vec terms;
    int depth;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_word_char(char c)
{
    return (unsigned char)c > ' ' && c != '\x7f' && !strchr("()\"'`,=!<>~&|", c);
}

static struct mark mark_at(const struct parser *parser, size_t at)
{
    struct str text = parser->filter->text;
    int column = 1;
    for (size_t i = 0; i < at && i < text.len; i++)
        column += ((unsigned char)text.at[i] & 0xC0) != 0x80;
    return (struct mark){parser->source, 1, column};
}

ERROR_MADE filter_fault(const struct filter *filter, struct mark mark, const char *format, ...)
{
    AUTO(buf_drop) struct buf text = {0};
    va_list list;
    va_start(list, format);
    buf_print_list(&text, format, list);
    va_end(list);
    return error_recode(error_at(mark, filter->text, "%s", text.at ? text.at : ""), ERROR_USAGE);
}

/* The text in quotes from *at on; behind its end *at stands then. SQL writes a quote inside twice.
 */
static bool take_quoted(struct arena *arena, struct str text, size_t *at, struct str *ret)
{
    char quote = text.at[*at];
    struct buf out = buf_in(arena);
    buf_add_text(&out, "");
    for (size_t i = *at + 1; i < text.len; i++) {
        bool is_double = text.at[i] == quote && i + 1 < text.len && text.at[i + 1] == quote;
        if (text.at[i] == quote && !is_double) {
            *at = i + 1;
            *ret = buf_str(&out);
            return true;
        }
        i += is_double;
        buf_add_char(&out, text.at[i]);
    }
    return false;
}

/* A word, parts of which may be quoted behind a dot or a colon: metrics.`cross entropy`. False: a
 * quote is not closed. */
static bool take_word(struct arena *arena, struct str text, size_t *at, struct str *ret)
{
    struct buf out = buf_in(arena);
    buf_add_text(&out, "");
    while (*at < text.len) {
        char c = text.at[*at];
        char last = out.len ? out.at[out.len - 1] : '.';
        bool may_quote = last == '.' || last == ':';
        if (is_word_char(c)) {
            buf_add_char(&out, c);
            (*at)++;
        } else if (may_quote && (c == '`' || c == '"')) {
            struct str part;
            if (!take_quoted(arena, text, at, &part))
                return false;
            buf_add_str(&out, part);
        } else {
            break;
        }
    }
    *ret = buf_str(&out);
    return true;
}

bool filter_take_name(struct arena *arena, struct str *rest, struct str *ret)
{
    size_t at = 0;
    *rest = str_trim(*rest);
    if (!take_word(arena, *rest, &at, ret) || at == 0)
        return false;
    *rest = str_slice(*rest, at, rest->len);
    return true;
}

static FALLIBLE unclosed(const struct parser *parser, size_t at)
{
    return error_hint(filter_fault(parser->filter, mark_at(parser, at), "a quote is not closed"),
                      "in a shell, write the whole expression in the other kind of quotes");
}

static size_t operator_length(struct str rest)
{
    static const char *const operators[] = {"==", "!=", "<=", ">=", "<>", "!~", "&&",
                                            "||", "=",  "<",  ">",  "~",  "!"};
    for (size_t i = 0; i < COUNT_OF(operators); i++)
        if (str_starts(rest, str_of(operators[i])))
            return strlen(operators[i]);
    return 0;
}

/* Reads the next token. */
static FALLIBLE advance(struct parser *parser)
{
    struct str text = parser->filter->text;
    while (parser->at < text.len && is_blank(text.at[parser->at]))
        parser->at++;
    size_t from = parser->at;
    struct token token = {.kind = TOKEN_END, .at = from};
    char c = from < text.len ? text.at[from] : '\0';
    size_t length = operator_length(str_slice(text, from, text.len));
    bool is_closed = true;
    if (from == text.len) {
        parser->token = token;
        return NULL;
    }
    if (c == '"' || c == '\'') {
        token.kind = TOKEN_TEXT;
        is_closed = take_quoted(parser->arena, text, &parser->at, &token.text);
    } else if (c == '`' || is_word_char(c)) {
        token.kind = TOKEN_WORD;
        is_closed = take_word(parser->arena, text, &parser->at, &token.text);
    } else if (length || c == '(' || c == ')' || c == ',') {
        token.kind = length ? TOKEN_OPERATOR : TOKEN_SIGN;
        parser->at += length ? length : 1;
        token.text = str_slice(text, from, parser->at);
    } else {
        return filter_fault(parser->filter, mark_at(parser, from),
                            "this sign means nothing in a filter");
    }
    if (!is_closed)
        return unclosed(parser, from);
    token.as_written = str_slice(text, from, parser->at);
    parser->token = token;
    return NULL;
}

static bool is_keyword(const struct parser *parser, const char *lower)
{
    return parser->token.kind == TOKEN_WORD && filter_is_word(parser->token.as_written, lower);
}

static bool is_sign(const struct parser *parser, const char *sign)
{
    bool is_it = parser->token.kind == TOKEN_SIGN || parser->token.kind == TOKEN_OPERATOR;
    return is_it && str_is(parser->token.text, sign);
}

static struct mark here(const struct parser *parser)
{
    return mark_at(parser, parser->token.at);
}

/* "'x'" or "the end", for messages. */
static struct str found(const struct parser *parser)
{
    if (parser->token.kind == TOKEN_END)
        return STR("the end");
    return str_print(parser->arena, "'%.*s'", STR_FMT(parser->token.as_written));
}

static size_t key_number(struct parser *parser)
{
    struct filter_key_vec *keys = &parser->filter->keys;
    for (size_t i = 0; i < keys->len; i++)
        if (str_equal(keys->at[i].name, parser->token.text))
            return i;
    *vec_push(parser->arena, keys) =
        (struct filter_key){.name = parser->token.text, .mark = here(parser)};
    return keys->len - 1;
}

static FALLIBLE take_key(struct parser *parser, size_t *ret)
{
    bool is_name = parser->token.kind == TOKEN_WORD || parser->token.kind == TOKEN_TEXT;
    bool is_reserved = is_keyword(parser, "and") || is_keyword(parser, "or");
    if (!is_name || is_reserved)
        return error_hint(filter_fault(parser->filter, here(parser), "a key is missing before %.*s",
                                       STR_FMT(found(parser))),
                          "write, for example, metrics.f1 > 0.8 and branch = main");
    *ret = key_number(parser);
    return advance(parser);
}

struct written_verb {
    const char *word;
    enum filter_verb verb;
    bool is_negated;
};

static const struct written_verb operators[] = {
    {"=", VERB_EQUAL, false},    {"==", VERB_EQUAL, false},    {"!=", VERB_UNEQUAL, false},
    {"<>", VERB_UNEQUAL, false}, {"<", VERB_LESS, false},      {"<=", VERB_AT_MOST, false},
    {">", VERB_MORE, false},     {">=", VERB_AT_LEAST, false}, {"~", VERB_HOLDS, false},
    {"!~", VERB_HOLDS, true},    {"like", VERB_LIKE, false},   {"ilike", VERB_ILIKE, false},
    {"in", VERB_IN, false},
};

static const struct written_verb *operator_here(const struct parser *parser)
{
    for (size_t i = 0; i < COUNT_OF(operators); i++)
        if (is_keyword(parser, operators[i].word) || is_sign(parser, operators[i].word))
            return &operators[i];
    return NULL;
}

static FALLIBLE missing_verb(const struct parser *parser)
{
    return error_hint(filter_fault(parser->filter, here(parser),
                                   "an operator is missing before %.*s", STR_FMT(found(parser))),
                      "operators are = != < <= > >= ~ !~ like, ilike, in, is null; texts with "
                      "blanks are quoted");
}

/* is null, is not null. */
static FALLIBLE take_null(struct parser *parser, struct filter_term *term, bool *ret_negated)
{
    TRY(advance(parser));
    *ret_negated = is_keyword(parser, "not");
    if (*ret_negated)
        TRY(advance(parser));
    if (!is_keyword(parser, "null") && !is_keyword(parser, "none"))
        return filter_fault(parser->filter, here(parser), "'null' is expected here, not %.*s",
                            STR_FMT(found(parser)));
    term->verb = VERB_NULL;
    return advance(parser);
}

static FALLIBLE take_value(struct parser *parser, struct filter_term *term)
{
    const struct token *token = &parser->token;
    if (token->kind != TOKEN_WORD && token->kind != TOKEN_TEXT)
        return error_hint(filter_fault(parser->filter, here(parser),
                                       "a value is missing before %.*s", STR_FMT(found(parser))),
                          "texts with blanks or signs are quoted: 'like this'");
    *vec_push(parser->arena, &term->operands) =
        (struct filter_operand){token->text, here(parser), nan(""), nan("")};
    return advance(parser);
}

static FALLIBLE take_list(struct parser *parser, struct filter_term *term)
{
    if (!is_sign(parser, "("))
        return filter_fault(parser->filter, here(parser), "'in' takes a list: in ('a', 'b')");
    do {
        TRY(advance(parser));
        TRY(take_value(parser, term));
    } while (is_sign(parser, ","));
    if (!is_sign(parser, ")"))
        return filter_fault(parser->filter, here(parser), "',' or ')' is expected before %.*s",
                            STR_FMT(found(parser)));
    return advance(parser);
}

static FALLIBLE take_comparison(struct parser *parser)
{
    struct filter_term term = {.kind = TERM_COMPARISON};
    TRY(take_key(parser, &term.key));
    bool is_negated = is_keyword(parser, "not");
    if (is_negated)
        TRY(advance(parser));
    const struct written_verb *verb = operator_here(parser);
    bool takes_not = verb && verb->verb >= VERB_LIKE;
    if (is_keyword(parser, "is") && !is_negated) {
        TRY(take_null(parser, &term, &is_negated));
    } else if (!verb || (is_negated && !takes_not)) {
        return missing_verb(parser);
    } else {
        term.verb = verb->verb;
        is_negated ^= verb->is_negated;
        TRY(advance(parser));
        TRY(verb->verb == VERB_IN ? take_list(parser, &term) : take_value(parser, &term));
    }
    *vec_push(parser->arena, &parser->terms) = term;
    if (is_negated)
        *vec_push(parser->arena, &parser->terms) = (struct filter_term){.kind = TERM_NOT};
    return NULL;
}

static FALLIBLE take_either(struct parser *parser);

static FALLIBLE take_parentheses(struct parser *parser)
{
    struct mark open = here(parser);
    TRY(advance(parser));
    TRY(take_either(parser));
    if (!is_sign(parser, ")"))
        return parser->token.kind == TOKEN_END
                   ? filter_fault(parser->filter, open, "this '(' is not closed")
                   : filter_fault(parser->filter, here(parser),
                                  "'and', 'or' or ')' is expected before %.*s",
                                  STR_FMT(found(parser)));
    return advance(parser);
}

static FALLIBLE take_operand(struct parser *parser)
{
    if (parser->depth == LIMIT_FILTER_DEPTH)
        return filter_fault(parser->filter, here(parser), "nested deeper than %d levels",
                            (int)LIMIT_FILTER_DEPTH);
    parser->depth++;
    if (is_keyword(parser, "not") || is_sign(parser, "!")) {
        TRY(advance(parser));
        TRY(take_operand(parser));
        *vec_push(parser->arena, &parser->terms) = (struct filter_term){.kind = TERM_NOT};
    } else if (is_sign(parser, "(")) {
        TRY(take_parentheses(parser));
    } else {
        TRY(take_comparison(parser));
    }
    parser->depth--;
    return NULL;
}

static FALLIBLE take_both(struct parser *parser)
{
    TRY(take_operand(parser));
    while (is_keyword(parser, "and") || is_sign(parser, "&&")) {
        TRY(advance(parser));
        TRY(take_operand(parser));
        *vec_push(parser->arena, &parser->terms) = (struct filter_term){.kind = TERM_AND};
    }
    return NULL;
}

static FALLIBLE take_either(struct parser *parser)
{
    TRY(take_both(parser));
    while (is_keyword(parser, "or") || is_sign(parser, "||")) {
        TRY(advance(parser));
        TRY(take_both(parser));
        *vec_push(parser->arena, &parser->terms) = (struct filter_term){.kind = TERM_OR};
    }
    return NULL;
}

FALLIBLE filter_parse(struct arena *arena, const char *source, struct str text, struct filter *ret)
{
    struct parser parser = {.arena = arena, .filter = ret, .source = source};
    *ret = (struct filter){.text = text};
    if (text.len > (size_t)LIMIT_FILTER_BYTES)
        return error_new(ERROR_USAGE, "%s is longer than %d bytes", source,
                         (int)LIMIT_FILTER_BYTES);
    TRY(advance(&parser));
    if (parser.token.kind == TOKEN_END)
        return NULL;
    TRY(take_either(&parser));
    if (is_sign(&parser, ")"))
        return filter_fault(ret, here(&parser), "this ')' closes nothing");
    if (parser.token.kind != TOKEN_END)
        return error_hint(filter_fault(ret, here(&parser), "'and' or 'or' is expected before %.*s",
                                       STR_FMT(found(&parser))),
                          "texts with blanks are quoted: 'like this'");
    ret->terms = parser.terms.at;
    ret->term_count = parser.terms.len;
    return NULL;
}
