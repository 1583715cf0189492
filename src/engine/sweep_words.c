/* What trials tell: one JSON object a line; what is none is the text of an error. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/codec/json.h"

#include <errno.h>
#include <math.h>
#include <unistd.h>

#include "sweep_private.h"

static struct str text_of(const struct doc_node *event, const char *name)
{
    const struct doc_node *node = doc_find(event, str_of(name));
    return node && node->kind == DOC_STR ? node->text : (struct str){0};
}

static int64_t number_of(const struct doc_node *event, const char *name, int64_t otherwise)
{
    const struct doc_node *node = doc_find(event, str_of(name));
    return node && node->kind == DOC_INT ? node->integer : otherwise;
}

/* A NaN is written as null. */
static double real_of(const struct doc_node *event, const char *name)
{
    const struct doc_node *node = doc_find(event, str_of(name));
    if (node && node->kind == DOC_INT)
        return (double)node->integer;
    return node && node->kind == DOC_REAL ? node->real : nan("");
}

/* Of many trials that warn of the same one is heard. */
static void hear_warning(struct worker *worker, struct str text)
{
    enum { WARNINGS_MOST = 100 };
    struct sweep_state *state = worker->state;
    if (map_has(&state->told, text) || state->told.len >= WARNINGS_MOST)
        return;
    text = str_copy(&state->told_memory, text);
    map_put(&state->told_memory, &state->told, text, state);
    sweep_warn(state, str_print(&worker->memory, "trial %lld: %.*s",
                                (long long)worker->view.trial.number + 1, STR_FMT(text)));
}

static void hear_step(struct worker *worker, const struct doc_node *event)
{
    struct sweep_state *state = worker->state;
    worker->view.step = number_of(event, "step", 0);
    worker->view.value = real_of(event, "value");
    worker->has_new_step = true;
    *vec_push(&state->reports_memory, &state->reports) = (struct trial_report){
        .trial = worker->view.trial.number, .step = worker->view.step, .value = worker->view.value};
}

static void hear_finished(struct worker *worker, const struct doc_node *event)
{
    struct trial_view *view = &worker->view;
    struct str tail = text_of(event, "log_tail");
    if (str_equal(view->stage, text_of(event, "stage")))
        view->stage = (struct str){0};
    if (tail.len && !view->log_tail.len)
        view->log_tail = str_copy(&worker->memory, tail);
}

static void hear(struct worker *worker, const struct doc_node *event)
{
    struct str kind = text_of(event, "event");
    struct trial_view *view = &worker->view;
    view->finished_count = (int)number_of(event, "finished", view->finished_count);
    view->total_count = (int)number_of(event, "total", view->total_count);
    if (str_is(kind, "run_started"))
        view->trial.run = str_copy(&worker->memory, text_of(event, "run"));
    else if (str_is(kind, "stage_started"))
        view->stage = str_copy(&worker->memory, text_of(event, "stage"));
    else if (str_is(kind, "stage_finished"))
        hear_finished(worker, event);
    else if (str_is(kind, "step"))
        hear_step(worker, event);
    else if (str_is(kind, "warning"))
        hear_warning(worker, text_of(event, "text"));
    else
        return;
    sweep_tell(worker->state, TRIAL_CHANGED, worker, (struct str){0});
}

static void hear_line(struct worker *worker, struct str line)
{
    enum { WORDS_MOST = 16384 };
    AUTO(arena_drop) struct arena scratch = {0};
    struct doc *doc = NULL;
    bool is_event = str_starts(line, STR("{"));
    struct error *error = is_event ? json_parse(&scratch, STR("events"), line, &doc) : NULL;
    if (is_event && !error) {
        hear(worker, doc->root);
        return;
    }
    error_drop(error);
    if (worker->words.len + line.len >= WORDS_MOST)
        return;
    buf_add_str(&worker->words, line);
    buf_add_char(&worker->words, '\n');
}

static void hear_lines(struct worker *worker)
{
    struct str rest = buf_str(&worker->line);
    ptrdiff_t end;
    while ((end = str_find_char(rest, '\n')) >= 0) {
        hear_line(worker, str_slice(rest, 0, (size_t)end));
        rest = str_slice(rest, (size_t)end + 1, rest.len);
    }
    if (rest.len && rest.at != worker->line.at)
        memmove(worker->line.at, rest.at, rest.len);
    worker->line.len = rest.len;
}

void sweep_listen(struct worker *worker)
{
    enum { PIECE = 65536 };
    int fd = fd_number(worker->events);
    for (;;) {
        ssize_t got = read(fd, buf_reserve(&worker->line, PIECE), PIECE);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            bool is_over = got == 0 || errno != EAGAIN;
            if (is_over) {
                loop_forget(worker->state->loop, fd);
                fd_drop(&worker->events);
            }
            return;
        }
        worker->line.len += (size_t)got;
        hear_lines(worker);
    }
}
