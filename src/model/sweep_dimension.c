/* Ranges and lists of values: the grammar of `KEY=...` in a sweep. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/base/map.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "sweep_private.h"

enum { NUMBERS_MOST = 3 };

/* A call being read: `uniform(0, 1)`. */
struct call {
    struct arena *arena;
    const struct wording *wording;
    struct str name, inner;
    struct str_parts parts;
    double numbers[NUMBERS_MOST];
};

struct call_row {
    const char *name;
    size_t least, most; /* how many numbers; 0: values */
    enum dimension_kind kind;
    const char *usage;
    FALLIBLE (*take)(const struct call *call, struct dimension *ret);
};

#define WHOLE_MOST 9007199254740992.0 /* 2^53: beyond it doubles skip whole numbers */

static FALLIBLE number_take(const struct call *call, struct str text, double *ret)
{
    struct str shown = str_slice(text, 0, 40);
    bool is_number = text.len > 0 && text.len < 64;
    for (size_t i = 0; i < text.len; i++)
        is_number = is_number && text.at[i] && strchr("0123456789+-.eE", text.at[i]);
    const char *digits = str_terminate(call->arena, is_number ? text : STR("x"));
    char *end = NULL;
    errno = 0;
    double value = strtod(digits, &end);
    if (end == digits || *end)
        return wording_fault(call->wording, text.at,
                             text.len ? "'%.*s' is no number" : "a number is missing here%.*s",
                             STR_FMT(shown));
    if (errno == ERANGE)
        return wording_fault(call->wording, text.at, "'%.*s' is beyond the range of numbers",
                             STR_FMT(shown));
    *ret = value;
    return NULL;
}

static FALLIBLE whole_check(const struct call *call)
{
    for (size_t i = 0; i < call->parts.len; i++) {
        struct str text = call->parts.at[i];
        double value = call->numbers[i];
        if (floor(value) < value)
            return error_hint(
                wording_fault(call->wording, text.at, "'%.*s' is no whole number", STR_FMT(text)),
                "uniform(low, high) takes reals");
        if (fabs(value) > WHOLE_MOST)
            return wording_fault(call->wording, text.at, "'%.*s' is beyond 2^53", STR_FMT(text));
    }
    return NULL;
}

/* The range must hold something: code 3, as the words are well-formed. */
static FALLIBLE empty_range(const struct call *call, const char *why)
{
    struct error *error =
        wording_fault(call->wording, call->parts.len ? call->parts.at[0].at : call->inner.at,
                      "%.*s(%.*s) is empty: %s", STR_FMT(call->name), STR_FMT(call->inner), why);
    return error_recode(error, ERROR_PROJECT);
}

static FALLIBLE range_check(const struct call *call, const struct dimension *dimension)
{
    bool is_log = dimension->kind == DIMENSION_LOGUNIFORM || dimension->kind == DIMENSION_LOGINT;
    if (is_log && dimension->low <= 0)
        return error_hint(wording_fault(call->wording, call->parts.at[0].at,
                                        "%.*s needs a low end above 0, found %.*s",
                                        STR_FMT(call->name), STR_FMT(call->parts.at[0])),
                          "a logarithm has no 0; take a small number such as 1e-6");
    if (dimension->low > dimension->high)
        return empty_range(call, "its low end is above its high end");
    bool is_real = dimension->kind == DIMENSION_UNIFORM || dimension->kind == DIMENSION_LOGUNIFORM;
    if (is_real && dimension->low >= dimension->high)
        return empty_range(call, "its ends are the same");
    if (!isfinite(dimension->high - dimension->low))
        return wording_fault(call->wording, call->parts.at[0].at,
                             "its ends lie too far apart for numbers");
    return NULL;
}

static FALLIBLE step_check(const struct call *call, struct dimension *dimension)
{
    if (call->parts.len < 3)
        return NULL;
    const char *at = call->parts.at[2].at;
    if (call->numbers[2] <= 0)
        return wording_fault(call->wording, at, "the step must be above 0, found %.*s",
                             STR_FMT(call->parts.at[2]));
    if (call->numbers[2] > dimension->high - dimension->low && dimension->high > dimension->low)
        return wording_fault(call->wording, at, "the step %.*s is longer than the range",
                             STR_FMT(call->parts.at[2]));
    if ((dimension->high - dimension->low) / call->numbers[2] > WHOLE_MOST)
        return wording_fault(call->wording, at, "the step %.*s is too small for the range",
                             STR_FMT(call->parts.at[2]));
    dimension->step = call->numbers[2];
    return NULL;
}

static FALLIBLE real_take(const struct call *call, struct dimension *ret)
{
    ret->low = call->numbers[0];
    ret->high = call->numbers[1];
    TRY(range_check(call, ret));
    return step_check(call, ret);
}

static FALLIBLE whole_take(const struct call *call, struct dimension *ret)
{
    ret->step = ret->kind == DIMENSION_INT ? 1 : 0;
    TRY(whole_check(call));
    return real_take(call, ret);
}

static FALLIBLE too_many(const struct call *call, double count)
{
    return error_hint(wording_fault(call->wording, call->inner.at,
                                    "these are %.0f values, more than %" PRId64, count,
                                    LIMIT_SWEEP_CHOICES),
                      "int(low, high, step) and uniform(low, high, step) have no such limit");
}

/* range(stop), range(start, stop[, step]): as in Python the stop is left out. */
static FALLIBLE range_take(const struct call *call, struct dimension *ret)
{
    double start = call->parts.len > 1 ? call->numbers[0] : 0;
    double stop = call->numbers[call->parts.len > 1];
    double step = call->parts.len > 2 ? call->numbers[2] : 1;
    if (!(step < 0) && !(step > 0))
        return wording_fault(call->wording, call->parts.at[2].at, "the step must not be 0");
    double count = ceil((stop - start) / step * (1 - 1e-12));
    if (!(count > 0))
        return empty_range(call, "the step leads away from its end");
    if (count > LIMIT_SWEEP_CHOICES)
        return too_many(call, count);
    bool is_whole = !(floor(start) < start) && !(floor(step) < step) && fabs(start) <= WHOLE_MOST &&
                    fabs(stop) <= WHOLE_MOST;
    struct dimension lattice = {
        .kind = is_whole ? DIMENSION_INT : DIMENSION_UNIFORM, .low = start, .step = step};
    ret->values = arena_new_array(call->arena, struct str, (size_t)count);
    ret->value_count = (size_t)count;
    for (size_t i = 0; i < ret->value_count; i++)
        ret->values[i] = dimension_value(call->arena, &lattice, (double)i);
    return NULL;
}

/* Where the bracket that opens at `at` closes, quotes passed over; text.len: nowhere. */
static size_t bracket_end(struct str text, size_t at)
{
    int depth = 0;
    bool at_start = false;
    for (; at < text.len; at++) {
        char c = text.at[at];
        if (at_start && (c == '"' || c == '\'')) {
            at = wording_quote_end(text, at) - 1;
            at_start = false;
            continue;
        }
        depth += (c == '(') - (c == ')');
        if (depth == 0)
            return at;
        at_start = memchr("(,[{: ", c, 6) != NULL;
    }
    return text.len;
}

/* Brackets of a value that do not match were commas of a call, or would end one too early. */
static FALLIBLE brackets_check(const struct call *call, struct str value)
{
    struct str enclosed = str_print(call->arena, "(%.*s)", STR_FMT(value));
    if (bracket_end(enclosed, 0) == enclosed.len - 1)
        return NULL;
    return error_hint(wording_fault(call->wording, value.at, "the brackets of '%.*s' do not match",
                                    STR_FMT(str_slice(value, 0, 64))),
                      "a text with brackets or commas stands in quotes: '\"f(x, y)\"'");
}

/* Each value once, told by what it means: 0.1 and 1e-1 are one. */
static FALLIBLE values_take(const struct call *call, struct dimension *ret)
{
    struct map seen = {0};
    if (call->parts.len > LIMIT_SWEEP_CHOICES)
        return too_many(call, (double)call->parts.len);
    for (size_t i = 0; i < call->parts.len; i++) {
        struct str encoded = {0};
        TRY(brackets_check(call, call->parts.at[i]));
        TRY(wording_check_value(call->arena, call->wording, call->parts.at[i], &encoded));
        if (map_put(call->arena, &seen, encoded, &call->parts.at[i]))
            return error_hint(wording_fault(call->wording, call->parts.at[i].at,
                                            "the value %.*s stands twice",
                                            STR_FMT(str_slice(call->parts.at[i], 0, 64))),
                              "to run each combination several times, say '--repeat N' (in a sweep "
                              "file: 'repeat')");
    }
    ret->values = call->parts.at;
    ret->value_count = call->parts.len;
    return NULL;
}

static const struct call_row CALLS[] = {
    {"choice", 0, 0, DIMENSION_CHOICE, "choice(a, b, c)", values_take},
    {"range", 1, 3, DIMENSION_CHOICE, "range(start, stop, step)", range_take},
    {"uniform", 2, 3, DIMENSION_UNIFORM, "uniform(low, high)", real_take},
    {"loguniform", 2, 2, DIMENSION_LOGUNIFORM, "loguniform(low, high)", real_take},
    {"int", 2, 3, DIMENSION_INT, "int(low, high)", whole_take},
    {"logint", 2, 2, DIMENSION_LOGINT, "logint(low, high)", whole_take},
};

/* Others' names for the same. */
static const struct {
    const char *theirs, *ours;
} ALIASES[] = {{"interval", "uniform"},
               {"float", "uniform"},
               {"real", "uniform"},
               {"quniform", "uniform"},
               {"log_uniform", "loguniform"},
               {"log", "loguniform"},
               {"lograndint", "logint"},
               {"randint", "int"},
               {"integer", "int"},
               {"categorical", "choice"},
               {"grid", "choice"}};

static FALLIBLE unknown_call(const struct call *call)
{
    const char *names[COUNT_OF(CALLS)];
    for (size_t i = 0; i < COUNT_OF(CALLS); i++)
        names[i] = CALLS[i].name;
    const char *nearest = NULL;
    for (size_t i = 0; i < COUNT_OF(ALIASES); i++)
        if (str_is(call->name, ALIASES[i].theirs))
            nearest = ALIASES[i].ours;
    if (!nearest)
        nearest = schema_suggest(call->name, names, COUNT_OF(names));
    struct error *error = wording_fault(
        call->wording, call->name.at,
        nearest ? "there is no range '%.*s' (did you mean '%s'?)" : "there is no range '%.*s'%s",
        STR_FMT(str_slice(call->name, 0, 40)), nearest ? nearest : "");
    return error_hint(error,
                      "ranges are choice, range, uniform, loguniform, int and logint; a text "
                      "with brackets stands in quotes: '\"f(x)\"'");
}

static FALLIBLE call_take(struct call *call, const struct call_row *row, struct dimension *ret)
{
    bool is_void = str_trim(call->inner).len == 0;
    if (!is_void)
        wording_split(call->arena, call->inner, &call->parts);
    if (is_void && !row->most)
        return empty_range(call, "there is nothing to choose from");
    if (row->most && (call->parts.len < row->least || call->parts.len > row->most))
        return error_hint(wording_fault(call->wording, call->name.at,
                                        "%s takes %zu%s numbers, found %zu", row->name, row->least,
                                        row->most > row->least + 1 ? " to 3"
                                        : row->most > row->least   ? " or 3"
                                                                   : "",
                                        call->parts.len),
                          "it is written %s", row->usage);
    for (size_t i = 0; row->most && i < call->parts.len; i++)
        TRY(number_take(call, call->parts.at[i], &call->numbers[i]));
    ret->kind = row->kind;
    return row->take(call, ret);
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* `name(...)`, the bracket closing at the end. */
static bool call_find(struct str text, struct call *call)
{
    size_t len = 0;
    while (len < text.len && is_name_char(text.at[len]))
        len++;
    if (len == 0 || len >= text.len || text.at[len] != '(' ||
        bracket_end(text, len) != text.len - 1)
        return false;
    call->name = str_slice(text, 0, len);
    call->inner = str_slice(text, len + 1, text.len - 1);
    return true;
}

/* `uniform(0,1` and the like: nobody means a text that begins like a range. */
static FALLIBLE unclosed_check(const struct wording *wording, struct str text)
{
    for (size_t i = 0; i < COUNT_OF(CALLS); i++) {
        struct str name = str_of(CALLS[i].name);
        if (str_starts(text, name) && text.len > name.len && text.at[name.len] == '(')
            return error_hint(
                wording_fault(wording, text.at + name.len, "this bracket is not closed at the end"),
                wording->node ? "it is written %s, and stands in quotes inside of { } or [ ]"
                              : "it is written %s",
                CALLS[i].usage);
    }
    return NULL;
}

FALLIBLE dimension_take(struct arena *arena, const struct wording *wording, struct str text,
                        struct dimension *ret, bool *ret_is_single)
{
    struct call call = {.arena = arena, .wording = wording};
    text = str_trim(text);
    *ret_is_single = false;
    if (call_find(text, &call)) {
        for (size_t i = 0; i < COUNT_OF(CALLS); i++)
            if (str_is(call.name, CALLS[i].name))
                return call_take(&call, &CALLS[i], ret);
        return unknown_call(&call);
    }
    TRY(unclosed_check(wording, text));
    wording_split(arena, text, &call.parts);
    call.inner = text;
    *ret_is_single = call.parts.len == 1;
    ret->kind = DIMENSION_CHOICE;
    if (*ret_is_single)
        return NULL;
    return values_take(&call, ret);
}

struct str dimension_text(struct arena *arena, const struct dimension *dimension)
{
    static const char *const names[] = {"choice", "uniform", "loguniform", "int", "logint"};
    struct buf out = buf_in(arena);
    bool is_whole = dimension->kind == DIMENSION_INT || dimension->kind == DIMENSION_LOGINT;
    struct str (*print)(struct arena *, double) = is_whole ? whole_text : real_text;
    buf_print(&out, "%s(", names[dimension->kind]);
    for (size_t i = 0; dimension->kind == DIMENSION_CHOICE && i < dimension->value_count; i++)
        buf_print(&out, "%s%.*s", i ? "," : "", STR_FMT(dimension->values[i]));
    if (dimension->kind != DIMENSION_CHOICE)
        buf_print(&out, "%.*s,%.*s", STR_FMT(print(arena, dimension->low)),
                  STR_FMT(print(arena, dimension->high)));
    bool has_step = dimension->step > 0 && !(is_whole && dimension->step <= 1);
    if (has_step)
        buf_print(&out, ",%.*s", STR_FMT(print(arena, dimension->step)));
    buf_add_char(&out, ')');
    return buf_str(&out);
}

/* Everything before the value, with a value that is none of the user's, for override_parse. */
static FALLIBLE key_take(struct arena *arena, struct str word, size_t value_at,
                         struct dimension *ret)
{
    struct override target = {0};
    struct str bare = str_print(arena, "%.*s0", STR_FMT(str_slice(word, 0, value_at)));
    TRY(override_parse(arena, bare, &target));
    ret->file = target.file;
    ret->key = target.key;
    ret->action = target.action;
    return NULL;
}

FALLIBLE dimension_parse(struct arena *arena, struct str word, struct dimension *ret,
                         struct override *ret_fixed, bool *ret_is_fixed)
{
    struct wording wording = {.word = word};
    struct dimension dimension = {0};
    ptrdiff_t equals = str_find_char(word, '=');
    bool is_single = true;
    if (equals >= 0 && !str_starts(word, STR("~")))
        TRY(dimension_take(arena, &wording, str_slice(word, (size_t)equals + 1, word.len),
                           &dimension, &is_single));
    *ret_is_fixed = is_single;
    if (is_single)
        return override_parse(arena, word, ret_fixed);
    TRY(key_take(arena, word, (size_t)equals + 1, &dimension));
    *ret = dimension;
    return NULL;
}

struct str dimension_print(struct arena *arena, const struct dimension *dimension)
{
    bool has_file = dimension->file.len && !str_is(dimension->file, "params.yaml");
    return str_print(arena, "%s%.*s%s%.*s=%.*s", dimension->action == EDIT_ADD ? "+" : "",
                     STR_FMT(has_file ? dimension->file : (struct str){0}), has_file ? ":" : "",
                     STR_FMT(dimension->key), STR_FMT(dimension_text(arena, dimension)));
}
