#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/cli/command.h"
#include "mlops/cli/data.h"
#include "mlops/cli/foreign.h"
#include "mlops/engine/get.h"
#include "mlops/host/signal.h"
#include "mlops/model/name.h"

#include <fcntl.h>
#include <sys/stat.h>

struct get_command {
    struct str rev, out;
    bool force;
};

static const struct option_row rows[] = {
    {.name = "rev",
     OPTION_STR_AT(struct get_command, rev),
     .value = "REV",
     .help = "A git revision of the project; without it what its work tree names now, of a "
             "repository elsewhere its HEAD"},
    {.name = "out",
     .letter = 'o',
     OPTION_STR_AT(struct get_command, out),
     .value = "OUT",
     .help = "Where to: a new name, or a directory to put it into"},
    {.name = "force",
     .letter = 'f',
     OPTION_FLAG_AT(struct get_command, force),
     .help = "Replace a file that lies there"},
};

/* One call of the command. */
struct getting {
    struct context *context;
    const struct get_command *command;
    struct str cwd;
    struct progress progress;
    struct observer observer;
    struct str out; /* absolute */
    bool names_directory;
    struct get_report report;
};

static FALLIBLE find_out(struct getting *getting, struct str last)
{
    struct arena *arena = getting->context->arena;
    struct str out = path_join(arena, getting->cwd, getting->command->out);
    struct file_stat stat = {0};
    bool found = false;
    (void)path_resolve(arena, STR(""), out, &out);
    TRY(file_stat_at(AT_FDCWD, str_terminate(arena, out), true, &stat, &found));
    getting->out = out;
    getting->names_directory = !found && str_ends(getting->command->out, STR("/"));
    if (!found || !S_ISDIR(stat.mode))
        return NULL;
    if (!last.len || path_text_fault(last) || str_find_char(last, '/') >= 0)
        return error_hint(error_new(ERROR_USAGE, "it does not say what it is to be called here"),
                          "-o OUT");
    getting->out = path_join(arena, out, last);
    return NULL;
}

static struct get_target target_of(struct getting *getting)
{
    return (struct get_target){.out = getting->out,
                               .force = getting->command->force,
                               .is_directory = getting->names_directory,
                               .observer = &getting->observer};
}

static FALLIBLE get_of_url(struct getting *getting, struct str url)
{
    AUTO(upstream_drop) struct upstream upstream = {0};
    struct context *context = getting->context;
    struct workspace *workspace = NULL;
    struct upstream_state state = {0};
    bool found = false;
    TRY(context_workspace(context, &workspace));
    bool is_project = fd_number(workspace->state_fd) >= 0;
    TRY(upstream_open(context->arena, is_project ? workspace : NULL, getting->cwd, url, &upstream));
    TRY(find_out(getting, upstream.last));
    TRY(upstream_look(context->arena, &upstream, &state, &found));
    if (!found)
        return error_new(ERROR_MACHINE, "there is nothing at '%.*s'", STR_FMT(upstream.url));
    struct get_target target = target_of(getting);
    return get_url(context->arena, &target, &upstream, &state, &getting->report);
}

static FALLIBLE find_commit(struct session *session, struct str rev, struct str *ret)
{
    struct vcs *vcs = NULL;
    bool found = false;
    if (!rev.len)
        return NULL;
    TRY(session_vcs(session, &vcs));
    if (!vcs)
        return error_new(ERROR_PROJECT, "'%.*s' is no git repository, so it has no revisions",
                         STR_FMT(session->workspace.root));
    TRY(vcs_resolve(vcs, session->arena, rev, ret, &found));
    return found ? NULL
                 : error_new(ERROR_USAGE, "'%.*s' is no git revision of '%.*s'", STR_FMT(rev),
                             STR_FMT(session->workspace.root));
}

/* --- of a repository --- */

static FALLIBLE get_of_registry(struct getting *getting, struct str word, struct str path)
{
    AUTO(foreign_drop) struct foreign foreign = {0};
    struct context *context = getting->context;
    struct foreign_wish wish = {
        .word = word, .path = path, .rev = getting->command->rev, .observer = &getting->observer};
    struct artifact artifact = {0};
    struct str inner = {0};
    (void)path_resolve(context->arena, STR(""), path, &inner);
    TRY(find_out(getting, path_name(inner)));
    wish.shelter = path_directory(getting->out);
    TRY(foreign_open(context, &wish, &foreign));
    struct get_target target = target_of(getting);
    TRY(get_check(context->arena, &target));
    TRY(registry_take(&foreign.registry, foreign.path, &artifact));
    foreign.session->workspace.config.link = LINK_AUTO; /* the user may write to it */
    return get_stored(foreign.session, &target, &artifact, &getting->report);
}

static FALLIBLE check_project(const struct str *directory, struct str word)
{
    struct file_stat stat = {0};
    bool found = false;
    TRY(file_stat_at(AT_FDCWD, directory->at, true, &stat, &found));
    if (found && S_ISDIR(stat.mode))
        return NULL;
    return error_hint(
        error_new(ERROR_PROJECT, "'%.*s' is no project: %s", STR_FMT(word),
                  found ? "it is no directory" : "there is no such directory"),
        "of two words the first is a project's directory or the URL of its git repository; one "
        "word is a URL");
}

/* The same, as git has it: its top, and a path seen from there. */
struct committed {
    struct str top, path;
};

/* Its own files are never written to, and none of its store's are linked to. *ret: of a revision
 * its store lacks something; its remotes may have it. */
static FALLIBLE get_of_store(struct getting *getting, struct str directory, struct str word,
                             struct committed *ret)
{
    AUTO(session_drop) struct session session = {0};
    struct arena *arena = getting->context->arena;
    struct session_options options = {
        .is_read_only = true, .threads = -1, .observer = &getting->observer};
    struct str path = {0}, commit = {0};
    options.cwd = path_join(arena, getting->cwd, directory);
    TRY(check_project(&options.cwd, directory));
    TRY(session_open_data(arena, &options, &session));
    session.workspace.config.link = LINK_AUTO;
    TRY(workspace_path(arena, &session.workspace, word, &path));
    TRY(find_out(getting, path_name(path)));
    TRY(find_commit(&session, getting->command->rev, &commit));
    struct get_target target = target_of(getting);
    struct error *error = get_tracked(&session, &target, commit, path, &getting->report);
    if (!error || error->code != ERROR_ANSWER || !commit.len)
        return error;
    error_drop(error);
    ret->top = str_copy(arena, vcs_top(session.vcs));
    ret->path = str_copy(arena, session_vcs_path(&session, arena, path));
    return NULL;
}

static FALLIBLE get_of_project(struct getting *getting, struct str directory, struct str word)
{
    struct committed committed = {0};
    TRY(get_of_store(getting, directory, word, &committed));
    return committed.top.len ? get_of_registry(getting, committed.top, committed.path) : NULL;
}

static void print(struct getting *getting)
{
    struct context *context = getting->context;
    const struct get_report *report = &getting->report;
    struct str shown = path_relative(context->arena, getting->cwd, getting->out);
    if (context->format == FORMAT_JSON) {
        struct json_writer json = report_json_open(context);
        json_name(&json, "out");
        json_str(&json, shown);
        json_name(&json, "files");
        json_int(&json, report->files);
        json_name(&json, "size_bytes");
        json_int(&json, report->bytes);
        report_json_close(&json);
        return;
    }
    struct str size = bytes_print(context->arena, report->bytes);
    if (context->common.quiet)
        return;
    buf_add_escaped(&context->out, shown, false);
    if (report->is_directory)
        buf_print(&context->out, "  %lld file%s,", (long long)report->files,
                  report->files == 1 ? "" : "s");
    else
        buf_add_char(&context->out, ' ');
    buf_print(&context->out, " %.*s\n", STR_FMT(size));
}

static FALLIBLE run(struct context *context, void *opaque, int argc, const struct str *argv)
{
    const struct get_command *command = opaque;
    struct getting getting = {.context = context, .command = command};
    int signals = -1;
    if (argc == 1 && command->rev.len)
        return error_new(ERROR_USAGE, "--rev is of a project: mlops get PROJECT PATH --rev REV");
    if (argc == 1 && mirror_is_surely(argv[0]))
        return error_hint(
            error_new(ERROR_USAGE, "'%.*s' is a git repository: what of it?", STR_FMT(argv[0])),
            "mlops get %.*s PATH; 'mlops ls' of it lists what there is", STR_FMT(argv[0]));
    getting.progress.context = context;
    getting.observer = progress_observer(&getting.progress);
    TRY(signal_open(&signals));
    TRY(path_current(context->arena, &getting.cwd));
    bool is_elsewhere = false;
    if (argc == 2)
        TRY(foreign_is_repository(context->arena, getting.cwd, argv[0], &is_elsewhere));
    struct error *error = argc == 1      ? get_of_url(&getting, argv[0])
                          : is_elsewhere ? get_of_registry(&getting, argv[0], argv[1])
                                         : get_of_project(&getting, argv[0], argv[1]);
    progress_clear(&getting.progress);
    TRY(error);
    print(&getting);
    return NULL;
}

static const struct command_example examples[] = {
    {"mlops get https://example.org/data.csv", "a file, and nothing tracks it"},
    {"mlops get s3://bucket/images/ -o /data/images", "everything below a prefix"},
    {"mlops get ../other data/raw --rev v1.2", "what another project had at a tag"},
    {"mlops get https://github.com/org/data images --rev v2", "of a project elsewhere"},
    {"mlops get . model.pkl --rev HEAD~3 -o old.pkl", "an earlier state beside the present one"},
};

const struct cli_command cmd_get = {
    .name = "get",
    .group = GROUP_DATA,
    .arguments = "URL | PROJECT PATH",
    .summary = "Fetch data without tracking them",
    .description =
        "With one word: a file or directory from a URL or path, as 'mlops import-url' takes them, "
        "into the current directory or to OUT. No project is needed; in one the settings of its "
        "remotes apply.\n"
        "\n"
        "With two: PATH (seen from PROJECT, which may be '.') as pointers and lock files of the "
        "project name it, in its work tree or at --rev, a part of a tracked directory too, and at "
        "a "
        "revision also files that git keeps. Content comes from that project's store, which is "
        "only "
        "read; what it lacks of a revision comes from the remotes that it names there.\n"
        "\n"
        "PROJECT may be the URL of a git repository (https, ssh, git, file, HOST:PATH) or a bare "
        "one on this machine: then PATH is seen from its top, may be a directory that holds "
        "tracked data and files of git, and the content comes from that project's own remotes "
        "('mlops help import' says how). In a project it goes through the store, so that what is "
        "there already need not travel.\n"
        "\n"
        "OUT appears whole or not at all. What lies there is refused; a file is replaced with "
        "--force, a directory never.\n"
        "\n"
        "--json: {schema_version, out, files, size_bytes}.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct get_command),
    .words_least = 1,
    .words_most = 2,
    .completes = COMPLETE_FILES,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "import, import-url, checkout, ls",
    .run = run,
};
