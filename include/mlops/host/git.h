/* The `git` program, for what goes over the network: libgit2 (host/vcs) knows neither the user's
 * credential helpers nor his ssh. It never asks where nobody could answer, runs no hooks, enters no
 * submodules, and speaks only protocols that start no program of the repository's choice. */
#pragma once

#include "mlops/base/error.h"
#include "mlops/base/str.h"

struct git_answer {
    struct str output, errors; /* what it wrote; untranslated */
    int exit_code;             /* 128 + n if signal n ended it */
};

/* Runs `git WORDS` (NULL at the end) in a repository of ours (absolute; empty: in none) to the end,
 * but for no longer than `most_s` seconds (0: however long it takes) where nobody sits at a
 * terminal, who may be asked for something; a stop signal ends it. Words that come from others
 * stand behind "--" or
 * "--end-of-options". An error only if it could not be run or was interrupted. */
FALLIBLE git_call(struct arena *arena, struct str repository, const char *const *words,
                  int64_t most_s, struct git_answer *ret);
