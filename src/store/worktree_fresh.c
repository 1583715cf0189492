/* Restoring a directory where nothing is: built whole in the temporary directory, then renamed.
 * What its trees name is put there a part at a time: of millions of files no list is made. */
#include "mlops/base/buf.h"
#include "mlops/model/name.h"

#include "worktree_delta_private.h"

enum {
    PART_PUTS = 16384,
    BIG_BYTES = 1048576, /* put at the end, the biggest first, so that none is begun last */
};

/* Files that are put together, and the memory of all that is known of them. */
struct part {
    struct arena arena;
    struct put_vec puts;
};

struct building {
    struct delta *delta;
    struct part small, big;
    size_t number;
};

static void building_drop(struct building *building)
{
    arena_drop(&building->small.arena);
    arena_drop(&building->big.arena);
}

static FALLIBLE put_part(struct building *building, struct part *part)
{
    struct delta *delta = building->delta;
    struct arena *arena = delta->arena;
    delta->arena = &part->arena;
    delta->puts = part->puts;
    struct error *error = delta_stage_puts(delta);
    if (!error && !atomic_load(&delta->is_missing))
        delta_note_puts(delta);
    delta->arena = arena;
    delta->puts = part->puts = (struct put_vec){0};
    arena_reset(&part->arena);
    return error;
}

static FALLIBLE make_directory(const struct delta *delta, struct str below)
{
    AUTO(fd_drop) struct fd ignored = {0};
    return place_descend(fd_number(delta->stage_fd), below, true, &ignored);
}

/* Those of one directory follow each other, but for the ones in directories between them. */
static struct str directory_of(struct part *part, struct str below)
{
    const struct put *before = part->puts.len ? &part->puts.at[part->puts.len - 1] : NULL;
    return before && str_equal(before->staged_in, below) ? before->staged_in
                                                         : str_copy(&part->arena, below);
}

static void add_put(struct building *building, struct part *part, struct str below,
                    const struct tree_entry *entry)
{
    struct wanted *wanted = arena_new(&part->arena, struct wanted);
    struct str directory = directory_of(part, below);
    *wanted = (struct wanted){.below = path_join(&part->arena, below, entry->name),
                              .kind = entry->kind,
                              .digest = entry->digest,
                              .size_bytes = entry->size_bytes};
    struct put *put = vec_push(&part->arena, &part->puts);
    *put = (struct put){.wanted = wanted,
                        .number = ++building->number,
                        .staged_in = directory,
                        .staged = path_name(wanted->below).at};
}

static FALLIBLE build_entry(void *context, struct str below, const struct tree_entry *entry,
                            bool *goes_on)
{
    struct building *building = context;
    struct delta *delta = building->delta;
    if (entry->kind == TREE_DIRECTORY) {
        AUTO(arena_drop) struct arena scratch = {0};
        return make_directory(delta, path_join(&scratch, below, entry->name));
    }
    struct part *part = entry->size_bytes < BIG_BYTES ? &building->small : &building->big;
    add_put(building, part, below, entry);
    if (part->puts.len >= PART_PUTS)
        TRY(put_part(building, part));
    *goes_on = !atomic_load(&delta->is_missing);
    return NULL;
}

static FALLIBLE build(struct building *building, bool *ret_found)
{
    struct delta *delta = building->delta;
    const struct artifact *artifact = delta->restoring->artifact;
    struct stored_visitor visitor = {build_entry, building};
    TRY(worktree_stored_walk(delta->restoring->worktree->cas, artifact->digest, &visitor,
                             ret_found));
    if (!*ret_found)
        return NULL;
    TRY(put_part(building, &building->big));
    TRY(put_part(building, &building->small));
    for (size_t i = 0; i < artifact->empty_dir_count; i++)
        TRY(make_directory(delta, artifact->empty_dirs[i]));
    *ret_found = !atomic_load(&delta->is_missing);
    return NULL;
}

FALLIBLE delta_build(struct delta *delta, bool *ret_found)
{
    AUTO(building_drop) struct building building = {.delta = delta};
    int temp_fd = fd_number(delta->restoring->temp.fd);
    TRY(directory_make(temp_fd, "new", false));
    TRY(directory_open(temp_fd, "new", &delta->stage_fd));
    return build(&building, ret_found);
}
