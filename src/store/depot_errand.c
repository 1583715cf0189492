/* Reading blobs out of packs: what lies close together is read in one request, several requests at
 * once, and nothing is handed on before its bytes are what their name says. */
#include "mlops/base/check.h"
#include "mlops/host/signal.h"

#include <stdlib.h>

#include "depot_private.h"

/* Errands first..end, by place, of one pack: one request. */
struct trip {
    size_t first, end;
};
VEC(trip_vec, struct trip);

struct round {
    struct errands *errands;
    struct errand **order; /* those of this round, by pack and place */
    size_t count;
    struct trip_vec trips;
};

static int compare_places(const void *a, const void *b)
{
    const struct errand *const *left = a, *const *right = b;
    const struct catalogue_hit *one = &(*left)->hit, *other = &(*right)->hit;
    if (one->pack != other->pack)
        return one->pack < other->pack ? -1 : 1;
    return one->row.offset < other->row.offset ? -1 : one->row.offset > other->row.offset;
}

static int64_t end_of(const struct errand *errand)
{
    return errand->hit.row.offset + errand->hit.row.stored_bytes;
}

static void plan_trips(struct round *round, struct arena *arena)
{
    struct trip *trip = NULL;
    int64_t from = 0, end = 0;
    for (size_t i = 0; i < round->count; i++) {
        const struct errand *errand = round->order[i];
        bool is_near = trip && errand->hit.pack == round->order[i - 1]->hit.pack &&
                       errand->hit.row.offset - end <= DEPOT_GAP_BYTES &&
                       end_of(errand) - from <= DEPOT_READ_BYTES;
        if (!is_near) {
            trip = vec_push(arena, &round->trips);
            trip->first = i;
            from = errand->hit.row.offset;
            end = 0;
        }
        trip->end = i + 1;
        end = MAX_OF(end, end_of(errand));
    }
}

static FALLIBLE take_into(void *context, const char *at, size_t len)
{
    buf_add(context, at, len);
    return NULL;
}

/* Bytes that are not what the index says of them: another pack may have them. */
static void tell_damaged(struct depot *depot, const struct errand *errand)
{
    char pack[DIGEST_HEX_LEN + 1], blob[DIGEST_HEX_LEN + 1];
    digest_print(depot->catalogue.packs.at[errand->hit.pack].id, pack);
    digest_print(errand->digest, blob);
    depot_warn(depot, "remote '%.*s': %.12s... in pack %.12s... is damaged and was not used",
               STR_FMT(depot->remote->name), blob, pack);
}

static bool is_manifest(struct str bytes)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct manifest_chunk_vec chunks = {0};
    struct error *error = manifest_decode(&scratch, bytes, -1, &chunks);
    bool is_good = error == NULL;
    error_drop(error);
    return is_good;
}

/* A manifest's own bytes have no digest: what is made by it has. */
FALLIBLE depot_unpack(struct compressor *compressor, const struct pack_row *row, struct str stored,
                      struct buf *raw, struct str *ret, bool *ret_good)
{
    *ret = stored;
    *ret_good = true;
    if (row->kind == PACK_ZSTD) {
        struct error *error = expand_bytes(compressor, stored, (size_t)row->raw_bytes, raw);
        *ret_good = error == NULL;
        error_drop(error);
        *ret = buf_str(raw);
    }
    if (*ret_good)
        *ret_good = row->kind == PACK_MANIFEST
                        ? is_manifest(*ret)
                        : digest_equal(digest_of(ret->at, ret->len), row->digest);
    return NULL;
}

static FALLIBLE hand_over(struct errands *errands, struct compressor *compressor,
                          struct errand *errand, struct str stored, struct buf *raw)
{
    struct str bytes = {0};
    bool is_good = false;
    TRY(depot_unpack(compressor, &errand->hit.row, stored, raw, &bytes, &is_good));
    if (!is_good) {
        tell_damaged(errands->depot, errand);
        return NULL;
    }
    errand->is_done = true;
    return errands->take(errands->context, errand, bytes);
}

static FALLIBLE read_trip(struct round *round, const struct trip *trip, struct buf *bytes,
                          bool *ret_found)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(depot_line_drop) struct depot_line line = {0};
    struct depot *depot = round->errands->depot;
    const struct errand *first = round->order[trip->first];
    struct transport_sink sink = {take_into, bytes};
    int64_t from = first->hit.row.offset, end = 0;
    for (size_t i = trip->first; i < trip->end; i++)
        end = MAX_OF(end, end_of(round->order[i]));
    struct str hex = digest_hex(&scratch, depot->catalogue.packs.at[first->hit.pack].id);
    struct str name = str_print(&scratch, "pack/%.*s", STR_FMT(hex));
    *ret_found = true;
    if (end == from)
        return NULL;
    TRY(depot_line_take(depot, &line));
    TRY(connection_read(line.connection, name, (struct transport_range){from, end - from}, &sink,
                        ret_found));
    AUTO(depot_unlock) struct depot *locked = depot_lock(depot);
    locked->counts.received_bytes += (int64_t)bytes->len;
    return NULL;
}

static FALLIBLE make_trip(struct round *round, const struct trip *trip)
{
    AUTO(buf_drop) struct buf bytes = {0};
    AUTO(buf_drop) struct buf raw = {0};
    AUTO(compressor_drop) struct compressor compressor = {0};
    int64_t from = round->order[trip->first]->hit.row.offset;
    bool found = false;
    TRY(read_trip(round, trip, &bytes, &found));
    for (size_t at = trip->first; found && at < trip->end; at++) {
        struct errand *errand = round->order[at];
        size_t begin = (size_t)(errand->hit.row.offset - from);
        struct str stored =
            str_slice(buf_str(&bytes), begin, begin + (size_t)errand->hit.row.stored_bytes);
        TRY(hand_over(round->errands, &compressor, errand, stored, &raw));
    }
    return NULL;
}

/* Only a manifest is larger than what one request is for: one of them at a time is in memory. */
static FALLIBLE run_trip(void *context, size_t i)
{
    struct round *round = context;
    const struct trip *trip = &round->trips.at[i];
    struct depot *depot = round->errands->depot;
    if (round->order[trip->first]->hit.row.stored_bytes <= DEPOT_READ_BYTES)
        return make_trip(round, trip);
    check(pthread_mutex_lock(&depot->large) == 0);
    struct error *error = make_trip(round, trip);
    check(pthread_mutex_unlock(&depot->large) == 0);
    return error;
}

/* A manifest of the right size, if that is known of its file. */
static bool may_be(const struct errand *errand)
{
    const struct pack_row *row = &errand->hit.row;
    if (errand->raw_bytes >= 0)
        return row->kind != PACK_MANIFEST && row->raw_bytes == errand->raw_bytes;
    return row->kind == PACK_MANIFEST &&
           (!errand->most_bytes || row->raw_bytes <= errand->most_bytes);
}

/* Where each errand goes next: the next pack that has it and whose index promises the right size.
 */
static void choose(struct round *round, struct errands *errands)
{
    const struct catalogue *catalogue = &errands->depot->catalogue;
    vec_each (struct errand, errand, &errands->list) {
        bool found = false;
        while (!errand->is_done && !found &&
               catalogue_find(catalogue, errand->digest, &errand->tries, &errand->hit))
            found = may_be(errand);
        if (found)
            round->order[round->count++] = errand;
    }
}

FALLIBLE depot_run_errands(struct errands *errands)
{
    for (;;) {
        AUTO(arena_drop) struct arena scratch = {0};
        struct round round = {.errands = errands};
        round.order = arena_new_array(&scratch, struct errand *, errands->list.len + 1);
        choose(&round, errands);
        if (!round.count)
            return NULL;
        qsort(round.order, round.count, sizeof *round.order, compare_places);
        plan_trips(&round, &scratch);
        TRY(pool_run(errands->depot->pool, round.trips.len, run_trip, &round, signal_stops));
        TRY(signal_check());
    }
}
