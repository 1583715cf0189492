/* A project in a directory of its own, with everything open that the store's tests need. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/host/pool.h"
#include "mlops/store/cas.h"
#include "mlops/store/index.h"
#include "mlops/store/worktree.h"

#include "support/scratch.h"

struct rig {
    struct scratch scratch;
    struct arena arena;
    struct workspace *workspace; /* in the arena: the rig itself moves */
    struct index *index;
    struct cas *cas;
    struct pool *pool;
    struct worktree *worktree;
};

static inline void rig_reopen(struct rig *rig)
{
    rig->workspace = arena_new(&rig->arena, struct workspace);
    assert_fine(workspace_find(&rig->arena, str_of(rig->scratch.path), rig->workspace));
    assert_fine(workspace_init(&rig->arena, rig->workspace));
    struct str path = path_join(&rig->arena, rig->workspace->index_dir, STR("index.db"));
    assert_fine(index_open(&rig->arena, path.at, false, &rig->index));
    assert_fine(cas_open(&rig->arena, rig->workspace, rig->index, &rig->cas));
    rig->pool = pool_open(4);
    assert_fine(worktree_open(&rig->arena, rig->workspace, rig->index, rig->cas, rig->pool,
                              &rig->worktree));
}

static inline struct rig rig_open(void)
{
    struct rig rig = {.scratch = scratch_open()};
    setenv("HOME", "/nonexistent", 1);
    unsetenv("XDG_CONFIG_HOME");
    rig_reopen(&rig);
    return rig;
}

/* As at the end of a command. */
static inline void rig_close(struct rig *rig)
{
    worktree_drop(&rig->worktree);
    pool_drop(&rig->pool);
    cas_drop(&rig->cas);
    assert_fine(index_save(rig->index));
    index_drop(&rig->index);
    workspace_drop(rig->workspace);
}

static inline void rig_drop(struct rig *rig)
{
    rig_close(rig);
    arena_drop(&rig->arena);
    scratch_drop(&rig->scratch);
}

/* The next command of the user. */
static inline void rig_again(struct rig *rig)
{
    rig_close(rig);
    rig_reopen(rig);
}

static inline struct artifact rig_look(struct rig *rig, const char *path, enum look_role role)
{
    struct artifact artifact = {0};
    assert_fine(worktree_look(rig->worktree, str_of(path), role, &artifact));
    return artifact;
}

/* Captured, flushed, and copied so that it outlives rig_again. */
static inline struct artifact rig_capture(struct rig *rig, const char *path)
{
    struct artifact artifact = {0};
    assert_fine(worktree_capture(rig->worktree, str_of(path), &artifact));
    assert_fine(cas_flush(rig->cas));
    artifact.path = str_copy(&rig->arena, artifact.path);
    struct str *empty = arena_new_array(&rig->arena, struct str, artifact.empty_dir_count);
    for (size_t i = 0; i < artifact.empty_dir_count; i++)
        empty[i] = str_copy(&rig->arena, artifact.empty_dirs[i]);
    artifact.empty_dirs = empty;
    return artifact;
}

static inline bool rig_restore(struct rig *rig, const struct artifact *artifact, int *displaced)
{
    bool done = false;
    *displaced = 0;
    assert_fine(worktree_restore(rig->worktree, artifact, STR("displaced/run"), displaced, &done));
    return done;
}

/* Path of an object below the rig's directory. */
static inline const char *rig_object(struct rig *rig, struct digest digest)
{
    struct str hex = digest_hex(&rig->arena, digest);
    return str_print(&rig->arena, ".mlops/cache/obj/%.2s/%s", hex.at, hex.at + 2).at;
}

/* Changes a byte in place, as bit rot or an editor would; the times as they were if `quiet`. */
static inline void rig_damage(struct rig *rig, const char *path, bool quiet)
{
    struct stat seen;
    assert_int_equal(fstatat(rig->scratch.fd, path, &seen, 0), 0);
    assert_int_equal(fchmodat(rig->scratch.fd, path, 0644, 0), 0);
    int fd = openat(rig->scratch.fd, path, O_RDWR | O_CLOEXEC);
    char byte = 0;
    assert_int_equal(pread(fd, &byte, 1, 0), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, 0), 1);
    struct timespec times[2] = {seen.st_atim, seen.st_mtim};
    if (quiet)
        assert_int_equal(futimens(fd, times), 0);
    close(fd);
    assert_int_equal(fchmodat(rig->scratch.fd, path, seen.st_mode & 07777, 0), 0);
}

/* A directory with what directories can hold. */
static inline void rig_make_tree(struct rig *rig)
{
    scratch_directory(&rig->scratch, "out");
    scratch_directory(&rig->scratch, "out/sub");
    scratch_directory(&rig->scratch, "out/sub/deep");
    scratch_directory(&rig->scratch, "out/empty");
    scratch_write(&rig->scratch, "out/a", "aaa");
    scratch_write(&rig->scratch, "out/sub/b", "bbb");
    scratch_write(&rig->scratch, "out/sub/deep/c", "ccc");
    scratch_write(&rig->scratch, "out/run", "x");
    assert_int_equal(fchmodat(rig->scratch.fd, "out/run", 0755, 0), 0);
    assert_int_equal(symlinkat("sub/b", rig->scratch.fd, "out/link"), 0);
}

static inline void rig_expect_tree(struct rig *rig)
{
    scratch_expect(&rig->scratch, "out/a", "aaa");
    scratch_expect(&rig->scratch, "out/sub/b", "bbb");
    scratch_expect(&rig->scratch, "out/sub/deep/c", "ccc");
    scratch_expect(&rig->scratch, "out/link", "bbb");
    assert_true(S_ISLNK(scratch_mode(&rig->scratch, "out/link")));
    assert_true(scratch_mode(&rig->scratch, "out/run") & S_IXUSR);
    assert_false(scratch_mode(&rig->scratch, "out/a") & S_IXUSR);
    assert_true(S_ISDIR(scratch_mode(&rig->scratch, "out/empty")));
}
