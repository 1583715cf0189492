/* Results of stages, and the record of what a push relied on. A result is a small file named by its
 * own digest; what it says is believed only where it comes from a place that is trusted. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/codec/canon.h"
#include "mlops/host/clock.h"
#include "mlops/model/name.h"
#include "mlops/store/results.h"

#include <stdlib.h>

#include "transfer_private.h"

/* Files of results that the remote has: directory of a key -> struct str_vec * of names. */
struct remote_results {
    struct arena *arena;
    struct map keys;
};

/* "res/PROJECT/AB/KEY/NUMBER-ID": the number tells results of one cache apart by age. */
static bool parse_name(struct str name, struct digest *ret_id)
{
    struct str file = path_name(name);
    ptrdiff_t dash = str_find_char(file, '-');
    return dash > 0 && digest_parse(str_slice(file, (size_t)dash + 1, file.len), ret_id);
}

static FALLIBLE note_name(void *context, const struct transport_item *item)
{
    struct remote_results *known = context;
    struct digest id;
    if (!parse_name(item->name, &id))
        return NULL;
    struct str name = str_copy(known->arena, item->name);
    void **place = map_place(known->arena, &known->keys, path_directory(name));
    if (!*place)
        *place = arena_new(known->arena, struct str_vec);
    struct str_vec *names = *place;
    *vec_push(known->arena, names) = name;
    return NULL;
}

static bool has_result(const struct remote_results *known, struct str directory, struct digest id)
{
    const struct str_vec *names = map_get(&known->keys, directory);
    struct digest other;
    for (size_t i = 0; names && i < names->len; i++)
        if (parse_name(names->at[i], &other) && digest_equal(other, id))
            return true;
    return false;
}

static struct str directory_of(struct arena *arena, const struct workspace *workspace,
                               struct digest key)
{
    struct str hex = digest_hex(arena, key);
    return str_print(arena, "res/%.*s/%.2s/%.*s", STR_FMT(workspace->config.project), hex.at,
                     STR_FMT(hex));
}

/* One request for all of the project, whatever the number of keys. */
static FALLIBLE list_project(const struct workspace *workspace, struct depot *depot,
                             struct remote_results *ret)
{
    struct str prefix = str_print(ret->arena, "res/%.*s/", STR_FMT(workspace->config.project));
    return depot_list(depot, prefix, note_name, ret);
}

/* Roots of one key side by side. */
struct keyed {
    const struct transfer_root *root;
    bool is_whole;
};

struct keyed_list {
    struct keyed *at;
    size_t len;
};

static int compare_keyed(const void *a, const void *b)
{
    const struct keyed *left = a, *right = b;
    return digest_compare(left->root->key, right->root->key);
}

static struct keyed_list sort_by_key(struct arena *arena, const struct transfer_root_vec *roots,
                                     const bool *whole)
{
    struct keyed_list list = {.at = arena_new_array(arena, struct keyed, roots->len + 1)};
    for (size_t i = 0; i < roots->len; i++)
        if (!digest_is_zero(roots->at[i].key))
            list.at[list.len++] = (struct keyed){&roots->at[i], !whole || whole[i]};
    if (list.len)
        qsort(list.at, list.len, sizeof *list.at, compare_keyed);
    return list;
}

static size_t end_of_key(const struct keyed_list *list, size_t first)
{
    size_t end = first;
    while (end < list->len && digest_equal(list->at[end].root->key, list->at[first].root->key))
        end++;
    return end;
}

/* --- sending --- */

static bool is_sent(const struct keyed *keyed, size_t count, const struct artifact *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct artifact *artifact = &keyed[i].root->artifact;
        if (keyed[i].is_whole && str_equal(artifact->path, out->path) &&
            artifact_equal(artifact, out))
            return true;
    }
    return false;
}

/* Whoever finds a result there must find the outputs that it names, too. */
static bool names_sent_only(const struct result *result, const struct keyed *keyed, size_t count)
{
    for (size_t i = 0; i < result->out_count; i++)
        if (result->outs[i].is_stored && !is_sent(keyed, count, &result->outs[i]))
            return false;
    return !result->is_rejected;
}

static FALLIBLE send_result(const struct workspace *workspace, struct depot *depot,
                            const struct result_ref *ref, size_t number,
                            const struct remote_results *known, int64_t *count)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str directory = directory_of(&scratch, workspace, ref->value.key);
    struct buf bytes = buf_in(&scratch);
    if (has_result(known, directory, ref->id))
        return NULL;
    result_encode(&ref->value, &bytes);
    *count += 1;
    return depot_put_file(depot,
                          str_print(&scratch, "%.*s/%08zx-%.*s", STR_FMT(directory), number,
                                    STR_FMT(digest_hex(&scratch, ref->id))),
                          buf_str(&bytes));
}

/* The newest result of a key whose outputs are there. */
static FALLIBLE send_key(const struct workspace *workspace, struct depot *depot,
                         const struct keyed *keyed, size_t keyed_count,
                         const struct remote_results *known, int64_t *count)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct result_ref *refs = NULL;
    size_t ref_count = 0;
    TRY(results_find(&scratch, workspace, keyed->root->key, &refs, &ref_count));
    for (size_t i = 0; i < ref_count; i++)
        if (names_sent_only(&refs[i].value, keyed, keyed_count))
            return send_result(workspace, depot, &refs[i], ref_count - i, known, count);
    return NULL;
}

FALLIBLE results_send(const struct workspace *workspace, struct depot *depot,
                      const struct transfer_root_vec *roots, const bool *whole, int64_t *ret_count)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct remote_results known = {.arena = &arena};
    struct keyed_list list = sort_by_key(&arena, roots, whole);
    if (list.len)
        TRY(list_project(workspace, depot, &known));
    for (size_t first = 0, end; first < list.len; first = end) {
        end = end_of_key(&list, first);
        TRY(send_key(workspace, depot, &list.at[first], end - first, &known, ret_count));
    }
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
    if (!parse_name(name, &told))
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

/* The oldest first: the cache numbers them anew. */
static FALLIBLE take_key(const struct workspace *workspace, struct depot *depot, struct digest key,
                         const struct remote_results *known, int64_t *count)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str_vec *names = map_get(&known->keys, directory_of(&scratch, workspace, key));
    if (names)
        vec_sort(names, str_compare_items);
    for (size_t i = 0; names && i < names->len; i++)
        TRY(take_result(workspace, depot, key, names->at[i], count));
    return NULL;
}

/* A remote that can't be listed (plain HTTP) gives objects only. */
struct error *transfer_fetch_results(const struct workspace *workspace, struct depot *depot,
                                     struct digest key, int64_t *ret_count)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct remote_results known = {.arena = &arena};
    struct str directory = directory_of(&arena, workspace, key);
    if (!depot_can_list(depot))
        return NULL;
    TRY(depot_list(depot, str_print(&arena, "%.*s/", STR_FMT(directory)), note_name, &known));
    return take_key(workspace, depot, key, &known, ret_count);
}

FALLIBLE results_take(const struct workspace *workspace, struct depot *depot,
                      const struct transfer_root_vec *roots, int64_t *ret_count)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct remote_results known = {.arena = &arena};
    struct keyed_list list = sort_by_key(&arena, roots, NULL);
    if (!list.len || !depot_can_list(depot))
        return NULL;
    TRY(list_project(workspace, depot, &known));
    for (size_t first = 0; first < list.len; first = end_of_key(&list, first))
        TRY(take_key(workspace, depot, list.at[first].root->key, &known, ret_count));
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
