#include "mlops/engine/trial.h"

#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/host/clock.h"
#include "mlops/host/process.h"
#include "mlops/model/name.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "trial_private.h"

struct str trial_folder(struct arena *arena, const struct sweep_row *row, int64_t number)
{
    return str_print(arena, "%.*s-%lld", STR_FMT(ulid_short(row->ulid)), (long long)number + 1);
}

struct str trial_name(struct arena *arena, const struct sweep_row *row, int64_t number)
{
    if (!row->sweep.name.len)
        return trial_folder(arena, row, number);
    return str_print(arena, "%.*s-%lld", STR_FMT(row->sweep.name), (long long)number + 1);
}

static FALLIBLE find_row(struct trial_work *work, struct ledger *ledger)
{
    struct sweep_row *rows = NULL;
    size_t count = 0;
    bool is_found = false;
    TRY(sweeps_find(ledger, work->arena, work->options.sweep, &rows, &count));
    if (count == 1)
        TRY(sweeps_trial(ledger, work->arena, rows[0].id, work->options.number, &work->trial,
                         &is_found));
    if (!is_found)
        return error_new(ERROR_USAGE, "sweep '%.*s' has no trial %lld",
                         STR_FMT(work->options.sweep), (long long)work->options.number + 1);
    work->row = rows[0];
    return NULL;
}

/* The id of its run is known before the run is, so that a run which was recorded counts even if we
 * die before the trial's row says so. */
static FALLIBLE make_directory(struct trial_work *work, struct session *project)
{
    struct ledger *ledger = NULL;
    TRY(session_ledger(project, &ledger));
    TRY(sweeps_relax(ledger, &project->workspace));
    TRY(find_row(work, ledger));
    struct work_dir_options options = {
        .session = project,
        .snapshot = work->row.snapshot,
        .overrides = &work->trial.overrides,
        .name = trial_folder(work->arena, &work->row, work->trial.number),
        .isolation = work->options.isolation,
        .allows_shared = work->options.allows_shared,
        .keeps = work->options.keeps_work};
    TRY_WITHIN(work_dir_make(work->arena, &options, &work->work_dir),
               "making the work directory of trial %lld", (long long)work->trial.number + 1);
    work->trial.status = TRIAL_RUNNING;
    work->trial.run = clock_ulid(work->arena);
    work->trial.isolation = str_of(isolation_name(work->work_dir.isolation));
    return sweeps_save(ledger, work->row.id, &work->trial);
}

/* Nothing of the project is open any more when it returns: the process goes elsewhere now. */
static FALLIBLE prepare(struct trial_work *work, struct str cwd)
{
    struct session project;
    struct session_options options = {.cwd = cwd, .observer = work->inner};
    TRY(session_open_data(work->arena, &options, &project));
    struct error *error = make_directory(work, &project);
    session_drop(&project);
    return error;
}

static void tell_step(void *context, int64_t step, double value)
{
    const struct trial_work *work = context;
    struct event event = {
        .kind = EVENT_STEP, .at_ns = clock_monotonic_ns(), .step = step, .value = value};
    observer_tell(work->inner, &event);
}

/* A file that can't be read is told once. */
static void read_steps(struct trial_work *work, bool is_final)
{
    struct error *error =
        steps_read(&work->steps, is_final, &(struct steps_teller){tell_step, work});
    if (!error)
        return;
    AUTO(buf_drop) struct buf text = {0};
    error_print_line(error, &text);
    struct event event = {.kind = EVENT_WARNING, .text = str_trim(buf_str(&text))};
    observer_tell(work->inner, &event);
    error_drop(error);
    work->steps.next_ns = INT64_MAX;
}

static void observe(void *context, const struct event *event)
{
    struct trial_work *work = context;
    bool is_ended = event->kind == EVENT_STAGE_FINISHED;
    if (event->kind == EVENT_TICK || is_ended)
        read_steps(work, is_ended);
    observer_tell(work->inner, event);
}

/* The reader of steps is woken even if nobody looks at the clock. */
static void open_observer(struct trial_work *work, const struct observer *inner)
{
    static const int64_t steps_tick_ns = 100 * NS_PER_MS;
    int64_t tick_ns = inner ? inner->tick_ns : 0;
    work->inner = inner;
    if (work->row.sweep.steps.file.len)
        tick_ns = tick_ns ? MIN_OF(tick_ns, steps_tick_ns) : steps_tick_ns;
    work->observer = (struct observer){.tell = observe, .context = work, .tick_ns = tick_ns};
}

static FALLIBLE enter(struct trial_work *work)
{
    struct str root = {0};
    const struct sweep *sweep = &work->row.sweep;
    TRY(work_dir_enter(work->arena, &work->work_dir, &root));
    if (work->options.parent)
        TRY(process_end_with((pid_t)work->options.parent));
    open_observer(work, work->inner);
    struct session_options options = {.cwd = root,
                                      .pipeline = sweep->pipeline,
                                      .targets = sweep->targets,
                                      .target_count = sweep->target_count,
                                      .choice = work->options.choice,
                                      .threads = -1,
                                      .observer = &work->observer};
    TRY(session_open(work->arena, &options, &work->session));
    if (work->options.lock_timeout_ns >= 0)
        work->session.workspace.config.lock_timeout_ns = work->options.lock_timeout_ns;
    return steps_open(sweep, fd_number(work->session.workspace.root_fd), &work->steps);
}

/* A stage that outlives us would keep the trial's lock, and whoever waits for it waiting. */
static FALLIBLE keep_from_stages(const struct trial_options *options)
{
    for (size_t i = 0; i < options->held_count; i++)
        if (options->held[i] > STDERR_FILENO && fcntl(options->held[i], F_SETFD, FD_CLOEXEC) != 0)
            return error_os(errno, "cannot use descriptor %d of the sweep's driver",
                            options->held[i]);
    return NULL;
}

struct error *trial_open(struct arena *arena, struct str cwd, const struct trial_options *options,
                         const struct observer *observer, struct trial_work *ret)
{
    *ret = (struct trial_work){.arena = arena, .options = *options, .inner = observer};
    TRY(keep_from_stages(options));
    if (options->parent)
        TRY(process_end_with((pid_t)options->parent));
    TRY(prepare(ret, cwd));
    return enter(ret);
}

void trial_drop(struct trial_work *work)
{
    steps_drop(&work->steps);
    session_drop(&work->session);
    work_dir_drop(&work->work_dir);
}

static void tell_fault(struct trial_work *work)
{
    struct str fault = steps_fault(&work->steps, work->arena);
    struct event event = {.kind = EVENT_WARNING, .text = fault};
    if (fault.len)
        observer_tell(work->inner, &event);
}

struct error *trial_run(struct trial_work *work, struct run_report *ret)
{
    const struct sweep_row *row = &work->row;
    struct run_options options = work->options.run;
    bool is_dvc = work->session.pipeline->dialect == DOC_DVC;
    options.one_by_one = is_dvc && !work->options.side_by_side;
    options.argv = row->argv;
    options.id = work->trial.run;
    options.parent = row->parent;
    options.name = trial_name(work->arena, row, work->trial.number);
    options.sweep = row->ulid;
    options.trial = work->trial.number;
    options.code = &row->code;
    TRY(run_plan(&work->session, &options, ret));
    read_steps(work, true);
    if (ret->run->status == RUN_INTERRUPTED)
        return NULL;
    tell_fault(work);
    return trial_settle(work, ret);
}
