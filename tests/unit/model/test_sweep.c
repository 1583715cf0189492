#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/moment.h"
#include "mlops/codec/jsonschema.h"
#include "mlops/model/sweep.h"

#include "support/unit.h"

static struct arena arena;

static struct dimension parsed(const char *word)
{
    struct dimension dimension = {0};
    struct override fixed = {0};
    bool is_fixed = false;
    struct error *error = dimension_parse(&arena, str_of(word), &dimension, &fixed, &is_fixed);
    if (error)
        fail_msg("%s: %s", word, error->text);
    assert_false(is_fixed);
    return dimension;
}

static void assert_text(struct str text, const char *expected)
{
    assert_string_equal(str_terminate(&arena, text), expected);
}

static void ranges_are_read_and_printed(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"lr=loguniform(1e-4,1e-1)", "lr=loguniform(0.0001,0.1)"},
        {"lr = uniform( -1 , 1 )", "lr=uniform(-1.0,1.0)"},
        {"q=uniform(0,1,0.05)", "q=uniform(0.0,1.0,0.05)"},
        {"n=int(2,8)", "n=int(2,8)"},
        {"n=int(2,8,2)", "n=int(2,8,2)"},
        {"n=int(3,3)", "n=int(3,3)"},
        {"n=logint(1,1024)", "n=logint(1,1024)"},
        {"seed=1,2,3", "seed=choice(1,2,3)"},
        {"opt=choice(adam, sgd)", "opt=choice(adam,sgd)"},
        {"opt=choice(adam)", "opt=choice(adam)"},
        {"n=range(10,50,10)", "n=choice(10,20,30,40)"},
        {"n=range(3)", "n=choice(0,1,2)"},
        {"n=range(5,0,-2)", "n=choice(5,3,1)"},
        {"q=range(0,0.4,0.1)", "q=choice(0.0,0.1,0.2,0.3)"},
        {"+params.json:a.b=1,2", "+params.json:a.b=choice(1,2)"},
        {"p=uniform(1e-7,1e20)", "p=uniform(1.0e-07,1.0e+20)"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct dimension dimension = parsed(rows[i][0]);
        struct str printed = dimension_print(&arena, &dimension);
        assert_text(printed, rows[i][1]);
        dimension = parsed(rows[i][1]);
        assert_text(dimension_print(&arena, &dimension), rows[i][1]);
    }
}

static void values_may_hold_commas_quotes_and_nested_values(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        size_t count;
        const char *second;
    } rows[] = {
        {"o=\"a,b\",c", 2, "c"},
        {"o='it''s, so',c", 2, "c"},
        {"o=a,\"q\\\"x,\",c", 3, "\"q\\\"x,\""},
        {"o=[1, 2],[3]", 2, "[3]"},
        {"o={a: [1, 2], b: x},{b: 3}", 2, "{b: 3}"},
        {"o=choice([64, 64],\"a)\",b)", 3, "\"a)\""},
        {"o=it's,that's", 2, "that's"},
        {"o=null,~", 0, NULL}, /* the same twice */
        {"o=größe,ü", 2, "ü"},
        {"o=a:b,c:d", 2, "c:d"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct dimension dimension = {0};
        struct override fixed = {0};
        bool is_fixed = false;
        struct error *error =
            dimension_parse(&arena, str_of(rows[i].word), &dimension, &fixed, &is_fixed);
        assert_int_equal(dimension.value_count, rows[i].count);
        assert_int_equal(error == NULL, rows[i].second != NULL);
        if (!error)
            assert_text(dimension.values[1], rows[i].second);
        error_drop(error);
    }
}

static void one_value_is_fixed(void **state)
{
    (void)state;
    static const char *const words[] = {
        "lr=0.1", "layers=[64, 64]", "name=\"a,b\"", "~old", "+new=1", "m={a: 1, b: 2}", "e="};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        struct dimension dimension = {0};
        struct override fixed = {0};
        bool is_fixed = false;
        struct error *error =
            dimension_parse(&arena, str_of(words[i]), &dimension, &fixed, &is_fixed);
        assert_null(error);
        assert_true(is_fixed);
        assert_true(fixed.key.len > 0);
    }
}

static void mistakes_point_into_the_word(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        int code, column;
        const char *says;
    } rows[] = {
        {"lr=choice()", ERROR_PROJECT, 11, "is empty"},
        {"lr=uniform(5,1)", ERROR_PROJECT, 12, "its low end is above its high end"},
        {"lr=uniform(1,1)", ERROR_PROJECT, 12, "its ends are the same"},
        {"n=range(5,1)", ERROR_PROJECT, 9, "is empty"},
        {"n=range(1,5,0)", ERROR_USAGE, 13, "the step must not be 0"},
        {"n=range(0,1e9)", ERROR_USAGE, 9, "these are 1000000000 values, more than 10000"},
        {"lr=loguniform(0,1)", ERROR_USAGE, 15, "a low end above 0, found 0"},
        {"n=logint(-1,1)", ERROR_USAGE, 10, "a low end above 0, found -1"},
        {"lr=uniform(nan,1)", ERROR_USAGE, 12, "'nan' is no number"},
        {"lr=uniform(0,inf)", ERROR_USAGE, 14, "'inf' is no number"},
        {"lr=uniform(0,0x10)", ERROR_USAGE, 14, "'0x10' is no number"},
        {"lr=uniform(0,1e400)", ERROR_USAGE, 14, "beyond the range of numbers"},
        {"lr=uniform(1e-400,1)", ERROR_USAGE, 12, "beyond the range of numbers"},
        {"lr=uniform(-1e308,1e308)", ERROR_USAGE, 12, "too far apart"},
        {"lr=uniform(,1)", ERROR_USAGE, 12, "a number is missing here"},
        {"lr=uniform(1)", ERROR_USAGE, 4, "takes 2 or 3 numbers, found 1"},
        {"lr=loguniform(1,2,3)", ERROR_USAGE, 4, "takes 2 numbers, found 3"},
        {"n=int(1,5,0)", ERROR_USAGE, 11, "the step must be above 0"},
        {"n=int(1,5,-1)", ERROR_USAGE, 11, "the step must be above 0"},
        {"n=int(1,5,9)", ERROR_USAGE, 11, "longer than the range"},
        {"n=int(1,2.5)", ERROR_USAGE, 9, "'2.5' is no whole number"},
        {"n=int(1,1e17)", ERROR_USAGE, 9, "beyond 2^53"},
        {"n=uniform(0,1e9,1e-9)", ERROR_USAGE, 17, "too small for the range"},
        {"o=a,b,a", ERROR_USAGE, 7, "the value a stands twice"},
        {"o=1e-1,0.1", ERROR_USAGE, 8, "the value 0.1 stands twice"},
        {"o=a,,b", ERROR_USAGE, 5, "a value is missing here"},
        {"o=a,b,", ERROR_USAGE, 7, "a value is missing here"},
        {"ü=größe,a: [", ERROR_USAGE, 9, "is no value"},
        {"o=a,[b", ERROR_USAGE, 5, "is no value"},
        {"o=a,x #y", ERROR_USAGE, 5, "is no value"},
        {"o=choice(a,b", ERROR_USAGE, 9, "this bracket is not closed at the end"},
        {"o=choice(a),choice(b)", ERROR_USAGE, 9, "this bracket is not closed at the end"},
        {"o=unifrom(0,1)", ERROR_USAGE, 3, "did you mean 'uniform'?"},
        {"o=randint(0,1)", ERROR_USAGE, 3, "did you mean 'int'?"},
        {"o=interval(0,1)", ERROR_USAGE, 3, "did you mean 'uniform'?"},
        {"o=f(x)", ERROR_USAGE, 3, "there is no range 'f'"},
        {"o=f(1,2),x", ERROR_USAGE, 3, "the brackets of 'f(1' do not match"},
        {"o=a,b)", ERROR_USAGE, 5, "the brackets of 'b)' do not match"},
        {"=1,2", ERROR_USAGE, 0, "no key"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct dimension dimension = {0};
        struct override fixed = {0};
        bool is_fixed = false;
        struct error *error =
            dimension_parse(&arena, str_of(rows[i].word), &dimension, &fixed, &is_fixed);
        if (!error || error->code != rows[i].code || error->mark.column != rows[i].column ||
            !strstr(error->text, rows[i].says))
            fail_msg("%s: %d, column %d: %s", rows[i].word, error ? error->code : 0,
                     error ? error->mark.column : 0, error ? error->text : "taken");
        error_drop(error);
    }
}

static struct error *bind(const char *text, struct sweep *ret)
{
    struct doc *doc = NULL;
    struct doc_options options = {.dialect = DOC_NATIVE};
    *ret = (struct sweep){0};
    struct error *error = doc_parse(&arena, STR("sweep.yaml"), str_of(text), &options, &doc);
    return error ? error : sweep_bind(&arena, doc->root, ret);
}

static const char everything[] =
    "sweep:\n"
    "  name: first\n"
    "  pipeline: sub/pipeline.yaml\n"
    "  targets: [train, eval]\n"
    "  method: random\n"
    "  params:\n"
    "    train.lr: loguniform(1e-4, 1e-1)\n"
    "    +params.json:opt: [adam, \"s, d\", 0x10, [1, 2], {a: .inf}, ~, '1']\n"
    "    x: a, b\n"
    "    y: 5\n"
    "  fixed: {epochs: 3, layers: [64, 64], ~old: , empty: ''}\n"
    "  repeat: 3\n"
    "  seed_param: params.yaml:train.seed\n"
    "  trials: 40\n"
    "  time: 90.5s\n"
    "  seed: 18446744073709551615\n"
    "  metric: metrics.json:val.f1\n"
    "  direction: max\n"
    "  startup: 7\n"
    "  lag: 4\n"
    "  stop: halving\n"
    "  reduction: 4\n"
    "  least_steps: 2\n"
    "  steps: {file: steps.csv, step: epoch, metric: f1}\n"
    "  budget: {param: train.epochs, least: 1, most: 27}\n";

static void a_file_is_bound(void **state)
{
    (void)state;
    struct sweep sweep;
    assert_null(bind(everything, &sweep));
    assert_null(sweep_check(&sweep));
    assert_text(sweep.name, "first");
    assert_int_equal(sweep.target_count, 2);
    assert_int_equal(sweep.dimensions.len, 3);
    assert_text(dimension_print(&arena, &sweep.dimensions.at[1]),
                "+params.json:opt=choice(adam,\"s, d\",0x10,[1, 2],{a: .inf},null,\"1\")");
    assert_int_equal(sweep.fixed.len, 5);
    assert_int_equal(sweep.fixed.at[3].action, EDIT_REMOVE);
    assert_true(sweep.seed == UINT64_MAX);
    assert_true(sweep.time_most_ns == 90 * NS_PER_S + NS_PER_S / 2);
    assert_text(sweep.metric_file, "metrics.json");
    assert_text(sweep.metric_key, "val.f1");
    assert_text(sweep.budget_key, "train.epochs");
}

static void what_is_stored_is_read_back(void **state)
{
    (void)state;
    static const char *const files[] = {
        everything, "{}", "params: {a: 'int(1,3)'}",
        "list: [{a: 1, b: x}, [a=2, {key: b, text: y, file: p.yaml, action: add}]]",
        "params: ['a=1,2', {key: b, text: 'uniform(0,1)'}, c=5]\ntrials: 3\n"
        "stop: asha\nmetric: loss\nsteps: s.jsonl"};
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        struct sweep sweep, again;
        assert_null(bind(files[i], &sweep));
        struct str stored = sweep_print(&arena, &sweep);
        assert_null(sweep_parse(&arena, stored, &again));
        assert_text(sweep_print(&arena, &again), str_terminate(&arena, stored));
    }
}

static void what_is_stored_may_be_damaged(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "[]", "{\"methd\":\"grid\"}", "{\"seed\":-1}",
                                        "{\"params\":[{\"key\":\"a\",\"text\":\"int(5,1)\"}]}"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct sweep sweep;
        struct error *error = sweep_parse(&arena, str_of(texts[i]), &sweep);
        assert_non_null(error);
        assert_int_equal(error->code, ERROR_STORED);
        error_drop(error);
    }
}

static void the_method_follows_from_the_ranges(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum sweep_method method;
    } rows[] = {{"params: {a: [1, 2], b: 'int(1,3)'}", SWEEP_GRID},
                {"params: {a: [1, 2], b: 'uniform(1,3)'}", SWEEP_RANDOM},
                {"params: {a: [1, 2], b: 'uniform(1,3,0.5)'}", SWEEP_GRID},
                {"params: {a: 'logint(1,9)'}", SWEEP_RANDOM},
                {"list: [{a: 1}]", SWEEP_LIST},
                {"method: tpe\nparams: {a: [1, 2]}", SWEEP_TPE}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct sweep sweep;
        assert_null(bind(rows[i].text, &sweep));
        assert_int_equal(sweep.method, rows[i].method);
    }
}

static void mistakes_in_files_have_places(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int line, column;
        const char *says;
    } rows[] = {
        {"methd: grid", 1, 1, "did you mean 'method'?"},
        {"method: gird", 1, 9, "must be one of grid, random, tpe, list"},
        {"params:\n  lr: uniform(5, 1)", 2, 15, "is empty"},
        {"params:\n  lr: 'uniform(5, 1)'", 2, 7, "is empty"},
        {"params: {lr: []}", 1, 14, "this list is empty"},
        {"params: {lr: [1, 2, 1]}", 1, 21, "the value 1 stands twice"},
        {"params: {lr: {a: 1}}", 1, 14, "found a mapping"},
        {"params: [3]", 1, 10, "must be KEY=RANGE"},
        {"params: ['lr=unifrom(0,1)']", 1, 10, "did you mean 'uniform'?"},
        {"params: 3", 1, 9, "must be a mapping of parameters"},
        {"fixed: [a]", 1, 9, "gives no value"},
        {"fixed: [{key: a, file: b, txt: c}]", 1, 27, "did you mean 'text'?"},
        {"list: []", 1, 7, "is empty"},
        {"list: [3]", 1, 8, "parameters must be a mapping"},
        {"metric: {file: a}", 1, 9, "'key' is missing"},
        {"metric: ''", 1, 9, "the key is empty"},
        {"repeat: 0", 1, 9, "from 1 to"},
        {"seed: -1", 1, 7, "from 0 to 2^64"},
        {"seed: 18446744073709551616", 1, 7, "from 0 to 2^64"},
        {"budget: {param: a, least: 1}", 1, 9, "'most' is missing"},
        {"steps: [a]", 1, 8, "a path or a mapping"},
        {"time: soon", 1, 7, "a duration"},
        {"[1]", 1, 1, "must be a mapping"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct sweep sweep;
        struct error *error = bind(rows[i].text, &sweep);
        if (!error || error->code != ERROR_PROJECT || error->mark.line != rows[i].line ||
            error->mark.column != rows[i].column || !strstr(error->text, rows[i].says))
            fail_msg("%s: %d:%d: %s", rows[i].text, error ? error->mark.line : 0,
                     error ? error->mark.column : 0, error ? error->text : "taken");
        error_drop(error);
    }
}

static void contradictions_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"method: grid\nparams: {a: 'loguniform(1,2)'}", "a grid cannot be made of a=loguniform"},
        {"method: tpe\ntrials: 5\nparams: {a: [1, 2]}", "tpe needs to know the metric"},
        {"method: tpe\ntrials: 5\nmetric: zorp\nparams: {a: [1, 2]}",
         "whether 'zorp' should be high or low is not known"},
        {"metric: zorp\nparams: {a: [1, 2]}", "whether 'zorp' should be high or low is not known"},
        {"stop: median\nmetric: loss", "needs the file"},
        {"stop: asha\nsteps: a.csv", "the rule asha needs to know the metric"},
        {"stop: halving\nmetric: loss", "needs a parameter that is the budget"},
        {"stop: halving\nmetric: loss\nbudget: {param: a, least: 5, most: 5}", "must grow"},
        {"budget: {param: a, least: 1, most: 5}", "is for the rule halving"},
        {"method: random\nparams: {a: 'uniform(1,2)'}", "needs an end"},
        {"method: list", "the list of combinations is empty"},
        {"method: grid\nlist: [{a: 1}]", "'list' is for the method list"},
        {"list: [{a: 1}]\nparams: {b: [1, 2]}", "takes no ranges, as in b=choice(1,2)"},
        {"params: ['a=1,2', 'a=3,4']", "'a' is given twice"},
        {"params: ['a=1,2']\nfixed: {a: 3}", "'a' is given twice"},
        {"params: ['a=1,2']\nseed_param: a", "'a' is given twice"},
        {"list: [[a=1, a=2]]", "'a' is given twice"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct sweep sweep;
        assert_null(bind(rows[i].text, &sweep));
        struct error *error = sweep_check(&sweep);
        if (!error || !strstr(error->text, rows[i].says))
            fail_msg("%s: %s", rows[i].text, error ? error->text : "taken");
        error_drop(error);
    }
}

static void every_type_that_a_field_names_has_a_shape(void **state)
{
    (void)state;
    size_t count = 0;
    const struct schema *const *schemas = sweep_schemas(&count);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < schemas[i]->count; j++) {
            const struct field *field = &schemas[i]->fields[j];
            if (field->kind == FIELD_BIND)
                assert_non_null(shape_find(sweep_shapes(), field->type));
        }
    struct buf out = buf_in(&arena);
    sweep_print_json_schema(&out);
    assert_true(out.len > 1000);
}

static int drop_arena(void **state)
{
    (void)state;
    arena_drop(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_are_read_and_printed),
        cmocka_unit_test(values_may_hold_commas_quotes_and_nested_values),
        cmocka_unit_test(one_value_is_fixed),
        cmocka_unit_test(mistakes_point_into_the_word),
        cmocka_unit_test(a_file_is_bound),
        cmocka_unit_test(what_is_stored_is_read_back),
        cmocka_unit_test(what_is_stored_may_be_damaged),
        cmocka_unit_test(the_method_follows_from_the_ranges),
        cmocka_unit_test(mistakes_in_files_have_places),
        cmocka_unit_test(contradictions_are_told),
        cmocka_unit_test(every_type_that_a_field_names_has_a_shape),
    };
    return cmocka_run_group_tests(tests, NULL, drop_arena);
}
