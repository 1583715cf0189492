#include "mlops/base/arena.h"
#include "mlops/cli/command.h"
#include "mlops/cli/content.h"
#include "mlops/cli/plots.h"
#include "mlops/host/path.h"

struct plots_options {
    struct str out, pipeline;
    struct str x, title, x_label, y_label, template_name;
    struct str_vec ys, targets;
};

static const struct option_row rows[] = {
    {"out", 'o', OPTION_STR_AT(struct plots_options, out), .value = "FILE",
     .completes = COMPLETE_FILES,
     .help = "Where the page is written (default: plots.html; -: here)"},
    {"targets", 0, OPTION_STRS_AT(struct plots_options, targets), .value = "PLOT",
     .completes = COMPLETE_FILES, .help = "Only this plot or file (may be given several times)"},
    {"x", 'x', OPTION_STR_AT(struct plots_options, x), .value = "COLUMN",
     .help = "What to draw over (default: a column 'step' or 'epoch', or the row)"},
    {"y", 'y', OPTION_STRS_AT(struct plots_options, ys), .value = "COLUMN",
     .help = "What to draw (may be given several times)"},
    {"template", 't', OPTION_STR_AT(struct plots_options, template_name), .value = "NAME",
     .help = "linear, simple, smooth, scatter, bar_horizontal, confusion, confusion_normalized"},
    {"title", 0, OPTION_STR_AT(struct plots_options, title), .value = "TEXT", .help = "Its title"},
    {"x-label", 0, OPTION_STR_AT(struct plots_options, x_label), .value = "TEXT",
     .help = "What stands below it"},
    {"y-label", 0, OPTION_STR_AT(struct plots_options, y_label), .value = "TEXT",
     .help = "What stands beside it"},
    {"pipeline", 'p', OPTION_STR_AT(struct plots_options, pipeline), .value = "FILE",
     .completes = COMPLETE_FILES, .help = "The pipeline whose plots are meant"},
};

static const struct command_action actions[] = {
    {"show", "[PLOT...]", "Plots as they are now (the default)"},
    {"diff", "[A [B...]]", "Several runs or revisions in the same charts (HEAD and workspace)"},
};

static FALLIBLE add_side(struct context *context, const struct plots_options *options,
                         struct str word, struct plots_side *ret)
{
    struct run_view *view = arena_new(context->arena, struct run_view);
    TRY(content_view(context, word, options->pipeline, view));
    *ret = (struct plots_side){word, view};
    return NULL;
}

static FALLIBLE find_sides(struct context *context, const struct plots_options *options, int argc,
                           const struct str *argv, struct plots_side **ret, size_t *ret_count)
{
    static const struct str usual[] = {STR_ROW("HEAD"), STR_ROW("workspace")};
    bool adds_now = argc < 2;
    size_t count = (size_t)argc + adds_now;
    const struct str *words = argc ? argv : usual;
    if (!argc)
        count = COUNT_OF(usual);
    struct plots_side *sides = arena_new_array(context->arena, struct plots_side, count);
    for (size_t i = 0; i < count; i++)
        TRY(add_side(context, options, argc && i == (size_t)argc ? usual[1] : words[i], &sides[i]));
    *ret = sides;
    *ret_count = count;
    return NULL;
}

/* Only files are looked at: the pipeline's state does not matter. */
static void now_only(struct context *context, struct plots_side **ret, size_t *ret_count)
{
    struct run_view *view = arena_new(context->arena, struct run_view);
    *view = (struct run_view){.title = STR("workspace"), .is_workspace = true};
    *ret = arena_new(context->arena, struct plots_side);
    **ret = (struct plots_side){STR("workspace"), view};
    *ret_count = 1;
}

static struct str titles_of(struct context *context, const struct plots_side *sides, size_t count)
{
    struct buf out = buf_in(context->arena);
    for (size_t i = 0; i < count; i++)
        buf_print(&out, "%s%.*s", i ? " · " : "", STR_FMT(sides[i].view->title));
    return buf_str(&out);
}

static FALLIBLE publish(struct context *context, struct str name, struct str html, struct str *ret)
{
    struct str cwd = {0};
    TRY(path_current(context->arena, &cwd));
    *ret = path_join(context->arena, cwd, name);
    return report_save(context, name, html);
}

static FALLIBLE write_page(struct context *context, const struct plots_options *options,
                           const struct plots_side *sides, size_t side_count,
                           const struct loaded_plot_vec *plots)
{
    AUTO(buf_drop) struct buf html = {0};
    struct page page =
        page_open(context->arena, &html, STR("Plots"), titles_of(context, sides, side_count));
    page_charts_open(&page);
    plots_draw(&page, plots, side_count);
    page_charts_close(&page);
    page_close(&page);
    if (str_is(options->out, "-")) {
        buf_add_str(&context->out, buf_str(&html));
        return NULL;
    }
    struct str path = {0};
    TRY(publish(context, options->out.len ? options->out : STR("plots.html"), buf_str(&html),
                &path));
    buf_print(&context->out, "%zu plot%s: file://", plots->len, plots->len == 1 ? "" : "s");
    buf_add_escaped(&context->out, path, false);
    buf_add_char(&context->out, '\n');
    return NULL;
}

static void print_json(struct context *context, const struct plots_side *sides, size_t side_count,
                       const struct loaded_plot_vec *plots)
{
    struct json_writer json = report_json_open(context);
    json_name(&json, "revisions");
    json_open_list(&json);
    for (size_t i = 0; i < side_count; i++)
        json_str(&json, sides[i].name);
    json_close_list(&json);
    json_name(&json, "plots");
    plots_write(&json, plots);
    report_json_close(&json);
}

static FALLIBLE run(struct context *context, void *given, int argc, const struct str *argv)
{
    const struct plots_options *options = given;
    struct plots_side *sides = NULL;
    size_t side_count = 0;
    struct loaded_plot_vec plots = {0};
    bool is_diff = argc && str_is(argv[0], "diff");
    bool has_action = is_diff || (argc && str_is(argv[0], "show"));
    argc -= has_action;
    argv += has_action;
    struct plots_choice choice = {
        .targets = options->targets,
        .x = options->x,
        .ys = options->ys,
        .title = options->title,
        .x_label = options->x_label,
        .y_label = options->y_label,
        .template_name = options->template_name,
    };
    if (is_diff)
        TRY(find_sides(context, options, argc, argv, &sides, &side_count));
    else
        now_only(context, &sides, &side_count);
    for (int i = 0; !is_diff && i < argc; i++)
        *vec_push(context->arena, &choice.targets) = argv[i];
    TRY(plots_load(context, options->pipeline, sides, side_count, &choice, &plots));
    if (context->format == FORMAT_JSON) {
        print_json(context, sides, side_count, &plots);
        return NULL;
    }
    if (!plots.len) {
        context_warn(context, "there is nothing to plot: no file that 'plots' names is there, and "
                              "none is named here");
        return NULL;
    }
    return write_page(context, options, sides, side_count, &plots);
}

static const struct command_example examples[] = {
    {"mlops plots", "all plots of the pipeline as they are now, in plots.html"},
    {"mlops plots show logs/loss.csv -x step -y train_loss -y val_loss", "two columns of a file"},
    {"mlops plots diff", "before and after: HEAD and the work tree in the same charts"},
    {"mlops plots diff @~1 @ --out compare.html", "the two newest runs"},
};

const struct cli_command cmd_plots = {
    .name = "plots",
    .group = GROUP_LOOK,
    .arguments = "[ACTION] [WORD...]",
    .summary = "Draw the plots of a pipeline, of one or several runs",
    .description =
        "Writes one HTML page without script and without anything to load: charts of CSV, TSV, "
        "JSON, JSON Lines and YAML files, and images, as 'plots' of the pipeline say. Of several "
        "runs or revisions lines are drawn in the same chart and images stand side by side.\n"
        "\n"
        "With --json: the values instead. A file that no plot names is drawn if it is named here.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct plots_options),
    .words_most = -1,
    .needs = NEED_WORKSPACE,
    .completes = COMPLETE_RUNS | COMPLETE_FILES,
    .actions = actions,
    .action_count = COUNT_OF(actions),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "metrics, diff, runs",
    .run = run,
};
