#include "mlops/base/error.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"

#include <stdarg.h>

#include <errno.h>
#include <stdlib.h>

static char *own_text(const char *format, va_list arguments) PRINTF_LIKE(1, 0);

static char *own_text(const char *format, va_list arguments)
{
    struct buf text = {0};
    buf_print_list(&text, format, arguments);
    return text.at; /* the heap buffer becomes the error's own */
}

static struct error *error_make(int code, const char *format, va_list arguments) PRINTF_LIKE(2, 0);

static struct error *error_make(int code, const char *format, va_list arguments)
{
    struct error *error = memory_grow(NULL, sizeof *error);
    *error = (struct error){.code = code, .text = own_text(format, arguments)};
    return error;
}

struct error *error_new(enum error_code code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct error *error = error_make((int)code, format, arguments);
    va_end(arguments);
    return error;
}

static bool is_full(int system_errno)
{
    return system_errno == ENOSPC || system_errno == EDQUOT;
}

bool error_is_full(const struct error *error)
{
    for (; error; error = error->cause)
        if (is_full(error->system_errno))
            return true;
    return false;
}

struct error *error_os(int system_errno, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct error *error = error_make(ERROR_MACHINE, format, arguments);
    va_end(arguments);
    error->system_errno = system_errno;
    if (is_full(system_errno))
        return error_hint(error, "free some space and run the command again; nothing was lost");
    return error;
}

struct error *error_at(struct mark mark, struct str excerpt, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct error *error = error_make(ERROR_PROJECT, format, arguments);
    va_end(arguments);
    error->mark = mark;
    if (mark.file)
        error->mark.file = strcpy(memory_grow(NULL, strlen(mark.file) + 1), mark.file);
    if (excerpt.len) {
        char *line = memory_grow(NULL, excerpt.len + 1);
        memcpy(line, excerpt.at, excerpt.len);
        line[excerpt.len] = '\0';
        error->excerpt = line;
    }
    return error;
}

struct error *error_within(struct error *cause, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct error *error = error_make(cause->code, format, arguments);
    va_end(arguments);
    error->cause = cause;
    error->phase = cause->phase;
    error->is_passing = cause->is_passing;
    error->retry_after_ns = cause->retry_after_ns;
    return error;
}

struct error *error_passing(struct error *error, int64_t retry_after_ns)
{
    error->is_passing = true;
    error->retry_after_ns = retry_after_ns;
    return error;
}

struct error *error_hint(struct error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    free((void *)(uintptr_t)error->hint);
    error->hint = own_text(format, arguments);
    va_end(arguments);
    return error;
}

struct error *error_recode(struct error *error, int code)
{
    error->code = code;
    return error;
}

struct error *error_in_phase(struct error *error, const char *phase)
{
    for (struct error *at = error; at; at = at->next)
        at->phase = at->phase ? at->phase : phase;
    return error;
}

static void free_const(const char *text)
{
    free((void *)(uintptr_t)text);
}

void error_drop(struct error *error)
{
    while (error) {
        struct error *next = error->next;
        error_drop(error->cause);
        free_const(error->text);
        free_const(error->hint);
        free_const(error->excerpt);
        free_const(error->mark.file);
        free(error);
        error = next;
    }
}

void error_list_add(struct error_list *list, struct error *error)
{
    while (error) {
        struct error *next = error->next;
        error->next = NULL;
        if (list->kept == LIMIT_ERRORS_TOLD) {
            list->dropped++;
            error_drop(error);
        } else {
            if (list->last)
                list->last->next = error;
            else
                list->first = error;
            list->last = error;
            list->kept++;
        }
        error = next;
    }
}

static bool is_before(const struct error *a, const struct error *b)
{
    if (!a->mark.file || !b->mark.file || strcmp(a->mark.file, b->mark.file) != 0)
        return false;
    if (a->mark.line != b->mark.line)
        return a->mark.line < b->mark.line;
    return a->mark.column < b->mark.column;
}

/* Insertion into a list of at most LIMIT_ERRORS_TOLD; stable. */
static struct error *sorted_by_place(struct error *unsorted)
{
    struct error *sorted = NULL;
    while (unsorted) {
        struct error *error = unsorted;
        unsorted = unsorted->next;
        struct error **place = &sorted;
        while (*place && !is_before(error, *place))
            place = &(*place)->next;
        error->next = *place;
        *place = error;
    }
    return sorted;
}

struct error *error_list_take(struct error_list *list)
{
    struct error *first = sorted_by_place(list->first);
    if (list->dropped && first) {
        struct error *last = first;
        while (last->next)
            last = last->next;
        last->next =
            error_new((enum error_code)first->code, "%d more errors are not shown", list->dropped);
    }
    *list = (struct error_list){0};
    return first;
}

static void print_text(const struct error *error, struct buf *out)
{
    char reason[128];
    buf_add_escaped(out, str_of(error->text), false);
    if (error->system_errno)
        buf_print(out, ": %s", strerror_r(error->system_errno, reason, sizeof reason));
    buf_add_char(out, '\n');
}

enum { EXCERPT_COLUMNS_MOST = 160 };

/* The line with a caret under the column; lines too long for a terminal are left out. */
static void print_excerpt(const struct error *error, struct buf *out)
{
    if (!error->excerpt || strlen(error->excerpt) > EXCERPT_COLUMNS_MOST)
        return;
    AUTO(buf_drop) struct buf line = {0};
    buf_add_escaped(&line, str_of(error->excerpt), false);
    if (line.len != strlen(error->excerpt))
        return; /* escapes would put the caret elsewhere */
    buf_print(out, "%6d | %s\n", error->mark.line, error->excerpt);
    if (error->mark.column > 0)
        buf_print(out, "       | %*s^\n", error->mark.column - 1, "");
}

static void print_one(const struct error *error, const char *prefix, struct buf *out)
{
    buf_add_text(out, prefix);
    if (error->mark.file) {
        buf_add_escaped(out, str_of(error->mark.file), false);
        if (error->mark.line > 0)
            buf_print(out, ":%d:%d", error->mark.line, MAX_OF(error->mark.column, 1));
        buf_add_text(out, ": ");
    }
    print_text(error, out);
    print_excerpt(error, out);
}

void error_print(const struct error *error, struct buf *out)
{
    for (; error; error = error->next) {
        print_one(error, "mlops: ", out);
        for (const struct error *at = error->cause; at; at = at->cause)
            print_one(at, "  because: ", out);
        const char *hint = NULL;
        for (const struct error *at = error; at; at = at->cause)
            hint = at->hint ? at->hint : hint;
        if (hint) {
            buf_add_text(out, "  hint: ");
            buf_add_escaped(out, str_of(hint), false);
            buf_add_char(out, '\n');
        }
    }
}

void error_print_line(const struct error *error, struct buf *out)
{
    char reason[128];
    for (const struct error *at = error; at; at = at->cause) {
        buf_print(out, "%s%s", at == error ? "" : ": ", at->text);
        if (at->system_errno)
            buf_print(out, ": %s", strerror_r(at->system_errno, reason, sizeof reason));
    }
}
