/* Words that name a repository. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/host/file.h"
#include "mlops/model/name.h"
#include "mlops/store/mirror.h"

#include <fcntl.h>
#include <sys/stat.h>

static const char *const schemes[] = {"https", "http", "ssh", "git", "file", "git+ssh", "ssh+git"};

static struct str scheme_of(struct str word)
{
    ptrdiff_t at = str_find(word, STR("://"));
    ptrdiff_t slash = str_find_char(word, '/');
    return at > 0 && slash > at ? str_slice(word, 0, (size_t)at) : STR("");
}

/* HOST:PATH or USER@HOST:PATH, unless a '/' stands before the colon. */
static bool is_scp(struct str word)
{
    ptrdiff_t colon = str_find_char(word, ':'), slash = str_find_char(word, '/');
    for (size_t i = 0; i < COUNT_OF(schemes); i++)
        if (colon > 0 && str_is(str_slice(word, 0, (size_t)colon), schemes[i]))
            return false; /* the beginning of a URL, mistyped */
    return colon > 0 && !scheme_of(word).len && (slash < 0 || slash > colon) &&
           (size_t)colon + 1 < word.len;
}

bool mirror_is_surely(struct str word)
{
    struct str scheme = scheme_of(word);
    struct str path = word;
    while (path.len && path.at[path.len - 1] == '/')
        path.len--;
    return str_is(scheme, "git") || str_is(scheme, "git+ssh") || str_is(scheme, "ssh+git") ||
           str_ends(path, STR(".git")) || (is_scp(word) && str_find(word, STR("::")) < 0);
}

/* What git would take as an option, or as the name of a program that is to speak for it. */
static FALLIBLE check_word(struct str word)
{
    if (!word.len || word.len > (size_t)LIMIT_PATH_BYTES)
        return error_new(ERROR_USAGE, "the URL is %s", word.len ? "too long" : "empty");
    for (size_t i = 0; i < word.len; i++)
        if ((unsigned char)word.at[i] < ' ' || word.at[i] == 0x7f)
            return error_new(ERROR_USAGE, "the URL holds control characters");
    ptrdiff_t helper = str_find(word, STR("::")), slash = str_find_char(word, '/');
    if (word.at[0] == '-' || (helper >= 0 && (slash < 0 || helper < slash)))
        return error_hint(
            error_new(ERROR_USAGE, "'%.*s' is no URL of a git repository", STR_FMT(word)),
            "https://, ssh://, git://, file://, HOST:PATH or a path");
    return NULL;
}

static FALLIBLE check_scheme(struct str word, struct str scheme)
{
    for (size_t i = 0; i < COUNT_OF(schemes); i++)
        if (str_is(scheme, schemes[i]))
            return NULL;
    return error_hint(error_new(ERROR_USAGE, "git can't fetch from '%.*s'", STR_FMT(word)),
                      "https://, ssh://, git://, file://, HOST:PATH or a path");
}

/* Behind the scheme: no password, and no host that ssh would take as an option. */
static FALLIBLE check_host(struct str word, struct str rest)
{
    ptrdiff_t slash = str_find_char(rest, '/');
    struct str authority = slash < 0 ? rest : str_slice(rest, 0, (size_t)slash);
    ptrdiff_t at = str_find_last_char(authority, '@');
    struct str user = at < 0 ? STR("") : str_slice(authority, 0, (size_t)at);
    struct str host = str_slice(authority, (size_t)(at + 1), authority.len);
    if (str_find_char(user, ':') >= 0)
        return error_hint(
            error_new(ERROR_USAGE, "the URL holds a password, which would be recorded"),
            "leave it to a credential helper of git (git help credentials)");
    if (!host.len || host.at[0] == '-' || user.at[0] == '-')
        return error_new(ERROR_USAGE, "'%.*s' names no host", STR_FMT(word));
    return NULL;
}

static FALLIBLE place_of_url(struct arena *arena, struct str word, struct str scheme,
                             struct mirror_place *ret)
{
    struct str rest = str_slice(word, scheme.len + 3, word.len);
    TRY(check_scheme(word, scheme));
    struct str url = {str_terminate(arena, word), word.len};
    *ret = (struct mirror_place){.url = url, .git_url = url};
    if (!str_is(scheme, "file"))
        return check_host(word, rest);
    if (!rest.len || rest.at[0] != '/')
        return error_hint(error_new(ERROR_USAGE, "'%.*s' names no path", STR_FMT(word)),
                          "file:///ABSOLUTE/PATH");
    (void)path_resolve(arena, STR(""), rest, &ret->location);
    return NULL;
}

static FALLIBLE place_of_path(struct arena *arena, struct str word, struct str cwd, struct str root,
                              struct mirror_place *ret)
{
    struct file_stat stat = {0};
    struct str absolute = {0};
    bool found = false, is_relative = word.at[0] != '/';
    (void)path_resolve(arena, STR(""), path_join(arena, cwd, word), &absolute);
    absolute.at = str_terminate(arena, absolute);
    TRY(file_stat_at(AT_FDCWD, absolute.at, true, &stat, &found));
    if (!found || !S_ISDIR(stat.mode))
        return error_hint(error_new(ERROR_PROJECT, "'%.*s' is no repository: %s", STR_FMT(word),
                                    found ? "it is no directory" : "there is no such directory"),
                          "a URL (https://, ssh://, git://, file://, HOST:PATH) or a path");
    *ret = (struct mirror_place){.url = absolute, .git_url = absolute, .location = absolute};
    if (is_relative && root.len)
        ret->url = path_relative(arena, root, absolute);
    return NULL;
}

struct error *mirror_place_of(struct arena *arena, struct str word, struct str cwd, struct str root,
                              struct mirror_place *ret)
{
    TRY(check_word(word));
    struct str scheme = scheme_of(word);
    if (scheme.len)
        return place_of_url(arena, word, scheme, ret);
    if (!is_scp(word))
        return place_of_path(arena, word, cwd, root, ret);
    struct str url = {str_terminate(arena, word), word.len};
    *ret = (struct mirror_place){.url = url, .git_url = url};
    struct str host = str_slice(word, 0, (size_t)str_find_char(word, ':'));
    return check_host(word, host);
}
