/* Trials as child processes: `mlops trial SWEEP NUMBER`, events as JSON lines on a pipe. */
#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/engine/trial.h"
#include "mlops/host/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "sweep_private.h"

extern char **environ;

VEC(word_vec, const char *);

enum { OTHERS_WAIT_MS = 500 };

static void add_word(struct arena *arena, struct word_vec *words, const char *word)
{
    *vec_push(arena, words) = word;
}

static void add_option(struct arena *arena, struct word_vec *words, const char *name,
                       const char *value)
{
    add_word(arena, words, str_print(arena, "--%s=%s", name, value).at);
}

static void add_number(struct arena *arena, struct word_vec *words, const char *name, int64_t value)
{
    add_option(arena, words, name, str_print(arena, "%lld", (long long)value).at);
}

/* What the trial's run is told: as `mlops run` would be. */
static void add_flags(struct arena *arena, struct word_vec *words,
                      const struct sweep_options *options)
{
    const struct plan_choice *choice = &options->choice;
    const struct run_options *run = &options->run;
    const struct {
        bool is_given;
        const char *word;
    } flags[] = {
        {options->allows_shared, "--allow-shared"},
        {options->keeps_work, "--keep-work"},
        {run->force, "--force"},
        {run->no_restore, "--no-restore"},
        {run->keep_going, "--keep-going"},
        {run->minimal, "--minimal"},
        {run->force_downstream, "--force-downstream"},
        {run->no_dvc_lock, "--no-dvc-lock"},
        {run->lazy_inputs, "--allow-missing"},
        {choice->only_targets, "--only"},
        {choice->downstream, "--downstream"},
        {choice->whole, "--pipeline"},
        {choice->all_files, "--all-pipelines"},
        {choice->recursive, "--recursive"},
        {choice->is_pattern, "--glob"},
    };
    for (size_t i = 0; i < COUNT_OF(flags); i++) {
        if (flags[i].is_given)
            add_word(arena, words, flags[i].word);
    }
    if (options->lock_timeout_ns >= 0)
        add_option(
            arena, words, "lock-timeout",
            str_print(arena, "%lldms", (long long)(options->lock_timeout_ns / NS_PER_MS)).at);
}

static const char *const *command_line(struct worker *worker)
{
    const struct sweep_state *state = worker->state;
    const struct sweep_options *options = state->options;
    struct arena *arena = &worker->memory;
    struct word_vec words = {0};
    add_word(arena, &words, "/proc/self/exe");
    add_word(arena, &words, "trial");
    add_word(arena, &words, str_terminate(arena, state->row->ulid));
    add_word(arena, &words, str_print(arena, "%lld", (long long)worker->view.trial.number + 1).at);
    add_number(arena, &words, "jobs", state->jobs);
    add_number(arena, &words, "parent", getpid());
    add_option(arena, &words, "slots",
               str_print(arena, "/proc/self/fd/%d", fd_number(state->slots)).at);
    add_number(arena, &words, "lock", fd_number(worker->lock.fd));
    add_option(arena, &words, "isolation", isolation_name(options->isolation));
    add_flags(arena, &words, options);
    if (options->jobs || state->session->workspace.config.jobs)
        add_word(arena, &words, "--side-by-side");
    if (!options->shown)
        add_word(arena, &words, "--progress=json");
    for (size_t i = 0; options->shown && options->shown[i]; i++)
        add_word(arena, &words, options->shown[i]);
    add_word(arena, &words, NULL);
    return words.at;
}

static void events_ready(void *context)
{
    sweep_listen(context);
}

/* Its end is dealt with in the turn's course: errors go through the state. */
static void process_ready(void *context)
{
    struct worker *worker = context;
    sweep_child_ended(worker->state, worker);
}

static FALLIBLE open_pipe(struct worker *worker, struct fd *ret_theirs)
{
    int ends[2];
    if (worker->state->options->shown)
        return NULL;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_os(errno, "cannot make a pipe");
    worker->events = fd_of(ends[0]);
    *ret_theirs = fd_of(ends[1]);
    if (fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0)
        return error_os(errno, "cannot read a pipe without waiting");
    return NULL;
}

static FALLIBLE start_process(struct worker *worker)
{
    struct sweep_state *state = worker->state;
    AUTO(fd_drop) struct fd theirs = {0};
    TRY(open_pipe(worker, &theirs));
    const int keep[] = {fd_number(worker->lock.fd), fd_number(state->slots)};
    const struct process_spec spec = {
        .argv = command_line(worker),
        .envp = (const char *const *)environ,
        .cwd = str_terminate(&worker->memory, state->session->workspace.root),
        .output_fd = fd_number(theirs),
        .keep_fds = keep,
        .keep_count = COUNT_OF(keep)};
    TRY(process_start(&spec, &worker->process));
    if (!state->options->shown)
        loop_watch(state->loop, fd_number(worker->events), events_ready, worker);
    loop_watch(state->loop, fd_number(worker->process.pidfd), process_ready, worker);
    return NULL;
}

static void clear(struct worker *worker)
{
    fd_drop(&worker->events);
    lock_drop(&worker->lock);
    buf_clear(&worker->line);
    buf_clear(&worker->words);
    arena_reset(&worker->memory);
    struct worker empty = {.state = worker->state,
                           .memory = worker->memory,
                           .line = worker->line,
                           .words = worker->words};
    *worker = empty;
}

static FALLIBLE begin(struct sweep_state *state, struct worker *worker)
{
    worker->begun_ns = clock_monotonic_ns();
    worker->view.step = -1;
    TRY_WITHIN(start_process(worker), "starting trial %lld",
               (long long)worker->view.trial.number + 1);
    worker->is_busy = true;
    state->busy++;
    state->begun_count++;
    sweep_tell(state, TRIAL_BEGUN, worker, (struct str){0});
    return NULL;
}

struct error *sweep_start(struct sweep_state *state, struct worker *worker, bool *ret_started)
{
    worker->state = state;
    clear(worker);
    TRY(sweeps_take(state->ledger, &state->session->workspace, &worker->memory, state->row,
                    &worker->view.trial, &worker->lock, ret_started, &state->is_all));
    state->wait_ns = 0;
    if (*ret_started)
        return begin(state, worker);
    if (!state->is_all)
        state->wait_ns = clock_monotonic_ns() + OTHERS_WAIT_MS * NS_PER_MS;
    return NULL;
}

static FALLIBLE remove_now(struct sweep_state *state, const struct worker *worker)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct work_dir work_dir = {0};
    struct str folder = trial_folder(&scratch, state->row, worker->view.trial.number);
    TRY(work_dir_find(&scratch, state->session, folder, &work_dir));
    return work_dir_remove(state->session, &work_dir);
}

/* Its directory goes, unless somebody wants to look at it. One that can't be removed (a file that
 * is immutable, or still open on a network file system) is no reason to end the sweep. */
static FALLIBLE remove_directory(struct sweep_state *state, const struct worker *worker)
{
    AUTO(buf_drop) struct buf text = {0};
    if (state->options->keeps_work)
        return NULL;
    struct error *error = remove_now(state, worker);
    if (!error || error->code >= ERROR_SIGNAL)
        return error;
    error_print_line(error, &text);
    error_drop(error);
    sweep_warn(state, buf_str(&text));
    return NULL;
}

/* Those that a killed trial left run on as our children. */
static void end_orphans(struct sweep_state *state)
{
    AUTO(arena_drop) struct arena scratch = {0};
    pid_t *kept = arena_new_array(&scratch, pid_t, (size_t)state->jobs);
    size_t count = 0;
    for (int64_t i = 0; i < state->jobs; i++) {
        if (state->workers[i].process.pid > 0)
            kept[count++] = state->workers[i].process.pid;
    }
    process_sweep((struct str){0}, 0, kept, count);
}

static FALLIBLE take_end(struct sweep_state *state, struct worker *worker)
{
    struct process_end end;
    loop_forget(state->loop, fd_number(worker->process.pidfd));
    if (fd_number(worker->events) >= 0) {
        sweep_listen(worker);
        if (fd_number(worker->events) >= 0)
            loop_forget(state->loop, fd_number(worker->events));
    }
    TRY(process_reap(&worker->process, &end));
    if (end.exit_signal)
        end_orphans(state);
    TRY(sweep_save_reports(state));
    TRY(sweep_settle(state, worker, &end));
    return remove_directory(state, worker);
}

void sweep_child_ended(struct sweep_state *state, struct worker *worker)
{
    struct error *error = take_end(state, worker);
    if (error && !state->failure)
        state->failure = error;
    else
        error_drop(error);
    state->is_ending |= state->failure != NULL;
    state->wait_ns = 0;
    state->busy--;
    worker->is_busy = false;
    sweep_tell(state, TRIAL_ENDED, worker, (struct str){0});
    clear(worker);
}

void sweep_worker_drop(struct worker *worker)
{
    if (worker->is_busy)
        process_drop(&worker->process);
    fd_drop(&worker->events);
    lock_drop(&worker->lock);
    buf_drop(&worker->line);
    buf_drop(&worker->words);
    arena_drop(&worker->memory);
}
