#include <fcntl.h>
#include <unistd.h>

#include "worktree_private.h"

enum { IGNORE_BYTES_MOST = 1048576 };

bool ignores_match(const struct ignore_chain *chain, struct str path, bool is_directory)
{
    for (; chain; chain = chain->outer) {
        int said = chain->rules ? ignore_match(chain->rules, path, is_directory) : -1;
        if (said >= 0)
            return said == 1;
    }
    return false;
}

FALLIBLE ignores_read(struct arena *arena, int directory_fd, struct str path,
                      const struct ignore_chain *outer, const struct ignore_chain **ret)
{
    static const char *const names[] = {".dvcignore",
                                        ".mlopsignore"}; /* the later one is stronger */
    *ret = outer;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct str text = {0};
        bool found = false;
        TRY_WITHIN(file_read(arena, directory_fd, names[i], IGNORE_BYTES_MOST, &text, &found),
                   "ignore file of '%.*s'", STR_FMT(path));
        if (!found)
            continue;
        struct ignore_chain *chain = arena_new(arena, struct ignore_chain);
        *chain = (struct ignore_chain){ignore_parse(arena, path, text), *ret};
        *ret = chain;
    }
    return NULL;
}

static FALLIBLE ignores_at(struct worktree *worktree, struct str directory,
                           const struct ignore_chain *outer, const struct ignore_chain **ret)
{
    const char *path = directory.len ? str_terminate(&worktree->memory, directory) : ".";
    AUTO(fd_drop)
    struct fd fd = fd_of(openat(worktree->root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct ignore_chain *chain = arena_new(&worktree->memory, struct ignore_chain);
    const struct ignore_chain *read = outer;
    if (fd_number(fd) >= 0)
        TRY(ignores_read(&worktree->memory, fd_number(fd), directory, outer, &read));
    chain->outer = read;
    map_put(&worktree->memory, &worktree->ignores, str_copy(&worktree->memory, directory), chain);
    *ret = chain;
    return NULL;
}

/* From the root down, each directory once in the life of a worktree. */
FALLIBLE ignores_of(struct worktree *worktree, struct str directory,
                    const struct ignore_chain **ret)
{
    const struct ignore_chain *chain = map_get(&worktree->ignores, STR(""));
    if (!chain)
        TRY(ignores_at(worktree, STR(""), NULL, &chain));
    for (size_t end = 1; end <= directory.len; end++) {
        if (end < directory.len && directory.at[end] != '/')
            continue;
        struct str part = str_slice(directory, 0, end);
        const struct ignore_chain *inner = map_get(&worktree->ignores, part);
        if (!inner)
            TRY(ignores_at(worktree, part, chain, &inner));
        chain = inner;
    }
    *ret = chain;
    return NULL;
}
