/* Hidden: one trial of a sweep, started by its driver (engine/sweep). */
#include "mlops/base/arena.h"
#include "mlops/cli/command.h"
#include "mlops/cli/narrate.h"
#include "mlops/cli/run_summary.h"
#include "mlops/cli/stages.h"
#include "mlops/engine/trial.h"
#include "mlops/host/path.h"
#include "mlops/model/name.h"

#include <stdlib.h>

struct trial_command {
    int64_t jobs, parent, lock, lock_timeout_ns;
    struct str slots;
    int isolation, progress;
    struct plan_choice choice;
    bool allow_shared, keep_work, side_by_side, allow_missing;
    bool force, no_restore, keep_going, minimal, force_downstream, no_dvc_lock;
};

static const char *const progress_names[] = {"auto", "live", "plain", "json", "none", NULL};
static const char *const isolation_names[] = {"auto", "namespace", "directory", NULL};

static const struct option_row rows[] = {
    {"jobs", 'j', OPTION_INT_AT(struct trial_command, jobs), .least = 1, .most = 1024},
    {"parent", 0, OPTION_INT_AT(struct trial_command, parent), .most = INT32_MAX},
    {"lock", 0, OPTION_INT_AT(struct trial_command, lock), .most = INT32_MAX},
    {"slots", 0, OPTION_STR_AT(struct trial_command, slots)},
    {"isolation", 0, OPTION_CHOICE_AT(struct trial_command, isolation), .choices = isolation_names},
    {"progress", 0, OPTION_CHOICE_AT(struct trial_command, progress), .choices = progress_names},
    {"allow-shared", 0, OPTION_FLAG_AT(struct trial_command, allow_shared)},
    {"keep-work", 0, OPTION_FLAG_AT(struct trial_command, keep_work)},
    {"side-by-side", 0, OPTION_FLAG_AT(struct trial_command, side_by_side)},
    {"force", 'f', OPTION_FLAG_AT(struct trial_command, force)},
    {"no-restore", 0, OPTION_FLAG_AT(struct trial_command, no_restore)},
    {"keep-going", 0, OPTION_FLAG_AT(struct trial_command, keep_going)},
    {"minimal", 0, OPTION_FLAG_AT(struct trial_command, minimal)},
    {"force-downstream", 0, OPTION_FLAG_AT(struct trial_command, force_downstream)},
    {"no-dvc-lock", 0, OPTION_FLAG_AT(struct trial_command, no_dvc_lock)},
    {"allow-missing", 0, OPTION_FLAG_AT(struct trial_command, allow_missing)},
    {"lock-timeout", 0, OPTION_DURATION_AT(struct trial_command, lock_timeout_ns), .initial = -1},
    CHOICE_ROWS(struct trial_command),
};

static FALLIBLE run_trial(struct context *context, struct trial_work *work)
{
    struct metric_note note = {.text = buf_in(context->arena)};
    struct run_report report = {0};
    bool is_shown = work->row.is_single;
    if (is_shown && context->format != FORMAT_JSON)
        metric_note_remember(context->arena, &work->session, &note);
    TRY(trial_run(work, &report));
    context->status = report.exit_status;
    return is_shown ? run_summary(context, &work->session, &report, NULL, &note) : NULL;
}

/* The last part of /proc/self/fd/N; 0: it is another file. */
static int slots_fd(struct context *context, struct str slots)
{
    struct str name = path_name(slots);
    bool is_ours = str_starts(slots, STR("/proc/self/fd/"));
    return is_ours ? (int)strtol(str_terminate(context->arena, name), NULL, 10) : 0;
}

static struct run_options run_options_of(const struct trial_command *command)
{
    return (struct run_options){.jobs = command->jobs,
                                .slots = command->slots,
                                .force = command->force,
                                .no_restore = command->no_restore,
                                .keep_going = command->keep_going,
                                .minimal = command->minimal,
                                .force_downstream = command->force_downstream,
                                .no_dvc_lock = command->no_dvc_lock,
                                .lazy_inputs = command->allow_missing,
                                .version = STR(MLOPS_VERSION)};
}

static FALLIBLE run(struct context *context, void *opaque, int argc, const struct str *argv)
{
    const struct trial_command *command = opaque;
    (void)argc;
    const int held[] = {(int)command->lock, slots_fd(context, command->slots)};
    struct trial_options options = {
        .sweep = argv[0],
        .number = strtoll(str_terminate(context->arena, argv[1]), NULL, 10) - 1,
        .parent = command->parent,
        .held = held,
        .held_count = COUNT_OF(held),
        .isolation = (enum isolation)command->isolation,
        .allows_shared = command->allow_shared,
        .keeps_work = command->keep_work,
        .side_by_side = command->side_by_side,
        .choice = command->choice,
        .lock_timeout_ns = command->lock_timeout_ns,
        .run = run_options_of(command)};
    struct str cwd;
    struct trial_work *work = arena_new(context->arena, struct trial_work);
    TRY(path_current(context->arena, &cwd));
    struct narrator *narrator = narrator_open(context, (enum progress)command->progress);
    struct error *error =
        trial_open(context->arena, cwd, &options, narrator_observer(narrator), work);
    if (!error)
        error = run_trial(context, work);
    narrator_drop(&narrator);
    trial_drop(work);
    return error;
}

const struct cli_command cmd_trial = {
    .name = "trial",
    .group = GROUP_EXPERIMENTS,
    .arguments = "SWEEP NUMBER",
    .summary = "Run one trial of a sweep",
    .description = "Started by 'mlops sweep' and 'mlops run' for each trial.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct trial_command),
    .words_least = 2,
    .words_most = 2,
    .see_also = "sweep",
    .is_hidden = true,
    .has_findings = true,
    .run = run,
};
