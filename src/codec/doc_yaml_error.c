/* libyaml's complaints in the words of someone who writes pipelines. */
#include "mlops/base/buf.h"

#include "doc_yaml.h"

struct wording {
    const char *problem; /* of libyaml */
    const char *text;    /* ours */
    bool is_at_context;  /* the place is where the construct began */
};

static const struct wording WORDINGS[] = {
    {"found character that cannot start any token",
     "a value must not start with this character; put it in quotes", false},
    {"mapping values are not allowed in this context",
     "a ':' is not allowed here (a text that holds ': ' needs quotes)", false},
    {"block sequence entries are not allowed in this context",
     "a list item ('- ') is not allowed here; check the indentation", false},
    {"block mapping keys are not allowed in this context",
     "a key is not allowed here; check the indentation", false},
    {"mapping keys are not allowed in this context",
     "a key is not allowed here; check the indentation", false},
    {"could not find expected ':'",
     "a ':' is missing behind this key (a key is one line of at most 1024 bytes)", true},
    {"did not find expected key",
     "a key was expected here; check the indentation and the quotes of the lines above", false},
    {"did not find expected '-' indicator",
     "a list item ('- ') was expected here; check the indentation", false},
    {"did not find expected ',' or ']'", "a ',' or ']' was expected here", false},
    {"did not find expected ',' or '}'", "a ',' or '}' was expected here", false},
    {"did not find expected <document start>",
     "the end of the file was expected here; check the indentation", false},
    {"found unexpected end of stream", "this quote is never closed", true},
    {"found unexpected document indicator", "this quote is never closed", true},
    {"found undefined tag handle", "unknown tag: only plain data is read", false},
    {"found unknown escape character",
     "unknown escape in a double-quoted text (single quotes take everything as it is)", false},
};

static const struct wording *find_wording(const char *problem)
{
    for (size_t i = 0; problem && i < COUNT_OF(WORDINGS); i++)
        if (strcmp(WORDINGS[i].problem, problem) == 0)
            return &WORDINGS[i];
    return NULL;
}

/* Place of a tab in the line's indentation, or -1. */
static ptrdiff_t find_tab(struct str line)
{
    size_t i = 0;
    while (i < line.len && line.at[i] == ' ')
        i++;
    return i < line.len && line.at[i] == '\t' ? (ptrdiff_t)i : -1;
}

/* `[a-${b}]`: the brace begins a mapping there. */
static bool is_at_template(struct str line, size_t column)
{
    return column && column < line.len && line.at[column] == '{' && line.at[column - 1] == '$';
}

static FALLIBLE reader_error(const struct doc *doc, const yaml_parser_t *parser)
{
    size_t at = parser->problem_offset;
    if (parser->problem && strstr(parser->problem, "control characters"))
        return doc_error_at(doc, at, "control character U+%04X is not allowed",
                            (unsigned)parser->problem_value);
    return doc_error_at(doc, at, "not valid UTF-8 (byte %zu of the file)", at + 1);
}

static bool is_at_end(const yaml_parser_t *parser)
{
    return parser->tokens.head != parser->tokens.tail &&
           parser->tokens.head->type == YAML_STREAM_END_TOKEN;
}

static FALLIBLE syntax_error(const struct doc *doc, const yaml_parser_t *parser)
{
    const struct wording *wording = find_wording(parser->problem);
    const char *text = wording ? wording->text : parser->problem;
    yaml_mark_t mark = parser->problem_mark;
    bool is_unclosed =
        parser->context && is_at_end(parser) && strstr(parser->context, "while parsing a flow");
    if (is_unclosed)
        text = "this bracket is never closed";
    if (is_unclosed || (parser->context && wording && wording->is_at_context))
        mark = parser->context_mark;
    int line = (int)mark.line + 1;
    ptrdiff_t tab = find_tab(doc_line(doc, line));
    if (tab >= 0)
        return doc_error_place(doc, line, (int)tab + 1,
                               "a tab is not allowed as indentation; use blanks");
    if (is_at_template(doc_line(doc, line), mark.column))
        text = "inside [...] and {...} a text with ${...} needs quotes";
    return doc_error_place(doc, line, (int)mark.column + 1, "%s", text);
}

FALLIBLE doc_yaml_error(const struct doc *doc, const yaml_parser_t *parser)
{
    switch (parser->error) {
    case YAML_MEMORY_ERROR:
        return error_new(ERROR_MACHINE, "not enough memory");
    case YAML_READER_ERROR:
        return reader_error(doc, parser);
    case YAML_SCANNER_ERROR:
    case YAML_PARSER_ERROR:
    case YAML_COMPOSER_ERROR:
    case YAML_WRITER_ERROR:
    case YAML_EMITTER_ERROR:
    case YAML_NO_ERROR:
        break;
    }
    return syntax_error(doc, parser);
}
