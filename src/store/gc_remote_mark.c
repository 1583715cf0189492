/* What of a remote is needed: by records of pushes, by directories that are only there, by large
 * files for their chunks. */
#include "mlops/base/limits.h"
#include "mlops/codec/canon.h"
#include "mlops/host/signal.h"

#include "gc_remote_private.h"

enum { ROOTS_BYTES_MOST = 1 << 30 };

bool remote_is_old(const struct remote_gc *gc, int64_t modified_ns)
{
    return modified_ns != 0 && gc->now_ns - modified_ns >= gc->sweep->options->grace_ns;
}

/* --- records of pushes --- */

static FALLIBLE read_root(struct canon_reader *reader, struct artifact *ret)
{
    size_t count = 0;
    bool is_tree = false;
    TRY(canon_read_list(reader, &count));
    if (count != 4)
        return error_new(ERROR_STORED, "an entry of a record of a push is damaged");
    TRY(canon_read_str(reader, &ret->path));
    TRY(canon_read_bool(reader, &is_tree));
    TRY(canon_read_digest(reader, &ret->digest));
    ret->kind = is_tree ? ARTIFACT_TREE : ARTIFACT_FILE;
    return canon_read_int(reader, &ret->size_bytes);
}

/* Others' records count at any age: only they know when theirs are no longer needed. */
static FALLIBLE mark_record(struct remote_gc *gc, const struct remote_file *file, struct str bytes)
{
    struct canon_reader reader = canon_reader_of(bytes);
    struct str project = {0};
    size_t count = 0;
    TRY(canon_expect_tag(&reader, REMOTE_ROOTS_TAG));
    TRY(canon_read_str(&reader, &project));
    bool is_own = str_equal(project, gc->sweep->workspace->config.project);
    if (is_own && remote_is_old(gc, file->modified_ns)) {
        *vec_push(gc->arena, &gc->obsolete) = *file;
        return NULL;
    }
    TRY(canon_read_list(&reader, &count));
    for (size_t i = 0; i < count; i++) {
        struct artifact artifact = {0};
        TRY(read_root(&reader, &artifact));
        size_t own_roots = gc->marks->roots.len;
        TRY(mark_artifact(gc->marks, &artifact));
        gc->marks->roots.len = own_roots; /* not among those that this project's record names */
    }
    return canon_expect_end(&reader);
}

struct file_listing {
    struct arena *arena;
    struct remote_file_vec files;
};

static FALLIBLE note_file(void *context, const struct transport_item *item)
{
    struct file_listing *listing = context;
    *vec_push(listing->arena, &listing->files) = (struct remote_file){
        str_copy(listing->arena, item->name), item->size_bytes, item->modified_ns};
    return NULL;
}

/* One that is gone by now was replaced by a record of all that its project needs: look again. */
FALLIBLE remote_mark_records(struct remote_gc *gc)
{
    struct file_listing listing = {.arena = gc->arena};
    TRY(depot_list(gc->depot, STR("roots/"), note_file, &listing));
    vec_each (const struct remote_file, file, &listing.files) {
        AUTO(arena_drop) struct arena scratch = {0};
        struct str bytes = {0};
        bool found = false;
        TRY(signal_check());
        TRY(depot_get_file(gc->depot, &scratch, file->name, ROOTS_BYTES_MOST, &bytes, &found));
        if (!found)
            return error_hint(error_new(ERROR_MACHINE, "somebody else is cleaning up this remote"),
                              "try again when that is over");
        TRY_WITHIN(mark_record(gc, file, bytes), "'%.*s' of the remote", STR_FMT(file->name));
    }
    return NULL;
}

/* --- directories that are not here --- */

/* One that the remote has not either names nothing there. */
static FALLIBLE fetch_trees(struct remote_gc *gc, const struct digest_vec *trees)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct depot_want_vec wants = {0}, missing = {0};
    vec_each (struct digest, tree, trees) {
        struct depot_want want = {.digest = *tree};
        bool found = false;
        if (!depot_can_give(gc->depot, *tree))
            continue;
        TRY(depot_object_bytes(gc->depot, *tree, &want.size_bytes, &found));
        found = found && want.size_bytes <= LIMIT_TREE_BYTES;
        *vec_push(&scratch, found ? &wants : &missing) = want;
    }
    TRY(depot_fetch(gc->depot, &scratch, wants.at, wants.len, &missing));
    if (!missing.len)
        return NULL;
    struct str hex = digest_hex(&scratch, missing.at[0].digest);
    return error_hint(error_new(ERROR_STORED,
                                "the directory %.12s... can't be read from the remote: what it "
                                "needs is not known",
                                hex.at),
                      "'mlops verify --remote' finds what is damaged; nothing was removed");
}

static FALLIBLE mark_absent(struct remote_gc *gc)
{
    struct marks *marks = gc->marks;
    while (marks->absent.len) {
        struct digest_vec trees = marks->absent;
        marks->absent = (struct digest_vec){0};
        TRY(fetch_trees(gc, &trees));
        for (size_t i = 0; i < trees.len; i++) {
            bool found = false;
            size_t before = marks->absent.len;
            TRY(mark_below(marks, trees.at[i], &found));
            if (!found)
                marks->absent.len = before; /* nowhere: not asked for again */
        }
    }
    return NULL;
}

/* --- chunks --- */

static void mark_chunk(void *context, struct digest chunk)
{
    digest_set_add(context, chunk);
}

static FALLIBLE mark_chunks(struct remote_gc *gc)
{
    const struct digest_set *objects = &gc->marks->objects;
    AUTO(arena_drop) struct arena scratch = {0};
    struct digest_vec files = {0};
    for (size_t i = 0; i < objects->slot_count; i++)
        if (!digest_is_zero(objects->slots[i]))
            *vec_push(&scratch, &files) = objects->slots[i];
    TRY_WITHIN(depot_each_chunk(gc->depot, files.at, files.len, mark_chunk, &gc->marks->objects),
               "can't tell what is still needed of the remote");
    return NULL;
}

FALLIBLE remote_mark_contents(struct remote_gc *gc)
{
    TRY(mark_absent(gc));
    return mark_chunks(gc);
}
