#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/base/vec.h"

#include <stdlib.h>

#include "lockfile_private.h"

/* A value that YAML can't hold as text is written as {hex: "..."}. */
static void add_text(struct buf *out, struct str text)
{
    if (doc_add_text(out, text))
        return;
    buf_add_text(out, "{hex: \"");
    doc_add_hex(out, text);
    buf_add_text(out, "\"}");
}

static void add_field(struct buf *out, const char *name, struct str text)
{
    buf_add_text(out, name);
    add_text(out, text);
    buf_add_char(out, '\n');
}

/* Hex digits may look like a number: 12e4567... */
static void add_digest(struct buf *out, const char *name, struct digest digest)
{
    char hex[DIGEST_HEX_LEN + 1];
    digest_print(digest, hex);
    bool is_plain = strpbrk(hex, "abcdf") != NULL;
    buf_add_text(out, name);
    buf_add_text(out, is_plain ? "" : "\"");
    buf_add(out, hex, DIGEST_HEX_LEN);
    buf_add_text(out, is_plain ? "\n" : "\"\n");
}

static void add_amount(struct buf *out, const char *name, int64_t amount)
{
    char digits[24];
    char *at = digits + sizeof digits;
    uint64_t rest = amount < 0 ? 0 : (uint64_t)amount;
    *--at = '\n';
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    buf_add_text(out, name);
    buf_add(out, at, (size_t)(digits + sizeof digits - at));
}

static bool print_cmd(struct buf *out, const struct command *cmd)
{
    if (!cmd->is_list && cmd->count == 0)
        return true;
    if (!cmd->is_list) {
        add_field(out, "    cmd: ", cmd->items[0]);
        return true;
    }
    buf_add_text(out, cmd->count ? "    cmd:\n" : "    cmd: []\n");
    for (size_t i = 0; i < cmd->count; i++)
        add_field(out, "      - ", cmd->items[i]);
    return true;
}

static void print_dep(struct buf *out, const struct recipe_dep *dep)
{
    add_field(out, "      - path: ", dep->path);
    if (dep->kind == ARTIFACT_ABSENT) {
        buf_add_text(out, "        kind: absent\n");
        return;
    }
    add_digest(out, "        sha256: ", dep->digest);
    add_amount(out, "        size: ", dep->size_bytes);
    if (dep->kind == ARTIFACT_TREE)
        buf_add_text(out, "        kind: directory\n");
    else if (dep->is_executable)
        buf_add_text(out, "        executable: true\n");
}

/* Parameters that are there, or (wants_missing) those that are not, below the names of their
 * files. */
static bool print_params(struct buf *out, const struct recipe *recipe, bool wants_missing)
{
    const struct str *file = NULL;
    for (size_t i = 0; i < recipe->param_count; i++) {
        const struct recipe_param *param = &recipe->params[i];
        if ((param->encoded.len == 0) != wants_missing)
            continue;
        if (!file)
            buf_add_text(out, wants_missing ? "    missing_params:\n" : "    params:\n");
        if (!file || !str_equal(*file, param->file)) {
            buf_add_text(out, "      ");
            if (!lock_add_key(out, param->file))
                return false;
            buf_add_char(out, '\n');
        }
        file = &param->file;
        buf_add_text(out, wants_missing ? "        - " : "        ");
        if (wants_missing ? !doc_add_text(out, param->key) : !lock_add_key(out, param->key))
            return false;
        if (!wants_missing) {
            buf_add_char(out, ' ');
            if (!lock_add_value(out, param->encoded))
                return false;
        }
        buf_add_char(out, '\n');
    }
    return true;
}

static bool print_env(struct buf *out, const struct recipe *recipe, bool wants_secrets)
{
    bool is_first = true;
    for (size_t i = 0; i < recipe->env_count; i++) {
        const struct recipe_env *variable = &recipe->env[i];
        if (variable->is_secret != wants_secrets)
            continue;
        if (is_first)
            buf_add_text(out, wants_secrets ? "    secrets:\n" : "    env:\n");
        is_first = false;
        if (wants_secrets) {
            add_field(out, "      - ", variable->name);
            continue;
        }
        buf_add_text(out, "      ");
        if (!lock_add_key(out, variable->name))
            return false;
        add_field(out, " ", variable->value);
    }
    return true;
}

/* The recipe but for its outputs, which the entry lists; false if YAML can't hold it. */
static bool print_recipe(struct buf *out, const struct recipe *recipe)
{
    if (!print_cmd(out, &recipe->cmd))
        return false;
    if (recipe->wdir.len)
        add_field(out, "    wdir: ", recipe->wdir);
    if (recipe->shell.len)
        add_field(out, "    shell: ", recipe->shell);
    if (recipe->dep_count)
        buf_add_text(out, "    deps:\n");
    for (size_t i = 0; i < recipe->dep_count; i++)
        print_dep(out, &recipe->deps[i]);
    if (!print_params(out, recipe, false) || !print_params(out, recipe, true) ||
        !print_env(out, recipe, false) || !print_env(out, recipe, true))
        return false;
    if (recipe->environment.len) {
        buf_add_text(out, "    environment: \"");
        doc_add_hex(out, recipe->environment);
        buf_add_text(out, "\"\n");
    }
    return true;
}

/* Bytes that are no text: hex digits, some thousand a line. */
static void print_bytes(struct buf *out, const char *name, struct str bytes)
{
    buf_print(out, "    %s:\n", name);
    for (size_t at = 0; at < bytes.len; at += LOCK_HEX_CHUNK) {
        buf_add_text(out, "      - \"");
        doc_add_hex(out, str_slice(bytes, at, at + LOCK_HEX_CHUNK));
        buf_add_text(out, "\"\n");
    }
}

static void print_recipe_bytes(struct buf *out, const struct recipe *recipe)
{
    AUTO(buf_drop) struct buf bytes = {0};
    recipe_encode(recipe, &bytes);
    print_bytes(out, "recipe", buf_str(&bytes));
}

static void print_out(struct buf *out, const struct artifact *artifact)
{
    add_field(out, "      - path: ", artifact->path);
    if (artifact->kind == ARTIFACT_ABSENT) {
        buf_add_text(out, "        kind: absent\n");
        return;
    }
    add_digest(out, "        sha256: ", artifact->digest);
    add_amount(out, "        size: ", artifact->size_bytes);
    if (artifact->kind == ARTIFACT_TREE) {
        buf_add_text(out, "        kind: directory\n");
        add_amount(out, "        files: ", artifact->file_count);
        if (artifact->empty_dir_count)
            buf_add_text(out, "        empty_dirs:\n");
        for (size_t i = 0; i < artifact->empty_dir_count; i++)
            add_field(out, "          - ", artifact->empty_dirs[i]);
    } else if (artifact->is_executable) {
        buf_add_text(out, "        executable: true\n");
    }
    if (!artifact->is_stored)
        buf_add_text(out, "        stored: false\n");
}

static int compare_outs(const void *a, const void *b)
{
    const struct artifact *const *left = a, *const *right = b;
    return str_compare((*left)->path, (*right)->path);
}

/* The outputs by path. */
static const struct artifact **sorted_outs(struct arena *arena, const struct lock_entry *entry)
{
    const struct artifact **outs = arena_array(arena, entry->out_count + 1, sizeof(void *));
    for (size_t i = 0; i < entry->out_count; i++)
        outs[i] = &entry->outs[i];
    if (entry->out_count > 1)
        qsort(outs, entry->out_count, sizeof outs[0], compare_outs);
    return outs;
}

/* Whether the recipe's list of outputs follows from the entry's outputs. */
static bool has_same_outs(const struct lock_entry *entry, const struct artifact *const *outs)
{
    if (entry->recipe.out_count != entry->out_count)
        return false;
    for (size_t i = 0; i < entry->out_count; i++)
        if (!str_equal(entry->recipe.outs[i], outs[i]->path))
            return false;
    return true;
}

static int compare_metrics(const void *a, const void *b)
{
    const struct metric *const *left = a, *const *right = b;
    int order = str_compare((*left)->file, (*right)->file);
    order = order ? order : str_compare((*left)->key, (*right)->key);
    return order ? order : (*left < *right ? -1 : *left > *right);
}

struct metric_vec lock_sorted_metrics(struct arena *arena, const struct metric_vec *metrics)
{
    const struct metric **sorted = arena_array(arena, metrics->len + 1, sizeof(void *));
    for (size_t i = 0; i < metrics->len; i++)
        sorted[i] = &metrics->at[i];
    if (metrics->len > 1)
        qsort(sorted, metrics->len, sizeof sorted[0], compare_metrics);
    struct metric_vec unique = {0};
    for (size_t i = 0; i < metrics->len; i++) {
        const struct metric *last = unique.len ? &unique.at[unique.len - 1] : NULL;
        if (!last || !str_equal(last->file, sorted[i]->file) ||
            !str_equal(last->key, sorted[i]->key))
            *vec_push(arena, &unique) = *sorted[i];
    }
    return unique;
}

static bool print_metric_value(struct buf *out, const struct metric *metric)
{
    buf_add_char(out, ' ');
    if (!metric->is_text)
        lock_add_number(out, metric->text, metric->value);
    else if (!doc_add_text(out, metric->text))
        return false;
    buf_add_char(out, '\n');
    return true;
}

/* A file that is one number has no keys: its value stands behind its name. */
static bool print_metric_file(struct buf *out, const struct metric *first)
{
    buf_add_text(out, "      ");
    if (!lock_add_key(out, first->file))
        return false;
    if (!first->key.len)
        return print_metric_value(out, first);
    buf_add_char(out, '\n');
    return true;
}

static bool print_metric(struct buf *out, const struct metric *metric)
{
    if (!metric->key.len)
        return true;
    buf_add_text(out, "        ");
    return lock_add_key(out, metric->key) && print_metric_value(out, metric);
}

static bool print_metrics(struct buf *out, const struct metric_vec *metrics)
{
    if (metrics->len)
        buf_add_text(out, "    metrics:\n");
    for (size_t i = 0; i < metrics->len; i++) {
        const struct metric *metric = &metrics->at[i];
        bool is_first = i == 0 || !str_equal(metric->file, metrics->at[i - 1].file);
        if (is_first && !print_metric_file(out, metric))
            return false;
        if (!print_metric(out, metric))
            return false;
    }
    return true;
}

static void print_all_metrics(struct buf *out, struct arena *scratch,
                              const struct lock_entry *entry)
{
    struct metric_vec metrics = lock_sorted_metrics(scratch, &entry->metrics);
    size_t len_before = out->len;
    if (print_metrics(out, &metrics))
        return;
    AUTO(buf_drop) struct buf bytes = {0};
    out->len = len_before;
    lock_encode_metrics(&metrics, &bytes);
    print_bytes(out, "encoded_metrics", buf_str(&bytes));
}

static void print_entry(struct buf *out, struct arena *scratch, const struct lock_entry *entry)
{
    buf_add_text(out, "  ");
    check(lock_add_key(out, entry->stage)); /* names are short and printable */
    buf_add_char(out, '\n');
    size_t len_before = out->len;
    const struct artifact **outs = sorted_outs(scratch, entry);
    if (!has_same_outs(entry, outs) || !print_recipe(out, &entry->recipe)) {
        out->len = len_before;
        print_recipe_bytes(out, &entry->recipe);
    }
    if (entry->out_count)
        buf_add_text(out, "    outs:\n");
    for (size_t i = 0; i < entry->out_count; i++)
        print_out(out, outs[i]);
    print_all_metrics(out, scratch, entry);
    if (entry->is_rejected)
        buf_add_text(out, "    rejected: true\n");
    if (out->len == len_before) /* a stage that says nothing is still a mapping */
        buf_add_text(out, "    deps: []\n");
}

static int compare_entries(const void *a, const void *b)
{
    const struct lock_entry *const *left = a, *const *right = b;
    return str_compare((*left)->stage, (*right)->stage);
}

void lockfile_print(const struct lockfile *lockfile, struct buf *out)
{
    AUTO(arena_drop) struct arena scratch = {0};
    const struct lock_entry **entries =
        arena_array(&scratch, lockfile->entries.len + 1, sizeof(void *));
    size_t count = 0;
    map_each (item, &lockfile->entries)
        entries[count++] = item->value;
    if (count > 1)
        qsort(entries, count, sizeof entries[0], compare_entries);
    buf_add_text(out, "# mlops lock file: what each stage last used and made. Written by `mlops "
                      "run`; commit it.\n");
    buf_print(out, "schema: %d\n", LOCK_SCHEMA);
    if (lockfile->project.len)
        add_field(out, "project: ", lockfile->project);
    buf_add_text(out, count ? "stages:\n" : "stages: {}\n");
    for (size_t i = 0; i < count; i++)
        print_entry(out, &scratch, entries[i]);
}
