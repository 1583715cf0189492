#include "lock_sample.h"

static struct lockfile parsed(struct arena *arena, struct str text)
{
    struct lockfile lockfile = {0};
    assert_fine(lockfile_parse(arena, STR("pipeline.lock"), text, &lockfile));
    return lockfile;
}

static struct str encoded_text(struct arena *arena, struct str text)
{
    struct buf out = buf_in(arena);
    canon_str(&out, text);
    return buf_str(&out);
}

static struct str encoded_real(struct arena *arena, double value)
{
    struct buf out = buf_in(arena);
    canon_real(&out, value);
    return buf_str(&out);
}

static void assert_same_artifact(const struct artifact *a, const struct artifact *b)
{
    assert_true(str_equal(a->path, b->path));
    assert_true(artifact_equal(a, b));
    assert_int_equal(a->is_stored, b->is_stored);
    assert_int_equal(a->size_bytes, b->size_bytes);
    assert_int_equal(a->file_count, b->file_count);
    assert_int_equal(a->empty_dir_count, b->empty_dir_count);
    for (size_t i = 0; i < a->empty_dir_count; i++)
        assert_true(str_equal(a->empty_dirs[i], b->empty_dirs[i]));
}

/* Text and value survive: the same recipe bytes, the same artifacts, and the same text again. */
static void assert_survives(struct arena *arena, const struct lockfile *lockfile)
{
    struct str text = printed(arena, lockfile);
    struct lockfile back = parsed(arena, text);
    assert_int_equal(back.entries.len, lockfile->entries.len);
    assert_true(str_equal(back.project, lockfile->project));
    map_each (item, &lockfile->entries) {
        const struct lock_entry *before = item->value;
        const struct lock_entry *after = map_get(&back.entries, item->key);
        assert_non_null(after);
        if (!digest_equal(after->key, before->key))
            fail_msg("the key of '%.*s' differs:\n%.*s", STR_FMT(item->key), STR_FMT(text));
        assert_int_equal(after->is_rejected, before->is_rejected);
        assert_int_equal(after->out_count, before->out_count);
        for (size_t i = 0; i < before->out_count; i++)
            assert_same_artifact(&before->outs[i], &after->outs[i]);
    }
    struct str again = printed(arena, &back);
    if (!str_equal(text, again))
        fail_msg("printed again it differs:\n%.*s\n---\n%.*s", STR_FMT(text), STR_FMT(again));
}

static void the_text_is_the_documented_one(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct lockfile lockfile = {.project = STR("1f2e3d4c5b6a7988")};
    struct recipe_dep deps[] = {
        {STR("data"), ARTIFACT_TREE, false, digest_of("d", 1), 12},
        {STR("gone.csv"), ARTIFACT_ABSENT, false, {{0}}, 0},
        {STR("src/train.py"), ARTIFACT_FILE, true, digest_of("t", 1), 3},
    };
    struct recipe_param params[] = {
        {STR("params.yaml"), STR("seed"), encoded_real(&arena, 7), {0}},
        {STR("params.yaml"), STR("train.lr"), encoded_real(&arena, 0.1), {0}},
        {STR("params.yaml"), STR("train.none"), {0}, {0}},
    };
    struct recipe_env env[] = {{STR("API_KEY"), {0}, true}, {STR("THREADS"), STR("2"), false}};
    struct str empty_dirs[] = {STR("a/b")};
    struct artifact outs[] = {
        {.path = STR("model.pkl"),
         .kind = ARTIFACT_FILE,
         .is_stored = true,
         .digest = digest_of("m", 1),
         .size_bytes = 3,
         .file_count = 1},
        {.path = STR("plots"),
         .kind = ARTIFACT_TREE,
         .digest = digest_of("p", 1),
         .size_bytes = 9,
         .file_count = 2,
         .empty_dirs = empty_dirs,
         .empty_dir_count = 1},
    };
    struct lock_entry entry = {.stage = STR("train"), .outs = outs, .out_count = 2};
    entry.recipe = (struct recipe){
        .cmd = command_of(&arena, STR("python3 src/train.py --out model.pkl")),
        .wdir = STR("sub"),
        .shell = STR("bash"),
        .deps = deps,
        .dep_count = 3,
        .params = params,
        .param_count = 3,
        .env = env,
        .env_count = 2,
    };
    *vec_push(&arena, &entry.metrics) =
        (struct metric){STR("metrics.json"), STR("accuracy"), STR("0.940"), 0.94, false};
    *vec_push(&arena, &entry.metrics) =
        (struct metric){STR("metrics.json"), STR("best"), STR("true"), (double)NAN, true};
    entry.is_rejected = true;
    add_entry(&arena, &lockfile, entry);
    assert_string_equal(
        printed(&arena, &lockfile).at,
        "# mlops lock file: what each stage last used and made. Written by `mlops run`; commit "
        "it.\n"
        "schema: 1\n"
        "project: \"1f2e3d4c5b6a7988\"\n"
        "stages:\n"
        "  train:\n"
        "    cmd: python3 src/train.py --out model.pkl\n"
        "    wdir: sub\n"
        "    shell: bash\n"
        "    deps:\n"
        "      - path: data\n"
        "        sha256: 18ac3e7343f016890c510e93f935261169d9e3f565436429830faf0934f4f8e4\n"
        "        size: 12\n"
        "        kind: directory\n"
        "      - path: gone.csv\n"
        "        kind: absent\n"
        "      - path: src/train.py\n"
        "        sha256: e3b98a4da31a127d4bde6e43033f66ba274cab0eb7eb1c70ec41402bf6273dd8\n"
        "        size: 3\n"
        "        executable: true\n"
        "    params:\n"
        "      params.yaml:\n"
        "        seed: 7\n"
        "        train.lr: 0.1\n"
        "    missing_params:\n"
        "      params.yaml:\n"
        "        - train.none\n"
        "    env:\n"
        "      THREADS: \"2\"\n"
        "    secrets:\n"
        "      - API_KEY\n"
        "    outs:\n"
        "      - path: model.pkl\n"
        "        sha256: 62c66a7a5dd70c3146618063c344e531e6d4b59e379808443ce962b3abd63c5a\n"
        "        size: 3\n"
        "      - path: plots\n"
        "        sha256: 148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940\n"
        "        size: 9\n"
        "        kind: directory\n"
        "        files: 2\n"
        "        empty_dirs:\n"
        "          - a/b\n"
        "        stored: false\n"
        "    metrics:\n"
        "      metrics.json:\n"
        "        accuracy: 0.940\n"
        "        best: \"true\"\n"
        "    rejected: true\n");
    assert_survives(&arena, &lockfile);
}

static void odd_commands_keep_their_key(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct lockfile lockfile = {0};
    const struct str commands[] = {
        STR(""),
        STR("true"),
        STR("1e3"),
        STR("-x"),
        STR("a: b # c"),
        STR("echo \"$X\" \\\n  && 'y'\n"),
        STR("\ttab\r\n"),
        STR("{a: [1]}"),
        STR("caf\xC3\xA9 \xF0\x9F\x98\x80 \xC2\x85 \xE2\x80\xA8 \xEF\xBB\xBF \xEF\xBF\xBE"),
        STR("nul \0 and \xFF bytes"),
        STR("ends in a blank "),
        STR("<<"),
        STR("~"),
        STR("=x"),
        STR("%TAG"),
        STR("@home"),
        STR("`x`"),
        STR("null"),
        STR("Yes"),
        STR("a\x1B[31m"),
    };
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        add_entry(&arena, &lockfile,
                  (struct lock_entry){.stage = str_print(&arena, "s%zu", i),
                                      .recipe.cmd = command_of(&arena, commands[i])});
    struct str items[COUNT_OF(commands)];
    memcpy(items, commands, sizeof items);
    add_entry(
        &arena, &lockfile,
        (struct lock_entry){.stage = STR("list"), .recipe.cmd = {true, items, COUNT_OF(items)}});
    add_entry(&arena, &lockfile,
              (struct lock_entry){.stage = STR("empty list"), .recipe.cmd = {true, items, 0}});
    add_entry(&arena, &lockfile, (struct lock_entry){.stage = STR("built in")});
    add_entry(&arena, &lockfile, (struct lock_entry){.stage = STR("<<")});
    add_entry(&arena, &lockfile, (struct lock_entry){.stage = STR("1e3")});
    assert_survives(&arena, &lockfile);
}

static void any_recipe_keeps_its_key_and_its_text(void **state)
{
    (void)state;
    for (uint64_t round = 1; round <= 60; round++) {
        AUTO(arena_drop) struct arena arena = {0};
        struct lockfile lockfile = {.project = STR("x")};
        uint64_t seed = round;
        for (int i = 0; i < 10; i++)
            add_entry(&arena, &lockfile, random_entry(&arena, &seed, i));
        assert_survives(&arena, &lockfile);
    }
}

static void long_names_and_deep_values_keep_their_key(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct lockfile lockfile = {0};
    struct buf name = buf_in(&arena);
    buf_add_repeated(&name, 'n', 3000);
    struct buf deep = buf_in(&arena);
    for (int i = 0; i < 60; i++)
        canon_list(&deep, 1);
    canon_null(&deep);
    struct recipe_param params[] = {
        {buf_str(&name), STR("x"), encoded_real(&arena, 1), {0}},
        {STR("p.json"), STR("y"), buf_str(&deep), {0}},
        {STR("p.json"), STR("z"), encoded_text(&arena, STR("a\0b")), {0}}};
    for (size_t i = 0; i < COUNT_OF(params); i++) {
        struct lock_entry entry = {.stage = str_print(&arena, "s%zu", i)};
        entry.recipe.params = &params[i];
        entry.recipe.param_count = 1;
        *vec_push(&arena, &entry.metrics) =
            (struct metric){buf_str(&name), STR("k"), STR("1"), 1, false};
        add_entry(&arena, &lockfile, entry);
    }
    assert_survives(&arena, &lockfile);
    struct lockfile back = parsed(&arena, printed(&arena, &lockfile));
    const struct lock_entry *entry = map_get(&back.entries, STR("s0"));
    assert_int_equal(entry->metrics.len, 1);
    assert_int_equal(entry->metrics.at[0].file.len, 3000);
}

static void metrics_read_back_as_numbers_and_texts(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct lockfile lockfile = {0};
    struct lock_entry entry = {.stage = STR("s")};
    const struct metric metrics[] = {
        {STR("m.json"), STR("a"), STR("1_000"), 1000, false},
        {STR("m.json"), STR("b"), STR("1e-3"), 1e-3, false},
        {STR("m.json"), STR("c"), STR("NaN"), (double)NAN, false},
        {STR("m.json"), STR("d"), STR("12"), (double)NAN, true},
        {STR("a.json"), STR("z"), STR("18446744073709551616"), 18446744073709551616.0, false},
    };
    for (size_t i = 0; i < COUNT_OF(metrics); i++)
        *vec_push(&arena, &entry.metrics) = metrics[i];
    add_entry(&arena, &lockfile, entry);
    struct lockfile back = parsed(&arena, printed(&arena, &lockfile));
    const struct lock_entry *read = map_get(&back.entries, STR("s"));
    assert_int_equal(read->metrics.len, 5);
    assert_true(str_is(read->metrics.at[0].text, "18446744073709551616"));
    assert_true(str_is(read->metrics.at[1].text, "1000"));
    assert_true(read->metrics.at[1].value == 1000);
    assert_true(str_is(read->metrics.at[2].text, "1e-3"));
    assert_false(read->metrics.at[3].is_text);
    assert_true(isnan(read->metrics.at[3].value));
    assert_true(read->metrics.at[4].is_text && str_is(read->metrics.at[4].text, "12"));
}

static void equal_values_in_another_order_give_equal_bytes(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct lockfile one = {0}, other = {0};
    struct lock_entry a = {.stage = STR("a")}, b = {.stage = STR("b")};
    add_entry(&arena, &one, a);
    add_entry(&arena, &one, b);
    add_entry(&arena, &other, b);
    add_entry(&arena, &other, a);
    assert_true(str_equal(printed(&arena, &one), printed(&arena, &other)));
}

static struct workspace workspace_in(const struct scratch *scratch)
{
    struct workspace workspace = {.root = str_of(scratch->path)};
    workspace.root_fd = fd_of(dup(scratch->fd));
    scratch_directory(scratch, ".mlops");
    assert_fine(directory_open(scratch->fd, ".mlops", &workspace.state_fd));
    return workspace;
}

static struct index *index_in(struct arena *arena, const struct scratch *scratch)
{
    struct index *index = NULL;
    struct str path = str_print(arena, "%s/index.db", scratch->path);
    assert_fine(index_open(arena, path.at, false, &index));
    return index;
}

/* The file holds no YAML at all: only the parsed form that is known of these bytes can be used. */
static void the_parsed_form_is_found_again_by_digest(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    struct workspace workspace = workspace_in(&scratch);
    struct lockfile lockfile = {.project = STR("p"), .digest = digest_of("}", 1)}, back = {0};
    uint64_t seed = 9;
    for (int i = 0; i < 20; i++)
        add_entry(&arena, &lockfile, random_entry(&arena, &seed, i));
    struct index *index = index_in(&arena, &scratch);
    lockfile_remember(index, &lockfile);
    assert_fine(index_save(index));
    index_drop(&index);
    scratch_write(&scratch, "pipeline.lock", "}");
    index = index_in(&arena, &scratch);
    assert_fine(lockfile_load(&arena, &workspace, index, STR("pipeline.lock"), &back));
    assert_true(digest_equal(back.digest, lockfile.digest));
    assert_true(str_equal(printed(&arena, &back), printed(&arena, &lockfile)));
    map_each (item, &back.entries) {
        const struct lock_entry *entry = item->value;
        assert_true(digest_equal(recipe_key(&entry->recipe), entry->key));
    }
    index_drop(&index);
    fd_drop(&workspace.root_fd);
    fd_drop(&workspace.state_fd);
}

static void a_changed_lock_is_read_again(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    struct workspace workspace = workspace_in(&scratch);
    struct index *index = index_in(&arena, &scratch);
    struct lockfile first = {0}, second = {0};
    scratch_write(&scratch, "a.lock", "schema: 1\nstages:\n  a: {cmd: x}\n");
    assert_fine(lockfile_load(&arena, &workspace, index, STR("a.lock"), &first));
    assert_true(map_has(&first.entries, STR("a")));
    scratch_write(&scratch, "a.lock", "schema: 1\nstages:\n  b: {cmd: x}\n");
    assert_fine(lockfile_load(&arena, &workspace, index, STR("a.lock"), &second));
    assert_true(map_has(&second.entries, STR("b")));
    assert_false(map_has(&second.entries, STR("a")));
    index_drop(&index);
    fd_drop(&workspace.root_fd);
    fd_drop(&workspace.state_fd);
}

static void an_absent_lock_is_an_empty_value(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    struct workspace workspace = workspace_in(&scratch);
    struct lockfile lockfile = {0};
    assert_fine(lockfile_load(&arena, &workspace, NULL, STR("pipeline.lock"), &lockfile));
    assert_true(digest_is_zero(lockfile.digest));
    assert_int_equal(lockfile.entries.len, 0);
    fd_drop(&workspace.root_fd);
    fd_drop(&workspace.state_fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_is_the_documented_one),
        cmocka_unit_test(odd_commands_keep_their_key),
        cmocka_unit_test(any_recipe_keeps_its_key_and_its_text),
        cmocka_unit_test(long_names_and_deep_values_keep_their_key),
        cmocka_unit_test(metrics_read_back_as_numbers_and_texts),
        cmocka_unit_test(equal_values_in_another_order_give_equal_bytes),
        cmocka_unit_test(the_parsed_form_is_found_again_by_digest),
        cmocka_unit_test(a_changed_lock_is_read_again),
        cmocka_unit_test(an_absent_lock_is_an_empty_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
