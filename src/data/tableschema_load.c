#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/codec/load.h"
#include "mlops/host/file.h"

#include "tableschema_private.h"

/* The resource of a package that is meant: by name, or by its path or the end of it. */
static bool is_meant(const struct doc_node *item, struct str resource)
{
    const struct doc_node *name = doc_find(item, STR("name"));
    const struct doc_node *path = doc_find(item, STR("path"));
    if (name && str_equal(name->text, resource))
        return true;
    if (path && path->kind == DOC_LIST)
        path = path->first;
    return path && path->kind == DOC_STR && path->text.len &&
           (str_equal(path->text, resource) ||
            (str_ends(resource, path->text) && resource.len > path->text.len &&
             resource.at[resource.len - path->text.len - 1] == '/'));
}

static FALLIBLE find_resource(const struct doc_node *resources, struct str resource,
                              const struct doc_node **ret)
{
    const struct doc_node *found = NULL;
    if (resources->kind != DOC_LIST || !resources->count)
        return doc_error(resources, "'resources' of the data package must be a list of resources");
    for (const struct doc_node *item = resources->first; item; item = item->next)
        if (!found && is_meant(item, resource))
            found = item;
    if (!found && resources->count == 1)
        found = resources->first;
    if (!found)
        return error_hint(doc_error(resources, "the data package has no resource '%.*s'",
                                    STR_FMT(str_slice(resource, 0, 200))),
                          "name one of its resources by its 'name' or its 'path'");
    *ret = found;
    return NULL;
}

/* A schema that stands elsewhere: the path is relative to the descriptor's directory. */
static FALLIBLE load_elsewhere(struct arena *arena, int at_fd, struct str path,
                               const struct doc_node *schema, int depth, struct table_schema *ret);

static FALLIBLE bind_document(struct arena *arena, const struct doc_node *node, struct str name,
                              struct table_schema *ret)
{
    struct error_list errors = {0};
    struct binder binder = {.arena = arena, .errors = &errors};
    struct table_schema schema = {.name = name};
    tableschema_bind(&binder, node, &schema);
    TRY(error_list_take(&errors));
    *ret = schema;
    return NULL;
}

/* How the file of a resource is written is not taken from it: passed over, it would read as one
 * column what has semicolons. */
static void warn_of_dialect(struct arena *arena, const struct doc_node *holder,
                            struct table_schema *schema)
{
    const struct doc_node *dialect = doc_find(holder, STR("dialect"));
    if (!dialect)
        return;
    struct schema_warning *warnings =
        arena_new_array(arena, struct schema_warning, schema->warning_count + 1);
    for (size_t i = 0; i < schema->warning_count; i++)
        warnings[i] = schema->warnings[i];
    warnings[schema->warning_count++] = (struct schema_warning){
        dialect, STR("the 'dialect' of a resource is not read: write it to a file for --dialect")};
    schema->warnings = warnings;
}

/* The schema of a resource, a package, or the document itself. */
static FALLIBLE unwrap(struct arena *arena, int at_fd, struct str path, struct str resource,
                       const struct doc_node *root, int depth, struct table_schema *ret)
{
    const struct doc_node *holder = root;
    const struct doc_node *resources = doc_find(root, STR("resources"));
    bool is_schema = doc_find(root, STR("fields")) != NULL;
    if (resources && !is_schema)
        TRY(find_resource(resources, resource, &holder));
    const struct doc_node *schema = doc_find(holder, STR("schema"));
    if (is_schema || (!schema && holder == root))
        return bind_document(arena, root, path, ret);
    if (!schema)
        return doc_error(holder, "this resource has no 'schema'");
    if (schema->kind == DOC_STR)
        TRY(load_elsewhere(arena, at_fd, path, schema, depth, ret));
    else
        TRY(bind_document(arena, schema, path, ret));
    warn_of_dialect(arena, holder, ret);
    return NULL;
}

static FALLIBLE load_at_depth(struct arena *arena, int at_fd, struct str path, struct str resource,
                              int depth, struct table_schema *ret)
{
    struct str bytes = {0};
    struct str name = str_copy(arena, path);
    struct doc *doc = NULL;
    bool found = false;
    TRY(file_read(arena, at_fd, name.at, LIMIT_DOCUMENT_BYTES, &bytes, &found));
    if (!found)
        return error_new(ERROR_PROJECT, "there is no schema '%.*s'", STR_FMT(path));
    TRY(doc_load(arena, name, bytes, DOC_NATIVE, &doc));
    if (doc->is_empty)
        return error_new(ERROR_PROJECT, "'%.*s' is empty: it should hold a table schema",
                         STR_FMT(path));
    return unwrap(arena, at_fd, name, resource, doc->root, depth, ret);
}

static FALLIBLE load_elsewhere(struct arena *arena, int at_fd, struct str path,
                               const struct doc_node *schema, int depth, struct table_schema *ret)
{
    struct str text = schema->text;
    ptrdiff_t slash = str_find_last_char(path, '/');
    struct str directory = str_slice(path, 0, slash < 0 ? 0 : (size_t)slash + 1);
    if (str_find(text, STR("://")) >= 0)
        return error_hint(doc_error(schema, "this schema lies on the network"),
                          "save it beside the descriptor and name the file");
    if (!text.len || text.at[0] == '/' || depth > 0)
        return doc_error(schema, "'schema' must be a schema or a file beside the descriptor");
    return load_at_depth(arena, at_fd,
                         str_print(arena, "%.*s%.*s", STR_FMT(directory), STR_FMT(text)),
                         (struct str){0}, depth + 1, ret);
}

FALLIBLE tableschema_load(struct arena *arena, int at_fd, struct str path, struct str resource,
                          struct table_schema *ret)
{
    return load_at_depth(arena, at_fd, path, resource, 0, ret);
}

FALLIBLE tableschema_load_here(struct arena *arena, int at_fd, struct str path, struct str resource,
                               struct table_schema *ret)
{
    TRY(tableschema_load(arena, at_fd, path, resource, ret));
    if (str_equal(ret->name, path))
        return NULL;
    return error_hint(error_new(ERROR_PROJECT, "the schema of '%.*s' lies in another file, '%.*s'",
                                STR_FMT(path), STR_FMT(ret->name)),
                      "name that file as 'schema', so that a change of it is seen");
}
