/* One process goes into the work directory and stays there; the one that was called waits for it
 * and takes the directory away, which can only be done from outside. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/cli/command.h"
#include "mlops/cli/narrate.h"
#include "mlops/cli/reproduction.h"
#include "mlops/cli/view.h"
#include "mlops/host/clock.h"
#include "mlops/host/loop.h"
#include "mlops/host/process.h"
#include "mlops/host/signal.h"
#include "mlops/model/name.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

extern char **environ;

struct reproduce_command {
    struct str relative, absolute, remote, inside;
    int64_t jobs, parent;
    int isolation, progress;
    bool allow_shared, keep_work;
};

static const char *const progress_names[] = {"auto", "live", "plain", "json", "none", NULL};
static const char *const isolation_names[] = {"auto", "namespace", "directory", NULL};
static const char relative_usual[] = "1e-6", absolute_usual[] = "1e-9";

static const struct option_row rows[] = {
    {.name = "rtol",
     OPTION_STR_AT(struct reproduce_command, relative),
     .value = "X",
     .help = "How far a metric may be off, relative to what it was; 1e-6 if not given"},
    {.name = "atol",
     OPTION_STR_AT(struct reproduce_command, absolute),
     .value = "X",
     .help = "How far it may be off in addition, whatever it was; 1e-9 if not given"},
    {.name = "jobs",
     .letter = 'j',
     OPTION_INT_AT(struct reproduce_command, jobs),
     .value = "N",
     .least = 1,
     .most = 1024,
     .help = "Run up to N stages at once; as many as cpus if not given (1 for a dvc.yaml)"},
    {.name = "remote",
     .letter = 'r',
     OPTION_STR_AT(struct reproduce_command, remote),
     .value = "NAME",
     .completes = COMPLETE_REMOTES,
     .help = "Where data come from that are not here; the default remote if not given"},
    {.name = "isolation",
     OPTION_CHOICE_AT(struct reproduce_command, isolation),
     .value = "HOW",
     .choices = isolation_names,
     .help = "In a mount namespace at the project's own path, or only in a directory of its own"},
    {.name = "allow-shared",
     OPTION_FLAG_AT(struct reproduce_command, allow_shared),
     .help = "Without a namespace: run although an absolute path leads into the project"},
    {.name = "keep-work",
     OPTION_FLAG_AT(struct reproduce_command, keep_work),
     .help = "Leave the work directory for a look"},
    {.name = "progress",
     OPTION_CHOICE_AT(struct reproduce_command, progress),
     .value = "HOW",
     .choices = progress_names,
     .help = "How stderr tells what happens; json: one event a line"},
    {.name = "inside", OPTION_STR_AT(struct reproduce_command, inside), .is_hidden = true},
    {.name = "parent",
     OPTION_INT_AT(struct reproduce_command, parent),
     .most = INT32_MAX,
     .is_hidden = true},
};

/* --- inside --- */

static FALLIBLE read_tolerance(struct context *context, const char *name, struct str text,
                               const char *usual, double *ret)
{
    const char *word = text.len ? str_terminate(context->arena, text) : usual;
    char *end = NULL;
    *ret = strtod(word, &end);
    bool is_number = end != word && *end == '\0' && isfinite(*ret) && *ret >= 0;
    return is_number ? NULL
                     : error_hint(error_new(ERROR_USAGE,
                                            "--%s takes a number of at least 0, not "
                                            "'%s'",
                                            name, word),
                                  "for example: --%s %s", name, usual);
}

static FALLIBLE find_original(struct context *context, const struct reproduce_command *command,
                              struct str word, struct str pipeline,
                              struct reproduce_options *options)
{
    struct run_view *view = arena_new(context->arena, struct run_view);
    bool is_found = false;
    TRY(read_tolerance(context, "rtol", command->relative, relative_usual,
                       &options->tolerance.relative));
    TRY(read_tolerance(context, "atol", command->absolute, absolute_usual,
                       &options->tolerance.absolute));
    TRY(view_find(context, word, pipeline, view));
    if (view->is_workspace)
        return error_hint(error_new(ERROR_USAGE, "the workspace is no run"),
                          "'mlops run --force' runs it again");
    options->original = view;
    if (view->run)
        options->pipeline = view->run->pipeline;
    else
        TRY(context_find_pipeline(context, pipeline, &options->pipeline, &is_found));
    if (!options->pipeline.len) /* that commit's may have been the usual one */
        options->pipeline = STR("pipeline.yaml");
    return NULL;
}

static FALLIBLE run_inside(struct context *context, const struct reproduce_command *command,
                           struct str word, struct str pipeline)
{
    struct work_dir work_dir = {0};
    struct reproduce_report report = {0};
    struct reproduce_options options = {.jobs = command->jobs,
                                        .isolation = (enum isolation)command->isolation,
                                        .allows_shared = command->allow_shared,
                                        .keeps_work = command->keep_work,
                                        .name = command->inside,
                                        .version = STR(MLOPS_VERSION),
                                        .argv = context->arguments};
    if (command->parent)
        TRY(process_end_with((pid_t)command->parent));
    TRY(find_original(context, command, word, pipeline, &options));
    TRY(reproduction_make(context, command->remote, &options, &work_dir));
    context_drop(context); /* nothing of the project may be open in there */
    struct narrator *narrator = narrator_open(context, (enum progress)command->progress);
    options.observer = narrator_observer(narrator);
    struct error *error = reproduce_run(context->arena, &options, &work_dir, &report);
    narrator_drop(&narrator);
    if (error)
        return error;
    reproduction_print(context, &options, &report);
    context->status = report.exit_status;
    return NULL;
}

/* --- outside --- */

VEC(word_vec, const char *);

static void add(struct context *context, struct word_vec *words, const char *name, struct str value)
{
    if (value.len)
        *vec_push(context->arena, words) =
            str_print(context->arena, "--%s=%.*s", name, STR_FMT(value)).at;
}

static const char *format_word(const struct context *context)
{
    switch (context->format) {
    case FORMAT_JSON:
        return "json";
    case FORMAT_CSV:
        return "csv";
    case FORMAT_MARKDOWN:
        return "md";
    case FORMAT_TABLE:
    case FORMAT_JUNIT:
    case FORMAT_SARIF:
        break;
    }
    return "table";
}

static const char *const *command_line(struct context *context,
                                       const struct reproduce_command *command, struct str name,
                                       int argc, const struct str *argv)
{
    struct arena *arena = context->arena;
    struct word_vec words = {0};
    struct str jobs = str_print(arena, "%lld", (long long)command->jobs);
    *vec_push(arena, &words) = "/proc/self/exe";
    *vec_push(arena, &words) = "reproduce";
    add(context, &words, "inside", name);
    add(context, &words, "parent", str_print(arena, "%d", (int)getpid()));
    add(context, &words, "rtol", command->relative);
    add(context, &words, "atol", command->absolute);
    add(context, &words, "remote", command->remote);
    add(context, &words, "jobs", command->jobs ? jobs : (struct str){0});
    add(context, &words, "isolation", str_of(isolation_names[command->isolation]));
    add(context, &words, "progress", str_of(progress_names[command->progress]));
    add(context, &words, "format", str_of(format_word(context)));
    const struct {
        bool is_given;
        const char *word;
    } flags[] = {{command->allow_shared, "--allow-shared"},
                 {command->keep_work, "--keep-work"},
                 {context->common.quiet, "--quiet"},
                 {context->common.verbose, "--verbose"},
                 {!context->has_colour, "--no-color"}};
    for (size_t i = 0; i < COUNT_OF(flags); i++) {
        if (flags[i].is_given)
            *vec_push(arena, &words) = flags[i].word;
    }
    *vec_push(arena, &words) = "--";
    for (int i = 0; i < argc; i++)
        *vec_push(arena, &words) = str_terminate(arena, argv[i]);
    *vec_push(arena, &words) = NULL;
    return words.at;
}

static void is_ready(void *context)
{
    *(bool *)context = true;
}

static void signal_ready(void *context)
{
    (void)context;
    signal_clear();
}

/* Stop signals are passed on; the process inside ends its stages. */
static FALLIBLE wait_for(struct context *context, struct process *process, struct process_end *ret)
{
    AUTO(loop_drop) struct loop *loop = loop_open(context->arena);
    bool is_over = false;
    int signals = -1, passed = 0;
    TRY(signal_open(&signals));
    loop_watch(loop, signals, signal_ready, NULL);
    loop_watch(loop, fd_number(process->pidfd), is_ready, &is_over);
    while (!is_over) {
        TRY(loop_turn(loop, -1));
        for (; passed < signal_count(); passed++)
            process_signal(process, signal_first());
    }
    return process_reap(process, ret);
}

static FALLIBLE run_outside(struct context *context, const struct reproduce_command *command,
                            int argc, const struct str *argv)
{
    AUTO(process_drop) struct process process = {0};
    struct process_end end = {0};
    struct str cwd = {0};
    struct str name = str_print(context->arena, "reproduce-%.*s",
                                STR_FMT(ulid_short(clock_ulid(context->arena))));
    TRY(path_current(context->arena, &cwd));
    TRY(process_adopt_orphans());
    const struct process_spec spec = {.argv = command_line(context, command, name, argc, argv),
                                      .envp = (const char *const *)environ,
                                      .cwd = str_terminate(context->arena, cwd),
                                      .output_fd = -1};
    TRY(process_start(&spec, &process));
    TRY(wait_for(context, &process, &end));
    context->status = end.exit_signal ? ERROR_SIGNAL + end.exit_signal : end.exit_code;
    return reproduction_clear(context, name, command->keep_work);
}

static FALLIBLE run(struct context *context, void *opaque, int argc, const struct str *argv)
{
    const struct reproduce_command *command = opaque;
    struct str pipeline = argc == 2 ? argv[0] : (struct str){0};
    if (argc == 2 && !is_pipeline_word(argv[0]))
        return error_hint(error_new(ERROR_USAGE, "'%.*s' is no pipeline", STR_FMT(argv[0])),
                          "mlops reproduce [PIPELINE] RUN|REVISION");
    return command->inside.len ? run_inside(context, command, argv[argc - 1], pipeline)
                               : run_outside(context, command, argc, argv);
}

static const struct command_example examples[] = {
    {"mlops reproduce HEAD", "in CI, on a fresh clone: what the lock file says can be made again"},
    {"mlops reproduce 7Q4XM2VD", "a run or a trial, with its parameters and uncommitted changes"},
    {"mlops reproduce tune-7 --rtol 1e-3", "metrics may be off by a thousandth"},
};

const struct cli_command cmd_reproduce = {
    .name = "reproduce",
    .group = GROUP_EXPERIMENTS,
    .arguments = "[PIPELINE] RUN|REVISION",
    .summary = "Make a run once more in a fresh directory and compare",
    .description =
        "Commit, uncommitted changes, parameters and data of the run are put together in a "
        "directory "
        "of their own, every stage executes, whatever is cached, and what comes of it is compared "
        "with what the run had. A REVISION means its lock file. Data that are not here are fetched "
        "from the remote.\n"
        "\n"
        "identical: every output has the digest it had. equal within tolerance: outputs differ, "
        "but "
        "the metrics that judge them agree. differs: the first stage is named that made something "
        "else of the same inputs; what only follows from it is marked so. Gates are not asked, "
        "frozen stages are restored, and nothing gets into the history or is taken by later runs.\n"
        "\n"
        "--json: {schema_version, verdict, original, run, first, rtol, atol, isolation, "
        "duration_s, "
        "stages: [{name, verdict, has_same_inputs, is_consequence, cause, outputs_compared, "
        "outputs_differing, metrics}], environment}.\n"
        "\n"
        "Exit status 0 identical or equal, 1 differs or a stage failed; others: it could not be "
        "found out.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct reproduce_command),
    .words_least = 1,
    .words_most = 2,
    .needs = NEED_WORKSPACE,
    .completes = COMPLETE_RUNS,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "apply, diff, run",
    .has_rows = true,
    .run = run,
};
