/* Shared by the files of module mirror. */
#pragma once

#include "mlops/host/file.h"
#include "mlops/host/git.h"
#include "mlops/host/vcs.h"
#include "mlops/store/mirror.h"

#define KEPT_REF "refs/keep/"

/* In .git of the mirror: its URL; touched whenever it is opened. */
#define USE_MARK ".git/mlops-url"

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

enum { MIRROR_KEY_DIGITS = 32 };

/* The directory of all mirrors; it need not be there. */
FALLIBLE mirror_base(struct arena *arena, struct str *ret);

/* --- mirror_fetch.c --- */

/* The error for what git answered. */
FALLIBLE mirror_refused(const struct opening *opening, struct str errors);
FALLIBLE mirror_no_head(const struct opening *opening);

/* "HEAD~2" is of the other repository's HEAD, not of the mirror's. */
struct str mirror_rev_here(struct arena *arena, struct str rev);

FALLIBLE mirror_make_repository(struct opening *opening);
FALLIBLE mirror_reopen(struct opening *opening);

/* Also what only an expression names. */
FALLIBLE mirror_fetch_all(struct opening *opening);

/* That commit alone, kept as KEPT_REF and its id, where it is possible, else all. */
FALLIBLE mirror_fetch_one(struct opening *opening, struct str from, struct str id);
