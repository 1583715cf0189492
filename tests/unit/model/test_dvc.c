/* DVC's own small files; those of real projects are found through MLOPS_CONFORMANCE. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/model/dvc.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/unit.h"

#define ABC "900150983cd24fb0d6963f7d28e17f72"

static struct doc *parsed(struct arena *arena, struct str name, struct str text)
{
    struct doc *doc = NULL;
    struct doc_options options = {.dialect = DOC_DVC, .huge_is_text = true};
    struct error *error = doc_parse(arena, name, text, &options, &doc);
    if (error) {
        struct buf shown = buf_in(arena);
        error_print(error, &shown);
        fail_msg("%s", shown.at);
    }
    return doc;
}

static struct dvc_pointer pointer(struct arena *arena, struct str path, struct str text)
{
    struct dvc_pointer pointer = {0};
    assert_null(dvc_pointer_bind(arena, parsed(arena, path, text), path, &pointer));
    return pointer;
}

static void a_dvc_file_names_a_path_beside_itself(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct dvc_pointer data = pointer(&arena, STR("data/raw.csv.dvc"),
                                      STR("outs:\n- md5: " ABC "\n  size: 3\n  hash: md5\n"
                                          "  path: raw.csv\n  isexec: true\nmeta: {a: [1]}\n"));
    assert_int_equal(data.outs.len, 1);
    const struct dvc_entry *out = &data.outs.at[0];
    assert_true(str_is(out->path, "data/raw.csv"));
    assert_true(out->has_hash && !out->is_legacy && !out->is_directory && out->is_executable);
    assert_true(md5_equal(out->md5, md5_of("abc", 3)));
    assert_int_equal(out->size_bytes, 3);
    assert_int_equal(out->file_count, -1);
    assert_true(str_is(out->written, "raw.csv"));
}

static void wdir_and_a_directory_and_the_years_before_3_are_understood(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct dvc_pointer data =
        pointer(&arena, STR("dvc/x.dvc"),
                STR("wdir: ..\nfrozen: true\ndeps:\n- path: s3://bucket/x\n  etag: '1'\n"
                    "outs:\n- md5: " ABC ".dir\n  nfiles: 2\n  path: ./data//x\n"));
    assert_true(data.is_frozen);
    assert_true(str_is(data.outs.at[0].path, "data/x"));
    assert_true(data.outs.at[0].is_directory && data.outs.at[0].is_legacy);
    assert_int_equal(data.outs.at[0].file_count, 2);
    assert_true(data.deps.at[0].is_url && !data.deps.at[0].has_hash);
    assert_non_null(doc_find(data.deps.at[0].node, STR("etag")));
}

static void a_hash_that_looks_like_a_number_is_its_text(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct dvc_pointer data =
        pointer(&arena, STR("x.dvc"),
                STR("outs:\n- md5: 12345678901234567890123456789012\n  path: a\n"
                    "- md5: 1234567890123456789012345678e012\n  path: b\n"));
    assert_true(data.outs.at[0].has_hash && data.outs.at[1].has_hash);
}

static struct error *pointer_fault(struct arena *arena, struct str text)
{
    struct dvc_pointer ignored;
    return dvc_pointer_bind(arena, parsed(arena, STR("x.dvc"), text), STR("x.dvc"), &ignored);
}

static void what_is_wrong_is_told_at_its_place(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    static const struct {
        struct str text;
        int line;
    } rows[] = {
        {STR_ROW("outs:\n- md5: xyz\n  path: a\n"), 2},
        {STR_ROW("outs:\n- md5: " ABC "\n"), 2},
        {STR_ROW("outs:\n- md5: " ABC "\n  path: a\n  size: -1\n"), 4},
        {STR_ROW("outs:\n- a\n"), 2},
        {STR_ROW("outs: a\n"), 1},
        {STR_ROW("cmd: make\nouts:\n- path: a\n"), 1},
        {STR_ROW("- a\n"), 1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct error *error = pointer_fault(&arena, rows[i].text);
        assert_non_null(error);
        assert_int_equal(error->code, ERROR_PROJECT);
        assert_int_equal(error->mark.line, rows[i].line);
        error_drop(error);
    }
}

static struct pipeline *pipeline_of(struct arena *arena, struct str path, struct str text)
{
    struct pipeline *pipeline = NULL;
    assert_null(pipeline_bind(arena, parsed(arena, path, text), path, &pipeline));
    return pipeline;
}

#define LOCK                                                                                       \
    "schema: '2.0'\nstages:\n"                                                                     \
    "  gone:\n    cmd: x\n"                                                                        \
    "  train:\n    cmd:\n    - a\n    - b\n    deps:\n    - path: ../in.csv\n"                     \
    "      hash: md5\n      md5: " ABC "\n    params:\n      params.yaml:\n        a: 1_000\n"     \
    "    outs:\n    - path: model\n      md5: " ABC "\n    extra: kept\n"                          \
    "datasets:\n- name: x\n"

static void paths_of_a_lock_are_those_of_its_stages_work_directory(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct pipeline *pipeline = pipeline_of(&arena, STR("p/dvc.yaml"),
                                            STR("stages:\n  train:\n    cmd: a\n    wdir: deep\n"));
    struct dvc_lock lock = {0};
    assert_null(dvc_lock_bind(&arena, parsed(&arena, STR("p/dvc.lock"), STR(LOCK)),
                              STR("p/dvc.lock"), pipeline, &lock));
    assert_int_equal(lock.stages.len, 1);
    const struct dvc_lock_stage *train = map_get(&lock.stages, STR("train"));
    assert_true(train->cmd.is_list && train->cmd.count == 2);
    assert_true(str_is(train->deps.at[0].path, "p/in.csv"));
    assert_true(str_is(train->outs.at[0].path, "p/deep/model"));
    assert_true(train->outs.at[0].is_legacy && !train->deps.at[0].is_legacy);
    const struct doc_node *a = doc_find(doc_find(train->params, STR("params.yaml")), STR("a"));
    assert_true(a->kind == DOC_INT && a->integer == 1000);
    assert_non_null(doc_find(train->node, STR("extra")));
    assert_non_null(doc_find(lock.doc->root, STR("datasets")));
}

static struct error *lock_fault(struct arena *arena, struct str text)
{
    struct dvc_lock ignored;
    return dvc_lock_bind(arena, parsed(arena, STR("dvc.lock"), text), STR("dvc.lock"), NULL,
                         &ignored);
}

static void a_lock_without_schema_is_read_and_one_of_1_x_says_what_to_do(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    assert_null(lock_fault(&arena, STR("stages:\n  a:\n    cmd: x\n")));
    assert_null(lock_fault(&arena, STR("")));
    struct error *error = lock_fault(&arena, STR("train:\n  cmd: x\n  deps: []\n"));
    assert_non_null(error);
    assert_non_null(strstr(error->text, "1.x"));
    assert_non_null(error->hint);
    error_drop(error);
    error = lock_fault(&arena, STR("schema: '3.0'\nstages: {}\n"));
    assert_non_null(error);
    error_drop(error);
}

static bool read_whole(struct arena *arena, const char *path, struct str *ret)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    struct buf text = buf_in(arena);
    size_t got;
    do {
        got = fread(buf_reserve(&text, 65536), 1, 65536, file);
        text.len += got;
    } while (got);
    fclose(file);
    *ret = buf_str(&text);
    return true;
}

static int pointers_read, locks_read, locks_refused;

static int read_one(const char *path, const struct stat *stat, int kind, struct FTW *place)
{
    (void)stat;
    (void)place;
    struct str name = str_of(path);
    bool is_pointer = str_ends(name, STR(".dvc")), is_lock = str_ends(name, STR("/dvc.lock"));
    if (kind != FTW_F || (!is_pointer && !is_lock))
        return 0;
    AUTO(arena_drop) struct arena arena = {0};
    struct str text;
    assert_true(read_whole(&arena, path, &text));
    struct doc *doc = parsed(&arena, name, text);
    if (is_pointer) {
        struct dvc_pointer pointer = {0};
        assert_null(dvc_pointer_bind(&arena, doc, name, &pointer));
        assert_true(pointer.outs.len > 0);
        pointers_read++;
        return 0;
    }
    struct dvc_lock lock = {0};
    struct error *error = dvc_lock_bind(&arena, doc, name, NULL, &lock);
    bool is_old = strstr(path, "alegonz") != NULL;
    if (error && !is_old)
        fail_msg("%s: %s", path, error->text);
    assert_int_equal(error != NULL, is_old);
    error_drop(error);
    *(is_old ? &locks_refused : &locks_read) += 1;
    return 0;
}

static void the_files_of_real_projects_are_read(void **state)
{
    (void)state;
    const char *folder = getenv("MLOPS_CONFORMANCE");
    if (!folder) {
        print_message("skipped: MLOPS_CONFORMANCE does not name the conformance data\n");
        skip();
    }
    AUTO(arena_drop) struct arena arena = {0};
    struct str corpus = str_print(&arena, "%s/dvc-corpus", folder);
    assert_int_equal(nftw(corpus.at, read_one, 16, FTW_PHYS), 0);
    assert_true(pointers_read >= 50 && locks_read >= 50);
    assert_int_equal(locks_refused, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dvc_file_names_a_path_beside_itself),
        cmocka_unit_test(wdir_and_a_directory_and_the_years_before_3_are_understood),
        cmocka_unit_test(a_hash_that_looks_like_a_number_is_its_text),
        cmocka_unit_test(what_is_wrong_is_told_at_its_place),
        cmocka_unit_test(paths_of_a_lock_are_those_of_its_stages_work_directory),
        cmocka_unit_test(a_lock_without_schema_is_read_and_one_of_1_x_says_what_to_do),
        cmocka_unit_test(the_files_of_real_projects_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
