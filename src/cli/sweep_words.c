/* Trials, their parameters and scores in words. */
#include "mlops/base/arena.h"
#include "mlops/model/sampler.h"

#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "sweep_private.h"

enum { DIGITS = 5 };

/* --- parameters ----------------------------------------------------------------------------- */

static bool is_in(const struct override_vec *overrides, const struct override *wanted)
{
    vec_each (const struct override, override, overrides)
        if (str_equal(override->key, wanted->key) &&
            (override->file.len == 0 || str_equal(override->file, wanted->file)))
            return true;
    return false;
}

/* "lr" of "train.lr"; an index says nothing without its list: "layers.1". */
static struct str last_part(struct str key)
{
    ptrdiff_t dot = str_find_last_char(key, '.');
    bool is_index =
        dot > 0 && (size_t)dot + 1 < key.len && key.at[dot + 1] >= '0' && key.at[dot + 1] <= '9';
    if (is_index)
        dot = str_find_last_char(str_slice(key, 0, (size_t)dot), '.');
    return str_slice(key, (size_t)(dot + 1), key.len);
}

/* Whether another one of the trial's ends the same way. */
static bool is_ambiguous(const struct override_vec *overrides, const struct override *one)
{
    vec_each (const struct override, other, overrides)
        if (other != one && str_equal(last_part(other->key), last_part(one->key)))
            return true;
    return false;
}

/* The inside of "a & b", where it could be nothing but a text. */
static struct str unquote(struct str text)
{
    static const char *const taken[] = {"true", "false", "null", "yes", "no", "on", "off"};
    bool is_quoted = text.len > 2 && (text.at[0] == '"' || text.at[0] == '\'') &&
                     text.at[text.len - 1] == text.at[0];
    struct str inner = str_slice(text, 1, text.len - 1);
    if (!is_quoted || str_find_char(inner, '\\') >= 0 || str_find_char(inner, text.at[0]) >= 0)
        return text;
    for (size_t i = 0; i < COUNT_OF(taken); i++)
        if (inner.len == strlen(taken[i]) && strncasecmp(inner.at, taken[i], inner.len) == 0)
            return text;
    bool is_number_like = inner.at[0] < 'A' && inner.at[0] != '/' && inner.at[0] != '<';
    return is_number_like ? text : inner;
}

struct str sweep_value_words(struct arena *arena, struct str text)
{
    char *end;
    if (text.len == 0)
        return STR("(none)");
    if (text.at[0] == '"' || text.at[0] == '\'')
        return unquote(text);
    const char *digits = str_copy(arena, text).at;
    double value = strtod(digits, &end);
    if (*end || end == digits || !isfinite(value) || text.len <= DIGITS + 1)
        return text;
    struct str shorter = metric_print(arena, value, DIGITS);
    return shorter.len < text.len ? shorter : text;
}

static void add_words(struct buf *words, const struct override_vec *overrides,
                      const struct override *override)
{
    struct str name = is_ambiguous(overrides, override) ? override->key : last_part(override->key);
    buf_add_text(words, words->len ? " " : "");
    if (override->action == EDIT_REMOVE)
        buf_print(words, "~%.*s", STR_FMT(name));
    else
        buf_print(words, "%.*s=%.*s", STR_FMT(name),
                  STR_FMT(sweep_value_words(words->arena, override->text)));
}

static bool is_of(const struct dimension *dimension, const struct override *override)
{
    return str_equal(dimension->key, override->key) &&
           (!dimension->file.len || str_equal(dimension->file, override->file));
}

static bool is_dimension(const struct sweep *sweep, const struct override *override)
{
    vec_each (const struct dimension, dimension, &sweep->dimensions)
        if (is_of(dimension, override))
            return true;
    return false;
}

/* Dimensions first, in the order in which they were given. */
struct str sweep_trial_words(struct arena *arena, const struct sweep *sweep,
                             const struct override_vec *overrides)
{
    struct buf words = buf_in(arena);
    bool is_all_fixed = sweep->fixed.len >= overrides->len;
    vec_each (const struct dimension, dimension, &sweep->dimensions)
        vec_each (const struct override, override, overrides)
            if (is_of(dimension, override))
                add_words(&words, overrides, override);
    vec_each (const struct override, override, overrides)
        if (!is_dimension(sweep, override) && (is_all_fixed || !is_in(&sweep->fixed, override)))
            add_words(&words, overrides, override);
    return buf_str(&words);
}

/* --- others --------------------------------------------------------------------------------- */

struct str sweep_score_words(struct arena *arena, const struct sweep *sweep, double score)
{
    return str_print(arena, "%.*s %.*s", STR_FMT(sweep->metric_key),
                     STR_FMT(metric_print(arena, score, DIGITS)));
}

struct str sweep_status_words(const struct sweep_row *row)
{
    return row->status == SWEEP_DONE ? STR("done") : STR("open");
}

const char *sweep_status(struct context *context, const struct sweep_row *row, enum tone *ret_tone)
{
    struct workspace *workspace = NULL;
    bool is_busy = false;
    struct error *error = context_project(context, &workspace);
    if (!error)
        error = sweeps_is_busy(workspace, row, -1, &is_busy);
    error_drop(error); /* whoever may only read sees what the row says */
    *ret_tone = is_busy ? TONE_WARN : row->status == SWEEP_DONE ? TONE_GOOD : TONE_DIM;
    return is_busy ? "running" : row->status == SWEEP_DONE ? "done" : "open";
}

enum tone trial_status_tone(enum trial_status status)
{
    static const enum tone tones[TRIAL_STATUS_COUNT] = {
        [TRIAL_WAITING] = TONE_DIM, [TRIAL_RUNNING] = TONE_WARN, [TRIAL_SUCCEEDED] = TONE_GOOD,
        [TRIAL_FAILED] = TONE_BAD,  [TRIAL_REJECTED] = TONE_BAD, [TRIAL_STOPPED] = TONE_DIM,
    };
    return tones[status];
}

int64_t sweep_planned(const struct sweep_row *row)
{
    int64_t count = 0, planned = 0;
    for (int i = 0; i < TRIAL_STATUS_COUNT; i++)
        count += row->counts[i];
    if (row->status == SWEEP_DONE)
        return count;
    struct error *error = sampler_count(&row->sweep, &planned);
    planned = error ? 0 : planned;
    error_drop(error);
    return MAX_OF(count, planned);
}

struct str sweep_counts_words(struct arena *arena, const struct sweep_row *row)
{
    static const enum trial_status order[] = {TRIAL_SUCCEEDED, TRIAL_STOPPED, TRIAL_REJECTED,
                                              TRIAL_FAILED,    TRIAL_RUNNING, TRIAL_WAITING};
    struct buf words = buf_in(arena);
    int64_t counts[TRIAL_STATUS_COUNT], count = 0;
    for (int i = 0; i < TRIAL_STATUS_COUNT; i++) {
        counts[i] = row->counts[i];
        count += counts[i];
    }
    counts[TRIAL_WAITING] += sweep_planned(row) - count;
    for (size_t i = 0; i < COUNT_OF(order); i++)
        if (counts[order[i]])
            buf_print(&words, "%s%lld %s", words.len ? ", " : "", (long long)counts[order[i]],
                      trial_status_name(order[i]));
    return buf_str(&words);
}
