#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/codec/load.h"
#include "mlops/model/plot.h"

#include "support/unit.h"

static struct arena arena;

static struct plot_vec plots_of(const char *path, const char *text)
{
    struct doc *doc = NULL;
    struct pipeline *pipeline = NULL;
    struct plot_vec plots = {0};
    enum doc_dialect dialect = pipeline_dialect(str_of(path));
    struct error *error = doc_load(&arena, str_of(path), str_of(text), dialect, &doc);
    if (!error)
        error = pipeline_bind(&arena, doc, str_of(path), &pipeline);
    if (error)
        fail_msg("%s", error->text);
    plots_of_pipeline(&arena, pipeline, &plots);
    return plots;
}

/* "id[file:column ...] x=..." of each. */
static void assert_plots(const char *path, const char *text, const char *expected)
{
    struct plot_vec plots = plots_of(path, text);
    struct buf out = buf_in(&arena);
    buf_add_text(&out, "");
    vec_each (const struct plot, plot, &plots) {
        buf_print(&out, "%s%.*s[", out.len ? " " : "", STR_FMT(plot->id));
        vec_each (const struct plot_source, y, &plot->ys)
            buf_print(&out, "%s%.*s:%.*s", y == plot->ys.at ? "" : " ", STR_FMT(y->file),
                      STR_FMT(y->column));
        buf_add_char(&out, ']');
        if (plot->x.len)
            buf_print(&out, "x=%.*s", STR_FMT(plot->x));
        vec_each (const struct plot_source, x, &plot->xs)
            buf_print(&out, "x=%.*s:%.*s", STR_FMT(x->file), STR_FMT(x->column));
    }
    assert_string_equal(out.at, expected);
}

static void outputs_of_stages_are_plots(void **state)
{
    (void)state;
    assert_plots("pipeline.yaml",
                 "stages:\n  a:\n    cmd: x\n    plots:\n      - loss.csv\n"
                 "      - roc.json: {x: fpr, y: tpr, title: ROC}\n",
                 "loss.csv[loss.csv:] roc.json[roc.json:tpr]x=fpr");
}

static void definitions_name_files_and_columns(void **state)
{
    (void)state;
    assert_plots("sub/dvc.yaml",
                 "plots:\n  - a.csv\n  - b.csv: {x: step, y: [l1, l2]}\n"
                 "  - Both:\n      x: {a.csv: s, b.csv: t}\n      y: {a.csv: l, b.csv: [m, n]}\n",
                 "sub/a.csv[sub/a.csv:] sub/b.csv[sub/b.csv:l1 sub/b.csv:l2]x=step "
                 "Both[sub/a.csv:l sub/b.csv:m sub/b.csv:n]x=sub/a.csv:sx=sub/b.csv:t");
}

static void a_plain_output_that_a_definition_draws_is_drawn_once(void **state)
{
    (void)state;
    assert_plots("dvc.yaml",
                 "stages:\n  a:\n    cmd: x\n    plots: [l.csv, {m.csv: {x: step}}, n.csv]\n"
                 "plots:\n  - D: {y: {l.csv: a, m.csv: b}}\n",
                 "D[l.csv:a m.csv:b] m.csv[m.csv:]x=step n.csv[n.csv:]");
}

static void templates_have_names(void **state)
{
    (void)state;
    bool is_known = false;
    assert_int_equal(plot_template_parse(STR("confusion"), &is_known), PLOT_CONFUSION);
    assert_true(is_known);
    assert_int_equal(plot_template_parse(STR("scatter.json"), &is_known), PLOT_SCATTER);
    assert_true(is_known);
    assert_int_equal(plot_template_parse(STR("funny"), &is_known), PLOT_LINEAR);
    assert_false(is_known);
    assert_int_equal(plot_template_parse((struct str){0}, &is_known), PLOT_LINEAR);
    assert_true(is_known);
    for (int i = PLOT_LINEAR; i <= PLOT_CONFUSION_NORMALIZED; i++) {
        struct str name = str_of(plot_template_name((enum plot_template)i));
        assert_int_equal(plot_template_parse(name, &is_known), i);
    }
}

static int drop(void **state)
{
    (void)state;
    arena_drop(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_of_stages_are_plots),
        cmocka_unit_test(definitions_name_files_and_columns),
        cmocka_unit_test(a_plain_output_that_a_definition_draws_is_drawn_once),
        cmocka_unit_test(templates_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, drop);
}
