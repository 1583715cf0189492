/* The schema tree to columns, without recursion: open groups stand on a stack. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"

#include "parquet_private.h"

#define SCHEMA_DEPTH 64

struct group {
    struct str path;
    int64_t left;     /* children still to come */
    ptrdiff_t column; /* that all leaves below belong to: a list or map; -1: none */
    bool is_required; /* so far down */
};

struct tree {
    struct group open[SCHEMA_DEPTH];
    size_t depth;
};

static struct parquet_column *add_column(struct parquet_reader *reader, struct str name,
                                         const struct parquet_element *element)
{
    struct parquet_column *column = vec_push(reader->arena, &reader->columns);
    column->name = name;
    column->physical =
        element->has_type ? str_of(parquet_physical_name(element->kind.physical)) : STR("group");
    column->logical = parquet_logical_text(reader->arena, &element->kind);
    column->is_repeated = element->repetition == 2;
    column->type = column->is_repeated ? TYPE_ARRAY : parquet_type(&element->kind);
    column->is_required = element->repetition == 0;
    return column;
}

static struct str path_of(struct arena *arena, const struct group *parent, struct str name)
{
    if (parent->path.len == 0)
        return str_copy(arena, name);
    return str_print(arena, "%.*s.%.*s", STR_FMT(parent->path), STR_FMT(name));
}

static bool is_whole(const struct parquet_element *element)
{
    return element->repetition == 2 || element->kind.logical == LOGICAL_LIST ||
           element->kind.logical == LOGICAL_MAP;
}

static void open_group(struct parquet_reader *reader, struct tree *tree,
                       const struct parquet_element *element)
{
    const struct group *parent = &tree->open[tree->depth - 1];
    struct group group = {.left = element->child_count, .column = parent->column};
    if (tree->depth == SCHEMA_DEPTH) {
        thrift_fail(&reader->in, "its schema nests too deep");
        return;
    }
    if (group.column < 0) {
        group.path = path_of(reader->arena, parent, element->name);
        group.is_required = parent->is_required && element->repetition == 0;
    }
    if (group.column < 0 && is_whole(element)) {
        struct parquet_column *column = add_column(reader, group.path, element);
        column->is_required = group.is_required;
        if (column->type != TYPE_OBJECT)
            column->type = TYPE_ARRAY;
        group.column = column - reader->columns.at;
    }
    tree->open[tree->depth++] = group;
}

static void add_leaf(struct parquet_reader *reader, const struct group *parent,
                     const struct parquet_element *element)
{
    struct parquet_leaf *leaf = vec_push(reader->arena, &reader->leaves);
    leaf->kind = element->kind;
    leaf->is_part = parent->column >= 0 || element->repetition == 2;
    leaf->column = parent->column >= 0 ? (size_t)parent->column : reader->columns.len;
    if (parent->column >= 0)
        return;
    struct parquet_column *column =
        add_column(reader, path_of(reader->arena, parent, element->name), element);
    column->is_required = parent->is_required && column->is_required;
}

static void add_element(struct parquet_reader *reader, struct tree *tree,
                        const struct parquet_element *element)
{
    struct thrift *in = &reader->in;
    while (tree->depth > 1 && tree->open[tree->depth - 1].left == 0)
        tree->depth--;
    struct group *parent = &tree->open[tree->depth - 1];
    if (parent->left == 0 || element->child_count < 0)
        thrift_fail(in, "its schema is no tree");
    parent->left--;
    if (!str_is_utf8(element->name))
        thrift_fail(in, "the name of a column is no text");
    if (parent->path.len + element->name.len >= (size_t)LIMIT_METRIC_KEY_BYTES)
        thrift_fail(in, "the name of a column is too long");
    if (reader->columns.len >= (size_t)LIMIT_PARQUET_COLUMNS ||
        reader->leaves.len >= (size_t)LIMIT_PARQUET_COLUMNS)
        thrift_fail(in, "it has too many columns");
    if (in->fault)
        return;
    if (element->has_type)
        add_leaf(reader, parent, element);
    else
        open_group(reader, tree, element);
}

void parquet_read_schema(struct parquet_reader *reader, enum thrift_type type)
{
    struct thrift *in = &reader->in;
    enum thrift_type element_type;
    struct parquet_element element;
    size_t count = thrift_list(in, type, &element_type);
    if (reader->has_schema)
        thrift_fail(in, "it has two schemas");
    if (count == 0 || !thrift_is_struct(in, element_type)) {
        thrift_fail(in, "its schema is empty");
        return;
    }
    parquet_read_element(in, &element);
    struct tree tree = {.open = {{.left = element.child_count, .column = -1, .is_required = true}},
                        .depth = 1};
    for (size_t i = 1; i < count && !in->fault; i++) {
        parquet_read_element(in, &element);
        if (!in->fault)
            add_element(reader, &tree, &element);
    }
    while (tree.depth > 1 && tree.open[tree.depth - 1].left == 0)
        tree.depth--;
    if (tree.open[tree.depth - 1].left != 0)
        thrift_fail(in, "its schema is no tree");
    reader->has_schema = true;
}
