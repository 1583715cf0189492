/* DVC runs each line of a command by a shell of its own: what a line leaves for the next is lost.
 */
#include "mlops/base/arena.h"

#include "pipeline_private.h"

/* A line that is written for those behind it. */
static bool leaves_something(struct str line)
{
    static const char *const starts[] = {"cd ", "export ", "source ", ". ", "set ", "pushd "};
    struct str text = str_trim(line);
    if (str_ends(text, STR("\\")))
        return true;
    bool is_whole = str_find(text, STR("&&")) < 0 && str_find_char(text, ';') < 0;
    for (size_t i = 0; i < COUNT_OF(starts); i++) {
        if (is_whole && str_starts(text, str_of(starts[i])))
            return true;
    }
    ptrdiff_t equals = str_find_char(text, '=');
    return is_whole && equals > 0 && str_find_char(text, ' ') < 0; /* NAME=value */
}

static bool is_split_in_vain(struct str script)
{
    struct str line;
    bool was_left = false;
    while (str_split(&script, '\n', &line)) {
        if (!str_trim(line).len)
            continue;
        if (was_left)
            return true;
        was_left = leaves_something(line);
    }
    return false;
}

static bool is_affected(const struct stage *stage)
{
    for (size_t i = 0; i < stage->cmd.count && !stage->cmd.is_list; i++) {
        if (is_split_in_vain(stage->cmd.items[i]))
            return true;
    }
    return false;
}

void pipeline_warn_lines(struct binding *binding)
{
    struct pipeline *pipeline = binding->pipeline;
    struct arena *arena = binding->binder.arena;
    const struct stage *first = NULL;
    size_t count = 0;
    vec_each (struct stage, stage, &pipeline->stages) {
        if (!is_affected(stage))
            continue;
        count++;
        first = first ? first : stage;
    }
    if (!first)
        return;
    struct str more = count > 1 ? str_print(arena, " (and of %zu more)", count - 1) : STR("");
    const struct doc_node *cmd = doc_find(first->node, STR("cmd"));
    *vec_push(arena, &pipeline->warnings) = (struct pipeline_warning){
        .node = cmd ? cmd : first->node,
        .text = str_print(arena,
                          "each line of the cmd of '%.*s'%.*s is run by a shell of its own, as DVC "
                          "does: a backslash at its end, 'cd' and variables do not reach the next "
                          "line; join them by '&&'",
                          STR_FMT(first->name), STR_FMT(more))};
}
