#include "mlops/cli/model_card.h"

#include "mlops/base/arena.h"
#include "mlops/cli/diff_guides.h"
#include "mlops/codec/json.h"
#include "mlops/data/evaluation.h"
#include "mlops/model/gate.h"
#include "mlops/store/workspace.h"

#include <math.h>

#define BEGIN "<!-- mlops report: begin; what stands up to the end is written anew -->"
#define END "<!-- mlops report: end -->"

enum { METRICS_MOST = 50 };

/* A string of JSON is one of YAML. */
static void add_scalar(struct buf *out, struct str text)
{
    struct json_writer json = {.out = out};
    json_str(&json, text);
}

static void add_pair(struct buf *out, const char *key, struct str text)
{
    buf_add_text(out, key);
    buf_add_text(out, ": ");
    add_scalar(out, text);
    buf_add_char(out, '\n');
}

static FALLIBLE model_name(const struct account *account, const struct card_wish *wish,
                           struct str *ret)
{
    struct workspace *workspace = NULL;
    *ret = wish->name;
    if (wish->name.len)
        return NULL;
    TRY(context_workspace(account->context, &workspace));
    ptrdiff_t slash = str_find_last_char(workspace->root, '/');
    *ret = str_slice(workspace->root, (size_t)(slash + 1), workspace->root.len);
    return NULL;
}

/* --- what was measured ------------------------------------------------------------------------ */

static struct str task_of(struct arena *arena, const struct run_view_stage *stage,
                          const struct card_wish *wish)
{
    struct evaluating how;
    if (wish->task.len)
        return wish->task;
    if (!diff_evaluating(arena, stage, &how))
        return STR("other");
    return how.task == TASK_REGRESSION ? STR("tabular-regression") : STR("tabular-classification");
}

/* The whole of the data, not a part or a bound of it, and not the trivial baseline. */
static bool is_headline(const struct metric *metric)
{
    return !metric_is_part(metric->key) && !metric->is_text && !isnan(metric->value);
}

static size_t count_headlines(const struct run_view_stage *stage, bool only_known)
{
    size_t count = 0;
    vec_each (const struct metric, metric, &stage->metrics)
        count += is_headline(metric) &&
                 (!only_known || metric_direction_of(metric->key) != DIRECTION_UNKNOWN);
    return count;
}

/* --- on which data ---------------------------------------------------------------------------- */

struct reach {
    const struct account *account;
    struct map seen; /* names of stages upstream */
    struct str_vec open;
};

static bool names(const struct str_vec *list, struct str name)
{
    vec_each (const struct str, item, list)
        if (str_equal(*item, name))
            return true;
    return false;
}

/* All stages that a stage's inputs came through. */
static void find_upstream(struct reach *reach, struct str stage)
{
    struct arena *arena = reach->account->context->arena;
    *vec_push(arena, &reach->open) = stage;
    map_put(arena, &reach->seen, stage, reach);
    while (reach->open.len) {
        struct str user = reach->open.at[--reach->open.len];
        vec_each (const struct graph_datum, datum, &reach->account->outputs) {
            if (!names(&datum->users, user))
                continue;
            vec_each (const struct str, maker, &datum->makers) {
                if (map_put(arena, &reach->seen, *maker, reach))
                    continue;
                *vec_push(arena, &reach->open) = *maker;
            }
        }
    }
}

static const struct {
    const char *word, *split;
} splits[] = {
    {"test", "test"},      {"holdout", "test"},    {"valid", "validation"},
    {"dev", "validation"}, {"eval", "validation"}, {"train", "train"},
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* At the start of a word: "test_set", not "latest". */
static bool has_word(struct str path, struct str word)
{
    for (size_t i = 0; i + word.len <= path.len; i++)
        if ((i == 0 || !is_letter(path.at[i - 1])) &&
            str_starts(str_slice(path, i, path.len), word))
            return true;
    return false;
}

static const char *split_of(struct str path)
{
    for (size_t i = 0; i < COUNT_OF(splits); i++)
        if (has_word(path, str_of(splits[i].word)))
            return splits[i].split;
    return NULL;
}

/* What is most likely the data that was measured on: test data by its name, else the largest. */
static int64_t likeness(const struct graph_datum *datum)
{
    const char *split = split_of(datum->path);
    bool is_test = split && strcmp(split, "test") == 0;
    bool is_train = split && strcmp(split, "train") == 0;
    int64_t bytes = MIN_OF(datum->size_bytes, INT64_MAX / 4);
    return is_test ? INT64_MAX / 2 + bytes : is_train ? -INT64_MAX / 2 + bytes : bytes;
}

static const struct graph_datum *find_dataset(const struct account *account, struct str stage)
{
    struct reach reach = {.account = account};
    const struct graph_datum *best = NULL;
    find_upstream(&reach, stage);
    vec_each (const struct graph_datum, datum, &account->inputs) {
        bool is_upstream = false;
        vec_each (const struct str, user, &datum->users)
            is_upstream = is_upstream || map_has(&reach.seen, *user);
        if (is_upstream && account_is_data(datum) && (!best || likeness(datum) > likeness(best)))
            best = datum;
    }
    return best;
}

static void add_dataset(struct buf *out, const struct account *account, struct str stage)
{
    const struct graph_datum *datum = find_dataset(account, stage);
    char hex[DIGEST_HEX_LEN + 1] = "";
    if (!datum)
        return;
    ptrdiff_t slash = str_find_last_char(datum->path, '/');
    const char *split = split_of(datum->path);
    buf_add_text(out, "    dataset:\n");
    add_pair(out, "      name", str_slice(datum->path, (size_t)(slash + 1), datum->path.len));
    add_pair(out, "      type", datum->path);
    if (split)
        buf_print(out, "      split: %s\n", split);
    digest_print(datum->dep->digest, hex);
    add_pair(out, "      revision", str_of(hex));
}

/* "macro.f1" is of the type "f1": hubs sort by the names of metrics that they know. */
static struct str type_of(struct str key)
{
    ptrdiff_t dot = str_find_last_char(key, '.');
    bool is_number = dot >= 0 && (size_t)dot + 1 < key.len && key.at[dot + 1] <= '9';
    return is_number ? key : str_slice(key, (size_t)(dot + 1), key.len);
}

static void add_metrics(struct buf *out, const struct run_view_stage *stage)
{
    bool only_known = count_headlines(stage, true) > 0;
    size_t count = 0;
    buf_add_text(out, "    metrics:\n");
    vec_each (const struct metric, metric, &stage->metrics) {
        bool is_told = is_headline(metric) &&
                       (!only_known || metric_direction_of(metric->key) != DIRECTION_UNKNOWN);
        if (!is_told || count++ >= METRICS_MOST)
            continue;
        add_pair(out, "    - type", type_of(metric->key));
        buf_add_text(out, "      value: ");
        struct json_writer json = {.out = out};
        json_real(&json, metric->value);
        buf_add_char(out, '\n');
        add_pair(out, "      name", metric->key);
    }
}

FALLIBLE card_index(const struct account *account, const struct card_wish *wish, struct buf *out)
{
    struct str name;
    bool has_results = false;
    TRY(model_name(account, wish, &name));
    buf_add_text(out, "model-index:\n");
    add_pair(out, "- name", name);
    for (size_t i = 0; i < account->view.stage_count; i++) {
        const struct run_view_stage *stage = &account->view.stages[i];
        if (count_headlines(stage, false) == 0)
            continue;
        buf_add_text(out, has_results ? "" : "  results:\n");
        has_results = true;
        buf_add_text(out, "  - task:\n");
        add_pair(out, "      type", task_of(account->context->arena, stage, wish));
        add_dataset(out, account, stage->stage);
        add_metrics(out, stage);
    }
    if (!has_results)
        buf_add_text(out, "  results: []\n");
    return NULL;
}

/* --- the card --------------------------------------------------------------------------------- */

static void add_ours(const struct account *account, struct buf *out)
{
    struct document document = {.arena = account->context->arena};
    struct table metrics = account_metrics(account), inputs = account_inputs(account);
    buf_add_text(out, BEGIN "\n\n");
    document_text(&document,
                  str_print(document.arena, "By %.*s: %.*s.", STR_FMT(account->view.title),
                            STR_FMT(account->verdict_text)));
    if (metrics.row_count) {
        document_section(&document, "Metrics", false);
        document_table(&document, &metrics);
    }
    if (inputs.row_count) {
        document_section(&document, "Data and code it was made from", false);
        document_table(&document, &inputs);
    }
    account_environment(account, &document);
    account_commands(account, &document);
    document_markdown_body(&document, (struct str){0}, out);
    buf_add_text(out, "\n" END "\n");
}

static void add_new_card(const struct account *account, struct str name, struct str index,
                         struct buf *out)
{
    static const char *const questions[] = {
        "## Intended use\n\nWho is it for, and what for? What is it not for?\n",
        "## Limitations\n\nWhere does it fail, for whom, and how would one notice?\n",
        "## Trade-offs\n\nWhat was given up for what?\n",
        "## Ethical considerations\n\nWho may be harmed, and what was done about it?\n",
    };
    buf_print(out, "---\n%.*s---\n\n# ", STR_FMT(index));
    report_markdown_text(out, name);
    buf_add_text(out, "\n\n");
    add_ours(account, out);
    buf_add_text(out, "\nThe following is for people to answer; mlops keeps what is written.\n");
    for (size_t i = 0; i < COUNT_OF(questions); i++)
        buf_print(out, "\n%s", questions[i]);
}

/* Takes one line with its end; false at the end of the text. */
static bool take_line(struct str *rest, struct str *ret)
{
    if (rest->len == 0)
        return false;
    ptrdiff_t end = str_find_char(*rest, '\n');
    size_t len = end < 0 ? rest->len : (size_t)end + 1;
    *ret = str_slice(*rest, 0, len);
    *rest = str_slice(*rest, len, rest->len);
    return true;
}

/* What stands in front is copied but for `model-index`, which is ours. *rest: behind it. */
static void copy_front(struct str *rest, struct str index, struct buf *out)
{
    struct str line, ahead = *rest;
    bool is_ours = false;
    buf_add_text(out, "---\n");
    if (!take_line(&ahead, &line) || !str_is(str_trim(line), "---")) {
        buf_print(out, "%.*s---\n\n", STR_FMT(index));
        return; /* it has none */
    }
    while (take_line(&ahead, &line) && !str_is(str_trim(line), "---")) {
        bool goes_on = strchr(" \t-#\r\n", line.at[0]) != NULL;
        is_ours = (is_ours && goes_on) || str_starts(line, STR("model-index:"));
        if (!is_ours)
            buf_add_str(out, line);
    }
    buf_print(out, "%.*s---\n", STR_FMT(index));
    *rest = ahead;
}

static FALLIBLE copy_card(const struct account *account, struct str old, struct str index,
                          struct buf *out)
{
    copy_front(&old, index, out);
    ptrdiff_t begin = str_find(old, STR(BEGIN)), end = str_find(old, STR(END));
    if ((begin < 0) != (end < 0) || end < begin)
        return error_hint(error_new(ERROR_PROJECT, "of the two markers of mlops in the card one is "
                                                   "gone, or they have changed places"),
                          "remove the other one, too: a new part is put at the end");
    if (begin < 0) {
        buf_add_str(out, old);
        buf_add_text(out, "\n");
        add_ours(account, out);
        return NULL;
    }
    struct str behind = str_slice(old, (size_t)end + strlen(END), old.len);
    buf_add_str(out, str_slice(old, 0, (size_t)begin));
    add_ours(account, out);
    buf_add_str(out, str_slice(behind, str_starts(behind, STR("\n")), behind.len));
    return NULL;
}

FALLIBLE card_print(const struct account *account, const struct card_wish *wish, struct str old,
                    struct buf *out)
{
    struct buf index = buf_in(account->context->arena);
    struct str name;
    TRY(model_name(account, wish, &name));
    TRY(card_index(account, wish, &index));
    if (str_trim(old).len)
        return copy_card(account, old, buf_str(&index), out);
    add_new_card(account, name, buf_str(&index), out);
    return NULL;
}
