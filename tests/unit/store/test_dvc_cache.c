/* Sums, DVC's cache of objects, trees of files known by digest. */
#include "mlops/base/buf.h"
#include "mlops/model/name.h"
#include "mlops/store/dvc_cache.h"
#include "mlops/store/imported.h"
#include "mlops/store/sums.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rig.h"

static void tap_text(struct sums_tap *tap, const char *text)
{
    sums_tap_add(tap, text, strlen(text));
}

static void text_of_dvc_2_hashes_without_carriage_returns(void **state)
{
    (void)state;
    AUTO(sums_tap_drop) struct sums_tap tap = {0};
    struct sums_row row = {0};
    tap_text(&tap, "a\nb\r\nc");
    tap_text(&tap, "\r\n");
    sums_tap_finish(&tap, &row);
    assert_true(md5_equal(row.md5, md5_of("a\nb\r\nc\r\n", 8)));
    assert_true(md5_equal(row.text_md5, md5_of("a\nb\nc\n", 6)));
    tap_text(&tap, "a\nb");
    sums_tap_finish(&tap, &row);
    assert_true(md5_equal(row.md5, row.text_md5));
    sums_tap_add(&tap, "\0\r\n", 3);
    sums_tap_finish(&tap, &row);
    assert_true(md5_equal(row.text_md5, md5_of("\0\r\n", 3)));
}

static void sums_are_found_by_either_digest_and_survive(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct sums *sums = sums_open(&rig.arena, rig.index);
    for (int i = 0; i < 1000; i++) {
        struct sums_row row = {.digest = digest_of(&i, sizeof i), .size_bytes = i};
        row.md5 = row.text_md5 = md5_of(&i, sizeof i);
        sums_add(sums, &row);
    }
    sums_save(sums);
    rig_again(&rig);
    sums = sums_open(&rig.arena, rig.index);
    for (int i = 0; i < 1000; i++) {
        const struct sums_row *row = sums_by_md5(sums, md5_of(&i, sizeof i), false);
        assert_non_null(row);
        assert_int_equal(row->size_bytes, i);
        assert_ptr_equal(row, sums_of(sums, digest_of(&i, sizeof i)));
    }
    assert_null(sums_of(sums, digest_of("x", 1)));
    rig_drop(&rig);
}

static void a_file_that_is_looked_at_is_read_once_for_both_sums(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    scratch_write(&rig.scratch, "a.txt", "abc");
    struct sums *sums = sums_open(&rig.arena, rig.index);
    worktree_note_sums(rig.worktree, sums);
    struct artifact artifact = rig_look(&rig, "a.txt", LOOK_OUT);
    const struct sums_row *row = sums_of(sums, artifact.digest);
    assert_non_null(row);
    assert_true(md5_equal(row->md5, md5_of("abc", 3)));
    assert_int_equal(worktree_counts(rig.worktree).hashed_files, 1);
    rig_drop(&rig);
}

/* A tree of recorded files is the tree that a look at them finds, whatever the names sort like. */
static void a_tree_of_known_files_is_what_a_look_finds(void **state)
{
    (void)state;
    static const char *const names[] = {"a/x", "a.b", "a-b/y/z", "b/__pycache__/c.pyc", "b/d"};
    struct rig rig = rig_open();
    struct worktree_file files[COUNT_OF(names)];
    assert_int_equal(mkdirat(rig.scratch.fd, "t", 0755), 0);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct str path = str_print(&rig.arena, "t/%s", names[i]);
        struct str directory = path_directory(path);
        assert_fine(directory_make(rig.scratch.fd, str_terminate(&rig.arena, directory), false));
        scratch_write(&rig.scratch, path.at, names[i]);
        files[i] = (struct worktree_file){.path = str_of(names[i]),
                                          .digest = digest_of(names[i], strlen(names[i])),
                                          .size_bytes = (int64_t)strlen(names[i])};
    }
    for (int role = LOOK_DEP; role <= LOOK_OUT; role++) {
        struct artifact seen = rig_look(&rig, "t", (enum look_role)role), made = {0};
        assert_fine(worktree_tree_of(rig.worktree, STR("t"), files, COUNT_OF(names),
                                     (enum look_role)role, false, &made));
        assert_true(artifact_equal(&seen, &made));
        assert_int_equal(seen.file_count, made.file_count);
        assert_int_equal(made.file_count, role == LOOK_DEP ? 4 : 5);
    }
    rig_drop(&rig);
}

/* In DVC's cache of 3.x; the mode and the bytes as wanted. */
static struct dvc_cache cache_with(struct rig *rig, struct md5 md5, const char *bytes, mode_t mode)
{
    char hex[MD5_HEX_LEN + 1];
    struct dvc_cache cache = {0};
    md5_print(md5, hex);
    struct str directory = str_print(&rig->arena, "dvc/files/md5/%.2s", hex);
    struct str path = str_print(&rig->arena, "%.*s/%s", STR_FMT(directory), hex + 2);
    assert_fine(directory_make(rig->scratch.fd, directory.at, false));
    scratch_write(&rig->scratch, path.at, bytes);
    assert_int_equal(fchmodat(rig->scratch.fd, path.at, mode, 0), 0);
    struct str top = str_print(&rig->arena, "%s/dvc", rig->scratch.path);
    assert_fine(dvc_cache_open(&rig->arena, top, &cache));
    return cache;
}

static struct dvc_taken taken(struct rig *rig, mode_t mode, const char *bytes)
{
    struct dvc_object object = {.md5 = md5_of("abc", 3)};
    struct dvc_taken got = {0};
    AUTO(dvc_cache_drop) struct dvc_cache cache = cache_with(rig, object.md5, bytes, mode);
    assert_fine(dvc_cache_take(&cache, rig->cas, &object, &got));
    assert_fine(cas_flush(rig->cas));
    return got;
}

static void an_object_is_linked_only_if_nobody_may_write_to_it(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct dvc_taken got = taken(&rig, 0444, "abc");
    enum cas_health health;
    assert_int_equal(got.health, DVC_GOOD);
    assert_true(got.is_new && got.is_linked);
    assert_fine(cas_verify(rig.cas, digest_of("abc", 3), &health));
    assert_int_equal(health, CAS_GOOD);
    rig_drop(&rig);
    rig = rig_open();
    rig.workspace->config.link = LINK_COPY;
    got = taken(&rig, 0444, "abc");
    assert_true(got.is_new && !got.is_linked);
    rig_drop(&rig);
}

static void a_damaged_object_leaves_nothing_behind(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct dvc_taken got = taken(&rig, 0444, "abd");
    bool found = true;
    assert_int_equal(got.health, DVC_DAMAGED);
    assert_fine(cas_has(rig.cas, digest_of("abd", 3), &found));
    assert_false(found);
    rig_drop(&rig);
}

static void what_was_imported_reads_back_and_damage_counts_as_absent(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct imported imported = {0}, back = {0};
    struct imported_path path = {.path = STR("d"),
                                 .md5 = md5_of("abc", 3),
                                 .artifact = {.path = STR("d"),
                                              .kind = ARTIFACT_FILE,
                                              .is_stored = true,
                                              .digest = digest_of("abc", 3),
                                              .size_bytes = 3,
                                              .file_count = 1}};
    imported_add_path(&rig.arena, &imported, &path);
    imported_add_result(&rig.arena, &imported, digest_of("k", 1), digest_of("i", 1));
    assert_fine(imported_save(rig.workspace, &imported));
    assert_fine(imported_load(&rig.arena, rig.workspace, &back));
    const struct imported_path *known = map_get(&back.paths, STR("d"));
    assert_non_null(known);
    assert_true(artifact_equal(&known->artifact, &path.artifact));
    assert_int_equal(back.results.len, 1);
    imported_add_path(&rig.arena, &back, &path);
    assert_false(back.is_changed);
    scratch_write(&rig.scratch, ".mlops/imported", "junk");
    assert_fine(imported_load(&rig.arena, rig.workspace, &back));
    assert_int_equal(back.paths.len, 0);
    rig_drop(&rig);
}

static void a_manifest_is_written_as_python_writes_it(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct dvc_file_vec files = {0};
    struct buf out = buf_in(&arena);
    *vec_push(&arena, &files) = (struct dvc_file){.path = STR("b\"\n"), .md5 = md5_of("abc", 3)};
    *vec_push(&arena, &files) =
        (struct dvc_file){.path = STR("a/\xC3\xA9\xF0\x9F\x98\x80"), .md5 = md5_of(NULL, 0)};
    dvc_manifest_print(&files, &out);
    assert_string_equal(
        out.at, "[{\"md5\": \"d41d8cd98f00b204e9800998ecf8427e\", \"relpath\": "
                "\"a/\\u00e9\\ud83d\\ude00\"}, {\"md5\": \"900150983cd24fb0d6963f7d28e17f72\", "
                "\"relpath\": \"b\\\"\\n\"}]");
    files = (struct dvc_file_vec){0};
    buf_clear(&out);
    dvc_manifest_print(&files, &out);
    char hex[MD5_HEX_LEN + 1];
    md5_print(md5_of(out.at, out.len), hex);
    assert_string_equal(hex, "d751713988987e9331980363e24189ce");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_of_dvc_2_hashes_without_carriage_returns),
        cmocka_unit_test(sums_are_found_by_either_digest_and_survive),
        cmocka_unit_test(a_file_that_is_looked_at_is_read_once_for_both_sums),
        cmocka_unit_test(a_tree_of_known_files_is_what_a_look_finds),
        cmocka_unit_test(an_object_is_linked_only_if_nobody_may_write_to_it),
        cmocka_unit_test(a_damaged_object_leaves_nothing_behind),
        cmocka_unit_test(what_was_imported_reads_back_and_damage_counts_as_absent),
        cmocka_unit_test(a_manifest_is_written_as_python_writes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
