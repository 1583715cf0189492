/* Violations as text, one a line: "ROW:FIELD KIND [VALUE]"; groups as "FIELD KIND COUNT". */
#include "mlops/base/buf.h"
#include "mlops/data/measure.h"

#include "schemas.h"
#include "support/scratch.h"

struct trial {
    const char *schema; /* JSON */
    const char *text;   /* of the table */
    const char *name;   /* of its file; NULL: data.csv */
    int threads;        /* 0: one */
    int64_t batch_bytes, keys_bytes;
    const char *other; /* text of codes.csv, a resource without a schema */
};

struct outcome {
    struct arena arena;
    struct buf all, groups; /* on the heap */
    uint64_t count;
};

static void outcome_drop(struct outcome *outcome)
{
    buf_drop(&outcome->all);
    buf_drop(&outcome->groups);
    arena_drop(&outcome->arena);
}

static void print(const struct conformity *conformity, struct outcome *ret)
{
    buf_add_text(&ret->all, "");
    buf_add_text(&ret->groups, "");
    for (size_t i = 0; i < conformity->all_count; i++) {
        const struct violation *one = &conformity->all[i];
        buf_print(&ret->all, "%d:%d %s", (int)one->row, (int)one->field,
                  one->constraint ? one->constraint : one->type);
        if (one->has_value)
            buf_print(&ret->all, " [%.*s]", STR_FMT(one->value));
        buf_add_char(&ret->all, '\n');
    }
    for (size_t i = 0; i < conformity->group_count; i++) {
        const struct violation_group *group = &conformity->groups[i];
        buf_print(&ret->groups, "%d %s %d:", (int)group->field,
                  group->constraint ? group->constraint : group->type, (int)group->count);
        for (size_t j = 0; j < group->shown_count; j++)
            buf_print(&ret->groups, " %d", (int)group->shown[j].row);
        buf_add_char(&ret->groups, '\n');
    }
    ret->count = conformity->count;
}

static struct error *try(const struct trial *trial, struct outcome *ret)
{
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    AUTO(measured_drop) struct measured measured = {0};
    const char *name = trial->name ? trial->name : "data.csv";
    struct table_schema *schema = arena_new(&ret->arena, struct table_schema);
    struct conform_resource codes = {.name = STR("codes"), .path = STR("codes.csv")};
    codes.options = (struct table_options){.dialect = dialect_for(codes.path), .threads = 1};
    scratch_write(&scratch, name, trial->text);
    scratch_write(&scratch, "codes.csv", trial->other ? trial->other : "");
    TRY(schema_of(&ret->arena, trial->schema, schema));
    struct measure_options options = {
        .table = {.dialect = dialect_for(str_of(name)),
                  .threads = trial->threads ? trial->threads : 1,
                  .batch_bytes = trial->batch_bytes},
        .schema = schema,
        .keeps_all = true,
        .no_profile = true,
        .keys = {.memory_bytes = trial->keys_bytes},
        .resources = trial->other ? &codes : NULL,
        .resource_count = trial->other ? 1 : 0,
    };
    TRY(measure_table(&ret->arena, scratch.fd, str_of(name), &options, &measured));
    print(&measured.conformity, ret);
    return NULL;
}

static void assert_found(const struct trial *trial, const char *expected)
{
    AUTO(outcome_drop) struct outcome outcome = {0};
    struct error *error = try(trial, &outcome);
    if (error)
        fail_msg("%s", error->text);
    assert_string_equal(outcome.all.at, expected);
}

static void assert_in(const char *schema, const char *text, const char *expected)
{
    assert_found(&(struct trial){.schema = schema, .text = text}, expected);
}

#define FIELD(members) "{\"fields\": [{\"name\": \"a\", " members "}]}"
#define BOUND(type, name, value)                                                                   \
    FIELD("\"type\": \"" type "\", \"constraints\": {\"" name "\": " value "}")

static void bounds_are_exact(void **state)
{
    (void)state;
    assert_in(BOUND("integer", "minimum", "9007199254740993"),
              "a\n9007199254740992\n9007199254740993\n9007199254740994\n",
              "2:1 minimum [9007199254740992]\n");
    assert_found(&(struct trial){.schema = BOUND("integer", "maximum", "9007199254740992"),
                                 .name = "data.jsonl",
                                 .text = "{\"a\": 9007199254740993}\n{\"a\": "
                                         "9007199254740992}\n"},
                 "1:1 maximum [9007199254740993]\n");
    assert_in(BOUND("number", "maximum", "0.1"), "a\n0.1\n0.10000000000000000001\n1e-1\n0.2\n",
              "3:1 maximum [0.10000000000000000001]\n5:1 maximum [0.2]\n");
    assert_in(BOUND("number", "exclusiveMinimum", "0"), "a\n0\n-0\n1e-400\nNaN\nINF\n",
              "2:1 exclusiveMinimum [0]\n3:1 exclusiveMinimum [-0]\n5:1 exclusiveMinimum [NaN]\n");
    assert_in(BOUND("number", "exclusiveMaximum", "2"), "a\n1.9999999999999999999\n2.0\n-INF\n",
              "3:1 exclusiveMaximum [2.0]\n");
    assert_in(BOUND("date", "maximum", "\"2024-02-29\""), "a\n2024-02-29\n2024-03-01\n",
              "3:1 maximum [2024-03-01]\n");
    assert_in(BOUND("datetime", "minimum", "\"2024-01-01T00:00:00Z\""),
              "a\n2024-01-01T01:00:00+01:00\n2024-01-01T01:00:00+02:00\n",
              "3:1 minimum [2024-01-01T01:00:00+02:00]\n");
}

static void lengths_are_code_points_items_and_members(void **state)
{
    (void)state;
    assert_in(BOUND("string", "maxLength", "2"), "a\n\xc3\xa9\xc3\xa9\nabc\n",
              "3:1 maxLength [abc]\n");
    assert_in(BOUND("array", "minLength", "2"), "a\n\"[1, [2, 3]]\"\n[1]\n",
              "3:1 minLength [[1]]\n");
    assert_in(BOUND("object", "maxLength", "1"), "a\n\"{\"\"x\"\": 1, \"\"y\"\": 2}\"\n{}\n",
              "2:1 maxLength [{\"x\": 1, \"y\": 2}]\n");
}

static void listed_values_are_logical_values(void **state)
{
    (void)state;
    assert_in(BOUND("number", "enum", "[1, \"2.50\"]"), "a\n01\n1.0\n2.5\n25e-1\n3\n",
              "6:1 enum [3]\n");
    assert_in(FIELD("\"type\": \"list\", \"delimiter\": \";\", \"itemType\": \"integer\", "
                    "\"constraints\": {\"enum\": [[1, 2], \"3;4\"]}"),
              "a\n1;2\n03;4\n2;1\n", "4:1 enum [2;1]\n");
    assert_in(BOUND("boolean", "enum", "[true]"), "a\n1\nTRUE\nfalse\n", "4:1 enum [false]\n");
    assert_in(FIELD("\"type\": \"string\", \"categories\": [{\"value\": \"x\", \"label\": \"y\"}]"),
              "a\nx\ny\n", "3:1 categories [y]\n");
}

static void several_constraints_of_a_cell_are_told(void **state)
{
    (void)state;
    assert_in(FIELD("\"type\": \"string\", \"constraints\": {\"required\": true, \"minLength\": 3, "
                    "\"pattern\": \"[a-z]+|b\", \"enum\": [\"abc\"]}"),
              "a\nB\nabc\n\"\"\n",
              "2:1 minLength [B]\n2:1 pattern [B]\n2:1 enum [B]\n4:0 blank-row\n");
}

#define TWO(more)                                                                                  \
    "{\"fields\": [{\"name\": \"a\", \"type\": \"integer\"}, {\"name\": \"b\", \"type\": "         \
    "\"string\", \"constraints\": {\"required\": true}}]" more "}"

static void blank_rows_have_no_other_faults_but_a_missing_key(void **state)
{
    (void)state;
    assert_in(TWO(""), "a,b\n,\n\n1,\n,,,\n",
              "2:0 blank-row\n3:0 blank-row\n4:2 required []\n"
              "5:0 blank-row\n");
    assert_in(TWO(", \"primaryKey\": \"a\""), "a,b\n,\n,x\ny,z\n",
              "2:0 blank-row\n2:0 primary-key []\n3:0 primary-key []\n4:0 primary-key [y]\n"
              "4:1 type-error [y]\n");
}

static void ragged_records_are_told_cell_by_cell(void **state)
{
    (void)state;
    assert_in(TWO(""), "a,b\n1\n2,x,y,z\n",
              "2:2 required\n2:2 missing-cell\n3:3 extra-cell\n3:4 extra-cell\n");
    assert_in(TWO(""), "a\n1\n", "0:2 missing-label\n2:2 required\n2:2 missing-cell\n");
    assert_in(FIELD("\"type\": \"integer\""), "a,b\n1,2\n3\n",
              "0:2 extra-label [b]\n2:2 extra-cell [2]\n");
}

static void labels_are_compared_as_fields_match_says(void **state)
{
    (void)state;
    assert_in(TWO(""), "b,a\nx,1\n",
              "0:1 incorrect-label [b]\n0:2 incorrect-label [a]\n"
              "2:1 type-error [x]\n");
    assert_in(TWO(", \"fieldsMatch\": \"equal\""), "b,a\nx,1\n", "");
    assert_in(TWO(", \"fieldsMatch\": \"equal\""), "b,a,c\nx,y,1\n",
              "0:3 extra-label [c]\n2:2 type-error [y]\n");
    assert_in(TWO(", \"fieldsMatch\": \"subset\""), "b,c,a\nx,y,1\n", "");
    assert_in(TWO(", \"fieldsMatch\": \"superset\""), "b\nx\n", "");
    assert_in(TWO(", \"fieldsMatch\": \"superset\""), "a\n1\n", "0:2 missing-label\n");
    assert_in(TWO(", \"fieldsMatch\": \"partial\""), "c,a\nx,1\n", "0:3 missing-label\n");
    assert_in(TWO(", \"fieldsMatch\": \"equal\""), "b,a,b\nx,1,y\n", "0:3 duplicate-label [b]\n");
    assert_in(TWO(""), " a ,b\n1,x\n", "");
    assert_in(TWO(""), "a,a\n1,x\n", "0:2 duplicate-label [a]\n");
    assert_in(TWO(""), "a,\n1,x\n", "0:2 blank-label []\n");
}

static void keys_compare_logical_values(void **state)
{
    (void)state;
    assert_in(BOUND("integer", "unique", "true"), "a\n1\n01\n+1\n\n2\nx\nx\n",
              "3:1 unique-error [01]\n4:1 unique-error [+1]\n5:0 blank-row\n7:1 type-error [x]\n"
              "8:1 type-error [x]\n");
    assert_in(BOUND("number", "unique", "true"), "a\n1200\n1.2e3\n01200.0\n120\n-1200\n12e1\n",
              "3:1 unique-error [1.2e3]\n4:1 unique-error [01200.0]\n7:1 unique-error [12e1]\n");
    assert_in(TWO(", \"uniqueKeys\": [[\"a\", \"b\"]]"), "a,b\n1,x\n01,x\n1,y\n,x\n,x\n",
              "3:0 unique-key [01, x]\n");
    assert_in(TWO(", \"primaryKey\": [\"a\", \"b\"]"), "a,b\n1,x\n,x\n1,x\n",
              "3:0 primary-key [, x]\n4:0 primary-key [1, x]\n");
}

static void keys_do_not_run_into_each_other(void **state)
{
    (void)state;
    const char *schema = "{\"fields\": [{\"name\": \"a\"}, {\"name\": \"b\"}], "
                         "\"uniqueKeys\": [[\"a\", \"b\"]]}";
    assert_in(schema, "a,b\n1,23\n12,3\n1,2\n", "");
    assert_in(schema, "a,b\nlong enough for a hash,1\nlong enough for a hash,1\n",
              "3:0 unique-key [long enough for a hash, 1]\n");
}

static void foreign_keys_are_looked_for(void **state)
{
    (void)state;
    const char *self = TWO(", \"foreignKeys\": [{\"fields\": \"b\", \"reference\": "
                           "{\"resource\": \"\", \"fields\": \"a\"}}]");
    const char *other = TWO(", \"foreignKeys\": [{\"fields\": [\"a\"], \"reference\": "
                            "{\"resource\": \"codes\", \"fields\": [\"k\"]}}]");
    assert_in(self, "a,b\n1,1\n", "2:0 foreign-key [1]\n"); /* text is no integer */
    assert_found(
        &(struct trial){.schema = other, .text = "a,b\n1,x\n2,x\n,x\n", .other = "n,k\n9,01\n"},
        "3:0 foreign-key [2]\n");
    assert_found(&(struct trial){.schema = other, /* more codes than fit into memory */
                                 .text = "a,b\n1,x\n2,x\n,x\n-7,x\n",
                                 .other = "n,k\n1,1\n1,3\n1,4\n1,5\n1,6\n1,8\n1,-7.0\n1,-7\n",
                                 .keys_bytes = 24},
                 "3:0 foreign-key [2]\n");
    AUTO(outcome_drop) struct outcome outcome = {0};
    struct trial lacks = {.schema = other, .text = "a,b\n1,x\n", .other = "n\n1\n"};
    assert_error(try(&lacks, &outcome), "there is no column 'k'");
    /* a key of this table whose column the schema lets be away */
    struct trial halved = {.schema = TWO(", \"fieldsMatch\": \"superset\", \"foreignKeys\": "
                                         "[{\"fields\": \"b\", \"reference\": {\"fields\": "
                                         "\"a\"}}]"),
                           .text = "b\n1\n"};
    assert_error(try(&halved, &outcome), "there is no column for what a foreign key");
}

static void members_of_json_objects_have_no_order(void **state)
{
    (void)state;
    assert_found(&(struct trial){.schema = TWO(""),
                                 .name = "data.jsonl",
                                 .text = "{\"b\": \"x\", \"a\": 1}\n{\"a\": 2}\n{\"b\": null, "
                                         "\"a\": \"y\"}\n{\"a\": 1, \"b\": \"\", \"c\": 3}\n"},
                 "0:3 extra-label [c]\n2:1 required\n3:1 required [null]\n3:2 type-error [y]\n"
                 "4:1 required []\n");
}

/* Thousands of records with faults of every kind. */
static const char *many(struct arena *arena)
{
    struct buf text = buf_in(arena);
    uint32_t random = 1;
    buf_add_text(&text, "id,word,number\n");
    for (int i = 0; i < 20000; i++) {
        random = random * 1664525 + 1013904223;
        unsigned pick = random >> 8;
        if (pick % 97 == 0)
            buf_add_text(&text, pick % 2 ? "\n" : ",,\n");
        else
            buf_print(&text, "%u,%s%u,%u%s\n", pick % 5000, pick % 3 ? "w" : "\"two\nlines\" ",
                      pick % 7, pick % 1000, pick % 50 ? "" : ",extra");
    }
    return text.at;
}

static void answers_do_not_depend_on_threads_batches_or_memory(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(outcome_drop) struct outcome first = {0};
    const char *schema =
        "{\"fields\": [{\"name\": \"id\", \"type\": \"integer\", \"constraints\": {\"unique\": "
        "true}}, {\"name\": \"word\", \"constraints\": {\"pattern\": \"w[0-5]\"}, \"type\": "
        "\"string\"}, {\"name\": \"number\", \"type\": \"integer\", \"constraints\": "
        "{\"maximum\": 900, \"required\": true}}], \"primaryKey\": [\"id\", \"word\"]}";
    struct trial trial = {.schema = schema, .text = many(&arena)};
    assert_null(try(&trial, &first));
    assert_true(first.count > 10000);
    static const struct {
        int threads;
        int64_t batch_bytes, keys_bytes;
    } ways[] = {{1, 4096, 0}, {2, 0, 0}, {4, 5000, 20000}, {3, 70000, 1}};
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        AUTO(outcome_drop) struct outcome again = {0};
        trial.threads = ways[i].threads;
        trial.batch_bytes = ways[i].batch_bytes;
        trial.keys_bytes = ways[i].keys_bytes;
        assert_null(try(&trial, &again));
        assert_string_equal(again.all.at, first.all.at);
        assert_string_equal(again.groups.at, first.groups.at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_are_exact),
        cmocka_unit_test(lengths_are_code_points_items_and_members),
        cmocka_unit_test(listed_values_are_logical_values),
        cmocka_unit_test(several_constraints_of_a_cell_are_told),
        cmocka_unit_test(blank_rows_have_no_other_faults_but_a_missing_key),
        cmocka_unit_test(ragged_records_are_told_cell_by_cell),
        cmocka_unit_test(labels_are_compared_as_fields_match_says),
        cmocka_unit_test(keys_compare_logical_values),
        cmocka_unit_test(keys_do_not_run_into_each_other),
        cmocka_unit_test(foreign_keys_are_looked_for),
        cmocka_unit_test(members_of_json_objects_have_no_order),
        cmocka_unit_test(answers_do_not_depend_on_threads_batches_or_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
