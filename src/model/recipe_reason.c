#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/model/recipe.h"

/* The name in JSON, and what is said to people: $w what, $b before, $a after. */
static const struct wording {
    const char *name;
    const char *changed;
    const char *added;   /* before is absent; NULL: as changed */
    const char *removed; /* after is absent */
} WORDINGS[] = {
    [REASON_CMD] = {"cmd", "cmd changed from `$b` to `$a`", "cmd is new", "cmd removed"},
    [REASON_WDIR] = {"wdir", "wdir changed from $b to $a", NULL, NULL},
    [REASON_SHELL] = {"shell", "shell changed from $b to $a", NULL, NULL},
    [REASON_DEP] = {"dep", "$w changed ($b -> $a)", "new dependency $w", "dependency $w removed"},
    [REASON_PARAM] = {"param", "$w changed from $b to $a", "new parameter $w ($a)",
                      "parameter $w removed"},
    [REASON_ENV] = {"env", "variable $w changed from $b to $a", "new variable $w",
                    "variable $w removed"},
    [REASON_OUT] = {"out", "output $w changed", "new output $w", "output $w removed"},
    [REASON_ENVIRONMENT] = {"environment", "environment changed", "environment is now in the key",
                            "environment is no longer in the key"},
    [REASON_OUTPUT] = {"output", "output $w differs from the known result", NULL,
                       "output $w is missing"},
    [REASON_FORCED] = {"forced", "forced", NULL, NULL},
    [REASON_ALWAYS] = {"always", "runs always", NULL, NULL},
    [REASON_NEVER_RUN] = {"never_run", "never run", NULL, NULL},
    [REASON_NOT_STORED] = {"not_stored", "a result is known, but its outputs are not in the store",
                           NULL, NULL},
    [REASON_REJECTED] = {"rejected", "rejected its input when it last ran", NULL, NULL},
    [REASON_TEMPLATE] = {"template", "$w (in a template) changed from $b to $a", NULL, NULL},
    [REASON_UPSTREAM] = {"upstream", "waits for '$w'", NULL, NULL},
};

const char *reason_part_name(enum reason_part part)
{
    return WORDINGS[part].name;
}

/* The command of built-in checks is nobody's to read. */
static bool is_measuring(struct str command)
{
    return str_starts(command, STR("mlops data measure {"));
}

static const char *find_template(const struct reason *reason)
{
    const struct wording *wording = &WORDINGS[reason->part];
    bool is_missing = (reason->part == REASON_DEP && str_is(reason->after, "missing")) ||
                      (reason->part == REASON_PARAM && str_is(reason->after, "(no value)"));
    if (is_missing)
        return reason->part == REASON_DEP ? "$w is missing" : "parameter $w is missing";
    if (reason->part == REASON_CMD && is_measuring(reason->before) && is_measuring(reason->after))
        return "what is to be measured changed (tables, schemas, or what checks need)";
    bool is_output = reason->part == REASON_OUTPUT; /* may have nothing to say of before */
    if (!reason->after.len && (reason->before.len || is_output) && wording->removed)
        return wording->removed;
    if (!reason->before.len && reason->after.len && wording->added)
        return wording->added;
    return wording->changed;
}

static struct str find_field(const struct reason *reason, char letter)
{
    if (letter == 'b')
        return reason->before;
    if (letter == 'a')
        return reason->after;
    return reason->what.len ? reason->what : STR("a result");
}

struct str reason_print(struct arena *arena, const struct reason *reason)
{
    struct buf out = buf_in(arena);
    for (const char *at = find_template(reason); *at; at++)
        if (*at == '$')
            buf_add_escaped(&out, find_field(reason, *++at), false);
        else
            buf_add_char(&out, *at);
    return buf_str(&out);
}
