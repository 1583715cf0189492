/* Members of a snapshot become objects, and objects are read back. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/codec/canon.h"
#include "mlops/model/name.h"

#include <sys/stat.h>

#include "snapshot_private.h"

static const struct str notes_tag = STR_ROW("mlops.snapshot.1");
static const int64_t NOTES_BYTES_MOST = 1073741824;

static void encode_paths(const struct str_vec *paths, struct buf *out)
{
    canon_int(out, (int64_t)paths->len);
    vec_each (const struct str, path, paths)
        canon_str(out, *path);
}

void snapshot_notes_encode(const struct snapshot_notes *notes, struct buf *out)
{
    canon_str(out, notes_tag);
    canon_int(out, notes->is_dvc);
    encode_paths(&notes->empty, out);
    encode_paths(&notes->repositories, out);
    encode_paths(&notes->locks, out);
    canon_int(out, (int64_t)notes->linked.len);
    vec_each (const struct snapshot_linked, linked, &notes->linked) {
        canon_str(out, linked->path);
        canon_int(out, linked->is_directory);
    }
}

static FALLIBLE read_path(struct canon_reader *reader, struct str *ret)
{
    TRY(canon_read_str(reader, ret));
    const char *fault = path_fault(*ret);
    return fault ? error_new(ERROR_STORED, "a path of a snapshot %s", fault) : NULL;
}

static FALLIBLE decode_paths(struct arena *arena, struct canon_reader *reader, struct str_vec *ret)
{
    int64_t count = 0;
    TRY(canon_read_int(reader, &count));
    for (int64_t i = 0; i < count; i++)
        TRY(read_path(reader, vec_push(arena, ret)));
    return NULL;
}

static FALLIBLE decode_notes(struct arena *arena, struct str bytes, struct snapshot_notes *ret)
{
    struct canon_reader reader = canon_reader_of(bytes);
    int64_t flag = 0, count = 0;
    TRY(canon_expect_tag(&reader, notes_tag));
    TRY(canon_read_int(&reader, &flag));
    ret->is_dvc = flag != 0;
    TRY(decode_paths(arena, &reader, &ret->empty));
    TRY(decode_paths(arena, &reader, &ret->repositories));
    TRY(decode_paths(arena, &reader, &ret->locks));
    TRY(canon_read_int(&reader, &count));
    for (int64_t i = 0; i < count; i++) {
        struct snapshot_linked *linked = vec_push(arena, &ret->linked);
        TRY(read_path(&reader, &linked->path));
        TRY(canon_read_int(&reader, &flag));
        linked->is_directory = flag != 0;
    }
    return canon_expect_end(&reader);
}

FALLIBLE snapshot_notes_load(struct session *session, struct arena *arena, struct digest tree,
                             struct snapshot_notes *ret)
{
    struct str bytes = {0};
    bool is_found = false;
    TRY(snapshot_read(session, arena, tree, STR(SNAPSHOT_NOTES), &bytes, &is_found));
    if (!is_found)
        return error_hint(error_new(ERROR_STORED, "the store does not have the snapshot any more"),
                          "take a new one: start the sweep again");
    struct snapshot_notes notes = {0};
    TRY_WITHIN(decode_notes(arena, bytes, &notes), "a snapshot is damaged");
    *ret = notes;
    return NULL;
}

/* --- storing --- */

struct storing {
    struct snapshot_taking *taking;
    struct worktree_file *files;
    size_t count;
    int64_t size_bytes;
};

static void add_file(struct storing *storing, struct str path, struct digest digest,
                     int64_t size_bytes, enum tree_kind kind)
{
    storing->files[storing->count++] = (struct worktree_file){path, digest, size_bytes, kind};
    storing->size_bytes += size_bytes;
}

static FALLIBLE add_captured(struct storing *storing, const struct snapshot_member *member)
{
    struct artifact now = {0};
    struct worktree *worktree = storing->taking->session->worktree;
    struct error *error = worktree_capture(worktree, member->path, &now);
    if (error && (error->code >= ERROR_SIGNAL || member->is_needed))
        return error;
    if (error) {
        error_drop(error);
        snapshot_warn(storing->taking, member->path, "keeps changing or can't be read");
    } else if (now.kind == ARTIFACT_FILE) {
        add_file(storing, member->path, now.digest, now.size_bytes,
                 now.is_executable ? TREE_EXECUTABLE : TREE_FILE);
    }
    return NULL;
}

/* All at once; if one of them fails, each by itself, to tell which. */
static FALLIBLE capture(struct storing *storing)
{
    struct snapshot_taking *taking = storing->taking;
    struct session *session = taking->session;
    struct str *paths = arena_new_array(&taking->arena, struct str, taking->list.len + 1);
    size_t count = 0;
    for (size_t i = 0; i < taking->list.len; i++) {
        const struct snapshot_member *member = taking->list.at[i];
        if (!member->is_link && !member->has_digest)
            paths[count++] = member->path;
    }
    struct error *error =
        worktree_capture_all(session->worktree, paths, count, false, session->observer);
    if (error && error->code >= ERROR_SIGNAL)
        return error;
    error_drop(error);
    return NULL;
}

static FALLIBLE add_member(struct storing *storing, const struct snapshot_member *member)
{
    struct digest digest = {{0}};
    if (member->has_digest) {
        add_file(storing, member->path, member->digest, member->size_bytes, member->kind);
        return NULL;
    }
    if (!member->is_link)
        return add_captured(storing, member);
    TRY(cas_put_bytes(storing->taking->session->cas, member->target, &digest));
    add_file(storing, member->path, digest, (int64_t)member->target.len, TREE_SYMLINK);
    return NULL;
}

static FALLIBLE pin(struct storing *storing, struct digest tree)
{
    struct digest *digests =
        arena_new_array(&storing->taking->arena, struct digest, storing->count + 1);
    for (size_t i = 0; i < storing->count; i++)
        digests[i] = storing->files[i].digest;
    digests[storing->count] = tree;
    return cas_pin(storing->taking->session->cas, digests, storing->count + 1);
}

FALLIBLE snapshot_store(struct snapshot_taking *taking, struct snapshot *ret)
{
    AUTO(buf_drop) struct buf notes = {0};
    struct session *session = taking->session;
    struct storing storing = {.taking = taking};
    struct digest digest = {{0}};
    struct artifact tree = {0};
    storing.files = arena_new_array(&taking->arena, struct worktree_file, taking->list.len + 1);
    TRY(capture(&storing));
    for (size_t i = 0; i < taking->list.len; i++)
        TRY(add_member(&storing, taking->list.at[i]));
    ret->file_count = (int64_t)storing.count;
    ret->size_bytes = storing.size_bytes;
    snapshot_notes_encode(&taking->notes, &notes);
    TRY(cas_put_bytes(session->cas, buf_str(&notes), &digest));
    add_file(&storing, STR(SNAPSHOT_NOTES), digest, (int64_t)notes.len, TREE_FILE);
    TRY(worktree_tree_of(session->worktree, STR(""), storing.files, storing.count, LOOK_OUT, true,
                         &tree));
    ret->tree = tree.digest;
    TRY(pin(&storing, tree.digest));
    return cas_flush(session->cas);
}

/* --- reading --- */

FALLIBLE snapshot_files(struct session *session, struct arena *arena, struct digest tree,
                        struct worktree_file **ret, size_t *ret_count)
{
    struct artifact artifact = {.path = STR(""), .kind = ARTIFACT_TREE, .digest = tree};
    struct worktree_file *files = NULL;
    size_t count = 0, kept = 0;
    bool is_found = session->cas != NULL;
    if (is_found)
        TRY(tree_list_files(session->cas, arena, &artifact, SIZE_MAX, &files, &count, &is_found));
    if (!is_found)
        return error_hint(error_new(ERROR_STORED, "the store does not have the snapshot any more"),
                          "take a new one: start the sweep again");
    for (size_t i = 0; i < count; i++)
        if (!str_is(files[i].path, SNAPSHOT_NOTES))
            files[kept++] = files[i];
    *ret = files;
    *ret_count = kept;
    return NULL;
}

static const struct tree_entry *entry_named(const struct tree *tree, struct str name)
{
    for (size_t i = 0; i < tree->count; i++)
        if (str_equal(tree->entries[i].name, name))
            return &tree->entries[i];
    return NULL;
}

FALLIBLE snapshot_read(struct session *session, struct arena *arena, struct digest tree,
                       struct str path, struct str *ret, bool *ret_found)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct digest digest = tree;
    struct str rest = path, part = {0};
    *ret_found = session->cas != NULL;
    while (*ret_found && rest.len && str_split(&rest, '/', &part)) {
        struct tree level = {0};
        struct str bytes = {0};
        TRY(cas_get_bytes(session->cas, &scratch, digest, NOTES_BYTES_MOST, &bytes, ret_found));
        if (!*ret_found)
            return NULL;
        TRY(tree_decode(&scratch, bytes, &level));
        const struct tree_entry *entry = entry_named(&level, part);
        bool is_last = rest.len == 0;
        *ret_found = entry && (is_last ? entry->kind == TREE_FILE || entry->kind == TREE_EXECUTABLE
                                       : entry->kind == TREE_DIRECTORY);
        digest = entry ? entry->digest : digest;
    }
    return *ret_found ? cas_get_bytes(session->cas, arena, digest, NOTES_BYTES_MOST, ret, ret_found)
                      : NULL;
}
