/* What is there: the indexes of all packs. Those seen before are kept below .mlops/remotes/. */
#include "mlops/base/check.h"
#include "mlops/base/limits.h"
#include "mlops/host/signal.h"
#include "mlops/host/walk.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "depot_private.h"

enum { SLOTS_FIRST = 4096, TAIL_BYTES = 65536, NAME_BYTES = 72 };

void catalogue_drop(struct catalogue *catalogue)
{
    for (size_t i = 0; i < catalogue->packs.len; i++)
        free(catalogue->packs.at[i].index_bytes);
    free(catalogue->slots);
    arena_drop(&catalogue->memory);
    *catalogue = (struct catalogue){0};
}

static size_t home_of(const struct catalogue *catalogue, const unsigned char *digest)
{
    uint64_t hash;
    memcpy(&hash, digest, sizeof hash);
    return (size_t)hash & (catalogue->slot_count - 1);
}

static void place(struct catalogue *catalogue, struct catalogue_slot slot)
{
    const struct pack_index *index = &catalogue->packs.at[slot.pack_plus_one - 1].index;
    size_t at = home_of(catalogue, index->rows + (size_t)slot.row * PACK_ROW_BYTES);
    while (catalogue->slots[at].pack_plus_one)
        at = (at + 1) & (catalogue->slot_count - 1);
    catalogue->slots[at] = slot;
}

static void make_room(struct catalogue *catalogue, size_t more)
{
    struct catalogue_slot *old = catalogue->slots;
    size_t old_count = catalogue->slot_count, count = MAX_OF(old_count, (size_t)SLOTS_FIRST);
    while ((catalogue->len + more) * 3 > count * 2)
        count *= 2;
    if (count == old_count)
        return;
    catalogue->slots = memory_grow(NULL, count * sizeof *old);
    memset(catalogue->slots, 0, count * sizeof *old);
    catalogue->slot_count = count;
    for (size_t i = 0; i < old_count; i++)
        if (old[i].pack_plus_one)
            place(catalogue, old[i]);
    free(old);
}

void catalogue_add(struct catalogue *catalogue, const struct depot_pack *pack)
{
    make_room(catalogue, pack->index.row_count);
    *vec_push(&catalogue->memory, &catalogue->packs) = *pack;
    struct catalogue_slot slot = {.pack_plus_one = (uint32_t)catalogue->packs.len};
    for (size_t i = 0; i < pack->index.row_count; i++) {
        slot.row = (uint32_t)i;
        place(catalogue, slot);
    }
    catalogue->len += pack->index.row_count;
}

bool catalogue_find(const struct catalogue *catalogue, struct digest digest, size_t *at,
                    struct catalogue_hit *ret)
{
    if (!catalogue->slot_count)
        return false;
    size_t home = home_of(catalogue, digest.at), mask = catalogue->slot_count - 1;
    for (;; (*at)++) {
        struct catalogue_slot slot = catalogue->slots[(home + *at) & mask];
        if (!slot.pack_plus_one)
            return false;
        const struct pack_index *index = &catalogue->packs.at[slot.pack_plus_one - 1].index;
        const unsigned char *row = index->rows + (size_t)slot.row * PACK_ROW_BYTES;
        if (memcmp(row, digest.at, sizeof digest.at) != 0)
            continue;
        *ret = (struct catalogue_hit){slot.pack_plus_one - 1, pack_index_row(index, slot.row)};
        (*at)++;
        return true;
    }
}

/* --- indexes that were seen before --- */

static void index_name(struct digest id, char ret[static NAME_BYTES])
{
    char hex[DIGEST_HEX_LEN + 1];
    digest_print(id, hex);
    snprintf(ret, NAME_BYTES, "%s.idx", hex);
}

/* The file holds the size of the pack (8 bytes) and the index; a damaged one is none. */
static bool load_known(struct depot *depot, struct depot_pack *pack)
{
    AUTO(arena_drop) struct arena scratch = {0};
    char name[NAME_BYTES];
    struct str bytes = {0};
    bool found = false;
    int64_t size = 0;
    if (fd_number(depot->known_fd) < 0)
        return false;
    index_name(pack->id, name);
    error_drop(
        file_read(&scratch, fd_number(depot->known_fd), name, DEPOT_LIST_BYTES, &bytes, &found));
    if (!found || bytes.len < sizeof size)
        return false;
    memcpy(&size, bytes.at, sizeof size);
    size_t len = bytes.len - sizeof size;
    char *own = memory_grow(NULL, len + 1);
    memcpy(own, bytes.at + sizeof size, len);
    struct error *error = pack_index_read((struct str){own, len}, size, pack->id, &pack->index);
    if (error || (pack->bytes && pack->bytes != size)) {
        error_drop(error);
        free(own);
        return false;
    }
    pack->bytes = size;
    pack->index_bytes = own;
    return true;
}

void depot_keep_index(struct depot *depot, const struct depot_pack *pack)
{
    char name[NAME_BYTES];
    AUTO(buf_drop) struct buf bytes = {0};
    if (fd_number(depot->known_fd) < 0)
        return;
    index_name(pack->id, name);
    buf_add(&bytes, &pack->bytes, sizeof pack->bytes);
    buf_add(&bytes, pack->index.rows, pack->index.row_count * PACK_ROW_BYTES);
    error_drop(file_publish(fd_number(depot->known_fd), name, buf_str(&bytes), 0644, false));
}

/* Indexes of packs that are gone are of no use. */
static FALLIBLE forget_gone(struct depot *depot, const struct map *there)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct walk_list list = {0};
    if (fd_number(depot->known_fd) < 0)
        return NULL;
    TRY(walk_list(&scratch, fd_number(depot->known_fd), true, &list));
    for (size_t i = 0; i < list.count; i++) {
        struct str name = list.entries[i].name;
        struct str id = str_slice(name, 0, DIGEST_HEX_LEN);
        if (str_ends(name, STR(".idx")) && !map_get(there, id))
            unlinkat(fd_number(depot->known_fd), name.at, 0);
    }
    return NULL;
}

/* --- indexes of new packs --- */

static FALLIBLE take_into(void *context, const char *at, size_t len)
{
    buf_add(context, at, len);
    return NULL;
}

static FALLIBLE read_part(struct connection *connection, struct str name, int64_t offset,
                          int64_t len, struct buf *out)
{
    struct transport_sink sink = {take_into, out};
    bool found = false;
    buf_clear(out);
    TRY(connection_read(connection, name, (struct transport_range){offset, len}, &sink, &found));
    return found ? NULL : error_new(ERROR_STORED, "it is gone");
}

/* The end of the pack holds a short index whole; of a longer one the footer says where it begins.
 */
static FALLIBLE fetch_index(struct connection *connection, struct str name, struct depot_pack *pack,
                            struct buf *tail)
{
    struct transport_item item = {.size_bytes = pack->bytes};
    bool found = true;
    int64_t offset = 0, bytes = 0;
    struct digest id;
    if (!pack->bytes)
        TRY(connection_stat(connection, name, &item, &found));
    if (!found || item.size_bytes < PACK_HEAD_BYTES + PACK_FOOT_BYTES)
        return error_new(ERROR_STORED, "it is too short, or gone");
    pack->bytes = item.size_bytes;
    int64_t len = MIN_OF(pack->bytes, (int64_t)TAIL_BYTES), from = pack->bytes - len;
    TRY(read_part(connection, name, from, len, tail));
    struct str foot = str_slice(buf_str(tail), tail->len - PACK_FOOT_BYTES, tail->len);
    TRY(pack_foot_read(foot, pack->bytes, &offset, &bytes, &id));
    if (!digest_equal(id, pack->id))
        return error_new(ERROR_STORED, "its name is not that of its index");
    if (bytes > LIMIT_REMOTE_INDEX_BYTES)
        return error_new(ERROR_STORED, "its index has more than %lld bytes",
                         (long long)LIMIT_REMOTE_INDEX_BYTES);
    if (offset < from)
        TRY(read_part(connection, name, from = offset, bytes, tail));
    pack->index_bytes = memory_grow(NULL, (size_t)bytes + 1);
    memcpy(pack->index_bytes, tail->at + (offset - from), (size_t)bytes);
    return pack_index_read((struct str){pack->index_bytes, (size_t)bytes}, pack->bytes, pack->id,
                           &pack->index);
}

/* What can't be used of a remote is as if it were not there; what can't be reached is an error. */
static FALLIBLE pass_over(struct depot *depot, struct depot_pack *pack, struct error *error)
{
    char hex[DIGEST_HEX_LEN + 1];
    if (!error || error->code != ERROR_STORED)
        return error;
    AUTO(buf_drop) struct buf text = {0};
    error_print(error, &text);
    digest_print(pack->id, hex);
    depot_warn(depot, "remote '%.*s': pack %.12s... can't be used: %.*s",
               STR_FMT(depot->remote->name), hex, STR_FMT(str_trim(buf_str(&text))));
    error_drop(error);
    free(pack->index_bytes);
    pack->index_bytes = NULL;
    pack->index = (struct pack_index){0};
    return NULL;
}

struct reading {
    struct depot *depot;
    struct depot_pack_vec packs;
    atomic_llong blobs; /* in the indexes that are in memory */
};

static FALLIBLE count_blobs(struct reading *reading, const struct depot_pack *pack)
{
    long long count = (long long)pack->index.row_count;
    if (atomic_fetch_add(&reading->blobs, count) + count <= LIMIT_REMOTE_BLOBS)
        return NULL;
    return error_new(ERROR_MACHINE, "remote '%.*s' has more than %lld blobs",
                     STR_FMT(reading->depot->remote->name), (long long)LIMIT_REMOTE_BLOBS);
}

static FALLIBLE read_index(void *context, size_t i)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(buf_drop) struct buf tail = {0};
    AUTO(depot_line_drop) struct depot_line line = {0};
    struct reading *reading = context;
    struct depot_pack *pack = &reading->packs.at[i];
    if (load_known(reading->depot, pack))
        return count_blobs(reading, pack);
    TRY(depot_line_take(reading->depot, &line));
    struct error *error =
        fetch_index(line.connection, depot_pack_name(&scratch, pack->id), pack, &tail);
    if (!error)
        depot_keep_index(reading->depot, pack);
    TRY(pass_over(reading->depot, pack, error));
    return count_blobs(reading, pack);
}

/* --- which packs there are --- */

struct listing {
    struct reading *reading;
    struct arena *arena;
    struct map ids;
};

static FALLIBLE add_pack(struct listing *listing, struct str hex, int64_t bytes,
                         int64_t modified_ns)
{
    struct depot_pack pack = {.bytes = bytes, .modified_ns = modified_ns};
    if (!digest_parse(hex, &pack.id) || map_get(&listing->ids, hex))
        return NULL;
    if ((int64_t)listing->reading->packs.len >= LIMIT_REMOTE_NAMES)
        return error_new(ERROR_MACHINE, "a remote of more than %lld packs",
                         (long long)LIMIT_REMOTE_NAMES);
    *vec_push(listing->arena, &listing->reading->packs) = pack;
    map_put(listing->arena, &listing->ids, str_copy(listing->arena, hex), listing);
    return NULL;
}

static FALLIBLE visit_pack(void *context, const struct transport_item *item)
{
    struct str hex = str_slice(item->name, strlen("pack/"), item->name.len);
    if (hex.len != DIGEST_HEX_LEN)
        return NULL;
    return add_pack(context, hex, MAX_OF(item->size_bytes, INT64_C(0)), item->modified_ns);
}

/* For readers that can't list: what the last writer found. */
static FALLIBLE read_list(struct depot *depot, struct listing *listing)
{
    struct str text = {0}, line = {0};
    bool found = false;
    TRY(depot_get_file(depot, listing->arena, STR("list/packs"), DEPOT_LIST_BYTES, &text, &found));
    while (found && str_split(&text, '\n', &line))
        if (line.len == DIGEST_HEX_LEN)
            TRY(add_pack(listing, line, 0, 0));
    return NULL;
}

static FALLIBLE list_packs(struct depot *depot, struct listing *listing)
{
    AUTO(depot_line_drop) struct depot_line line = {0};
    if (!transport_can_list(depot->transport))
        return read_list(depot, listing);
    TRY(depot_line_take(depot, &line));
    return connection_list(line.connection, STR("pack/"), visit_pack, listing);
}

/* --- all --- */

static int compare_packs(const void *a, const void *b)
{
    const struct depot_pack *left = a, *right = b;
    return digest_compare(left->id, right->id);
}

/* What is condemned is read before what is there: gc removes its note after the packs, so a pack
 * that is listed without one is not about to go. */
static FALLIBLE read_all(struct depot *depot, struct reading *reading, struct listing *listing)
{
    TRY(depot_read_notes(depot));
    TRY(list_packs(depot, listing));
    TRY(forget_gone(depot, &listing->ids));
    vec_sort(&reading->packs, compare_packs);
    TRY(pool_run(depot->pool, reading->packs.len, read_index, reading, signal_stops));
    return signal_check();
}

static void take_pack(struct depot *depot, struct depot_pack *pack, const struct map *damaged)
{
    char hex[DIGEST_HEX_LEN + 1];
    digest_print(pack->id, hex);
    pack->is_condemned = map_get(&depot->avoided, str_of(hex)) != NULL;
    pack->is_damaged = map_get(damaged, str_of(hex)) != NULL;
    if (pack->is_damaged || !pack->index_bytes)
        map_put(&depot->memory, &depot->avoided, str_copy(&depot->memory, str_of(hex)), depot);
    if (pack->index_bytes)
        catalogue_add(&depot->catalogue, pack);
    else
        *vec_push(&depot->memory, &depot->unusable) = *pack;
}

FALLIBLE depot_read_catalogue(struct depot *depot)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct reading reading = {.depot = depot};
    struct listing listing = {.reading = &reading, .arena = &arena};
    struct map damaged = {0};
    struct error *error = depot_read_damaged(depot, &arena, &damaged);
    if (!error)
        error = read_all(depot, &reading, &listing);
    for (size_t i = 0; i < reading.packs.len; i++) {
        if (error)
            free(reading.packs.at[i].index_bytes);
        else
            take_pack(depot, &reading.packs.at[i], &damaged);
    }
    return error;
}
