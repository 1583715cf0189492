/* The language for editors: field tables and shapes as JSON Schema. Files are held against it by
 * tests/codec/json_schema.py. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/codec/json.h"
#include "mlops/codec/jsonschema.h"
#include "mlops/model/pipeline.h"

#include "support/unit.h"

static struct arena arena;

static int drop_arena(void **state)
{
    (void)state;
    arena_drop(&arena);
    return 0;
}

static void every_type_that_a_field_names_has_a_shape(void **state)
{
    (void)state;
    size_t count = 0;
    const struct schema *const *schemas = pipeline_schemas(&count);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < schemas[i]->count; j++) {
            const struct field *field = &schemas[i]->fields[j];
            bool needs_shape = field->kind == FIELD_NODE || field->kind == FIELD_BIND;
            if (needs_shape && !(field->flags & FIELD_LATER) &&
                !shape_find(pipeline_shapes(DOC_NATIVE), field->type))
                fail_msg("'%s' of '%s' (%s) has no shape", field->type, field->name,
                         schemas[i]->noun);
        }
}

static const struct doc_node *printed(enum doc_dialect dialect)
{
    struct buf out = buf_in(&arena);
    struct doc *doc = NULL;
    pipeline_print_json_schema(dialect, &out);
    struct error *error = json_parse(&arena, STR("schema.json"), buf_str(&out), &doc);
    if (error)
        fail_msg("%d: %s", error->mark.line, error->text);
    return doc->root;
}

static void each_dialect_has_its_own_keys(void **state)
{
    (void)state;
    static const char stage[] = "definitions.stage.properties.";
    static const struct {
        const char *key;
        bool native, dvc;
    } rows[] = {{"cmd", true, true},
                {"timeout", true, false},
                {"checks", true, false},
                {"gates", true, false},
                {"live", false, false}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str path = str_print(&arena, "%s%s", stage, rows[i].key);
        assert_int_equal(doc_find_path(printed(DOC_NATIVE), path) != NULL, rows[i].native);
        assert_int_equal(doc_find_path(printed(DOC_DVC), path) != NULL, rows[i].dvc);
    }
    struct str checkpoint = STR("definitions.flags-of-an-output.properties.checkpoint");
    assert_null(doc_find_path(printed(DOC_NATIVE), checkpoint));
    assert_non_null(doc_find_path(printed(DOC_DVC), checkpoint));
    assert_non_null(
        doc_find_path(printed(DOC_NATIVE), STR("definitions.pipeline.patternProperties.^x-")));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, drop_arena)
    const struct CMUnitTest tests[] = {
        TEST(every_type_that_a_field_names_has_a_shape),
        TEST(each_dialect_has_its_own_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
