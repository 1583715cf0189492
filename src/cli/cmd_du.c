#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/base/moment.h"
#include "mlops/cli/command.h"
#include "mlops/cli/data.h"
#include "mlops/host/signal.h"
#include "mlops/model/name.h"
#include "mlops/model/tree.h"
#include "mlops/store/mirror.h"

#include <stdlib.h>

static const struct column columns[] = {
    {.name = "path", .title = "PATH", .may_shrink = true},
    {.name = "recorded_bytes", .title = "RECORDED", .is_right = true},
    {.name = "worktree_bytes", .title = "WORK TREE", .is_right = true},
    {.name = "store_bytes", .title = "STORE", .is_right = true},
};

struct usage_sum {
    int64_t recorded, worktree, store;
};

/* A file that the store has. */
struct usage_object {
    struct digest digest;
    int64_t size_bytes;
};
VEC(usage_vec, struct usage_object);
VEC(usage_tree_vec, struct digest);

struct summing {
    struct context *context;
    struct session *session;
    struct usage_vec objects; /* of all paths, with repetitions */
    struct usage_vec trees;   /* directories: what they are made of, not the files in them */
    struct usage_sum total;
    struct table table;
};

static int compare_objects(const void *a, const void *b)
{
    return digest_compare(((const struct usage_object *)a)->digest,
                          ((const struct usage_object *)b)->digest);
}

/* Each content once; the vector is shortened to that, from `from` on. */
static int64_t sum_once(struct usage_vec *objects, size_t from)
{
    int64_t bytes = 0;
    size_t kept = from;
    if (objects->len - from > 1)
        qsort(objects->at + from, objects->len - from, sizeof objects->at[0], compare_objects);
    for (size_t i = from; i < objects->len; i++) {
        if (kept > from && digest_equal(objects->at[kept - 1].digest, objects->at[i].digest))
            continue;
        objects->at[kept++] = objects->at[i];
        bytes += objects->at[i].size_bytes;
    }
    objects->len = kept;
    return bytes;
}

static FALLIBLE add_file(struct summing *summing, struct digest digest, int64_t size_bytes)
{
    bool has = false;
    TRY(cas_has(summing->session->cas, digest, &has));
    if (has)
        *vec_push(summing->context->arena, &summing->objects) =
            (struct usage_object){digest, size_bytes};
    return NULL;
}

static FALLIBLE add_entries(struct summing *summing, struct arena *arena, struct digest digest,
                            struct usage_tree_vec *waiting)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str bytes = {0};
    struct tree tree = {0};
    bool found = false;
    TRY(signal_check());
    TRY(cas_get_bytes(summing->session->cas, &scratch, digest, LIMIT_TREE_BYTES, &bytes, &found));
    if (found)
        TRY(tree_decode(&scratch, bytes, &tree));
    if (found)
        *vec_push(summing->context->arena, &summing->trees) =
            (struct usage_object){digest, (int64_t)bytes.len};
    for (size_t i = 0; i < tree.count; i++) {
        if (tree.entries[i].kind == TREE_DIRECTORY)
            *vec_push(arena, waiting) = tree.entries[i].digest;
        else
            TRY(add_file(summing, tree.entries[i].digest, tree.entries[i].size_bytes));
    }
    return NULL;
}

/* A directory's list of files is never held whole: it may be of millions. */
static FALLIBLE add_store(struct summing *summing, const struct artifact *artifact,
                          struct usage_sum *sum)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct usage_tree_vec waiting = {0};
    size_t from = summing->objects.len;
    if (!summing->session->cas || artifact->kind == ARTIFACT_ABSENT)
        return NULL;
    if (artifact->kind == ARTIFACT_TREE)
        *vec_push(&scratch, &waiting) = artifact->digest;
    else
        TRY(add_file(summing, artifact->digest, artifact->size_bytes));
    while (waiting.len)
        TRY(add_entries(summing, &scratch, waiting.at[--waiting.len], &waiting));
    sum->store = sum_once(&summing->objects, from);
    return NULL;
}

static void add_row(struct summing *summing, struct str path, const struct usage_sum *sum)
{
    struct arena *arena = summing->context->arena;
    struct cell *row = table_add(&summing->table);
    row[0] = cell_text(path);
    row[1] = cell_int_shown(bytes_print(arena, sum->recorded), sum->recorded);
    row[2] = cell_int_shown(bytes_print(arena, sum->worktree), sum->worktree);
    row[3] = cell_int_shown(bytes_print(arena, sum->store), sum->store);
}

static FALLIBLE add_record(struct summing *summing, const struct data_record *record)
{
    struct usage_sum sum = {.recorded = record->artifact.size_bytes};
    struct artifact now = {0};
    struct error *error =
        worktree_look(summing->session->worktree, record->artifact.path, LOOK_OUT, &now);
    if (error && error->code >= ERROR_SIGNAL)
        return error;
    error_drop(error); /* what can't be read counts as nothing */
    sum.worktree = now.size_bytes;
    TRY(add_store(summing, &record->artifact, &sum));
    summing->total.recorded += sum.recorded;
    summing->total.worktree += sum.worktree;
    add_row(summing, record->artifact.path, &sum);
    return NULL;
}

/* All of a record, or the part of it that the path names. */
static FALLIBLE add_named(struct summing *summing, const struct data_record *record,
                          struct str path, bool *found)
{
    struct data_record part = *record;
    bool is_known = true, has = path_is_within(record->artifact.path, path);
    if (!has && path_is_within(path, record->artifact.path))
        TRY(data_part(summing->session, record, path, &part, &has, &is_known));
    if (!is_known)
        return error_hint(error_new(ERROR_ANSWER, "the store can't tell what is in '%.*s'",
                                    STR_FMT(record->artifact.path)),
                          "'mlops pull' fetches it");
    *found = *found || has;
    return has ? add_record(summing, &part) : NULL;
}

static FALLIBLE add_bytes(void *opaque, struct digest digest, const struct file_stat *stat)
{
    int64_t *bytes = opaque;
    (void)digest;
    *bytes += stat->size_bytes;
    return NULL;
}

/* What the store holds beyond: earlier versions, results of runs, other projects. */
static FALLIBLE tell_rest(struct summing *summing)
{
    struct context *context = summing->context;
    int64_t bytes = 0, known = summing->total.store + sum_once(&summing->trees, 0);
    if (!summing->session->cas || context->format != FORMAT_TABLE)
        return NULL;
    TRY(cas_each(summing->session->cas, add_bytes, &bytes));
    if (bytes <= known)
        return NULL;
    context_notice(context,
                   "the store holds %.*s in all, %.*s of it for something else than these paths: "
                   "'mlops gc' tells for what, and what of it may go",
                   STR_FMT(bytes_print(context->arena, bytes)),
                   STR_FMT(bytes_print(context->arena, bytes - known)));
    return NULL;
}

/* Of all projects of this user. */
static FALLIBLE tell_mirrors(struct context *context)
{
    struct mirror_use_vec uses = {0};
    int64_t bytes = 0;
    if (context->format != FORMAT_TABLE)
        return NULL;
    TRY(mirror_list(context->arena, &uses));
    vec_each (const struct mirror_use, use, &uses)
        bytes += use->size_bytes;
    if (uses.len)
        context_notice(context, "%zu mirror%s of git repositories of others: %.*s in '%.*s'",
                       uses.len, uses.len == 1 ? "" : "s",
                       STR_FMT(bytes_print(context->arena, bytes)),
                       STR_FMT(path_directory(uses.at[0].directory)));
    return NULL;
}

static FALLIBLE run(struct context *context, void *opaque, int argc, const struct str *argv)
{
    AUTO(data_close) struct data_shell shell = {0};
    struct summing summing = {.context = context,
                              .session = &shell.session,
                              .table = table_make(context->arena, columns, COUNT_OF(columns))};
    struct data_record_vec records = {0};
    struct str path = {0};
    bool found = false;
    (void)opaque;
    TRY(data_open(context, true, &shell));
    if (argc)
        TRY(data_word(&shell, argv[0], &path));
    TRY(data_records(&shell.session, STR(""), &records));
    vec_each (const struct data_record, record, &records)
        TRY(add_named(&summing, record, path, &found));
    progress_clear(&shell.progress);
    if (argc && !found)
        return error_hint(error_new(ERROR_ANSWER, "nothing that is tracked is called '%.*s'%.*s",
                                    STR_FMT(argv[0]),
                                    STR_FMT(data_near(&shell.session, path, true))),
                          "'mlops ls' lists everything");
    summing.total.store = sum_once(&summing.objects, 0);
    if (context->format == FORMAT_TABLE && summing.table.row_count > 1)
        add_row(&summing, STR("all, each content once"), &summing.total);
    report_table(context, &summing.table, "data");
    if (argc)
        return NULL;
    TRY(tell_rest(&summing));
    return tell_mirrors(context);
}

static const struct command_example examples[] = {
    {"mlops du", "what takes how much room"},
    {"mlops du data", "below one directory, or of a part of one that is tracked"},
};

const struct cli_command cmd_du = {
    .name = "du",
    .group = GROUP_DATA,
    .arguments = "[PATH]",
    .summary = "Show how much room tracked data take",
    .description =
        "Of each path that a pointer or a lock file names: the bytes that are recorded, those in "
        "the work tree now, and those that the store holds for it, each content once. The last "
        "line "
        "counts content that several paths share once. Hard links and reflinks between store and "
        "work tree take less than both columns say together. What else the store holds (earlier "
        "versions, results of runs, other projects) is told in one sum; 'mlops gc' says what.",
    .words_most = 1,
    .needs = NEED_WORKSPACE,
    .completes = COMPLETE_FILES | COMPLETE_DATA,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "ls, gc",
    .has_rows = true,
    .run = run,
};
