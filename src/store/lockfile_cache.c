/* The parsed form of a lock file as one canonical blob. It is only ever read back by the program
 * that wrote it, on the same machine, under the digest of the file's bytes; strings borrow from it.
 * Layout: docs/formats.md, "Lock file". */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"

#include <math.h>

#include "lockfile_private.h"

enum { FLAG_EXECUTABLE = 1, FLAG_STORED = 2, FLAG_SECRET = 4, KIND_SHIFT = 3 };

static void encode_texts(const struct str *texts, size_t count, struct buf *out)
{
    canon_list(out, count);
    for (size_t i = 0; i < count; i++)
        canon_str(out, texts[i]);
}

static int64_t flags_of(enum artifact_kind kind, bool is_executable, bool is_stored)
{
    return (int64_t)kind << KIND_SHIFT | (is_executable ? FLAG_EXECUTABLE : 0) |
           (is_stored ? FLAG_STORED : 0);
}

static void encode_deps(const struct recipe *recipe, struct buf *out)
{
    canon_list(out, recipe->dep_count * 4);
    for (size_t i = 0; i < recipe->dep_count; i++) {
        const struct recipe_dep *dep = &recipe->deps[i];
        canon_str(out, dep->path);
        canon_int(out, flags_of(dep->kind, dep->is_executable, false));
        canon_digest(out, dep->digest);
        canon_int(out, dep->size_bytes);
    }
}

static void encode_params(const struct recipe *recipe, struct buf *out)
{
    canon_list(out, recipe->param_count * 4);
    for (size_t i = 0; i < recipe->param_count; i++) {
        const struct recipe_param *param = &recipe->params[i];
        canon_str(out, param->file);
        canon_str(out, param->key);
        canon_str(out, param->encoded);
        canon_str(out, param->shown);
    }
}

static void encode_env(const struct recipe *recipe, struct buf *out)
{
    canon_list(out, recipe->env_count * 3);
    for (size_t i = 0; i < recipe->env_count; i++) {
        canon_str(out, recipe->env[i].name);
        canon_str(out, recipe->env[i].value);
        canon_bool(out, recipe->env[i].is_secret);
    }
}

static void encode_outs(const struct lock_entry *entry, struct buf *out)
{
    canon_list(out, entry->out_count * 6);
    for (size_t i = 0; i < entry->out_count; i++) {
        const struct artifact *artifact = &entry->outs[i];
        canon_str(out, artifact->path);
        canon_int(out, flags_of(artifact->kind, artifact->is_executable, artifact->is_stored));
        canon_digest(out, artifact->digest);
        canon_int(out, artifact->size_bytes);
        canon_int(out, artifact->file_count);
        encode_texts(artifact->empty_dirs, artifact->empty_dir_count, out);
    }
}

void lock_encode_metrics(const struct metric_vec *metrics, struct buf *out)
{
    canon_list(out, metrics->len);
    for (size_t i = 0; i < metrics->len; i++) {
        const struct metric *metric = &metrics->at[i];
        canon_list(out, metric->is_text ? 3 : 4);
        canon_str(out, metric->file);
        canon_str(out, metric->key);
        canon_str(out, metric->text);
        if (!metric->is_text)
            canon_real(out, metric->value);
    }
}

static void encode_entry(const struct lock_entry *entry, struct buf *out)
{
    const struct recipe *recipe = &entry->recipe;
    canon_str(out, entry->stage);
    canon_digest(out, entry->key);
    canon_bool(out, entry->is_rejected);
    canon_bool(out, recipe->cmd.is_list);
    encode_texts(recipe->cmd.items, recipe->cmd.count, out);
    canon_str(out, recipe->wdir);
    canon_str(out, recipe->shell);
    canon_str(out, recipe->environment);
    encode_deps(recipe, out);
    encode_params(recipe, out);
    encode_env(recipe, out);
    encode_texts(recipe->outs, recipe->out_count, out);
    encode_outs(entry, out);
    lock_encode_metrics(&entry->metrics, out);
}

void lock_encode(const struct lockfile *lockfile, struct buf *out)
{
    canon_str(out, STR(LOCK_TAG));
    canon_str(out, lockfile->project);
    canon_int(out, (int64_t)lockfile->entries.len);
    map_each (item, &lockfile->entries)
        encode_entry(item->value, out);
}

static FALLIBLE decode_texts(struct arena *arena, struct canon_reader *reader, struct str **ret,
                             size_t *ret_count)
{
    TRY(canon_read_list(reader, ret_count));
    *ret = *ret_count ? arena_new_array(arena, struct str, *ret_count) : NULL;
    for (size_t i = 0; i < *ret_count; i++)
        TRY(canon_read_str(reader, &(*ret)[i]));
    return NULL;
}

static enum artifact_kind kind_of(int64_t flags)
{
    switch (flags >> KIND_SHIFT) {
    case ARTIFACT_FILE:
        return ARTIFACT_FILE;
    case ARTIFACT_TREE:
        return ARTIFACT_TREE;
    default:
        return ARTIFACT_ABSENT;
    }
}

/* A list of records of `width` items each. */
static FALLIBLE decode_records(struct canon_reader *reader, size_t width, size_t *ret_count)
{
    TRY(canon_read_list(reader, ret_count));
    if (*ret_count % width)
        return error_new(ERROR_STORED, "the cached form of a lock file is damaged");
    *ret_count /= width;
    return NULL;
}

static FALLIBLE decode_deps(struct arena *arena, struct canon_reader *reader, struct recipe *recipe)
{
    int64_t flags = 0;
    TRY(decode_records(reader, 4, &recipe->dep_count));
    recipe->deps = arena_new_array(arena, struct recipe_dep, recipe->dep_count);
    for (size_t i = 0; i < recipe->dep_count; i++) {
        struct recipe_dep *dep = &recipe->deps[i];
        TRY(canon_read_str(reader, &dep->path));
        TRY(canon_read_int(reader, &flags));
        TRY(canon_read_digest(reader, &dep->digest));
        TRY(canon_read_int(reader, &dep->size_bytes));
        dep->kind = kind_of(flags);
        dep->is_executable = flags & FLAG_EXECUTABLE;
    }
    return NULL;
}

static FALLIBLE decode_params(struct arena *arena, struct canon_reader *reader,
                              struct recipe *recipe)
{
    TRY(decode_records(reader, 4, &recipe->param_count));
    recipe->params = arena_new_array(arena, struct recipe_param, recipe->param_count);
    for (size_t i = 0; i < recipe->param_count; i++) {
        struct recipe_param *param = &recipe->params[i];
        TRY(canon_read_str(reader, &param->file));
        TRY(canon_read_str(reader, &param->key));
        TRY(canon_read_str(reader, &param->encoded));
        TRY(canon_read_str(reader, &param->shown));
    }
    return NULL;
}

static FALLIBLE decode_env(struct arena *arena, struct canon_reader *reader, struct recipe *recipe)
{
    TRY(decode_records(reader, 3, &recipe->env_count));
    recipe->env = arena_new_array(arena, struct recipe_env, recipe->env_count);
    for (size_t i = 0; i < recipe->env_count; i++) {
        TRY(canon_read_str(reader, &recipe->env[i].name));
        TRY(canon_read_str(reader, &recipe->env[i].value));
        TRY(canon_read_bool(reader, &recipe->env[i].is_secret));
    }
    return NULL;
}

static FALLIBLE decode_outs(struct arena *arena, struct canon_reader *reader,
                            struct lock_entry *entry)
{
    int64_t flags = 0;
    TRY(decode_records(reader, 6, &entry->out_count));
    entry->outs = arena_new_array(arena, struct artifact, entry->out_count);
    for (size_t i = 0; i < entry->out_count; i++) {
        struct artifact *artifact = &entry->outs[i];
        TRY(canon_read_str(reader, &artifact->path));
        TRY(canon_read_int(reader, &flags));
        TRY(canon_read_digest(reader, &artifact->digest));
        TRY(canon_read_int(reader, &artifact->size_bytes));
        TRY(canon_read_int(reader, &artifact->file_count));
        TRY(decode_texts(arena, reader, &artifact->empty_dirs, &artifact->empty_dir_count));
        artifact->kind = kind_of(flags);
        artifact->is_executable = flags & FLAG_EXECUTABLE;
        artifact->is_stored = flags & FLAG_STORED;
    }
    return NULL;
}

static FALLIBLE decode_metric(struct canon_reader *reader, struct metric *ret)
{
    size_t items = 0;
    TRY(canon_read_list(reader, &items));
    if (items != 3 && items != 4)
        return error_new(ERROR_STORED, "a metric has three or four items");
    ret->is_text = items == 3;
    TRY(canon_read_str(reader, &ret->file));
    TRY(canon_read_str(reader, &ret->key));
    TRY(canon_read_str(reader, &ret->text));
    ret->value = (double)NAN;
    return ret->is_text ? NULL : canon_read_real(reader, &ret->value);
}

/* Exactly as much memory as they take: there are many lists of few. */
FALLIBLE lock_decode_metrics(struct arena *arena, struct canon_reader *reader,
                             struct metric_vec *ret)
{
    size_t count = 0;
    TRY(canon_read_list(reader, &count));
    if (count > (size_t)(reader->end - reader->at) / 8) /* bytes of the smallest metric */
        return error_new(ERROR_STORED, "a list of metrics is cut off");
    *ret = (struct metric_vec){arena_new_array(arena, struct metric, count), 0, count};
    for (; ret->len < count; ret->len++)
        TRY(decode_metric(reader, &ret->at[ret->len]));
    return NULL;
}

static FALLIBLE decode_entry(struct arena *arena, struct canon_reader *reader,
                             struct lock_entry *entry)
{
    struct recipe *recipe = &entry->recipe;
    TRY(canon_read_str(reader, &entry->stage));
    TRY(canon_read_digest(reader, &entry->key));
    TRY(canon_read_bool(reader, &entry->is_rejected));
    TRY(canon_read_bool(reader, &recipe->cmd.is_list));
    TRY(decode_texts(arena, reader, &recipe->cmd.items, &recipe->cmd.count));
    TRY(canon_read_str(reader, &recipe->wdir));
    TRY(canon_read_str(reader, &recipe->shell));
    TRY(canon_read_str(reader, &recipe->environment));
    TRY(decode_deps(arena, reader, recipe));
    TRY(decode_params(arena, reader, recipe));
    TRY(decode_env(arena, reader, recipe));
    TRY(decode_texts(arena, reader, &recipe->outs, &recipe->out_count));
    TRY(decode_outs(arena, reader, entry));
    return lock_decode_metrics(arena, reader, &entry->metrics);
}

FALLIBLE lock_decode(struct arena *arena, struct str bytes, struct lockfile *ret)
{
    struct canon_reader reader = canon_reader_of(bytes);
    int64_t count = 0;
    TRY(canon_expect_tag(&reader, STR(LOCK_TAG)));
    TRY(canon_read_str(&reader, &ret->project));
    TRY(canon_read_int(&reader, &count));
    if (count < 0 || count > LIMIT_STAGES)
        return error_new(ERROR_STORED, "the cached form of a lock file is damaged");
    struct lock_entry *entries = arena_new_array(arena, struct lock_entry, (size_t)count);
    for (int64_t i = 0; i < count; i++) {
        TRY(decode_entry(arena, &reader, &entries[i]));
        map_put(arena, &ret->entries, entries[i].stage, &entries[i]);
    }
    return canon_expect_end(&reader);
}
