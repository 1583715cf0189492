/* The keys of a gate as a field table, and what such a table can't say. */
#include "mlops/base/arena.h"
#include "mlops/base/lang.h"

#include <math.h>
#include <stdlib.h>

#include "checks_private.h"
#include "gate_private.h"

static const char *const severities[] = {"error", "warn", NULL};
static const char *const missing[] = {"fail", "warn", NULL};
static const char *const inconclusive[] = {"warn", "fail", NULL};
const char *const gate_tasks[] = {"binary", "multiclass", "regression", NULL};

_Static_assert(MISSING_WARN == 1 && INCONCLUSIVE_FAIL == 1, "the words above");

static bool is_scalar(const struct doc_node *node)
{
    return node->kind != DOC_NULL && node->kind != DOC_LIST && node->kind != DOC_MAP;
}

static bool is_number(const struct doc_node *node)
{
    return node->kind == DOC_INT || node->kind == DOC_REAL;
}

static double number_of(const struct doc_node *node)
{
    return node->kind == DOC_INT ? (double)node->integer : node->real;
}

bool gate_bind_number(struct binder *binder, const struct doc_node *node, double above, double most,
                      const char *expected, double *ret)
{
    double value = is_number(node) ? number_of(node) : nan("");
    bool is_right = value > above && value <= most;
    if (is_right)
        *ret = value;
    else if (is_number(node))
        binder_error(binder, node, "'%.*s'%s%.*s must be %s, found '%.*s'",
                     STR_FMT(node->key->text), binder->where.len ? " " : "", STR_FMT(binder->where),
                     expected, STR_FMT(str_slice(node->text, 0, 64)));
    else
        binder_expected(binder, node, expected);
    return is_right;
}

/* "1%" of the baseline's value, or 0.01 of the metric itself, perhaps as a text. */
static bool take_drop(struct str text, struct amount *ret)
{
    char digits[64];
    char *end = NULL;
    bool is_percent = text.len > 1 && text.at[text.len - 1] == '%';
    struct str number = str_trim(str_slice(text, 0, text.len - is_percent));
    if (!number.len || number.len >= sizeof digits)
        return false;
    memcpy(digits, number.at, number.len);
    digits[number.len] = '\0';
    double value = strtod(digits, &end);
    *ret = (struct amount){true, is_percent, is_percent ? value / 100 : value};
    bool is_decimal = strspn(digits, "+-.0123456789eE") == number.len; /* no "0x10" */
    return is_decimal && end == digits + number.len && isfinite(value);
}

static void bind_drop(struct binder *binder, const struct doc_node *node, void *target)
{
    struct amount amount = {0};
    bool is_right = is_number(node) ? isfinite(number_of(node))
                                    : node->kind == DOC_STR && take_drop(node->text, &amount);
    if (is_number(node))
        amount = (struct amount){true, false, number_of(node)};
    if (!is_right)
        binder_expected(binder, node,
                        "a number such as 0.01, or a share of the baseline's value "
                        "such as 1%");
    else if (amount.value < 0)
        binder_error(binder, node,
                     "'max_drop' %.*s must not be negative: it is how much worse the metric may "
                     "become",
                     STR_FMT(binder->where));
    else
        *(struct amount *)target = amount;
}

static void bind_confidence(struct binder *binder, const struct doc_node *node, void *target)
{
    (void)gate_bind_number(binder, node, 0, nextafter(1, 0),
                           "a number between 0 and 1 such as 0.95", target);
}

static void bind_direction(struct binder *binder, const struct doc_node *node, void *target)
{
    enum metric_direction *direction = target;
    bool is_higher = is_scalar(node) && str_is(node->text, "higher");
    if (is_higher || (is_scalar(node) && str_is(node->text, "lower")))
        *direction = is_higher ? HIGHER_IS_BETTER : LOWER_IS_BETTER;
    else
        binder_expected(binder, node, "higher or lower");
}

#define AT(member) offsetof(struct gate, member)

static const struct field gate_fields[] = {
    {.name = "metric",
     .kind = FIELD_STR,
     .offset = AT(metric),
     .flags = FIELD_REQUIRED | FIELD_PLAIN,
     .type = "text",
     .help = "Name of the metric as `mlops metrics` shows it: `f1`, `macro.f1`, or "
             "`metrics.json:f1` where two files have it."},
    {.name = "min",
     .kind = FIELD_BIND,
     .offset = AT(min),
     .bind = check_bind_amount,
     .type = "number",
     .help = "The least value that passes."},
    {.name = "max",
     .kind = FIELD_BIND,
     .offset = AT(max),
     .bind = check_bind_amount,
     .type = "number",
     .help = "The largest value that passes."},
    {.name = "max_drop",
     .kind = FIELD_BIND,
     .offset = AT(max_drop),
     .bind = bind_drop,
     .type = "number or share",
     .help = "How much worse than the baseline it may be: `0.01` of the metric itself, `1%` of the "
             "baseline's value."},
    {.name = "baseline",
     .kind = FIELD_STR,
     .offset = AT(baseline),
     .flags = FIELD_PLAIN,
     .type = "text",
     .initial = "the last run that passed",
     .help = "What `max_drop` compares with: a run, a tag, a branch or commit, whose lock file "
             "counts."},
    {.name = "slices",
     .kind = FIELD_BIND,
     .offset = AT(slices),
     .bind = check_bind_texts,
     .type = "column or columns",
     .help = "Columns that the stage slices by: the gate holds for each of their values."},
    {.name = "confidence",
     .kind = FIELD_BIND,
     .offset = AT(confidence),
     .bind = bind_confidence,
     .type = "number",
     .help = "Judge by an interval of this level (`0.95`) and not by the number alone; of stages "
             "with `predictions`."},
    {.name = "direction",
     .kind = FIELD_BIND,
     .offset = AT(direction),
     .bind = bind_direction,
     .type = "higher or lower",
     .initial = "by the metric's name",
     .help = "Which way is better; `max_drop` needs it where the name does not tell."},
    {.name = "on_missing",
     .kind = FIELD_CHOICE,
     .offset = AT(on_missing),
     .choices = missing,
     .type = "fail or warn",
     .initial = "fail",
     .help = "What a metric that is missing, NaN or undefined does. It never passes."},
    {.name = "on_inconclusive",
     .kind = FIELD_CHOICE,
     .offset = AT(on_inconclusive),
     .choices = inconclusive,
     .type = "warn or fail",
     .initial = "warn",
     .help = "What an interval that lies on both sides of the limit does."},
    {.name = "severity",
     .kind = FIELD_CHOICE,
     .offset = AT(severity),
     .choices = severities,
     .type = "error or warn",
     .initial = "error",
     .help = "`error` rejects the stage; `warn` is recorded and shown."},
};

const struct schema gate_schema = {
    .noun = "gate", .fields = gate_fields, .count = COUNT_OF(gate_fields)};

#define COLUMN(key, member, text)                                                                  \
    {                                                                                              \
        .name = (key), .kind = FIELD_STR, .offset = offsetof(struct draft_columns, member),        \
        .flags = FIELD_PLAIN, .type = "column", .initial = (key), .help = (text)                   \
    }

static const struct field columns_fields[] = {
    COLUMN("label", label, "The truth."),
    COLUMN("score", score, "Score or probability of the positive class."),
    COLUMN("prediction", prediction, "What was predicted."),
    COLUMN("id", id, "What tells rows apart, and pairs them with those of a baseline."),
    COLUMN("weight", weight, "How much a row counts."),
};

const struct schema gate_schema_columns = {
    .noun = "columns", .fields = columns_fields, .count = COUNT_OF(columns_fields)};

static const char *fault_of(const struct gate *gate, bool takes_confidence)
{
    if (!gate->metric.len)
        return "names no metric";
    if (!gate->min.is_given && !gate->max.is_given && !gate->max_drop.is_given)
        return "judges nothing: give it one of 'min', 'max', 'max_drop'";
    if (gate->min.is_given && gate->max.is_given && gate->min.value > gate->max.value)
        return "lets nothing pass: its 'min' is above its 'max'";
    if (gate->baseline.at && !gate->baseline.len) /* of a variable that is not set */
        return "has an empty 'baseline': leave it out to compare with the last run that passed";
    if (gate->baseline.len && !gate->max_drop.is_given)
        return "has a 'baseline' and no 'max_drop' to compare with it";
    if (gate->max_drop.is_given && !gate->direction)
        return "needs 'direction: higher' or 'direction: lower': its name does not say which way "
               "is better";
    if (gate->confidence > 0 && !takes_confidence)
        return "takes a 'confidence' only in a stage with 'predictions': there is nothing to "
               "reckon an interval from";
    return NULL;
}

bool gate_bind(struct binder *binder, const struct doc_node *item, bool takes_confidence,
               struct gate *ret)
{
    if (item->kind != DOC_MAP) {
        binder_error(binder, item, "a gate is a mapping such as {metric: f1, min: 0.8}, found %s",
                     doc_kind_name(item->kind));
        return false;
    }
    int before = binder->errors->kept + binder->errors->dropped;
    struct str outer = binder->where;
    const struct doc_node *name = doc_find(item, STR("metric"));
    *ret = (struct gate){.node = item};
    binder->where = name && is_scalar(name)
                        ? str_print(binder->arena, "of gate '%.*s'", STR_FMT(name->text))
                        : STR("in a gate");
    schema_bind(binder, &gate_schema, binder->where, item, ret);
    binder->where = outer;
    if (!ret->direction)
        ret->direction = metric_direction_of(ret->metric);
    const char *fault = fault_of(ret, takes_confidence);
    bool is_right = binder->errors->kept + binder->errors->dropped == before;
    if (fault && is_right)
        binder_error(binder, item, "gate '%.*s' %s", STR_FMT(ret->metric), fault);
    return is_right && !fault;
}
