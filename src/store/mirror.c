#include "mlops/store/mirror.h"

#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/base/vec.h"
#include "mlops/codec/digest.h"
#include "mlops/codec/schema.h"
#include "mlops/host/file.h"
#include "mlops/host/git.h"
#include "mlops/host/lock.h"
#include "mlops/host/vcs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

/* In .git of the mirror: all of the history is there, and fetched as a whole from now on. */
#define WHOLE_MARK ".git/mlops-whole"
#define KEPT_REF "refs/keep/"

enum { KEY_DIGITS = 32, COMMIT_DIGITS = 40, NAMES_MOST = 1000 };

VEC(name_vec, const char *);

/* One opening. */
struct opening {
    struct arena *arena;
    const struct mirror_place *place;
    struct str rev;
    struct fd base_fd;    /* of all mirrors */
    struct str directory; /* of this one, absolute */
    const char *key;      /* its name in the base */
    struct vcs *vcs;
};

static void opening_drop(struct opening *opening)
{
    vcs_drop(&opening->vcs);
    fd_drop(&opening->base_fd);
}

/* --- the place --- */

static FALLIBLE base_of(struct arena *arena, struct str *ret)
{
    const char *base = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    if (base && base[0] == '/')
        *ret = path_join(arena, str_of(base), STR("mlops/git"));
    else if (home && home[0] == '/')
        *ret = path_join(arena, str_of(home), STR(".cache/mlops/git"));
    else
        return error_hint(error_new(ERROR_MACHINE, "there is no place for copies of repositories"),
                          "set XDG_CACHE_HOME to a directory");
    return NULL;
}

/* Only the user's: what is private there is private here. */
static FALLIBLE open_base(struct opening *opening)
{
    struct str base = {0};
    TRY(base_of(opening->arena, &base));
    TRY_WITHIN(directory_make(AT_FDCWD, str_terminate(opening->arena, base), false),
               "making a place for copies of repositories");
    TRY(directory_open(AT_FDCWD, base.at, &opening->base_fd));
    if (fchmod(fd_number(opening->base_fd), 0700) != 0 && errno != EPERM)
        return error_os(errno, "cannot make '%s' private", base.at);
    char hex[DIGEST_HEX_LEN + 1];
    digest_print(digest_of(opening->place->git_url.at, opening->place->git_url.len), hex);
    opening->key = str_print(opening->arena, "%.*s", KEY_DIGITS, hex).at;
    opening->directory = path_join(opening->arena, base, str_of(opening->key));
    return NULL;
}

/* --- git --- */

static bool has(struct str text, const char *part)
{
    return str_find(text, str_of(part)) >= 0;
}

/* The line that says what is wrong: git's, unless it only says that what it started (ssh) failed.
 */
static struct str complaint_of(struct str errors)
{
    struct str rest = str_trim(errors), line = {0}, first = {0}, said = {0};
    while (rest.len && str_split(&rest, '\n', &line)) {
        bool is_said = str_starts(line, STR("fatal: ")) || str_starts(line, STR("ERROR: "));
        bool is_hollow = has(line, "Could not read from remote") || has(line, "hung up");
        if (is_said && !is_hollow)
            return str_slice(line, 7, line.len);
        said = is_said ? str_slice(line, 7, line.len) : said;
        first = first.len || is_said ? first : str_trim(line);
    }
    return first.len ? first : said;
}

static FALLIBLE refused(const struct opening *opening, struct str errors)
{
    static const char *const locked[] = {"could not read Username", "terminal prompts disabled",
                                         "Authentication failed",   "Permission denied",
                                         "access denied",           "error: 403"};
    struct str url = opening->place->url, line = complaint_of(errors);
    struct error *error =
        error_new(ERROR_MACHINE, "the git repository '%.*s' can't be read", STR_FMT(url));
    error->cause = error_new(ERROR_MACHINE, "git: %.*s", STR_FMT(line));
    for (size_t i = 0; i < COUNT_OF(locked); i++)
        if (has(errors, locked[i]))
            return error_hint(error,
                              "it asks who you are, or you may not read it: 'git ls-remote' of it "
                              "must work without a question (credential helper, ssh key)");
    if (has(errors, "Host key verification failed"))
        return error_hint(error, "its key is not known here: 'ssh' to it once, and compare");
    if (has(errors, "dubious ownership"))
        return error_hint(error, "it belongs to another user; if you trust it: git config --global "
                                 "--add safe.directory DIRECTORY");
    return error_hint(error, "is the URL right, and the server there? 'git ls-remote' of it tells");
}

static FALLIBLE make_repository(struct opening *opening)
{
    struct arena *arena = opening->arena;
    struct file_stat stat = {0};
    bool found = false;
    struct git_answer answer = {0};
    const char *head = str_print(arena, "%s/.git/HEAD", opening->key).at;
    TRY(file_stat_at(fd_number(opening->base_fd), head, true, &stat, &found));
    if (!found) {
        const char *const words[] = {"init", "-q", "--template=", "--", opening->directory.at,
                                     NULL};
        TRY(path_remove(fd_number(opening->base_fd), opening->key));
        TRY(git_call(arena, STR(""), words, 0, &answer));
        if (answer.exit_code)
            return error_new(ERROR_MACHINE, "git can't make '%.*s': %.*s",
                             STR_FMT(opening->directory), STR_FMT(complaint_of(answer.errors)));
    }
    return NULL;
}

static FALLIBLE reopen(struct opening *opening)
{
    vcs_drop(&opening->vcs);
    TRY(vcs_open(opening->directory, &opening->vcs));
    return opening->vcs ? NULL
                        : error_new(ERROR_MACHINE, "git's library (libgit2) can't be loaded, which "
                                                   "reads repositories of others");
}

/* --- fetching --- */

static FALLIBLE is_whole(const struct opening *opening, bool *ret)
{
    struct file_stat stat = {0};
    const char *mark = str_print(opening->arena, "%s/" WHOLE_MARK, opening->key).at;
    return file_stat_at(fd_number(opening->base_fd), mark, true, &stat, ret);
}

/* What a fetch that was killed left: nobody else is here, since we hold the lock. */
static bool is_stale_lock(const struct git_answer *answer)
{
    return answer->exit_code && has(answer->errors, ".lock") && has(answer->errors, "File exists");
}

static FALLIBLE fetch(struct opening *opening, const char *const *words, struct git_answer *ret)
{
    TRY(git_call(opening->arena, opening->directory, words, 0, ret));
    if (!is_stale_lock(ret))
        return NULL;
    TRY(path_remove(fd_number(opening->base_fd), opening->key));
    TRY(make_repository(opening));
    return git_call(opening->arena, opening->directory, words, 0, ret);
}

static FALLIBLE no_head(const struct opening *opening)
{
    return error_hint(error_new(ERROR_PROJECT,
                                "the HEAD of the git repository '%.*s' names no commit",
                                STR_FMT(opening->place->url)),
                      "say which branch: --rev BRANCH");
}

/* "HEAD~2" is of the other repository's HEAD, not of the mirror's. */
static struct str rev_here(struct arena *arena, struct str rev)
{
    bool is_head = str_starts(rev, STR("HEAD")) &&
                   (rev.len == 4 || rev.at[4] == '~' || rev.at[4] == '^' || rev.at[4] == '@');
    if (rev.len == 1 && rev.at[0] == '@')
        return STR("refs/mlops/head");
    return is_head ? str_print(arena, "refs/mlops/head%.*s", STR_FMT(str_slice(rev, 4, rev.len)))
                   : rev;
}

/* Also what only an expression names. A repository may have a HEAD that names nothing. */
static FALLIBLE fetch_all(struct opening *opening)
{
    struct arena *arena = opening->arena;
    struct git_answer answer = {0};
    struct file_stat stat = {0};
    bool is_shallow = false;
    bool needs_head = !opening->rev.len || !str_equal(rev_here(arena, opening->rev), opening->rev);
    const char *shallow = str_print(arena, "%s/.git/shallow", opening->key).at;
    TRY(file_stat_at(fd_number(opening->base_fd), shallow, true, &stat, &is_shallow));
    const char *const words[] = {"fetch",
                                 "-q",
                                 "--no-tags",
                                 "--prune",
                                 "--force",
                                 is_shallow ? "--unshallow" : "--no-write-fetch-head",
                                 "--",
                                 opening->place->git_url.at,
                                 "+refs/heads/*:refs/remotes/*",
                                 "+refs/tags/*:refs/tags/*",
                                 needs_head ? "+HEAD:refs/mlops/head" : NULL,
                                 NULL};
    TRY(fetch(opening, words, &answer));
    if (answer.exit_code && has(answer.errors, "find remote ref HEAD"))
        return no_head(opening);
    if (answer.exit_code)
        return refused(opening, answer.errors);
    const char *mark = str_print(arena, "%s/" WHOLE_MARK, opening->key).at;
    TRY(file_publish(fd_number(opening->base_fd), mark, STR(""), 0600, false));
    return reopen(opening);
}

/* Servers of plain files can't cut the history, and old ones give no single commit. */
static FALLIBLE fetch_one(struct opening *opening, struct str from, struct str id)
{
    struct arena *arena = opening->arena;
    struct git_answer answer = {0};
    bool whole = false;
    TRY(is_whole(opening, &whole));
    if (whole)
        return fetch_all(opening);
    const char *spec = str_print(arena, "+%.*s:" KEPT_REF "%.*s", STR_FMT(from), STR_FMT(id)).at;
    const char *const words[] = {"fetch",
                                 "-q",
                                 "--no-tags",
                                 "--no-write-fetch-head",
                                 "--depth=1",
                                 "--",
                                 opening->place->git_url.at,
                                 spec,
                                 NULL};
    TRY(fetch(opening, words, &answer));
    if (!answer.exit_code)
        return reopen(opening);
    bool is_about_depth = has(answer.errors, "shallow") || has(answer.errors, "not our ref") ||
                          has(answer.errors, "unadvertised object");
    return is_about_depth ? fetch_all(opening) : refused(opening, answer.errors);
}

/* --- which commit --- */

static bool is_id(struct str rev)
{
    bool is_hex = rev.len == COMMIT_DIGITS;
    for (size_t i = 0; i < rev.len; i++)
        is_hex = is_hex &&
                 ((rev.at[i] >= '0' && rev.at[i] <= '9') || (rev.at[i] >= 'a' && rev.at[i] <= 'f'));
    return is_hex;
}

/* Whoever owns the repository may give a tag the name of a commit: that is not the commit. */
static FALLIBLE find_here(struct opening *opening, struct str rev, struct str *ret, bool *ret_found)
{
    *ret_found = false;
    TRY(vcs_resolve(opening->vcs, opening->arena, rev, ret, ret_found));
    *ret_found = *ret_found && (!is_id(rev) || str_equal(*ret, rev));
    return NULL;
}

static FALLIBLE list_remote(struct opening *opening, const char *const *patterns, struct str *ret)
{
    struct name_vec words = {0};
    struct git_answer answer = {0};
    *vec_push(opening->arena, &words) = "ls-remote";
    *vec_push(opening->arena, &words) = "-q";
    *vec_push(opening->arena, &words) = "--";
    *vec_push(opening->arena, &words) = opening->place->git_url.at;
    for (; *patterns; patterns++)
        *vec_push(opening->arena, &words) = *patterns;
    *vec_push(opening->arena, &words) = NULL;
    TRY_WITHIN(git_call(opening->arena, STR(""), words.at, LIMIT_GIT_LIST_S, &answer),
               "the git repository '%.*s' can't be read", STR_FMT(opening->place->url));
    *ret = answer.output;
    return answer.exit_code ? refused(opening, answer.errors) : NULL;
}

/* "ID<tab>NAME" in lines. */
static bool find_ref(struct str lines, struct str name, struct str *ret_id)
{
    struct str line = {0};
    while (str_split(&lines, '\n', &line)) {
        ptrdiff_t tab = str_find_char(line, '\t');
        if (tab > 0 && str_equal(str_slice(line, (size_t)tab + 1, line.len), name)) {
            *ret_id = str_slice(line, 0, (size_t)tab);
            return true;
        }
    }
    return false;
}

/* As git does it: a tag before a branch; of a tag the commit. */
static FALLIBLE ask(struct opening *opening, struct str *ret_ref, struct str *ret_id,
                    bool *ret_found)
{
    static const char *const forms[] = {"", "refs/", "refs/tags/", "refs/heads/"};
    struct arena *arena = opening->arena;
    struct str rev = opening->rev.len ? opening->rev : STR("HEAD"), lines = {0};
    const char *patterns[2 * COUNT_OF(forms) + 1] = {NULL};
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        patterns[2 * i] = str_print(arena, "%s%.*s", forms[i], STR_FMT(rev)).at;
        patterns[2 * i + 1] = str_print(arena, "%s^{}", patterns[2 * i]).at;
    }
    TRY(list_remote(opening, patterns, &lines));
    *ret_found = false;
    for (size_t i = 0; i < COUNT_OF(forms) && !*ret_found; i++) {
        *ret_ref = str_of(patterns[2 * i]);
        *ret_found = find_ref(lines, *ret_ref, ret_id);
        (void)find_ref(lines, str_of(patterns[2 * i + 1]), ret_id);
    }
    return NULL;
}

/* Names with a blank, '~' or ':' are none of a branch or tag: ls-remote would take '*' as a
 * pattern. */
static bool may_be_ref(struct str rev)
{
    for (size_t i = 0; i < rev.len; i++)
        if (memchr(" ~^:?*[\\@", rev.at[i], 9))
            return false;
    return true;
}

static FALLIBLE unknown_revision(struct opening *opening)
{
    static const char *const patterns[] = {"refs/heads/*", "refs/tags/*", NULL};
    struct name_vec names = {0};
    struct str lines = {0}, line = {0};
    TRY(list_remote(opening, patterns, &lines));
    while (names.len < NAMES_MOST && str_split(&lines, '\n', &line)) {
        ptrdiff_t slash = str_find(line, STR("\trefs/"));
        struct str name = str_slice(line, slash < 0 ? line.len : (size_t)slash + 6, line.len);
        ptrdiff_t kind = str_find_char(name, '/');
        if (kind > 0 && !str_ends(name, STR("^{}")))
            *vec_push(opening->arena, &names) =
                str_terminate(opening->arena, str_slice(name, (size_t)kind + 1, name.len));
    }
    const char *near = schema_suggest(opening->rev, names.at, names.len);
    struct error *error =
        error_new(ERROR_USAGE, "'%.*s' is no revision of '%.*s'%s%s%s", STR_FMT(opening->rev),
                  STR_FMT(opening->place->url), near ? " (did you mean '" : "", near ? near : "",
                  near ? "'?)" : "");
    return error_hint(error, "a branch, tag or commit; 'git ls-remote' lists the first two");
}

static FALLIBLE resolve_expression(struct opening *opening, struct str *ret, bool *ret_found)
{
    TRY(fetch_all(opening));
    return find_here(opening, rev_here(opening->arena, opening->rev), ret, ret_found);
}

static FALLIBLE resolve_id(struct opening *opening, struct str *ret, bool *ret_found)
{
    TRY(find_here(opening, opening->rev, ret, ret_found));
    if (*ret_found)
        return NULL;
    TRY(fetch_one(opening, opening->rev, opening->rev));
    return find_here(opening, opening->rev, ret, ret_found);
}

/* A branch that went on between both questions: what came is what counts. */
static FALLIBLE resolve_ref(struct opening *opening, struct str *ret, bool *ret_found)
{
    struct str ref = {0}, id = {0};
    TRY(ask(opening, &ref, &id, ret_found));
    if (!*ret_found)
        return NULL;
    TRY(find_here(opening, id, ret, ret_found));
    if (*ret_found)
        return NULL;
    TRY(fetch_one(opening, ref, id));
    struct str kept = str_print(opening->arena, KEPT_REF "%.*s", STR_FMT(id));
    TRY(find_here(opening, kept, ret, ret_found));
    return *ret_found ? NULL : find_here(opening, id, ret, ret_found);
}

static FALLIBLE resolve(struct opening *opening, struct str *ret)
{
    struct str rev = opening->rev;
    bool found = false;
    if (rev.len && rev.at[0] == '-')
        return unknown_revision(opening);
    if (is_id(rev))
        TRY(resolve_id(opening, ret, &found));
    else if (may_be_ref(rev))
        TRY(resolve_ref(opening, ret, &found));
    if (!found && rev.len)
        TRY(resolve_expression(opening, ret, &found));
    if (!found && !rev.len)
        return no_head(opening);
    return found ? NULL : unknown_revision(opening);
}

struct error *mirror_open(struct arena *arena, const struct mirror_place *place, struct str rev,
                          struct mirror *ret)
{
    AUTO(opening_drop)
    struct opening opening = {.arena = arena, .place = place, .rev = rev};
    AUTO(lock_drop) struct lock lock = {0};
    bool taken = false;
    TRY(open_base(&opening));
    const char *name = str_print(arena, "%s.lock", opening.key).at;
    TRY(lock_take(fd_number(opening.base_fd), name, LOCK_EXCLUSIVE, -1, NULL, NULL, &lock, &taken));
    TRY(make_repository(&opening));
    TRY(reopen(&opening));
    TRY(resolve(&opening, &ret->commit));
    ret->directory = opening.directory;
    return NULL;
}
