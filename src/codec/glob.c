#include "mlops/codec/glob.h"

#include "mlops/base/limits.h"

bool glob_is_pattern(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '\\')
            i++;
        else if (text.at[i] == '*' || text.at[i] == '?' || text.at[i] == '[')
            return true;
    }
    return false;
}

/* The code point at text[at], or the byte itself (outside Unicode's range) if it is malformed. */
static size_t take_code(struct str text, size_t at, uint32_t *ret)
{
    unsigned char first = (unsigned char)text.at[at];
    *ret = first;
    if (first < 0x80)
        return 1;
    size_t used = utf8_decode(text.at + at, text.len - at, ret);
    if (used)
        return used;
    *ret = UINT32_C(0x110000) + first;
    return 1;
}

struct range {
    uint32_t least;
    uint32_t most;
};

struct class_row {
    struct str name;
    struct range ranges[4]; /* up to an empty one */
};

/* POSIX classes of ASCII, as in git's wildmatch. */
static const struct class_row CLASS_ROWS[] = {
    {STR_ROW("[:alnum:]"), {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}},
    {STR_ROW("[:alpha:]"), {{'A', 'Z'}, {'a', 'z'}}},
    {STR_ROW("[:blank:]"), {{' ', ' '}, {'\t', '\t'}}},
    {STR_ROW("[:cntrl:]"), {{1, 31}, {127, 127}}},
    {STR_ROW("[:digit:]"), {{'0', '9'}}},
    {STR_ROW("[:graph:]"), {{33, 126}}},
    {STR_ROW("[:lower:]"), {{'a', 'z'}}},
    {STR_ROW("[:print:]"), {{32, 126}}},
    {STR_ROW("[:punct:]"), {{33, 47}, {58, 64}, {91, 96}, {123, 126}}},
    {STR_ROW("[:space:]"), {{' ', ' '}, {9, 13}}},
    {STR_ROW("[:upper:]"), {{'A', 'Z'}}},
    {STR_ROW("[:xdigit:]"), {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}},
};

static const struct class_row *find_class(struct str at)
{
    for (size_t i = 0; i < COUNT_OF(CLASS_ROWS); i++)
        if (str_starts(at, CLASS_ROWS[i].name))
            return &CLASS_ROWS[i];
    return NULL;
}

static bool row_holds(const struct class_row *row, uint32_t code)
{
    bool holds = false;
    for (size_t i = 0; i < COUNT_OF(row->ranges) && row->ranges[i].most; i++)
        holds |= code >= row->ranges[i].least && code <= row->ranges[i].most;
    return holds;
}

/* One member of a set, perhaps escaped; 0 at the end of the pattern. */
static size_t take_member(struct str pattern, size_t at, uint32_t *ret)
{
    size_t escape = at < pattern.len && pattern.at[at] == '\\';
    if (at + escape >= pattern.len)
        return 0;
    return escape + take_code(pattern, at + escape, ret);
}

/* One item of a set: a named class, a range or a member. Bytes used, 0 if it is malformed. */
static size_t match_item(struct str pattern, size_t at, uint32_t code, bool *ret_holds)
{
    const struct class_row *row = find_class(str_slice(pattern, at, pattern.len));
    if (row) {
        *ret_holds |= row_holds(row, code);
        return row->name.len;
    }
    struct range range = {0};
    size_t used = take_member(pattern, at, &range.least);
    range.most = range.least;
    bool is_range = used && at + used + 1 < pattern.len && pattern.at[at + used] == '-' &&
                    pattern.at[at + used + 1] != ']';
    if (is_range) {
        size_t more = take_member(pattern, at + used + 1, &range.most);
        used = more ? used + 1 + more : 0;
    }
    *ret_holds |= code >= range.least && code <= range.most;
    return used;
}

/* [...] at pattern[at]: its length, or 0 if it is never closed (matches nothing, as in git). */
static size_t match_set(struct str pattern, size_t at, uint32_t code, bool *ret_matches)
{
    size_t from = at;
    at++;
    bool is_negated = at < pattern.len && (pattern.at[at] == '!' || pattern.at[at] == '^');
    at += is_negated;
    bool holds = false;
    for (bool first = true; at < pattern.len; first = false) {
        if (pattern.at[at] == ']' && !first) {
            *ret_matches = holds != is_negated;
            return at + 1 - from;
        }
        size_t used = match_item(pattern, at, code, &holds);
        if (!used)
            return 0;
        at += used;
    }
    return 0;
}

/* Matches one element that is no '*' against one character; both places move on success. */
static bool match_one(struct str pattern, size_t *at, struct str text, size_t *text_at)
{
    uint32_t code = 0;
    uint32_t wanted = 0;
    size_t text_used = take_code(text, *text_at, &code);
    size_t used = 1;
    bool matches = true;
    if (pattern.at[*at] == '[')
        used = match_set(pattern, *at, code, &matches);
    else if (pattern.at[*at] != '?') {
        used = take_member(pattern, *at, &wanted);
        matches = wanted == code;
    }
    if (!used || !matches)
        return false;
    *at += used;
    *text_at += text_used;
    return true;
}

/* Within one part. Only the last '*' ever needs another try, so the work is bounded by the product
 * of the lengths. */
static bool match_part(struct str pattern, struct str text, int64_t *steps)
{
    size_t at = 0;
    size_t text_at = 0;
    size_t star_at = 0; /* behind the last '*', 0 = none yet */
    size_t star_text = 0;
    while (text_at < text.len) {
        if (--*steps < 0)
            return false;
        if (at < pattern.len && pattern.at[at] == '*') {
            star_at = ++at;
            star_text = text_at;
        } else if (at < pattern.len && match_one(pattern, &at, text, &text_at)) {
            continue;
        } else if (star_at) {
            uint32_t skipped = 0;
            star_text += take_code(text, star_text, &skipped);
            text_at = star_text;
            at = star_at;
        } else
            return false;
    }
    while (at < pattern.len && pattern.at[at] == '*')
        at++;
    return at == pattern.len;
}

static bool is_any_depth(struct str part)
{
    return str_is(part, "**");
}

bool glob_match(struct str pattern, struct str path)
{
    int64_t steps = LIMIT_GLOB_STEPS;
    struct str star_rest = {0}; /* pattern behind the last whole-part '**' */
    struct str star_path = {0};
    struct str part = {0};
    struct str name = {0};
    while (path.at) {
        struct str rest = pattern;
        struct str path_rest = path;
        bool has_part = str_split(&rest, '/', &part);
        str_split(&path_rest, '/', &name);
        if (has_part && is_any_depth(part)) {
            if (!rest.at)
                return name.len > 0; /* the rest, but at least one part */
            star_rest = pattern = rest;
            star_path = path;
        } else if (has_part && match_part(part, name, &steps)) {
            pattern = rest;
            path = path_rest;
        } else if (star_rest.at && steps > 0) {
            str_split(&star_path, '/', &name);
            path = star_path;
            pattern = star_rest;
        } else
            return false;
    }
    return !pattern.at;
}

struct str glob_prefix(struct str pattern)
{
    size_t len = 0;
    struct str rest = pattern;
    struct str part = {0};
    while (str_split(&rest, '/', &part)) {
        if (glob_is_pattern(part) || str_find_char(part, '\\') >= 0)
            break;
        len = (size_t)(part.at - pattern.at) + part.len;
    }
    return str_slice(pattern, 0, len);
}

bool glob_may_match_below(struct str pattern, struct str dir)
{
    int64_t steps = LIMIT_GLOB_STEPS;
    struct str part = {0};
    struct str name = {0};
    if (dir.len == 0)
        return pattern.len > 0;
    while (str_split(&dir, '/', &name)) {
        if (!str_split(&pattern, '/', &part))
            return false;
        if (is_any_depth(part))
            return true;
        if (!match_part(part, name, &steps))
            return false;
    }
    return pattern.at;
}
