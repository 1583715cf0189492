#include "mlops/base/arena.h"
#include "mlops/cli/command.h"
#include "mlops/cli/experiment.h"
#include "mlops/cli/narrate.h"
#include "mlops/cli/run_summary.h"
#include "mlops/cli/stages.h"
#include "mlops/cli/transfer_run.h"

struct run_command {
    int64_t jobs, lock_timeout_ns;
    struct plan_choice choice;
    bool keep_going, force, no_restore, minimal, dry_run;
    bool force_downstream, no_dvc_lock;
    struct str remote;
    struct str_vec params;
    bool in_place;
    bool pull, allow_missing;
    bool no_commit, ignore_errors, interactive, queue, temp, run_all; /* DVC's: refused */
    struct str exp_name;
    int progress;
};

static const char *const progress_names[] = {"auto", "live", "plain", "json", "none", NULL};

static const struct option_row rows[] = {
    {.name = "jobs",
     .letter = 'j',
     OPTION_INT_AT(struct run_command, jobs),
     .value = "N",
     .least = 1,
     .most = 1024,
     .help = "Run up to N stages at once; as many as cpus if not given (1 for a dvc.yaml)"},
    {.name = "keep-going",
     .letter = 'k',
     OPTION_FLAG_AT(struct run_command, keep_going),
     .help = "After a failure go on with what does not depend on it"},
    {.name = "force",
     .letter = 'f',
     OPTION_FLAG_AT(struct run_command, force),
     .help = "Run the stages although their results are known"},
    {.name = "dry-run",
     .letter = 'n',
     OPTION_FLAG_AT(struct run_command, dry_run),
     .help = "Only say what would run, and why; the same as 'mlops plan'"},
    CHOICE_ROWS(struct run_command),
    {.name = "set-param",
     .letter = 'S',
     .shared_letter = 'P',
     .takes = override_is_word,
     OPTION_STRS_AT(struct run_command, params),
     .value = "[FILE:]KEY=VALUE",
     .help =
         "Run with a parameter changed, as -P does too: an experiment in a directory of its own; "
         "+KEY=VALUE adds one, ~KEY removes one"},
    {.name = "in-place",
     OPTION_FLAG_AT(struct run_command, in_place),
     .help = "Write the parameters of -P into their files and run here"},
    {.name = "no-restore",
     OPTION_FLAG_AT(struct run_command, no_restore),
     .help = "Run a stage rather than restore its outputs from the cache"},
    {.name = "minimal",
     OPTION_FLAG_AT(struct run_command, minimal),
     .help = "Restore only targets and what stages that run need"},
    {.name = "lock-timeout",
     OPTION_DURATION_AT(struct run_command, lock_timeout_ns),
     .value = "TIME",
     .initial = -1,
     .help = "Give up waiting for another run after this long; without it the setting "
             "'lock_timeout' holds"},
    {.name = "force-downstream",
     OPTION_FLAG_AT(struct run_command, force_downstream),
     .help = "Run also all that uses a stage that ran, even if what it made is as it was"},
    {.name = "no-dvc-lock",
     OPTION_FLAG_AT(struct run_command, no_dvc_lock),
     .help = "Do not take over what dvc.lock records of a dvc.yaml"},
    {.name = "pull",
     OPTION_FLAG_AT(struct run_command, pull),
     .help = "First fetch from the remote what known results and tracked inputs lack here; with "
             "TARGETs as --minimal has it"},
    {.name = "remote",
     .letter = 'r',
     OPTION_STR_AT(struct run_command, remote),
     .value = "NAME",
     .completes = COMPLETE_REMOTES,
     .help = "The remote of --pull; the default one if not given"},
    {.name = "allow-missing",
     OPTION_FLAG_AT(struct run_command, allow_missing),
     .help = "Tracked inputs that are not here count as recorded; put in place for what executes"},
    {.name = "progress",
     OPTION_CHOICE_AT(struct run_command, progress),
     .value = "HOW",
     .choices = progress_names,
     .help = "How stderr tells what happens; json: one event a line"},
    /* As 'dvc repro' has them. */
    {.name = "single-item",
     OPTION_FLAG_AT(struct run_command, choice.only_targets),
     .is_hidden = true},
    {.name = "dry", OPTION_FLAG_AT(struct run_command, dry_run), .is_hidden = true},
    {.name = "no-run-cache", OPTION_FLAG_AT(struct run_command, no_restore), .is_hidden = true},
    {.name = "no-commit", OPTION_FLAG_AT(struct run_command, no_commit), .is_hidden = true},
    {.name = "ignore-errors", OPTION_FLAG_AT(struct run_command, ignore_errors), .is_hidden = true},
    {.name = "interactive",
     .letter = 'i',
     OPTION_FLAG_AT(struct run_command, interactive),
     .is_hidden = true},
    /* As 'dvc exp run' has them. */
    {.name = "queue", OPTION_FLAG_AT(struct run_command, queue), .is_hidden = true},
    {.name = "temp", OPTION_FLAG_AT(struct run_command, temp), .is_hidden = true},
    {.name = "run-all", OPTION_FLAG_AT(struct run_command, run_all), .is_hidden = true},
    {.name = "name", OPTION_STR_AT(struct run_command, exp_name), .is_hidden = true},
};

/* What DVC's users may type and has no meaning here, with the one thing to do instead. */
static FALLIBLE refuse_foreign(const struct run_command *command)
{
    const struct {
        bool is_given;
        const char *name, *why, *hint;
    } refused[] = {
        {command->no_commit, "no-commit", "what a stage made is always recorded",
         "leave the option out; to look only: mlops run --dry-run"},
        {command->ignore_errors, "ignore-errors",
         "nothing is made from what a failed stage left behind",
         "--keep-going goes on with all that does not need the failed stage"},
        {command->interactive, "interactive", "nothing is asked for during a run",
         "'mlops plan' says what would run; name the stages that shall"},
        {command->queue, "queue", "there is no queue to fill",
         "mlops sweep -S KEY=VALUE,VALUE tries several side by side, and can be gone on with"},
        {command->temp, "temp", "-S runs in a directory of its own anyway", "leave the option out"},
        {command->run_all, "run-all", "there is no queue to work off",
         "mlops sweep --resume goes on with what a sweep has left"},
        {command->exp_name.len, "name", "a run gets its name when it is there",
         "mlops tag RUN NAME; a sweep is named before: mlops sweep --name NAME"},
    };
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        if (refused[i].is_given)
            return error_hint(error_new(ERROR_USAGE, "'mlops run' has no --%s: %s", refused[i].name,
                                        refused[i].why),
                              "%s", refused[i].hint);
    }
    return NULL;
}

static struct run_options options_of(const struct context *context,
                                     const struct run_command *command)
{
    return (struct run_options){.keep_going = command->keep_going,
                                .force = command->force,
                                .no_restore = command->no_restore,
                                .minimal = command->minimal,
                                .force_downstream = command->force_downstream,
                                .no_dvc_lock = command->no_dvc_lock,
                                .lazy_inputs = command->pull || command->allow_missing,
                                .jobs = command->jobs,
                                .argv = context->arguments,
                                .version = STR(MLOPS_VERSION)};
}

static FALLIBLE run_session(struct context *context, const struct run_command *command,
                            const struct transfer_for_run *pulled, struct session *session,
                            const struct override_change_vec *changes)
{
    struct run_options options = options_of(context, command);
    options.minimal |= pulled->is_minimal;
    options.lost = command->pull && options.minimal ? &pulled->lost : NULL;
    struct metric_note note = {.text = buf_in(context->arena)};
    struct run_report report = {0};
    if (command->lock_timeout_ns >= 0)
        session->workspace.config.lock_timeout_ns = command->lock_timeout_ns;
    if (context->format != FORMAT_JSON)
        metric_note_remember(context->arena, session, &note);
    TRY(run_plan(session, &options, &report));
    context->status = report.exit_status;
    return run_summary(context, session, &report, changes, &note);
}

static void tell_new(struct context *context, struct narrator *narrator, struct str root)
{
    struct event event = {.kind = EVENT_NOTICE,
                          .text =
                              str_print(context->arena, "made .mlops/ in '%.*s'", STR_FMT(root))};
    observer_tell(narrator_observer(narrator), &event);
}

static FALLIBLE check_params(const struct run_command *command)
{
    if (command->in_place && !command->params.len)
        return error_hint(error_new(ERROR_USAGE, "--in-place without a parameter to change"),
                          "mlops run -P KEY=VALUE --in-place");
    if (command->params.len && command->dry_run)
        return error_hint(error_new(ERROR_USAGE, "--dry-run does not know changed parameters"),
                          "change the file of parameters, then: mlops plan");
    return NULL;
}

static FALLIBLE run_here(struct context *context, const struct run_command *command,
                         struct stage_words words, const struct override_change_vec *changes)
{
    struct narrator *narrator = narrator_open(context, (enum progress)command->progress);
    struct session session = {0};
    struct transfer_for_run pull = {.remote = command->remote,
                                    .force = command->force,
                                    .no_restore = command->no_restore,
                                    .leaves_outputs = true,
                                    .is_minimal = command->minimal};
    words.observer = narrator_observer(narrator);
    struct error *error = command->pull ? transfer_pull_for_run(context, &words, &pull) : NULL;
    if (!error)
        error = stages_open(context, &words, &session);
    if (!error && session.workspace.is_new)
        tell_new(context, narrator, session.workspace.root);
    if (!error)
        error = run_session(context, command, &pull, &session, changes);
    narrator_drop(&narrator);
    session_drop(&session);
    return error;
}

/* What is fetched for it are inputs, and results that other parameters do not change. */
static FALLIBLE run_elsewhere(struct context *context, const struct run_command *command,
                              const struct stage_words *words, struct override_vec *overrides)
{
    const struct run_options options = options_of(context, command);
    const struct experiment experiment = {.words = words,
                                          .overrides = overrides,
                                          .run = &options,
                                          .lock_timeout_ns = command->lock_timeout_ns,
                                          .progress = command->progress};
    struct transfer_for_run pull = {.remote = command->remote, .force = command->force};
    if (command->pull)
        TRY(transfer_pull_for_run(context, words, &pull));
    return experiment_run(context, &experiment);
}

/* With other parameters: in place, or elsewhere. */
static FALLIBLE run_with_params(struct context *context, const struct run_command *command,
                                struct stage_words words)
{
    struct override_vec overrides = {0};
    struct override_change_vec changes = {0};
    words.observer = &context->observer;
    TRY(experiment_parse(context->arena, &command->params, &overrides));
    if (!command->in_place)
        return run_elsewhere(context, command, &words, &overrides);
    TRY(experiment_write(context, &words, &overrides, &changes));
    return run_here(context, command, words, &changes);
}

static FALLIBLE run(struct context *context, void *options, int argc, const struct str *argv)
{
    const struct run_command *command = options;
    struct stage_words words = {.argc = argc, .argv = argv, .choice = command->choice};
    TRY(refuse_foreign(command));
    TRY(check_params(command));
    if (command->dry_run)
        return cmd_plan.run(context,
                            &(struct plan_command){.choice = command->choice,
                                                   .force = command->force,
                                                   .no_restore = command->no_restore,
                                                   .minimal = command->minimal,
                                                   .no_dvc_lock = command->no_dvc_lock,
                                                   .allow_missing = command->allow_missing},
                            argc, argv);
    return command->params.len
               ? run_with_params(context, command, words)
               : run_here(context, command, words, &(struct override_change_vec){0});
}

static const struct command_example examples[] = {
    {"mlops run", "run what has changed since last time"},
    {"mlops run train", "the same for stage 'train' and what it needs"},
    {"mlops run pipelines/nightly.yaml -j4", "another pipeline, four stages at once"},
    {"mlops run -P train.lr=0.1", "an experiment: the work tree and its results stay as they are"},
    {"mlops run -P train.lr=0.1 --in-place", "the same here, params.yaml changed"},
    {"mlops run --pull", "on a fresh clone: what others have computed is fetched, not computed"},
    {"mlops run --keep-going --json", "for scripts: one JSON object with counts and stages"},
};

const struct cli_command cmd_run = {
    .name = "run",
    .group = GROUP_RUN,
    .arguments = "[PIPELINE] [TARGET...]",
    .summary = "Bring a pipeline's outputs up to date",
    .description =
        "A stage runs when its recipe (command, dependencies, parameters, declared environment, "
        "output "
        "paths) has no known result. A known result that is in the work tree is left alone; one "
        "that "
        "is not is restored from the cache.\n"
        "\n"
        "PIPELINE is a word that ends in .yaml or .yml; without it pipeline.yaml, then dvc.yaml is "
        "looked for, upwards from the current directory. TARGET is a stage, a foreach or matrix "
        "stage (all its instances), DIR/dvc.yaml:STAGE, a further dvc.yaml, or a path that a stage "
        "makes. Stages of other dvc.yaml files run when they are needed, or are named, or with "
        "-P.\n"
        "\n"
        "-P KEY=VALUE (or -S, --set-param) changes a parameter: KEY is dotted, numbers in it index "
        "lists, VALUE is written as in YAML. The file is the one that has the key, or is named: "
        "FILE:KEY=VALUE. -P without '=', '+' or '~' behind it stays the flag for all pipelines.\n"
        "\n"
        "Ctrl-C ends the running stages politely and records the run as interrupted; a second one "
        "ends them at once. Exit status: 0 all is well and durable, 1 a stage failed, was rejected "
        "or "
        "is unconfirmed, 3 the pipeline is wrong.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct run_command),
    .words_least = 0,
    .words_most = -1,
    .completes = COMPLETE_STAGES | COMPLETE_FILES,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "plan, status, why, diff",
    .has_findings = true,
    .run = run,
};
