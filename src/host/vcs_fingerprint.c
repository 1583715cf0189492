#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/host/file.h"
#include "mlops/host/path.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "vcs_private.h"

/* The small files of a repository: HEAD, a link to another directory. */
enum { SMALL_FILE_BYTES = 65536 };

struct error *vcs_read_line(struct arena *arena, struct str path, struct str *ret)
{
    bool found = false;
    struct str text = {0};
    *ret = (struct str){0};
    TRY(file_read(arena, AT_FDCWD, path.at, SMALL_FILE_BYTES, &text, &found));
    if (found && text.len && !memchr(text.at, '\0', text.len))
        str_split(&text, '\n', ret);
    *ret = str_copy(arena, str_trim(*ret));
    return NULL;
}

/* The directory of the repository if `top` is the top of a work tree; else empty. In a further work
 * tree or a submodule .git is a file: "gitdir: PATH". */
static FALLIBLE find_repository_at(struct arena *arena, struct str top, struct str *ret)
{
    struct str path = path_join(arena, top, STR(".git"));
    struct file_stat seen;
    bool found = false;
    *ret = (struct str){0};
    TRY(file_stat_at(AT_FDCWD, path.at, true, &seen, &found));
    if (!found)
        return NULL;
    if (S_ISDIR(seen.mode)) {
        *ret = path;
        return NULL;
    }
    struct str line = {0}, prefix = STR("gitdir: ");
    if (S_ISREG(seen.mode))
        TRY(vcs_read_line(arena, path, &line));
    if (str_starts(line, prefix) && line.len > prefix.len)
        *ret = path_join(arena, top, str_slice(line, prefix.len, line.len));
    return NULL;
}

/* Upwards to the root; *ret_top and *ret_repository stay empty if there is none. */
static FALLIBLE find_upwards(struct arena *arena, struct str directory, struct str *ret_top,
                             struct str *ret_repository)
{
    struct str at = directory;
    for (;;) {
        struct str repository = {0};
        while (at.len > 1 && at.at[at.len - 1] == '/')
            at.len--;
        TRY(find_repository_at(arena, at, &repository));
        if (repository.len) {
            *ret_top = str_copy(arena, at);
            *ret_repository = repository;
            return NULL;
        }
        ptrdiff_t slash = str_find_last_char(at, '/');
        if (slash < 0 || at.len <= 1)
            return NULL;
        at.len = slash ? (size_t)slash : 1;
    }
}

struct error *vcs_find_top(struct arena *arena, struct str directory, struct str *ret)
{
    struct str repository = {0};
    *ret = (struct str){0};
    return find_upwards(arena, directory, ret, &repository);
}

/* One line: what stat says about a file. */
static FALLIBLE add_stat(struct arena *arena, struct buf *out, struct str repository,
                         struct str name)
{
    struct file_stat seen;
    bool found = false;
    TRY(file_stat_at(AT_FDCWD, path_join(arena, repository, name).at, true, &seen, &found));
    if (!found)
        buf_print(out, "%.*s -\n", STR_FMT(name));
    else
        buf_print(out, "%.*s %llu %lld %lld %lld\n", STR_FMT(name), (unsigned long long)seen.inode,
                  (long long)seen.size_bytes, (long long)seen.mtime_ns, (long long)seen.ctime_ns);
    return NULL;
}

/* Branches are shared by the work trees of a repository, HEAD and index are each one's own. */
static FALLIBLE find_common(struct arena *arena, struct str repository, struct str *ret)
{
    struct str common = {0};
    TRY(vcs_read_line(arena, path_join(arena, repository, STR("commondir")), &common));
    *ret = common.len ? path_join(arena, repository, common) : repository;
    return NULL;
}

static FALLIBLE print_fingerprint(struct arena *arena, struct str repository, struct buf *out)
{
    struct str head = {0}, common = {0}, prefix = STR("ref: ");
    TRY(vcs_read_line(arena, path_join(arena, repository, STR("HEAD")), &head));
    TRY(find_common(arena, repository, &common));
    buf_print(out, "%.*s\n", STR_FMT(head));
    if (str_starts(head, prefix))
        TRY(add_stat(arena, out, common, str_trim(str_slice(head, prefix.len, head.len))));
    TRY(add_stat(arena, out, common, STR("packed-refs")));
    return add_stat(arena, out, repository, STR("index"));
}

struct error *vcs_fingerprint(struct arena *arena, struct str directory, struct str *ret)
{
    struct arena scratch = {0};
    AUTO(buf_drop) struct buf out = {0};
    struct str top = {0}, repository = {0};
    struct error *error = find_upwards(&scratch, directory, &top, &repository);
    if (!error && repository.len)
        error = print_fingerprint(&scratch, repository, &out);
    if (!error)
        *ret = str_copy(arena, buf_str(&out));
    arena_drop(&scratch);
    return error;
}

struct error *vcs_check_none(struct str directory)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str fingerprint = {0};
    TRY(vcs_fingerprint(&scratch, directory, &fingerprint));
    if (fingerprint.len == 0)
        return NULL;
    return error_new(ERROR_MACHINE,
                     "the git repository around '%.*s' can't be read: libgit2 is not here",
                     STR_FMT(directory));
}
