/* The built-in kind `validate`: its tables, schemas, checks and report. What it reads becomes
 * dependencies of the stage, what it measures its one output. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/codec/digest.h"
#include "mlops/codec/glob.h"

#include "checks_private.h"
#include "pipeline_private.h"

enum { NAME_HEX = 8, COMMAND_ROOM = 64 };

static bool is_text(const struct doc_node *node)
{
    return node->kind != DOC_NULL && node->kind != DOC_LIST && node->kind != DOC_MAP;
}

/* A file of the project that is read: the same however often it is named. */
static bool read_path(struct binding *binding, struct stage *stage, const struct doc_node *node,
                      struct str written, struct str *ret)
{
    struct arena *arena = binding->binder.arena;
    if (text_is_url(written) || glob_is_pattern(written)) {
        binding_error(binding, node, "'%.*s' is a %s: a table is one file of the project",
                      STR_FMT(written), text_is_url(written) ? "URL" : "pattern");
        return false;
    }
    if (!binding_path(binding, node, stage->wdir, text_unescape(arena, written), ret))
        return false;
    vec_each (struct dependency, known, &stage->deps) {
        if (str_equal(known->path, *ret))
            return true;
    }
    *vec_push(arena, &stage->deps) =
        (struct dependency){.path = *ret, .written = written, .node = node};
    return true;
}

/* A path, or the thing itself. */
static void bind_either(struct binding *binding, struct stage *stage, const struct doc_node *node,
                        const char *key, struct str *ret_path, const struct doc_node **ret_node)
{
    if (!node)
        return;
    *ret_path = (struct str){0};
    *ret_node = NULL;
    if (node->kind == DOC_MAP)
        *ret_node = node;
    else if (is_text(node))
        (void)read_path(binding, stage, node, node->text, ret_path);
    else
        binding_expected(binding, node, key, "a path or a mapping");
}

/* "train" of data/train.csv.gz. */
static struct str stem_of(struct str path)
{
    struct str name = path_name(path);
    ptrdiff_t dot = str_find_char(name, '.');
    return dot > 0 ? str_slice(name, 0, (size_t)dot) : name;
}

static const struct checked_table *find_table(const struct checked_table_vec *tables,
                                              struct str name)
{
    vec_each (const struct checked_table, table, tables) {
        if (str_equal(table->name, name))
            return table;
    }
    return NULL;
}

static void add_table(struct binding *binding, struct checked_table_vec *tables,
                      const struct checked_table *table)
{
    if (find_table(tables, table->name))
        binding_error(
            binding, table->node,
            "two tables would be named '%.*s': name them, as in {train: PATH, test: PATH}",
            STR_FMT(table->name));
    else
        *vec_push(binding->binder.arena, tables) = *table;
}

/* A path, or {path, schema, dialect}. `name` empty: by the path. */
static void bind_table(struct binding *binding, struct stage *stage, const struct doc_node *node,
                       struct str name, const struct checked_table *as,
                       struct checked_table_vec *tables)
{
    struct draft_table draft = {.path = node};
    struct checked_table table = *as;
    if (node->kind == DOC_MAP) {
        draft.path = NULL;
        schema_bind(&binding->binder, &check_schema_table, binding->binder.where, node, &draft);
    }
    if (!draft.path)
        return;
    if (!is_text(draft.path)) {
        binding_expected(binding, draft.path, "data", "a path");
        return;
    }
    table.node = node;
    if (!read_path(binding, stage, draft.path, draft.path->text, &table.path))
        return;
    table.name = name.len ? name : stem_of(table.path);
    bind_either(binding, stage, draft.schema, "schema", &table.schema_path, &table.schema);
    bind_either(binding, stage, draft.dialect, "dialect", &table.dialect_path, &table.dialect);
    add_table(binding, tables, &table);
}

/* A path, a list of them, or names to paths. */
static void bind_tables(struct binding *binding, struct stage *stage, const struct doc_node *node,
                        const struct checked_table *as, struct checked_table_vec *tables)
{
    bool is_one = is_text(node) || (node->kind == DOC_MAP && doc_find(node, STR("path")) &&
                                    is_text(doc_find(node, STR("path"))));
    if (node->kind == DOC_NULL || (!is_text(node) && !node->count)) {
        binding_expected(binding, node, "data", "a path, a list of paths or names to paths");
        return;
    }
    if (is_one) {
        bind_table(binding, stage, node, (struct str){0}, as, tables);
        return;
    }
    for (const struct doc_node *item = node->first; item; item = item->next)
        bind_table(binding, stage, item, node->kind == DOC_MAP ? item->key->text : (struct str){0},
                   as, tables);
}

static void check_table_names(struct binding *binding, const struct validation *validation,
                              const struct check_rule *rule)
{
    if (rule->table.len && !find_table(&validation->tables, rule->table))
        binding_error(binding, rule->node, "check '%s': 'data' has no table '%.*s'",
                      check_kind_name(rule->kind), STR_FMT(rule->table));
    vec_each (const struct str, name, &rule->between) {
        if (!find_table(&validation->tables, *name))
            binding_error(binding, rule->node, "check '%s': 'data' has no table '%.*s'",
                          check_kind_name(rule->kind), STR_FMT(*name));
    }
    if (rule->against.kind == REFERENCE_TABLE &&
        !find_table(&validation->tables, rule->against.word))
        binding_error(binding, rule->against.node, "'against': 'data' has no table '%.*s'",
                      STR_FMT(rule->against.word));
}

/* A reference of the work tree is read, too. One at a revision is no file of the work tree. */
static void bind_reference(struct binding *binding, struct stage *stage, struct check_rule *rule)
{
    struct reference *against = &rule->against;
    struct str path = {0};
    bool is_read = against->kind == REFERENCE_FILE;
    if (is_read && read_path(binding, stage, against->node, against->path, &path))
        against->path = path;
    else if (against->kind == REFERENCE_VERSION &&
             binding_path(binding, against->node, stage->wdir, against->path, &path))
        against->path = path;
}

static bool has_schema(const struct checked_table *table)
{
    return table->schema_path.len || table->schema;
}

/* A schema that is given is checked, without one that records have the header's cells: of tables
 * that no check `schema` is about. */
static void add_schema_checks(struct binding *binding, const struct stage *stage,
                              struct validation *validation)
{
    struct check_rule_vec all = {0};
    bool checks_nothing = !validation->checks.len;
    vec_each (const struct checked_table, table, &validation->tables)
        checks_nothing = checks_nothing && !has_schema(table);
    vec_each (const struct checked_table, table, &validation->tables) {
        bool is_checked = checks_nothing;
        vec_each (const struct check_rule, rule, &validation->checks)
            is_checked |= rule->kind == CHECK_SCHEMA && check_applies(rule, table);
        if (!is_checked)
            *vec_push(binding->binder.arena, &all) = (struct check_rule){
                .kind = CHECK_SCHEMA, .table = table->name, .node = stage->node};
    }
    vec_each (const struct check_rule, rule, &validation->checks)
        *vec_push(binding->binder.arena, &all) = *rule;
    validation->checks = all;
}

static void bind_checks(struct binding *binding, struct stage *stage, const struct doc_node *list,
                        struct validation *validation)
{
    struct arena *arena = binding->binder.arena;
    bool is_given = list && binding_list(binding, list, "checks", "checks");
    struct check_rule_vec rules = {0};
    for (const struct doc_node *item = is_given ? list->first : NULL; item; item = item->next) {
        struct check_rule rule;
        if (!check_bind(&binding->binder, item, &rule))
            continue;
        check_table_names(binding, validation, &rule);
        bind_reference(binding, stage, &rule);
        *vec_push(arena, &rules) = rule;
    }
    validation->checks = rules;
    add_schema_checks(binding, stage, validation);
}

struct str pipeline_measured_path(struct binding *binding, const struct stage *stage,
                                  const char *ending)
{
    struct arena *arena = binding->binder.arena;
    struct str text =
        str_print(arena, "%.*s\n%.*s", STR_FMT(binding->file->path), STR_FMT(stage->local_name));
    char hex[DIGEST_HEX_LEN + 1];
    digest_print(digest_of(text.at, text.len), hex);
    struct buf name = buf_in(arena);
    for (size_t i = 0; i < stage->local_name.len && i < 64; i++) {
        char c = stage->local_name.at[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        buf_add_char(&name, is_plain || c == '-' || c == '_' ? c : '_');
    }
    return str_print(arena, MEASURED_DIRECTORY "%.*s-%.*s%s.json", STR_FMT(buf_str(&name)),
                     NAME_HEX, hex, ending);
}

static void bind_report(struct binding *binding, const struct stage *stage,
                        const struct doc_node *node, struct validation *validation)
{
    struct str written;
    if (!node || !binding_text(binding, node, "report", &written) ||
        !binding_path(binding, node, stage->wdir, text_unescape(binding->binder.arena, written),
                      &validation->report))
        return;
    const char *fault = path_fault(validation->report);
    if (!fault && path_is_within(validation->report, STR(".mlops")))
        fault = "lies in .mlops, where mlops keeps its own state";
    if (!fault)
        fault = map_get(&binding->own_files, validation->report);
    if (!fault && !str_ends(validation->report, STR(".json")))
        fault = "must end in .json: .md and .html of the same name are written beside it";
    if (fault)
        binding_error(binding, node, "report '%.*s' %s", STR_FMT(written), fault);
}

static void refuse_commands(struct binding *binding, const struct draft *draft)
{
    const struct doc_node *const nodes[] = {
        draft->cmd,   draft->outs,       draft->metrics,        draft->plots,
        draft->model, draft->common.env, draft->common.retries,
    };
    for (size_t i = 0; i < COUNT_OF(nodes); i++) {
        if (nodes[i])
            binding_error(binding, nodes[i]->key,
                          "'%.*s' is for commands; a stage with 'data' runs none",
                          STR_FMT(nodes[i]->key->text));
    }
}

static void guard_data(struct binding *binding, struct stage *stage,
                       const struct validation *validation)
{
    if (stage->has_guards)
        return;
    stage->has_guards = true;
    vec_each (const struct checked_table, table, &validation->tables)
        *vec_push(binding->binder.arena, &stage->guards) = table->path;
}

/* Its command is that of the process that measures. */
static void bind_measuring(struct binding *binding, const struct draft *draft,
                           struct validation *validation)
{
    struct arena *arena = binding->binder.arena;
    struct command *command = &draft->stage->cmd;
    validation->measuring = validation_measuring(arena, validation);
    if (validation->measuring.len > (size_t)LIMIT_COMMAND_BYTES - COMMAND_ROOM) {
        binding_error(binding, draft->data->key,
                      "stage '%.*s': its tables, schema and checks are longer than %lld bytes: put "
                      "the schema into a file",
                      STR_FMT(draft->stage->name), (long long)LIMIT_COMMAND_BYTES - COMMAND_ROOM);
        validation->measuring.len = 0;
    }
    command->items = arena_new(arena, struct str);
    command->items[0] = str_print(arena, "mlops data measure %.*s", STR_FMT(validation->measuring));
    command->count = 1;
}

void pipeline_bind_validate(struct binding *binding, const struct draft *draft)
{
    struct arena *arena = binding->binder.arena;
    struct stage *stage = draft->stage;
    struct validation *validation = arena_new(arena, struct validation);
    struct checked_table as = {0};
    refuse_commands(binding, draft);
    bind_either(binding, stage, draft->schema, "schema", &as.schema_path, &as.schema);
    bind_either(binding, stage, draft->dialect, "dialect", &as.dialect_path, &as.dialect);
    bind_tables(binding, stage, draft->data, &as, &validation->tables);
    bind_checks(binding, stage, draft->checks, validation);
    bind_report(binding, stage, draft->report, validation);
    guard_data(binding, stage, validation);
    if (!validation->checks.len && validation->tables.len &&
        !(draft->checks && draft->checks->count))
        binding_error(binding, draft->data->key,
                      "stage '%.*s' checks nothing: give it a 'schema' or 'checks'",
                      STR_FMT(stage->name));
    validation->measured = pipeline_measured_path(binding, stage, "");
    bind_measuring(binding, draft, validation);
    pipeline_add_measured(binding, stage, validation->measured, OUT_PLAIN, draft->data);
    stage->validation = validation;
}
