/* Errors as return values. One is made where something went wrong (error_new, error_os, error_at),
 * gains context going up (TRY_WITHIN), and is printed once, in main. Whoever gets one either
 * returns it or calls error_drop. Errors own their text, so they may cross threads and outlive
 * arenas.
 *
 * Expected answers are not errors: "not cached" is a verdict, "the stage exited 3" an outcome.
 * Wording: one line, no capital, no full stop, what is wrong, then (in `hint`) the one thing to do;
 * say what the caller can't know, and quote others' text as '%s' (it is escaped when printed). */
#pragma once

#include "mlops/base/lang.h"
#include "mlops/base/str.h"

struct buf;

/* Return type of what makes or extends an error: never NULL, and not to be dropped either. */
#define ERROR_MADE __attribute__((warn_unused_result, returns_nonnull)) struct error *

/* The exit status an error leads to; numbers in docs and `mlops help exit-status`. */
enum error_code {
    ERROR_ANSWER = 1,   /* the answer is no: a stage failed, was rejected or is unconfirmed */
    ERROR_USAGE = 2,    /* unknown command or option */
    ERROR_PROJECT = 3,  /* the project's own files: pipeline, parameters, schema, lock */
    ERROR_MACHINE = 4,  /* I/O, disk full, git, network */
    ERROR_STORED = 5,   /* stored data damaged, or written by a newer version */
    ERROR_BUG = 70,     /* a bug in mlops */
    ERROR_SIGNAL = 128, /* plus the number of the signal */
};

/* A place in a user's file. line and column count from 1 (columns in code points); 0 = unknown. */
struct mark {
    const char *file; /* as the user would name it; NULL: no place */
    int line;
    int column;
};

struct error {
    int code; /* enum error_code, or ERROR_SIGNAL + n */
    const char *text;
    const char *hint;    /* what to do, or NULL */
    const char *excerpt; /* the line `mark` points at, or NULL */
    struct mark mark;
    const char *phase;      /* of reading a pipeline, a literal (error_in_phase); NULL: none told */
    int system_errno;       /* 0: none */
    bool is_passing;        /* a service was away or busy: worth another try */
    int64_t retry_after_ns; /* that service's own word for when; 0: none */
    struct error *cause;    /* what lies below, or NULL */
    struct error *next;     /* an independent error of the same file, or NULL */
};

ERROR_MADE error_new(enum error_code code, const char *format, ...) PRINTF_LIKE(2, 3);

/* ERROR_MACHINE with the text of `system_errno` appended; ENOSPC and EDQUOT gain a hint. */
ERROR_MADE error_os(int system_errno, const char *format, ...) PRINTF_LIKE(2, 3);

/* ERROR_PROJECT at a place; `excerpt` is the whole line there (may be empty). */
ERROR_MADE error_at(struct mark mark, struct str excerpt, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Same code as `cause`, with the text in front; takes over `cause`. */
ERROR_MADE error_within(struct error *cause, const char *format, ...) PRINTF_LIKE(2, 3);

/* Sets the hint / the code and returns the error, for use in a return statement. */
ERROR_MADE error_hint(struct error *error, const char *format, ...) PRINTF_LIKE(2, 3);
ERROR_MADE error_recode(struct error *error, int code);

/* Says that what went wrong may go well in a while (`retry_after_ns`: not before, 0: not told).
 * What is put around the error (error_within) says so too. */
ERROR_MADE error_passing(struct error *error, int64_t retry_after_ns);

/* Whether the error or a cause of it is that a disk, or a quota of one, is full. */
bool error_is_full(const struct error *error);

/* Says of an error, and of those behind it (`next`), in which phase it was met: a literal, "vars".
 * What has a phase keeps it. NULL is accepted and returned. */
FALLIBLE error_in_phase(struct error *error, const char *phase);

/* Gives back an error with all its causes and siblings; NULL is accepted. */
void error_drop(struct error *error);

/* Independent errors of one file, at most LIMIT_ERRORS_TOLD kept. Zero is an empty list. */
struct error_list {
    struct error *first;
    struct error *last;
    int kept;
    int dropped; /* beyond the limit: counted only */
};

/* Takes over `error` (NULL is ignored). */
void error_list_add(struct error_list *list, struct error *error);

/* The errors as one value (NULL if none), the list empty again. Sorted by place. */
FALLIBLE error_list_take(struct error_list *list);

/* Text form, each error:
 *     mlops: FILE:LINE:COLUMN: text
 *         14 |   depend: [a]
 *            |   ^
 *     because: cause
 *     hint: what to do
 * Control characters are escaped. */
void error_print(const struct error *error, struct buf *out);

/* "text: cause: its cause", for what goes on in spite of it and tells it in a line of its own. Not
 * escaped. */
void error_print_line(const struct error *error, struct buf *out);
