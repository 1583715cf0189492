/* What a pipeline's text becomes. What is refused, and where, is in tests/cases/pipeline. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/base/moment.h"
#include "mlops/model/pipeline.h"

#include "support/unit.h"

static struct arena arena;

static int give_back(void **state)
{
    (void)state;
    arena_drop(&arena);
    return 0;
}

static struct error *bind(const char *path, struct str text, struct pipeline **ret)
{
    struct doc *doc;
    struct doc_options options = {.dialect = pipeline_dialect(str_of(path))};
    TRY(doc_parse(&arena, str_of(path), text, &options, &doc));
    return pipeline_bind(&arena, doc, str_of(path), ret);
}

static struct pipeline *bound(const char *path, const char *text)
{
    struct pipeline *pipeline = NULL;
    struct error *error = bind(path, str_of(text), &pipeline);
    if (error) {
        struct buf shown = buf_in(&arena);
        error_print(error, &shown);
        error_drop(error);
        fail_msg("%s", shown.at);
    }
    return pipeline;
}

static const struct stage *only_stage(const char *text)
{
    struct pipeline *pipeline = bound("pipeline.yaml", text);
    assert_int_equal(pipeline->stages.len, 1);
    return &pipeline->stages.at[0];
}

#define assert_str(found, expected) assert_string_equal(str_terminate(&arena, (found)), (expected))

static void a_dvc_yaml_is_of_dvcs_dialect_and_anything_else_is_ours(void **state)
{
    (void)state;
    assert_int_equal(pipeline_dialect(STR("dvc.yaml")), DOC_DVC);
    assert_int_equal(pipeline_dialect(STR("sub/dvc.yaml")), DOC_DVC);
    assert_int_equal(pipeline_dialect(STR("pipeline.yaml")), DOC_NATIVE);
    assert_int_equal(pipeline_dialect(STR("my-dvc.yaml")), DOC_NATIVE);
}

static void each_pipeline_has_a_lock_file_of_its_own(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"pipeline.yaml", "pipeline.lock"},
        {"sub/train.yml", "sub/train.lock"},
        {"dvc.yaml", "dvc.mlops.lock"},
        {"sub/dvc.yaml", "sub/dvc.mlops.lock"},
        {"pipeline.yaml.in", "pipeline.yaml.in.lock"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct pipeline *pipeline = bound(rows[i][0], "stages: {}");
        assert_str(pipeline_lock_path(&arena, pipeline), rows[i][1]);
    }
}

static void paths_start_at_the_stages_folder_and_end_at_the_projects_root(void **state)
{
    (void)state;
    struct pipeline *pipeline = bound("sub/pipeline.yaml", "stages:\n"
                                                           "  a:\n"
                                                           "    cmd: x\n"
                                                           "    wdir: work\n"
                                                           "    deps: [../../raw/x.csv, a//b/]\n"
                                                           "    params: [lr]\n"
                                                           "    outs: [./out/]\n");
    const struct stage *stage = &pipeline->stages.at[0];
    assert_str(pipeline->dir, "sub");
    assert_str(stage->wdir, "sub/work");
    assert_str(stage->deps.at[0].path, "raw/x.csv");
    assert_str(stage->deps.at[0].written, "../../raw/x.csv");
    assert_str(stage->deps.at[1].path, "sub/work/a/b");
    assert_str(stage->params.at[0].file, "sub/work/params.yaml");
    assert_str(stage->outs.at[0].path, "sub/work/out");
    assert_str(stage->outs.at[0].written, "./out/");
}

static void dependencies_outside_stay_as_they_are(void **state)
{
    (void)state;
    const struct stage *stage =
        only_stage("stages: {a: {cmd: x, deps: [../x, /etc/hosts, 'https://e.org/x', 's/*.py']}}");
    assert_str(stage->deps.at[0].path, "../x");
    assert_str(stage->deps.at[1].path, "/etc/hosts");
    assert_true(stage->deps.at[2].is_url);
    assert_str(stage->deps.at[2].path, "https://e.org/x");
    assert_true(stage->deps.at[3].is_glob);
    assert_false(stage->deps.at[0].is_glob || stage->deps.at[0].is_url);
}

static void a_text_is_one_command_and_a_list_several(void **state)
{
    (void)state;
    const struct stage *one = only_stage("stages: {a: {cmd: \"x\\ny\"}}");
    assert_false(one->cmd.is_list);
    assert_int_equal(one->cmd.count, 1);
    assert_str(one->cmd.items[0], "x\ny");
    const struct stage *many = only_stage("stages: {a: {cmd: [x, true, 1.50]}}");
    assert_true(many->cmd.is_list);
    assert_int_equal(many->cmd.count, 3);
    assert_str(many->cmd.items[1], "true");
    assert_str(many->cmd.items[2], "1.50");
}

static void a_command_up_to_the_kernels_limit_is_taken(void **state)
{
    (void)state;
    struct pipeline *pipeline = NULL;
    struct buf text = buf_in(&arena);
    buf_add_text(&text, "stages:\n  a:\n    cmd: |-\n      ");
    size_t head = text.len;
    buf_add_repeated(&text, 'x', (size_t)LIMIT_COMMAND_BYTES);
    struct error *error = bind("pipeline.yaml", buf_str(&text), &pipeline);
    assert_null(error);
    text.len = head;
    buf_add_repeated(&text, 'x', (size_t)LIMIT_COMMAND_BYTES + 1);
    error = bind("pipeline.yaml", buf_str(&text), &pipeline);
    assert_non_null(error);
    assert_non_null(strstr(error->text, "131072"));
    error_drop(error);
}

static void an_escaped_expression_loses_its_backslash(void **state)
{
    (void)state;
    const struct stage *stage = only_stage("stages:\n"
                                           "  a:\n"
                                           "    cmd: echo \\${HOME} \\$x $y \\\\${z}\n"
                                           "    desc: \\${d}\n"
                                           "    outs: ['\\${o}': {cache: false}]\n"
                                           "    meta: {'\\${k}': ['\\${v}']}\n");
    assert_str(stage->cmd.items[0], "echo ${HOME} \\$x $y \\${z}");
    assert_str(stage->desc, "${d}");
    assert_str(stage->outs.at[0].path, "${o}");
    assert_false(stage->outs.at[0].is_cached);
    assert_str(stage->meta->first->key->text, "${k}");
    assert_str(stage->meta->first->first->text, "${v}");
}

static void parameters_are_sorted_each_once_and_a_whole_file_covers_its_keys(void **state)
{
    (void)state;
    const struct stage *stage = only_stage(
        "stages: {a: {cmd: x, params: [lr, b.c, lr, {z.json: [k], y.json: }, {y.json: [k]}, 7]}}");
    static const char *const expected[][2] = {
        {"params.yaml", "7"}, {"params.yaml", "b.c"}, {"params.yaml", "lr"},
        {"y.json", ""},       {"z.json", "k"},
    };
    assert_int_equal(stage->params.len, COUNT_OF(expected));
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        assert_str(stage->params.at[i].file, expected[i][0]);
        assert_str(stage->params.at[i].key, expected[i][1]);
    }
}

static void outputs_keep_their_flags_and_categories(void **state)
{
    (void)state;
    const struct stage *stage = only_stage(
        "stages:\n"
        "  a:\n"
        "    cmd: x\n"
        "    plots: [{p.csv: {x: step, cache: false}}, q.csv]\n"
        "    metrics: [m.json]\n"
        "    outs: [o, {o: {cache: false}}, {o: {persist: true, push: false, remote: r}}]\n");
    assert_int_equal(stage->outs.len, 4);
    const struct output *plain = &stage->outs.at[0];
    assert_int_equal(plain->category, OUT_PLAIN);
    assert_false(plain->is_cached);
    assert_true(plain->persists);
    assert_false(plain->is_pushed);
    assert_str(plain->remote, "r");
    assert_int_equal(stage->outs.at[1].category, OUT_METRICS);
    assert_true(stage->outs.at[1].is_cached && stage->outs.at[1].is_pushed);
    const struct output *plot = &stage->outs.at[2];
    assert_int_equal(plot->category, OUT_PLOT);
    assert_str(doc_find(plot->plot, STR("x"))->text, "step");
    assert_null(stage->outs.at[3].plot);
}

static void environment_is_sorted_and_secrets_are_not_in_the_key(void **state)
{
    (void)state;
    const struct stage *stage =
        only_stage("stages: {a: {cmd: x, env: {Z: 1.50, A: true, K: {from_env: KEY}, "
                   "M: {from_env: MODE, key: true, default: 7}, E: ''}}}");
    const struct env_var *vars = stage->env.at;
    assert_int_equal(stage->env.len, 5);
    assert_str(vars[0].name, "A");
    assert_str(vars[0].value, "true");
    assert_true(vars[0].is_in_key);
    assert_str(vars[1].name, "E");
    assert_str(vars[1].value, "");
    assert_str(vars[2].from_env, "KEY");
    assert_false(vars[2].is_in_key);
    assert_str(vars[3].from_env, "MODE");
    assert_str(vars[3].value, "7");
    assert_true(vars[3].is_in_key);
    assert_str(vars[4].value, "1.50");
}

static void defaults_fill_what_a_stage_does_not_say(void **state)
{
    (void)state;
    struct pipeline *pipeline =
        bound("pipeline.yaml", "stages:\n"
                               "  plain: {cmd: x}\n"
                               "  own: {cmd: x, env: {B: mine}, shell: zsh, timeout: 0, retries: "
                               "0, resources: {gpus: 1}}\n"
                               "defaults: {env: {A: a, B: b}, shell: bash, timeout: 1m, retries: "
                               "{count: 2, backoff: 5s},\n"
                               "           resources: {cpus: 2}}\n");
    const struct stage *plain = &pipeline->stages.at[0];
    const struct stage *own = &pipeline->stages.at[1];
    assert_str(plain->shell, "bash");
    assert_int_equal(plain->timeout_ns, 60 * NS_PER_S);
    assert_int_equal(plain->retries.count, 2);
    assert_int_equal(plain->retries.backoff_ns, 5 * NS_PER_S);
    assert_int_equal(plain->resources.cpus_milli, 2000);
    assert_str(plain->env.at[1].value, "b");
    assert_str(own->shell, "zsh");
    assert_int_equal(own->timeout_ns, 0);
    assert_int_equal(own->retries.count, 0);
    assert_int_equal(own->resources.gpus, 1);
    assert_int_equal(own->resources.cpus_milli, 0);
    assert_int_equal(own->env.len, 2);
    assert_str(own->env.at[0].value, "a");
    assert_str(own->env.at[1].value, "mine");
}

static void retries_and_resources_come_in_the_units_of_the_program(void **state)
{
    (void)state;
    const struct stage *stage =
        only_stage("stages: {a: {cmd: x, timeout: 1.5, retries: {count: 3, on_exit: [75, 1]}, "
                   "resources: {cpus: 0.25, memory: 4GiB}}}");
    assert_int_equal(stage->timeout_ns, 1500 * NS_PER_MS);
    assert_int_equal(stage->retries.on_exit_count, 2);
    assert_int_equal(stage->retries.on_exit[0], 75);
    assert_int_equal(stage->resources.cpus_milli, 250);
    assert_int_equal(stage->resources.memory_bytes, INT64_C(4) << 30);
}

/* `count` times the text that `part` makes of a number. */
static void add_many(struct buf *out, int count, const char *before, const char *after)
{
    for (int i = 0; i < count; i++)
        buf_print(out, "%s%d%s", before, i, after);
}

static void assert_refused(const struct buf *text, const char *reason)
{
    struct pipeline *pipeline;
    struct error *error = bind("pipeline.yaml", buf_str(text), &pipeline);
    assert_non_null(error);
    assert_non_null(strstr(error->text, reason));
    error_drop(error);
}

static void expressions_that_make_a_huge_text_are_stopped_before_it_is_made(void **state)
{
    (void)state;
    AUTO(buf_drop) struct buf text = {0};
    buf_add_text(&text, "vars: [{x: '");
    for (int i = 0; i < 500000; i++)
        buf_add_char(&text, 'y');
    buf_add_text(&text, "'}]\nstages:\n  a:\n    cmd: \"");
    add_many(&text, 100000, "${x}", "");
    buf_add_text(&text, "\"\n");
    assert_refused(&text, "TEMPLATE_BYTES");
}

static void stages_that_all_add_to_a_large_mapping_are_counted(void **state)
{
    (void)state;
    AUTO(buf_drop) struct buf text = {0};
    buf_add_text(&text, "vars: [{big: {");
    add_many(&text, 20000, "k", ": 1, ");
    buf_add_text(&text, "}}]\nstages:\n  a:\n    foreach: [");
    add_many(&text, 1000, "", ", ");
    buf_add_text(&text, "]\n    do: {vars: [{big: {own: 1}}], cmd: '${item} ${big.own}'}\n");
    assert_refused(&text, "TEMPLATE_NODES");
}

static void a_matrix_whose_names_are_too_long_is_refused_at_the_first(void **state)
{
    (void)state;
    AUTO(buf_drop) struct buf text = {0};
    buf_add_text(&text, "stages:\n  a:\n    cmd: x\n    matrix: {a: ['");
    for (int i = 0; i < 500000; i++)
        buf_add_char(&text, 'y');
    buf_add_text(&text, "'], b: [");
    add_many(&text, 50000, "", ", ");
    buf_add_text(&text, "]}\n");
    assert_refused(&text, "DVC_NAME_BYTES");
}

static void rules_over_large_values_are_stopped(void **state)
{
    (void)state;
    AUTO(buf_drop) struct buf text = {0};
    buf_add_text(&text, "stages:\n  a:\n    cmd: x\n    matrix:\n      a: [{");
    add_many(&text, 20000, "k", ": 1, ");
    buf_add_text(&text, "}]\n      b: [");
    add_many(&text, 5000, "", ", ");
    buf_add_text(&text, "]\n      exclude:\n");
    add_many(&text, 100, "        - {a: {k0: ", "}}\n");
    assert_refused(&text, "TEMPLATE_BYTES");
}

static void many_mappings_of_two_layers_are_merged_each_by_its_name(void **state)
{
    (void)state;
    enum { COUNT = 100 };
    AUTO(buf_drop) struct buf text = {0};
    buf_add_text(&text, "vars:\n  - {a: 1, z: 1, m: {");
    add_many(&text, COUNT, "k", ": {x: 1}, ");
    buf_add_text(&text, "}}\n  - m: {");
    for (int i = COUNT; i-- > 0;)
        buf_print(&text, "k%d: {y: %d}, ", i, i);
    buf_add_text(&text, "}\nstages:\n  s:\n    cmd: '");
    for (int i = 0; i < COUNT; i++)
        buf_print(&text, "${m.k%d.x}${m.k%d.y} ", i, i);
    buf_add_text(&text, "'\n");
    AUTO(buf_drop) struct buf expected = {0};
    add_many(&expected, COUNT, "1", " ");
    assert_str(only_stage(text.at)->cmd.items[0], expected.at);
}

static void without_words_a_stage_is_a_plain_command(void **state)
{
    (void)state;
    const struct stage *stage = only_stage("stages: {a: {cmd: x}}");
    assert_int_equal(stage->kind, STAGE_COMMAND);
    assert_int_equal(stage->env_mode, ENV_INHERIT);
    assert_int_equal(stage->timeout_ns, 0);
    assert_int_equal(stage->shell.len + stage->model.len + stage->desc.len + stage->wdir.len, 0);
    assert_false(stage->has_guards || stage->is_frozen || stage->is_always_changed);
}

static void every_key_of_the_language_is_explained_in_the_reference(void **state)
{
    (void)state;
    size_t count;
    const struct schema *const *schemas = pipeline_schemas(&count);
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < schemas[i]->count; j++) {
            const struct field *field = &schemas[i]->fields[j];
            if (!field->type || !field->help || strlen(field->help) < 10)
                fail_msg("'%s' of %s is not explained", field->name, schemas[i]->noun);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dvc_yaml_is_of_dvcs_dialect_and_anything_else_is_ours),
        cmocka_unit_test(each_pipeline_has_a_lock_file_of_its_own),
        cmocka_unit_test(paths_start_at_the_stages_folder_and_end_at_the_projects_root),
        cmocka_unit_test(dependencies_outside_stay_as_they_are),
        cmocka_unit_test(a_text_is_one_command_and_a_list_several),
        cmocka_unit_test(a_command_up_to_the_kernels_limit_is_taken),
        cmocka_unit_test(an_escaped_expression_loses_its_backslash),
        cmocka_unit_test(parameters_are_sorted_each_once_and_a_whole_file_covers_its_keys),
        cmocka_unit_test(outputs_keep_their_flags_and_categories),
        cmocka_unit_test(environment_is_sorted_and_secrets_are_not_in_the_key),
        cmocka_unit_test(defaults_fill_what_a_stage_does_not_say),
        cmocka_unit_test(retries_and_resources_come_in_the_units_of_the_program),
        cmocka_unit_test(without_words_a_stage_is_a_plain_command),
        cmocka_unit_test(expressions_that_make_a_huge_text_are_stopped_before_it_is_made),
        cmocka_unit_test(stages_that_all_add_to_a_large_mapping_are_counted),
        cmocka_unit_test(a_matrix_whose_names_are_too_long_is_refused_at_the_first),
        cmocka_unit_test(rules_over_large_values_are_stopped),
        cmocka_unit_test(many_mappings_of_two_layers_are_merged_each_by_its_name),
        cmocka_unit_test(every_key_of_the_language_is_explained_in_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, give_back);
}
