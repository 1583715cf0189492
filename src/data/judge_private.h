/* What the files of the module share: one judging, and how findings are added to it. */
#pragma once

#include "mlops/data/judge.h"

struct judging {
    struct arena *arena;
    const struct judge_options *options;
    struct judged *judged;
    const struct check_rule *rule;           /* in hand */
    const struct judge_reference *reference; /* of the rule in hand; may be NULL */
    const struct table_measurement *table;   /* in hand */
};

/* A new finding about the table in hand, with the rule in hand; it passes until it is said to fail.
 */
struct finding *finding_add(struct judging *judging, struct str field);

/* Judges by a bound; `is_ok` false fails it. */
void finding_settle(struct finding *finding, bool is_ok);
void finding_fail(struct judging *judging, struct str field, struct str message);
void finding_skip(struct judging *judging, struct finding *finding, struct str why);

/* Numbers as people read them: up to 6 digits; "12.5 %" of a share. */
struct str number_text(struct arena *arena, double value);
struct str share_text(struct arena *arena, double share);

/* The column of that name in a profile, or NULL. */
const struct column_profile *profile_column(const struct profile *profile, struct str name);

/* A name that is no column of the table in hand is a finding that fails. */
bool judge_has_column(struct judging *judging, struct str name);

/* Calls `judge_column` for the columns the rule names, or for all; a name that is no column is a
 * finding that fails. */
typedef FALLIBLE judge_column(struct judging *judging, const struct column_profile *column);
FALLIBLE judge_columns(struct judging *judging, judge_column *one);

/* One function for each kind of check, for the table in hand. */
FALLIBLE judge_schema(struct judging *judging);
FALLIBLE judge_row_count(struct judging *judging);
FALLIBLE judge_freshness(struct judging *judging);
FALLIBLE judge_duplicate_rows(struct judging *judging);
FALLIBLE judge_null_values(struct judging *judging);
FALLIBLE judge_leakage(struct judging *judging);
FALLIBLE judge_drift(struct judging *judging);
FALLIBLE judge_labels(struct judging *judging);
FALLIBLE judge_stat(struct judging *judging);
FALLIBLE judge_constant(struct judging *judging);
FALLIBLE judge_outliers(struct judging *judging);
FALLIBLE judge_correlation(struct judging *judging);

/* What the rule in hand compares the table in hand with; *ret NULL: told as a finding that is
 * skipped (or, of a file that is no table, fails). */
void judge_find_reference(struct judging *judging, const struct profile **ret);
