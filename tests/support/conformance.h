/* What tests against the conformance data share: where it is, files of it, values compared. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/codec/doc.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/unit.h"

static inline const char *conformance(void)
{
    const char *dir = getenv("MLOPS_CONFORMANCE");
    if (!dir) {
        print_message("skipped: MLOPS_CONFORMANCE does not name the conformance data\n");
        skip();
    }
    return dir;
}

static inline bool read_whole(struct arena *arena, const char *path, struct str *ret)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    struct buf text = buf_in(arena);
    buf_add_text(&text, "");
    size_t got;
    do {
        got = fread(buf_reserve(&text, 65536), 1, 65536, file);
        text.len += got;
    } while (got);
    fclose(file);
    *ret = buf_str(&text);
    return true;
}

/* {"__float__": "nan"}: what JSON cannot hold. */
static inline bool float_fits(const struct doc_node *expected, const struct doc_node *found)
{
    const struct doc_node *word = doc_find(expected, STR("__float__"));
    if (!word || found->kind != DOC_REAL)
        return false;
    if (str_is(word->text, "nan"))
        return found->real != found->real;
    return found->real == strtod(word->text.at, NULL);
}

/* Equal values, whatever their places; maps in any order. */
static inline bool same_value(const struct doc_node *expected, const struct doc_node *found)
{
    if (!expected || !found)
        return !expected && !found;
    if (expected->kind == DOC_MAP && float_fits(expected, found))
        return true;
    if (expected->kind != found->kind)
        return false;
    switch (expected->kind) {
    case DOC_NULL:
        return true;
    case DOC_BOOL:
        return expected->truth == found->truth;
    case DOC_INT:
        return expected->integer == found->integer;
    case DOC_REAL:
        return expected->real == found->real;
    case DOC_BIGINT:
    case DOC_STR:
        return str_equal(expected->text, found->text);
    case DOC_LIST:
    case DOC_MAP:
        break;
    }
    if (expected->count != found->count)
        return false;
    const struct doc_node *other = found->first;
    for (const struct doc_node *child = expected->first; child; child = child->next) {
        if (expected->kind == DOC_MAP)
            other = doc_find(found, child->key->text);
        if (!same_value(child, other))
            return false;
        other = other ? other->next : NULL;
    }
    return true;
}
