#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/host/file.h"
#include "mlops/host/lock.h"
#include "mlops/model/name.h"

#include <fcntl.h>

#include "config_private.h"
#include "remote_private.h"

/* The lines of a file that hold one setting; count 0: it is not there. */
struct span {
    size_t first, count; /* lines from 0 */
    size_t indent;       /* blanks in front */
    struct str key;      /* as it is written there */
};

struct lines {
    struct str *at;
    size_t count;
};

static struct lines split_lines(struct arena *arena, struct str text)
{
    struct lines lines = {0};
    size_t cap = 1;
    for (size_t i = 0; i < text.len; i++)
        cap += text.at[i] == '\n';
    lines.at = arena_new_array(arena, struct str, cap);
    struct str rest = text, line = {0};
    while (rest.len && str_split(&rest, '\n', &line))
        lines.at[lines.count++] = line;
    return lines;
}

static size_t indent_of(struct str line)
{
    size_t indent = 0;
    while (indent < line.len && line.at[indent] == ' ')
        indent++;
    return indent;
}

static bool is_blank(struct str line)
{
    struct str text = str_trim(line);
    return text.len == 0 || text.at[0] == '#';
}

/* A value may go on below its key: deeper lines, and items of a list at the key's own depth. */
static size_t span_end(const struct lines *lines, size_t first, size_t indent)
{
    size_t end = first + 1;
    for (size_t i = first + 1; i < lines->count; i++) {
        struct str line = lines->at[i];
        if (is_blank(line))
            continue;
        bool is_item = indent_of(line) == indent && line.at[indent] == '-';
        if (indent_of(line) <= indent && !is_item)
            break;
        end = i + 1;
    }
    return end;
}

static struct span span_of_node(const struct lines *lines, const struct doc_node *node)
{
    struct span span = {.first = (size_t)node->key->line - 1, .key = node->key->text};
    span.indent = indent_of(lines->at[span.first]);
    span.count = span_end(lines, span.first, span.indent) - span.first;
    return span;
}

static const struct doc_node *child_named(const struct doc_node *map, struct str name)
{
    return map && map->kind == DOC_MAP ? doc_find(map, name) : NULL;
}

/* Finds `a.b.c` as one key, or as b.c in the section a, and so on. NULL: it is not there. */
static const struct doc_node *find_node(const struct doc_node *root, struct str name)
{
    const struct doc_node *node = child_named(root, name);
    for (size_t i = 0; !node && i < name.len; i++)
        if (name.at[i] == '.')
            node = find_node(child_named(root, str_slice(name, 0, i)),
                             str_slice(name, i + 1, name.len));
    return node;
}

/* *ret_is_flow: within braces, not on lines. */
static struct span span_find(const struct lines *lines, const struct doc_node *root,
                             struct str name, bool *ret_is_flow)
{
    const struct doc_node *node = find_node(root, name);
    *ret_is_flow = false;
    if (!node)
        return (struct span){0};
    struct span span = span_of_node(lines, node);
    struct str text = str_slice(lines->at[span.first], span.indent, SIZE_MAX);
    *ret_is_flow = !str_starts(text, span.key) && !(text.len && strchr("'\"", text.at[0]));
    return span;
}

static bool is_list(const struct config_row *row)
{
    return row->kind == CONFIG_PATHS || row->kind == CONFIG_IDS;
}

static void add_quoted(struct buf *out, struct str text)
{
    buf_add_char(out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '\'')
            buf_add_char(out, '\'');
        buf_add_char(out, text.at[i]);
    }
    buf_add_char(out, '\'');
}

/* Numbers and words stand bare, all else in single quotes. */
static void add_scalar(struct buf *out, const struct config_row *row, struct str text)
{
    bool is_bare = text.len && row->kind != CONFIG_ID && row->kind != CONFIG_IDS;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        is_bare = is_bare && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                              (c >= '0' && c <= '9') || c == '/' || c == '.' || c == '_');
    }
    if (is_bare)
        buf_add_str(out, text);
    else
        add_quoted(out, text);
}

static void add_line(struct buf *out, size_t indent, struct str key, const struct config_row *row,
                     struct str value, struct str comment)
{
    buf_add_repeated(out, ' ', indent);
    buf_print(out, "%.*s: ", STR_FMT(key));
    if (is_list(row)) {
        struct str rest = value, part = {0};
        size_t count = 0;
        buf_add_char(out, '[');
        while (str_split(&rest, ',', &part)) {
            if (!str_trim(part).len)
                continue;
            buf_add_text(out, count++ ? ", " : "");
            add_scalar(out, row, str_trim(part));
        }
        buf_add_char(out, ']');
    } else {
        add_scalar(out, row, value);
    }
    buf_add_str(out, comment);
    buf_add_char(out, '\n');
}

/* A change of one setting in a file. */
struct edit {
    const struct config_row *row;
    struct str name; /* in full: of a remote's setting the row has only the last part */
    struct str value;
    bool unset;
};

/* The comment at the end of a line with the blanks in front of it; '#' within quotes is none. */
static struct str comment_of(struct str line)
{
    char quote = '\0';
    for (size_t i = 1; i < line.len; i++) {
        bool is_first = strchr(" \t[,:", line.at[i - 1]) != NULL;
        bool is_escape = quote == '"' ? line.at[i] == '\\'
                                      : quote && i + 1 < line.len && line.at[i] == quote &&
                                            line.at[i + 1] == quote;
        if (is_escape) {
            i++;
        } else if (quote) {
            quote = line.at[i] == quote ? '\0' : quote;
        } else if (is_first && (line.at[i] == '"' || line.at[i] == '\'')) {
            quote = line.at[i];
        } else if (line.at[i] == '#' && (line.at[i - 1] == ' ' || line.at[i - 1] == '\t')) {
            while (i && (line.at[i - 1] == ' ' || line.at[i - 1] == '\t'))
                i--;
            return str_slice(line, i, line.len);
        }
    }
    return (struct str){0};
}

static struct str edit_lines(struct arena *arena, const struct lines *lines, struct span span,
                             const struct edit *edit)
{
    struct buf out = buf_in(arena);
    buf_reserve(&out, 1);
    for (size_t i = 0; i < lines->count; i++) {
        if (span.count && i == span.first && !edit->unset)
            add_line(&out, span.indent, span.key, edit->row, edit->value, comment_of(lines->at[i]));
        if (span.count && i >= span.first && i < span.first + span.count)
            continue;
        buf_add_str(&out, lines->at[i]);
        buf_add_char(&out, '\n');
    }
    if (!span.count && !edit->unset)
        add_line(&out, 0, edit->name, edit->row, edit->value, (struct str){0});
    return buf_str(&out);
}

FALLIBLE config_parse(struct arena *arena, struct str name, struct str bytes, struct doc **ret)
{
    struct doc_options options = {.bytes_most = CONFIG_BYTES_MOST, .refuse_anchors = true};
    return doc_parse(arena, name, bytes, &options, ret);
}

/* The section whose only setting was taken out is left as an empty value, which is nothing. */
static FALLIBLE edit_file(struct arena *arena, struct str name, const char *path,
                          const struct edit *edit, struct str *ret)
{
    struct str bytes = {0};
    struct doc *doc = NULL;
    bool found = false, is_flow = false;
    TRY(file_read(arena, AT_FDCWD, path, CONFIG_BYTES_MOST, &bytes, &found));
    if (found)
        TRY(config_parse(arena, name, bytes, &doc));
    struct lines lines = split_lines(arena, bytes);
    struct span span = doc ? span_find(&lines, doc->root, edit->name, &is_flow) : (struct span){0};
    if (is_flow)
        return error_hint(error_new(ERROR_PROJECT, "%.*s:%zu: '%.*s' stands within braces",
                                    STR_FMT(name), span.first + 1, STR_FMT(edit->name)),
                          "write it on a line of its own, or edit the file by hand");
    *ret = edit_lines(arena, &lines, span, edit);
    return config_parse(arena, name, *ret, &doc);
}

FALLIBLE config_lock(struct arena *arena, struct str state_dir, struct str directory,
                     enum config_layer layer, struct lock *ret)
{
    bool is_user = layer == CONFIG_USER, taken = false;
    struct str locks = is_user ? directory : path_join(arena, state_dir, STR("locks"));
    TRY(directory_make(AT_FDCWD, str_terminate(arena, locks), true));
    struct str path = path_join(arena, locks, is_user ? STR(".lock") : STR("config"));
    return lock_take(AT_FDCWD, str_terminate(arena, path), LOCK_EXCLUSIVE, -1, NULL, NULL, ret,
                     &taken);
}

static FALLIBLE refuse_layer(const struct config_row *row, enum config_layer layer)
{
    const char *fault = config_layer_fault(row, layer);
    if (!fault)
        return NULL;
    struct error *error = error_new(ERROR_PROJECT, "setting '%s' %s", row->name, fault);
    return row->flags & CONFIG_UNTRACKED
               ? error_hint(error, "--local keeps it to this clone, --user to this user")
               : error;
}

static FALLIBLE find_row(struct str name, const struct config_row **ret)
{
    struct str remote = {0}, key = {0};
    return config_remote_split(name, &remote, &key) ? remote_row_find(remote, key, ret)
                                                    : config_row_find(name, ret);
}

struct error *config_check(struct arena *arena, struct str state_dir, enum config_layer layer,
                           struct str name, struct str value)
{
    const struct config_row *row = NULL;
    struct config trial = {0};
    struct remote remote_trial = {0};
    struct str remote = {0}, key = {0};
    bool is_remote = config_remote_split(name, &remote, &key);
    TRY(find_row(name, &row));
    TRY(refuse_layer(row, layer));
    return config_value_set(arena, row, path_directory(state_dir), value,
                            is_remote ? (void *)&remote_trial : (void *)&trial);
}

FALLIBLE config_publish(const char *path, struct str bytes)
{
    struct file_stat stat;
    bool is_there = false;
    TRY(file_stat_at(AT_FDCWD, path, true, &stat, &is_there));
    return file_publish(AT_FDCWD, path, bytes, is_there ? stat.mode & 0777 : 0644, true);
}

struct error *config_set(struct arena *arena, struct str state_dir, enum config_layer layer,
                         struct str name, struct str value, bool unset)
{
    struct edit edit = {.name = name, .value = value, .unset = unset};
    AUTO(lock_drop) struct lock lock = {0};
    struct str after = {0};
    TRY(find_row(name, &edit.row));
    if (!unset)
        TRY(config_check(arena, state_dir, layer, name, value));
    struct str path = config_layer_path(arena, state_dir, layer);
    if (!path.len)
        return error_new(ERROR_PROJECT, "there is no %s to write this setting to",
                         layer == CONFIG_USER ? "home directory" : "project");
    const char *file = str_terminate(arena, path);
    TRY(directory_make(AT_FDCWD, str_terminate(arena, path_directory(path)), true));
    TRY(config_lock(arena, state_dir, path_directory(path), layer, &lock));
    TRY(edit_file(arena, config_layer_name(arena, state_dir, layer), file, &edit, &after));
    return config_publish(file, after);
}
