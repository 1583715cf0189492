#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/cli/command.h"
#include "mlops/cli/data.h"
#include "mlops/cli/foreign.h"
#include "mlops/host/signal.h"
#include "mlops/model/name.h"

struct ls_command {
    bool recursive;
    struct str rev;
};

static const struct option_row rows[] = {
    {.name = "recursive",
     .letter = 'R',
     OPTION_FLAG_AT(struct ls_command, recursive),
     .help = "Every file inside directories that are tracked as one"},
    {.name = "rev",
     OPTION_STR_AT(struct ls_command, rev),
     .value = "REV",
     .help = "As at a git revision; nothing is checked out"},
};

static const struct column columns[] = {
    {.name = "path", .title = "PATH", .may_shrink = true},
    {.name = "kind", .title = "KIND"},
    {.name = "size_bytes", .title = "SIZE", .is_right = true},
    {.name = "files", .title = "FILES", .is_right = true, .drop = 2},
    {.name = "state", .title = "STATE"},
    {.name = "digest", .title = NULL},
    {.name = "named_by", .title = "BY", .may_shrink = true, .drop = 1},
};

struct listing {
    struct context *context;
    struct session *session;
    const struct ls_command *command;
    struct map states; /* path of a pointer -> state's name */
    struct report_stream stream;
    bool is_unknown; /* the store lacks the trees of some directory */
};

static void listing_drop(struct listing *listing)
{
    report_stream_drop(&listing->stream);
}

static FALLIBLE add_row(struct listing *listing, const struct data_record *record)
{
    const struct artifact *artifact = &record->artifact;
    const char *state = map_get(&listing->states, artifact->path);
    struct cell *row = NULL;
    TRY(report_stream_add(&listing->stream, &row));
    struct arena *arena = report_stream_arena(&listing->stream);
    bool is_link = record->kind == TREE_SYMLINK;
    row[0] = cell_text(str_copy(arena, artifact->path));
    row[1] = cell_text(str_of(is_link ? "link" : artifact_kind_name(artifact->kind)));
    if (artifact->size_bytes >= 0)
        row[2] = cell_int_shown(bytes_print(arena, artifact->size_bytes), artifact->size_bytes);
    if (artifact->file_count >= 0)
        row[3] = cell_int(arena, artifact->kind == ARTIFACT_TREE ? artifact->file_count : 1);
    if (state)
        row[4] = cell_text(str_of(state));
    if (!digest_is_zero(artifact->digest))
        row[5] = cell_text(digest_hex(arena, artifact->digest));
    row[6] = cell_text(record->named_by);
    return NULL;
}

static FALLIBLE add_file(void *context, const struct data_record *part, bool is_lacking)
{
    struct listing *listing = context;
    listing->is_unknown = listing->is_unknown || is_lacking;
    return add_row(listing, part);
}

/* The files of a directory, or its direct entries; what the store can't look into stands for
 * itself.
 */
static FALLIBLE add_inside(struct listing *listing, const struct data_record *record)
{
    struct data_visitor visitor = {add_file, listing};
    struct data_record_vec parts = {0};
    bool is_known = true;
    if (listing->command->recursive)
        return data_each_file(listing->session, record, &visitor);
    TRY(data_entries(listing->session, record, &parts, &is_known));
    if (!is_known)
        return add_file(listing, record, true);
    vec_each (const struct data_record, part, &parts)
        TRY(add_row(listing, part));
    return NULL;
}

static FALLIBLE add_record(struct listing *listing, const struct data_record *record,
                           struct str path, bool *found)
{
    struct data_record part = {0};
    bool is_known = true, has = false;
    struct str tracked = record->artifact.path;
    bool is_inside = path.len && path_is_within(path, tracked);
    if (!is_inside && !path_is_within(tracked, path))
        return NULL;
    *found = true;
    if (is_inside)
        TRY(data_part(listing->session, record, path, &part, &has, &is_known));
    else
        part = *record;
    listing->is_unknown = listing->is_unknown || !is_known;
    if (is_inside && (!has || !is_known)) {
        *found = !is_known;
        return NULL;
    }
    bool is_entered =
        part.artifact.kind == ARTIFACT_TREE && (is_inside || listing->command->recursive);
    if (is_entered)
        return add_inside(listing, &part);
    return add_row(listing, &part);
}

static FALLIBLE find_states(struct listing *listing)
{
    struct session *session = listing->session;
    struct pointer_vec pointers = {0};
    struct data_status_vec statuses = {0};
    struct dvc_tracked_vec tracked = {0};
    TRY(pointers_load_all(session->arena, &session->workspace, &pointers));
    TRY(data_status(session, &pointers, &statuses));
    TRY(dvcfiles_load(session->arena, &session->workspace, session->index, NULL, &tracked));
    TRY(data_status_dvc(session, &tracked, &statuses));
    vec_each (const struct data_status, status, &statuses) {
        char *name = arena_copy(session->arena, data_state_name(status->state),
                                strlen(data_state_name(status->state)));
        map_put(session->arena, &listing->states, status->pointer->artifact.path, name);
    }
    return NULL;
}

static FALLIBLE find_commit(struct listing *listing, struct str *ret)
{
    struct vcs *vcs = NULL;
    bool found = false;
    TRY(session_vcs(listing->session, &vcs));
    if (vcs)
        TRY(vcs_resolve(vcs, listing->session->arena, listing->command->rev, ret, &found));
    return found ? NULL
                 : error_new(ERROR_USAGE, "'%.*s' is no git revision",
                             STR_FMT(listing->command->rev));
}

/* --- of another project --- */

static FALLIBLE list_registry(struct context *context, const struct ls_command *command, int argc,
                              const struct str *argv)
{
    AUTO(foreign_drop) struct foreign foreign = {0};
    struct progress progress = {.context = context};
    struct observer observer = progress_observer(&progress);
    struct foreign_wish wish = {.word = argv[0],
                                .path = argc > 1 ? argv[1] : STR(""),
                                .rev = command->rev,
                                .shelter = foreign_temporary(),
                                .observer = &observer};
    AUTO(listing_drop)
    struct listing listing = {.context = context,
                              .command = command,
                              .stream =
                                  report_stream_make(context, columns, COUNT_OF(columns), "data")};
    struct data_record_vec records = {0};
    int signals = -1;
    TRY(signal_open(&signals));
    struct error *error = foreign_open(context, &wish, &foreign);
    if (!error)
        error = registry_list(&foreign.registry, foreign.path, command->recursive, &records);
    progress_clear(&progress);
    TRY(error);
    vec_each (const struct data_record, record, &records)
        TRY(add_row(&listing, record));
    return report_stream_end(&listing.stream);
}

/* Two words, or one that is no path of this project. */
static FALLIBLE is_of_registry(struct context *context, int argc, const struct str *argv, bool *ret)
{
    struct str cwd = {0};
    *ret = argc > 1;
    if (argc != 1)
        return NULL;
    TRY(path_current(context->arena, &cwd));
    TRY(foreign_is_repository(context->arena, cwd, argv[0], ret));
    return *ret ? NULL : foreign_is_beside(context, cwd, argv[0], ret);
}

static FALLIBLE run(struct context *context, void *opaque, int argc, const struct str *argv)
{
    const struct ls_command *command = opaque;
    AUTO(data_close) struct data_shell shell = {0};
    AUTO(listing_drop)
    struct listing listing = {.context = context,
                              .session = &shell.session,
                              .command = command,
                              .stream =
                                  report_stream_make(context, columns, COUNT_OF(columns), "data")};
    struct data_record_vec records = {0};
    struct str path = {0}, commit = {0};
    bool found = false, is_elsewhere = false;
    TRY(is_of_registry(context, argc, argv, &is_elsewhere));
    if (is_elsewhere)
        return list_registry(context, command, argc, argv);
    TRY(data_open(context, true, &shell));
    if (argc)
        TRY(data_word(&shell, argv[0], &path));
    if (command->rev.len)
        TRY(find_commit(&listing, &commit));
    else
        TRY(find_states(&listing));
    TRY(data_records(&shell.session, commit, &records));
    progress_clear(&shell.progress);
    vec_each (const struct data_record, record, &records)
        TRY(add_record(&listing, record, path, &found));
    if (argc && !found)
        return error_hint(error_new(ERROR_ANSWER, "nothing that is tracked is called '%.*s'%.*s",
                                    STR_FMT(argv[0]),
                                    STR_FMT(data_near(&shell.session, path, true))),
                          "'mlops ls' lists everything");
    TRY(report_stream_end(&listing.stream));
    if (listing.is_unknown) {
        context_warn(context, "the store lacks directories that are listed: 'mlops pull' fetches "
                              "them");
        context->status = ERROR_ANSWER;
    }
    return NULL;
}

static const struct command_example examples[] = {
    {"mlops ls", "what is tracked, how large it is and whether it changed"},
    {"mlops ls data/raw", "what is in a directory, as its pointer says"},
    {"mlops ls -R --rev v1.0", "every file as at a revision"},
    {"mlops ls https://github.com/org/data images --rev v2", "what another project has"},
};

const struct cli_command cmd_ls = {
    .name = "ls",
    .group = GROUP_DATA,
    .arguments = "[PATH] | REPOSITORY [PATH]",
    .summary = "List what pointers and lock files track",
    .description =
        "Paths that pointers track and outputs that lock files record. Of a PATH that is, or lies "
        "in, a directory that is tracked as one, its entries as recorded: they need not be in the "
        "work tree. STATE (of what pointers track, not with --rev) is unchanged, modified, "
        "deleted, "
        "not_fetched (neither here nor in the store) or not_stored (here, but not in the store).\n"
        "\n"
        "Of a REPOSITORY (URL, HOST:PATH, or a directory outside of this project): what lies "
        "directly in PATH of that project at --rev, its top if not given: tracked data, and files "
        "that git keeps (BY git); a directory of several stands without a size, --recursive "
        "looks into it. Only what describes the data is fetched, and no project is needed.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct ls_command),
    .words_most = 2,
    .needs = NEED_WORKSPACE,
    .completes = COMPLETE_FILES | COMPLETE_DATA,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "status, du, checkout, get, import",
    .has_rows = true,
    .run = run,
};
