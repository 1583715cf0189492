/* Taking packs out of a remote that others use at the same time, without a lock (docs/decisions.md,
 * "Housekeeping of remotes without a lock").
 *
 * A pack goes in two steps that are at least the grace period apart: first a file of gc/ names it,
 * from when on pushers take what only such packs hold for missing; later it is removed. What is
 * needed of it is copied into new packs before either. Packs younger than the grace period, which
 * may belong to a push that has not said what it is for, are left alone. */
#include "mlops/host/clock.h"
#include "mlops/host/signal.h"

#include <stdlib.h>

#include "depot_prune_private.h"

static void pruning_drop(struct pruning *pruning)
{
    arena_drop(&pruning->arena);
}

/* Those of the catalogue, and behind them those without a good index. */
static const struct depot_pack *pack_at(const struct pruning *pruning, size_t i)
{
    return i < pruning->known_count ? &pruning->depot->catalogue.packs.at[i]
                                    : &pruning->depot->unusable.at[i - pruning->known_count];
}

/* Less is not worth a new pack. */
enum { GAIN_BYTES_LEAST = 65536 };

/* --- what is known of each pack --- */

static size_t pack_find(const struct pruning *pruning, struct digest id)
{
    for (size_t low = 0, high = pruning->known_count; low < high;) {
        size_t middle = low + (high - low) / 2;
        int order = digest_compare(pack_at(pruning, middle)->id, id);
        if (order == 0)
            return middle;
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    for (size_t i = pruning->known_count; i < pruning->pack_count; i++)
        if (digest_equal(pack_at(pruning, i)->id, id))
            return i;
    return SIZE_MAX;
}

static bool is_past_grace(const struct pruning *pruning, int64_t moment_ns)
{
    return moment_ns != 0 && pruning->wish->now_ns - moment_ns >= pruning->wish->grace_ns;
}

static void judge_ages(struct pruning *pruning)
{
    for (size_t i = 0; i < pruning->pack_count; i++)
        pruning->packs[i] =
            (struct judged){.condemned_ns = INT64_MAX,
                            .is_old = is_past_grace(pruning, pack_at(pruning, i)->modified_ns)};
    vec_each (const struct gc_note, note, &pruning->depot->gc_notes) {
        for (size_t i = 0; i < note->id_count; i++) {
            size_t at = pack_find(pruning, note->ids[i]);
            if (at == SIZE_MAX)
                continue;
            struct judged *judged = &pruning->packs[at];
            judged->condemned_ns = MIN_OF(judged->condemned_ns, note->modified_ns);
            judged->is_due |= is_past_grace(pruning, note->modified_ns);
        }
    }
}

static int rank_of(const struct depot_pack *pack)
{
    return (pack->is_damaged ? 2 : 0) + (pack->is_condemned ? 1 : 0);
}

/* The younger one was perhaps sent because somebody else found the older one damaged. */
static bool is_better_keeper(const struct pruning *pruning, size_t one, size_t other)
{
    const struct depot_pack *left = pack_at(pruning, one), *right = pack_at(pruning, other);
    if (rank_of(left) != rank_of(right))
        return rank_of(left) < rank_of(right);
    if (left->modified_ns != right->modified_ns)
        return left->modified_ns > right->modified_ns;
    return one < other;
}

/* The one pack that keeps a needed blob: of those that stay the youngest, then one that is
 * condemned (what is needed of it is copied before it goes), last one that is damaged, since its
 * bytes may still be right. It depends on nothing but what is in the remote, so that all who look
 * at the same time come to the same. */
static size_t keeper_of(const struct pruning *pruning, struct digest digest)
{
    size_t at = 0, best = SIZE_MAX;
    struct catalogue_hit hit;
    while (catalogue_find(&pruning->depot->catalogue, digest, &at, &hit))
        if (best == SIZE_MAX || is_better_keeper(pruning, hit.pack, best))
            best = hit.pack;
    return best;
}

static bool is_needed(const struct pruning *pruning, struct digest digest)
{
    return pruning->wish->needs(pruning->wish->context, digest);
}

static void weigh_pack(struct pruning *pruning, size_t i)
{
    const struct pack_index *index = &pack_at(pruning, i)->index;
    for (size_t at = 0; at < index->row_count; at++) {
        struct pack_row row = pack_index_row(index, at);
        pruning->packs[i].blob_bytes += row.stored_bytes;
        bool is_needed_at_all = is_needed(pruning, row.digest);
        pruning->packs[i].has_idle_manifest |= row.kind == PACK_MANIFEST && !is_needed_at_all;
        if (!is_needed_at_all || keeper_of(pruning, row.digest) != i)
            continue;
        pruning->packs[i].kept_count++; /* an empty blob has no bytes */
        pruning->packs[i].kept_bytes += row.stored_bytes;
    }
}

/* --- what becomes of it --- */

/* A damaged pack with something needed stays: what is whole of it is all there is of it. */
static enum depot_verdict verdict_of(const struct pruning *pruning, size_t i)
{
    const struct judged *judged = &pruning->packs[i];
    const struct depot_pack *pack = pack_at(pruning, i);
    if (i >= pruning->known_count && pruning->wish->keeps_unusable)
        return DEPOT_KEPT;
    if (pack->is_condemned)
        return judged->is_due ? DEPOT_REMOVED : DEPOT_WAITS;
    if (!judged->is_old)
        return DEPOT_KEPT;
    if (judged->kept_count == 0)
        return DEPOT_CONDEMNED;
    bool is_worth_it =
        judged->has_idle_manifest || (judged->kept_bytes * 2 < judged->blob_bytes &&
                                      judged->blob_bytes - judged->kept_bytes >= GAIN_BYTES_LEAST);
    return !pack->is_damaged && is_worth_it ? DEPOT_REPACKED : DEPOT_KEPT;
}

static void plan_moves(struct pruning *pruning, size_t i)
{
    const struct pack_index *index = &pack_at(pruning, i)->index;
    enum depot_verdict verdict = pruning->packs[i].verdict;
    if ((verdict != DEPOT_REMOVED && verdict != DEPOT_REPACKED) || !pruning->packs[i].kept_count)
        return;
    for (size_t at = 0; at < index->row_count; at++) {
        struct pack_row row = pack_index_row(index, at);
        if (!is_needed(pruning, row.digest) || keeper_of(pruning, row.digest) != i)
            continue;
        *vec_push(&pruning->arena, &pruning->moves) = (struct move){.pack = i, .row = row};
        pruning->moved_bytes += row.stored_bytes;
    }
}

static void judge(struct pruning *pruning)
{
    pruning->known_count = pruning->depot->catalogue.packs.len;
    pruning->pack_count = pruning->known_count + pruning->depot->unusable.len;
    pruning->packs = arena_new_array(&pruning->arena, struct judged, pruning->pack_count + 1);
    judge_ages(pruning);
    for (size_t i = 0; i < pruning->pack_count; i++)
        weigh_pack(pruning, i);
    for (size_t i = 0; i < pruning->pack_count; i++)
        pruning->packs[i].verdict = verdict_of(pruning, i);
    for (size_t i = 0; i < pruning->pack_count; i++)
        plan_moves(pruning, i);
}

/* --- condemning and removing --- */

static FALLIBLE condemn(struct pruning *pruning)
{
    AUTO(buf_drop) struct buf text = {0};
    char hex[DIGEST_HEX_LEN + 1];
    uint64_t random;
    random_bytes(&random, sizeof random);
    for (size_t i = 0; i < pruning->pack_count; i++) {
        enum depot_verdict verdict = pruning->packs[i].verdict;
        digest_print(pack_at(pruning, i)->id, hex);
        if (!pruning->packs[i].is_stuck &&
            (verdict == DEPOT_CONDEMNED || verdict == DEPOT_REPACKED))
            buf_print(&text, "%s\n", hex);
    }
    struct str name = str_print(&pruning->arena, "gc/%016llx-%016llx",
                                (unsigned long long)clock_real_ns(), (unsigned long long)random);
    return text.len ? depot_put_file(pruning->depot, name, buf_str(&text)) : NULL;
}

static FALLIBLE remove_due(struct pruning *pruning)
{
    for (size_t i = 0; i < pruning->pack_count; i++) {
        if (pruning->packs[i].verdict != DEPOT_REMOVED || pruning->packs[i].is_stuck)
            continue;
        TRY(signal_check());
        TRY(depot_remove_file(pruning->depot,
                              depot_pack_name(&pruning->arena, pack_at(pruning, i)->id)));
        pruning->depot->lists_changed = true;
    }
    return NULL;
}

/* A note goes after the last of its packs: who reads the notes before the packs sees one of both.
 */
static FALLIBLE remove_notes(struct pruning *pruning)
{
    vec_each (const struct gc_note, note, &pruning->depot->gc_notes) {
        bool is_done = is_past_grace(pruning, note->modified_ns);
        for (size_t i = 0; is_done && i < note->id_count; i++) {
            size_t at = pack_find(pruning, note->ids[i]);
            is_done = at == SIZE_MAX ||
                      (pruning->packs[at].verdict == DEPOT_REMOVED && !pruning->packs[at].is_stuck);
        }
        if (is_done)
            TRY(depot_remove_file(pruning->depot, note->name));
    }
    return NULL;
}

static void tell(const struct pruning *pruning, struct arena *arena, struct depot_pruned *ret)
{
    *ret = (struct depot_pruned){.moved_bytes = pruning->moved_bytes};
    ret->packs = arena_new_array(arena, struct depot_pruned_pack, pruning->pack_count + 1);
    for (size_t i = 0; i < pruning->pack_count; i++) {
        const struct judged *judged = &pruning->packs[i];
        const struct depot_pack *pack = pack_at(pruning, i);
        ret->kept_bytes += judged->verdict == DEPOT_KEPT ? pack->bytes : 0;
        ret->kept_count += judged->verdict == DEPOT_KEPT;
        if (judged->verdict != DEPOT_KEPT)
            ret->packs[ret->pack_count++] =
                (struct depot_pruned_pack){.id = pack->id,
                                           .bytes = pack->bytes,
                                           .kept_bytes = judged->kept_bytes,
                                           .modified_ns = pack->modified_ns,
                                           .verdict = judged->verdict,
                                           .is_stuck = judged->is_stuck};
    }
}

struct error *depot_prune(struct depot *depot, struct arena *arena,
                          const struct depot_pruning *wish, struct depot_pruned *ret)
{
    AUTO(pruning_drop) struct pruning pruning = {.depot = depot, .wish = wish};
    judge(&pruning);
    if (wish->really) {
        TRY(prune_copy(&pruning));
        TRY(condemn(&pruning));
        TRY(remove_due(&pruning));
        TRY(remove_notes(&pruning));
        TRY(depot_finish(depot));
    }
    tell(&pruning, arena, ret);
    return NULL;
}
