#include "mlops/model/name.h"
#include "mlops/store/pointers.h"

#include "rig.h"

static void track(struct rig *rig, const char *path, int64_t size)
{
    struct pointer pointer = {.file = pointer_file_of(&rig->arena, str_of(path)),
                              .artifact = {.path = str_of(path),
                                           .kind = ARTIFACT_FILE,
                                           .digest = digest_of(path, strlen(path)),
                                           .size_bytes = size,
                                           .file_count = 1}};
    bool changed = false;
    struct str above = path_directory(str_of(path));
    if (above.len)
        assert_fine(directory_make(rig->scratch.fd, str_terminate(&rig->arena, above), false));
    assert_fine(pointers_save(rig->workspace, &pointer, &changed));
    assert_true(changed);
    assert_fine(pointers_save(rig->workspace, &pointer, &changed));
    assert_false(changed);
}

static struct pointer_vec all(struct rig *rig)
{
    struct pointer_vec pointers = {0};
    assert_fine(pointers_load_all(&rig->arena, rig->workspace, &pointers));
    return pointers;
}

static void all_pointers_come_sorted_and_none_of_places_that_are_no_project(void **state)
{
    (void)state;
    AUTO(rig_drop) struct rig rig = rig_open();
    track(&rig, "z", 1);
    track(&rig, "deep/er/raw", 2);
    track(&rig, "big", 3);
    track(&rig, "big/inner", 4); /* below a tracked directory: data */
    track(&rig, "hidden/x", 5);
    track(&rig, "nested/x", 6);
    scratch_directory(&rig.scratch, "nested/.mlops");
    scratch_write(&rig.scratch, ".mlopsignore", "/hidden\n");
    struct pointer_vec pointers = all(&rig);
    assert_int_equal(pointers.len, 3);
    assert_true(str_is(pointers.at[0]->artifact.path, "big"));
    assert_true(str_is(pointers.at[1]->artifact.path, "deep/er/raw"));
    assert_true(str_is(pointers.at[2]->artifact.path, "z"));
}

static void several_broken_pointers_are_told_together(void **state)
{
    (void)state;
    AUTO(rig_drop) struct rig rig = rig_open();
    struct pointer_vec pointers = {0};
    scratch_write(&rig.scratch, "a.mlops", "schema: 1\n");
    scratch_write(&rig.scratch, "b.mlops", "- 1\n");
    struct error *error = pointers_load_all(&rig.arena, rig.workspace, &pointers);
    assert_non_null(error);
    assert_int_equal(error->code, ERROR_PROJECT);
    bool has_b = false;
    for (const struct error *at = error; at; at = at->next)
        has_b = has_b || str_is(str_of(at->mark.file), "b.mlops");
    assert_true(has_b);
    error_drop(error);
}

static void the_topmost_pointer_tracks_a_path(void **state)
{
    (void)state;
    AUTO(rig_drop) struct rig rig = rig_open();
    struct pointer *pointer = NULL;
    track(&rig, "big", 3);
    assert_fine(pointers_find(&rig.arena, rig.workspace, STR("big/a/b"), &pointer));
    assert_true(pointer && str_is(pointer->artifact.path, "big"));
    assert_fine(pointers_find(&rig.arena, rig.workspace, STR("bigger"), &pointer));
    assert_null(pointer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_pointers_come_sorted_and_none_of_places_that_are_no_project),
        cmocka_unit_test(several_broken_pointers_are_told_together),
        cmocka_unit_test(the_topmost_pointer_tracks_a_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
