/* What YAML 1.2 refuses and libyaml lets pass: comments without a blank before them, lines of flow
 * collections and quoted texts that are not indented below what they belong to (a closing bracket
 * may be), lone dashes in brackets, blank lines that are indented more than the block text behind
 * them. Files in DVC's dialect are not looked at: its reader lets the same pass. */
#include "mlops/base/check.h"

#include "doc_yaml.h"

void doc_strict_open(struct doc_strict *strict, const struct doc *doc, bool is_ascii)
{
    struct str rest = doc->bytes;
    *strict = (struct doc_strict){.doc = doc, .is_ascii = is_ascii};
    /* Without such a '#', which is the rule, the gaps between events need no look. */
    for (ptrdiff_t at; !strict->checks_gaps && (at = str_find_char(rest, '#')) >= 0;) {
        char before = at ? rest.at[at - 1] : '\n';
        strict->checks_gaps = !memchr(" \t\r\n", before, 4);
        rest = str_slice(rest, (size_t)at + 1, rest.len);
    }
}

/* libyaml counts characters, not bytes. */
static size_t offset_of(const struct doc_strict *strict, yaml_mark_t mark)
{
    const struct doc *doc = strict->doc;
    if (strict->is_ascii)
        return mark.index;
    struct str line = doc_line(doc, (int)mark.line + 1);
    size_t at = 0;
    for (size_t column = 0; at < line.len && column < mark.column; column++) {
        uint32_t code = 0;
        size_t used = utf8_decode(line.at + at, line.len - at, &code);
        at += used ? used : 1;
    }
    return (size_t)(line.at - doc->bytes.at) + at;
}

/* Between two events only blanks, indicators and comments stand. */
static FALLIBLE check_gap(const struct doc *doc, size_t from, size_t to)
{
    for (size_t at = from; at < to; at++) {
        char before = at ? doc->bytes.at[at - 1] : '\n';
        if (doc->bytes.at[at] != '#')
            continue;
        if (!memchr(" \t\r\n", before, 4))
            return doc_error_at(doc, at, "a comment needs a blank before its '#'");
        while (at < to && doc->bytes.at[at] != '\n' && doc->bytes.at[at] != '\r')
            at++;
    }
    return NULL;
}

static FALLIBLE check_gap_before(struct doc_strict *strict, const yaml_event_t *event)
{
    size_t from = strict->end;
    if (!strict->checks_gaps || event->type == YAML_STREAM_START_EVENT)
        return NULL;
    size_t start = offset_of(strict, event->start_mark);
    size_t end = offset_of(strict, event->end_mark);
    strict->end = MAX_OF(end, from);
    return start > from ? check_gap(strict->doc, from, start) : NULL;
}

static size_t count_blanks(struct str line)
{
    size_t count = 0;
    while (count < line.len && line.at[count] == ' ')
        count++;
    return count;
}

/* Lines behind the first of something in brackets or quotes. */
static FALLIBLE check_lines(const struct doc_strict *strict, yaml_mark_t from, yaml_mark_t to,
                            bool is_flow)
{
    for (size_t number = from.line + 1; number <= to.line; number++) {
        struct str line = doc_line(strict->doc, (int)number + 1);
        struct str text = str_trim(line);
        size_t blanks = count_blanks(line);
        if (!text.len || (is_flow && memchr("]}#", text.at[0], 3)) ||
            (ptrdiff_t)blanks > strict->indent[strict->depth])
            continue;
        return doc_error_place(strict->doc, (int)number + 1, (int)blanks + 1,
                               "this line must be indented more than what it belongs to");
    }
    return NULL;
}

/* Behind the head of a block text whose indentation is not given: leading blank lines. */
static FALLIBLE check_block(const struct doc_strict *strict, const yaml_event_t *event)
{
    size_t number = event->start_mark.line;
    struct str head = doc_line(strict->doc, (int)number + 1);
    struct str rest = str_slice(head, event->start_mark.column, head.len);
    size_t most = 0;
    for (size_t i = 0; i < rest.len && rest.at[i] != ' '; i++)
        if (rest.at[i] >= '0' && rest.at[i] <= '9')
            return NULL;
    while (number++ <= event->end_mark.line) {
        struct str line = doc_line(strict->doc, (int)number + 1);
        size_t blanks = count_blanks(line);
        if (blanks == line.len) {
            most = MAX_OF(most, blanks);
            continue;
        }
        if (most > blanks && (ptrdiff_t)blanks > strict->indent[strict->depth])
            return doc_error_place(strict->doc, (int)number + 1, (int)blanks + 1,
                                   "the blank lines above are indented more than this text");
        break;
    }
    return NULL;
}

static FALLIBLE check_scalar(const struct doc_strict *strict, const yaml_event_t *event)
{
    struct str text = {(const char *)event->data.scalar.value, event->data.scalar.length};
    yaml_mark_t start = event->start_mark;
    switch (event->data.scalar.style) {
    case YAML_PLAIN_SCALAR_STYLE:
        if (strict->flow_depth && str_is(text, "-"))
            return doc_error_place(strict->doc, (int)start.line + 1, (int)start.column + 1,
                                   "a lone '-' in brackets needs quotes");
        return NULL;
    case YAML_SINGLE_QUOTED_SCALAR_STYLE:
    case YAML_DOUBLE_QUOTED_SCALAR_STYLE:
        return strict->flow_depth ? NULL : check_lines(strict, start, event->end_mark, false);
    case YAML_LITERAL_SCALAR_STYLE:
    case YAML_FOLDED_SCALAR_STYLE: {
        struct str line = doc_line(strict->doc, (int)start.line + 1);
        ptrdiff_t mark = str_find_char(line, '#');
        if (mark > 0 && memchr("|>+-0123456789", line.at[mark - 1], 14) &&
            (size_t)mark > start.column)
            return doc_error_place(strict->doc, (int)start.line + 1, (int)mark + 1,
                                   "a comment needs a blank before its '#'");
        return !text.len || text.at[0] == '\n' ? check_block(strict, event) : NULL;
    }
    case YAML_ANY_SCALAR_STYLE:
        break;
    }
    return NULL;
}

static void enter(struct doc_strict *strict, const yaml_event_t *event, bool is_flow)
{
    if (is_flow && !strict->flow_depth++)
        strict->flow_start = event->start_mark;
    if (!is_flow && strict->depth + 1 < (int)COUNT_OF(strict->indent))
        strict->indent[++strict->depth] = (int)event->start_mark.column;
    if (!strict->depth)
        strict->indent[0] = -1;
}

static FALLIBLE leave(struct doc_strict *strict, const yaml_event_t *event)
{
    if (!strict->flow_depth)
        strict->depth -= strict->depth > 0;
    else if (!--strict->flow_depth)
        return check_lines(strict, strict->flow_start, event->end_mark, true);
    return NULL;
}

/* "%YAML 1.1#": libyaml ends the number there. */
static FALLIBLE check_directive(const struct doc_strict *strict)
{
    struct str line = doc_line(strict->doc, 1);
    ptrdiff_t mark = str_starts(line, STR("%YAML")) ? str_find_char(line, '#') : -1;
    if (mark > 0 && line.at[mark - 1] != ' ' && line.at[mark - 1] != '\t')
        return doc_error_place(strict->doc, 1, (int)mark + 1,
                               "a comment needs a blank before its '#'");
    return NULL;
}

FALLIBLE doc_strict_check(struct doc_strict *strict, const yaml_event_t *event)
{
    TRY(check_gap_before(strict, event));
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        strict->indent[0] = -1;
        return check_directive(strict);
    case YAML_SCALAR_EVENT:
        return check_scalar(strict, event);
    case YAML_SEQUENCE_START_EVENT:
        enter(strict, event, event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE);
        return NULL;
    case YAML_MAPPING_START_EVENT:
        enter(strict, event, event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE);
        return NULL;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return leave(strict, event);
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
    case YAML_ALIAS_EVENT:
        break;
    }
    return NULL;
}
