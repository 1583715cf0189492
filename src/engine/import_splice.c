/* dvc.lock with some of its stages replaced; comments, other stages and unknown keys stay. */
#include "mlops/base/limits.h"

#include "import_export_private.h"

/* The lines of a file. */
struct lines {
    struct str text;
    size_t *starts; /* of line i, counted from 0; one more at the end */
    size_t count;
};

static struct lines split_lines(struct arena *arena, struct str text)
{
    struct lines lines = {.text = text};
    size_t most = 1;
    for (size_t i = 0; i < text.len; i++)
        most += text.at[i] == '\n';
    lines.starts = arena_new_array(arena, size_t, most + 1);
    size_t at = 0;
    while (at < text.len) {
        lines.starts[lines.count++] = at;
        ptrdiff_t end = str_find_char(str_slice(text, at, text.len), '\n');
        at = end < 0 ? text.len : at + (size_t)end + 1;
    }
    lines.starts[lines.count] = text.len;
    return lines;
}

static struct str line_of(const struct lines *lines, size_t i)
{
    return str_slice(lines->text, lines->starts[i], lines->starts[i + 1]);
}

/* Blank lines and comments at the end of a stage belong to what follows. */
static size_t without_tail(const struct lines *lines, size_t from, size_t to)
{
    while (to > from + 1) {
        struct str line = str_trim(line_of(lines, to - 1));
        if (line.len && line.at[0] != '#')
            break;
        to--;
    }
    return to;
}

static void add_lines(const struct lines *lines, size_t from, size_t to, struct buf *out)
{
    if (from >= to)
        return;
    buf_add_str(out, str_slice(lines->text, lines->starts[from], lines->starts[to]));
    if (out->len && out->at[out->len - 1] != '\n')
        buf_add_char(out, '\n');
}

static FALLIBLE parse(struct arena *arena, struct str name, struct str text, struct doc **ret)
{
    struct doc_options options = {
        .dialect = DOC_DVC, .bytes_most = LIMIT_LOCK_BYTES, .huge_is_text = true};
    return doc_parse(arena, name, text, &options, ret);
}

static bool is_equal(struct arena *arena, const struct doc_node *a, const struct doc_node *b)
{
    struct buf one = buf_in(arena), other = buf_in(arena);
    doc_encode(a, arena, &one);
    doc_encode(b, arena, &other);
    return str_equal(buf_str(&one), buf_str(&other));
}

/* A recorded stage that says the same already stays as it is written. */
static FALLIBLE says_the_same(struct arena *arena, const struct doc_node *stage, struct str text,
                              bool *ret)
{
    struct doc *doc = NULL;
    TRY(parse(arena, STR("dvc.lock"), text, &doc));
    *ret = doc->root->first && is_equal(arena, stage, doc->root->first);
    return NULL;
}

static FALLIBLE add_stage(struct arena *arena, const struct lines *lines,
                          const struct doc_node *stage, size_t from, size_t to,
                          const struct map *stages, struct buf *out)
{
    const struct str *text = map_get(stages, stage->key->text);
    size_t end = without_tail(lines, from, to);
    bool is_same = true;
    if (text)
        TRY(says_the_same(arena, stage, *text, &is_same));
    if (is_same)
        add_lines(lines, from, end, out);
    else
        buf_add_str(out, *text);
    add_lines(lines, end, to, out);
    return NULL;
}

static void add_new(const struct doc_node *known, const struct map *stages, struct buf *out)
{
    map_each (item, stages)
        if (!known || !doc_find(known, item->key))
            buf_add_str(out, *(const struct str *)item->value);
}

/* Index of the line behind the last one of `stages`. */
static size_t end_of(const struct lines *lines, const struct doc_node *stages)
{
    return stages->next ? (size_t)stages->next->key->line - 1 : lines->count;
}

static FALLIBLE splice(struct arena *arena, const struct doc *doc, struct str text,
                       const struct map *stages, struct buf *out)
{
    struct lines lines = split_lines(arena, text);
    const struct doc_node *recorded = doc_find(doc->root, STR("stages"));
    if (!recorded || recorded->kind != DOC_MAP || !recorded->first) {
        if (!doc->root->first)
            buf_add_text(out, "schema: '2.0'\n");
        else
            add_lines(&lines, 0, recorded ? (size_t)recorded->key->line - 1 : lines.count, out);
        buf_add_text(out, "stages:\n");
        add_new(NULL, stages, out);
        if (recorded && doc->root->first)
            add_lines(&lines, end_of(&lines, recorded), lines.count, out);
        return NULL;
    }
    size_t end = end_of(&lines, recorded);
    size_t last = without_tail(&lines, (size_t)recorded->first->key->line - 1, end);
    add_lines(&lines, 0, (size_t)recorded->first->key->line - 1, out);
    for (const struct doc_node *stage = recorded->first; stage; stage = stage->next) {
        size_t to = stage->next ? (size_t)stage->next->key->line - 1 : last;
        TRY(add_stage(arena, &lines, stage, (size_t)stage->key->line - 1, to, stages, out));
    }
    add_new(recorded, stages, out);
    add_lines(&lines, last, lines.count, out);
    return NULL;
}

/* What was not to be replaced must read as before, whatever style the file was written in. */
static FALLIBLE check_rest(struct arena *arena, const struct doc_node *before,
                           const struct doc_node *after, const struct map *stages)
{
    for (const struct doc_node *child = before->first; child; child = child->next) {
        const struct doc_node *other = doc_find(after, child->key->text);
        bool is_stages = str_is(child->key->text, "stages") && child->kind == DOC_MAP;
        const struct doc_node *recorded = is_stages ? child->first : NULL;
        for (; recorded; recorded = recorded->next) {
            const struct doc_node *kept = doc_find(other, recorded->key->text);
            if (!kept ||
                (!map_has(stages, recorded->key->text) && !is_equal(arena, recorded, kept)))
                return doc_error(recorded, "this stage would not stay as it is");
        }
        if (!other || (!is_stages && child->kind != DOC_NULL && !is_equal(arena, child, other)))
            return doc_error(child, "this would not stay as it is");
    }
    return NULL;
}

FALLIBLE export_splice(struct arena *arena, struct str name, struct str text,
                       const struct map *stages, struct buf *out)
{
    struct doc *before = NULL, *after = NULL;
    TRY(parse(arena, name, text, &before));
    TRY(splice(arena, before, before->bytes, stages, out));
    TRY_WITHIN(parse(arena, name, buf_str(out), &after), "its text could not be extended");
    TRY_WITHIN(check_rest(arena, before->root, after->root, stages),
               "its text could not be extended");
    return NULL;
}
