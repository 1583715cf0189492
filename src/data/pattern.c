#include "mlops/data/pattern.h"

#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/data/tableschema.h"

#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

struct pattern {
    pcre2_code *ascii; /* for texts of ASCII alone; NULL: the other serves */
    pcre2_code *unicode;
    struct str text;
    struct arena arena;
};

struct pattern_room {
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
};

enum { STACK_FIRST_BYTES = 32 * 1024, STACK_MOST_BYTES = 4 * 1024 * 1024, HEAP_MOST_KIB = 16384 };

static ERROR_MADE refused(struct str text, int code, size_t offset)
{
    PCRE2_UCHAR words[200];
    pcre2_get_error_message(code, words, sizeof words);
    return error_new(ERROR_PROJECT, "pattern '%.*s' is no regular expression: %s at offset %zu",
                     STR_FMT(text), (const char *)words, offset);
}

static pcre2_code *compile(struct str text, uint32_t options, int *ret_code, size_t *ret_offset)
{
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)text.at, text.len,
                                     options | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C,
                                     ret_code, ret_offset, NULL);
    if (code)
        (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* without it: slower, the same */
    return code;
}

/* As it stands first, so that offsets are those of the user's text and no parenthesis of his closes
 * one of ours. */
static FALLIBLE compile_alone(struct str text, struct str translated)
{
    int code = 0;
    size_t offset = 0;
    pcre2_code *alone =
        pcre2_compile((PCRE2_SPTR)(translated.len ? translated.at : ""), translated.len,
                      PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &code, &offset, NULL);
    if (!alone)
        return refused(text, code, MIN_OF(offset, text.len));
    pcre2_code_free(alone);
    return NULL;
}

FALLIBLE pattern_open(struct str text, enum pattern_extent extent, struct pattern **ret)
{
    AUTO(pattern_drop) struct pattern *pattern = memory_grow(NULL, sizeof *pattern);
    struct str body, whole;
    int code = 0;
    size_t offset = 0;
    *pattern = (struct pattern){0};
    pattern->text = str_copy(&pattern->arena, text);
    body = extent == PATTERN_WHOLE ? tableschema_pattern(&pattern->arena, pattern->text)
                                   : pattern->text;
    TRY(compile_alone(text, body));
    whole = str_print(&pattern->arena, extent == PATTERN_WHOLE ? "\\A(?:%.*s)\\z" : "(?:%.*s)",
                      STR_FMT(body));
    pattern->unicode = compile(whole, PCRE2_UTF | PCRE2_UCP, &code, &offset);
    if (!pattern->unicode)
        return refused(text, code, MIN_OF(offset, text.len));
    pattern->ascii = compile(whole, 0, &code, &offset);
    *ret = pattern;
    pattern = NULL;
    return NULL;
}

void pattern_drop(struct pattern **pattern)
{
    if (!*pattern)
        return;
    pcre2_code_free((*pattern)->ascii);
    pcre2_code_free((*pattern)->unicode);
    arena_drop(&(*pattern)->arena);
    free(*pattern);
    *pattern = NULL;
}

FALLIBLE pattern_room_open(struct pattern_room **ret)
{
    AUTO(pattern_room_drop) struct pattern_room *room = memory_grow(NULL, sizeof *room);
    *room = (struct pattern_room){
        .data = pcre2_match_data_create(1, NULL),
        .context = pcre2_match_context_create(NULL),
        .stack = pcre2_jit_stack_create(STACK_FIRST_BYTES, STACK_MOST_BYTES, NULL),
    };
    if (!room->data || !room->context || !room->stack)
        return error_new(ERROR_MACHINE, "no memory for regular expressions");
    pcre2_set_match_limit(room->context, (uint32_t)LIMIT_PATTERN_STEPS);
    pcre2_set_heap_limit(room->context, HEAP_MOST_KIB);
    pcre2_jit_stack_assign(room->context, NULL, room->stack);
    *ret = room;
    room = NULL;
    return NULL;
}

void pattern_room_drop(struct pattern_room **room)
{
    if (!*room)
        return;
    pcre2_match_data_free((*room)->data);
    pcre2_match_context_free((*room)->context);
    pcre2_jit_stack_free((*room)->stack);
    free(*room);
    *room = NULL;
}

static ERROR_MADE gave_up(const struct pattern *pattern, int code)
{
    PCRE2_UCHAR words[200];
    if (code == PCRE2_ERROR_MATCHLIMIT || code == PCRE2_ERROR_HEAPLIMIT ||
        code == PCRE2_ERROR_DEPTHLIMIT || code == PCRE2_ERROR_JIT_STACKLIMIT)
        return error_hint(error_new(ERROR_PROJECT, "pattern '%.*s' takes more than %lld steps",
                                    STR_FMT(pattern->text), (long long)LIMIT_PATTERN_STEPS),
                          "repetitions inside of repetitions, like (a+)+, try every division");
    pcre2_get_error_message(code, words, sizeof words);
    return error_new(ERROR_PROJECT, "pattern '%.*s' cannot be matched: %s", STR_FMT(pattern->text),
                     (const char *)words);
}

FALLIBLE pattern_matches(const struct pattern *pattern, struct pattern_room *room, struct str text,
                         bool is_ascii, bool *ret)
{
    const pcre2_code *code = is_ascii && pattern->ascii ? pattern->ascii : pattern->unicode;
    int found = pcre2_match(code, text.at ? (PCRE2_SPTR)text.at : (PCRE2_SPTR) "", text.len, 0,
                            PCRE2_NO_UTF_CHECK, room->data, room->context);
    if (found < 0 && found != PCRE2_ERROR_NOMATCH)
        return gave_up(pattern, found);
    *ret = found >= 0;
    return NULL;
}
