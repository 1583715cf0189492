/* An experiment is a sweep of one trial, told and summed up as a run is. */
#include "mlops/base/arena.h"
#include "mlops/cli/experiment.h"
#include "mlops/cli/narrate.h"
#include "mlops/engine/sweep.h"
#include "mlops/model/name.h"

struct str sweep_shown(const struct sweep_row *row)
{
    return row->sweep.name.len ? row->sweep.name : ulid_short(row->ulid);
}

VEC(shown_vec, const char *);

static void add(struct context *context, struct shown_vec *words, const char *word)
{
    *vec_push(context->arena, words) = word;
}

/* The trial's process says all that `mlops run` would have said. */
static const char *const *shown_words(struct context *context, int progress)
{
    static const char *const progress_words[] = {
        [PROGRESS_AUTO] = "--progress=auto",   [PROGRESS_LIVE] = "--progress=live",
        [PROGRESS_PLAIN] = "--progress=plain", [PROGRESS_JSON] = "--progress=json",
        [PROGRESS_NONE] = "--progress=none",
    };
    static const char *const format_words[] = {
        [FORMAT_JSON] = "--format=json",
        [FORMAT_JUNIT] = "--format=junit",
        [FORMAT_SARIF] = "--format=sarif",
    };
    struct shown_vec words = {0};
    size_t format = (size_t)context->format;
    add(context, &words, progress_words[progress]);
    if (format < COUNT_OF(format_words) && format_words[format])
        add(context, &words, format_words[format]);
    if (context->common.quiet)
        add(context, &words, "--quiet");
    if (context->common.verbose)
        add(context, &words, "--verbose");
    if (context->common.no_colour)
        add(context, &words, "--no-color");
    add(context, &words, NULL);
    return words.at;
}

/* What the trial's process could not say itself: its answer was in its words. */
static void tell(void *opaque, const struct sweep_event *event)
{
    struct context *context = opaque;
    if (event->kind == SWEEP_WARNED)
        context_warn(context, "%.*s", STR_FMT(event->text));
}

static FALLIBLE finish(struct context *context, const struct sweep_report *report)
{
    const struct trial *trial = report->count ? &report->trials[0] : NULL;
    bool is_text = context->format == FORMAT_TABLE && !context->common.quiet;
    context->status = report->exit_status;
    if (!trial || trial->status == TRIAL_WAITING)
        return NULL;
    if (trial->status == TRIAL_SUCCEEDED && is_text)
        buf_print(&context->out, "mlops apply %.*s\n", STR_FMT(ulid_short(trial->run)));
    return NULL;
}

/* A sweep that has one trial, which changes what is fixed. */
static struct sweep sweep_of(struct context *context, const struct experiment *experiment)
{
    const struct stage_words *words = experiment->words;
    int targets_at = words->argc > 0 && is_pipeline_word(words->argv[0]) ? 1 : 0;
    struct sweep sweep = {.method = SWEEP_LIST,
                          .fixed = *experiment->overrides,
                          .listed = arena_new(context->arena, struct override_vec),
                          .listed_count = 1,
                          .repeat = 1,
                          .target_count = (size_t)(words->argc - targets_at)};
    sweep.targets = arena_new_array(context->arena, struct str, sweep.target_count);
    for (size_t i = 0; i < sweep.target_count; i++)
        sweep.targets[i] = words->argv[(size_t)targets_at + i];
    return sweep;
}

static FALLIBLE drive(struct context *context, struct session *session,
                      const struct experiment *experiment)
{
    struct sweep_options options = {.jobs = experiment->run->jobs,
                                    .choice = experiment->words->choice,
                                    .lock_timeout_ns = experiment->lock_timeout_ns,
                                    .run = *experiment->run,
                                    .argv = context->arguments,
                                    .version = STR(MLOPS_VERSION),
                                    .shown = shown_words(context, experiment->progress)};
    struct sweep sweep = sweep_of(context, experiment);
    struct sweep_row row = {0};
    struct sweep_report report = {0};
    struct sweep_observer observer = {.tell = tell, .context = context};
    TRY(sweep_begin(session, &sweep, &options, true, &row));
    TRY(sweep_drive(session, &row, &options, &observer, &report));
    return finish(context, &report);
}

FALLIBLE experiment_run(struct context *context, const struct experiment *experiment)
{
    struct session session = {0};
    struct stage_words words = *experiment->words;
    words.observer = &context->observer;
    TRY(stages_open(context, &words, &session));
    struct error *error = drive(context, &session, experiment);
    session_drop(&session);
    return error;
}
