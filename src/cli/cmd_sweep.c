#include "mlops/base/arena.h"
#include "mlops/cli/command.h"
#include "mlops/cli/experiment.h"
#include "mlops/cli/sweep.h"
#include "mlops/cli/transfer_run.h"
#include "mlops/model/name.h"

struct sweep_command {
    struct sweep_wish wish;
    struct str rev, html, remote;
    int isolation, progress;
    int64_t jobs, limit, lock_timeout_ns;
    bool allow_shared, keep_work, resume, fail_fast;
    bool force, no_restore, keep_going, minimal, force_downstream, no_dvc_lock;
    bool pull, allow_missing;
};

/* In front of the words of the model's tables: not given. */
static const char *const method_names[] = {"auto", "grid", "random", "tpe", "list", NULL};
static const char *const stop_names[] = {"auto", "never", "median", "asha", "halving", NULL};
static const char *const isolation_names[] = {"auto", "namespace", "directory", NULL};
static const char *const progress_names[] = {"auto", "live", "plain", "json", "none", NULL};

static const struct option_row rows[] = {
    {"set", 'S', OPTION_STRS_AT(struct sweep_command, wish.set), .value = "[FILE:]KEY=VALUES",
     .help = "What to try for a parameter: a,b,c, range(1,9,2), uniform(0,1), "
             "loguniform(1e-4,1e-1), int(1,8); one value is the same in all trials"},
    {"method", 0, OPTION_CHOICE_AT(struct sweep_command, wish.method), .value = "HOW",
     .choices = method_names,
     .help = "grid: all combinations (if every parameter has a list), random, tpe: learns from "
             "earlier trials"},
    {"metric", 'm', OPTION_STR_AT(struct sweep_command, wish.metric), .value = "[FILE:]KEY",
     .help = "The metric to get the best of: f1, metrics.json:f1"},
    {"max", 0, OPTION_FLAG_AT(struct sweep_command, wish.max),
     .help = "Higher is better, whatever the metric is called"},
    {"min", 0, OPTION_FLAG_AT(struct sweep_command, wish.min), .help = "Lower is better"},
    {"max-trials", 'n', OPTION_INT_AT(struct sweep_command, wish.max_trials), .value = "N",
     .least = 1, .most = 100000, .help = "At most N trials; with --resume N more"},
    {"max-time", 0, OPTION_DURATION_AT(struct sweep_command, wish.max_time_ns), .value = "TIME",
     .least = 1, .help = "Begin no trial after this long; those that run go on to their end"},
    {"repeat", 0, OPTION_INT_AT(struct sweep_command, wish.repeat), .value = "N", .least = 1,
     .most = 10000, .help = "Each combination N times, with another seed each (see --seed-param)"},
    {"seed-param", 0, OPTION_STR_AT(struct sweep_command, wish.seed_param), .value = "[FILE:]KEY",
     .help = "The parameter that tells repeats apart, if it is not the only one called seed"},
    {"seed", 0, OPTION_INT_AT(struct sweep_command, wish.seed), .value = "N", .least = 0,
     .initial = -1, .most = INT64_MAX,
     .help = "Of random draws: the same sweep with the same seed tries the same"},
    {"jobs", 'j', OPTION_INT_AT(struct sweep_command, jobs), .value = "N", .least = 1, .most = 1024,
     .help = "Run up to N stages at once, of all trials; as many as cpus if not given"},
    {"stop", 0, OPTION_CHOICE_AT(struct sweep_command, wish.stop), .value = "RULE",
     .choices = stop_names,
     .help = "End hopeless trials early by what they report in --steps: median, asha; halving: in "
             "rounds, by --budget"},
    {"steps", 0, OPTION_STR_AT(struct sweep_command, wish.steps), .value = "FILE",
     .help = "CSV, TSV or JSON Lines in which a running trial reports the metric, a step a line",
     .completes = COMPLETE_FILES},
    {"budget", 0, OPTION_STR_AT(struct sweep_command, wish.budget), .value = "KEY=LEAST..MOST",
     .help = "Of --stop halving: the parameter that grows from round to round, as in "
             "train.epochs=1..27"},
    {"file", 0, OPTION_STR_AT(struct sweep_command, wish.file), .value = "FILE",
     .help = "Read what to try from a file; options go before it", .completes = COMPLETE_FILES},
    {"rev", 0, OPTION_STR_AT(struct sweep_command, rev), .value = "REVISION",
     .help = "Make trials from a commit; without it from the work tree as it is"},
    {"isolation", 0, OPTION_CHOICE_AT(struct sweep_command, isolation), .value = "HOW",
     .choices = isolation_names,
     .help = "namespace: a trial stands at the project's own path; directory: only in one of its "
             "own"},
    {"allow-shared", 0, OPTION_FLAG_AT(struct sweep_command, allow_shared),
     .help = "Absolute paths into the project may mean the project's own files in all trials"},
    {"name", 0, OPTION_STR_AT(struct sweep_command, wish.name), .value = "NAME",
     .help = "Call the sweep NAME, and the runs of its trials NAME-1, NAME-2 and so on"},
    {"keep-work", 0, OPTION_FLAG_AT(struct sweep_command, keep_work),
     .help = "Leave the work directories of the trials for a look"},
    {"resume", 0, OPTION_FLAG_AT(struct sweep_command, resume),
     .help = "Go on with a sweep, the newest one if none is named; finished trials stay"},
    {"fail-fast", 0, OPTION_FLAG_AT(struct sweep_command, fail_fast),
     .help = "Begin no more trials after one has failed"},
    {"force", 'f', OPTION_FLAG_AT(struct sweep_command, force),
     .help = "Run the stages although their results are known"},
    {"no-restore", 0, OPTION_FLAG_AT(struct sweep_command, no_restore),
     .help = "Run a stage rather than restore its outputs from the cache"},
    {"keep-going", 'k', OPTION_FLAG_AT(struct sweep_command, keep_going),
     .help = "After a failure a trial goes on with what does not depend on it"},
    {"minimal", 0, OPTION_FLAG_AT(struct sweep_command, minimal),
     .help = "Restore only targets and what stages that run need"},
    {"force-downstream", 0, OPTION_FLAG_AT(struct sweep_command, force_downstream),
     .help = "Run also all that uses a stage that ran, even if what it made is as it was"},
    {"no-dvc-lock", 0, OPTION_FLAG_AT(struct sweep_command, no_dvc_lock),
     .help = "Do not take over what dvc.lock records of a dvc.yaml"},
    {"pull", 0, OPTION_FLAG_AT(struct sweep_command, pull),
     .help = "First fetch from the remote what known results and tracked inputs lack here"},
    {"remote", 'r', OPTION_STR_AT(struct sweep_command, remote), .value = "NAME",
     .help = "The remote of --pull; the default one if not given"},
    {"allow-missing", 0, OPTION_FLAG_AT(struct sweep_command, allow_missing),
     .help = "Tracked inputs that are not here count as recorded; put in place for what executes"},
    {"lock-timeout", 0, OPTION_DURATION_AT(struct sweep_command, lock_timeout_ns), .value = "TIME",
     .initial = -1,
     .help = "Trials give up waiting for another run after this long; without it the setting "
             "'lock_timeout' holds"},
    {"html", 0, OPTION_STR_AT(struct sweep_command, html), .value = "FILE",
     .help = "Of 'sweep show': write a page with charts", .completes = COMPLETE_FILES},
    {"limit", 0, OPTION_INT_AT(struct sweep_command, limit), .value = "N", .initial = 50,
     .help = "Of 'sweep show': rows of its table; 0: all"},
    {"progress", 0, OPTION_CHOICE_AT(struct sweep_command, progress), .value = "HOW",
     .choices = progress_names, .help = "How stderr tells what happens; json: one event a line"},
    /* As 'mlops run' has them. */
    {"set-param", 'P', OPTION_STRS_AT(struct sweep_command, wish.set), .is_hidden = true},
    {"direction", 0, OPTION_STR_AT(struct sweep_command, wish.direction), .is_hidden = true},
};

static struct run_options run_options_of(const struct sweep_command *command)
{
    return (struct run_options){.keep_going = command->keep_going,
                                .force = command->force,
                                .no_restore = command->no_restore,
                                .minimal = command->minimal,
                                .force_downstream = command->force_downstream,
                                .no_dvc_lock = command->no_dvc_lock,
                                .lazy_inputs = command->pull || command->allow_missing};
}

static struct sweep_options options_of(const struct context *context,
                                       const struct sweep_command *command)
{
    return (struct sweep_options){.jobs = command->jobs,
                                  .isolation = (enum isolation)command->isolation,
                                  .allows_shared = command->allow_shared,
                                  .stops_at_failure = command->fail_fast,
                                  .keeps_work = command->keep_work,
                                  .lock_timeout_ns = command->lock_timeout_ns,
                                  .run = run_options_of(command),
                                  .commit = command->rev,
                                  .argv = context->arguments,
                                  .version = STR(MLOPS_VERSION)};
}

static FALLIBLE drive(struct context *context, const struct sweep_command *command,
                      struct session *session, struct sweep_row *row,
                      const struct sweep_options *options)
{
    struct sweep_report report = {0};
    struct sweep_narrator *narrator =
        sweep_narrator_open(context, (enum progress)command->progress);
    struct error *error =
        sweep_drive(session, row, options, sweep_narrator_observer(narrator), &report);
    sweep_narrator_drop(&narrator);
    if (error)
        return error;
    context->status = report.exit_status;
    return sweep_summary(context, &report);
}

static FALLIBLE begin(struct context *context, const struct sweep_command *command,
                      const struct stage_words *words, struct session *session)
{
    struct sweep sweep = {0};
    struct sweep_row row = {0};
    struct sweep_options options = options_of(context, command);
    TRY(sweep_read(context, session, &command->wish, words->argc, words->argv, &sweep));
    TRY(sweep_begin(session, &sweep, &options, false, &row));
    return drive(context, command, session, &row, &options);
}

/* Who looks for a word of 'mlops sweep' that is none is told which there are. */
static FALLIBLE open_session(const struct sweep_command *command, struct stage_words *words,
                             struct context *context, struct session *session)
{
    struct error *error = stages_open(context, words, session);
    bool is_word = words->argc && !command->wish.set.len && !command->wish.file.len;
    if (!error || error->code != ERROR_USAGE || error->hint || !is_word)
        return error;
    return error_hint(error,
                      "'mlops sweep list' and 'mlops sweep show' look at sweeps, 'mlops "
                      "sweep --resume' goes on with one, 'mlops runs rm --sweep' removes it");
}

static FALLIBLE start(struct context *context, const struct sweep_command *command, int argc,
                      const struct str *argv)
{
    struct session session = {0};
    struct stage_words words = {.argc = argc, .argv = argv, .observer = &context->observer};
    TRY(sweep_read_check(context, &command->wish, argc, argv));
    struct transfer_for_run pull = {.remote = command->remote};
    if (command->pull)
        TRY(transfer_pull_for_run(context, &words, &pull));
    TRY(open_session(command, &words, context, &session));
    struct error *error = begin(context, command, &words, &session);
    session_drop(&session);
    return error;
}

/* Of those that nothing names: the newest that is not done. */
static FALLIBLE find_open(struct ledger *ledger, struct arena *arena, struct sweep_row *ret)
{
    struct sweep_row *found = NULL;
    size_t count = 0;
    TRY(sweeps_list(ledger, arena, false, &found, &count));
    for (size_t i = 0; i < count; i++) {
        if (found[i].status == SWEEP_OPEN) {
            *ret = found[i];
            return NULL;
        }
    }
    if (!count)
        return error_hint(error_new(ERROR_PROJECT, "there is no sweep to go on with"),
                          "mlops sweep -S train.lr=0.1,0.01,0.001");
    *ret = found[0];
    return NULL;
}

static FALLIBLE find_sweep(struct ledger *ledger, struct arena *arena, struct str word,
                           struct sweep_row *ret)
{
    struct sweep_row *found = NULL;
    size_t count = 0;
    if (!word.len)
        return find_open(ledger, arena, ret);
    TRY(sweeps_find(ledger, arena, word, &found, &count));
    if (count != 1)
        return error_hint(error_new(ERROR_USAGE, "'%.*s' names %s", STR_FMT(word),
                                    count ? "several sweeps" : "no sweep"),
                          "'mlops sweep list' lists them");
    *ret = found[0];
    return NULL;
}

static FALLIBLE go_on(struct context *context, const struct sweep_command *command,
                      struct session *session, struct str word)
{
    struct ledger *ledger = NULL;
    struct sweep_row row = {0};
    struct sweep_options options = options_of(context, command);
    TRY(session_ledger(session, &ledger));
    TRY(find_sweep(ledger, context->arena, word, &row));
    if (!word.len)
        context_notice(context, "going on with sweep %.*s of %.*s", STR_FMT(sweep_shown(&row)),
                       STR_FMT(report_when(context->arena, row.created_ns)));
    options.trials_most = command->wish.max_trials;
    if (command->wish.max_trials)
        TRY(sweep_extend(session, &row, command->wish.max_trials));
    options.time_most_ns = command->wish.max_time_ns;
    bool is_spent = row.sweep.time_most_ns && row.spent_ns >= row.sweep.time_most_ns;
    if (is_spent && !options.time_most_ns)
        context_notice(context, "the time of sweep %.*s is used up; --max-time gives it more",
                       STR_FMT(sweep_shown(&row)));
    return drive(context, command, session, &row, &options);
}

/* What is tried is known, so nothing of that may be said again. */
static FALLIBLE check_resume(const struct sweep_command *command, int argc)
{
    bool is_other = command->wish.set.len || command->wish.method || command->wish.metric.len ||
                    command->wish.file.len || command->rev.len || command->wish.name.len ||
                    command->wish.stop || command->wish.repeat || command->wish.seed >= 0 ||
                    command->wish.max || command->wish.min || command->wish.direction.len ||
                    command->wish.steps.len || command->wish.budget.len ||
                    command->wish.seed_param.len;
    if (command->pull)
        return error_hint(error_new(ERROR_USAGE, "--pull belongs to the beginning of a sweep"),
                          "'mlops pull' fetches; --allow-missing goes with --resume");
    if (is_other)
        return error_hint(error_new(ERROR_USAGE, "--resume goes on with what the sweep has to try"),
                          "leave out what says so; --jobs, --max-trials and --max-time may be "
                          "given");
    if (argc > 1)
        return error_new(ERROR_USAGE, "--resume takes one sweep");
    return NULL;
}

static FALLIBLE resume(struct context *context, const struct sweep_command *command, int argc,
                       const struct str *argv)
{
    struct session session;
    struct workspace *project = NULL;
    struct session_options options = {.observer = &context->observer};
    TRY(check_resume(command, argc));
    TRY(context_project(context, &project)); /* else the session would make one */
    TRY(path_current(context->arena, &options.cwd));
    TRY(session_open_data(context->arena, &options, &session));
    struct error *error = go_on(context, command, &session, argc ? argv[0] : STR(""));
    session_drop(&session);
    return error;
}

static FALLIBLE run(struct context *context, void *opaque, int argc, const struct str *argv)
{
    const struct sweep_command *command = opaque;
    if (command->resume)
        return resume(context, command, argc, argv);
    if (argc && str_is(argv[0], "list") && argc == 1)
        return sweep_list(context);
    if (argc && str_is(argv[0], "show")) {
        struct sweep_show_options shown = {.html = command->html, .limit = command->limit};
        if (argc > 2)
            return error_new(ERROR_USAGE, "'mlops sweep show' takes one sweep");
        if (argc > 1)
            shown.word = argv[1];
        return sweep_show(context, &shown);
    }
    return start(context, command, argc, argv);
}

static const struct command_action actions[] = {
    {"list", "", "The sweeps, newest first"},
    {"show", "[SWEEP]", "Trials of a sweep, and which parameters mattered"},
};

static const struct command_example examples[] = {
    {"mlops sweep -S train.lr=0.1,0.01 -S 'train.depth=range(2,9,2)' --metric f1",
     "all combinations"},
    {"mlops sweep -S 'train.lr=loguniform(1e-4,1e-1)' --method tpe -n 50 -m loss",
     "fifty trials that learn from each other"},
    {"mlops sweep --repeat 5 -S model=ridge,forest -m f1 -j4",
     "each of two models with five seeds, four stages at once"},
    {"mlops sweep --resume", "after Ctrl-C, or when the machine went down"},
    {"mlops sweep show --html sweep.html", "what came of it, as a page"},
};

const struct cli_command cmd_sweep = {
    .name = "sweep",
    .group = GROUP_EXPERIMENTS,
    .arguments = "[PIPELINE] [TARGET...]",
    .summary = "Try a pipeline with many parameters, side by side",
    .description =
        "Each trial runs in a directory of its own, made from the work tree as it is when the "
        "sweep begins (or from --rev), with the trial's parameters in its files; the project's own "
        "files, lock and git index stay as they are. Results go to the shared cache, so what "
        "trials have in common runs once. Each trial is recorded as a run: 'mlops best' finds one, "
        "'mlops apply RUN' brings it into the work tree.\n"
        "\n"
        "Ctrl-C ends the running trials politely and gives them back, a second one at once; 'mlops "
        "sweep --resume' goes on, also after the machine went down. Several 'mlops sweep --resume' "
        "share the work on one sweep.\n"
        "\n"
        "Exit status: 0 all trials ended well (stopped ones, too), 1 a trial failed or none has "
        "the metric, 3 the project or what is to be tried is wrong.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct sweep_command),
    .words_least = 0,
    .words_most = -1,
    .completes = COMPLETE_STAGES | COMPLETE_FILES,
    .actions = actions,
    .action_count = COUNT_OF(actions),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "run, best, apply, runs",
    .has_rows = true,
    .run = run,
};
