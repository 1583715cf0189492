/* The few control-flow macros of the house. See docs/architecture.md, "Errors" and "Memory". */
#pragma once

struct error;

/* Return type of every function that can fail: NULL is success; ignoring it does not compile. */
#define FALLIBLE __attribute__((warn_unused_result)) struct error *

/* Returns early with the error of `expr`, unchanged. */
#define TRY(expr)                                                                                  \
    do {                                                                                           \
        struct error *try_error_ = (expr);                                                         \
        if (try_error_)                                                                            \
            return try_error_;                                                                     \
    } while (0)

/* Returns early with the error of `expr`, prefixed by what the caller was doing (printf style). */
#define TRY_WITHIN(expr, ...)                                                                      \
    do {                                                                                           \
        struct error *try_error_ = (expr);                                                         \
        if (try_error_)                                                                            \
            return error_within(try_error_, __VA_ARGS__);                                          \
    } while (0)

/* A local that is given back when its scope ends: AUTO(fd_drop) struct fd fd = {0}; */
#define AUTO(drop) __attribute__((cleanup(drop)))

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
#define MIN_OF(a, b) ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b) ((a) > (b) ? (a) : (b))
