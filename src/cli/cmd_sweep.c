#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/cli/command.h"
#include "mlops/cli/experiment.h"
#include "mlops/cli/sweep.h"
#include "mlops/codec/load.h"
#include "mlops/host/file.h"
#include "mlops/model/name.h"

#include <fcntl.h>

struct sweep_command {
    struct str_vec set;
    struct str metric, file, rev, name, steps, budget, seed_param, html;
    int method, stop, isolation, progress;
    int64_t max_trials, max_time_ns, repeat, seed, jobs, limit;
    bool max, min, allow_shared, keep_work, resume, force, no_restore, fail_fast;
};

/* In front of the words of the model's tables: not given. */
static const char *const method_names[] = {"auto", "grid", "random", "tpe", "list", NULL};
static const char *const stop_names[] = {"auto", "never", "median", "asha", "halving", NULL};
static const char *const isolation_names[] = {"auto", "namespace", "directory", NULL};
static const char *const progress_names[] = {"auto", "live", "plain", "json", "none", NULL};

static const struct option_row rows[] = {
    {"set", 'S', OPTION_STRS_AT(struct sweep_command, set), .value = "[FILE:]KEY=VALUES",
     .help = "What to try for a parameter: a,b,c, range(1,9,2), uniform(0,1), "
             "loguniform(1e-4,1e-1), int(1,8); one value is the same in all trials"},
    {"method", 0, OPTION_CHOICE_AT(struct sweep_command, method), .value = "HOW",
     .choices = method_names,
     .help = "grid: all combinations (if every parameter has a list), random, tpe: learns from "
             "earlier trials"},
    {"metric", 'm', OPTION_STR_AT(struct sweep_command, metric), .value = "[FILE:]KEY",
     .help = "The metric to get the best of: f1, metrics.json:f1"},
    {"max", 0, OPTION_FLAG_AT(struct sweep_command, max),
     .help = "Higher is better, whatever the metric is called"},
    {"min", 0, OPTION_FLAG_AT(struct sweep_command, min), .help = "Lower is better"},
    {"max-trials", 'n', OPTION_INT_AT(struct sweep_command, max_trials), .value = "N", .least = 1,
     .most = 100000, .help = "At most N trials; with --resume N more"},
    {"max-time", 0, OPTION_DURATION_AT(struct sweep_command, max_time_ns), .value = "TIME",
     .least = 1, .help = "Begin no trial after this long; those that run go on to their end"},
    {"repeat", 0, OPTION_INT_AT(struct sweep_command, repeat), .value = "N", .least = 1,
     .most = 10000, .help = "Each combination N times, with another seed each (see --seed-param)"},
    {"seed-param", 0, OPTION_STR_AT(struct sweep_command, seed_param), .value = "[FILE:]KEY",
     .help = "The parameter that tells repeats apart, if it is not the only one called seed"},
    {"seed", 0, OPTION_INT_AT(struct sweep_command, seed), .value = "N", .least = 0, .initial = -1,
     .most = INT64_MAX,
     .help = "Of random draws: the same sweep with the same seed tries the same"},
    {"jobs", 'j', OPTION_INT_AT(struct sweep_command, jobs), .value = "N", .least = 1, .most = 1024,
     .help = "Run up to N stages at once, of all trials; as many as cpus if not given"},
    {"stop", 0, OPTION_CHOICE_AT(struct sweep_command, stop), .value = "RULE",
     .choices = stop_names,
     .help = "End hopeless trials early by what they report in --steps: median, asha; halving: in "
             "rounds, by --budget"},
    {"steps", 0, OPTION_STR_AT(struct sweep_command, steps), .value = "FILE",
     .help = "CSV, TSV or JSON Lines in which a running trial reports the metric, a step a line",
     .completes = COMPLETE_FILES},
    {"budget", 0, OPTION_STR_AT(struct sweep_command, budget), .value = "KEY=LEAST..MOST",
     .help = "Of --stop halving: the parameter that grows from round to round, as in "
             "train.epochs=1..27"},
    {"file", 0, OPTION_STR_AT(struct sweep_command, file), .value = "FILE",
     .help = "Read what to try from a file; options go before it", .completes = COMPLETE_FILES},
    {"rev", 0, OPTION_STR_AT(struct sweep_command, rev), .value = "REVISION",
     .help = "Make trials from a commit; without it from the work tree as it is"},
    {"isolation", 0, OPTION_CHOICE_AT(struct sweep_command, isolation), .value = "HOW",
     .choices = isolation_names,
     .help = "namespace: a trial stands at the project's own path; directory: only in one of its "
             "own"},
    {"allow-shared", 0, OPTION_FLAG_AT(struct sweep_command, allow_shared),
     .help = "Absolute paths into the project may mean the project's own files in all trials"},
    {"name", 0, OPTION_STR_AT(struct sweep_command, name), .value = "NAME",
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
    {"html", 0, OPTION_STR_AT(struct sweep_command, html), .value = "FILE",
     .help = "Of 'sweep show': write a page with charts", .completes = COMPLETE_FILES},
    {"limit", 0, OPTION_INT_AT(struct sweep_command, limit), .value = "N", .initial = 50,
     .help = "Of 'sweep show': rows of its table; 0: all"},
    {"progress", 0, OPTION_CHOICE_AT(struct sweep_command, progress), .value = "HOW",
     .choices = progress_names, .help = "How stderr tells what happens; json: one event a line"},
};

static struct sweep_options options_of(const struct context *context,
                                       const struct sweep_command *command)
{
    return (struct sweep_options){.jobs = command->jobs,
                                  .isolation = (enum isolation)command->isolation,
                                  .allows_shared = command->allow_shared,
                                  .stops_at_failure = command->fail_fast,
                                  .keeps_work = command->keep_work,
                                  .force = command->force,
                                  .no_restore = command->no_restore,
                                  .commit = command->rev,
                                  .argv = context->arguments,
                                  .version = STR(MLOPS_VERSION)};
}

/* The file itself, or what it holds under `sweep`. */
static FALLIBLE read_file(struct context *context, struct str name, const struct doc_node **ret)
{
    struct str bytes = {0};
    struct doc *doc = NULL;
    bool is_found = false;
    TRY(file_read(context->arena, AT_FDCWD, str_terminate(context->arena, name),
                  LIMIT_DOCUMENT_BYTES, &bytes, &is_found));
    if (!is_found)
        return error_new(ERROR_PROJECT, "there is no file '%.*s'", STR_FMT(name));
    TRY(doc_load(context->arena, name, bytes, DOC_NATIVE, &doc));
    const struct doc_node *inner = doc_find(doc->root, STR("sweep"));
    *ret = inner ? inner : doc->root;
    return NULL;
}

/* What the command line says of a parameter goes before what the file says. */
static void forget(struct sweep *sweep, struct str file, struct str key)
{
    size_t kept = 0;
    for (size_t i = 0; i < sweep->dimensions.len; i++) {
        const struct dimension *dimension = &sweep->dimensions.at[i];
        if (!str_equal(dimension->key, key) || !str_equal(dimension->file, file))
            sweep->dimensions.at[kept++] = *dimension;
    }
    sweep->dimensions.len = kept;
    kept = 0;
    for (size_t i = 0; i < sweep->fixed.len; i++) {
        const struct override *override = &sweep->fixed.at[i];
        if (!str_equal(override->key, key) || !str_equal(override->file, file))
            sweep->fixed.at[kept++] = *override;
    }
    sweep->fixed.len = kept;
}

static FALLIBLE add_words(struct context *context, const struct str_vec *words, struct sweep *sweep)
{
    struct dimension_vec dimensions = {0};
    struct override_vec fixed = {0};
    vec_each (struct str, word, words) {
        struct dimension dimension = {0};
        struct override override = {0};
        bool is_fixed = false;
        TRY(dimension_parse(context->arena, *word, &dimension, &override, &is_fixed));
        if (is_fixed)
            *vec_push(context->arena, &fixed) = override;
        else
            *vec_push(context->arena, &dimensions) = dimension;
        forget(sweep, is_fixed ? override.file : dimension.file,
               is_fixed ? override.key : dimension.key);
    }
    vec_each (struct dimension, dimension, &dimensions)
        *vec_push(context->arena, &sweep->dimensions) = *dimension;
    vec_each (struct override, override, &fixed)
        *vec_push(context->arena, &sweep->fixed) = *override;
    return NULL;
}

/* "metrics.json:f1": a file of values in front of a colon. */
static void take_key(struct str word, struct str *file, struct str *key)
{
    ptrdiff_t colon = str_find_char(word, ':');
    if (!word.len)
        return;
    *file = colon < 0 ? STR("") : str_slice(word, 0, (size_t)colon);
    *key = str_slice(word, (size_t)(colon + 1), word.len);
}

static FALLIBLE take_direction(const struct sweep_command *command, struct sweep *sweep)
{
    if (command->max && command->min)
        return error_new(ERROR_USAGE, "--max and --min exclude each other");
    if (command->max || command->min)
        sweep->direction = command->max ? HIGHER_IS_BETTER : LOWER_IS_BETTER;
    return NULL;
}

static bool whole_number(struct arena *arena, struct str text, int64_t *ret)
{
    char *end = NULL;
    const char *at = str_terminate(arena, text);
    *ret = strtoll(at, &end, 10);
    return text.len && !*end;
}

/* "train.epochs=1..27" */
static FALLIBLE take_budget(struct context *context, struct str word, struct sweep *sweep)
{
    struct str rest = word, key = {0};
    if (!word.len)
        return NULL;
    str_split(&rest, '=', &key);
    ptrdiff_t dots = str_find(rest, STR(".."));
    bool is_right =
        key.len && dots > 0 &&
        whole_number(context->arena, str_slice(rest, 0, (size_t)dots), &sweep->budget_least) &&
        whole_number(context->arena, str_slice(rest, (size_t)dots + 2, rest.len),
                     &sweep->budget_most);
    if (!is_right)
        return error_hint(
            error_new(ERROR_USAGE, "--budget: '%.*s' is no KEY=LEAST..MOST", STR_FMT(word)),
            "for example train.epochs=1..27");
    take_key(key, &sweep->budget_file, &sweep->budget_key);
    return NULL;
}

/* From where the caller stands. */
static FALLIBLE take_steps(struct context *context, const struct session *session, struct str word,
                           struct sweep *sweep)
{
    struct str cwd, file;
    if (!word.len)
        return NULL;
    TRY(path_current(context->arena, &cwd));
    file = path_relative(context->arena, session->workspace.root,
                         path_join(context->arena, cwd, word));
    if (!path_resolve(context->arena, STR(""), file, &sweep->steps.file))
        return error_new(ERROR_USAGE, "--steps: '%.*s' is not in the project", STR_FMT(word));
    return NULL;
}

static FALLIBLE take_options(struct context *context, const struct session *session,
                             const struct sweep_command *command, struct sweep *sweep)
{
    if (command->method)
        sweep->method = (enum sweep_method)(command->method - 1);
    if (command->stop)
        sweep->stop = (enum sweep_stop)(command->stop - 1);
    take_key(command->metric, &sweep->metric_file, &sweep->metric_key);
    take_key(command->seed_param, &sweep->seed_file, &sweep->seed_key);
    TRY(take_direction(command, sweep));
    TRY(take_budget(context, command->budget, sweep));
    TRY(take_steps(context, session, command->steps, sweep));
    sweep->trials_most = command->max_trials ? command->max_trials : sweep->trials_most;
    sweep->time_most_ns = command->max_time_ns ? command->max_time_ns : sweep->time_most_ns;
    sweep->repeat = MAX_OF(command->repeat ? command->repeat : sweep->repeat, (int64_t)1);
    sweep->seed = command->seed >= 0 ? (uint64_t)command->seed : sweep->seed;
    sweep->name = command->name.len ? command->name : sweep->name;
    return NULL;
}

/* What is tried is on the command line: of the pipeline's part is left what says how it is judged.
 */
static void keep_judgement(struct sweep *sweep)
{
    *sweep = (struct sweep){.pipeline = sweep->pipeline,
                            .targets = sweep->targets,
                            .target_count = sweep->target_count,
                            .seed = sweep->seed,
                            .seed_file = sweep->seed_file,
                            .seed_key = sweep->seed_key,
                            .metric_file = sweep->metric_file,
                            .metric_key = sweep->metric_key,
                            .direction = sweep->direction,
                            .steps = sweep->steps};
}

/* Of the file or the pipeline's own part `sweep`, and the words of the command line. */
static FALLIBLE read_sweep(struct context *context, const struct session *session,
                           const struct sweep_command *command, struct sweep *ret)
{
    const struct doc_node *node = doc_find(session->doc->root, STR("sweep"));
    bool is_told = command->set.len && !command->file.len;
    if (command->file.len)
        TRY(read_file(context, command->file, &node));
    if (node)
        TRY(sweep_bind(context->arena, node, ret));
    if (is_told)
        keep_judgement(ret);
    TRY(add_words(context, &command->set, ret));
    if (is_told || !node || !doc_find(node, STR("method")))
        ret->method = sweep_method_default(ret);
    return NULL;
}

static FALLIBLE make_sweep(struct context *context, const struct session *session,
                           const struct sweep_command *command, const struct stage_words *words,
                           struct sweep *ret)
{
    int targets_at = words->argc > 0 && is_pipeline_word(words->argv[0]) ? 1 : 0;
    TRY(read_sweep(context, session, command, ret));
    TRY(take_options(context, session, command, ret));
    if (words->argc - targets_at > 0) {
        ret->target_count = (size_t)(words->argc - targets_at);
        ret->targets = arena_new_array(context->arena, struct str, ret->target_count);
        for (size_t i = 0; i < ret->target_count; i++)
            ret->targets[i] = words->argv[(size_t)targets_at + i];
    }
    bool is_empty = !ret->dimensions.len && !ret->listed_count && !ret->fixed.len;
    if (is_empty && ret->repeat < 2)
        return error_hint(error_new(ERROR_USAGE, "nothing is said to be tried"),
                          "mlops sweep -S train.lr=0.1,0.01,0.001");
    return NULL;
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
    TRY(make_sweep(context, session, command, words, &sweep));
    TRY(sweep_begin(session, &sweep, &options, false, &row));
    return drive(context, command, session, &row, &options);
}

static FALLIBLE start(struct context *context, const struct sweep_command *command, int argc,
                      const struct str *argv)
{
    struct session session = {0};
    struct stage_words words = {.argc = argc, .argv = argv, .observer = &context->observer};
    TRY(stages_open(context, &words, &session));
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
    options.trials_most = command->max_trials;
    if (command->max_trials)
        TRY(sweep_extend(session, &row, command->max_trials));
    options.time_most_ns = command->max_time_ns;
    bool is_spent = row.sweep.time_most_ns && row.spent_ns >= row.sweep.time_most_ns;
    if (is_spent && !options.time_most_ns)
        context_notice(context, "the time of sweep %.*s is used up; --max-time gives it more",
                       STR_FMT(sweep_shown(&row)));
    return drive(context, command, session, &row, &options);
}

/* What is tried is known, so nothing of that may be said again. */
static FALLIBLE check_resume(const struct sweep_command *command, int argc)
{
    bool is_other = command->set.len || command->method || command->metric.len ||
                    command->file.len || command->rev.len || command->name.len || command->stop ||
                    command->repeat || command->seed >= 0 || command->max || command->min ||
                    command->steps.len || command->budget.len || command->seed_param.len;
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
    struct session_options options = {.observer = &context->observer};
    TRY(check_resume(command, argc));
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
