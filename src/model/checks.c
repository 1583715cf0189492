#include "mlops/model/checks.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/codec/json.h"

#include <math.h>
#include <stdlib.h>

#include "checks_private.h"

static bool is_number(const struct doc_node *node)
{
    return node->kind == DOC_INT || node->kind == DOC_REAL;
}

static double number_of(const struct doc_node *node)
{
    return node->kind == DOC_INT ? (double)node->integer : node->real;
}

/* "20%" of a share; a plain number is the share itself. */
static bool take_percent(struct str text, double *ret)
{
    char digits[32];
    char *end = NULL;
    if (text.len < 2 || text.len >= sizeof digits || text.at[text.len - 1] != '%')
        return false;
    memcpy(digits, text.at, text.len - 1);
    digits[text.len - 1] = '\0';
    *ret = strtod(digits, &end) / 100;
    return *end == '\0' && end != digits && isfinite(*ret);
}

void check_bind_amount(struct binder *binder, const struct doc_node *node, void *target)
{
    if (is_number(node) && isfinite(number_of(node)))
        *(struct amount *)target = (struct amount){true, false, number_of(node)};
    else
        binder_expected(binder, node, "a number");
}

static void bind_share(struct binder *binder, const struct doc_node *node, double most,
                       struct amount *ret)
{
    double share = 0;
    bool is_percent = node->kind == DOC_STR && take_percent(node->text, &share);
    if (is_number(node))
        share = number_of(node);
    if ((is_number(node) || is_percent) && share >= 0 && share <= most)
        *ret = (struct amount){true, true, share};
    else
        binder_expected(binder, node, "a share such as 5% or 0.05");
}

/* A 5 that means 5% would let everything pass. */
void check_bind_share(struct binder *binder, const struct doc_node *node, void *target)
{
    bind_share(binder, node, 1, target);
}

void check_bind_change(struct binder *binder, const struct doc_node *node, void *target)
{
    bind_share(binder, node, __DBL_MAX__, target);
}

static bool is_text(const struct doc_node *node)
{
    return node->kind != DOC_NULL && node->kind != DOC_LIST && node->kind != DOC_MAP;
}

void check_bind_texts(struct binder *binder, const struct doc_node *node, void *target)
{
    struct str_vec *texts = target;
    bool is_list = node->kind == DOC_LIST;
    if (is_list && !node->count)
        binder_error(binder, node, "'%.*s' is empty", STR_FMT(node->key->text));
    for (const struct doc_node *item = is_list ? node->first : node; item;
         item = is_list ? item->next : NULL) {
        if (is_text(item))
            *vec_push(binder->arena, texts) = item->text;
        else
            binder_expected(binder, node, "a name or a list of names");
    }
}

static void take_bound(struct binder *binder, const struct doc_node *node, struct amount *ret)
{
    if (is_number(node))
        *ret = (struct amount){true, false, number_of(node)};
    else if (node->kind != DOC_NULL)
        binder_error(binder, node, "a bound must be a number or null, found %s",
                     doc_kind_name(node->kind));
}

static double quantile_of(struct str name)
{
    if (str_is(name, "median"))
        return 0.5;
    if (name.len < 2 || name.at[0] != 'p' || name.at[1] < '0' || name.at[1] > '9')
        return nan("");
    int percent = 0;
    for (size_t i = 1; i < name.len && i < 4; i++)
        percent = percent * 10 + (name.at[i] - '0');
    return percent / 100.0;
}

void check_bind_bound(struct binder *binder, const struct doc_node *node, void *target)
{
    struct stat_bound_vec *bounds = target;
    if (node->kind != DOC_LIST || node->count != 2) {
        binder_expected(binder, node, "a list of two bounds, [least, most]");
        return;
    }
    struct stat_bound *bound = vec_push(binder->arena, bounds);
    *bound = (struct stat_bound){
        .name = node->key->text, .quantile = quantile_of(node->key->text), .node = node};
    take_bound(binder, node->first, &bound->least);
    take_bound(binder, node->first->next, &bound->most);
    bool is_empty =
        bound->least.is_given && bound->most.is_given && bound->least.value > bound->most.value;
    if (is_empty)
        binder_error(binder, node, "'%.*s': no value lies in [%.*s, %.*s]",
                     STR_FMT(node->key->text), STR_FMT(node->first->text),
                     STR_FMT(node->first->next->text));
}

static void bind_method(struct binder *binder, const struct doc_node *node,
                        const char *const *methods, const char *expected, struct check_rule *rule)
{
    for (int i = 0; is_text(node) && methods[i]; i++) {
        if (!str_is(node->text, methods[i]))
            continue;
        rule->method = i;
        rule->has_method = true;
        return;
    }
    binder_error(binder, node, "'method' %.*s must be %s", STR_FMT(binder->where), expected);
}

void check_bind_drift_method(struct binder *binder, const struct doc_node *node, void *target)
{
    bind_method(binder, node, check_drift_methods(),
                "one of psi, ks, js, chi2, linf, wasserstein, cramers_v, hellinger", target);
}

void check_bind_outlier_method(struct binder *binder, const struct doc_node *node, void *target)
{
    bind_method(binder, node, check_outlier_methods(), "iqr or zscore", target);
}

/* Which of its forms a reference has; the path is still as written. */
static void take_reference(struct binder *binder, const struct doc_node *node,
                           const struct draft_reference *draft, struct reference *ret)
{
    int forms = (draft->path != NULL) + (draft->table.len > 0) + (draft->run.len > 0);
    if (forms != 1 || (draft->rev.len && !draft->path)) {
        binder_error(binder, node,
                     "'against' takes one of 'path' (with 'rev', if you like), 'table' and 'run'");
        return;
    }
    if (draft->path && !is_text(draft->path)) {
        binder_expected(binder, draft->path, "a path");
        return;
    }
    if (draft->path)
        *ret = (struct reference){draft->rev.len ? REFERENCE_VERSION : REFERENCE_FILE,
                                  draft->path->text, draft->rev, node};
    else
        *ret = (struct reference){draft->run.len ? REFERENCE_RUN : REFERENCE_TABLE,
                                  {0},
                                  draft->run.len ? draft->run : draft->table,
                                  node};
}

void check_bind_reference(struct binder *binder, const struct doc_node *node, void *target)
{
    struct draft_reference draft = {0};
    if (is_text(node)) {
        *(struct reference *)target = (struct reference){REFERENCE_FILE, node->text, {0}, node};
        return;
    }
    if (node->kind != DOC_MAP) {
        binder_expected(binder, node, "a path or a mapping");
        return;
    }
    int before = binder->errors->kept;
    schema_bind(binder, &check_schema_reference, STR("of 'against'"), node, &draft);
    if (binder->errors->kept == before)
        take_reference(binder, node, &draft, target);
}

static bool find_kind(struct binder *binder, const struct doc_node *key, enum check_kind *ret)
{
    for (int i = 0; check_names[i]; i++) {
        if (!str_is(key->text, check_names[i]))
            continue;
        *ret = (enum check_kind)i;
        return true;
    }
    const char *near = schema_suggest(key->text, check_names, CHECK_KIND_COUNT);
    binder_error(binder, key, "there is no check '%.*s'%s%s%s", STR_FMT(key->text),
                 near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
    return false;
}

/* What the field tables can't say. */
static const char *fault_of(const struct check_rule *rule)
{
    bool has_count = rule->min.is_given || rule->max.is_given;
    bool has_pair = rule->between.len == 2;
    switch (rule->kind) {
    case CHECK_ROW_COUNT:
        return has_count || rule->max_change.is_given ? NULL
                                                      : "needs one of 'min', 'max', 'max_change'";
    case CHECK_LEAKAGE:
        return has_pair ? NULL : "needs 'between': two of the stage's tables";
    case CHECK_STAT:
        return rule->bounds.len ? NULL : "needs a bound, such as 'mean: [0, 1]'";
    case CHECK_DUPLICATE_ROWS:
        return rule->fields.len && rule->except.len ? "takes 'fields' or 'except', not both" : NULL;
    case CHECK_LABELS:
        if ((rule->new_values.is_given || rule->max_drift.is_given) &&
            rule->against.kind == REFERENCE_NONE)
            return "needs 'against' to tell what is new or has drifted";
        return rule->min_share.is_given || rule->new_values.is_given || rule->max_drift.is_given
                   ? NULL
                   : "needs one of 'min_share', 'new', 'max_drift'";
    case CHECK_DRIFT:
        return rule->has_method && !rule->threshold.is_given &&
                       strcmp(check_drift_methods()[rule->method], "linf") == 0
                   ? "needs a 'threshold': 'linf' has none of its own"
                   : NULL;
    case CHECK_SCHEMA:
    case CHECK_FRESHNESS:
    case CHECK_NULL_VALUES:
    case CHECK_CONSTANT:
    case CHECK_OUTLIERS:
    case CHECK_CORRELATION:
    case CHECK_KIND_COUNT:
        break;
    }
    return NULL;
}

/* Of a check that is named without keys. */
static void check_needed(struct binder *binder, const struct schema *schema,
                         const struct doc_node *key)
{
    for (size_t i = 0; i < schema->count; i++) {
        if (schema->fields[i].flags & FIELD_REQUIRED)
            binder_error(binder, key, "check '%.*s' needs '%s'", STR_FMT(key->text),
                         schema->fields[i].name);
    }
}

bool check_bind(struct binder *binder, const struct doc_node *item, struct check_rule *ret)
{
    bool is_bare = is_text(item); /* `- constant` */
    const struct doc_node *key = is_bare ? item : item->kind == DOC_MAP ? item->first : NULL;
    if (!key || (!is_bare && item->count != 1)) {
        binder_error(binder, item,
                     "a check is a mapping of one name to its keys, such as "
                     "'row_count: {min: 100}'");
        return false;
    }
    if (!is_bare)
        key = key->key;
    *ret = (struct check_rule){.node = key};
    if (!find_kind(binder, key, &ret->kind))
        return false;
    int before = binder->errors->kept + binder->errors->dropped;
    struct str where = str_print(binder->arena, "of check '%.*s'", STR_FMT(key->text));
    struct str outer = binder->where;
    binder->where = where;
    const struct doc_node *body = is_bare ? NULL : item->first;
    if (body && body->kind != DOC_NULL)
        schema_bind(binder, &check_kind_schemas[ret->kind], where, body, ret);
    binder->where = outer;
    if (!body || body->kind == DOC_NULL)
        check_needed(binder, &check_kind_schemas[ret->kind], key);
    const char *fault = fault_of(ret);
    if (fault && binder->errors->kept + binder->errors->dropped == before)
        binder_error(binder, key, "check '%.*s' %s", STR_FMT(key->text), fault);
    return binder->errors->kept + binder->errors->dropped == before;
}

bool check_applies(const struct check_rule *rule, const struct checked_table *table)
{
    return !rule->table.len || str_equal(rule->table, table->name);
}

/* --- the measuring part --- */

static void write_texts(struct json_writer *json, const char *name, const struct str_vec *texts)
{
    if (!texts->len)
        return;
    json_name(json, name);
    json_open_list(json);
    vec_each (const struct str, text, texts)
        json_str(json, *text);
    json_close_list(json);
}

static void write_either(struct json_writer *json, const char *name, struct str path,
                         const struct doc_node *node)
{
    if (!path.len && !node)
        return;
    json_name(json, name);
    if (node)
        json_node(json, node);
    else
        json_str(json, path);
}

/* Sets of rows a table is asked for: {fields} or {except}. */
static void write_rows(struct json_writer *json, const struct check_rule *rule)
{
    json_open_object(json);
    write_texts(json, "fields", rule->kind == CHECK_LEAKAGE ? &rule->keys : &rule->fields);
    write_texts(json, "except", &rule->except);
    json_close_object(json);
}

static void write_table(struct json_writer *json, const struct validation *validation,
                        const struct checked_table *table)
{
    json_open_object(json);
    json_name(json, "name");
    json_str(json, table->name);
    json_name(json, "path");
    json_str(json, table->path);
    write_either(json, "schema", table->schema_path, table->schema);
    write_either(json, "dialect", table->dialect_path, table->dialect);
    json_name(json, "repeats");
    json_open_list(json);
    vec_each (const struct check_rule, rule, &validation->checks) {
        if (rule->kind == CHECK_DUPLICATE_ROWS && check_applies(rule, table))
            write_rows(json, rule);
    }
    json_close_list(json);
    json_close_object(json);
}

/* Which rows, or keys, of the second table are in the first, too; and the ends of a time column. */
static void write_leakage(struct json_writer *json, const struct check_rule *rule)
{
    json_open_object(json);
    json_name(json, "from");
    json_str(json, rule->between.at[0]);
    json_name(json, "into");
    json_str(json, rule->between.at[1]);
    json_name(json, "rows");
    write_rows(json, rule);
    json_close_object(json);
}

static void write_reference(struct json_writer *json, const struct reference *against,
                            const struct validation *validation)
{
    const struct checked_table *like = &validation->tables.at[0];
    json_open_object(json);
    json_name(json, "path");
    json_str(json, against->path);
    write_either(json, "dialect", like->dialect_path, like->dialect);
    json_close_object(json);
}

static void write_references(struct json_writer *json, const struct validation *validation)
{
    json_name(json, "references");
    json_open_list(json);
    for (size_t i = 0; i < validation->checks.len; i++) {
        const struct reference *against = &validation->checks.at[i].against;
        bool is_measured = against->kind == REFERENCE_FILE;
        for (size_t k = 0; is_measured && k < i; k++)
            is_measured = !reference_equal(&validation->checks.at[k].against, against);
        if (is_measured)
            write_reference(json, against, validation);
    }
    json_close_list(json);
}

bool reference_equal(const struct reference *a, const struct reference *b)
{
    return a->kind == b->kind && str_equal(a->path, b->path) && str_equal(a->word, b->word);
}

struct str validation_measuring(struct arena *arena, const struct validation *validation)
{
    struct buf out = buf_in(arena);
    struct json_writer json = {.out = &out};
    json_open_object(&json);
    json_name(&json, "version");
    json_int(&json, MEASURE_VERSION);
    json_name(&json, "tables");
    json_open_list(&json);
    vec_each (const struct checked_table, table, &validation->tables)
        write_table(&json, validation, table);
    json_close_list(&json);
    json_name(&json, "leakage");
    json_open_list(&json);
    vec_each (const struct check_rule, rule, &validation->checks) {
        if (rule->kind == CHECK_LEAKAGE)
            write_leakage(&json, rule);
    }
    json_close_list(&json);
    write_references(&json, validation);
    json_close_object(&json);
    return buf_str(&out);
}
