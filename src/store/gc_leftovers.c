#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/base/vec.h"
#include "mlops/host/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gc_private.h"

/* A folder of .mlops, of one run or of one stage of a run. */
struct leftover {
    struct str path;  /* relative to .mlops */
    struct str run;   /* ULID: later runs sort behind earlier ones */
    struct str group; /* stage folder; empty: the run as a whole */
    int64_t size_bytes;
    int64_t age_ns;
    const char *why; /* NULL: it is kept */
};

VEC(leftover_vec, struct leftover);

struct finder {
    struct arena *arena;
    int state_fd;
    int64_t now_ns;
    struct leftover_vec found;
};

static FALLIBLE add_leftover(struct finder *finder, struct str path, struct str run,
                             struct str group, const struct file_stat *stat)
{
    struct leftover *leftover = vec_push(finder->arena, &finder->found);
    struct walk_sum sum = {.newest_ns = MAX_OF(stat->mtime_ns, stat->ctime_ns)};
    TRY(walk_measure(finder->state_fd, path.at, &sum)); /* a directory does not change with what is
                                                           put deeper into it */
    *leftover = (struct leftover){.path = path,
                                  .run = str_copy(finder->arena, run),
                                  .group = str_copy(finder->arena, group),
                                  .size_bytes = sum.bytes,
                                  .age_ns = finder->now_ns - sum.newest_ns};
    return NULL;
}

/* Folders below `top`: one a run, or (has_groups) one a stage inside each. */
static FALLIBLE find_leftovers(struct finder *finder, const char *top, bool has_groups)
{
    struct walk_list runs, groups;
    TRY(walk_folder(finder->arena, finder->state_fd, top, NULL, &runs));
    for (size_t i = 0; i < runs.count; i++) {
        const struct walk_entry *run = &runs.entries[i];
        struct str path = path_join(finder->arena, str_of(top), run->name);
        if (!S_ISDIR(run->stat.mode))
            continue;
        if (!has_groups)
            TRY(add_leftover(finder, path, run->name, STR(""), &run->stat));
        groups.count = 0;
        if (has_groups)
            TRY(walk_folder(finder->arena, finder->state_fd, path.at, NULL, &groups));
        for (size_t k = 0; k < groups.count; k++)
            TRY(add_leftover(finder, path_join(finder->arena, path, groups.entries[k].name),
                             run->name, groups.entries[k].name, &groups.entries[k].stat));
    }
    return NULL;
}

static int compare_leftovers(const void *a, const void *b)
{
    const struct leftover *left = a, *right = b;
    int order = str_compare(left->group, right->group);
    return order ? order : str_compare(right->run, left->run); /* newest first */
}

static int compare_runs(const void *a, const void *b)
{
    const struct leftover *left = a, *right = b;
    return str_compare(right->run, left->run);
}

/* The newest of each group, and of all together no more than the bytes. */
static void choose(struct leftover_vec *found, int64_t keep, int64_t keep_bytes,
                   int64_t least_age_ns)
{
    int64_t nth = 0, bytes = 0;
    vec_sort(found, compare_leftovers);
    for (size_t i = 0; i < found->len; i++) {
        bool is_same = i && str_equal(found->at[i].group, found->at[i - 1].group);
        nth = is_same ? nth + 1 : 0;
        if (nth >= keep && found->at[i].age_ns >= least_age_ns)
            found->at[i].why = "newer ones of its kind are kept";
    }
    vec_sort(found, compare_runs);
    vec_each (struct leftover, leftover, found) {
        if (leftover->why)
            continue;
        bytes += leftover->size_bytes;
        if (bytes > keep_bytes && leftover->age_ns >= least_age_ns)
            leftover->why = "together they take more than is kept of them";
    }
}

static FALLIBLE take_away(const struct finder *finder, const char *what, bool really,
                          struct gc_items *items)
{
    vec_each (const struct leftover, leftover, &finder->found) {
        if (!leftover->why)
            continue;
        if (really) {
            TRY(path_remove(finder->state_fd, leftover->path.at));
            ptrdiff_t cut = str_find_last_char(leftover->path, '/');
            if (leftover->group.len)
                directory_prune(
                    finder->state_fd,
                    str_copy(finder->arena, str_slice(leftover->path, 0, (size_t)cut)).at);
        }
        struct str name = str_print(items->arena, ".mlops/%.*s", STR_FMT(leftover->path));
        gc_items_add(items, (struct gc_item){.what = what,
                                             .name = name,
                                             .why = str_of(leftover->why),
                                             .size_bytes = leftover->size_bytes,
                                             .age_ns = leftover->age_ns});
    }
    return NULL;
}

static FALLIBLE drop_logs(struct finder *finder, const struct workspace *workspace,
                          struct ledger *ledger, int64_t grace_ns)
{
    struct map kept = {0};
    TRY(ledger_kept_runs(ledger, finder->arena, workspace->config.keep_runs,
                         finder->now_ns - workspace->config.keep_ns, &kept));
    TRY(find_leftovers(finder, "logs", false));
    vec_each (struct leftover, leftover, &finder->found)
        if (!map_has(&kept, leftover->run) && leftover->age_ns >= grace_ns)
            leftover->why = "its run is no longer among those kept";
    return NULL;
}

/* Nobody is reminded of what was moved out of the way once, unless by this. */
static void count_kept(const struct leftover_vec *found, int64_t grace_ns, struct gc_report *report)
{
    vec_each (const struct leftover, leftover, found) {
        if (leftover->why || leftover->age_ns < grace_ns)
            continue;
        report->displaced_count++;
        report->displaced_bytes += leftover->size_bytes;
    }
}

/* "interval-<SHA-256>.json", "at-<SHA-256>.json": what gates and references reckoned, which is
 * reckoned again when it is asked for. Outputs of stages in the same folder have shorter names. */
static bool is_reckoned(struct str name)
{
    static const char *const prefixes[] = {"interval-", "at-"};
    struct str ending = STR(".json");
    struct digest ignored;
    for (size_t i = 0; i < COUNT_OF(prefixes); i++) {
        struct str prefix = str_of(prefixes[i]);
        if (str_starts(name, prefix) && name.len == prefix.len + DIGEST_HEX_LEN + ending.len)
            return str_ends(name, ending) &&
                   digest_parse(str_slice(name, prefix.len, name.len - ending.len), &ignored);
    }
    return false;
}

static FALLIBLE find_reckoned(struct finder *finder, int64_t grace_ns)
{
    struct walk_list files;
    TRY(walk_folder(finder->arena, finder->state_fd, "measured", NULL, &files));
    for (size_t i = 0; i < files.count; i++) {
        const struct walk_entry *file = &files.entries[i];
        int64_t age_ns = finder->now_ns - MAX_OF(file->stat.mtime_ns, file->stat.ctime_ns);
        if (!S_ISREG(file->stat.mode) || !is_reckoned(file->name) || age_ns < grace_ns)
            continue;
        *vec_push(finder->arena, &finder->found) =
            (struct leftover){.path = path_join(finder->arena, STR("measured"), file->name),
                              .size_bytes = file->stat.size_bytes,
                              .age_ns = age_ns,
                              .why = "it is reckoned again when it is asked for"};
    }
    return NULL;
}

FALLIBLE gc_leftovers(const struct workspace *workspace, struct ledger *ledger,
                      const struct gc_options *options, int64_t now_ns, struct gc_items *items)
{
    AUTO(arena_drop) struct arena scratch = {0};
    const struct config *config = &workspace->config;
    int state_fd = fd_number(workspace->home_fd);
    struct finder failed = {&scratch, state_fd, now_ns, {0}}, displaced = failed, logs = failed,
                  reckoned = failed;
    TRY(find_leftovers(&failed, "failed", true));
    choose(&failed.found, config->keep_failed, config->keep_failed_bytes, 0);
    TRY(take_away(&failed, "failed output", options->really, items));
    /* These may be the only copies of somebody's work: none younger than what is kept of runs. */
    TRY(find_leftovers(&displaced, "displaced", false));
    choose(&displaced.found, config->keep_failed, config->keep_failed_bytes, config->keep_ns);
    TRY(take_away(&displaced, "displaced file", options->really, items));
    count_kept(&displaced.found, options->grace_ns, items->report);
    TRY(drop_logs(&logs, workspace, ledger, options->grace_ns));
    TRY(take_away(&logs, "log", options->really, items));
    TRY(find_reckoned(&reckoned, options->grace_ns));
    return take_away(&reckoned, "interval or profile", options->really, items);
}
