/* A lock file with one of everything, for tests of store/lockfile. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/codec/canon.h"
#include "mlops/store/lockfile.h"

#include <math.h>

#include "support/scratch.h"

static inline struct str printed(struct arena *arena, const struct lockfile *lockfile)
{
    struct buf out = buf_in(arena);
    lockfile_print(lockfile, &out);
    return buf_str(&out);
}

/* An entry as a run makes it, its lists sorted; the key is computed. */
static inline struct lock_entry *add_entry(struct arena *arena, struct lockfile *lockfile,
                                           struct lock_entry entry)
{
    struct lock_entry *added = arena_new(arena, struct lock_entry);
    *added = entry;
    added->recipe.out_count = entry.out_count;
    added->recipe.outs = arena_new_array(arena, struct str, entry.out_count + 1);
    for (size_t i = 0; i < entry.out_count; i++)
        added->recipe.outs[i] = entry.outs[i].path;
    added->key = recipe_key(&added->recipe);
    map_put(arena, &lockfile->entries, added->stage, added);
    return added;
}

static inline struct command command_of(struct arena *arena, struct str text)
{
    struct str *items = arena_new(arena, struct str);
    *items = text;
    return (struct command){.items = items, .count = 1};
}

/* Random values, deterministic. */
static inline uint64_t next(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005U + 1442695040888963407U;
    return *seed >> 33;
}

static inline struct str random_text(struct arena *arena, uint64_t *seed)
{
    static const char *const words[] = {
        "a",  "lr",           "0",  "-1.5", "true", "null", ": ", "\"", "\\", "#",
        "\n", "\xC3\xA9",     "e",  "[",    "{",    "\xFF", ".",  " ",  "~",  "data/x.csv",
        "'",  "\xE2\x80\xAE", "<<", "!x",   "&a",   "*a",   "- "};
    struct buf out = buf_in(arena);
    for (uint64_t count = next(seed) % 5; count; count--)
        buf_add_text(&out, words[next(seed) % COUNT_OF(words)]);
    return out.at ? buf_str(&out) : STR("");
}

static inline void random_value(struct arena *arena, uint64_t *seed, int depth, struct buf *out)
{
    static const double reals[] = {0.1, -0.5, 1e300, 5e-324, 1e16, INFINITY, -INFINITY, NAN, 2.5};
    uint64_t count = next(seed) % 4;
    switch (next(seed) % (depth < 50 ? 9 : 7)) {
    case 0:
        canon_null(out);
        break;
    case 1:
        canon_bool(out, count & 1);
        break;
    case 2:
        canon_int(out, (int64_t)(next(seed) << 31 ^ next(seed)) * (count & 1 ? -1 : 1));
        break;
    case 3:
        canon_real(out, reals[next(seed) % COUNT_OF(reals)]);
        break;
    case 4:
        canon_bigint(out, count & 1 ? STR("18446744073709551616") : STR("-9223372036854775809"));
        break;
    case 5:
    case 6:
        canon_str(out, random_text(arena, seed));
        break;
    case 7:
        canon_list(out, count);
        for (; count; count--)
            random_value(arena, seed, depth + 1, out);
        break;
    default:
        canon_map(out, count);
        for (uint64_t i = 0; i < count; i++) {
            canon_str(out, str_print(arena, "%llu%.*s", (unsigned long long)i,
                                     STR_FMT(random_text(arena, seed))));
            random_value(arena, seed, depth + 1, out);
        }
    }
}

static inline struct lock_entry random_entry(struct arena *arena, uint64_t *seed, int number)
{
    struct lock_entry entry = {.stage = str_print(arena, "s%d", number)};
    struct recipe *recipe = &entry.recipe;
    recipe->cmd = command_of(arena, random_text(arena, seed));
    recipe->wdir = random_text(arena, seed);
    recipe->shell = random_text(arena, seed);
    recipe->environment = next(seed) % 3 ? (struct str){0} : random_text(arena, seed);
    recipe->deps = arena_new_array(arena, struct recipe_dep, 4);
    recipe->params = arena_new_array(arena, struct recipe_param, 6);
    recipe->env = arena_new_array(arena, struct recipe_env, 3);
    for (uint64_t count = next(seed) % 4; count; count--) {
        struct recipe_dep *dep = &recipe->deps[recipe->dep_count++];
        dep->path = str_print(arena, "d%zu%s", recipe->dep_count, next(seed) % 4 ? "" : "\xFF");
        dep->kind = next(seed) % 3;
        dep->is_executable = dep->kind == ARTIFACT_FILE && next(seed) % 2;
        if (dep->kind != ARTIFACT_ABSENT)
            dep->digest = digest_of(seed, sizeof *seed);
    }
    for (uint64_t count = next(seed) % 7; count; count--) {
        struct recipe_param *param = &recipe->params[recipe->param_count++];
        struct buf encoded = buf_in(arena);
        random_value(arena, seed, 0, &encoded);
        param->file = count > 3 ? STR("a b.yaml") : STR("params.yaml");
        param->key = str_print(arena, "%c%.*s", (char)('a' + recipe->param_count),
                               STR_FMT(random_text(arena, seed)));
        param->encoded = next(seed) % 5 ? buf_str(&encoded) : (struct str){0};
    }
    for (uint64_t count = next(seed) % 4; count; count--) {
        struct recipe_env *variable = &recipe->env[recipe->env_count++];
        variable->name = str_print(arena, "V%zu", recipe->env_count);
        variable->is_secret = next(seed) % 3 == 0;
        variable->value = variable->is_secret ? (struct str){0} : random_text(arena, seed);
    }
    entry.outs = arena_new_array(arena, struct artifact, 4);
    for (uint64_t count = next(seed) % 4; count; count--) {
        struct artifact *out = &entry.outs[entry.out_count++];
        out->path = str_print(arena, "o%zu/x", entry.out_count);
        out->kind = ARTIFACT_FILE;
        out->file_count = 1;
        out->size_bytes = (int64_t)(next(seed) << 30);
        out->digest = digest_of(seed, sizeof *seed);
        out->is_stored = next(seed) % 2;
    }
    entry.is_rejected = next(seed) % 2;
    return entry;
}
