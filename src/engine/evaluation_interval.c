/* The intervals that gates ask for: of a value, of its change against a baseline. Reckoning one
 * takes a second or more, so it is kept by all that decides it. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/codec/json.h"

#include <math.h>

#include "evaluation_private.h"

enum { KEPT_BYTES_MOST = 4096 };

/* What is asked for. */
struct question {
    const struct gate *gate;
    struct compared *baseline; /* NULL: the value itself */
    struct str column, value;  /* of a slice; empty: all rows */
    size_t row;                /* of score_rows */
};

struct answer {
    bool is_there;
    double low, high;
    struct str why; /* it is not */
};

/* --- kept answers --- */

static void add_side(struct buf *out, const struct evaluated *side)
{
    for (size_t i = 0; side->recipe && i < side->recipe->dep_count; i++) {
        char hex[DIGEST_HEX_LEN + 1];
        digest_print(side->recipe->deps[i].digest, hex);
        buf_print(out, "\n%s %.*s", hex, STR_FMT(side->recipe->deps[i].path));
    }
    if (side->recipe && side->recipe->cmd.count)
        buf_print(out, "\n%.*s", STR_FMT(side->recipe->cmd.items[0]));
}

/* Below the project's .mlops, which trials share. */
static struct str kept_path(const struct assay *assay, const struct question *question)
{
    struct arena *arena = assay->session->arena;
    struct buf text = buf_in(arena);
    size_t count = 0;
    char hex[DIGEST_HEX_LEN + 1];
    buf_print(&text, "%d\n%s\n%.17g\n%zu %.*s\n%zu %.*s", EVALUATION_VERSION,
              score_rows(&count)[question->row].name, question->gate->confidence,
              question->column.len, STR_FMT(question->column), question->value.len,
              STR_FMT(question->value));
    add_side(&text, &assay->now);
    if (question->baseline)
        add_side(&text, &question->baseline->side);
    digest_print(digest_of(text.at, text.len), hex);
    return str_print(arena, "measured/interval-%s.json", hex);
}

static bool take_real(const struct doc_node *root, const char *name, double *ret)
{
    const struct doc_node *node = doc_find(root, str_of(name));
    if (!node || (node->kind != DOC_REAL && node->kind != DOC_INT))
        return false;
    *ret = node->kind == DOC_INT ? (double)node->integer : node->real;
    return true;
}

/* Why there is none may be another story tomorrow (a cache was fetched): a run looks again. */
static bool take_why(const struct session *session, const struct doc_node *root, struct answer *ret)
{
    const struct doc_node *why = doc_find(root, STR("why"));
    if (!why || why->kind != DOC_STR || !session->is_read_only)
        return false;
    ret->why = why->text;
    return true;
}

/* What is damaged or can't be read is reckoned anew. */
static bool load_kept(struct session *session, struct str path, struct answer *ret)
{
    struct arena *arena = session->arena;
    struct doc *doc = NULL;
    struct str bytes = {0};
    bool found = false;
    struct error *error = file_read(arena, fd_number(session->workspace.home_fd),
                                    str_terminate(arena, path), KEPT_BYTES_MOST, &bytes, &found);
    if (!error && found)
        error = json_parse(arena, path, bytes, &doc);
    bool is_read = !error && doc;
    error_drop(error);
    ret->is_there = is_read && take_real(doc->root, "low", &ret->low) &&
                    take_real(doc->root, "high", &ret->high) && ret->low <= ret->high;
    return ret->is_there || (is_read && take_why(session, doc->root, ret));
}

static FALLIBLE keep(struct session *session, struct str path, const struct answer *answer)
{
    AUTO(buf_drop) struct buf out = {0};
    struct json_writer json = {.out = &out};
    json_open_object(&json);
    if (answer->is_there) {
        json_name(&json, "low");
        json_real(&json, answer->low);
        json_name(&json, "high");
        json_real(&json, answer->high);
    } else {
        json_name(&json, "why");
        json_str(&json, answer->why);
    }
    json_close_object(&json);
    TRY(directory_make(fd_number(session->workspace.home_fd), "measured", false));
    return file_publish(fd_number(session->workspace.home_fd), str_terminate(session->arena, path),
                        buf_str(&out), 0644, false);
}

/* --- reckoning --- */

/* Weights of the rows of a slice, 0 outside; NULL: all rows as they are. */
static const double *weights_of(struct arena *arena, const struct predictions *predictions,
                                const struct question *question)
{
    const struct slice_column *slice = NULL;
    if (!question->column.len)
        return NULL;
    double *weights = arena_new_array(arena, double, predictions->count);
    for (size_t i = 0; i < predictions->slice_count; i++) {
        if (str_equal(predictions->slices[i].name, question->column))
            slice = &predictions->slices[i];
    }
    for (size_t i = 0; i < predictions->count; i++) {
        bool is_in = slice && str_equal(slice->values[slice->of_row[i]], question->value);
        weights[i] = !is_in ? 0 : predictions->weights ? predictions->weights[i] : 1;
    }
    return weights;
}

static void take(const struct interval *interval, struct answer *ret)
{
    ret->low = interval->low;
    ret->high = interval->high;
    ret->is_there = interval->low <= interval->high;
    ret->why = STR("it is undefined in too many samples");
}

static FALLIBLE take_scorer(struct assay *assay)
{
    struct arena *arena = assay->session->arena;
    const char *why = NULL;
    if (assay->scorer || assay->no_scorer.len)
        return NULL;
    struct predictions *predictions = arena_new(arena, struct predictions);
    TRY(evaluation_predictions(assay->session, &assay->now, predictions, &why));
    if (why)
        assay->no_scorer = str_of(why);
    else
        assay->scorer = scorer_make(arena, predictions);
    return NULL;
}

static FALLIBLE reckon_value(struct assay *assay, const struct question *question,
                             struct answer *ret)
{
    AUTO(arena_drop) struct arena scratch = {0}; /* for each slice as many as there are rows */
    struct interval interval = {0};
    TRY(take_scorer(assay));
    ret->why = assay->no_scorer;
    if (!assay->scorer)
        return NULL;
    const double *weights = weights_of(&scratch, scorer_predictions(assay->scorer), question);
    TRY(resample_intervals(assay->scorer, &question->row, 1, weights, question->gate->confidence,
                           &interval));
    take(&interval, ret);
    return NULL;
}

static FALLIBLE pair_up(struct assay *assay, struct compared *baseline)
{
    struct arena *arena = assay->session->arena;
    struct predictions *before = arena_new(arena, struct predictions);
    struct predictions *now = arena_new(arena, struct predictions);
    if (baseline->is_paired)
        return NULL;
    baseline->is_paired = true;
    TRY(evaluation_pair(assay->session, &baseline->side, &assay->now, before, now, &baseline->why));
    if (baseline->why)
        return NULL;
    baseline->before = scorer_make(arena, before);
    baseline->now = scorer_make(arena, now);
    return NULL;
}

static bool is_row(const struct assay *assay, const struct question *question, const char *name)
{
    size_t row = 0;
    return score_find((enum task)assay->stage->evaluating->task, str_of(name), &row) &&
           row == question->row;
}

/* Differences that have a test of their own have its interval, as in compare_predictions; it takes
 * each row once, so not of slices and weights. */
static bool take_tested(const struct assay *assay, const struct question *question,
                        struct answer *ret)
{
    const struct predictions *before = scorer_predictions(question->baseline->before);
    const struct predictions *now = scorer_predictions(question->baseline->now);
    double level = question->gate->confidence;
    struct paired_loss losses = {.why = ""};
    struct delong delong = {.why = ""};
    if (question->column.len || before->weights || now->weights)
        return false;
    if (is_row(assay, question, "roc_auc"))
        compare_delong(before, now, level, &delong);
    else if (is_row(assay, question, before->task == TASK_REGRESSION ? "mse" : "log_loss"))
        compare_losses(before, now, level, &losses);
    if (!delong.why)
        take(&delong.difference, ret);
    else if (!losses.why)
        take(&losses.difference, ret);
    return !delong.why || !losses.why;
}

/* Both sides were measured alike, of the same predictions: then nothing has changed for certain. */
static bool is_same(const struct assay *assay, const struct compared *baseline)
{
    struct arena *arena = assay->session->arena;
    struct buf now = buf_in(arena), before = buf_in(arena);
    add_side(&now, &assay->now);
    add_side(&before, &baseline->side);
    return now.len && str_equal(buf_str(&now), buf_str(&before));
}

static FALLIBLE reckon_change(struct assay *assay, const struct question *question,
                              struct answer *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct compared *baseline = question->baseline;
    struct interval interval = {0};
    double p = 0;
    ret->is_there = is_same(assay, baseline);
    if (ret->is_there)
        return NULL;
    TRY(pair_up(assay, baseline));
    ret->why = str_of(baseline->why ? baseline->why : "");
    if (baseline->why || take_tested(assay, question, ret))
        return NULL;
    const double *weights = weights_of(&scratch, scorer_predictions(baseline->now), question);
    TRY(resample_differences(baseline->before, baseline->now, &question->row, 1, weights,
                             question->gate->confidence, &interval, &p));
    take(&interval, ret);
    return NULL;
}

/* Only a run reckons: plan and status take what is kept. */
static FALLIBLE ask(struct assay *assay, const struct question *question, struct answer *ret)
{
    struct str path = kept_path(assay, question);
    if (load_kept(assay->session, path, ret))
        return NULL;
    *ret = (struct answer){0};
    assay->lacks_intervals |= assay->session->is_read_only;
    if (assay->session->is_read_only)
        return NULL;
    TRY(question->baseline ? reckon_change(assay, question, ret)
                           : reckon_value(assay, question, ret));
    return keep(assay->session, path, ret);
}

FALLIBLE evaluation_intervals(struct assay *assay, const struct gate *gate,
                              struct compared *baseline, struct str column, struct str value,
                              struct gate_evidence *evidence)
{
    struct question question = {.gate = gate, .column = column, .value = value};
    struct answer own = {.why = STR("it is no metric of the evaluation's own")}, change = own;
    bool is_known = evaluation_metric_row(assay->stage, gate->metric, &question.row);
    bool is_asked = is_known && evidence->now.is_there;
    bool has_bound = gate->min.is_given || gate->max.is_given;
    if (is_asked && has_bound)
        TRY(ask(assay, &question, &own));
    question.baseline = baseline;
    if (is_asked && baseline && baseline->found == BASELINE_FOUND && evidence->before.is_there)
        TRY(ask(assay, &question, &change));
    evidence->has_interval = own.is_there;
    evidence->low = own.low;
    evidence->high = own.high;
    evidence->no_interval = own.why;
    evidence->has_difference = change.is_there;
    evidence->difference_low = change.low;
    evidence->difference_high = change.high;
    evidence->no_difference = change.why;
    return NULL;
}
