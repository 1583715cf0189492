#include "mlops/store/projects.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/base/vec.h"
#include "mlops/codec/canon.h"
#include "mlops/host/walk.h"
#include "mlops/model/name.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REF_BYTES_MOST = 16384, ROOT_HEX = 8 };

static const struct str ref_tag = STR_ROW("mlops.repo.1");

/* Two checkouts of one project have the same id: the root tells them apart. */
static struct str ref_name(struct arena *arena, const struct workspace *workspace)
{
    char hex[DIGEST_HEX_LEN + 1];
    digest_print(digest_of(workspace->root.at, workspace->root.len), hex);
    return str_print(arena, "%.*s-%.*s", STR_FMT(workspace->config.project), ROOT_HEX, hex);
}

static void ref_encode(const struct project_ref *ref, struct buf *out)
{
    canon_str(out, ref_tag);
    canon_str(out, ref->id);
    canon_str(out, ref->root);
}

static FALLIBLE ref_decode(struct str bytes, struct project_ref *ret)
{
    struct canon_reader reader = canon_reader_of(bytes);
    TRY(canon_expect_tag(&reader, ref_tag));
    TRY(canon_read_str(&reader, &ret->id));
    TRY(canon_read_str(&reader, &ret->root));
    return canon_expect_end(&reader);
}

/* Files of repos/ are published whole and their name says the project and where: one of the right
 * size is ours. */
static FALLIBLE is_known(int cache_fd, const char *path, size_t len, bool *ret)
{
    struct file_stat stat;
    bool found = false;
    TRY(file_stat_at(cache_fd, path, false, &stat, &found));
    *ret = found && stat.size_bytes == (int64_t)len;
    return NULL;
}

FALLIBLE projects_register(const struct workspace *workspace)
{
    int cache_fd = fd_number(workspace->cache_fd);
    bool found = false;
    bool has_own_cache = workspace->config.cache_dir.len == 0 || !workspace->config.project.len;
    if (has_own_cache || cache_fd < 0 || workspace->is_read_only || workspace->is_work_dir)
        return NULL; /* a work directory is part of its project, which has said so */
    AUTO(arena_drop) struct arena scratch = {0};
    struct project_ref ref = {ref_name(&scratch, workspace), workspace->config.project,
                              workspace->root};
    struct buf bytes = buf_in(&scratch);
    struct str path = path_join(&scratch, STR("repos"), ref.name);
    ref_encode(&ref, &bytes);
    TRY(is_known(cache_fd, path.at, bytes.len, &found));
    if (found)
        return NULL;
    TRY(directory_make(cache_fd, "repos", true));
    return file_publish(cache_fd, path.at, buf_str(&bytes), 0644, true);
}

VEC(ref_vec, struct project_ref);

static FALLIBLE read_ref(struct arena *arena, int repos_fd, struct str name, struct ref_vec *ret)
{
    struct project_ref ref = {.name = str_copy(arena, name)};
    struct str bytes = {0};
    bool found = false;
    TRY(file_read(arena, repos_fd, ref.name.at, REF_BYTES_MOST, &bytes, &found));
    if (!found)
        return NULL;
    TRY_WITHIN(ref_decode(bytes, &ref), "'repos/%s' of the cache", ref.name.at);
    *vec_push(arena, ret) = ref;
    return NULL;
}

/* A cache may be another project's own .mlops/cache: that one registers nowhere. */
static FALLIBLE add_host(struct arena *arena, const struct workspace *workspace,
                         struct ref_vec *refs)
{
    AUTO(workspace_drop) struct workspace host = {0};
    struct str cache = {0};
    TRY(path_real(arena, workspace->cache, &cache));
    struct str state = path_directory(cache), root = path_directory(state);
    bool is_own = !str_is(path_name(cache), "cache") || !str_is(path_name(state), ".mlops") ||
                  !root.len || str_equal(root, workspace->root);
    if (is_own)
        return NULL;
    TRY_WITHIN(workspace_find(arena, root, &host), "the project whose store this is, '%.*s'",
               STR_FMT(root));
    if (fd_number(host.state_fd) >= 0 && str_equal(host.root, root))
        *vec_push(arena, refs) =
            (struct project_ref){.name = STR(""), .id = host.config.project, .root = root};
    return NULL;
}

FALLIBLE projects_list(struct arena *arena, const struct workspace *workspace,
                       struct project_ref **ret, size_t *ret_count)
{
    struct ref_vec refs = {0};
    struct walk_list list = {0};
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    AUTO(fd_drop)
    struct fd repos = fd_of(openat(fd_number(workspace->cache_fd), "repos", flags));
    if (fd_number(repos) < 0 && errno != ENOENT)
        return error_os(errno, "cannot open 'repos' of the cache");
    if (fd_number(repos) >= 0)
        TRY(walk_list(arena, fd_number(repos), true, &list));
    struct str own = ref_name(arena, workspace);
    for (size_t i = 0; i < list.count; i++) {
        struct str name = list.entries[i].name;
        bool is_temporary = name.at[0] == '.'; /* being published */
        if (!is_temporary && !str_equal(name, own))
            TRY(read_ref(arena, fd_number(repos), name, &refs));
    }
    TRY(add_host(arena, workspace, &refs));
    *ret = refs.at;
    *ret_count = refs.len;
    return NULL;
}

static FALLIBLE is_still_there(const struct project_ref *ref, bool *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(workspace_drop) struct workspace workspace = {0};
    TRY(workspace_find(&scratch, ref->root, &workspace));
    *ret = fd_number(workspace.state_fd) >= 0 && str_equal(workspace.config.project, ref->id) &&
           str_equal(workspace.root, ref->root);
    return NULL;
}

static FALLIBLE forget(struct arena *arena, const struct workspace *workspace,
                       const struct project_ref *ref)
{
    struct stat stat;
    bool is_there = false;
    struct str path = path_join(arena, STR("repos"), ref->name);
    if (!ref->name.len)
        return error_new(ERROR_USAGE, "the cache is that of project %.*s itself, in '%.*s'",
                         STR_FMT(ref->id), STR_FMT(ref->root));
    bool is_root_there = lstat(str_terminate(arena, ref->root), &stat) == 0;
    if (is_root_there)
        TRY(is_still_there(ref, &is_there));
    if (is_there)
        return error_hint(error_new(ERROR_USAGE, "project %.*s is still in '%.*s'",
                                    STR_FMT(ref->id), STR_FMT(ref->root)),
                          "only what a project needs that is gone can be forgotten");
    if (unlinkat(fd_number(workspace->cache_fd), path.at, 0) != 0 && errno != ENOENT)
        return error_os(errno, "cannot remove '%s' of the cache", path.at);
    return directory_sync(fd_number(workspace->cache_fd), "repos");
}

FALLIBLE projects_forget(struct arena *arena, const struct workspace *workspace, struct str id,
                         size_t *ret_count)
{
    struct project_ref *refs = NULL;
    size_t count = 0;
    *ret_count = 0;
    TRY(projects_list(arena, workspace, &refs, &count));
    for (size_t i = 0; i < count; i++) {
        if (!str_equal(refs[i].id, id))
            continue;
        TRY(forget(arena, workspace, &refs[i]));
        (*ret_count)++;
    }
    return NULL;
}
