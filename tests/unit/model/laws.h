/* Random values of the model, for tests of laws that hold for all of them. */
#pragma once

/* Laws of the values, tried on random ones. The seed is printed when one is broken;
 * MLOPS_SEED=NUMBER repeats it. */
#include "mlops/base/arena.h"
#include "mlops/model/diff.h"
#include "mlops/model/tree.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "support/unit.h"

enum { ROUNDS = 2000, DIFF_ROUNDS = 300 };

static struct arena arena;
static uint64_t seed, random_state;

#define LAW(condition)                                                                             \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_msg("%s does not hold; MLOPS_SEED=%" PRIu64, #condition, seed);                   \
    } while (0)

/* splitmix64 (Steele, Lea, Flood 2014) */
static inline uint64_t draw(void)
{
    uint64_t z = random_state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static inline size_t below(size_t count)
{
    return (size_t)(draw() % count);
}

static inline void start_round(uint64_t round)
{
    const char *given = getenv("MLOPS_SEED");
    seed = given ? strtoull(given, NULL, 10) : round;
    random_state = seed;
    arena_reset(&arena);
}

/* Short texts of bytes that also occur as tags and lengths, so that bad encodings would collide. */
static inline struct str any_text(void)
{
    static const char alphabet[] = "sl\1\2\0am";
    size_t len = below(4);
    char *at = arena_alloc(&arena, len + 1);
    for (size_t i = 0; i < len; i++)
        at[i] = alphabet[below(sizeof alphabet - 1)];
    return (struct str){at, len};
}

static inline struct digest any_digest(void)
{
    unsigned char byte = (unsigned char)below(4);
    return digest_of(&byte, 1);
}

static inline void add_value(struct buf *out, int depth)
{
    size_t kind = below(depth > 2 ? 6 : 8);
    size_t count = below(3);
    if (kind == 0)
        canon_null(out);
    else if (kind == 1)
        canon_bool(out, below(2));
    else if (kind == 2)
        canon_int(out, (int64_t)below(3));
    else if (kind == 3)
        canon_real(out, (double)below(5) / 2);
    else if (kind == 4)
        canon_bigint(out, below(2) ? STR("99999999999999999999") : STR("-99999999999999999999"));
    else if (kind == 5)
        canon_str(out, any_text());
    else if (kind == 6)
        canon_list(out, count);
    else
        canon_map(out, count);
    for (size_t i = 0; kind >= 6 && i < count; i++) {
        if (kind == 7)
            canon_str(out, str_print(&arena, "%zu", i));
        add_value(out, depth + 1);
    }
}

static inline struct str any_value(void)
{
    struct buf out = buf_in(&arena);
    add_value(&out, 0);
    return buf_str(&out);
}

static inline struct recipe_dep any_dep(struct str path)
{
    struct recipe_dep dep = {.path = path, .kind = (enum artifact_kind)below(3)};
    dep.is_executable = dep.kind == ARTIFACT_FILE && below(2);
    if (dep.kind != ARTIFACT_ABSENT)
        dep.digest = any_digest();
    return dep;
}

static inline struct recipe_param any_param(struct str file, struct str key)
{
    struct recipe_param param = {.file = file, .key = key};
    if (below(5)) {
        param.encoded = any_value();
        param.shown = recipe_show(&arena, param.encoded);
    }
    return param;
}

static inline struct recipe_env any_env(struct str name)
{
    bool is_secret = below(3) == 0;
    return (struct recipe_env){name, is_secret ? STR("") : any_text(), is_secret};
}

/* Distinct sorted names: a random subset of a1, a2, ... */
static inline struct str subset_name(size_t i)
{
    return str_print(&arena, "%02zu", i);
}

static inline void add_command(struct recipe *recipe)
{
    struct command *cmd = &recipe->cmd;
    cmd->is_list = below(2);
    cmd->count = cmd->is_list ? below(3) : below(2);
    cmd->items = arena_new_array(&arena, struct str, 4);
    for (size_t i = 0; i < cmd->count; i++)
        cmd->items[i] = any_text();
}

/* Arrays have room for one more item. */
static inline struct recipe *any_recipe(void)
{
    struct recipe *recipe = arena_new(&arena, struct recipe);
    add_command(recipe);
    recipe->wdir = any_text();
    recipe->shell = any_text();
    recipe->environment = any_text();
    recipe->deps = arena_new_array(&arena, struct recipe_dep, 6);
    recipe->params = arena_new_array(&arena, struct recipe_param, 6);
    recipe->env = arena_new_array(&arena, struct recipe_env, 6);
    recipe->outs = arena_new_array(&arena, struct str, 6);
    for (size_t i = 0; i < 5; i++) {
        if (below(2))
            recipe->deps[recipe->dep_count++] = any_dep(subset_name(i));
        if (below(2))
            recipe->params[recipe->param_count++] = any_param(subset_name(i / 2), subset_name(i));
        if (below(2))
            recipe->env[recipe->env_count++] = any_env(subset_name(i));
        if (below(2))
            recipe->outs[recipe->out_count++] = subset_name(i);
    }
    return recipe;
}

static inline struct str encoded(const struct recipe *recipe)
{
    struct buf out = buf_in(&arena);
    recipe_encode(recipe, &out);
    return buf_str(&out);
}

static inline bool is_mirror(const struct reason_vec *one, const struct reason_vec *other)
{
    bool same = one->len == other->len;
    for (size_t i = 0; same && i < one->len; i++) {
        const struct reason *a = &one->at[i], *b = &other->at[i];
        same = a->part == b->part && str_equal(a->what, b->what) &&
               str_equal(a->before, b->after) && str_equal(a->after, b->before);
    }
    return same;
}

static inline int drop(void **state)
{
    (void)state;
    arena_drop(&arena);
    return 0;
}
