/* Evaluation files read back. */
#include "mlops/base/arena.h"
#include "mlops/base/error.h"

#include <math.h>
#include <stdlib.h>

#include "evaluation_private.h"

/* One file being read. */
struct parsing {
    struct arena *arena;
    const struct doc_node *root;
    struct evaluation *evaluation;
    struct curve_vec curves;
};

static ERROR_MADE wrong_node(const struct doc_node *node, const char *what)
{
    struct error *error = doc_error(node, "this is no evaluation: %s", what);
    return error ? error : error_new(ERROR_BUG, "an error without an error");
}

static FALLIBLE read_real(const struct doc_node *node, double *ret)
{
    switch (node->kind) {
    case DOC_NULL:
        *ret = nan("");
        return NULL;
    case DOC_INT:
        *ret = (double)node->integer;
        return NULL;
    case DOC_BIGINT:
        *ret = strtod(node->text.at, NULL);
        return NULL;
    case DOC_REAL:
        *ret = node->real + 0.0; /* there is one zero */
        return NULL;
    case DOC_BOOL:
    case DOC_STR:
    case DOC_LIST:
    case DOC_MAP:
        break;
    }
    return wrong_node(node, "a number is expected here");
}

static FALLIBLE read_reals(struct arena *arena, const struct doc_node *list, const double **ret,
                           size_t *ret_count)
{
    if (list->kind != DOC_LIST)
        return wrong_node(list, "a list of numbers is expected here");
    double *at = arena_new_array(arena, double, list->count);
    size_t count = 0;
    for (const struct doc_node *item = list->first; item; item = item->next)
        TRY(read_real(item, &at[count++]));
    *ret = at;
    *ret_count = count;
    return NULL;
}

/* A member that must be there, of a kind. */
static FALLIBLE member(const struct doc_node *map, const char *name, enum doc_kind kind,
                       const struct doc_node **ret)
{
    *ret = doc_find(map, str_of(name));
    if (!*ret || (*ret)->kind != kind)
        return doc_error(*ret ? *ret : map, "this is no evaluation: '%s' is to be %s", name,
                         doc_kind_name(kind));
    return NULL;
}

/* --- classes --- */

static FALLIBLE read_labels(struct parsing *parsing)
{
    struct evaluation *evaluation = parsing->evaluation;
    const struct doc_node *list = NULL;
    TRY(member(parsing->root, "labels", DOC_LIST, &list));
    if (!list->count || list->count > (size_t)LIMIT_PREDICTION_CLASSES)
        return wrong_node(list, "the number of classes is wrong");
    struct str *labels = arena_new_array(parsing->arena, struct str, list->count);
    for (const struct doc_node *item = list->first; item; item = item->next) {
        if (item->kind != DOC_STR)
            return wrong_node(item, "a label is a text");
        labels[evaluation->class_count++] = item->text;
    }
    evaluation->classes = labels;
    return NULL;
}

static FALLIBLE read_confusion(struct parsing *parsing)
{
    struct evaluation *evaluation = parsing->evaluation;
    size_t classes = evaluation->class_count, row = 0, count = 0;
    const struct doc_node *list = NULL;
    TRY(member(parsing->root, "confusion", DOC_LIST, &list));
    if (list->count != classes)
        return wrong_node(list, "it takes one row for each label");
    double *confusion = arena_new_array(parsing->arena, double, classes *classes);
    for (const struct doc_node *item = list->first; item; item = item->next, row++) {
        const double *reals = NULL;
        TRY(read_reals(parsing->arena, item, &reals, &count));
        if (count != classes)
            return wrong_node(item, "it takes one column for each label");
        memcpy(confusion + row * classes, reals, classes * sizeof *reals);
    }
    evaluation->confusion = confusion;
    return NULL;
}

static FALLIBLE read_class_scores(struct parsing *parsing)
{
    static const char *const names[] = {"precision", "recall", "f1", "support"};
    struct evaluation *evaluation = parsing->evaluation;
    const struct doc_node *map = NULL, *list = NULL;
    const double *reals[COUNT_OF(names)] = {NULL};
    size_t count = 0;
    TRY(member(parsing->root, "per_class", DOC_MAP, &map));
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        TRY(member(map, names[i], DOC_LIST, &list));
        TRY(read_reals(parsing->arena, list, &reals[i], &count));
        if (count != evaluation->class_count)
            return wrong_node(list, "it takes one number for each label");
    }
    struct class_score *scores =
        arena_new_array(parsing->arena, struct class_score, evaluation->class_count);
    for (size_t i = 0; i < evaluation->class_count; i++)
        scores[i] = (struct class_score){reals[0][i], reals[1][i], reals[2][i], reals[3][i]};
    evaluation->class_scores = scores;
    return NULL;
}

static FALLIBLE read_binary(struct parsing *parsing)
{
    struct evaluation *evaluation = parsing->evaluation;
    const struct doc_node *node = NULL;
    TRY(member(parsing->root, "positive", DOC_STR, &node));
    if (evaluation->class_count != 2)
        return wrong_node(parsing->root, "a binary task has two labels");
    evaluation->positive = str_equal(evaluation->classes[1], node->text);
    if (!str_equal(evaluation->classes[evaluation->positive], node->text))
        return wrong_node(node, "the positive label is none of the labels");
    node = doc_find(parsing->root, STR("threshold"));
    return node ? read_real(node, &evaluation->threshold) : NULL;
}

/* --- metrics --- */

static FALLIBLE read_values(struct parsing *parsing)
{
    size_t count = 0;
    const struct score_row *rows = score_rows(&count);
    double *values = arena_new_array(parsing->arena, double, count);
    for (size_t i = 0; i < count; i++) {
        const struct doc_node *node = doc_find_path(parsing->root, str_of(rows[i].name));
        values[i] = nan("");
        if (node && rows[i].tasks & 1u << parsing->evaluation->task)
            TRY(read_real(node, &values[i]));
    }
    parsing->evaluation->values = values;
    return NULL;
}

static FALLIBLE read_interval(struct parsing *parsing, const struct doc_node *map,
                              struct interval *ret)
{
    const struct doc_node *low = doc_find(map, STR("low")), *high = doc_find(map, STR("high"));
    const struct doc_node *level = doc_find(map, STR("level")), *method = NULL;
    const struct doc_node *replicates = doc_find(map, STR("replicates"));
    TRY(member(map, "method", DOC_STR, &method));
    if (!low || !high || !level)
        return wrong_node(map, "an interval has 'low', 'high' and 'level'");
    TRY(read_real(low, &ret->low));
    TRY(read_real(high, &ret->high));
    TRY(read_real(level, &ret->level));
    if (memchr(method->text.at, 0, method->text.len))
        return wrong_node(method, "a method is a word");
    ret->method = str_terminate(parsing->arena, method->text);
    if (replicates && replicates->kind == DOC_INT && replicates->integer > 0)
        ret->replicates = (size_t)replicates->integer;
    return NULL;
}

static FALLIBLE read_intervals(struct parsing *parsing)
{
    size_t count = 0;
    const struct score_row *rows = score_rows(&count);
    const struct doc_node *map = doc_find(parsing->root, STR("intervals"));
    struct interval *intervals = arena_new_array(parsing->arena, struct interval, count);
    for (size_t i = 0; map && i < count; i++) {
        const struct doc_node *node = doc_find(map, str_of(rows[i].name));
        if (node)
            TRY(read_interval(parsing, node, &intervals[i]));
    }
    parsing->evaluation->intervals = intervals;
    return NULL;
}

/* --- curves --- */

/* Thresholds of a PR curve are one fewer: its last point has none. */
static FALLIBLE read_third(struct parsing *parsing, const struct doc_node *list,
                           struct evaluation_curve *curve)
{
    const double *from = NULL;
    size_t count = 0;
    TRY(read_reals(parsing->arena, list, &from, &count));
    if (count != curve->count && (curve->kind != CURVE_PR || count + 1 != curve->count))
        return wrong_node(list, "a curve's lists are of one length");
    double *to = arena_new_array(parsing->arena, double, curve->count);
    for (size_t i = 0; i < curve->count; i++)
        to[i] = i < count ? from[i] : nan("");
    curve->z = to;
    return NULL;
}

static FALLIBLE read_curve(struct parsing *parsing, const struct doc_node *map,
                           enum curve_kind kind, struct str label)
{
    const struct curve_arrays *arrays = curve_arrays(kind);
    struct evaluation_curve curve = {.kind = kind, .label = label};
    const struct doc_node *list = NULL;
    size_t other = 0;
    TRY(member(map, arrays->x, DOC_LIST, &list));
    TRY(read_reals(parsing->arena, list, &curve.x, &curve.count));
    TRY(member(map, arrays->y, DOC_LIST, &list));
    TRY(read_reals(parsing->arena, list, &curve.y, &other));
    if (curve.count != other)
        return wrong_node(list, "a curve's lists are of one length");
    if (!curve.count)
        return NULL;
    if (arrays->z) {
        TRY(member(map, arrays->z, DOC_LIST, &list));
        TRY(read_third(parsing, list, &curve));
    }
    *vec_push(parsing->arena, &parsing->curves) = curve;
    return NULL;
}

static FALLIBLE read_curves(struct parsing *parsing)
{
    struct evaluation *evaluation = parsing->evaluation;
    for (int kind = 0; kind < CURVE_COUNT; kind++) {
        const struct doc_node *node =
            doc_find(parsing->root, str_of(curve_name((enum curve_kind)kind)));
        if (!node)
            continue;
        if (node->kind != DOC_MAP)
            return wrong_node(node, "a curve is a mapping");
        if (evaluation->task != TASK_MULTICLASS) {
            TRY(read_curve(parsing, node, (enum curve_kind)kind, (struct str){0}));
            continue;
        }
        for (const struct doc_node *at = node->first; at; at = at->next)
            TRY(read_curve(parsing, at, (enum curve_kind)kind, at->key->text));
    }
    evaluation->curves = parsing->curves.at;
    evaluation->curve_count = parsing->curves.len;
    return NULL;
}

static FALLIBLE read_head(struct parsing *parsing)
{
    struct evaluation *evaluation = parsing->evaluation;
    const struct doc_node *format = NULL, *task = NULL, *rows = NULL, *path = NULL;
    TRY(member(parsing->root, "evaluation_format", DOC_INT, &format));
    if (format->integer != EVALUATION_FORMAT)
        return error_recode(wrong_node(format, "a newer version of mlops has written it"),
                            ERROR_STORED);
    TRY(member(parsing->root, "task", DOC_STR, &task));
    TRY(member(parsing->root, "rows", DOC_INT, &rows));
    TRY(member(parsing->root, "predictions", DOC_STR, &path));
    if (!task_parse(task->text, &evaluation->task))
        return wrong_node(task, "there is no such task");
    if (rows->integer < 1)
        return wrong_node(rows, "it has no rows");
    evaluation->rows = (size_t)rows->integer;
    evaluation->predictions = path->text;
    return NULL;
}

FALLIBLE evaluation_parse(struct arena *arena, struct str name, struct str bytes,
                          struct evaluation *ret)
{
    struct evaluation evaluation = {.threshold = nan("")};
    struct doc *doc = NULL;
    if ((int64_t)bytes.len > LIMIT_EVALUATION_BYTES)
        return error_new(ERROR_PROJECT, "'%.*s' is larger than the limit of %lld bytes",
                         STR_FMT(name), (long long)LIMIT_EVALUATION_BYTES);
    TRY(json_parse(arena, name, bytes, &doc));
    struct parsing parsing = {.arena = arena, .root = doc->root, .evaluation = &evaluation};
    TRY(read_head(&parsing));
    if (evaluation.task != TASK_REGRESSION) {
        TRY(read_labels(&parsing));
        TRY(read_confusion(&parsing));
        TRY(read_class_scores(&parsing));
    }
    if (evaluation.task == TASK_BINARY)
        TRY(read_binary(&parsing));
    TRY(read_values(&parsing));
    TRY(read_intervals(&parsing));
    TRY(read_curves(&parsing));
    evaluation.warnings = arena_new(arena, struct str_vec);
    *ret = evaluation;
    return NULL;
}
