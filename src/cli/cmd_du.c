#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/cli/command.h"
#include "mlops/cli/data.h"
#include "mlops/model/name.h"

static const struct column columns[] = {
    {.name = "path", .title = "PATH", .may_shrink = true},
    {.name = "recorded_bytes", .title = "RECORDED", .is_right = true},
    {.name = "worktree_bytes", .title = "WORK TREE", .is_right = true},
    {.name = "store_bytes", .title = "STORE", .is_right = true},
};

struct usage_sum {
    int64_t recorded, worktree, store;
};

struct summing {
    struct context *context;
    struct session *session;
    struct map seen; /* digest of a file, in the listings -> struct usage_sum * that had it last */
    struct usage_sum total;
    struct table table;
};

/* Each content once: in this path, and for the total in all of them. */
static FALLIBLE add_file(struct summing *summing, const struct worktree_file *file,
                         struct usage_sum *sum)
{
    struct str key = {(const char *)file->digest.at, sizeof file->digest.at};
    void **last = map_place(summing->context->arena, &summing->seen, key);
    bool is_first = !*last, has = false;
    if (*last == sum)
        return NULL;
    *last = sum;
    TRY(cas_has(summing->session->cas, file->digest, &has));
    sum->store += has ? file->size_bytes : 0;
    summing->total.store += has && is_first ? file->size_bytes : 0;
    return NULL;
}

static FALLIBLE add_store(struct summing *summing, const struct artifact *artifact,
                          struct usage_sum *sum)
{
    struct worktree_file *files = NULL;
    size_t count = 0;
    bool is_known = false;
    if (!summing->session->cas)
        return NULL;
    TRY(tree_list_files(summing->session->cas, summing->context->arena, artifact, SIZE_MAX, &files,
                        &count, &is_known));
    for (size_t i = 0; i < count && is_known; i++)
        TRY(add_file(summing, &files[i], sum));
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
    struct usage_sum *sum = arena_new(summing->context->arena, struct usage_sum);
    struct artifact now = {0};
    struct error *error =
        worktree_look(summing->session->worktree, record->artifact.path, LOOK_OUT, &now);
    if (error && error->code >= ERROR_SIGNAL)
        return error;
    error_drop(error); /* what can't be read counts as nothing */
    sum->recorded = record->artifact.size_bytes;
    sum->worktree = now.size_bytes;
    TRY(add_store(summing, &record->artifact, sum));
    summing->total.recorded += sum->recorded;
    summing->total.worktree += sum->worktree;
    add_row(summing, record->artifact.path, sum);
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
        return error_hint(
            error_new(ERROR_ANSWER, "nothing that is tracked is called '%.*s'", STR_FMT(argv[0])),
            "'mlops ls' lists everything");
    if (context->format == FORMAT_TABLE && summing.table.row_count > 1)
        add_row(&summing, STR("all, each content once"), &summing.total);
    report_table(context, &summing.table, "data");
    return NULL;
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
        "work tree take less than both columns say together.",
    .words_most = 1,
    .needs = NEED_WORKSPACE,
    .completes = COMPLETE_FILES,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "ls, gc",
    .has_rows = true,
    .run = run,
};
