#include "mlops/base/arena.h"
#include "mlops/cli/command.h"
#include "mlops/cli/report.h"
#include "mlops/cli/tabular.h"
#include "mlops/codec/schema.h"

static const struct option_row rows[] = {
    {"schema", 's', OPTION_STR_AT(struct tabular_options, schema), .value = "FILE",
     .help = "profile, validate: the Table Schema, JSON or YAML", .completes = COMPLETE_FILES},
    {"dialect", 0, OPTION_STR_AT(struct tabular_options, dialect), .value = "FILE",
     .help = "How the file is written: a Table Dialect, JSON or YAML", .completes = COMPLETE_FILES},
    {"resource", 0, OPTION_STRS_AT(struct tabular_options, resources), .value = "NAME=FILE:SCHEMA",
     .help = "validate: another table that foreign keys name (may be given several times)"},
    {"all-errors", 0, OPTION_FLAG_AT(struct tabular_options, all_errors),
     .help = "validate: list every violation, not only the first of each kind"},
    {"html", 0, OPTION_FLAG_AT(struct tabular_options, html),
     .help = "profile: one self-contained page with histograms"},
    {"field", 0, OPTION_STR_AT(struct tabular_options, field), .value = "FIELD",
     .help = "drift: only this column"},
    {"output", 'o', OPTION_STR_AT(struct tabular_options, output), .value = "FILE",
     .help = "Write the answer to FILE", .completes = COMPLETE_FILES},
    {"jobs", 'j', OPTION_INT_AT(struct tabular_options, jobs), .value = "N",
     .help = "Threads (default: one per cpu)", .most = 1024},
};

static const struct command_action actions[] = {
    {"profile", "FILE", "Print what each column holds"},
    {"infer", "FILE", "Print a Table Schema that the file conforms to"},
    {"validate", "FILE --schema=FILE", "Check a file against a Table Schema"},
    {"drift", "REFERENCE CURRENT", "Print how far columns of two files lie apart"},
};

static FALLIBLE check_words(const struct str *argv, int argc)
{
    const char *names[COUNT_OF(actions)];
    for (size_t i = 0; i < COUNT_OF(actions); i++)
        names[i] = actions[i].name;
    for (size_t i = 0; i < COUNT_OF(actions); i++) {
        int words = str_is(argv[0], "drift") ? 3 : 2;
        if (!str_is(argv[0], names[i]))
            continue;
        if (argc == words)
            return NULL;
        return error_new(ERROR_USAGE, "'mlops data %s' takes %s: mlops data %s %s", names[i],
                         words == 2 ? "one file" : "two files", names[i], actions[i].arguments);
    }
    const char *near = schema_suggest(argv[0], names, COUNT_OF(names));
    return error_hint(error_new(ERROR_USAGE, "'mlops data' has no action '%.*s'%s%s%s",
                                STR_FMT(argv[0]), near ? " (did you mean '" : "", near ? near : "",
                                near ? "'?)" : ""),
                      "it is one of profile, infer, validate, drift");
}

static FALLIBLE refuse(struct str action, const char *what, const char *takers)
{
    return error_hint(
        error_new(ERROR_USAGE, "'mlops data %.*s' takes no %s", STR_FMT(action), what),
        "it is for %s", takers);
}

/* An option that another action takes would be passed over in silence. */
static FALLIBLE check_options(struct context *context, const struct tabular_options *options,
                              struct str action)
{
    bool is_profile = str_is(action, "profile"), is_validate = str_is(action, "validate");
    bool is_for_ci = context->format == FORMAT_JUNIT || context->format == FORMAT_SARIF;
    if (options->schema.len && !is_profile && !is_validate)
        return refuse(action, "--schema", "'profile' and 'validate'");
    if (options->resources.len && !is_validate)
        return refuse(action, "--resource", "'validate'");
    if (options->all_errors && !is_validate)
        return refuse(action, "--all-errors", "'validate'");
    if (is_for_ci && !is_validate)
        return refuse(action, "--format=junit or sarif", "'validate'");
    if (options->html && !is_profile)
        return refuse(action, "--html", "'profile'");
    if (options->field.len && !str_is(action, "drift"))
        return refuse(action, "--field", "'drift'");
    return NULL;
}

static FALLIBLE act(struct context *context, const struct tabular_options *options,
                    const struct str *argv)
{
    if (str_is(argv[0], "profile"))
        return tabular_profile(context, options, argv[1]);
    if (str_is(argv[0], "infer"))
        return tabular_infer(context, options, argv[1]);
    if (str_is(argv[0], "validate"))
        return tabular_validate(context, options, argv[1]);
    return tabular_drift(context, options, argv[1], argv[2]);
}

static FALLIBLE run(struct context *context, void *opaque, int argc, const struct str *argv)
{
    const struct tabular_options *options = opaque;
    if (str_is(argv[0], "measure") && argc == 2) /* the command of built-in stages */
        return tabular_measure(context, options, argv[1]);
    TRY(check_words(argv, argc));
    TRY(check_options(context, options, argv[0]));
    TRY(act(context, options, argv));
    if (!options->output.len)
        return NULL;
    TRY(report_save(context, options->output, buf_str(&context->out)));
    buf_clear(&context->out);
    return NULL;
}

static const struct command_example examples[] = {
    {"mlops data profile train.csv", "types, nulls, bounds and quantiles of each column"},
    {"mlops data infer train.csv -o schema.yaml", "a schema to start from"},
    {"mlops data validate new.csv --schema schema.yaml", "exit status 1 if it does not conform"},
    {"mlops data drift train.csv new.csv", "which columns have changed, by every distance"},
};

const struct cli_command cmd_data = {
    .name = "data",
    .group = GROUP_DATA,
    .arguments = "ACTION FILE...",
    .summary = "Profile, check and compare tables",
    .description =
        "Reads CSV, TSV, JSON Lines and JSON arrays of objects, plain or compressed by gzip or "
        "zstd, in one pass and in bounded memory; of Parquet the footer.\n\n"
        "Nothing is guessed about a file but its format, by its name. A Table Dialect says what "
        "differs from comma-separated UTF-8 with one header row; 'infer' suggests one.\n\n"
        "'validate' takes a Table Schema, version 2 (or a Data Resource or Data Package with one), "
        "and checks all of it: labels, types, constraints, keys across rows and tables. Violations "
        "are grouped by field and kind, with their count and the first 20 records; the header is "
        "record 1. It exits with 0 if the table conforms, with 1 if it does not, with 3 if schema, "
        "dialect or table are none. --format=junit and sarif are for CI systems.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct tabular_options),
    .words_least = 1,
    .words_most = 3,
    .completes = COMPLETE_FILES,
    .actions = actions,
    .action_count = COUNT_OF(actions),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "run, lint",
    .has_rows = true,
    .has_findings = true,
    .run = run,
};
