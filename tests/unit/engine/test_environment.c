#include "mlops/engine/environment.h"
#include "mlops/host/clock.h"
#include "mlops/model/name.h"

#include <stdio.h>
#include <sys/stat.h>

#include "rig.h"
#include "support/unit.h"

static struct rig open_with(const char *cmd)
{
    static char text[4096];
    snprintf(text, sizeof text, "stages:\n  a:\n    outs: [a]\n    cmd: |\n      %s\n", cmd);
    unsetenv("VIRTUAL_ENV");
    unsetenv("CONDA_PREFIX");
    unsetenv("PYTHONPATH");
    unsetenv("PYENV_VERSION");
    setenv("PATH", "/usr/bin:/bin", 1);
    return rig_open(text);
}

static struct environment capture(struct rig *rig)
{
    struct environment environment = {0};
    struct str bytes = {0};
    assert_fine(environment_capture(rig->session, rig_stage(rig, "a"), &bytes));
    assert_fine(environment_decode(rig->arena, bytes, &environment));
    return environment;
}

/* With the directories above it. */
static void place(struct rig *rig, const char *path, const char *text)
{
    struct str directory = path_directory(str_of(path));
    assert_fine(directory_make(rig->scratch.fd, str_copy(rig->arena, directory).at, false));
    scratch_write(&rig->scratch, path, text);
}

static void program(struct rig *rig, const char *path, const char *text)
{
    place(rig, path, text);
    assert_int_equal(fchmodat(rig->scratch.fd, path, 0755, 0), 0);
}

static void assert_interpreter(const struct environment *found, const char *name,
                               const char *version, const char *manager)
{
    if (!str_is(found->interpreter, name) || !str_is(found->interpreter_version, version) ||
        !str_is(found->manager, manager))
        fail_msg("%.*s %.*s %.*s, not %s %s %s", STR_FMT(found->interpreter),
                 STR_FMT(found->interpreter_version), STR_FMT(found->manager), name, version,
                 manager);
}

static void assert_package(const struct environment *found, const char *name, const char *version)
{
    struct str value = environment_item_find(&found->packages, str_of(name));
    if (!str_is(value, version))
        fail_msg("%s is '%.*s', not '%s'", name, STR_FMT(value), version);
}

/* A virtual environment of a fake installation in opt/. */
static void make_venv(struct rig *rig, const char *at, const char *system)
{
    struct arena *arena = rig->arena;
    const char *config = str_print(arena,
                                   "home = %s/opt/bin\ninclude-system-site-packages = %s\n"
                                   "version = 3.11.4\n",
                                   rig->scratch.path, system)
                             .at;
    const char *site = "lib/python3.11/site-packages";
    program(rig, "opt/bin/python3.11", "\177ELF");
    place(rig, "opt/lib/python3.11/site-packages/wheel-0.38.4.dist-info/METADATA", "Name: wheel\n");
    place(rig, str_print(arena, "%s/pyvenv.cfg", at).at, config);
    place(rig, str_print(arena, "%s/bin/activate", at).at, "");
    assert_int_equal(symlinkat("../../opt/bin/python3.11", rig->scratch.fd,
                               str_print(arena, "%s/bin/python", at).at),
                     0);
    place(rig, str_print(arena, "%s/%s/Scikit_Learn-1.3.0.dist-info/METADATA", at, site).at, "");
    place(rig, str_print(arena, "%s/%s/mine-0.1.dist-info/direct_url.json", at, site).at,
          "{\"url\": \"file:///x\", \"dir_info\": {\"editable\": true}}");
    place(rig, str_print(arena, "%s/%s/fork-2.0.dist-info/direct_url.json", at, site).at,
          "{\"url\": \"https://u:secret@h/x\", \"vcs_info\": {\"commit_id\": \"3fa1c2d99aabb\"}}");
}

static void a_venv_is_known_by_its_pyvenv_cfg(void **state)
{
    (void)state;
    AUTO(rig_drop) struct rig rig = open_with(".venv/bin/python train.py");
    make_venv(&rig, ".venv", "false");
    struct environment found = capture(&rig);
    assert_interpreter(&found, "python", "3.11.4", "venv");
    assert_int_equal(found.packages.len, 3);
    assert_package(&found, "scikit-learn", "1.3.0");
    assert_package(&found, "mine", "0.1 (editable)");
    assert_package(&found, "fork", "2.0 (git 3fa1c2d9)");
}

static void a_venv_with_system_packages_sees_both(void **state)
{
    (void)state;
    AUTO(rig_drop) struct rig rig = open_with("uv run --with x train.py");
    make_venv(&rig, ".venv", "true");
    struct environment found = capture(&rig);
    assert_package(&found, "scikit-learn", "1.3.0");
    assert_package(&found, "wheel", "0.38.4");
}

static void the_words_around_a_command_are_seen_through(void **state)
{
    (void)state;
    static const char *const commands[] = {
        ".venv/bin/python -m train",
        "A=1 B='x y' .venv/bin/python train.py",
        "cd sub && ../.venv/bin/python train.py > log 2>&1",
        "echo start; mkdir -p out && time nice -n 10 .venv/bin/python train.py | tee log",
        ". .venv/bin/activate && python train.py",
        "source .venv/bin/activate; timeout -k 5 60 python train.py",
        "export PATH=$PWD/nowhere:\\${ROOT:-.venv}/bin; python train.py",
        "PY=.venv/bin/python; \"$PY\" train.py",
        "bash -euo pipefail -c '.venv/bin/python train.py'",
        "env -u X OMP_NUM_THREADS=1 .venv/bin/python train.py",
        "poetry run python train.py",
        "cd sub && poetry run -- python train.py",
        "./run.sh",
        "bash run.sh 3",
        "./train.py",
        ".venv/bin/tool --x",
        "if true; then .venv/bin/python x.py; fi",
        "for i in 1 2; do .venv/bin/python x.py; done",
        "# python2 is gone\n      .venv/bin/python x.py",
        "python() { :; }; .venv/bin/python $(which x) `y`",
    };
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        AUTO(rig_drop) struct rig rig = open_with(commands[i]);
        make_venv(&rig, ".venv", "false");
        place(&rig, "sub/x", "");
        program(&rig, "run.sh", "#!/bin/sh\nset -e\necho hello\n.venv/bin/python x.py\n");
        program(&rig, "train.py",
                str_print(rig.arena, "#!%s/.venv/bin/python -u\n", rig.scratch.path).at);
        program(&rig, ".venv/bin/tool",
                str_print(rig.arena, "#!/bin/sh\n'''exec' \"%s/.venv/bin/python\" \"$0\" \"$@\"\n",
                          rig.scratch.path)
                    .at);
        struct environment found = capture(&rig);
        if (!str_is(found.manager, "venv"))
            fail_msg("'%s' uses '%.*s'", commands[i], STR_FMT(found.interpreter_path));
    }
}

static void what_no_interpreter_runs_has_none(void **state)
{
    (void)state;
    static const char *const commands[] = {
        "cp a b",
        "echo python",
        "./absent.py",
        "python9.9 x",
        "'unclosed",
        "$(",
        "sh",
        "uv pip",
        "bash absent.sh",
        ">",
        "cat <<< x",
        "conda run -n absent python x.py",
        "conda run -p ./absent python x.py",
    };
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        AUTO(rig_drop) struct rig rig = open_with(commands[i]);
        struct environment found = capture(&rig);
        if (found.interpreter.len)
            fail_msg("'%s' uses '%.*s'", commands[i], STR_FMT(found.interpreter_path));
        assert_true(found.cpus > 0 && found.memory_bytes > 0 && found.kernel.len > 0);
    }
}

static void any_text_is_read_without_harm(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "python",  " ",
        "\n",      "'",
        "\"",      "$",
        "(",       ")",
        "{",       "}",
        "`",       "\\",
        ">",       "<",
        "&",       "|",
        ";",       "=",
        "A",       "/",
        "~",       "#",
        "-c",      "bash ",
        "uv run ", "conda run -n ",
        "cd ",     ". ",
        "export ", "bin/activate",
        "exec ",   "env ",
        "$(",      "${",
        ":-",      "2>",
        "&>",      "<<",
        "\t",      "\xff",
    };
    AUTO(rig_drop) struct rig rig = open_with("x");
    struct stage *stage = (struct stage *)(uintptr_t)rig_stage(&rig, "a");
    uint32_t seed = 1;
    for (int round = 0; round < 3000; round++) {
        struct buf text = buf_in(rig.arena);
        for (int i = 0; i < 1 + round % 40; i++) {
            seed = seed * 1664525 + 1013904223;
            buf_add_text(&text, pieces[(seed >> 16) % COUNT_OF(pieces)]);
        }
        struct str item = buf_str(&text), bytes = {0};
        stage->cmd.items = &item;
        stage->cmd.count = 1;
        assert_fine(environment_capture(rig.session, stage, &bytes));
        assert_true(bytes.len > 0);
    }
}

static void a_script_that_calls_itself_ends(void **state)
{
    (void)state;
    AUTO(rig_drop) struct rig rig = open_with("./loop.sh; ./loop.sh");
    program(&rig, "loop.sh", "#!/bin/sh\n./loop.sh\n./loop.sh\n./loop.sh\n");
    struct environment found = capture(&rig);
    assert_true(str_is(found.interpreter, "sh"));
}

static void conda_tells_names_and_versions_in_file_names(void **state)
{
    (void)state;
    AUTO(rig_drop) struct rig rig = open_with("conda run -n ml python train.py");
    place(&rig, "conda/bin/conda", "");
    program(&rig, "conda/bin/conda", "#!/bin/sh\n");
    program(&rig, "conda/envs/ml/bin/python3.10", "\177ELF");
    assert_int_equal(symlinkat("python3.10", rig.scratch.fd, "conda/envs/ml/bin/python"), 0);
    place(&rig, "conda/envs/ml/conda-meta/history", "");
    place(&rig, "conda/envs/ml/conda-meta/python-3.10.13-h955ad1f_0.json", "{}");
    place(&rig, "conda/envs/ml/conda-meta/cuda-toolkit-11.8.0-0.json", "{}");
    place(&rig, "conda/envs/ml/lib/python3.10/site-packages/torch-2.1.0+cu118.dist-info/METADATA",
          "");
    setenv("PATH", str_print(rig.arena, "%s/conda/bin:/usr/bin:/bin", rig.scratch.path).at, 1);
    struct environment found = capture(&rig);
    assert_interpreter(&found, "python", "3.10.13", "conda");
    assert_package(&found, "cuda-toolkit", "11.8.0");
    assert_package(&found, "torch", "2.1.0+cu118");
}

static void debian_keeps_packages_in_three_places(void **state)
{
    (void)state;
    AUTO(rig_drop) struct rig rig = open_with("usr/bin/python3 train.py");
    program(&rig, "usr/bin/python3.11", "\177ELF");
    assert_int_equal(symlinkat("python3.11", rig.scratch.fd, "usr/bin/python3"), 0);
    place(&rig, "usr/include/python3.11/patchlevel.h",
          "/* x */\n#define PY_VERSION              \"3.11.2\"\n");
    const char *debian = "usr/lib/python3/dist-packages/";
    const char *local = "usr/local/lib/python3.11/dist-packages/";
    place(&rig, str_print(rig.arena, "%snumpy-1.24.2.egg-info", debian).at, "x");
    place(&rig, str_print(rig.arena, "%scryptography.egg-info/PKG-INFO", debian).at,
          "Metadata-Version: 2.1\nName: cryptography\nVersion: 38.0.4\n\nVersion: 9\n");
    place(&rig, str_print(rig.arena, "%slazr.uri-1.0.6-py3.11.egg-info/x", debian).at, "");
    place(&rig, str_print(rig.arena, "%snumpy-1.26.0.dist-info/x", local).at, "");
    struct environment found = capture(&rig);
    assert_interpreter(&found, "python", "3.11.2", "");
    assert_package(&found, "numpy", "1.26.0");
    assert_package(&found, "cryptography", "38.0.4");
    assert_package(&found, "lazr-uri", "1.0.6");
}

static void pythonpath_user_site_and_links_count(void **state)
{
    (void)state;
    AUTO(rig_drop) struct rig rig = open_with("PYTHONPATH=src opt/bin/python3.11 x.py");
    make_venv(&rig, ".venv", "false");
    place(&rig, "src/mine.egg-info/PKG-INFO", "Name: mine\nVersion: 7\n");
    place(&rig, "work/old.egg-info/PKG-INFO", "Name: Old\nVersion: 3\n");
    place(&rig, "opt/lib/python3.11/site-packages/easy-install.pth",
          str_print(rig.arena, "import x\n# no\n%s/work\n", rig.scratch.path).at);
    place(&rig, "home/.local/lib/python3.11/site-packages/rich-13.0.dist-info/x", "");
    setenv("HOME", str_print(rig.arena, "%s/home", rig.scratch.path).at, 1);
    struct environment found = capture(&rig);
    assert_package(&found, "mine", "7");
    assert_package(&found, "old", "3");
    assert_package(&found, "rich", "13.0");
    setenv("PYTHONNOUSERSITE", "1", 1);
    found = capture(&rig);
    unsetenv("PYTHONNOUSERSITE");
    assert_package(&found, "rich", "");
}

static void pyenv_is_seen_through(void **state)
{
    (void)state;
    AUTO(rig_drop) struct rig rig = open_with("python train.py");
    program(&rig, "pyenv/shims/python", "#!/usr/bin/env bash\nexec pyenv exec python\n");
    program(&rig, "pyenv/versions/3.12.1/bin/python", "\177ELF");
    program(&rig, "pyenv/versions/3.9.9/bin/python", "\177ELF");
    place(&rig, "pyenv/versions/3.12.1/lib/python3.12/x", "");
    place(&rig, "pyenv/versions/3.9.9/lib/python3.9/x", "");
    place(&rig, "pyenv/version", "3.9.9\n");
    setenv("PATH", str_print(rig.arena, "%s/pyenv/shims:/usr/bin", rig.scratch.path).at, 1);
    struct environment found = capture(&rig);
    assert_interpreter(&found, "python", "3.9.9", "");
    place(&rig, ".python-version", "3.12\n");
    found = capture(&rig);
    assert_interpreter(&found, "python", "3.12.1", "");
}

static void lock_files_are_recorded_with_their_digests(void **state)
{
    (void)state;
    AUTO(rig_drop) struct rig rig = open_with("cp x y");
    place(&rig, "requirements-dev.txt", "numpy\n");
    place(&rig, "uv.lock", "x");
    place(&rig, "other.lock", "x");
    struct environment found = capture(&rig);
    assert_int_equal(found.lockfiles.len, 2);
    struct str hex = environment_item_find(&found.lockfiles, STR("uv.lock"));
    assert_true(str_equal(hex, digest_hex(rig.arena, digest_of("x", 1))));
}

static void only_listed_variables_are_recorded_and_no_secret(void **state)
{
    (void)state;
    setenv("API_KEY", "geheim", 1);
    setenv("OWN_TZ", "geheim", 1);
    AUTO(rig_drop)
    struct rig rig = rig_open("stages:\n  a: {cmd: x, outs: [a], env: {OMP_NUM_THREADS: 3, "
                              "TZ: {from_env: OWN_TZ}}}\n");
    struct str bytes = {0};
    struct environment found = capture(&rig);
    assert_true(str_is(environment_item_find(&found.variables, STR("OMP_NUM_THREADS")), "3"));
    assert_true(str_is(environment_item_find(&found.variables, STR("TZ")), "(secret)"));
    assert_fine(environment_capture(rig.session, rig_stage(&rig, "a"), &bytes));
    assert_true(str_find(bytes, STR("geheim")) < 0);
}

/* What the index holds is taken while the directories are as they were. */
static void packages_are_kept_by_the_state_of_their_directories(void **state)
{
    (void)state;
    AUTO(rig_drop) struct rig rig = open_with(".venv/bin/python train.py");
    make_venv(&rig, ".venv", "false");
    const char *site = ".venv/lib/python3.11/site-packages";
    struct timespec old[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    assert_int_equal(utimensat(rig.scratch.fd, site, old, 0), 0);
    struct environment found = capture(&rig);
    assert_package(&found, "scikit-learn", "1.3.0");
    session_drop(rig.session);
    rig_reopen(&rig);
    int64_t begun = clock_monotonic_ns();
    found = capture(&rig);
    print_message("captured in %lld us\n", (long long)(clock_monotonic_ns() - begun) / 1000);
    assert_package(&found, "scikit-learn", "1.3.0");
    place(&rig, ".venv/lib/python3.11/site-packages/new-1.dist-info/x", "");
    found = capture(&rig);
    assert_package(&found, "new", "1");
}

/* An editable installation of setuptools: its version changes where its .pth file leads. */
static void packages_behind_links_are_kept_by_their_directories_too(void **state)
{
    (void)state;
    AUTO(rig_drop) struct rig rig = open_with(".venv/bin/python train.py");
    make_venv(&rig, ".venv", "false");
    const char *site = ".venv/lib/python3.11/site-packages";
    struct timespec old[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    place(&rig, "work/linked-1.0.egg-info/x", "");
    place(&rig, str_print(rig.arena, "%s/mine.pth", site).at,
          str_print(rig.arena, "%s/work\n%s/work\n", rig.scratch.path, rig.scratch.path).at);
    const char *const parts[] = {site, "work", ".venv/pyvenv.cfg", "opt/bin/python3.11"};
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        assert_int_equal(utimensat(rig.scratch.fd, parts[i], old, 0), 0);
    for (int i = 0; i < 2; i++) { /* looked at, then recalled */
        struct environment found = capture(&rig);
        assert_package(&found, "linked", "1.0");
        session_drop(rig.session);
        rig_reopen(&rig);
    }
    place(&rig, "work/new-2.0.egg-info/x", "");
    struct environment found = capture(&rig);
    assert_package(&found, "new", "2.0");
}

/* The truth as Python itself tells it: "name==version" lines, first on the path first. */
static void the_system_python_agrees(void **state)
{
    (void)state;
    AUTO(rig_drop) struct rig rig = open_with("/usr/bin/python3 x.py");
    setenv("HOME", "/root", 1);
    FILE *pipe = popen("/usr/bin/python3 -c \"\n"
                       "import importlib.metadata as m, re, sys\n"
                       "sys.path = [p for p in sys.path if p]\n"
                       "print('.'.join(map(str, sys.version_info[:3])), '')\n"
                       "seen = set()\n"
                       "for d in m.distributions():\n"
                       "    n = re.sub('[-_.]+', '-', d.metadata['Name'] or '').lower()\n"
                       "    if n and n not in seen: seen.add(n); print(n, d.version)\n\"",
                       "r");
    char name[256], version[256];
    if (!pipe || fscanf(pipe, "%255s", version) != 1) {
        if (pipe)
            pclose(pipe);
        print_message("skipped: /usr/bin/python3 is not there\n");
        skip();
    }
    int64_t begun = clock_monotonic_ns();
    struct environment found = capture(&rig);
    print_message("looked at for the first time in %lld us\n",
                  (long long)(clock_monotonic_ns() - begun) / 1000);
    begun = clock_monotonic_ns();
    found = capture(&rig);
    print_message("again in %lld us\n", (long long)(clock_monotonic_ns() - begun) / 1000);
    assert_true(str_is(found.interpreter_version, version));
    assert_true(str_is(found.manager, "system"));
    size_t count = 0;
    for (; fscanf(pipe, "%255s %255s", name, version) == 2; count++)
        assert_package(&found, name, version);
    pclose(pipe);
    assert_int_equal(found.packages.len, count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_venv_is_known_by_its_pyvenv_cfg),
        cmocka_unit_test(a_venv_with_system_packages_sees_both),
        cmocka_unit_test(the_words_around_a_command_are_seen_through),
        cmocka_unit_test(what_no_interpreter_runs_has_none),
        cmocka_unit_test(any_text_is_read_without_harm),
        cmocka_unit_test(a_script_that_calls_itself_ends),
        cmocka_unit_test(conda_tells_names_and_versions_in_file_names),
        cmocka_unit_test(debian_keeps_packages_in_three_places),
        cmocka_unit_test(pythonpath_user_site_and_links_count),
        cmocka_unit_test(pyenv_is_seen_through),
        cmocka_unit_test(lock_files_are_recorded_with_their_digests),
        cmocka_unit_test(only_listed_variables_are_recorded_and_no_secret),
        cmocka_unit_test(packages_are_kept_by_the_state_of_their_directories),
        cmocka_unit_test(packages_behind_links_are_kept_by_their_directories_too),
        cmocka_unit_test(the_system_python_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
