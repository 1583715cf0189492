/* The bytes of a table: the file, its digest, and how far it is read. */
#include "mlops/host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "table_source_private.h"

static const struct str byte_order_mark = STR_ROW("\xef\xbb\xbf");

FALLIBLE source_read_file(struct table_source *source, char *to, size_t room, size_t *ret_got)
{
    ssize_t got;
    *ret_got = 0;
    if (source->is_file_over)
        return NULL;
    do
        got = read(fd_number(source->fd), to, room);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return error_os(errno, "cannot read '%s'", source->name);
    source->is_file_over = got == 0;
    source->done_bytes += (uint64_t)got;
    if (source->takes_digest)
        hasher_add(&source->hasher, to, (size_t)got);
    *ret_got = (size_t)got;
    return NULL;
}

static FALLIBLE read_utf8(struct table_source *source, char *to, size_t room, size_t *ret_got)
{
    return source->has_encoding ? source_read_encoded(source, to, room, ret_got)
                                : source_read_plain(source, to, room, ret_got);
}

/* Takes the first three bytes, and forgets them if they are the mark. */
static FALLIBLE begin(struct table_source *source)
{
    struct source_block *head = &source->begin;
    size_t got = 1;
    source->is_begun = true;
    head->from = head->to = 0;
    while (got && head->to < byte_order_mark.len) {
        TRY(read_utf8(source, head->at + head->to, byte_order_mark.len - head->to, &got));
        head->to += got;
    }
    if (str_equal((struct str){head->at, head->to}, byte_order_mark))
        head->to = 0;
    return NULL;
}

FALLIBLE source_read(struct table_source *source, char *to, size_t room, size_t *ret_got)
{
    struct source_block *head = &source->begin;
    if (!source->is_begun)
        TRY(begin(source));
    if (head->from == head->to)
        return read_utf8(source, to, room, ret_got);
    *ret_got = MIN_OF(room, head->to - head->from);
    memcpy(to, head->at + head->from, *ret_got);
    head->from += *ret_got;
    return NULL;
}

static FALLIBLE source_make(struct table_source *source, int at_fd, const char *path,
                            const struct table_options *options)
{
    struct file_stat stat;
    TRY(file_open_seen(at_fd, path, &source->fd, &stat));
    source->total_bytes = (uint64_t)stat.size_bytes;
    source->takes_digest = options->takes_digest;
    posix_fadvise(fd_number(source->fd), 0, 0, POSIX_FADV_SEQUENTIAL);
    hasher_open(&source->hasher);
    source->begin.at = memory_grow(NULL, byte_order_mark.len);
    TRY(source_packing_open(source));
    return source_encoding_open(source, options->dialect.encoding);
}

FALLIBLE source_open(int at_fd, const char *path, const struct table_options *options,
                     struct table_source **ret)
{
    AUTO(source_drop) struct table_source *source = memory_grow(NULL, sizeof *source);
    *source = (struct table_source){.name = options->name.len ? options->name.at : path};
    TRY(source_make(source, at_fd, path, options));
    *ret = source;
    source = NULL;
    return NULL;
}

void source_drop(struct table_source **place)
{
    struct table_source *source = *place;
    if (!source)
        return;
    source_packing_drop(source);
    if (source->has_encoding)
        iconv_close(source->encoding);
    hasher_drop(&source->hasher);
    fd_drop(&source->fd);
    free(source->packed.at);
    free(source->foreign.at);
    free(source->converted.at);
    free(source->begin.at);
    free(source);
    *place = NULL;
}

FALLIBLE source_rewind(struct table_source *source)
{
    if (lseek(fd_number(source->fd), 0, SEEK_SET) != 0)
        return error_os(errno, "cannot go back in '%s'", source->name);
    hasher_finish(&source->hasher);
    source->done_bytes = 0;
    source->is_file_over = source->is_begun = source->is_flushed = false;
    source->packed.from = source->packed.to = 0;
    source->foreign.from = source->foreign.to = 0;
    source->converted.from = source->converted.to = 0;
    source->begin.from = source->begin.to = 0;
    source_packing_reset(source);
    if (source->has_encoding)
        iconv(source->encoding, NULL, NULL, NULL, NULL);
    return NULL;
}

uint64_t source_done_bytes(const struct table_source *source)
{
    return source->done_bytes;
}

uint64_t source_total_bytes(const struct table_source *source)
{
    return source->total_bytes;
}

struct digest source_digest(struct table_source *source)
{
    return hasher_finish(&source->hasher);
}
