#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/model/dvc.h"
#include "mlops/store/dvcconfig.h"
#include "mlops/store/pipelines.h"

#include "support/scratch.h"

struct project {
    struct scratch scratch;
    struct arena arena;
    struct workspace workspace;
};

static struct project project_open(void)
{
    struct project project = {.scratch = scratch_open()};
    setenv("HOME", "/nonexistent", 1);
    unsetenv("XDG_CONFIG_HOME");
    scratch_directory(&project.scratch, ".dvc");
    return project;
}

static void project_drop(struct project *project)
{
    workspace_drop(&project->workspace);
    arena_drop(&project->arena);
    scratch_drop(&project->scratch);
}

/* A file with the directories above it. */
static void put(struct project *project, const char *name, const char *text)
{
    struct str above = str_of(name);
    ptrdiff_t cut = str_find_last_char(above, '/');
    if (cut > 0) {
        struct str dir = str_copy(&project->arena, str_slice(above, 0, (size_t)cut));
        assert_fine(directory_make(project->scratch.fd, dir.at, false));
    }
    scratch_write(&project->scratch, name, text);
}

/* A stage that makes `out`. */
static void put_stage(struct project *project, const char *name, const char *out)
{
    struct str text = str_print(&project->arena,
                                "stages:\n  make:\n    cmd: touch %s\n    outs: [%s]\n", out, out);
    put(project, name, text.at);
}

static void put_pointer(struct project *project, const char *name, const char *path)
{
    struct str text = str_print(&project->arena,
                                "outs:\n- md5: 00112233445566778899aabbccddeeff\n  path: %s\n"
                                "  hash: md5\n  size: 1\n",
                                path);
    put(project, name, text.at);
}

static struct error *load(struct project *project, const char *path, struct pipeline **ret)
{
    workspace_drop(&project->workspace);
    assert_fine(
        workspace_find(&project->arena, str_of(project->scratch.path), &project->workspace));
    return pipelines_load(&project->arena, &project->workspace, str_of(path),
                          project->workspace.root, ret);
}

/* Its files as words. */
static const char *files_of(struct project *project, const char *path)
{
    struct pipeline *pipeline = NULL;
    struct buf text = buf_in(&project->arena);
    assert_fine(load(project, path, &pipeline));
    vec_each (struct pipeline_file, file, &pipeline->files)
        buf_print(&text, "%s%.*s", text.len ? " " : "", STR_FMT(file->path));
    for (size_t i = 0; i < pipeline->pointers.len; i++)
        buf_print(&text, " %.*s", STR_FMT(pipeline->pointers.at[i]->path));
    return text.at;
}

#define PROJECT(name) __attribute__((cleanup(project_drop))) struct project name = project_open()

static void every_dvc_yaml_and_pointer_of_the_project_is_part_of_the_graph(void **state)
{
    (void)state;
    PROJECT(project);
    put_stage(&project, "dvc.yaml", "a");
    put_stage(&project, "sub/deep/dvc.yaml", "a");
    put_stage(&project, "b/dvc.yaml", "a");
    put_pointer(&project, "data/x.csv.dvc", "x.csv");
    assert_string_equal(files_of(&project, "dvc.yaml"),
                        "dvc.yaml b/dvc.yaml sub/deep/dvc.yaml data/x.csv.dvc");
    assert_string_equal(files_of(&project, "sub/deep/dvc.yaml"),
                        "sub/deep/dvc.yaml b/dvc.yaml dvc.yaml data/x.csv.dvc");
}

static void a_native_pipeline_is_one_file(void **state)
{
    (void)state;
    PROJECT(project);
    put_stage(&project, "pipeline.yaml", "a");
    put_stage(&project, "sub/dvc.yaml", "a");
    put_pointer(&project, "x.dvc", "x");
    assert_string_equal(files_of(&project, "pipeline.yaml"), "pipeline.yaml");
}

static void what_dvcignore_names_is_no_part_of_the_project(void **state)
{
    (void)state;
    PROJECT(project);
    put_stage(&project, "dvc.yaml", "a");
    put_stage(&project, "old/dvc.yaml", "a");
    put_stage(&project, "sub/draft/dvc.yaml", "a");
    put_stage(&project, "sub/kept/dvc.yaml", "a");
    put(&project, ".dvcignore", "/old\n");
    put(&project, "sub/.dvcignore", "draft/\n");
    assert_string_equal(files_of(&project, "dvc.yaml"), "dvc.yaml sub/kept/dvc.yaml");
}

static void what_git_ignores_is_no_part_of_the_project(void **state)
{
    (void)state;
    PROJECT(project);
    scratch_directory(&project.scratch, ".git");
    put(&project, ".git/info/exclude", "/private\n");
    put(&project, ".gitignore", "build/\n*.tmp.dvc\n!sub/build/\n");
    put_stage(&project, "dvc.yaml", "a");
    put_stage(&project, "private/dvc.yaml", "a");
    put_stage(&project, "x/build/dvc.yaml", "a");
    put_stage(&project, "sub/build/dvc.yaml", "a");
    put_pointer(&project, "x.tmp.dvc", "x.tmp");
    assert_string_equal(files_of(&project, "dvc.yaml"), "dvc.yaml sub/build/dvc.yaml");
}

static void gitignore_above_a_project_counts_from_where_it_stands(void **state)
{
    (void)state;
    PROJECT(project);
    scratch_directory(&project.scratch, ".git");
    put(&project, ".gitignore", "/inner/build\n");
    put_stage(&project, "inner/dvc.yaml", "a");
    put_stage(&project, "inner/build/dvc.yaml", "a");
    put_stage(&project, "inner/x/build/dvc.yaml", "a");
    scratch_directory(&project.scratch, "inner/.dvc");
    workspace_drop(&project.workspace);
    struct str start = str_print(&project.arena, "%s/inner", project.scratch.path);
    assert_fine(workspace_find(&project.arena, start, &project.workspace));
    struct pipeline *pipeline = NULL;
    assert_fine(
        pipelines_load(&project.arena, &project.workspace, STR("dvc.yaml"), start, &pipeline));
    assert_int_equal(pipeline->files.len, 2);
    assert_true(str_is(pipeline->files.at[1].path, "x/build/dvc.yaml"));
}

static void without_git_its_ignore_files_say_nothing(void **state)
{
    (void)state;
    PROJECT(project);
    put(&project, ".gitignore", "build/\n");
    put_stage(&project, "dvc.yaml", "a");
    put_stage(&project, "build/dvc.yaml", "a");
    assert_string_equal(files_of(&project, "dvc.yaml"), "dvc.yaml build/dvc.yaml");
}

static void nested_projects_and_tracked_directories_are_not_entered(void **state)
{
    (void)state;
    PROJECT(project);
    put_stage(&project, "dvc.yaml", "a");
    put_stage(&project, "other/dvc.yaml", "a");
    put(&project, "other/.git", "gitdir: elsewhere\n");
    put_stage(&project, "third/dvc.yaml", "a");
    scratch_directory(&project.scratch, "third/.dvc");
    put_pointer(&project, "data.dvc", "data");
    put(&project, "data/dvc.yaml", "no: {yaml");
    assert_string_equal(files_of(&project, "dvc.yaml"), "dvc.yaml data.dvc");
}

static void links_to_directories_are_not_followed_and_links_to_files_are(void **state)
{
    (void)state;
    PROJECT(project);
    put_stage(&project, "dvc.yaml", "a");
    put_stage(&project, ".hg/real.yaml", "b");
    scratch_directory(&project.scratch, "sub");
    assert_int_equal(symlinkat("../.hg/real.yaml", project.scratch.fd, "sub/dvc.yaml"), 0);
    assert_int_equal(symlinkat(".", project.scratch.fd, "loop"), 0);
    assert_int_equal(symlinkat("nowhere", project.scratch.fd, "x.dvc"), 0);
    assert_string_equal(files_of(&project, "dvc.yaml"), "dvc.yaml sub/dvc.yaml");
}

static void a_mistake_in_another_dvc_yaml_names_its_file(void **state)
{
    (void)state;
    PROJECT(project);
    struct pipeline *pipeline = NULL;
    put_stage(&project, "dvc.yaml", "a");
    put(&project, "sub/dvc.yaml", "stages:\n  a:\n    cmdd: x\n");
    struct error *error = load(&project, "dvc.yaml", &pipeline);
    assert_non_null(error);
    assert_string_equal(error->mark.file, "sub/dvc.yaml");
    error_drop(error);
}

static void the_project_of_a_file_begins_at_the_nearest_dvc_directory(void **state)
{
    (void)state;
    PROJECT(project);
    scratch_directory(&project.scratch, ".mlops");
    put_stage(&project, "dvc.yaml", "a");
    put_stage(&project, "inner/dvc.yaml", "a");
    put_stage(&project, "inner/x/dvc.yaml", "a");
    scratch_directory(&project.scratch, "inner/.dvc");
    assert_string_equal(files_of(&project, "inner/x/dvc.yaml"), "inner/x/dvc.yaml inner/dvc.yaml");
}

static struct dvcconfig settings(struct project *project)
{
    struct dvcconfig config = {0};
    struct str root;
    bool found = false;
    workspace_drop(&project->workspace);
    assert_fine(
        workspace_find(&project->arena, str_of(project->scratch.path), &project->workspace));
    assert_fine(
        dvcconfig_root(&project->arena, &project->workspace, STR("sub/dvc.yaml"), &root, &found));
    assert_true(found);
    assert_fine(dvcconfig_load(&project->arena, &project->workspace, root, &config));
    return config;
}

static void the_local_settings_of_dvc_are_stronger_than_those_of_the_project(void **state)
{
    (void)state;
    PROJECT(project);
    put(&project, ".dvc/config",
        "[core]\n    remote = far\n['remote \"far\"']\n    url = s3://bucket/x # ours\n"
        "[cache]\n    dir = ../shared\n    type = \"reflink\", hardlink\n");
    put(&project, ".dvc/config.local", "[Cache]\ndir = /elsewhere\n");
    struct dvcconfig config = settings(&project);
    assert_true(str_is(dvcconfig_text(&config, "core.remote"), "far"));
    assert_true(
        str_is(dvcconfig_path(&project.arena, &config, "remote \"far\".url"), "s3://bucket/x"));
    assert_true(str_is(dvcconfig_text(&config, "cache.type"), "reflink,hardlink"));
    assert_true(str_is(dvcconfig_path(&project.arena, &config, "cache.dir"), "/elsewhere"));
    put(&project, ".dvc/config.local", "");
    config = settings(&project);
    struct str shared = str_print(&project.arena, "%s/shared", project.scratch.path);
    assert_true(str_equal(dvcconfig_path(&project.arena, &config, "cache.dir"), shared));
}

static void broken_settings_are_told_with_their_place(void **state)
{
    (void)state;
    PROJECT(project);
    struct pipeline *pipeline = NULL;
    put_stage(&project, "dvc.yaml", "a");
    put(&project, ".dvc/config", "[core]\nremote\n");
    struct error *error = load(&project, "dvc.yaml", &pipeline);
    assert_int_equal(error->mark.line, 2);
    assert_error(error, "expected 'key = value'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_dvc_yaml_and_pointer_of_the_project_is_part_of_the_graph),
        cmocka_unit_test(a_native_pipeline_is_one_file),
        cmocka_unit_test(what_dvcignore_names_is_no_part_of_the_project),
        cmocka_unit_test(what_git_ignores_is_no_part_of_the_project),
        cmocka_unit_test(gitignore_above_a_project_counts_from_where_it_stands),
        cmocka_unit_test(without_git_its_ignore_files_say_nothing),
        cmocka_unit_test(nested_projects_and_tracked_directories_are_not_entered),
        cmocka_unit_test(links_to_directories_are_not_followed_and_links_to_files_are),
        cmocka_unit_test(a_mistake_in_another_dvc_yaml_names_its_file),
        cmocka_unit_test(the_project_of_a_file_begins_at_the_nearest_dvc_directory),
        cmocka_unit_test(the_local_settings_of_dvc_are_stronger_than_those_of_the_project),
        cmocka_unit_test(broken_settings_are_told_with_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
