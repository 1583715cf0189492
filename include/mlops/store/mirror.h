/* Git repositories of others: as much of one as a revision needs is mirrored in the user's cache
 * ($XDG_CACHE_HOME/mlops/git, or ~/.cache) and read from there. Nothing of it is checked out and
 * nothing that it holds is run. Places: docs/formats.md, "Places". */
#pragma once

#include "mlops/base/error.h"
#include "mlops/base/str.h"
#include "mlops/base/vec.h"

/* Where a repository is. */
struct mirror_place {
    struct str url;      /* as it is recorded: without password; a path that was typed relative is
                            relative to `root` of mirror_place_of */
    struct str git_url;  /* as git gets it: absolute; ends with a NUL */
    struct str location; /* the directory on this machine, absolute; empty: elsewhere */
};

/* Whether a word can only be a repository: of scheme git, ssh+git, or called "X.git", or as scp
 * writes it (HOST:PATH). A plain http(s) or ssh URL may be one. */
bool mirror_is_surely(struct str word);

/* A URL (https, http, ssh, git, file), HOST:PATH, or a path seen from `cwd`. `root`: of the
 * project that records it; empty: nobody does. ERROR_USAGE: none of that, or it holds a
 * password. */
FALLIBLE mirror_place_of(struct arena *arena, struct str word, struct str cwd, struct str root,
                         struct mirror_place *ret);

struct mirror {
    struct str directory; /* of the mirror: a repository whose work tree is empty */
    struct str commit;    /* 40 hex digits */
};

/* The commit that `rev` is now: a branch, tag, commit, or expression such as v1~2; empty: HEAD of
 * the repository. Asks the repository, unless `rev` is a whole id of a commit that is here; fetches
 * that commit alone where that is possible, else the history. ERROR_USAGE: no such revision, with
 * near names. ERROR_MACHINE: it can't be reached, or one may not read it. */
FALLIBLE mirror_open(struct arena *arena, const struct mirror_place *place, struct str rev,
                     struct mirror *ret);

/* One of those that are kept. */
struct mirror_use {
    struct str directory; /* absolute */
    struct str url;       /* as it was given; empty: an older version made it */
    const char *key;      /* its name in the base */
    int64_t size_bytes;
    int64_t used_ns; /* real time: last opened */
};
VEC(mirror_use_vec, struct mirror_use);

/* All of them, by key. None where there is no place for any. */
FALLIBLE mirror_list(struct arena *arena, struct mirror_use_vec *ret);

/* Removes one unless it is in use, or was opened after `before_ns`; *ret_removed false: it was. */
FALLIBLE mirror_remove(struct arena *arena, const struct mirror_use *use, int64_t before_ns,
                       bool *ret_removed);
