#include "mlops/base/arena.h"
#include "mlops/model/pointer.h"

#include "support/unit.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEAD "schema: 1\npath: raw\ndigest: sha256:" HEX "\n"

static struct error *parse(struct arena *arena, const char *text, struct pointer *ret)
{
    *ret = (struct pointer){0};
    return pointer_parse(arena, STR("data/raw.mlops"), str_of(text), STR("data/raw.mlops"), ret);
}

static void refused(const char *text, const char *word, int line)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct pointer pointer;
    struct error *error = parse(&arena, text, &pointer);
    assert_non_null(error);
    struct buf shown = buf_in(&arena);
    error_print(error, &shown);
    if (!strstr(shown.at, word))
        fail_msg("'%s' is not in: %s", word, shown.at);
    assert_int_equal(error->mark.line, line);
    error_drop(error);
}

static void a_file_is_what_lies_beside_its_pointer(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct pointer pointer;
    assert_null(parse(&arena, HEAD "size: 3\nexecutable: true\n", &pointer));
    assert_true(str_is(pointer.artifact.path, "data/raw"));
    assert_int_equal(pointer.artifact.kind, ARTIFACT_FILE);
    assert_int_equal(pointer.artifact.size_bytes, 3);
    assert_int_equal(pointer.artifact.file_count, 1);
    assert_true(pointer.artifact.is_executable && pointer.artifact.is_stored);
    assert_int_equal(pointer.node->line, 3);
}

static void what_is_printed_reads_back_the_same(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct str empty[] = {STR("a/b"), STR("new\nline"), STR("\xff\xfe")};
    struct pointer pointer = {.file = STR("d/na\xffme.mlops"),
                              .artifact = {.path = STR("d/na\xffme"),
                                           .kind = ARTIFACT_TREE,
                                           .digest = digest_of("x", 1),
                                           .size_bytes = 12,
                                           .file_count = 2,
                                           .empty_dirs = empty,
                                           .empty_dir_count = 3},
                              .source = {STR("s3://b/k"), STR("\"e\""), STR("now"), true},
                              .desc = STR("two\nlines")};
    struct pointer back = {0};
    struct buf once = buf_in(&arena), twice = buf_in(&arena);
    pointer_print(&pointer, &once);
    assert_null(pointer_parse(&arena, STR("x"), buf_str(&once), pointer.file, &back));
    pointer_print(&back, &twice);
    assert_string_equal(once.at, twice.at);
    assert_true(artifact_equal(&pointer.artifact, &back.artifact));
    assert_true(str_equal(pointer.artifact.path, back.artifact.path));
    assert_int_equal(back.artifact.empty_dir_count, 3);
    assert_true(str_equal(back.artifact.empty_dirs[2], empty[2]));
    assert_true(str_equal(back.source.etag, pointer.source.etag) && back.source.is_frozen);
    assert_true(str_equal(back.desc, pointer.desc));
}

#define COMMIT "0123456789abcdef0123456789abcdef01234567"

static void what_came_from_a_repository_needs_a_reader_that_knows_of_them(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct pointer pointer = {.file = STR("raw.mlops"),
                              .artifact = {.path = STR("raw"),
                                           .kind = ARTIFACT_FILE,
                                           .digest = digest_of("x", 1),
                                           .file_count = 1},
                              .source = {.url = STR("../registry"),
                                         .path = STR("data/raw"),
                                         .rev = STR("1.0"),
                                         .commit = STR(COMMIT)}};
    struct pointer back = {0};
    struct buf text = buf_in(&arena), plain = buf_in(&arena);
    pointer_print(&pointer, &text);
    assert_true(str_starts(buf_str(&text), STR("schema: 2\n")));
    assert_null(pointer_parse(&arena, STR("x"), buf_str(&text), pointer.file, &back));
    assert_true(str_is(back.source.path, "data/raw") && str_is(back.source.rev, "1.0"));
    assert_true(str_is(back.source.commit, COMMIT));
    pointer.source = (struct pointer_source){.url = STR("s3://b/k")};
    pointer_print(&pointer, &plain);
    assert_true(str_starts(buf_str(&plain), STR("schema: 1\n")));
}

static void a_source_that_would_mislead_git_is_refused(void **state)
{
    (void)state;
    refused(HEAD "size: 1\nsource:\n  url: x\n  commit: --upload-pack=x\n", "40 hex digits", 7);
    refused(HEAD "size: 1\nsource:\n  url: x\n  path: ../../etc\n  commit: '" COMMIT "'\n",
            "no path of a repository", 7);
    refused(HEAD "size: 1\nsource:\n  url: x\n  path: /etc\n  commit: '" COMMIT "'\n",
            "no path of a repository", 7);
    refused(HEAD "size: 1\nsource:\n  url: x\n  rev: v1\n", "'commit'", 6);
}

static void what_is_wrong_is_told_at_its_line(void **state)
{
    (void)state;
    refused("", "empty", 1);
    refused("schema: 1\npath: raw\ndigest: " HEX "\nsize: 1\n", "sha256:", 3);
    refused("schema: 1\npath: raw\ndigest: sha256:" HEX "0\nsize: 1\n", "64 hex", 3);
    refused(HEAD, "'size' is missing", 1);
    refused(HEAD "size: -1\n", "size", 4);
    refused(HEAD "size: 1\nfile: 1\n", "did you mean 'files'", 5);
    refused(HEAD "size: 1\nfiles: 2\n", "one file", 5);
    refused(HEAD "size: 1\nempty_dirs: [a]\n", "no directories", 5);
    refused(HEAD "size: 1\nkind: tree\nempty_dirs: [b, a]\n", "out of order", 6);
    refused(HEAD "size: 1\nkind: tree\nempty_dirs: [../a]\n", "empty directory", 6);
}

static void a_path_that_is_not_beside_the_pointer_is_refused(void **state)
{
    (void)state;
    refused("schema: 1\npath: ../raw\ndigest: sha256:" HEX "\nsize: 1\n", "'/'", 2);
    refused("schema: 1\npath: ..\ndigest: sha256:" HEX "\nsize: 1\n", "..", 2);
    refused("schema: 1\npath: .git\ndigest: sha256:" HEX "\nsize: 1\n", ".git", 2);
    refused("schema: 1\npath: other\ndigest: sha256:" HEX "\nsize: 1\n", "another name", 2);
}

static void a_merge_conflict_says_what_to_do(void **state)
{
    (void)state;
    refused("schema: 1\npath: raw\n<<<<<<< HEAD\ndigest: a\n=======\ndigest: b\n>>>>>>> x\n",
            "mlops resolve data/raw", 3);
}

static void a_newer_schema_is_no_fault_of_the_project(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct pointer pointer;
    struct error *error = parse(&arena, "schema: 3\nnews: 1\n", &pointer);
    assert_non_null(error);
    assert_int_equal(error->code, ERROR_STORED);
    error_drop(error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_what_lies_beside_its_pointer),
        cmocka_unit_test(what_is_printed_reads_back_the_same),
        cmocka_unit_test(what_came_from_a_repository_needs_a_reader_that_knows_of_them),
        cmocka_unit_test(a_source_that_would_mislead_git_is_refused),
        cmocka_unit_test(what_is_wrong_is_told_at_its_line),
        cmocka_unit_test(a_path_that_is_not_beside_the_pointer_is_refused),
        cmocka_unit_test(a_merge_conflict_says_what_to_do),
        cmocka_unit_test(a_newer_schema_is_no_fault_of_the_project),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
