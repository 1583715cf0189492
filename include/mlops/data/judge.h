/* Checks are judged: what was measured against thresholds, the clock, earlier measurements and
 * references. Pure; the same measurements may be judged again and again. */
#pragma once

#include "mlops/data/measurement.h"
#include "mlops/model/checks.h"

enum judgement {
    JUDGED_PASS,
    JUDGED_FAIL, /* with severity `warn`: a warning */
    JUDGED_SKIP, /* could not be judged: `message` says why (no earlier run, no values) */
};

/* "pass", "fail", "warn" (a failure of that severity), "skip". */
const char *judgement_name(enum judgement judgement, int severity);

/* One answer: of a check, of a table and, where it looks at columns, of a column. */
struct finding {
    const struct check_rule *rule;
    enum judgement judgement;
    struct str table, path; /* of the table; path as in the pipeline */
    struct str field;       /* empty: the whole table */
    struct str
        kind; /* of a schema check the kind of violation: "type-error", "minimum"; else empty */
    bool has_value;
    double value;                  /* what was judged: a count, a share, a distance, a mean */
    struct str limit;              /* what it was judged by, for people: "at most 20" */
    struct str message;            /* one line */
    struct str formula;            /* of distances: formula, bins, exactness */
    uint64_t count;                /* cells or rows that violate it */
    const struct violation *shown; /* the first of them */
    size_t shown_count;
};

VEC(finding_vec, struct finding);

struct judged {
    struct finding_vec findings; /* by check in order of the file, then table, then column */
    size_t passed, failed, warned, skipped;
    bool is_rejected; /* a check of severity `error` failed */
};

/* What a check with `against: {run}` or `{path, rev}` is compared with. */
struct judge_reference {
    const struct measurement *run; /* REFERENCE_RUN: all tables of the stage */
    const struct profile *profile; /* REFERENCE_VERSION */
    struct str missing;            /* why there is none: the check is skipped with these words */
};

struct judge_options {
    const struct validation *validation;
    const struct measurement *measurement;
    const struct measurement *last;           /* of the last run that passed; NULL: none */
    const struct judge_reference *references; /* parallel to validation->checks */
    int64_t now_ns;                           /* realtime */
};

FALLIBLE judge(struct arena *arena, const struct judge_options *options, struct judged *ret);
