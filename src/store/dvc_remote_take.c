/* Objects of a remote of DVC's into the store. */
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"

#include <errno.h>
#include <unistd.h>

#include "dvc_remote_private.h"

/* Of more bytes than this what came is kept when it is cut off. */
static const int64_t PART_BYTES = INT64_C(16) << 20;

/* One object that arrives. It is looked at in blocks as DVC does, whatever the network makes. */
struct receiving {
    struct dvc_depot *depot;
    const struct dvc_object *object;
    int64_t most; /* -1: any number of bytes */
    bool is_too_long;
    char *block; /* CAS_BUFFER_BYTES */
    size_t used;
    int64_t size_bytes;    /* with what is in the block */
    int64_t kept_bytes;    /* of them, those of an earlier try */
    int64_t written_bytes; /* of them, those in a file */
    struct hasher hasher;
    struct sums_tap tap;
    struct cas_temp temp; /* open: the first blocks are there */
    struct dvc_part part; /* open: ... there instead */
};

static void receiving_drop(struct receiving *receiving)
{
    hasher_drop(&receiving->hasher);
    sums_tap_drop(&receiving->tap);
    cas_temp_drop(&receiving->temp);
    dvc_part_drop(&receiving->part);
}

static int cache_of(const struct receiving *receiving)
{
    return fd_number(receiving->depot->options.workspace->cache_fd);
}

static void hash_block(struct receiving *receiving)
{
    hasher_add(&receiving->hasher, receiving->block, receiving->used);
    sums_tap_add(&receiving->tap, receiving->block, receiving->used);
}

/* --- what is kept --- */

/* What the file without a name holds, to where the next try finds it. */
static FALLIBLE copy_to_part(struct receiving *receiving, int64_t bytes)
{
    AUTO(buf_drop) struct buf buffer = {0};
    char *at = buf_reserve(&buffer, CAS_BUFFER_BYTES);
    for (int64_t done = 0; done < bytes; done += CAS_BUFFER_BYTES) {
        ssize_t got = pread(fd_number(receiving->temp.fd), at, CAS_BUFFER_BYTES, (off_t)done);
        if (got != CAS_BUFFER_BYTES)
            return error_os(got < 0 ? errno : EIO, "cannot read a file of the store");
        TRY(file_write(fd_number(receiving->part.fd), at, CAS_BUFFER_BYTES, "a file of the store"));
    }
    cas_temp_drop(&receiving->temp);
    receiving->temp = (struct cas_temp){0};
    return NULL;
}

/* It has grown large. */
static FALLIBLE move_to_part(struct receiving *receiving)
{
    if (receiving->written_bytes != PART_BYTES || receiving->part.name[0])
        return NULL;
    TRY(dvc_part_make(cache_of(receiving), receiving->object, &receiving->part));
    return receiving->part.fd.number_plus_one ? copy_to_part(receiving, PART_BYTES) : NULL;
}

/* Goes on behind what an earlier try left, which is hashed block by block as it was then. The last
 * block comes again: from a place behind the end nothing can be asked for. */
static FALLIBLE find_kept(struct receiving *receiving)
{
    int64_t bytes = 0;
    if (receiving->most >= 0 && receiving->most < PART_BYTES)
        return NULL;
    TRY(dvc_part_find(cache_of(receiving), receiving->object, &receiving->part, &bytes));
    if (!receiving->part.fd.number_plus_one)
        return NULL;
    if (receiving->most >= 0 && bytes > receiving->most)
        bytes = 0; /* no beginning of it */
    int64_t kept = bytes > 0 ? (bytes - 1) / CAS_BUFFER_BYTES * CAS_BUFFER_BYTES : 0;
    receiving->used = CAS_BUFFER_BYTES;
    for (int64_t at = 0; at < kept; at += CAS_BUFFER_BYTES) {
        TRY(dvc_part_read(&receiving->part, at, receiving->block, CAS_BUFFER_BYTES));
        hash_block(receiving);
    }
    receiving->used = 0;
    receiving->size_bytes = receiving->kept_bytes = receiving->written_bytes = kept;
    dvc_depot_tell(receiving->depot, kept);
    return dvc_part_cut(&receiving->part, kept);
}

/* --- what comes --- */

static FALLIBLE pass_block(struct receiving *receiving)
{
    bool has_part = receiving->part.fd.number_plus_one;
    if (!has_part && !receiving->temp.fd.number_plus_one)
        TRY(cas_temp_open(receiving->depot->options.cas, &receiving->temp));
    TRY(move_to_part(receiving));
    has_part = receiving->part.fd.number_plus_one;
    TRY(file_write(fd_number(has_part ? receiving->part.fd : receiving->temp.fd), receiving->block,
                   receiving->used, "a file of the store"));
    hash_block(receiving);
    receiving->written_bytes += (int64_t)receiving->used;
    receiving->used = 0;
    return NULL;
}

static FALLIBLE receive(void *context, const char *at, size_t len)
{
    struct receiving *receiving = context;
    receiving->size_bytes += (int64_t)len;
    atomic_fetch_add(&receiving->depot->received_bytes, (long long)len);
    dvc_depot_tell(receiving->depot, (int64_t)len);
    receiving->is_too_long = receiving->most >= 0 && receiving->size_bytes > receiving->most;
    if (receiving->is_too_long)
        return error_new(ERROR_STORED, "it is longer than recorded");
    size_t rest = len;
    while (rest) {
        if (receiving->used == CAS_BUFFER_BYTES)
            TRY(pass_block(receiving));
        size_t part = MIN_OF(rest, CAS_BUFFER_BYTES - receiving->used);
        memcpy(receiving->block + receiving->used, at, part);
        receiving->used += part;
        at += part;
        rest -= part;
    }
    return NULL;
}

/* What one place holds under the object's name. */
static FALLIBLE read_place(struct receiving *receiving, struct connection *connection, int layout,
                           bool *ret_found)
{
    char path[DVC_PATH_BYTES];
    struct transport_sink sink = {receive, receiving};
    struct transport_range range = {receiving->kept_bytes, -1};
    dvc_object_path(receiving->object, layout, path);
    struct error *error = connection_read(connection, str_of(path), range, &sink, ret_found);
    if (!error || !receiving->is_too_long)
        return error;
    error_drop(error); /* whatever it is, it is not what was asked for */
    *ret_found = true;
    return NULL;
}

static FALLIBLE keep(struct receiving *receiving, struct dvc_taken *taken)
{
    struct cas *cas = receiving->depot->options.cas;
    struct str bytes = {receiving->block, receiving->used};
    bool is_known = false, is_same = true;
    TRY(cas_is_known(cas, taken->sums.digest, &is_known));
    taken->is_new = !is_known;
    if (is_known)
        return NULL;
    if (receiving->part.fd.number_plus_one) {
        TRY(cas_put_assembled(cas, cache_of(receiving), receiving->part.name, taken->sums.digest,
                              &is_same));
        if (is_same)
            dvc_part_drop(&receiving->part); /* it has another name now */
        return is_same
                   ? NULL
                   : error_new(ERROR_MACHINE, "what was fetched is not what the disk gives back");
    }
    return receiving->temp.fd.number_plus_one
               ? cas_temp_keep(&receiving->temp, taken->sums.digest, receiving->size_bytes)
               : cas_put_bytes(cas, bytes, &taken->sums.digest);
}

/* Only bytes that have the MD5 get a name. */
static FALLIBLE settle(struct receiving *receiving, struct dvc_taken *taken)
{
    bool is_in_file = receiving->temp.fd.number_plus_one || receiving->part.fd.number_plus_one;
    taken->health = DVC_DAMAGED;
    if (receiving->is_too_long)
        return NULL;
    if (is_in_file)
        TRY(pass_block(receiving));
    else
        hash_block(receiving);
    taken->sums.digest = hasher_finish(&receiving->hasher);
    taken->sums.size_bytes = receiving->size_bytes;
    sums_tap_finish(&receiving->tap, &taken->sums);
    if (!dvc_object_is(receiving->object, &taken->sums))
        return NULL;
    taken->health = DVC_GOOD;
    return keep(receiving, taken);
}

/* A part is of use to nobody once all has come, whatever it is. `ret_again`: what an earlier try
 * left was not the beginning of what lies there. */
static FALLIBLE fetch_once(struct dvc_depot *depot, struct connection *connection,
                           struct dvc_want *want, int layout, bool *ret_again)
{
    AUTO(cas_buffer_drop) struct cas_buffer buffer = cas_buffer_take(depot->options.cas);
    AUTO(receiving_drop)
    struct receiving receiving = {
        .depot = depot, .object = &want->object, .most = want->size_bytes, .block = buffer.at};
    bool found = false;
    *ret_again = false;
    hasher_open(&receiving.hasher);
    TRY(find_kept(&receiving));
    TRY(read_place(&receiving, connection, layout, &found));
    if (!found)
        return NULL;
    TRY(settle(&receiving, &want->taken));
    *ret_again = want->taken.health != DVC_GOOD && receiving.kept_bytes > 0;
    dvc_part_remove(cache_of(&receiving), &receiving.part);
    return NULL;
}

static FALLIBLE fetch(struct dvc_depot *depot, struct connection *connection, struct dvc_want *want)
{
    want->taken = (struct dvc_taken){.health = DVC_MISSING};
    for (int layout = 0; layout < DVC_LAYOUTS && want->taken.health != DVC_GOOD; layout++) {
        bool again = false;
        TRY(fetch_once(depot, connection, want, layout, &again));
        if (again)
            TRY(fetch_once(depot, connection, want, layout, &again));
    }
    return NULL;
}

struct taking {
    struct dvc_depot *depot;
    struct dvc_want *wants;
};

static FALLIBLE take_one(void *context, struct connection *connection, size_t index)
{
    struct taking *taking = context;
    struct dvc_depot *depot = taking->depot;
    struct dvc_want *want = &taking->wants[index];
    if (connection)
        return fetch(depot, connection, want);
    TRY(dvc_cache_take(&depot->directory, depot->options.cas, &want->object, &want->taken));
    int64_t bytes = want->taken.sums.size_bytes;
    atomic_fetch_add(&depot->received_bytes, (long long)bytes);
    dvc_depot_tell(depot, bytes);
    return NULL;
}

FALLIBLE dvc_depot_take(struct dvc_depot *depot, struct dvc_want *wants, size_t count)
{
    struct taking taking = {depot, wants};
    struct dvc_crew crew = {.depot = depot, .count = count, .work = take_one, .context = &taking};
    cas_warm(depot->options.cas);
    TRY(cas_begin_put(depot->options.cas));
    return dvc_depot_work(&crew);
}

/* --- manifests --- */

struct gathering {
    struct buf bytes;
    bool is_too_long;
};

static void gathering_drop(struct gathering *gathering)
{
    buf_drop(&gathering->bytes);
}

static FALLIBLE gather(void *context, const char *at, size_t len)
{
    struct gathering *gathering = context;
    gathering->is_too_long = gathering->bytes.len + len > (size_t)LIMIT_DVC_LIST_BYTES;
    if (gathering->is_too_long)
        return error_new(ERROR_STORED, "the list of a directory's files is too long");
    buf_add(&gathering->bytes, at, len);
    return NULL;
}

static FALLIBLE read_manifest(struct dvc_depot *depot, const struct dvc_object *object,
                              struct gathering *gathering, bool *ret_found)
{
    struct connection *connection = NULL;
    struct transport_sink sink = {gather, gathering};
    struct error *error = transport_connect(depot->transport, &connection);
    for (int layout = 0; layout < DVC_LAYOUTS && !error && !*ret_found; layout++) {
        char path[DVC_PATH_BYTES];
        dvc_object_path(object, layout, path);
        error = connection_read(connection, str_of(path), (struct transport_range){0, -1}, &sink,
                                ret_found);
    }
    connection_drop(&connection);
    if (!gathering->is_too_long)
        return error;
    error_drop(error);
    *ret_found = true;
    return NULL;
}

FALLIBLE dvc_depot_manifest(struct dvc_depot *depot, struct arena *arena,
                            const struct dvc_object *object, struct dvc_file_vec *ret,
                            enum dvc_health *ret_health)
{
    AUTO(gathering_drop) struct gathering gathering = {0};
    bool found = false;
    if (depot->directory.fd.number_plus_one)
        return dvc_cache_manifest(&depot->directory, arena, object, ret, ret_health);
    TRY(read_manifest(depot, object, &gathering, &found));
    atomic_fetch_add(&depot->received_bytes, (long long)gathering.bytes.len);
    *ret_health = found ? DVC_DAMAGED : DVC_MISSING;
    struct str kept = str_copy(arena, buf_str(&gathering.bytes));
    return found && !gathering.is_too_long
               ? dvc_manifest_parse(arena, kept, object->md5, ret, ret_health)
               : NULL;
}
