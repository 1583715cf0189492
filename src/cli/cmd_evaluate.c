#include "mlops/cli/command.h"
#include "mlops/cli/evaluating.h"

static const char *const tasks[] = {"guess", "binary", "multiclass", "regression", NULL};

static const struct option_row rows[] = {
    {"task", 't', OPTION_CHOICE_AT(struct evaluating_options, task), .choices = tasks,
     .value = "TASK",
     .help = "binary, multiclass or regression (default: by the columns and labels)"},
    {"against", 0, OPTION_STR_AT(struct evaluating_options, against), .value = "FILE",
     .help = "Compare with the predictions of another model, row by row",
     .completes = COMPLETE_FILES},
    {"by-row", 0, OPTION_FLAG_AT(struct evaluating_options, by_row),
     .help = "With --against: rows of both files belong together by their order, not by id"},
    {"threshold", 0, OPTION_STR_AT(struct evaluating_options, threshold), .value = "T",
     .help = "binary: a score of at least T is a positive (default: 0.5)"},
    {"positive", 0, OPTION_STR_AT(struct evaluating_options, positive), .value = "LABEL",
     .help = "binary: which label is the positive one (default: 1, true, yes, or the last)"},
    {"label", 0, OPTION_STR_AT(struct evaluating_options, label), .value = "COLUMN",
     .help = "Column of what is true (default: label)"},
    {"prediction", 0, OPTION_STR_AT(struct evaluating_options, prediction), .value = "COLUMN",
     .help = "Column of what was predicted (default: prediction)"},
    {"score", 0, OPTION_STR_AT(struct evaluating_options, score), .value = "COLUMN",
     .help = "binary: column of scores of the positive class (default: score)"},
    {"id", 0, OPTION_STR_AT(struct evaluating_options, id), .value = "COLUMN",
     .help = "Column that names the rows (default: id)"},
    {"weight", 'w', OPTION_STR_AT(struct evaluating_options, weight), .value = "COLUMN",
     .help = "Column of what rows weigh (default: weight)"},
    {"slice", 0, OPTION_STRS_AT(struct evaluating_options, slices), .value = "COLUMN",
     .help = "Also measure the rows of each value of this column (may be given several times)"},
    {"level", 0, OPTION_STR_AT(struct evaluating_options, level), .value = "L",
     .help = "Confidence of intervals (default: 0.95)"},
    {"no-intervals", 0, OPTION_FLAG_AT(struct evaluating_options, no_intervals),
     .help = "No confidence intervals of metrics: they take most of the time"},
    {"metrics", 'm', OPTION_STR_AT(struct evaluating_options, metrics), .value = "FILE",
     .help = "Write the metrics to FILE, as JSON", .completes = COMPLETE_FILES},
    {"output", 'o', OPTION_STR_AT(struct evaluating_options, output), .value = "FILE",
     .help = "Write metrics, intervals and curves to FILE, as JSON", .completes = COMPLETE_FILES},
    {"curves", 0, OPTION_STR_AT(struct evaluating_options, output), .value = "FILE",
     .help = "The same as --output", .completes = COMPLETE_FILES, .is_hidden = true},
    {"charts", 0, OPTION_STR_AT(struct evaluating_options, charts), .value = "DIR",
     .help = "Draw the curves into DIR, as SVG", .completes = COMPLETE_FILES},
};

static FALLIBLE run(struct context *context, void *options, int argc, const struct str *argv)
{
    (void)argc;
    return evaluating_run(context, options, argv[0]);
}

static const struct command_example examples[] = {
    {"mlops evaluate predictions.csv", "every metric, with intervals and the trivial baseline"},
    {"mlops evaluate p.csv --task binary --threshold 0.3 --json", "the same for a program"},
    {"mlops evaluate p.csv --slice country --charts charts", "by country; ROC and other curves"},
    {"mlops evaluate a.csv --against b.csv",
     "whether b is better than a, and whether that is real"},
};

const struct cli_command cmd_evaluate = {
    .name = "evaluate",
    .group = GROUP_LOOK,
    .arguments = "FILE",
    .summary = "Measure predictions, and compare those of two models",
    .description =
        "FILE is a table (CSV, TSV, JSON Lines, JSON; plain or compressed) with a row per example: "
        "'label' is what is true, 'prediction' what was predicted; or 'score', the score of the "
        "positive class; or a column 'p_<class>' of probabilities for each class. 'id' and "
        "'weight' are taken where they are. docs/evaluation.md defines every metric: they are "
        "those of scikit-learn.\n\n"
        "With --against rows are matched by id and tests are paired: McNemar's, DeLong's, a t test "
        "on losses, the bootstrap; a is FILE and b the other one. A file with the columns score_a "
        "and score_b is compared within itself.\n\n"
        "It needs no project. A stage of the kind 'evaluate' runs it and judges gates.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct evaluating_options),
    .words_least = 1,
    .words_most = 1,
    .completes = COMPLETE_FILES,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "metrics, diff, run",
    .has_rows = true,
    .run = run,
};
