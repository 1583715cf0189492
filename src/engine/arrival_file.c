/* One file: of this machine, small, or large. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "arrival_private.h"

static void count_fetched(struct taking *taking, int64_t bytes)
{
    __atomic_add_fetch(&taking->fetched_files, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&taking->fetched_bytes, bytes, __ATOMIC_RELAXED);
}

static FALLIBLE copy_local(struct taking *taking, struct arriving *arriving)
{
    struct cas_put put = {0};
    TRY(cas_put_file(taking->arrival->cas, AT_FDCWD, arriving->file->name.at, NULL, &put));
    arriving->digest = put.digest;
    arriving->size_bytes = put.stat.size_bytes;
    arriving->is_executable = (put.stat.mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0;
    arrival_tell(taking, put.stat.size_bytes);
    return NULL;
}

/* --- in memory --- */

struct receiving {
    struct taking *taking;
    struct buf *bytes;
};

static FALLIBLE receive(void *context, const char *at, size_t len)
{
    struct receiving *receiving = context;
    buf_add(receiving->bytes, at, len);
    arrival_tell(receiving->taking, (int64_t)len);
    return NULL;
}

static FALLIBLE gone(const struct taking *taking, const struct arriving *arriving)
{
    return error_hint(error_new(ERROR_MACHINE, "'%.*s' of '%.*s' went away while it was fetched",
                                STR_FMT(arriving->file->name), STR_FMT(taking->upstream->url)),
                      "do it again");
}

static FALLIBLE fetch_small(struct taking *taking, struct connection *connection,
                            struct arriving *arriving)
{
    AUTO(buf_drop) struct buf bytes = {0};
    struct receiving receiving = {taking, &bytes};
    struct transport_sink sink = {receive, &receiving};
    struct transport_range range = {.len = arriving->file->size_bytes};
    bool found = false;
    TRY(connection_read(connection, arriving->file->name, range, &sink, &found));
    if (!found)
        return gone(taking, arriving);
    arriving->size_bytes = (int64_t)bytes.len;
    return cas_put_bytes(taking->arrival->cas, buf_str(&bytes), &arriving->digest);
}

FALLIBLE arrival_fetch(struct taking *taking, struct connection *connection,
                       struct arriving *arriving)
{
    const struct upstream_file *file = arriving->file;
    bool is_small = file->size_bytes > 0 && file->size_bytes < ARRIVAL_SMALL_BYTES;
    if (!connection)
        TRY(copy_local(taking, arriving));
    else if (file->size_bytes == 0)
        TRY(cas_put_bytes(taking->arrival->cas, STR(""), &arriving->digest));
    else if (is_small)
        TRY(fetch_small(taking, connection, arriving));
    else
        TRY(arrival_fetch_part(taking, connection, arriving));
    arriving->is_here = true;
    count_fetched(taking, arriving->size_bytes);
    return NULL;
}
