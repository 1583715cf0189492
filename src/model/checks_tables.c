/* The checks of the language as field tables: a new key is a row here. */
#include "mlops/base/lang.h"

#include <stddef.h>

#include "checks_private.h"

static const char *const severities[] = {"error", "warn", NULL};
static const char *const drift_methods[] = {"psi",         "ks",        "js",        "chi2", "linf",
                                            "wasserstein", "cramers_v", "hellinger", NULL};
static const char *const outlier_methods[] = {"iqr", "zscore", NULL};

_Static_assert(SEVERITY_WARN + 2 == COUNT_OF(severities), "a word for every severity");

#define AT(member) offsetof(struct check_rule, member)
#define AMOUNT(key, member, text)                                                                  \
    {                                                                                              \
        .name = (key), .kind = FIELD_BIND, .offset = AT(member), .bind = check_bind_amount,        \
        .type = "number", .help = (text)                                                           \
    }
#define SHARE(key, member, its_initial, text)                                                      \
    {                                                                                              \
        .name = (key), .kind = FIELD_BIND, .offset = AT(member), .bind = check_bind_share,         \
        .type = "share", .initial = (its_initial), .help = (text)                                  \
    }
#define TEXTS(key, member, its_type, text)                                                         \
    {                                                                                              \
        .name = (key), .kind = FIELD_BIND, .offset = AT(member), .bind = check_bind_texts,         \
        .type = (its_type), .help = (text)                                                         \
    }
#define COLUMN(key, member, its_flags, text)                                                       \
    {                                                                                              \
        .name = (key), .kind = FIELD_STR, .offset = AT(member),                                    \
        .flags = FIELD_PLAIN | (its_flags), .type = "column", .help = (text)                       \
    }
#define BOUND(key, text)                                                                           \
    {                                                                                              \
        .name = (key), .kind = FIELD_BIND, .offset = AT(bounds), .bind = check_bind_bound,         \
        .type = "bounds", .help = (text)                                                           \
    }
#define COMMON                                                                                     \
    {.name = "severity",                                                                           \
     .kind = FIELD_CHOICE,                                                                         \
     .offset = AT(severity),                                                                       \
     .choices = severities,                                                                        \
     .type = "error or warn",                                                                      \
     .initial = "error",                                                                           \
     .help = "`error` rejects the data; `warn` is recorded and shown."},                           \
    {                                                                                              \
        .name = "table", .kind = FIELD_STR, .offset = AT(table), .flags = FIELD_PLAIN,             \
        .type = "text", .initial = "each",                                                         \
        .help = "Which of the stage's tables, by its name in `data`."                              \
    }
#define AGAINST(its_flags)                                                                         \
    {                                                                                              \
        .name = "against", .kind = FIELD_BIND, .offset = AT(against),                              \
        .bind = check_bind_reference, .flags = (its_flags), .type = "path or reference",           \
        .help = "What to compare with: a path, `{path: P, rev: REVISION}`, `{table: NAME}`, or "   \
                "`{run: RUN}`: what this stage measured in that run, tag or git revision."         \
    }

static const struct field schema_fields[] = {
    COMMON,
    TEXTS("fields", fields, "column or columns", "Only violations in these columns."),
    SHARE("max_share", max_share, "0",
          "Share of a column's cells, or of the rows, that may violate it."),
};

static const struct field row_count_fields[] = {
    COMMON,
    AMOUNT("min", min, "The fewest rows."),
    AMOUNT("max", max, "The most rows."),
    {.name = "max_change",
     .kind = FIELD_BIND,
     .offset = AT(max_change),
     .bind = check_bind_change,
     .type = "share",
     .initial = "any",
     .help = "Largest change of the number of rows since the last run that passed."},
};

static const struct field freshness_fields[] = {
    COMMON,
    COLUMN("field", field, FIELD_REQUIRED, "A column of dates or times; the newest counts."),
    {.name = "max_age",
     .kind = FIELD_DURATION,
     .offset = AT(max_age_ns),
     .flags = FIELD_REQUIRED,
     .type = "duration",
     .help = "How old it may be: `36h`, `7d`."},
};

static const struct field duplicate_rows_fields[] = {
    COMMON,
    AMOUNT("max", max, "Rows that may repeat an earlier one; 0 if nothing is given."),
    SHARE("max_share", max_share, "any", "The same as a share of all rows."),
    TEXTS("fields", fields, "column or columns", "Compare these columns only."),
    TEXTS("except", except, "column or columns", "Compare all but these columns."),
};

static const struct field null_values_fields[] = {
    COMMON,
    TEXTS("fields", fields, "column or columns", "Which columns; all if not given."),
    SHARE("max_share", max_share, "0", "Share of a column's cells that may be null."),
};

static const struct field leakage_fields[] = {
    COMMON,
    TEXTS("between", between, "list of tables",
          "Two tables of the stage: the training data first."),
    TEXTS("keys", keys, "column or columns", "Values of these columns may not be in both."),
    TEXTS("except", except, "column or columns",
          "Columns left out when whole rows are compared: identifiers."),
    AMOUNT("max", max, "Rows of the second that may be in the first, too; 0 if nothing is given."),
    SHARE("max_share", max_share, "any", "The same as a share of the second table's rows."),
    COLUMN("time", time, 0, "All values of the first table must lie before those of the second."),
};

static const struct field drift_fields[] = {
    COMMON,
    AGAINST(FIELD_REQUIRED),
    {.name = "method",
     .kind = FIELD_BIND,
     .offset = 0,
     .bind = check_bind_drift_method,
     .type = "method of drift",
     .initial = "psi",
     .help = "`psi`, `ks`, `js`, `chi2`, `linf`, `wasserstein`, `cramers_v`, `hellinger`."},
    AMOUNT("threshold", threshold,
           "A column drifts if its distance is as large or larger (`chi2`: its p smaller); each "
           "method has a default."),
    TEXTS("fields", fields, "column or columns", "Which columns; all that both have if not given."),
    SHARE("max_share", max_share, "0", "Share of the compared columns that may drift."),
};

static const struct field labels_fields[] = {
    COMMON,
    COLUMN("field", field, FIELD_REQUIRED, "The column of labels."),
    SHARE("min_share", min_share, "any", "Smallest share of rows that a label may have."),
    AGAINST(0),
    AMOUNT("new", new_values, "Labels that may be new against the reference."),
    AMOUNT("max_drift", max_drift, "Largest difference of a label's share (L-infinity)."),
};

static const struct field constant_fields[] = {
    COMMON,
    TEXTS("fields", fields, "column or columns", "Which columns; all if not given."),
    SHARE("max_share", max_share, "all rows but one",
          "Share of a column's values that its most frequent one may have."),
};

static const struct field outliers_fields[] = {
    COMMON,
    TEXTS("fields", fields, "column or columns", "Which columns; all with numbers if not given."),
    {.name = "method",
     .kind = FIELD_BIND,
     .offset = 0,
     .bind = check_bind_outlier_method,
     .type = "iqr or zscore",
     .initial = "iqr",
     .help = "`iqr`: beyond the quartiles by `threshold` times their distance; `zscore`: further "
             "from the mean than `threshold` standard deviations."},
    AMOUNT("threshold", threshold, "1.5 for `iqr`, 3 for `zscore` if not given."),
    SHARE("max_share", max_share, "5%", "Share of a column's numbers that may be outliers."),
};

static const struct field correlation_fields[] = {
    COMMON,
    TEXTS("fields", fields, "column or columns",
          "Only pairs of these columns; all with numbers if not given."),
    COLUMN("field", field, 0, "Only pairs with this column: the label."),
    AMOUNT("max", max, "Largest |r| of a pair; 0.95 if not given."),
};

static const struct field stat_fields[] = {
    COMMON,
    COLUMN("field", field, FIELD_REQUIRED, "Name of the column."),
    BOUND("mean", "Its mean: `[least, most]`, either may be null."),
    BOUND("sd", "Its standard deviation."),
    BOUND("min", "Its least value."),
    BOUND("max", "Its largest value."),
    BOUND("median", "Its median."),
    BOUND("p1", "A quantile: 1 % of its values are smaller."),
    BOUND("p5", "A quantile: 5 % are smaller."),
    BOUND("p10", "A quantile: 10 % are smaller."),
    BOUND("p25", "A quantile: 25 % are smaller."),
    BOUND("p75", "A quantile: 75 % are smaller."),
    BOUND("p90", "A quantile: 90 % are smaller."),
    BOUND("p95", "A quantile: 95 % are smaller."),
    BOUND("p99", "A quantile: 99 % are smaller."),
    BOUND("distinct", "How many different values it has."),
    BOUND("length", "The mean length of its texts."),
};

#define SCHEMA(its_noun, rows)                                                                     \
    {                                                                                              \
        .noun = (its_noun), .fields = (rows), .count = COUNT_OF(rows)                              \
    }

const struct schema check_kind_schemas[CHECK_KIND_COUNT] = {
    [CHECK_SCHEMA] = SCHEMA("schema check", schema_fields),
    [CHECK_ROW_COUNT] = SCHEMA("row_count check", row_count_fields),
    [CHECK_FRESHNESS] = SCHEMA("freshness check", freshness_fields),
    [CHECK_DUPLICATE_ROWS] = SCHEMA("duplicate_rows check", duplicate_rows_fields),
    [CHECK_NULL_VALUES] = SCHEMA("null_values check", null_values_fields),
    [CHECK_LEAKAGE] = SCHEMA("leakage check", leakage_fields),
    [CHECK_DRIFT] = SCHEMA("drift check", drift_fields),
    [CHECK_LABELS] = SCHEMA("labels check", labels_fields),
    [CHECK_STAT] = SCHEMA("stat check", stat_fields),
    [CHECK_CONSTANT] = SCHEMA("constant check", constant_fields),
    [CHECK_OUTLIERS] = SCHEMA("outliers check", outliers_fields),
    [CHECK_CORRELATION] = SCHEMA("correlation check", correlation_fields),
};

const char *const check_names[CHECK_KIND_COUNT + 1] = {
    [CHECK_SCHEMA] = "schema",
    [CHECK_ROW_COUNT] = "row_count",
    [CHECK_FRESHNESS] = "freshness",
    [CHECK_DUPLICATE_ROWS] = "duplicate_rows",
    [CHECK_NULL_VALUES] = "null_values",
    [CHECK_LEAKAGE] = "leakage",
    [CHECK_DRIFT] = "drift",
    [CHECK_LABELS] = "labels",
    [CHECK_STAT] = "stat",
    [CHECK_CONSTANT] = "constant",
    [CHECK_OUTLIERS] = "outliers",
    [CHECK_CORRELATION] = "correlation",
};

const char *check_kind_name(enum check_kind kind)
{
    return check_names[kind];
}

const char *severity_name(enum severity severity)
{
    return severities[severity];
}

const char *const *check_drift_methods(void)
{
    return drift_methods;
}

const char *const *check_outlier_methods(void)
{
    return outlier_methods;
}

static const struct field table_fields[] = {
    {.name = "path",
     .kind = FIELD_NODE,
     .offset = offsetof(struct draft_table, path),
     .flags = FIELD_REQUIRED,
     .type = "path",
     .help = "Path of the file."},
    {.name = "schema",
     .kind = FIELD_NODE,
     .offset = offsetof(struct draft_table, schema),
     .type = "path or table schema",
     .initial = "the stage's",
     .help = "Its Table Schema: a file, or the schema itself."},
    {.name = "dialect",
     .kind = FIELD_NODE,
     .offset = offsetof(struct draft_table, dialect),
     .type = "path or table dialect",
     .initial = "the stage's",
     .help = "How it is written, if not as comma-separated UTF-8 with one header row."},
};

static const struct field reference_fields[] = {
    {.name = "path",
     .kind = FIELD_NODE,
     .offset = offsetof(struct draft_reference, path),
     .type = "path",
     .help = "Path of a file."},
    {.name = "rev",
     .kind = FIELD_STR,
     .offset = offsetof(struct draft_reference, rev),
     .flags = FIELD_PLAIN,
     .type = "text",
     .help = "Of `path`: as it was at this git revision, tracked data included."},
    {.name = "table",
     .kind = FIELD_STR,
     .offset = offsetof(struct draft_reference, table),
     .flags = FIELD_PLAIN,
     .type = "text",
     .help = "Another table of the stage."},
    {.name = "run",
     .kind = FIELD_STR,
     .offset = offsetof(struct draft_reference, run),
     .flags = FIELD_PLAIN,
     .type = "text",
     .help = "What this stage measured in a run: an id, a tag, a git revision, or `last`: the last "
             "run that passed."},
};

const struct schema check_schema_table = SCHEMA("checked table", table_fields);
const struct schema check_schema_reference = SCHEMA("reference", reference_fields);

#define ITEM(its_name, text)                                                                       \
    {                                                                                              \
        .name = (its_name), .kind = FIELD_NODE, .type = "keys of " its_name, .help = (text)        \
    }

/* Each item of `checks` has one of these. */
static const struct field item_fields[] = {
    ITEM("schema", "The tables conform to their schema, or have the cells that the header names; "
                   "given by itself."),
    ITEM("row_count", "How many rows there are, and how many there were before."),
    ITEM("freshness", "How old the newest row is."),
    ITEM("duplicate_rows", "Rows that repeat an earlier one."),
    ITEM("null_values", "Cells without a value."),
    ITEM("leakage", "Rows or keys of one table that are in another, too; order in time."),
    ITEM("drift", "Columns whose values are distributed otherwise than in a reference."),
    ITEM("labels", "Shares of labels, and labels that are new."),
    ITEM("stat", "Bounds on summaries of a column."),
    ITEM("constant", "Columns that hold one value only, or nearly so."),
    ITEM("outliers", "Numbers far from the others."),
    ITEM("correlation", "Columns that go together."),
};

_Static_assert(COUNT_OF(item_fields) == CHECK_KIND_COUNT, "a row for every check");

const struct schema check_schema_item = SCHEMA("check", item_fields);
