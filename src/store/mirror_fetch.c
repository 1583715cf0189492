/* What goes over the network, by the program git. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"

#include "mirror_private.h"

/* In .git of the mirror: all of the history is there, and fetched as a whole from now on. */
#define WHOLE_MARK ".git/mlops-whole"

/* --- git --- */

static bool has(struct str text, const char *part)
{
    return str_find(text, str_of(part)) >= 0;
}

static bool is_progress(struct str line)
{
    return has(line, " objects: ") || has(line, " deltas: ") || has(line, "remote: Total ") ||
           str_starts(line, STR("From "));
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
        first = first.len || is_said || is_progress(line) ? first : str_trim(line);
    }
    return first.len ? first : said;
}

FALLIBLE mirror_refused(const struct opening *opening, struct str errors)
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

FALLIBLE mirror_make_repository(struct opening *opening)
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
        TRY(git_call(arena, STR(""), words, (struct git_patience){0}, &answer));
        if (answer.exit_code)
            return error_new(ERROR_MACHINE, "git can't make '%.*s': %.*s",
                             STR_FMT(opening->directory), STR_FMT(complaint_of(answer.errors)));
    }
    return NULL;
}

FALLIBLE mirror_reopen(struct opening *opening)
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

static FALLIBLE fetch_once(const struct opening *opening, const char *const *words,
                           struct git_answer *ret)
{
    struct git_patience patience = {.stall_s = LIMIT_GIT_STALL_S};
    TRY_WITHIN(git_call(opening->arena, opening->directory, words, patience, ret),
               "the git repository '%.*s' can't be read", STR_FMT(opening->place->url));
    return NULL;
}

static FALLIBLE fetch(struct opening *opening, const char *const *words, struct git_answer *ret)
{
    TRY(fetch_once(opening, words, ret));
    if (!is_stale_lock(ret))
        return NULL;
    TRY(path_remove(fd_number(opening->base_fd), opening->key));
    TRY(mirror_make_repository(opening));
    return fetch_once(opening, words, ret);
}

FALLIBLE mirror_no_head(const struct opening *opening)
{
    return error_hint(error_new(ERROR_PROJECT,
                                "the HEAD of the git repository '%.*s' names no commit",
                                STR_FMT(opening->place->url)),
                      "say which branch: --rev BRANCH");
}

/* "HEAD~2" is of the other repository's HEAD, not of the mirror's. */
struct str mirror_rev_here(struct arena *arena, struct str rev)
{
    bool is_head = str_starts(rev, STR("HEAD")) &&
                   (rev.len == 4 || rev.at[4] == '~' || rev.at[4] == '^' || rev.at[4] == '@');
    if (rev.len == 1 && rev.at[0] == '@')
        return STR("refs/mlops/head");
    return is_head ? str_print(arena, "refs/mlops/head%.*s", STR_FMT(str_slice(rev, 4, rev.len)))
                   : rev;
}

/* Also what only an expression names. A repository may have a HEAD that names nothing. */
FALLIBLE mirror_fetch_all(struct opening *opening)
{
    struct arena *arena = opening->arena;
    struct git_answer answer = {0};
    struct file_stat stat = {0};
    bool is_shallow = false;
    bool needs_head =
        !opening->rev.len || !str_equal(mirror_rev_here(arena, opening->rev), opening->rev);
    const char *shallow = str_print(arena, "%s/.git/shallow", opening->key).at;
    TRY(file_stat_at(fd_number(opening->base_fd), shallow, true, &stat, &is_shallow));
    const char *const words[] = {"fetch",
                                 "--progress",
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
        return mirror_no_head(opening);
    if (answer.exit_code)
        return mirror_refused(opening, answer.errors);
    const char *mark = str_print(arena, "%s/" WHOLE_MARK, opening->key).at;
    TRY(file_publish(fd_number(opening->base_fd), mark, STR(""), 0600, false));
    return mirror_reopen(opening);
}

/* Servers of plain files can't cut the history, and old ones give no single commit. */
FALLIBLE mirror_fetch_one(struct opening *opening, struct str from, struct str id)
{
    struct arena *arena = opening->arena;
    struct git_answer answer = {0};
    bool whole = false;
    TRY(is_whole(opening, &whole));
    if (whole)
        return mirror_fetch_all(opening);
    const char *spec = str_print(arena, "+%.*s:" KEPT_REF "%.*s", STR_FMT(from), STR_FMT(id)).at;
    const char *const words[] = {"fetch",
                                 "--progress",
                                 "--no-tags",
                                 "--no-write-fetch-head",
                                 "--depth=1",
                                 "--",
                                 opening->place->git_url.at,
                                 spec,
                                 NULL};
    TRY(fetch(opening, words, &answer));
    if (!answer.exit_code)
        return mirror_reopen(opening);
    bool is_about_depth = has(answer.errors, "shallow") || has(answer.errors, "not our ref") ||
                          has(answer.errors, "unadvertised object");
    return is_about_depth ? mirror_fetch_all(opening) : mirror_refused(opening, answer.errors);
}
