/* Everything that is read back from stores and remotes: whatever the bytes, a decoder answers with
 * an error or with a value whose encoding is those very bytes, and it takes no more memory than a
 * small multiple of them. */
#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/model/environment.h"
#include "mlops/model/manifest.h"
#include "mlops/model/outcome.h"
#include "mlops/model/run.h"
#include "mlops/model/tree.h"

#include "replay.h"

/* A dependency of 47 bytes becomes a struct of 80; texts of parameters are at most 200 bytes, their
 * JSON is made in a growing buffer. */
enum { GROWTH_MOST = 1200, BYTES_LEAST = 65536 };

static void expect_same(const struct buf *out, struct str bytes)
{
    check(str_equal(buf_str(out), bytes));
}

static void try_tree(struct arena *arena, struct str bytes)
{
    struct tree tree;
    struct buf out = buf_in(arena);
    struct error *error = tree_decode(arena, bytes, &tree);
    if (!error) {
        tree_encode(&tree, &out);
        expect_same(&out, bytes);
    }
    error_drop(error);
}

static void try_recipe(struct arena *arena, struct str bytes)
{
    struct recipe recipe;
    struct reason_vec reasons = {0};
    struct buf out = buf_in(arena);
    struct error *error = recipe_decode(arena, bytes, &recipe);
    if (!error) {
        recipe_encode(&recipe, &out);
        expect_same(&out, bytes);
        recipe_diff(arena, &recipe, &(struct recipe){0}, &reasons);
        vec_each (struct reason, reason, &reasons)
            reason_print(arena, reason);
    }
    error_drop(error);
}

static void try_result(struct arena *arena, struct str bytes)
{
    struct result result;
    struct buf out = buf_in(arena);
    struct error *error = result_decode(arena, bytes, &result);
    if (!error) {
        result_encode(&result, &out);
        expect_same(&out, bytes);
    }
    error_drop(error);
}

static void try_artifact(struct arena *arena, struct str bytes)
{
    struct artifact artifact;
    struct buf out = buf_in(arena);
    struct canon_reader reader = canon_reader_of(bytes);
    struct error *error = artifact_decode(arena, &reader, &artifact);
    if (!error) {
        artifact_encode(&artifact, &out);
        expect_same(&out, str_slice(bytes, 0, (size_t)((const char *)reader.at - bytes.at)));
    }
    error_drop(error);
}

static void try_state(struct arena *arena, struct str bytes)
{
    struct state state;
    struct buf out = buf_in(arena);
    struct error *error = state_decode(arena, bytes, &state);
    if (!error) {
        state_encode(&state, &out);
        expect_same(&out, bytes);
    }
    error_drop(error);
}

/* What an earlier version wrote is read, but not written again. */
static void try_environment(struct arena *arena, struct str bytes)
{
    struct environment environment;
    struct environment_changes changes = {0};
    struct buf out = buf_in(arena);
    struct error *error = environment_decode(arena, bytes, &environment);
    if (!error) {
        environment_encode(&environment, &out);
        if (bytes.len > 19 && bytes.at[20] == '2')
            expect_same(&out, bytes);
        environment_diff(arena, &environment, &(struct environment){0}, &changes);
    }
    error_drop(error);
}

/* Its size is told by whoever names the file: here by the manifest itself. */
static void try_manifest(struct arena *arena, struct str bytes)
{
    struct manifest_chunk_vec chunks = {0};
    struct buf out = buf_in(arena);
    struct canon_reader reader = canon_reader_of(bytes);
    struct str tag = {0};
    int64_t file_bytes = 0;
    error_drop(canon_read_str(&reader, &tag));
    error_drop(canon_read_int(&reader, &file_bytes));
    struct error *error = manifest_decode(arena, bytes, file_bytes, &chunks);
    if (!error) {
        manifest_encode(&chunks, file_bytes, &out);
        expect_same(&out, bytes);
    }
    error_drop(error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const decoders[])(struct arena *, struct str) = {
        try_tree, try_recipe, try_result, try_artifact, try_state, try_manifest, try_environment,
    };
    struct str bytes = {(const char *)data, size};
    for (size_t i = 0; i < COUNT_OF(decoders); i++) {
        AUTO(arena_drop) struct arena arena = {0};
        decoders[i](&arena, bytes);
        check(arena.used_bytes <= BYTES_LEAST + size * GROWTH_MOST);
    }
    return 0;
}
