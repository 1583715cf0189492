#include "mlops/host/vcs.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"

#include <ctype.h>
#include <stdlib.h>

#include "vcs_private.h"

struct error *vcs_fault(int status, const char *format, ...)
{
    const git_error *last = git2()->error_last();
    AUTO(buf_drop) struct buf text = {0};
    va_list arguments;
    va_start(arguments, format);
    buf_print_list(&text, format, arguments);
    va_end(arguments);
    struct error *error = error_new(ERROR_MACHINE, "%s", text.at);
    error->cause = error_new(ERROR_MACHINE, "libgit2: %s (%d)",
                             last && last->message ? last->message : "no message", status);
    return error;
}

/* libgit2 refuses a repository of somebody else, as git does: its settings could run programs. */
static FALLIBLE fault_owner(struct str directory)
{
    struct arena arena = {0};
    struct str top = {0};
    struct error *error = vcs_find_top(&arena, directory, &top);
    if (!error) {
        if (!top.len)
            top = directory;
        error = error_new(ERROR_MACHINE, "the git repository '%.*s' belongs to another user",
                          STR_FMT(top));
        error =
            error_hint(error, "if you trust it: git config --global --add safe.directory '%.*s'",
                       STR_FMT(top));
    }
    arena_drop(&arena);
    return error;
}

static void vcs_keep_top(struct vcs *vcs, const char *directory)
{
    size_t len = strlen(directory);
    while (len > 1 && directory[len - 1] == '/')
        len--;
    vcs->top = memory_grow(NULL, len + 1);
    memcpy(vcs->top, directory, len);
    vcs->top[len] = '\0';
    vcs->top_len = len;
}

/* libgit2 1.5.1 answers "not found" where safe.directory was asked for and is not set at all. */
static bool is_owner_fault(int status)
{
    const git_error *last = status == GIT_ENOTFOUND ? git2()->error_last() : NULL;
    return status == GIT_EOWNER ||
           (last && last->message && strstr(last->message, "safe.directory"));
}

struct error *vcs_open(struct str directory, struct vcs **ret)
{
    AUTO(buf_drop) struct buf path = {0};
    buf_add_str(&path, directory);
    AUTO(arena_drop) struct arena scratch = {0};
    struct str found = {0};
    check(path.len && path.at[0] == '/' && strlen(path.at) == path.len);
    *ret = NULL;
    TRY(vcs_find_top(&scratch, directory, &found));
    if (!found.len || !git2()) /* loading libgit2 takes longer than most answers */
        return NULL;
    AUTO(vcs_drop) struct vcs *vcs = memory_grow(NULL, sizeof *vcs);
    *vcs = (struct vcs){0};
    int status = git2()->repository_open_ext(&vcs->repository, path.at, 0, NULL);
    if (is_owner_fault(status))
        return fault_owner(directory);
    if (status < 0 && status != GIT_ENOTFOUND)
        return vcs_fault(status, "the git repository of '%s' can't be opened", path.at);
    const char *top = status < 0 ? NULL : git2()->repository_workdir(vcs->repository);
    if (top)
        vcs_keep_top(vcs, top);
    *ret = top ? vcs : NULL; /* a bare repository has no files of ours */
    if (top)
        vcs = NULL;
    return NULL;
}

void vcs_drop(struct vcs **vcs)
{
    struct vcs *dropped = *vcs;
    *vcs = NULL;
    if (!dropped)
        return;
    if (dropped->repository)
        git2()->repository_free(dropped->repository);
    free(dropped->top);
    free(dropped);
}

struct str vcs_top(const struct vcs *vcs)
{
    return (struct str){vcs->top, vcs->top_len};
}

struct str vcs_hex(struct arena *arena, const git_oid *id)
{
    char hex[GIT_OID_HEXSZ];
    git2()->oid_fmt(hex, id);
    return str_copy(arena, (struct str){hex, sizeof hex});
}

static struct str branch_of(struct arena *arena, const char *name)
{
    struct str text = str_of(name), prefix = STR("refs/heads/");
    if (!str_starts(text, prefix))
        return (struct str){0};
    return str_copy(arena, str_slice(text, prefix.len, text.len));
}

/* A branch before its first commit: HEAD names it, but there is nothing to look up. */
static FALLIBLE head_unborn(struct vcs *vcs, struct arena *arena, struct str *ret_commit,
                            struct str *ret_branch)
{
    AUTO(git2_drop_reference) git_reference *head = NULL;
    TRY_GIT(git2()->reference_lookup(&head, vcs->repository, "HEAD"),
            "HEAD of the git repository '%s' can't be read", vcs->top);
    *ret_branch = branch_of(arena, git2()->reference_symbolic_target(head));
    *ret_commit = (struct str){0};
    return NULL;
}

struct error *vcs_head(struct vcs *vcs, struct arena *arena, struct str *ret_commit,
                       struct str *ret_branch)
{
    AUTO(git2_drop_reference) git_reference *head = NULL;
    int status = git2()->repository_head(&head, vcs->repository);
    if (status == GIT_EUNBORNBRANCH)
        return head_unborn(vcs, arena, ret_commit, ret_branch);
    TRY_GIT(status, "HEAD of the git repository '%s' can't be read", vcs->top);
    *ret_commit = vcs_hex(arena, git2()->reference_target(head));
    *ret_branch = branch_of(arena, git2()->reference_name(head));
    return NULL;
}

/* Where host and path of a URL begin: behind "scheme://" and behind "user:password@". */
static struct str url_without_secrets(struct arena *arena, struct str url)
{
    ptrdiff_t scheme = str_find(url, STR("://"));
    size_t host = scheme < 0 ? 0 : (size_t)scheme + 3;
    struct str rest = str_slice(url, host, url.len);
    /* The host ends at the first '/' or, in the form user@host:path, at the ':'. */
    ptrdiff_t slash = str_find_char(rest, '/');
    struct str authority = slash < 0 ? rest : str_slice(rest, 0, (size_t)slash);
    ptrdiff_t at = str_find_last_char(authority, '@');
    if (scheme < 0 && str_find_last_char(authority, ':') < at)
        at = -1; /* a path of this machine that happens to hold an '@' */
    rest = str_slice(rest, (size_t)(at + 1), rest.len);
    ptrdiff_t query = scheme < 0 ? -1 : str_find_char(rest, '?');
    if (query >= 0) /* tokens are handed over in queries, too */
        rest = str_slice(rest, 0, (size_t)query);
    struct str start = str_slice(url, 0, host);
    return str_print(arena, "%.*s%.*s", STR_FMT(start), STR_FMT(rest));
}

/* From the settings as they are: git_remote_lookup leaks, and would put in what url.X.insteadOf
 * says, which on build machines is a token. */
struct error *vcs_remote(struct vcs *vcs, struct arena *arena, struct str *ret_url)
{
    AUTO(git2_drop_config) git_config *config = NULL;
    const char *url = NULL;
    TRY_GIT(git2()->repository_config_snapshot(&config, vcs->repository),
            "the settings of the git repository '%s' can't be read", vcs->top);
    int status = git2()->config_get_string(&url, config, "remote.origin.url");
    if (status != GIT_ENOTFOUND)
        TRY_GIT(status, "the remote 'origin' of '%s' can't be read", vcs->top);
    *ret_url = status < 0 ? (struct str){0} : url_without_secrets(arena, str_of(url));
    return NULL;
}

static int see_refspec(const git_config_entry *entry, void *context)
{
    bool *is_all = context;
    struct str spec = str_of(entry->value);
    spec = str_slice(spec, str_starts(spec, STR("+")) ? 1 : 0, spec.len);
    *is_all = *is_all || str_starts(spec, STR("refs/heads/*:")) || str_starts(spec, STR("refs/*:"));
    return 0;
}

struct error *vcs_extent_of(struct vcs *vcs, struct vcs_extent *ret)
{
    AUTO(git2_drop_config) git_config *config = NULL;
    const char *url = NULL;
    bool is_all = false;
    TRY_GIT(git2()->repository_config_snapshot(&config, vcs->repository),
            "the settings of the git repository '%s' can't be read", vcs->top);
    bool has_origin = git2()->config_get_string(&url, config, "remote.origin.url") == 0;
    int status = git2()->config_get_multivar_foreach(config, "remote.origin.fetch", NULL,
                                                     see_refspec, &is_all);
    if (status != GIT_ENOTFOUND)
        TRY_GIT(status, "the remote 'origin' of '%s' can't be read", vcs->top);
    ret->is_shallow = git2()->repository_is_shallow(vcs->repository) == 1;
    ret->is_some_branches = has_origin && !is_all;
    return NULL;
}

static bool holds_nul(struct str text)
{
    return text.len && memchr(text.at, '\0', text.len);
}

/* "@" is short for HEAD, which libgit2 does not know in all places. */
static const char *revision_name(struct arena *arena, struct str revision)
{
    bool is_short = revision.at[0] == '@' && (revision.len == 1 || strchr("~^:", revision.at[1]));
    if (!is_short)
        return str_terminate(arena, revision);
    return str_print(arena, "HEAD%.*s", STR_FMT(str_slice(revision, 1, revision.len))).at;
}

/* Nobody means an object by so few digits, of which libgit2 says that it can't tell which one. */
static bool is_too_short(struct str revision)
{
    size_t digits = 0;
    while (digits < revision.len && isxdigit((unsigned char)revision.at[digits]))
        digits++;
    return digits < GIT_OID_MINPREFIXLEN;
}

struct error *vcs_resolve(struct vcs *vcs, struct arena *arena, struct str revision,
                          struct str *ret_commit, bool *ret_found)
{
    AUTO(git2_drop_object) git_object *object = NULL, *commit = NULL;
    *ret_found = false;
    if (revision.len == 0 || holds_nul(revision))
        return NULL;
    const char *name = revision_name(arena, revision);
    int status = git2()->revparse_single(&object, vcs->repository, name);
    if (status == GIT_ENOTFOUND || status == GIT_EINVALIDSPEC || status == GIT_EUNBORNBRANCH)
        return NULL;
    if (status == GIT_EAMBIGUOUS && is_too_short(revision))
        return NULL;
    TRY_GIT(status, "the revision '%s' can't be looked up", name);
    status = git2()->object_peel(&commit, object, GIT_OBJECT_COMMIT);
    if (status == GIT_EPEEL || status == GIT_EINVALIDSPEC || status == GIT_EAMBIGUOUS)
        return NULL; /* it names a file or a directory */
    TRY_GIT(status, "the revision '%s' can't be looked up", name);
    *ret_commit = vcs_hex(arena, git2()->object_id(commit));
    *ret_found = true;
    return NULL;
}

static bool is_tracked(git_index *index, struct arena *arena, struct str path)
{
    while (path.len && path.at[path.len - 1] == '/')
        path.len--;
    if (path.len == 0 || str_is(path, "."))
        return git2()->index_entrycount(index) > 0;
    if (holds_nul(path))
        return false;
    const char *name = str_terminate(arena, path);
    if (git2()->index_find(NULL, index, name) == 0)
        return true;
    struct str below = str_print(arena, "%s/", name);
    return git2()->index_find_prefix(NULL, index, below.at) == 0;
}

struct error *vcs_tracked(struct vcs *vcs, struct arena *arena, const struct str *paths,
                          size_t count, struct vcs_path_vec *ret)
{
    AUTO(git2_drop_index) git_index *index = NULL;
    struct vcs_path_vec tracked = {0};
    struct arena scratch = {0};
    TRY_GIT(git2()->repository_index(&index, vcs->repository),
            "the index of the git repository '%s' can't be read", vcs->top);
    TRY_GIT(git2()->index_read(index, false), "the index of the git repository '%s' can't be read",
            vcs->top);
    for (size_t i = 0; i < count; i++)
        if (is_tracked(index, &scratch, paths[i]))
            *vec_push(arena, &tracked) = paths[i];
    arena_drop(&scratch);
    *ret = tracked;
    return NULL;
}
