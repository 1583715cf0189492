/* What stopped a run, and what its checks and gates said. */
#include "mlops/base/arena.h"
#include "mlops/cli/report_run.h"
#include "mlops/model/name.h"

#include "account_private.h"

/* --- what failed ----------------------------------------------------------------------------- */

static const struct column failure_columns[] = {
    {.name = "stage", .title = "STAGE"},
    {.name = "why", .title = "WHY"},
    {.name = "log", .title = "WHAT IT WROTE"},
};

bool account_is_failure(const struct run_stage *stage)
{
    return stage->status == STATUS_FAILED || stage->status == STATUS_UNCONFIRMED;
}

struct str account_failure(struct arena *arena, const struct run_stage *stage)
{
    const struct usage *usage = &stage->usage;
    if (stage->note.len)
        return stage->note;
    if (usage->exit_code > 0)
        return str_print(arena, "exited with status %d", usage->exit_code);
    return str_of(stage_status_name(stage->status));
}

/* Not what it wrote: a report goes to places where no one blanks out secrets. */
void account_add_failures(const struct account *account, struct document *document)
{
    const struct run *run = account->view.run;
    struct arena *arena = document->arena;
    struct table table = table_make(arena, failure_columns, COUNT_OF(failure_columns));
    for (size_t i = 0; run && i < run->stages.len; i++) {
        const struct run_stage *stage = &run->stages.at[i];
        if (!account_is_failure(stage))
            continue;
        struct cell *row = table_add(&table);
        row[0] = cell_text(stage->stage);
        row[1] = cell_toned(cell_text(account_failure(arena, stage)), TONE_BAD);
        row[2] = cell_text(str_print(arena, "mlops logs %.*s %.*s", STR_FMT(ulid_short(run->id)),
                                     STR_FMT(stage->stage)));
    }
    if (!table.row_count)
        return;
    document_section(document, "What failed", false);
    account_add_cut(document, &table);
}

/* --- checks and gates ------------------------------------------------------------------------ */

static const struct column check_columns[] = {
    {.name = "judgement", .title = "VERDICT"}, {.name = "message", .title = "FINDING"},
    {.name = "limit", .title = "WANTED"},      {.name = "stage", .title = "STAGE"},
    {.name = "check", .title = "CHECK"},       {.name = "table", .title = "OF"},
};

static enum tone judgement_tone(struct str word)
{
    return str_is(word, "fail")   ? TONE_BAD
           : str_is(word, "pass") ? TONE_GOOD
           : str_is(word, "skip") ? TONE_DIM
                                  : TONE_WARN;
}

static void add_judged(struct table *table, const struct check_results *checks, bool passed)
{
    vec_each (const struct check_result, result, &checks->all) {
        if (str_is(result->judgement, "pass") != passed)
            continue;
        struct cell *row = table_add(table);
        row[0] = cell_toned(cell_text(result->judgement), judgement_tone(result->judgement));
        row[1] = cell_text(result->message);
        row[2] = cell_text(result->limit);
        row[3] = cell_text(checks->stage);
        row[4] = cell_text(result->check);
        row[5] = cell_text(result->table);
    }
}

void account_add_checks(const struct account *account, struct document *document)
{
    const struct run *run = account->view.run;
    struct table table = table_make(document->arena, check_columns, COUNT_OF(check_columns));
    if (!run || run->checks.len == 0)
        return;
    document_section(document, "Checks and gates", false);
    for (int passed = 0; passed < 2; passed++)
        vec_each (const struct check_results, checks, &run->checks)
            add_judged(&table, checks, passed == 1);
    account_add_cut(document, &table);
}
