#include "mlops/data/measurement.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/codec/json.h"
#include "mlops/data/parquet.h"
#include "mlops/model/checks.h"

/* One measuring part while it is carried out. */
struct making {
    struct arena *arena;
    const struct measurement_options *options;
    const struct doc_node *tables; /* of the measuring part */
    struct named_table *named;     /* as many as there are tables */
    size_t count;
};

/* A table of the measuring part, ready to be read. */
struct named_table {
    struct str name, path;
    const struct doc_node *node;
    struct dialect dialect;
    struct table_schema *schema; /* NULL: none */
    struct measure_rows *rows;   /* the sets it is asked for: repeats first, then leaks */
    size_t repeats_count, rows_count;
    struct measured measured;
};

static void making_drop(struct making *making)
{
    for (size_t i = 0; i < making->count; i++)
        measured_drop(&making->named[i].measured);
}

static struct str text_of(const struct doc_node *map, const char *key)
{
    const struct doc_node *node = doc_find(map, str_of(key));
    return node ? node->text : (struct str){0};
}

static struct text_list texts_of(struct arena *arena, const struct doc_node *map, const char *key)
{
    const struct doc_node *list = doc_find(map, str_of(key));
    struct text_list texts = {0};
    if (!list)
        return texts;
    struct str *at = arena_new_array(arena, struct str, list->count);
    for (const struct doc_node *item = list->first; item; item = item->next)
        at[texts.len++] = item->text;
    texts.at = at;
    return texts;
}

static struct measure_rows rows_of(struct arena *arena, const struct doc_node *node)
{
    return (struct measure_rows){.only = texts_of(arena, node, "fields"),
                                 .except = texts_of(arena, node, "except")};
}

/* A descriptor that stands in the measuring part itself. */
static FALLIBLE bind_inline(struct arena *arena, const struct doc_node *node,
                            struct named_table *table, const char *what)
{
    struct error_list errors = {0};
    struct binder binder = {.arena = arena, .errors = &errors};
    if (str_is(node->key->text, "dialect")) {
        dialect_bind(&binder, node, &table->dialect);
    } else {
        table->schema = arena_new(arena, struct table_schema);
        tableschema_bind(&binder, node, table->schema);
        table->schema->name = str_print(arena, "%s of '%.*s'", what, STR_FMT(table->path));
    }
    TRY_WITHIN(error_list_take(&errors), "%s of '%.*s'", what, STR_FMT(table->path));
    return NULL;
}

static FALLIBLE load_dialect(struct making *making, const struct doc_node *node,
                             struct named_table *table)
{
    const struct doc_node *dialect = doc_find(node, STR("dialect"));
    table->dialect = dialect_for(table->path);
    if (!dialect)
        return NULL;
    if (dialect->kind == DOC_MAP)
        return bind_inline(making->arena, dialect, table, "the dialect");
    return dialect_load(making->arena, making->options->at_fd, dialect->text, &table->dialect);
}

static FALLIBLE load_schema(struct making *making, const struct doc_node *node,
                            struct named_table *table)
{
    const struct doc_node *schema = doc_find(node, STR("schema"));
    if (!schema)
        return NULL;
    if (schema->kind == DOC_MAP)
        return bind_inline(making->arena, schema, table, "the schema");
    table->schema = arena_new(making->arena, struct table_schema);
    return tableschema_load_here(making->arena, making->options->at_fd, schema->text, table->path,
                                 table->schema);
}

/* Rows of a table that leak from or into it are marked when it is read. */
static size_t count_leaks(const struct doc_node *leakage, struct str name)
{
    size_t count = 0;
    for (const struct doc_node *item = leakage->first; item; item = item->next)
        count += str_equal(text_of(item, "from"), name) + str_equal(text_of(item, "into"), name);
    return count;
}

static void list_rows(struct making *making, const struct doc_node *node,
                      const struct doc_node *leakage, struct named_table *table)
{
    struct arena *arena = making->arena;
    const struct doc_node *repeats = doc_find(node, STR("repeats"));
    table->repeats_count = repeats ? repeats->count : 0;
    size_t most = table->repeats_count + count_leaks(leakage, table->name);
    table->rows = arena_new_array(arena, struct measure_rows, most);
    for (const struct doc_node *item = repeats ? repeats->first : NULL; item; item = item->next)
        table->rows[table->rows_count++] = rows_of(arena, item);
    for (const struct doc_node *item = leakage->first; item; item = item->next) {
        const struct doc_node *rows = doc_find(item, STR("rows"));
        if (str_equal(text_of(item, "from"), table->name))
            table->rows[table->rows_count++] = rows_of(arena, rows);
        if (str_equal(text_of(item, "into"), table->name))
            table->rows[table->rows_count++] = rows_of(arena, rows);
    }
}

static FALLIBLE prepare(struct making *making, const struct doc_node *root)
{
    const struct doc_node *leakage = doc_find(root, STR("leakage"));
    making->tables = doc_find(root, STR("tables"));
    making->named = arena_new_array(making->arena, struct named_table, making->tables->count);
    for (const struct doc_node *node = making->tables->first; node; node = node->next) {
        struct named_table *table = &making->named[making->count++];
        table->node = node;
        table->name = text_of(node, "name");
        table->path = text_of(node, "path");
        TRY(load_dialect(making, node, table));
        TRY(load_schema(making, node, table));
        list_rows(making, node, leakage, table);
    }
    return NULL;
}

static struct table_options table_options_of(const struct making *making,
                                             const struct dialect *dialect)
{
    return (struct table_options){.dialect = *dialect,
                                  .threads = making->options->threads,
                                  .observer = making->options->observer,
                                  .takes_digest = true};
}

/* The other tables, which foreign keys may name. */
static struct conform_resource *resources_of(struct making *making, const struct named_table *table,
                                             size_t *ret_count)
{
    struct conform_resource *resources =
        arena_new_array(making->arena, struct conform_resource, making->count);
    *ret_count = 0;
    for (size_t i = 0; i < making->count; i++) {
        const struct named_table *other = &making->named[i];
        if (other != table)
            resources[(*ret_count)++] = (struct conform_resource){
                .name = other->name,
                .path = other->path,
                .options = table_options_of(making, &other->dialect),
                .schema = other->schema,
            };
    }
    return resources;
}

/* A file that is no table is told in the result, not as an error. */
static FALLIBLE take_fault(struct arena *arena, struct error *error, struct str *ret)
{
    if (!error || error->code != ERROR_PROJECT)
        return error;
    struct buf text = buf_in(arena);
    if (error->mark.file)
        buf_print(&text, "%s:%d: ", error->mark.file, error->mark.line);
    buf_add_text(&text, error->text);
    for (const struct error *cause = error->cause; cause; cause = cause->cause)
        buf_print(&text, ": %s", cause->text);
    error_drop(error);
    *ret = buf_str(&text);
    return NULL;
}

static FALLIBLE measure_parquet(struct making *making, struct named_table *table,
                                struct table_measurement *ret)
{
    struct parquet parquet;
    TRY(parquet_open(making->arena, making->options->at_fd, table->path, &parquet));
    parquet_profile(making->arena, &parquet, &ret->profile);
    ret->is_footer = true;
    if (table->schema)
        TRY(parquet_conform(making->arena, table->schema, &parquet, &ret->conformity,
                            &ret->unchecked));
    return NULL;
}

static FALLIBLE measure_values(struct making *making, struct named_table *table,
                               struct table_measurement *ret)
{
    struct measure_options options = {
        .table = table_options_of(making, &table->dialect),
        .schema = table->schema,
        .checks_form = !table->schema,
        .columns_most = LIMIT_MEASURED_COLUMNS,
        .rows = table->rows,
        .rows_count = table->rows_count,
        .keys.memory_bytes = making->options->keys_bytes,
    };
    options.resources = resources_of(making, table, &options.resource_count);
    TRY(measure_table(making->arena, making->options->at_fd, table->path, &options,
                      &table->measured));
    ret->profile = table->measured.profile;
    ret->conformity = table->measured.conformity;
    return NULL;
}

static FALLIBLE find_repeats(struct making *making, struct named_table *table,
                             struct table_measurement *ret)
{
    struct found_rows *found =
        arena_new_array(making->arena, struct found_rows, table->repeats_count);
    for (size_t i = 0; i < table->repeats_count; i++) {
        struct row_list rows = {.rows = arena_new_array(making->arena, uint64_t, CONFORM_SHOWN),
                                .cap = CONFORM_SHOWN};
        TRY(keyset_repeats(table->measured.rows[i], making->arena, &rows));
        found[i] = (struct found_rows){.fields = table->rows[i].only,
                                       .except = table->rows[i].except,
                                       .count = rows.count,
                                       .shown = rows.rows,
                                       .shown_count = rows.len};
    }
    ret->repeats = found;
    ret->repeats_count = table->repeats_count;
    return NULL;
}

static FALLIBLE measure_one(struct making *making, struct named_table *table,
                            struct table_measurement *ret)
{
    bool is_parquet = table->dialect.format == TABLE_PARQUET;
    *ret = (struct table_measurement){.name = table->name,
                                      .path = table->path,
                                      .has_conformity = table->schema || !is_parquet,
                                      .is_form_only = !table->schema && !is_parquet};
    TRY(take_fault(making->arena,
                   is_parquet ? measure_parquet(making, table, ret)
                              : measure_values(making, table, ret),
                   &ret->fault));
    if (ret->fault.len || is_parquet)
        return NULL;
    return find_repeats(making, table, ret);
}

static struct named_table *table_named(struct making *making, struct str name)
{
    for (size_t i = 0; i < making->count; i++) {
        if (str_equal(making->named[i].name, name))
            return &making->named[i];
    }
    return NULL;
}

/* Sets stand in the order in which list_rows asked for them: `taken` counts those used so far. */
static struct keyset *next_set(struct named_table *table, size_t *taken)
{
    size_t index = table->repeats_count + taken[0]++;
    return index < table->measured.rows_count ? table->measured.rows[index] : NULL;
}

static FALLIBLE measure_leaks(struct making *making, const struct doc_node *leakage,
                              struct measurement *ret)
{
    struct arena *arena = making->arena;
    size_t *taken = arena_new_array(arena, size_t, making->count);
    struct leak_measurement *leaks =
        arena_new_array(arena, struct leak_measurement, leakage->count);
    for (const struct doc_node *item = leakage->first; item; item = item->next) {
        struct leak_measurement *leak = &leaks[ret->leak_count++];
        struct named_table *from = table_named(making, text_of(item, "from"));
        struct named_table *into = table_named(making, text_of(item, "into"));
        if (!from || !into)
            return error_new(ERROR_BUG, "a measuring part whose leakage names no table");
        struct measure_rows rows = rows_of(arena, doc_find(item, STR("rows")));
        *leak = (struct leak_measurement){
            .from = from->name, .into = into->name, .rows = {rows.only, rows.except, 0, NULL, 0}};
        struct keyset *before = next_set(from, &taken[from - making->named]);
        struct keyset *after = next_set(into, &taken[into - making->named]);
        struct row_list found = {.rows = arena_new_array(arena, uint64_t, CONFORM_SHOWN),
                                 .cap = CONFORM_SHOWN};
        if (before && after)
            TRY(keyset_shared(after, before, arena, &found));
        leak->rows.count = found.count;
        leak->rows.shown = found.rows;
        leak->rows.shown_count = found.len;
    }
    ret->leaks = leaks;
    return NULL;
}

static FALLIBLE measure_reference(struct making *making, const struct doc_node *node,
                                  struct reference_measurement *ret)
{
    AUTO(measured_drop) struct measured measured = {0};
    struct named_table table = {.path = text_of(node, "path")};
    ret->path = table.path;
    TRY(load_dialect(making, node, &table));
    if (table.dialect.format == TABLE_PARQUET) {
        struct table_measurement seen = {0};
        TRY(take_fault(making->arena, measure_parquet(making, &table, &seen), &ret->fault));
        ret->profile = seen.profile;
        return NULL;
    }
    struct measure_options options = {.table = table_options_of(making, &table.dialect)};
    TRY(take_fault(
        making->arena,
        measure_table(making->arena, making->options->at_fd, table.path, &options, &measured),
        &ret->fault));
    ret->profile = measured.profile;
    return NULL;
}

static FALLIBLE measure_references(struct making *making, const struct doc_node *list,
                                   struct measurement *ret)
{
    struct reference_measurement *references =
        arena_new_array(making->arena, struct reference_measurement, list->count);
    for (const struct doc_node *node = list->first; node; node = node->next)
        TRY(measure_reference(making, node, &references[ret->reference_count++]));
    ret->references = references;
    return NULL;
}

static FALLIBLE measure_all(struct making *making, const struct doc_node *root,
                            struct measurement *ret)
{
    TRY(prepare(making, root));
    struct table_measurement *tables =
        arena_new_array(making->arena, struct table_measurement, making->count);
    for (size_t i = 0; i < making->count; i++)
        TRY(measure_one(making, &making->named[i], &tables[i]));
    ret->tables = tables;
    ret->table_count = making->count;
    TRY(measure_leaks(making, doc_find(root, STR("leakage")), ret));
    return measure_references(making, doc_find(root, STR("references")), ret);
}

FALLIBLE measurement_make(struct arena *arena, struct str measuring,
                          const struct measurement_options *options, struct measurement *ret)
{
    AUTO(making_drop) struct making making = {.arena = arena, .options = options};
    struct doc *doc = NULL;
    *ret = (struct measurement){0};
    TRY(json_parse(arena, STR("measuring part"), measuring, &doc));
    const struct doc_node *version = doc_find(doc->root, STR("version"));
    if (!version || version->integer != MEASURE_VERSION)
        return error_new(ERROR_BUG, "a measuring part of another version");
    return measure_all(&making, doc->root, ret);
}

const struct table_measurement *measurement_find(const struct measurement *measurement,
                                                 struct str name)
{
    for (size_t i = 0; i < measurement->table_count; i++) {
        if (str_equal(measurement->tables[i].name, name))
            return &measurement->tables[i];
    }
    return NULL;
}
