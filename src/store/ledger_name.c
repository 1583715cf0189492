/* Words that name runs: ids, tags, names, "@" and "@~N"; and giving such names. */
#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/host/clock.h"
#include "mlops/model/name.h"

#include "ledger_private.h"

enum { WORD_LEAST = 3, ULID_LEN = 26, MEANINGS_MOST = 20 };

VEC(sequence_vec, int64_t);

static FALLIBLE collect_sequences(struct sql_row *row, struct arena *arena,
                                  struct sequence_vec *ret)
{
    for (;;) {
        bool found = false;
        TRY(sql_next(row, &found));
        if (!found)
            return NULL;
        *vec_push(arena, ret) = sql_int(row, 0);
    }
}

/* "@~N": *ret_steps is N. Zeros in front are no other number. */
static bool steps_parse(struct str word, int64_t *ret_steps)
{
    int64_t steps = 0;
    if (str_is(word, "@")) {
        *ret_steps = 0;
        return true;
    }
    if (!str_starts(word, STR("@~")) || word.len == 2 || word.len > 12)
        return false;
    for (size_t i = 2; i < word.len; i++) {
        if (word.at[i] < '0' || word.at[i] > '9')
            return false;
        steps = steps * 10 + (word.at[i] - '0');
    }
    *ret_steps = steps;
    return true;
}

/* Only runs of the newest one's pipeline: those of another differ in everything. Runs without a
 * state (they crashed, or are running) are passed over on the way back. */
static FALLIBLE find_steps_back(struct ledger *ledger, struct arena *arena, int64_t steps,
                                struct sequence_vec *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger->sql, &row,
                   "SELECT sequence, state FROM run WHERE pipeline ="
                   " (SELECT pipeline FROM run WHERE" IS_NO_TRIAL " ORDER BY sequence DESC LIMIT 1)"
                   " AND" IS_NO_TRIAL "ORDER BY sequence DESC",
                   ""));
    bool found = false;
    TRY(sql_next(row, &found));
    int64_t last = found ? sql_int(row, 1) : 0;
    while (found && steps) {
        TRY(sql_next(row, &found));
        int64_t state = found ? sql_int(row, 1) : 0;
        if (state && state != last) {
            last = state;
            steps--;
        }
    }
    if (found)
        *vec_push(arena, ret) = sql_int(row, 0);
    return NULL;
}

/* Part of an id in the form ids have; empty: it can't be one. */
static struct str as_id(struct arena *arena, struct str word)
{
    if (word.len < WORD_LEAST || word.len > ULID_LEN)
        return (struct str){0};
    char *at = arena_copy(arena, word.at, word.len);
    for (size_t i = 0; i < word.len; i++) {
        if (at[i] >= 'a' && at[i] <= 'z')
            at[i] = (char)(at[i] - ('a' - 'A'));
        bool is_digit = (at[i] >= '0' && at[i] <= '9') || (at[i] >= 'A' && at[i] <= 'Z');
        if (!is_digit)
            return (struct str){0};
    }
    return (struct str){at, word.len};
}

/* Of the attempts of a trial, which have one name, that which its row says, or the last. */
#define COUNTS_OF_ITS_TRIAL                                                                        \
    " NOT EXISTS (SELECT 1 FROM trial_run AS mine"                                                 \
    "  JOIN trial ON trial.sweep = mine.sweep AND trial.number = mine.number"                      \
    "  WHERE mine.run = run.sequence AND run.id <> coalesce("                                      \
    "   (SELECT id FROM run AS counts WHERE counts.id = trial.run),"                               \
    "   (SELECT id FROM run AS last WHERE last.sequence = (SELECT max(other.run)"                  \
    "    FROM trial_run AS other WHERE other.sweep = mine.sweep"                                   \
    "    AND other.number = mine.number)))) "

/* Of many, enough to say so. A name or a tag counts whole, an id also in part. */
static FALLIBLE find_by_words(struct ledger *ledger, struct arena *arena, struct str word,
                              struct sequence_vec *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger->sql, &row,
                   "SELECT run FROM tag WHERE name = ?1"
                   " UNION SELECT sequence FROM run WHERE name = ?1 AND" COUNTS_OF_ITS_TRIAL
                   " UNION SELECT sequence FROM run WHERE id >= ?2 AND id < ?2 || '~'"
                   " UNION SELECT sequence FROM run WHERE substr(id, -length(?2)) = ?2"
                   " ORDER BY 1 DESC LIMIT ?3",
                   "ssi", word, ledger_optional(as_id(arena, word)), (int64_t)MEANINGS_MOST));
    return collect_sequences(row, arena, ret);
}

static FALLIBLE load_all(struct ledger *ledger, struct arena *arena,
                         const struct sequence_vec *found, struct run **ret)
{
    struct run *runs = arena_new_array(arena, struct run, found->len);
    for (size_t i = 0; i < found->len; i++) {
        struct run *run = NULL;
        TRY(ledger_load_run(ledger, arena, found->at[i], &run));
        runs[i] = *run;
    }
    *ret = runs;
    return NULL;
}

FALLIBLE ledger_find_runs(struct ledger *ledger, struct arena *arena, struct str word,
                          struct run **ret, size_t *ret_count)
{
    struct sequence_vec found = {0};
    int64_t steps = 0;
    if (steps_parse(word, &steps))
        TRY(find_steps_back(ledger, arena, steps, &found));
    else if (word.len)
        TRY(find_by_words(ledger, arena, word, &found));
    TRY(load_all(ledger, arena, &found, ret));
    *ret_count = found.len;
    return NULL;
}

/* The run that a tag names, or 0. */
static FALLIBLE run_of_tag(struct ledger *ledger, struct str name, int64_t *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger->sql, &row, "SELECT run FROM tag WHERE name = ?", "s", name));
    bool found = false;
    TRY(sql_next(row, &found));
    *ret = found ? sql_int(row, 0) : 0;
    return NULL;
}

static FALLIBLE refuse_name(struct str name)
{
    const char *fault = name_fault(name, false);
    if (fault)
        return error_new(ERROR_USAGE, "the tag '%.*s' %s", STR_FMT(name), fault);
    if (str_is(name, "workspace") || ulid_is_valid(name))
        return error_new(ERROR_USAGE, "the tag '%.*s' would mean something else", STR_FMT(name));
    return NULL;
}

static FALLIBLE insert_tag(struct ledger *ledger, int64_t run_sequence, struct str name)
{
    AUTO(sql_transaction_drop) struct sql_transaction transaction = {0};
    TRY(sql_begin(ledger->sql, &transaction));
    int64_t holder = 0;
    TRY(run_of_tag(ledger, name, &holder));
    if (holder && holder != run_sequence)
        return error_hint(
            error_new(ERROR_USAGE, "the tag '%.*s' names another run already", STR_FMT(name)),
            "remove that tag first, or choose another name");
    TRY(sql_run(ledger->sql,
                "INSERT INTO tag (name, run, created_ns) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                "sii", name, run_sequence, clock_real_ns()));
    return sql_commit(&transaction);
}

FALLIBLE ledger_tag(struct ledger *ledger, int64_t run_sequence, struct str name)
{
    check(run_sequence > 0);
    TRY(refuse_name(name));
    TRY(insert_tag(ledger, run_sequence, name));
    ledger_archive_tag(ledger, run_sequence, name, false);
    return NULL;
}

FALLIBLE ledger_untag(struct ledger *ledger, struct str name, bool *ret_found)
{
    int64_t holder = 0;
    TRY(run_of_tag(ledger, name, &holder));
    *ret_found = holder != 0;
    if (!holder)
        return NULL;
    TRY(sql_run(ledger->sql, "DELETE FROM tag WHERE name = ?", "s", name));
    ledger_archive_tag(ledger, holder, name, true);
    return NULL;
}
