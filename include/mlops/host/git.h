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

/* How long it may take; 0: however long. */
struct git_patience {
    int64_t most_s;  /* in all, where nobody sits at a terminal, who may be asked for something */
    int64_t stall_s; /* without writing anything: of words that make it tell its progress. Where
                        somebody may be asked only once it has written something */
};

/* Runs `git WORDS` (NULL at the end) in a repository of ours (absolute; empty: in none) to the end;
 * a stop signal ends it. Words that come from others stand behind "--" or "--end-of-options". An
 * error only if it could not be run, was interrupted, or took too long (ERROR_MACHINE). */
FALLIBLE git_call(struct arena *arena, struct str repository, const char *const *words,
                  struct git_patience patience, struct git_answer *ret);
