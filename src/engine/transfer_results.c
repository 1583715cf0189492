/* Results of stages, and the record of what a push relied on. A result is a small file named by its
 * own digest; what it says is believed only where it comes from a place that is trusted. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/codec/canon.h"
#include "mlops/host/clock.h"
#include "mlops/model/name.h"
#include "mlops/store/results.h"

#include "transfer_private.h"

static struct str directory_of(struct arena *arena, const struct workspace *workspace,
                               struct digest key)
{
    struct str hex = digest_hex(arena, key);
    return str_print(arena, "res/%.*s/%.2s/%.*s/", STR_FMT(workspace->config.project), hex.at,
                     STR_FMT(hex));
}

struct known {
    struct arena *arena;
    struct map names;
};

static FALLIBLE note_name(void *context, const struct transport_item *item)
{
    struct known *known = context;
    map_put(known->arena, &known->names, str_copy(known->arena, item->name), known);
    return NULL;
}

/* The newest result of a key, unless it is there. */
static FALLIBLE send_key(const struct workspace *workspace, struct depot *depot, struct digest key,
                         const struct known *known, int64_t *count)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct result_ref *refs = NULL;
    size_t ref_count = 0;
    TRY(results_find(&scratch, workspace, key, &refs, &ref_count));
    if (!ref_count)
        return NULL;
    struct str name =
        str_print(&scratch, "%.*s%.*s", STR_FMT(directory_of(&scratch, workspace, key)),
                  STR_FMT(digest_hex(&scratch, refs[0].id)));
    if (map_get(&known->names, name))
        return NULL;
    struct buf bytes = buf_in(&scratch);
    result_encode(&refs[0].value, &bytes);
    TRY(depot_put_file(depot, name, buf_str(&bytes)));
    *count += 1;
    return NULL;
}

static bool is_first_of_key(const struct transfer_root_vec *roots, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (digest_equal(roots->at[i].key, roots->at[at].key))
            return false;
    return true;
}

FALLIBLE results_send(const struct workspace *workspace, struct depot *depot,
                      const struct transfer_root_vec *roots, const bool *whole, int64_t *ret_count)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct known known = {.arena = &arena};
    bool has_any = false;
    for (size_t i = 0; i < roots->len; i++)
        has_any |= whole[i] && !digest_is_zero(roots->at[i].key);
    if (!has_any)
        return NULL;
    struct str prefix = str_print(&arena, "res/%.*s/", STR_FMT(workspace->config.project));
    TRY(depot_list(depot, prefix, note_name, &known));
    for (size_t i = 0; i < roots->len; i++)
        if (whole[i] && !digest_is_zero(roots->at[i].key) && is_first_of_key(roots, i))
            TRY(send_key(workspace, depot, roots->at[i].key, &known, ret_count));
    return NULL;
}

/* --- taking --- */

static FALLIBLE take_result(const struct workspace *workspace, struct depot *depot,
                            struct digest key, struct str name, int64_t *count)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str bytes = {0};
    struct result result = {0};
    struct digest id, told;
    bool found = false;
    if (!digest_parse(path_name(name), &told))
        return NULL;
    TRY(depot_get_file(depot, &scratch, name, LIMIT_LOCK_BYTES, &bytes, &found));
    if (!found || !digest_equal(digest_of(bytes.at, bytes.len), told))
        return NULL; /* what is not what its name says is as if it were not there */
    struct error *error = result_decode(&scratch, bytes, &result);
    bool is_it = !error && digest_equal(result.key, key);
    error_drop(error);
    if (!is_it)
        return NULL;
    *count += 1;
    return results_put(&scratch, workspace, &result, &id);
}

struct error *transfer_fetch_results(const struct workspace *workspace, struct depot *depot,
                                     struct digest key, int64_t *ret_count)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct known known = {.arena = &arena};
    TRY(depot_list(depot, directory_of(&arena, workspace, key), note_name, &known));
    map_each (slot, &known.names)
        TRY(take_result(workspace, depot, key, slot->key, ret_count));
    return NULL;
}

FALLIBLE results_take(const struct workspace *workspace, struct depot *depot,
                      const struct transfer_root_vec *roots, int64_t *ret_count)
{
    for (size_t i = 0; i < roots->len; i++)
        if (!digest_is_zero(roots->at[i].key) && is_first_of_key(roots, i))
            TRY(transfer_fetch_results(workspace, depot, roots->at[i].key, ret_count));
    return results_flush(workspace);
}

/* --- the record of the roots: docs/formats.md, "Remotes" --- */

static void encode_root(const struct transfer_root *root, struct buf *out)
{
    canon_list(out, 4);
    canon_str(out, root->artifact.path);
    canon_bool(out, root->artifact.kind == ARTIFACT_TREE);
    canon_digest(out, root->artifact.digest);
    canon_int(out, root->artifact.size_bytes);
}

FALLIBLE roots_record(struct arena *arena, const struct workspace *workspace, struct depot *depot,
                      const struct transfer_root_vec *roots, const bool *whole)
{
    struct buf bytes = buf_in(arena);
    uint64_t random;
    size_t count = 0;
    for (size_t i = 0; i < roots->len; i++)
        count += whole[i] && !roots->at[i].below.len;
    if (!count)
        return NULL;
    canon_str(&bytes, STR("mlops.roots.1"));
    canon_str(&bytes, workspace->config.project);
    canon_list(&bytes, count);
    for (size_t i = 0; i < roots->len; i++)
        if (whole[i] && !roots->at[i].below.len)
            encode_root(&roots->at[i], &bytes);
    random_bytes(&random, sizeof random);
    return depot_put_file(depot,
                          str_print(arena, "roots/%016llx-%016llx",
                                    (unsigned long long)clock_real_ns(),
                                    (unsigned long long)random),
                          buf_str(&bytes));
}
