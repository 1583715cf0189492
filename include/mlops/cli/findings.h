/* Findings as CI systems show them: JUnit XML, as Jenkins and GitLab read it, and SARIF 2.1.0
 * (OASIS), as GitHub and editors read it. */
#pragma once

#include "mlops/base/buf.h"

enum ci_verdict {
    CI_PASS, /* in SARIF: nothing */
    CI_FAIL,
    CI_WARN, /* in JUnit a passed test with output */
    CI_SKIP,
};

/* A place in a file: a record of a table. */
struct ci_place {
    uint64_t line;    /* of the file, from 1; 0: not known */
    uint64_t row;     /* number of the record; 0: none */
    struct str value; /* what stands there */
    bool has_value;
};

struct ci_finding {
    struct str rule;    /* "type-error", "minimum", "row_count" */
    struct str name;    /* of the test: "age: minimum" */
    struct str message; /* one line */
    struct str file;    /* as the user names it, relative to where he stands */
    struct str column;  /* empty: none */
    enum ci_verdict verdict;
    uint64_t count;
    const struct ci_place *places; /* the first ones */
    size_t place_count;
};

struct ci_report {
    struct str suite; /* "data validate train.csv", or the name of a stage */
    const struct ci_finding *findings;
    size_t count;
    double duration_s;
};

/* Both append a whole document with a line end. */
void findings_junit(struct buf *out, const struct ci_report *report);
void findings_sarif(struct buf *out, const struct ci_report *report);
