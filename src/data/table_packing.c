/* gzip (RFC 1952, members one behind the other) and zstd (RFC 8878, frames likewise), told by their
 * first bytes. */
#include "mlops/base/check.h"

#include <stdlib.h>
#include <unistd.h>

#include "table_source_private.h"

enum { GZIP_BITS = 15 + 16 }; /* largest window, with gzip's header */

/* A frame, or one to be skipped: pzstd writes such in front of every frame. */
static bool is_zstd(const unsigned char head[4])
{
    return memcmp(head, "\x28\xb5\x2f\xfd", 4) == 0 ||
           ((head[0] & 0xf0) == 0x50 && memcmp(head + 1, "\x2a\x4d\x18", 3) == 0);
}

FALLIBLE source_packing_open(struct table_source *source)
{
    unsigned char head[4] = {0};
    ssize_t got = pread(fd_number(source->fd), head, sizeof head, 0);
    if (got >= 2 && head[0] == 0x1f && head[1] == 0x8b)
        source->packing = PACKED_GZIP;
    if (got == 4 && is_zstd(head))
        source->packing = PACKED_ZSTD;
    if (source->packing == PACKED_NOT)
        return NULL;
    source->packed.at = memory_grow(NULL, SOURCE_BLOCK_BYTES);
    if (source->packing == PACKED_GZIP)
        source->has_gzip = inflateInit2(&source->gzip, GZIP_BITS) == Z_OK;
    else
        source->zstd = ZSTD_createDCtx();
    if (!source->has_gzip && !source->zstd)
        return error_new(ERROR_MACHINE, "no memory to unpack '%s'", source->name);
    return NULL;
}

void source_packing_reset(struct table_source *source)
{
    source->is_inside = source->has_member = false;
    if (source->has_gzip)
        check(inflateReset2(&source->gzip, GZIP_BITS) == Z_OK);
    if (source->zstd)
        ZSTD_DCtx_reset(source->zstd, ZSTD_reset_session_only);
}

void source_packing_drop(struct table_source *source)
{
    if (source->has_gzip)
        inflateEnd(&source->gzip);
    ZSTD_freeDCtx(source->zstd);
}

static ERROR_MADE damaged(const struct table_source *source, const char *why)
{
    return error_new(ERROR_PROJECT, "the %s data are damaged: %s",
                     source->packing == PACKED_GZIP ? "gzip" : "zstd", why);
}

/* Zeros behind the last member are padding, as gzip(1) has it. */
static FALLIBLE gzip_begin(struct table_source *source)
{
    struct source_block *packed = &source->packed;
    while (source->has_member && packed->from < packed->to && packed->at[packed->from] == '\0')
        packed->from++;
    if (packed->from == packed->to)
        return NULL;
    if ((unsigned char)packed->at[packed->from] != 0x1f)
        return damaged(source, "something else follows them");
    source->is_inside = true;
    return NULL;
}

static FALLIBLE unpack_gzip(struct table_source *source, char *to, size_t room, size_t *ret_got)
{
    struct source_block *packed = &source->packed;
    z_stream *gzip = &source->gzip;
    if (!source->is_inside)
        TRY(gzip_begin(source));
    if (!source->is_inside)
        return NULL;
    gzip->next_in = (Bytef *)packed->at + packed->from;
    gzip->avail_in = (uInt)(packed->to - packed->from);
    gzip->next_out = (Bytef *)to;
    gzip->avail_out = (uInt)MIN_OF(room, (size_t)1 << 30);
    uInt had = gzip->avail_out;
    int answer = inflate(gzip, Z_NO_FLUSH);
    packed->from = packed->to - gzip->avail_in;
    *ret_got = had - gzip->avail_out;
    if (answer == Z_STREAM_END) {
        source->is_inside = false;
        source->has_member = true;
        check(inflateReset(gzip) == Z_OK);
        return NULL;
    }
    if (answer == Z_OK || answer == Z_BUF_ERROR || *ret_got)
        return NULL;
    return damaged(source, gzip->msg ? gzip->msg : "no valid member");
}

static FALLIBLE unpack_zstd(struct table_source *source, char *to, size_t room, size_t *ret_got)
{
    struct source_block *packed = &source->packed;
    ZSTD_inBuffer in = {packed->at, packed->to, packed->from};
    ZSTD_outBuffer out = {to, room, 0};
    size_t answer = ZSTD_decompressStream(source->zstd, &out, &in);
    packed->from = in.pos;
    *ret_got = out.pos;
    if (ZSTD_isError(answer))
        return damaged(source, ZSTD_getErrorName(answer));
    source->is_inside = answer != 0;
    return NULL;
}

/* Both may hold back output, so they are asked again with no input when it is over. */
static FALLIBLE unpack(struct table_source *source, char *to, size_t room, size_t *ret_got)
{
    struct source_block *packed = &source->packed;
    for (*ret_got = 0; *ret_got == 0;) {
        if (packed->from == packed->to) {
            packed->from = packed->to = 0;
            TRY(source_read_file(source, packed->at, SOURCE_BLOCK_BYTES, &packed->to));
        }
        bool is_over = packed->to == 0;
        if (is_over && !source->is_inside)
            return NULL;
        if (source->packing == PACKED_GZIP)
            TRY(unpack_gzip(source, to, room, ret_got));
        else
            TRY(unpack_zstd(source, to, room, ret_got));
        if (is_over && *ret_got == 0 && source->is_inside)
            return damaged(source, "they end too early");
    }
    return NULL;
}

FALLIBLE source_read_plain(struct table_source *source, char *to, size_t room, size_t *ret_got)
{
    return source->packing == PACKED_NOT ? source_read_file(source, to, room, ret_got)
                                         : unpack(source, to, room, ret_got);
}
