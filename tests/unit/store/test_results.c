#include "mlops/base/buf.h"
#include "mlops/store/results.h"

#include "rig.h"

static struct result result_of(struct rig *rig, const char *cmd, const char *run)
{
    struct recipe recipe = {.wdir = str_of(cmd)};
    struct buf bytes = buf_in(&rig->arena);
    recipe_encode(&recipe, &bytes);
    return (struct result){.key = recipe_key(&recipe),
                           .recipe = buf_str(&bytes),
                           .stage = STR("train"),
                           .run = str_of(run),
                           .created_ns = 1,
                           .duration_ns = 2};
}

static size_t count_of(struct rig *rig, struct digest key, struct result_ref **refs)
{
    size_t count = 0;
    assert_fine(results_find(&rig->arena, rig->workspace, key, refs, &count));
    return count;
}

static void results_come_back_newest_first_and_once(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct result one = result_of(&rig, "a", "01"), two = result_of(&rig, "a", "02");
    struct digest one_id, two_id, again;
    struct result_ref *refs = NULL;
    struct result loaded;
    bool found = false;
    assert_int_equal(count_of(&rig, one.key, &refs), 0);
    assert_fine(results_put(&rig.arena, rig.workspace, &one, &one_id));
    assert_fine(results_put(&rig.arena, rig.workspace, &two, &two_id));
    assert_fine(results_put(&rig.arena, rig.workspace, &one, &again));
    assert_true(digest_equal(one_id, again));
    assert_fine(results_flush(rig.workspace));
    rig_again(&rig);
    assert_int_equal(count_of(&rig, one.key, &refs), 2);
    assert_true(str_is(refs[0].value.run, "02") && str_is(refs[1].value.run, "01"));
    assert_fine(results_load(&rig.arena, rig.workspace, one.key, one_id, &loaded, &found));
    assert_true(found && str_is(loaded.run, "01"));
    rig_drop(&rig);
}

static struct str only_file(struct rig *rig, struct digest key)
{
    char line[4096] = "";
    struct str hex = digest_hex(&rig->arena, key);
    const char *command = str_print(&rig->arena, "find %s/.mlops/cache/res -path '*%s/*' -type f",
                                    rig->scratch.path, hex.at)
                              .at;
    FILE *pipe = popen(command, "r");
    assert_non_null(fgets(line, sizeof line, pipe));
    pclose(pipe);
    line[strcspn(line, "\n")] = '\0';
    return str_copy(&rig->arena, str_of(line));
}

static void a_damaged_result_is_moved_aside(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct result one = result_of(&rig, "a", "01");
    struct digest id;
    struct result_ref *refs = NULL;
    assert_fine(results_put(&rig.arena, rig.workspace, &one, &id));
    assert_fine(results_flush(rig.workspace));
    struct str path = only_file(&rig, one.key);
    assert_int_equal(chmod(path.at, 0644), 0);
    assert_int_equal(truncate(path.at, 20), 0);
    assert_int_equal(count_of(&rig, one.key, &refs), 0);
    assert_int_not_equal(access(path.at, F_OK), 0);
    assert_fine(results_put(&rig.arena, rig.workspace, &one, &id));
    assert_int_equal(count_of(&rig, one.key, &refs), 1);
    rig_drop(&rig);
}

static void another_project_is_asked_only_by_wish(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct result one = result_of(&rig, "a", "01");
    struct digest id;
    struct result_ref *refs = NULL;
    assert_fine(results_put(&rig.arena, rig.workspace, &one, &id));
    struct str mine = rig.workspace->config.project;
    rig.workspace->config.project = STR("ffffffffffffffff");
    assert_int_equal(count_of(&rig, one.key, &refs), 0);
    *vec_push(&rig.arena, &rig.workspace->config.results_from) = mine;
    assert_int_equal(count_of(&rig, one.key, &refs), 1);
    rig_drop(&rig);
}

static FALLIBLE count_each(void *context, struct str project, struct digest key, struct digest id,
                           struct str bytes, const char *path)
{
    (void)key, (void)id, (void)path;
    assert_true(project.len == 16 && bytes.len > 0);
    ++*(int *)context;
    return NULL;
}

static void results_can_be_walked_and_removed(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct digest id;
    struct result_ref *refs = NULL;
    int count = 0;
    for (int i = 0; i < 40; i++) {
        struct result result = result_of(&rig, str_print(&rig.arena, "d%d", i).at, "01");
        assert_fine(results_put(&rig.arena, rig.workspace, &result, &id));
    }
    assert_fine(results_flush(rig.workspace));
    assert_fine(results_each(rig.workspace, count_each, &count));
    assert_int_equal(count, 40);
    struct result last = result_of(&rig, "d39", "01");
    assert_fine(results_remove(rig.workspace, rig.workspace->config.project, last.key, id));
    assert_int_equal(count_of(&rig, last.key, &refs), 0);
    rig_drop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_come_back_newest_first_and_once),
        cmocka_unit_test(a_damaged_result_is_moved_aside),
        cmocka_unit_test(another_project_is_asked_only_by_wish),
        cmocka_unit_test(results_can_be_walked_and_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
