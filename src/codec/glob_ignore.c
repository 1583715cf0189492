/* Ignore files, as gitignore(5) describes them. */
#include "mlops/base/arena.h"
#include "mlops/base/vec.h"
#include "mlops/codec/glob.h"

enum rule_kind {
    RULE_LITERAL, /* compared as it stands */
    RULE_SUFFIX,  /* "*" and a literal: most rules of real files */
    RULE_GLOB,
};

struct rule {
    struct str pattern; /* RULE_SUFFIX: what is behind the "*" */
    enum rule_kind kind;
    bool is_negated;
    bool is_anchored; /* holds a '/': the whole path below the base is matched, else the name */
    bool is_for_directories;
};

VEC(rule_vec, struct rule);

struct ignore_rules {
    struct str base;
    struct rule_vec rules;
};

static bool is_escaped(struct str line, size_t at)
{
    size_t backslashes = 0;
    while (backslashes < at && line.at[at - 1 - backslashes] == '\\')
        backslashes++;
    return backslashes % 2;
}

/* Blanks at the end do not count unless escaped; nor does the CR of a CRLF. */
static struct str without_end(struct str line)
{
    if (str_ends(line, STR("\r")))
        line.len--;
    while (line.len && line.at[line.len - 1] == ' ' && !is_escaped(line, line.len - 1))
        line.len--;
    return line;
}

static struct str without_first(struct str text)
{
    return str_slice(text, 1, text.len);
}

static bool is_literal(struct str pattern)
{
    return !glob_is_pattern(pattern) && str_find_char(pattern, '\\') < 0;
}

static void classify(struct rule *rule)
{
    if (is_literal(rule->pattern))
        rule->kind = RULE_LITERAL;
    else if (!rule->is_anchored && rule->pattern.at[0] == '*' &&
             is_literal(without_first(rule->pattern))) {
        rule->kind = RULE_SUFFIX;
        rule->pattern = without_first(rule->pattern);
    } else
        rule->kind = RULE_GLOB;
}

static void add_rule(struct arena *arena, struct rule_vec *rules, struct str line)
{
    struct rule rule = {.pattern = without_end(line), .kind = RULE_GLOB};
    if (!rule.pattern.len || rule.pattern.at[0] == '#')
        return;
    if (rule.pattern.at[0] == '!') {
        rule.is_negated = true;
        rule.pattern = without_first(rule.pattern);
    }
    if (str_ends(rule.pattern, STR("/"))) {
        rule.is_for_directories = true;
        rule.pattern.len--;
    }
    rule.is_anchored = str_find_char(rule.pattern, '/') >= 0;
    if (str_starts(rule.pattern, STR("/")))
        rule.pattern = without_first(rule.pattern);
    if (!rule.pattern.len)
        return;
    classify(&rule);
    *vec_push(arena, rules) = rule;
}

struct ignore_rules *ignore_parse(struct arena *arena, struct str base, struct str text)
{
    struct ignore_rules *rules = arena_new(arena, struct ignore_rules);
    rules->base = str_copy(arena, base);
    struct str rest = str_copy(arena, text);
    if (str_starts(rest, STR("\xEF\xBB\xBF")))
        rest = str_slice(rest, 3, rest.len);
    struct str line = {0};
    while (str_split(&rest, '\n', &line))
        add_rule(arena, &rules->rules, line);
    return rules;
}

static bool rule_matches(const struct rule *rule, struct str path, struct str name)
{
    struct str subject = rule->is_anchored ? path : name;
    switch (rule->kind) {
    case RULE_LITERAL:
        return str_equal(rule->pattern, subject);
    case RULE_SUFFIX:
        return str_ends(subject, rule->pattern);
    case RULE_GLOB:
        break;
    }
    return glob_match(rule->pattern, subject);
}

/* The path below `base`, or zero if it is not below it. */
static struct str below(struct str base, struct str path)
{
    if (!base.len)
        return path;
    if (path.len <= base.len || !str_starts(path, base) || path.at[base.len] != '/')
        return (struct str){0};
    return str_slice(path, base.len + 1, path.len);
}

int ignore_match(const struct ignore_rules *rules, struct str path, bool is_directory)
{
    path = below(rules->base, path);
    if (!path.len)
        return -1;
    ptrdiff_t cut = str_find_last_char(path, '/');
    struct str name = str_slice(path, (size_t)(cut + 1), path.len);
    for (size_t i = rules->rules.len; i-- > 0;) {
        const struct rule *rule = &rules->rules.at[i];
        if ((is_directory || !rule->is_for_directories) && rule_matches(rule, path, name))
            return !rule->is_negated;
    }
    return -1;
}
