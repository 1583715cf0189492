#include "mlops/model/artifact.h"

#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/base/limits.h"
#include "mlops/model/name.h"
#include "mlops/model/tree.h"

#include "stored_private.h"

enum { ITEM_COUNT = 8 };

static const char *const KIND_NAMES[] = {
    [ARTIFACT_ABSENT] = "absent",
    [ARTIFACT_FILE] = "file",
    [ARTIFACT_TREE] = "tree",
};

const char *artifact_kind_name(enum artifact_kind kind)
{
    return KIND_NAMES[kind];
}

bool artifact_kind_parse(struct str name, enum artifact_kind *ret)
{
    for (size_t i = 0; i < COUNT_OF(KIND_NAMES); i++)
        if (str_is(name, KIND_NAMES[i])) {
            *ret = (enum artifact_kind)i;
            return true;
        }
    return false;
}

bool artifact_equal(const struct artifact *a, const struct artifact *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == ARTIFACT_ABSENT)
        return true;
    if (a->kind == ARTIFACT_FILE && a->is_executable != b->is_executable)
        return false;
    return digest_equal(a->digest, b->digest);
}

void artifact_encode(const struct artifact *artifact, struct buf *out)
{
    bool is_absent = artifact->kind == ARTIFACT_ABSENT;
    canon_list(out, ITEM_COUNT);
    canon_str(out, artifact->path);
    canon_str(out, str_of(artifact_kind_name(artifact->kind)));
    canon_bool(out, artifact->kind == ARTIFACT_FILE && artifact->is_executable);
    canon_bool(out, artifact->is_stored && !path_is_outside(artifact->path));
    canon_digest(out, is_absent ? (struct digest){{0}} : artifact->digest);
    canon_int(out, artifact->size_bytes);
    canon_int(out, artifact->file_count);
    canon_list(out, artifact->empty_dir_count);
    for (size_t i = 0; i < artifact->empty_dir_count; i++) {
        check(i == 0 || str_compare(artifact->empty_dirs[i - 1], artifact->empty_dirs[i]) < 0);
        canon_str(out, artifact->empty_dirs[i]);
    }
}

static FALLIBLE kind_decode(struct canon_reader *reader, struct artifact *ret)
{
    struct str name = {0};
    TRY(canon_read_str(reader, &name));
    if (!artifact_kind_parse(name, &ret->kind))
        return stored_damaged("an artifact of unknown kind");
    TRY(canon_read_bool(reader, &ret->is_executable));
    if (ret->is_executable && ret->kind != ARTIFACT_FILE)
        return stored_damaged("an executable that is no file");
    return NULL;
}

/* Parts are names as trees hold them; the top itself has no entry. */
static FALLIBLE empty_dir_decode(struct canon_reader *reader, struct str *ret)
{
    TRY(canon_read_str(reader, ret));
    struct str rest = *ret, part = {0};
    const char *fault = ret->len > (size_t)LIMIT_PATH_BYTES ? "is too long" : NULL;
    while (!fault && str_split(&rest, '/', &part))
        fault = tree_name_fault(part);
    if (fault)
        return stored_damaged("empty directory '%.*s' %s", STR_FMT(str_slice(*ret, 0, 200)), fault);
    return NULL;
}

static FALLIBLE empty_dirs_decode(struct arena *arena, struct canon_reader *reader,
                                  struct artifact *ret)
{
    size_t count = 0;
    TRY(stored_list(reader, 3, &count));
    if (count && ret->kind != ARTIFACT_TREE)
        return stored_damaged("empty directories of something that is no directory");
    ret->empty_dirs = count ? arena_new_array(arena, struct str, count) : NULL;
    ret->empty_dir_count = count;
    for (size_t i = 0; i < count; i++) {
        TRY(empty_dir_decode(reader, &ret->empty_dirs[i]));
        if (i && str_compare(ret->empty_dirs[i - 1], ret->empty_dirs[i]) >= 0)
            return stored_damaged("empty directories are not in ascending order");
    }
    return NULL;
}

FALLIBLE artifact_decode(struct arena *arena, struct canon_reader *reader, struct artifact *ret)
{
    struct artifact artifact = {0};
    TRY(stored_record(reader, ITEM_COUNT));
    TRY(stored_path(reader, true, &artifact.path));
    TRY(kind_decode(reader, &artifact));
    TRY(canon_read_bool(reader, &artifact.is_stored));
    if (artifact.is_stored && path_is_outside(artifact.path))
        return stored_damaged("a stored path outside of the project");
    TRY(canon_read_digest(reader, &artifact.digest));
    if (artifact.kind == ARTIFACT_ABSENT && !digest_is_zero(artifact.digest))
        return stored_damaged("an absent path with a digest");
    TRY(stored_amount(reader, &artifact.size_bytes));
    TRY(stored_amount(reader, &artifact.file_count));
    TRY(empty_dirs_decode(arena, reader, &artifact));
    *ret = artifact;
    return NULL;
}
