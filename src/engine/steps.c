#include "mlops/engine/steps.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/codec/delimited.h"
#include "mlops/host/clock.h"

#include <math.h>

/* One reading of the file. */
struct reading {
    struct steps *steps;
    const struct steps_teller *teller;
    struct arena *arena;
    struct str step, metric; /* names of columns */
    int64_t rows;
};

static struct str metric_column(const struct sweep *sweep)
{
    struct str key = sweep->metric_key;
    ptrdiff_t dot = str_find_last_char(key, '.');
    if (sweep->steps.metric.len)
        return sweep->steps.metric;
    return dot < 0 ? key : str_slice(key, (size_t)dot + 1, key.len);
}

static bool is_same(const struct file_stat *a, const struct file_stat *b)
{
    return a->device == b->device && a->inode == b->inode && a->size_bytes == b->size_bytes &&
           a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

static const char *path_of(const struct steps *steps, struct arena *arena)
{
    return str_terminate(arena, steps->sweep->steps.file);
}

struct error *steps_open(const struct sweep *sweep, int root_fd, struct steps *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    *ret = (struct steps){.sweep = sweep, .root_fd = root_fd, .last_step = INT64_MIN};
    if (!sweep->steps.file.len)
        return NULL;
    return file_stat_at(root_fd, path_of(ret, &scratch), true, &ret->seen, &ret->has_seen);
}

void steps_drop(struct steps *steps)
{
    buf_drop(&steps->columns);
}

/* A step is a whole number; frameworks write "3.0", too. */
static bool step_of(double value, int64_t *ret)
{
    enum { STEP_MOST = 1 << 30 };
    if (!(value >= 0 && value <= (double)STEP_MOST * STEP_MOST) || floor(value) < value)
        return false;
    *ret = (int64_t)value;
    return true;
}

static void tell(struct reading *reading, int64_t step, double value)
{
    struct steps *steps = reading->steps;
    if (step <= steps->last_step || steps->count >= LIMIT_TRIAL_STEPS)
        return;
    steps->last_step = step;
    steps->count++;
    reading->teller->tell(reading->teller->context, step, value);
}

static void note_column(struct reading *reading, struct str name)
{
    struct buf *columns = &reading->steps->columns;
    if (columns->len > (size_t)LIMIT_SHOWN_BYTES)
        return;
    buf_add_text(columns, columns->len ? ", " : "");
    buf_add_str(columns, name);
}

/* Index of a column, or the number of columns. */
static size_t column_of(const struct delimited_row *header, struct str name)
{
    size_t at = 0;
    while (at < header->len && !str_equal(header->at[at], name))
        at++;
    return at;
}

static void read_rows(struct reading *reading, struct delimited *rows, size_t step_at,
                      size_t metric_at)
{
    struct delimited_row row = {0};
    bool counts_rows = !reading->step.len;
    while (delimited_next(rows, &row)) {
        double value, step_value = 0;
        int64_t step = ++reading->rows;
        bool has_value = metric_at < row.len && delimited_number(row.at[metric_at], &value);
        bool has_step =
            counts_rows || (step_at < row.len && delimited_number(row.at[step_at], &step_value) &&
                            step_of(step_value, &step));
        if (has_value && has_step)
            tell(reading, step, value);
    }
}

static void read_table(struct reading *reading, struct str bytes, bool is_tabs)
{
    struct delimited rows = delimited_of(reading->arena, bytes, is_tabs);
    struct delimited_row header = {0};
    if (!delimited_next(&rows, &header))
        return;
    size_t metric_at = column_of(&header, reading->metric);
    size_t step_at = column_of(&header, reading->step);
    reading->steps->lacks_metric = metric_at == header.len;
    reading->steps->lacks_step = reading->step.len && step_at == header.len;
    for (size_t i = 0; i < header.len; i++)
        note_column(reading, header.at[i]);
    read_rows(reading, &rows, step_at, metric_at);
}

/* NaN and infinities are texts in the tree. */
static bool number_of(const struct doc_node *node, double *ret)
{
    if (!node || node->kind == DOC_LIST || node->kind == DOC_MAP || node->kind == DOC_NULL)
        return false;
    if (node->kind == DOC_INT)
        *ret = (double)node->integer;
    else if (node->kind == DOC_REAL)
        *ret = node->real;
    else
        return delimited_number(node->text, ret);
    return true;
}

static void read_object(struct reading *reading, const struct doc_node *root)
{
    const struct doc_node *metric = doc_find_path(root, reading->metric);
    double value, step_value = 0;
    int64_t step = ++reading->rows;
    if (reading->step.len &&
        !(number_of(doc_find_path(root, reading->step), &step_value) && step_of(step_value, &step)))
        return;
    reading->steps->lacks_metric &= metric == NULL;
    if (number_of(metric, &value))
        tell(reading, step, value);
}

/* A line that is no object says nothing. */
static void read_lines(struct reading *reading, struct str bytes)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str line;
    bool is_first = true;
    reading->steps->lacks_metric = true;
    while (bytes.len && str_split(&bytes, '\n', &line)) {
        struct doc *doc = NULL;
        arena_reset(&scratch);
        if (!str_trim(line).len)
            continue;
        struct error *error = metrics_load(&scratch, STR("steps.json"), line, &doc);
        error_drop(error);
        if (error || doc->root->kind != DOC_MAP)
            continue;
        read_object(reading, doc->root);
        for (const struct doc_node *node = doc->root->first; is_first && node; node = node->next)
            note_column(reading, node->key->text);
        is_first = false;
    }
}

static bool ends_in(struct str file, const char *suffix)
{
    return str_ends(file, str_of(suffix));
}

static void read_bytes(struct reading *reading, struct str bytes, bool is_final)
{
    struct steps *steps = reading->steps;
    struct str file = steps->sweep->steps.file;
    ptrdiff_t end = str_find_last_char(bytes, '\n');
    if (!is_final)
        bytes.len = (size_t)(end + 1);
    if (!bytes.len)
        return;
    buf_clear(&steps->columns);
    if (ends_in(file, ".jsonl") || ends_in(file, ".ndjson") || ends_in(file, ".json"))
        read_lines(reading, bytes);
    else
        read_table(reading, bytes, ends_in(file, ".tsv"));
    steps->has_rows |= reading->rows > 0;
}

/* Whether the file is another one than was read; an unfinished line counts at the end. */
static FALLIBLE has_changed(struct steps *steps, struct arena *arena, bool is_final, bool *ret)
{
    struct file_stat stat;
    bool is_there = false;
    TRY(file_stat_at(steps->root_fd, path_of(steps, arena), true, &stat, &is_there));
    bool is_other = is_there && !(steps->has_seen && is_same(&stat, &steps->seen));
    steps->is_ours |= is_other;
    *ret = is_other || (is_there && is_final && steps->is_ours);
    steps->has_seen = is_there;
    steps->seen = stat;
    return NULL;
}

struct error *steps_read(struct steps *steps, bool is_final, const struct steps_teller *teller)
{
    enum { PAUSE_FACTOR = 10 };
    AUTO(arena_drop) struct arena scratch = {0};
    int64_t begun_ns = clock_monotonic_ns();
    bool is_new = false, is_found = false;
    struct str bytes;
    if (!steps->sweep->steps.file.len || (!is_final && begun_ns < steps->next_ns))
        return NULL;
    TRY(has_changed(steps, &scratch, is_final, &is_new));
    if (!is_new)
        return NULL;
    TRY(file_read(&scratch, steps->root_fd, path_of(steps, &scratch), LIMIT_METRIC_BYTES, &bytes,
                  &is_found));
    struct reading reading = {.steps = steps,
                              .teller = teller,
                              .arena = &scratch,
                              .step = steps->sweep->steps.step,
                              .metric = metric_column(steps->sweep)};
    if (is_found)
        read_bytes(&reading, bytes, is_final);
    int64_t now_ns = clock_monotonic_ns();
    steps->next_ns = now_ns + (now_ns - begun_ns) * PAUSE_FACTOR;
    return NULL;
}

struct str steps_fault(const struct steps *steps, struct arena *arena)
{
    const struct sweep_steps *spec = &steps->sweep->steps;
    struct str metric = metric_column(steps->sweep);
    if (!spec->file.len || steps->count)
        return (struct str){0};
    if (!steps->columns.len)
        return str_print(arena, "'%.*s' was never written: no step was reported",
                         STR_FMT(spec->file));
    if (!steps->lacks_metric && !steps->lacks_step)
        return str_print(arena, "'%.*s' has no step with a number in column '%.*s'",
                         STR_FMT(spec->file), STR_FMT(metric));
    return str_print(arena, "'%.*s' has no column '%.*s'; it has %.*s", STR_FMT(spec->file),
                     STR_FMT(steps->lacks_metric ? metric : spec->step),
                     STR_FMT(buf_str(&steps->columns)));
}
