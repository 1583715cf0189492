#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/base/moment.h"
#include "mlops/codec/schema.h"

#include "support/unit.h"

struct machine {
    struct str name;
    struct str label;
    bool is_fast;
    int64_t cores;
    int64_t wait_ns;
    int64_t memory_bytes;
    int color;
    const struct doc_node *extra;
    int bound_line;
};

static const char *const colors[] = {"red", "green", NULL};

static void bind_line(struct binder *binder, const struct doc_node *node, void *target)
{
    if (node->kind == DOC_MAP)
        binder_expected(binder, node, "a string or a list of commands");
    *(int *)target = node->line;
}

#define AT(member) .offset = offsetof(struct machine, member)

static const struct field fields[] = {
    {.name = "name",
     .kind = FIELD_STR,
     AT(name),
     .flags = FIELD_REQUIRED,
     .type = "text",
     .help = "Its a|b name."},
    {.name = "label", .kind = FIELD_STR, AT(label), .flags = FIELD_PLAIN, .type = "text"},
    {.name = "fast", .kind = FIELD_BOOL, AT(is_fast)},
    {.name = "cores", .kind = FIELD_INT, AT(cores), .least = 1, .most = 64, .initial = "1"},
    {.name = "wait", .kind = FIELD_DURATION, AT(wait_ns), .flags = FIELD_NATIVE_ONLY},
    {.name = "memory", .kind = FIELD_BYTES, AT(memory_bytes)},
    {.name = "color", .kind = FIELD_CHOICE, AT(color), .choices = colors},
    {.name = "extra", .kind = FIELD_NODE, AT(extra), .type = "list of paths"},
    {.name = "cmd", .kind = FIELD_BIND, AT(bound_line), .bind = bind_line},
    {.name = "vars", .kind = FIELD_NODE, AT(extra), .flags = FIELD_LATER, .help = "write them out"},
    {.name = "old", .kind = FIELD_NODE, AT(extra), .flags = FIELD_DVC_ONLY},
};

static const struct schema schema = {
    .noun = "machine", .fields = fields, .count = COUNT_OF(fields), .allows_x_keys = true};

static struct arena arena;

static int drop_arena(void **state)
{
    (void)state;
    arena_drop(&arena);
    return 0;
}

static struct error *bind_as(enum doc_dialect dialect, struct str where, const char *text,
                             struct machine *machine)
{
    struct doc *doc = NULL;
    struct doc_options options = {.dialect = dialect};
    struct error_list errors = {0};
    struct binder binder = {.arena = &arena, .errors = &errors};
    assert_null(doc_parse(&arena, STR("m.yaml"), str_of(text), &options, &doc));
    schema_bind(&binder, &schema, where, doc->root, machine);
    return error_list_take(&errors);
}

static struct error *bind(const char *text, struct machine *machine)
{
    return bind_as(DOC_NATIVE, STR("in machine 'a'"), text, machine);
}

/* The only error of a mapping that has a name. */
static void assert_refused_as(enum doc_dialect dialect, const char *text, int line, int column,
                              const char *message)
{
    struct machine machine = {0};
    AUTO(buf_drop) struct buf all = {0};
    buf_print(&all, "name: n\n%s", text);
    struct error *error = bind_as(dialect, STR("in machine 'a'"), all.at, &machine);
    assert_non_null(error);
    assert_string_equal(error->text, message);
    assert_int_equal(error->mark.line, line);
    assert_int_equal(error->mark.column, column);
    assert_null(error->next);
    error_drop(error);
}

static void assert_refused(const char *text, int line, int column, const char *message)
{
    assert_refused_as(DOC_NATIVE, text, line, column, message);
}

static void values_arrive_in_their_members(void **state)
{
    (void)state;
    struct machine machine = {0};
    assert_null(bind("name: n\nlabel: 1.10\nfast: true\ncores: 4\nwait: 1.5m\nmemory: 2KiB\n"
                     "color: green\nextra: [1]\ncmd: x\nx-mine: {any: thing}\n",
                     &machine));
    assert_true(str_is(machine.name, "n"));
    assert_true(str_is(machine.label, "1.10"));
    assert_true(machine.is_fast);
    assert_int_equal(machine.cores, 4);
    assert_int_equal(machine.wait_ns, 90 * NS_PER_S);
    assert_int_equal(machine.memory_bytes, 2048);
    assert_int_equal(machine.color, 1);
    assert_int_equal(machine.extra->count, 1);
    assert_int_equal(machine.bound_line, 9);
}

static void an_unknown_key_suggests_the_nearest(void **state)
{
    (void)state;
    assert_refused("nmae: x\n", 2, 1, "unknown key 'nmae' in machine 'a' (did you mean 'name'?)");
    assert_refused("colour: x\n", 2, 1,
                   "unknown key 'colour' in machine 'a' (did you mean 'color'?)");
    assert_refused("entirely: x\n", 2, 1, "unknown key 'entirely' in machine 'a'");
    assert_refused("ols: x\n", 2, 1, "unknown key 'ols' in machine 'a'");
}

static void wrong_values_say_what_was_expected_and_found(void **state)
{
    (void)state;
    assert_refused("cmd: {run: x}\n", 2, 6,
                   "'cmd' in machine 'a' must be a string or a list of commands, found a mapping");
    assert_refused("label: [x]\n", 2, 8, "'label' in machine 'a' must be a text, found a list");
    assert_refused("label:\n", 2, 7, "'label' in machine 'a' must be a text, found nothing");
    assert_refused("fast: yes\n", 2, 7,
                   "'fast' in machine 'a' must be true or false, found a string");
    assert_refused("cores: 65\n", 2, 8,
                   "'cores' in machine 'a' must be an integer from 1 to 64, found '65'");
    assert_refused("wait: -5\n", 2, 7,
                   "'wait' in machine 'a' must be a duration such as 30s, 1.5m or 2h, found '-5'");
    assert_refused("memory: [1]\n", 2, 9,
                   "'memory' in machine 'a' must be a size such as 500MB or 4GiB, found a list");
    assert_refused("color: blue\n", 2, 8,
                   "'color' in machine 'a' must be one of red, green, found 'blue'");
}

static void a_number_is_no_text_unless_allowed(void **state)
{
    (void)state;
    struct machine machine = {0};
    struct error *error = bind("name: 12\n", &machine);
    assert_string_equal(error->text, "'name' in machine 'a' must be a text, found an integer");
    error_drop(error);
}

static void a_missing_key_is_told_at_the_mapping(void **state)
{
    (void)state;
    struct machine machine = {0};
    struct error *error = bind("\ncores: 1\n", &machine);
    assert_string_equal(error->text, "'name' is missing in machine 'a'");
    assert_int_equal(error->mark.line, 2);
    assert_int_equal(error->mark.column, 1);
    error_drop(error);
}

static void what_is_no_mapping_is_told(void **state)
{
    (void)state;
    struct machine machine = {0};
    struct error *error = bind("[1]\n", &machine);
    assert_string_equal(error->text, "machine 'a' must be a mapping, found a list");
    error_drop(error);
    error = bind_as(DOC_NATIVE, STR(""), "hello\n", &machine);
    assert_string_equal(error->text, "the machine must be a mapping, found a string");
    error_drop(error);
}

static void dialects_and_the_future_are_told_apart(void **state)
{
    (void)state;
    assert_refused_as(DOC_DVC, "wait: 3\n", 2, 1,
                      "'wait' in machine 'a' is not part of DVC's language");
    assert_refused_as(DOC_DVC, "x-mine: 3\n", 2, 1, "unknown key 'x-mine' in machine 'a'");
    assert_refused("old: 3\n", 2, 1, "'old' in machine 'a' works only in dvc.yaml");
    struct machine machine = {0};
    struct error *error = bind("name: n\nvars: []\n", &machine);
    assert_string_equal(error->text, "'vars' in machine 'a' cannot be used yet");
    assert_string_equal(error->hint, "write them out");
    error_drop(error);
}

static void all_errors_come_at_once_up_to_the_limit(void **state)
{
    (void)state;
    struct machine machine = {0};
    AUTO(buf_drop) struct buf text = {0};
    for (int i = 0; i < 50; i++)
        buf_print(&text, "unknown%d: 1\n", i);
    struct error *error = bind(text.at, &machine);
    int count = 0;
    for (const struct error *at = error; at; at = at->next)
        count++;
    assert_int_equal(count, LIMIT_ERRORS_TOLD + 1);
    error_drop(error);
}

static void suggestions_stay_near(void **state)
{
    (void)state;
    const char *const names[] = {"train", "evaluate", "prepare"};
    assert_string_equal(schema_suggest(STR("tarin"), names, 3), "train");
    assert_string_equal(schema_suggest(STR("prepaer"), names, 3), "prepare");
    assert_null(schema_suggest(STR("rain_it"), names, 3));
    assert_null(schema_suggest(STR(""), names, 3));
}

static void the_reference_is_a_table(void **state)
{
    (void)state;
    struct buf out = buf_in(&arena);
    schema_print_reference(&schema, &out);
    assert_non_null(strstr(out.at, "| key | value | default | meaning |\n"));
    assert_non_null(strstr(out.at, "| `name` | text |  | Its a\\|b name. Required. |\n"));
    assert_non_null(strstr(out.at, "Not in `dvc.yaml`."));
    assert_null(strstr(out.at, "vars"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, drop_arena)
    const struct CMUnitTest tests[] = {
        TEST(values_arrive_in_their_members),
        TEST(an_unknown_key_suggests_the_nearest),
        TEST(wrong_values_say_what_was_expected_and_found),
        TEST(a_number_is_no_text_unless_allowed),
        TEST(a_missing_key_is_told_at_the_mapping),
        TEST(what_is_no_mapping_is_told),
        TEST(dialects_and_the_future_are_told_apart),
        TEST(all_errors_come_at_once_up_to_the_limit),
        TEST(suggestions_stay_near),
        TEST(the_reference_is_a_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
