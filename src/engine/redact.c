#include "mlops/engine/redact.h"

#include "mlops/base/arena.h"

#include <ctype.h>
#include <stdlib.h>

enum { SECRET_BYTES_LEAST = 4, FORMS = 3 };

struct redactor {
    struct str *patterns; /* longest first */
    size_t count;
    size_t longest;
    struct buf held;
};

static struct str own(struct buf *text)
{
    return (struct str){text->at, text->len};
}

static struct str form_plain(struct str secret)
{
    struct buf out = {0};
    buf_add_str(&out, secret);
    return own(&out);
}

static struct str form_base64(struct str secret)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct buf out = {0};
    for (size_t i = 0; i < secret.len; i += 3) {
        uint32_t group = 0;
        size_t have = MIN_OF(secret.len - i, (size_t)3);
        for (size_t j = 0; j < 3; j++)
            group = group << 8 | (j < have ? (unsigned char)secret.at[i + j] : 0U);
        for (size_t j = 0; j <= have; j++)
            buf_add_char(&out, digits[group >> (18 - 6 * j) & 63]);
    }
    return own(&out); /* without padding: it matches the padded form too */
}

static struct str form_url(struct str secret)
{
    struct buf out = {0};
    for (size_t i = 0; i < secret.len; i++) {
        unsigned char c = (unsigned char)secret.at[i];
        if (isalnum(c) || c == '-' || c == '_' || c == '.' || c == '~')
            buf_add_char(&out, (char)c);
        else
            buf_print(&out, "%%%02X", c);
    }
    return own(&out);
}

static int longer_first(const void *a, const void *b)
{
    size_t left = ((const struct str *)a)->len;
    size_t right = ((const struct str *)b)->len;
    return left > right ? -1 : left < right;
}

struct redactor *redactor_open(const struct str *secrets, size_t count)
{
    struct redactor *redactor = NULL;
    for (size_t i = 0; i < count; i++) {
        if (secrets[i].len < SECRET_BYTES_LEAST)
            continue;
        if (!redactor) {
            redactor = memory_grow(NULL, sizeof *redactor);
            *redactor = (struct redactor){
                .patterns = memory_grow(NULL, count * FORMS * sizeof *redactor->patterns)};
        }
        redactor->patterns[redactor->count++] = form_plain(secrets[i]);
        redactor->patterns[redactor->count++] = form_base64(secrets[i]);
        redactor->patterns[redactor->count++] = form_url(secrets[i]);
    }
    if (!redactor)
        return NULL;
    qsort(redactor->patterns, redactor->count, sizeof *redactor->patterns, longer_first);
    redactor->longest = redactor->patterns[0].len;
    return redactor;
}

void redactor_drop(struct redactor **redactor)
{
    if (!*redactor)
        return;
    for (size_t i = 0; i < (*redactor)->count; i++) {
        struct str pattern = (*redactor)->patterns[i];
        explicit_bzero((char *)(uintptr_t)pattern.at, pattern.len);
        free((char *)(uintptr_t)pattern.at);
    }
    free((*redactor)->patterns);
    if ((*redactor)->held.at)
        explicit_bzero((*redactor)->held.at, (*redactor)->held.cap);
    buf_drop(&(*redactor)->held);
    free(*redactor);
    *redactor = NULL;
}

/* Length of the pattern that begins at `at`, or 0. */
static size_t match_at(const struct redactor *redactor, struct str text, size_t at)
{
    for (size_t i = 0; i < redactor->count; i++) {
        if (str_starts(str_slice(text, at, text.len), redactor->patterns[i]))
            return redactor->patterns[i].len;
    }
    return 0;
}

/* Shows text up to `until`; returns how much was consumed (a match may reach beyond `until`). */
static size_t show(const struct redactor *redactor, struct str text, size_t until, struct buf *out)
{
    size_t shown = 0;
    size_t at = 0;
    while (at < until) {
        size_t len = match_at(redactor, text, at);
        if (len == 0) {
            at++;
            continue;
        }
        buf_add_str(out, str_slice(text, shown, at));
        buf_add_text(out, "***");
        at += len;
        shown = at;
    }
    buf_add_str(out, str_slice(text, shown, at));
    return at;
}

void redactor_add(struct redactor *redactor, struct str text, struct buf *out)
{
    buf_add_str(&redactor->held, text);
    struct str held = buf_str(&redactor->held);
    size_t keep = redactor->longest - 1;
    if (held.len <= keep)
        return;
    size_t used = show(redactor, held, held.len - keep, out);
    memmove(redactor->held.at, redactor->held.at + used, held.len - used);
    redactor->held.len = held.len - used;
}

void redactor_finish(struct redactor *redactor, struct buf *out)
{
    show(redactor, buf_str(&redactor->held), redactor->held.len, out);
    buf_clear(&redactor->held);
}
