/* Another name for a remote where its settings stand: nothing but the name changes, so that
 * comments, order and form of the files stay. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/host/file.h"
#include "mlops/model/name.h"

#include <fcntl.h>

#include "config_private.h"

/* One file while the places of the name are looked for, in their order. */
struct renaming {
    struct str file, bytes; /* as people know it; what is in it */
    struct str from, to;
    struct buf out; /* the bytes up to `copied`, changed */
    size_t copied;
    int count;
};

/* Byte of a node's text: its column counts code points. */
static size_t byte_of(struct str bytes, const struct doc_node *node)
{
    size_t at = 0;
    for (int line = 1; line < node->line && at < bytes.len; at++)
        line += bytes.at[at] == '\n';
    for (int column = 1; column < node->column && at < bytes.len; column++) {
        at++;
        while (at < bytes.len && ((unsigned char)bytes.at[at] & 0xC0) == 0x80)
            at++;
    }
    return MIN_OF(at, bytes.len);
}

/* The node's text begins with `before` and the name, as it is written there. */
static FALLIBLE rename_at(struct renaming *renaming, const struct doc_node *node,
                          const char *before)
{
    size_t at = byte_of(renaming->bytes, node);
    at += at < renaming->bytes.len && strchr("'\"", renaming->bytes.at[at]) ? 1 : 0;
    struct str rest = str_slice(renaming->bytes, at, renaming->bytes.len);
    bool is_plain = str_starts(rest, str_of(before)) &&
                    str_starts(str_slice(rest, strlen(before), rest.len), renaming->from);
    at += strlen(before);
    if (!is_plain || at < renaming->copied)
        return error_hint(error_new(ERROR_PROJECT, "%.*s:%d: the name '%.*s' can't be changed here",
                                    STR_FMT(renaming->file), node->line, STR_FMT(renaming->from)),
                          "edit the file by hand");
    buf_add_str(&renaming->out, str_slice(renaming->bytes, renaming->copied, at));
    buf_add_str(&renaming->out, renaming->to);
    renaming->copied = at + renaming->from.len;
    renaming->count++;
    return NULL;
}

/* "NAME" or "NAME.KEY". */
static bool is_of(struct str text, struct str name)
{
    return str_starts(text, name) && (text.len == name.len || text.at[name.len] == '.');
}

/* `key` is what stands behind "remote."; `before` what stands in front of it in the file. */
static FALLIBLE rename_setting(struct renaming *renaming, const struct doc_node *node,
                               struct str key, const char *before)
{
    if (str_is(key, "default"))
        return str_equal(node->text, renaming->from) ? rename_at(renaming, node, "") : NULL;
    return is_of(key, renaming->from) ? rename_at(renaming, node->key, before) : NULL;
}

static FALLIBLE rename_all(struct renaming *renaming, const struct doc_node *root)
{
    static const char section[] = "remote.";
    for (const struct doc_node *node = root->first; node; node = node->next) {
        struct str key = node->key->text;
        if (str_starts(key, STR("remote.")))
            TRY(rename_setting(renaming, node, str_slice(key, strlen(section), key.len), section));
        if (!str_is(key, "remote") || node->kind != DOC_MAP)
            continue;
        for (const struct doc_node *child = node->first; child; child = child->next)
            TRY(rename_setting(renaming, child, child->key->text, ""));
    }
    buf_add_str(&renaming->out, str_slice(renaming->bytes, renaming->copied, renaming->bytes.len));
    return NULL;
}

/* *ret empty: the name does not stand there. */
static FALLIBLE rename_in(struct arena *arena, struct str state_dir, enum config_layer layer,
                          const struct config_renaming *names, struct str *ret)
{
    struct str path = config_layer_path(arena, state_dir, layer);
    struct renaming renaming = {.file = config_layer_name(arena, state_dir, layer),
                                .from = names->from,
                                .to = names->to,
                                .out = buf_in(arena)};
    struct doc *doc = NULL;
    bool found = false;
    *ret = (struct str){0};
    if (!path.len)
        return NULL;
    TRY(file_read(arena, AT_FDCWD, str_terminate(arena, path), CONFIG_BYTES_MOST, &renaming.bytes,
                  &found));
    if (!found)
        return NULL;
    TRY(config_parse(arena, renaming.file, renaming.bytes, &doc));
    if (doc->root->kind != DOC_MAP)
        return NULL;
    TRY(rename_all(&renaming, doc->root));
    if (!renaming.count)
        return NULL;
    *ret = buf_str(&renaming.out);
    return config_parse(arena, renaming.file, *ret, &doc);
}

/* The files of the project have one lock; that of the user is taken second. */
struct error *config_rename_remote(struct arena *arena, struct str state_dir,
                                   const struct config_renaming *names, bool *ret_user)
{
    static const enum config_layer layers[] = {CONFIG_USER, CONFIG_PROJECT, CONFIG_LOCAL};
    AUTO(lock_drop) struct lock of_project = {0};
    AUTO(lock_drop) struct lock of_user = {0};
    struct file_stat stat;
    bool has_user = false;
    struct str after[COUNT_OF(layers)] = {{0}};
    struct str user = config_layer_path(arena, state_dir, CONFIG_USER);
    TRY(config_lock(arena, state_dir, state_dir, CONFIG_PROJECT, &of_project));
    if (user.len)
        TRY(file_stat_at(AT_FDCWD, str_terminate(arena, user), true, &stat, &has_user));
    if (has_user)
        TRY(config_lock(arena, state_dir, path_directory(user), CONFIG_USER, &of_user));
    for (size_t i = 0; i < COUNT_OF(layers); i++) /* all can be changed, before any is */
        TRY(rename_in(arena, state_dir, layers[i], names, &after[i]));
    for (size_t i = 0; i < COUNT_OF(layers); i++) {
        struct str path = config_layer_path(arena, state_dir, layers[i]);
        if (after[i].len)
            TRY(config_publish(str_terminate(arena, path), after[i]));
    }
    *ret_user = after[0].len > 0;
    return NULL;
}
