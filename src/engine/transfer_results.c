/* Results of stages. A result is a small file named by its
 * own digest; what it says is believed only where it comes from a place that is trusted. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
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

/* Its name there, or nothing. */
static struct str find_result(const struct remote_results *known, struct str directory,
                              struct digest id)
{
    const struct str_vec *names = map_get(&known->keys, directory);
    struct digest other;
    for (size_t i = 0; names && i < names->len; i++)
        if (parse_name(names->at[i], &other) && digest_equal(other, id))
            return names->at[i];
    return (struct str){0};
}

/* As signatures know it. */
static struct str below_res(struct str name)
{
    return str_slice(name, strlen("res/"), name.len);
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

/* What results are sent with. */
struct sending {
    const struct workspace *workspace;
    struct depot *depot;
    struct remote_results known;
    struct signatures signatures;
    int64_t count;
};

static FALLIBLE send_result(struct sending *sending, const struct result_ref *ref, size_t number)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str directory = directory_of(&scratch, sending->workspace, ref->value.key);
    struct str name = find_result(&sending->known, directory, ref->id);
    struct buf bytes = buf_in(&scratch);
    if (name.len)
        return signatures_add(&sending->signatures, below_res(name));
    result_encode(&ref->value, &bytes);
    sending->count++;
    name = str_print(&scratch, "%.*s/%08zx-%.*s", STR_FMT(directory), number,
                     STR_FMT(digest_hex(&scratch, ref->id)));
    TRY(depot_put_file(sending->depot, name, buf_str(&bytes)));
    return signatures_add(&sending->signatures, below_res(name));
}

/* The newest result of a key whose outputs are there. */
static FALLIBLE send_key(struct sending *sending, const struct keyed *keyed, size_t keyed_count)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct result_ref *refs = NULL;
    size_t ref_count = 0;
    TRY(results_find(&scratch, sending->workspace, keyed->root->key, &refs, &ref_count));
    for (size_t i = 0; i < ref_count; i++)
        if (names_sent_only(&refs[i].value, keyed, keyed_count))
            return send_result(sending, &refs[i], ref_count - i);
    return NULL;
}

FALLIBLE results_send(const struct workspace *workspace, struct depot *depot,
                      const struct transfer_root_vec *roots, const bool *whole, int64_t *ret_count)
{
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(signers_drop) struct signers *signer = NULL;
    struct keyed_list list = sort_by_key(&arena, roots, whole);
    if (!list.len)
        return NULL;
    TRY(signer_open(&arena, depot_remote(depot), &signer));
    struct sending sending = {.workspace = workspace,
                              .depot = depot,
                              .known = {.arena = &arena},
                              .signatures = {&arena, depot, signer, {0}}};
    TRY(list_project(workspace, depot, &sending.known));
    TRY(signatures_list(&sending.signatures, workspace->config.project));
    for (size_t first = 0, end; first < list.len; first = end) {
        end = end_of_key(&list, first);
        TRY(send_key(&sending, &list.at[first], end - first));
    }
    *ret_count += sending.count;
    return NULL;
}

/* --- taking --- */

struct taking {
    const struct workspace *workspace;
    struct depot *depot;
    const struct transfer_trust *trust;
    struct remote_results known;
    struct signatures signatures;
    int64_t count;
};

static struct taking taking_of(struct arena *arena, const struct workspace *workspace,
                               struct depot *depot, const struct transfer_trust *trust)
{
    return (struct taking){.workspace = workspace,
                           .depot = depot,
                           .trust = trust,
                           .known = {.arena = arena},
                           .signatures = {arena, depot, trust->signers, {0}}};
}

static FALLIBLE is_let_in(struct taking *taking, struct str name, bool *ret)
{
    *ret = taking->trust->takes_all;
    return *ret ? NULL : signatures_hold(&taking->signatures, below_res(name), ret);
}

static FALLIBLE take_result(struct taking *taking, struct digest key, struct str name)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str bytes = {0};
    struct result result = {0};
    struct digest id, told;
    bool found = false;
    if (!parse_name(name, &told))
        return NULL;
    TRY(results_load(&scratch, taking->workspace, key, told, &result, &found));
    if (found)
        return NULL; /* only what is new counts: 'run --pull' goes on while something comes */
    TRY(is_let_in(taking, name, &found));
    if (found)
        TRY(depot_get_file(taking->depot, &scratch, name, LIMIT_LOCK_BYTES, &bytes, &found));
    if (!found || !digest_equal(digest_of(bytes.at, bytes.len), told))
        return NULL; /* what is not what its name says is as if it were not there */
    struct error *error = result_decode(&scratch, bytes, &result);
    bool is_it = !error && digest_equal(result.key, key);
    error_drop(error);
    if (!is_it)
        return NULL;
    taking->count++;
    return results_put(&scratch, taking->workspace, &result, &id);
}

/* The oldest first: the cache numbers them anew. */
static FALLIBLE take_key(struct taking *taking, struct digest key)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str_vec *names =
        map_get(&taking->known.keys, directory_of(&scratch, taking->workspace, key));
    if (names)
        vec_sort(names, str_compare_items);
    for (size_t i = 0; names && i < names->len; i++)
        TRY(take_result(taking, key, names->at[i]));
    return NULL;
}

/* A remote that can't be listed (plain HTTP) gives objects only. */
struct error *transfer_fetch_results(const struct workspace *workspace, struct depot *depot,
                                     const struct transfer_trust *trust, struct digest key,
                                     int64_t *ret_count)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct taking taking = taking_of(&arena, workspace, depot, trust);
    struct str directory = directory_of(&arena, workspace, key);
    if (!depot_can_list(depot))
        return NULL;
    TRY(depot_list(depot, str_print(&arena, "%.*s/", STR_FMT(directory)), note_name,
                   &taking.known));
    TRY(signatures_list(&taking.signatures, below_res(directory)));
    TRY(take_key(&taking, key));
    *ret_count += taking.count;
    return NULL;
}

FALLIBLE results_take(const struct workspace *workspace, struct depot *depot,
                      const struct transfer_trust *trust, const struct transfer_root_vec *roots,
                      int64_t *ret_count)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct taking taking = taking_of(&arena, workspace, depot, trust);
    struct keyed_list list = sort_by_key(&arena, roots, NULL);
    if (!list.len || !depot_can_list(depot))
        return NULL;
    TRY(list_project(workspace, depot, &taking.known));
    TRY(signatures_list(&taking.signatures, workspace->config.project));
    for (size_t first = 0; first < list.len; first = end_of_key(&list, first))
        TRY(take_key(&taking, list.at[first].root->key));
    *ret_count += taking.count;
    return results_flush(workspace);
}
