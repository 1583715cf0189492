/* From a name that a user writes to a column. */
#include "mlops/base/arena.h"
#include "mlops/codec/schema.h"

#include "selection_private.h"

struct field_row {
    const char *key;
    enum filter_type type;
    const char *column; /* in JSON and CSV, if not the key */
};

static const struct field_row fields[] = {
    [LEDGER_RUN] = {"run", FILTER_ID, NULL},
    [LEDGER_STARTED] = {"started", FILTER_MOMENT, NULL},
    [LEDGER_STATUS] = {"status", FILTER_CHOICE, NULL},
    [LEDGER_DURATION] = {"duration", FILTER_DURATION, "duration_s"},
    [LEDGER_COMMIT] = {"commit", FILTER_ID, NULL},
    [LEDGER_BRANCH] = {"branch", FILTER_TEXT, NULL},
    [LEDGER_DIRTY] = {"dirty", FILTER_CHOICE, NULL},
    [LEDGER_NAME] = {"name", FILTER_TEXT, NULL},
    [LEDGER_TAGS] = {"tags", FILTER_WORDS, NULL},
    [LEDGER_PARENT] = {"parent", FILTER_ID, NULL},
    [LEDGER_PIPELINE] = {"pipeline", FILTER_TEXT, NULL},
    [LEDGER_USER] = {"user", FILTER_TEXT, NULL},
    [LEDGER_HOST] = {"host", FILTER_TEXT, NULL},
    [LEDGER_VERSION] = {"version", FILTER_TEXT, NULL},
    [LEDGER_ARGUMENTS] = {"arguments", FILTER_TEXT, NULL},
    [LEDGER_REMOTE] = {"remote", FILTER_TEXT, NULL},
    [LEDGER_STAGES] = {"stages", FILTER_NUMBER, NULL},
    [LEDGER_EXECUTED] = {"executed", FILTER_NUMBER, NULL},
    [LEDGER_RESTORED] = {"restored", FILTER_NUMBER, NULL},
    [LEDGER_UNCHANGED] = {"unchanged", FILTER_NUMBER, NULL},
    [LEDGER_FAILED] = {"failed", FILTER_NUMBER, NULL},
    [LEDGER_REJECTED] = {"rejected", FILTER_NUMBER, NULL},
    [LEDGER_UNCONFIRMED] = {"unconfirmed", FILTER_NUMBER, NULL},
    [LEDGER_SKIPPED] = {"skipped", FILTER_NUMBER, NULL},
    [LEDGER_INTERRUPTED] = {"interrupted", FILTER_NUMBER, NULL},
    [LEDGER_HASHED_FILES] = {"hashed_files", FILTER_NUMBER, NULL},
    [LEDGER_HASHED_BYTES] = {"hashed_bytes", FILTER_BYTES, NULL},
    [LEDGER_SAVED] = {"saved", FILTER_DURATION, "saved_s"},
};

/* Other words for fields: columns of ours, and MLflow's names. */
struct alias {
    const char *name;
    enum ledger_field field;
};

static const struct alias aliases[] = {
    {"id", LEDGER_RUN},
    {"run_id", LEDGER_RUN},
    {"tag", LEDGER_TAGS},
    {"time", LEDGER_DURATION},
    {"duration_s", LEDGER_DURATION},
    {"saved_s", LEDGER_SAVED},
    {"start_time", LEDGER_STARTED},
    {"created", LEDGER_STARTED},
    {"user_id", LEDGER_USER},
    {"run_name", LEDGER_NAME},
    {"tags.mlflow.user", LEDGER_USER},
    {"tags.mlflow.runName", LEDGER_NAME},
    {"tags.mlflow.parentRunId", LEDGER_PARENT},
    {"tags.mlflow.source.git.commit", LEDGER_COMMIT},
    {"tags.mlflow.source.git.branch", LEDGER_BRANCH},
    {"tags.mlflow.source.name", LEDGER_PIPELINE},
};

const struct filter_choice selection_statuses[] = {
    {"succeeded", "succeeded"},     {"failed", "failed"},
    {"rejected", "rejected"},       {"unconfirmed", "unconfirmed"},
    {"interrupted", "interrupted"}, {"crashed", "crashed"},
    {"running", "running"},         {"finished", "succeeded"},
    {"killed", "interrupted"},      {NULL, NULL},
};

const struct filter_choice selection_truths[] = {
    {"true", "true"}, {"false", "false"}, {"yes", "true"}, {"no", "false"},
    {"1", "true"},    {"0", "false"},     {NULL, NULL},
};

bool selection_is_same(const struct ledger_quantity *a, const struct ledger_quantity *b)
{
    return a->is_param == b->is_param && str_equal(a->key, b->key) && str_equal(a->file, b->file);
}

struct str selection_quantity_name(struct arena *arena, const struct ledger_quantity *quantity,
                                   bool has_file)
{
    return str_print(arena, "%s.%.*s%s%.*s", quantity->is_param ? "params" : "metrics",
                     STR_FMT(has_file ? quantity->file : (struct str){0}), has_file ? ":" : "",
                     STR_FMT(quantity->key));
}

FALLIBLE selection_load_quantities(struct selection *selection)
{
    if (selection->knows_quantities)
        return NULL;
    selection->knows_quantities = true;
    return ledger_quantities(selection->ledger, selection->context->arena, &selection->quantities,
                             &selection->quantity_count);
}

static bool find_field(struct str name, enum ledger_field *ret)
{
    static const char *const prefixes[] = {"attributes.", "attribute.", "attr."};
    for (size_t i = 0; i < COUNT_OF(prefixes); i++)
        if (str_starts(name, str_of(prefixes[i])))
            name = str_slice(name, strlen(prefixes[i]), name.len);
    for (int i = 0; i < LEDGER_FIELD_COUNT; i++) {
        *ret = (enum ledger_field)i;
        if (str_is(name, fields[i].key))
            return true;
    }
    for (size_t i = 0; i < COUNT_OF(aliases); i++) {
        *ret = aliases[i].field;
        if (str_is(name, aliases[i].name))
            return true;
    }
    return false;
}

static size_t add_field(struct selection *selection, enum ledger_field field)
{
    struct selection_keys *keys = &selection->keys;
    const struct field_row *row = &fields[field];
    for (size_t i = 0; i < keys->len; i++)
        if (!keys->at[i].want.quantity && keys->at[i].want.field == field)
            return i;
    *vec_push(selection->context->arena, keys) = (struct selection_key){
        .name = str_of(row->column ? row->column : row->key),
        .want = {.field = field},
        .type = row->type,
    };
    return keys->len - 1;
}

size_t selection_add_quantity(struct selection *selection, const struct ledger_quantity *quantity,
                              struct str name)
{
    struct selection_keys *keys = &selection->keys;
    for (size_t i = 0; i < keys->len; i++) {
        const struct ledger_quantity *other = keys->at[i].want.quantity;
        if (other && selection_is_same(other, quantity))
            return i;
    }
    *vec_push(selection->context->arena, keys) =
        (struct selection_key){.name = name, .want = {.quantity = quantity}, .type = FILTER_ANY};
    return keys->len - 1;
}

/* Which quantities a name may mean. */
enum kinds { BOTH, METRICS, PARAMS };

static enum kinds take_prefix(struct str *name)
{
    static const struct {
        const char *text;
        enum kinds kinds;
    } prefixes[] = {
        {"metrics.", METRICS}, {"metric.", METRICS},    {"params.", PARAMS},
        {"param.", PARAMS},    {"parameters.", PARAMS}, {"parameter.", PARAMS},
    };
    for (size_t i = 0; i < COUNT_OF(prefixes); i++) {
        if (!str_starts(*name, str_of(prefixes[i].text)))
            continue;
        *name = str_slice(*name, strlen(prefixes[i].text), name->len);
        return prefixes[i].kinds;
    }
    return BOTH;
}

static bool ends_after(struct str text, struct str end, char separator)
{
    return text.len > end.len && str_ends(text, end) &&
           text.at[text.len - end.len - 1] == separator;
}

/* How well a name fits: the whole key, FILE:KEY, a metric of the positive class ("f1" is
 * "binary.f1", as in gates), the end of the key. */
enum fit { NO_FIT, FIT_END, FIT_POSITIVE, FIT_END_OF_FILE, FIT_FILE, FIT_KEY };

static bool is_of_positive(const struct ledger_quantity *quantity, struct str name)
{
    const struct str group = STR("binary.");
    return !quantity->is_param && str_starts(quantity->key, group) &&
           str_equal(str_slice(quantity->key, group.len, quantity->key.len), name);
}

static enum fit fit_of(const struct ledger_quantity *quantity, struct str name)
{
    if (str_equal(quantity->key, name))
        return FIT_KEY;
    for (size_t at = 0; at < name.len; at++) {
        struct str file = str_slice(name, 0, at), key = str_slice(name, at + 1, name.len);
        if (name.at[at] != ':' || !str_equal(quantity->key, key))
            continue;
        if (str_equal(quantity->file, file))
            return FIT_FILE;
        if (ends_after(quantity->file, file, '/'))
            return FIT_END_OF_FILE;
    }
    if (is_of_positive(quantity, name))
        return FIT_POSITIVE;
    return ends_after(quantity->key, name, '.') ? FIT_END : NO_FIT;
}

struct fits {
    enum fit best;
    const struct ledger_quantity **at;
    size_t len, cap;
};

static struct fits find_fits(struct selection *selection, struct str name, enum kinds kinds)
{
    struct fits fits = {.best = NO_FIT};
    for (size_t i = 0; i < selection->quantity_count; i++) {
        const struct ledger_quantity *quantity = &selection->quantities[i];
        bool is_asked = kinds == BOTH || (kinds == PARAMS) == quantity->is_param;
        enum fit fit = is_asked ? fit_of(quantity, name) : NO_FIT;
        if (fit == NO_FIT || fit < fits.best)
            continue;
        if (fit > fits.best)
            fits.len = 0;
        fits.best = fit;
        *vec_push(selection->context->arena, &fits) = quantity;
    }
    return fits;
}

static FALLIBLE fault(const struct selection_name *name, const char *text)
{
    if (!name->mark.file)
        return error_new(ERROR_USAGE, "%s", text);
    return error_recode(error_at(name->mark, name->text, "%s", text), ERROR_USAGE);
}

/* Whether several files have it. */
static bool is_in_files(const struct fits *fits, size_t at)
{
    const struct ledger_quantity *one = fits->at[at];
    for (size_t i = 0; i < fits->len; i++) {
        bool is_like =
            fits->at[i]->is_param == one->is_param && str_equal(fits->at[i]->key, one->key);
        if (i != at && is_like)
            return true;
    }
    return false;
}

static FALLIBLE ambiguous(struct selection *selection, const struct selection_name *name,
                          const struct fits *fits)
{
    enum { TOLD_MOST = 6 };
    struct arena *arena = selection->context->arena;
    struct buf list = buf_in(arena);
    for (size_t i = 0; i < fits->len && i < TOLD_MOST; i++) {
        struct str one = selection_quantity_name(arena, fits->at[i], is_in_files(fits, i));
        buf_print(&list, "%s%.*s", i ? ", " : "", STR_FMT(one));
    }
    if (fits->len > TOLD_MOST)
        buf_print(&list, " and %zu more", fits->len - TOLD_MOST);
    struct str text =
        str_print(arena, "'%.*s' may mean %.*s", STR_FMT(name->name), STR_FMT(buf_str(&list)));
    return error_hint(fault(name, text.at), "write the one you mean");
}

/* The nearest of all that could have been written. */
static const char *nearest(struct selection *selection, struct str name)
{
    struct arena *arena = selection->context->arena;
    size_t most = LEDGER_FIELD_COUNT + 2 * selection->quantity_count, count = 0;
    const char **names = arena_new_array(arena, const char *, most);
    struct str rest = name;
    bool has_prefix = take_prefix(&rest) != BOTH;
    for (int i = 0; i < LEDGER_FIELD_COUNT; i++)
        names[count++] = fields[i].key;
    for (size_t i = 0; i < selection->quantity_count; i++) {
        const struct ledger_quantity *quantity = &selection->quantities[i];
        names[count++] = selection_quantity_name(arena, quantity, false).at;
        if (!has_prefix)
            names[count++] = str_copy(arena, quantity->key).at;
    }
    return schema_suggest(name, names, count);
}

static FALLIBLE unknown(struct selection *selection, const struct selection_name *name)
{
    struct arena *arena = selection->context->arena;
    struct str rest = name->name;
    enum kinds kinds = take_prefix(&rest);
    const char *near = nearest(selection, name->name);
    struct str text =
        str_print(arena, "no run has %s '%.*s'%s%s%s",
                  kinds == METRICS  ? "the metric"
                  : kinds == PARAMS ? "the parameter"
                                    : "a column",
                  STR_FMT(kinds == BOTH ? name->name : rest), near ? " (did you mean '" : "",
                  near ? near : "", near ? "'?)" : "");
    return error_hint(
        fault(name, text.at),
        selection->quantity_count
            ? "columns are metrics.NAME, params.NAME and those that 'mlops help runs' "
              "lists; 'mlops runs --columns \"metrics.*,params.*\"' shows all"
            : "no metrics or parameters are recorded yet; 'mlops help runs' lists "
              "the other columns");
}

FALLIBLE selection_resolve(struct selection *selection, const struct selection_name *name,
                           size_t *ret)
{
    enum ledger_field field;
    if (find_field(name->name, &field)) {
        *ret = add_field(selection, field);
        return NULL;
    }
    TRY(selection_load_quantities(selection));
    struct str rest = name->name;
    enum kinds kinds = take_prefix(&rest);
    struct fits fits = find_fits(selection, rest, kinds);
    if (fits.len == 0 && kinds != BOTH) /* the file is called metrics.json */
        fits = find_fits(selection, name->name, BOTH);
    if (fits.len > 1)
        return ambiguous(selection, name, &fits);
    if (fits.len == 0)
        return unknown(selection, name);
    *ret = selection_add_quantity(selection, fits.at[0], name->name);
    return NULL;
}

FALLIBLE selection_key_of(struct selection *selection, struct str name, size_t *ret)
{
    return selection_resolve(selection, &(struct selection_name){.name = name}, ret);
}
