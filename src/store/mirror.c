#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/base/vec.h"
#include "mlops/codec/digest.h"
#include "mlops/codec/schema.h"
#include "mlops/host/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "mirror_private.h"

enum { COMMIT_DIGITS = 40, NAMES_MOST = 1000 };

VEC(name_vec, const char *);

static void opening_drop(struct opening *opening)
{
    vcs_drop(&opening->vcs);
    fd_drop(&opening->base_fd);
}

/* --- the place --- */

FALLIBLE mirror_base(struct arena *arena, struct str *ret)
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
    TRY(mirror_base(opening->arena, &base));
    TRY_WITHIN(directory_make(AT_FDCWD, str_terminate(opening->arena, base), false),
               "making a place for copies of repositories");
    TRY(directory_open(AT_FDCWD, base.at, &opening->base_fd));
    if (fchmod(fd_number(opening->base_fd), 0700) != 0 && errno != EPERM)
        return error_os(errno, "cannot make '%s' private", base.at);
    char hex[DIGEST_HEX_LEN + 1];
    digest_print(digest_of(opening->place->git_url.at, opening->place->git_url.len), hex);
    opening->key = str_print(opening->arena, "%.*s", MIRROR_KEY_DIGITS, hex).at;
    opening->directory = path_join(opening->arena, base, str_of(opening->key));
    return NULL;
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
    TRY_WITHIN(git_call(opening->arena, STR(""), words.at,
                        (struct git_patience){.most_s = LIMIT_GIT_LIST_S}, &answer),
               "the git repository '%.*s' can't be read", STR_FMT(opening->place->url));
    *ret = answer.output;
    return answer.exit_code ? mirror_refused(opening, answer.errors) : NULL;
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
    TRY(mirror_fetch_all(opening));
    return find_here(opening, mirror_rev_here(opening->arena, opening->rev), ret, ret_found);
}

static FALLIBLE resolve_id(struct opening *opening, struct str *ret, bool *ret_found)
{
    TRY(find_here(opening, opening->rev, ret, ret_found));
    if (*ret_found)
        return NULL;
    TRY(mirror_fetch_one(opening, opening->rev, opening->rev));
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
    TRY(mirror_fetch_one(opening, ref, id));
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
        return mirror_no_head(opening);
    return found ? NULL : unknown_revision(opening);
}

/* Says what it is of, and by its time that it is used. */
static FALLIBLE note_use(const struct opening *opening)
{
    const char *mark = str_print(opening->arena, "%s/" USE_MARK, opening->key).at;
    return file_publish(fd_number(opening->base_fd), mark, opening->place->url, 0600, false);
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
    TRY(mirror_make_repository(&opening));
    TRY(mirror_reopen(&opening));
    TRY(note_use(&opening));
    TRY(resolve(&opening, &ret->commit));
    ret->directory = opening.directory;
    return NULL;
}
