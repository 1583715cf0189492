/* Writing to S3 in one request. */
#include "mlops/base/buf.h"
#include "mlops/codec/md5.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <unistd.h>

#include "transport_s3_private.h"

enum { BLOCK_BYTES = 262144 };

/* The next `len` bytes at `offset` of the source, as they lie in memory or in `buffer`. */
static FALLIBLE read_block(const struct transport_source *source, int64_t offset, size_t len,
                           char *buffer, const char **ret)
{
    *ret = buffer;
    if (source->fd < 0) {
        *ret = source->bytes.at + offset;
        return NULL;
    }
    for (size_t have = 0; have < len;) {
        ssize_t got = pread(source->fd, buffer + have, len - have,
                            (off_t)(source->offset + offset + (int64_t)have));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_os(errno, "cannot read what is to be sent");
        if (got == 0)
            return error_new(ERROR_MACHINE, "what is to be sent became shorter meanwhile");
        have += (size_t)got;
    }
    return NULL;
}

FALLIBLE s3_hash(const struct transport_source *source, int64_t offset, int64_t len,
                 struct digest *ret, char ret_md5[static 33])
{
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(hasher_drop) struct hasher hasher = {0};
    AUTO(md5_hasher_drop) struct md5_hasher md5 = {0};
    char *buffer = arena_alloc(&arena, BLOCK_BYTES);
    hasher_open(&hasher);
    md5_hasher_open(&md5);
    for (int64_t at = 0; at < len;) {
        size_t step = (size_t)MIN_OF(len - at, (int64_t)BLOCK_BYTES);
        const char *bytes = NULL;
        TRY(read_block(source, offset + at, step, buffer, &bytes));
        hasher_add(&hasher, bytes, step);
        md5_hasher_add(&md5, bytes, step);
        at += (int64_t)step;
    }
    *ret = hasher_finish(&hasher);
    md5_print(md5_hasher_finish(&md5), ret_md5);
    return NULL;
}

static struct str base64(struct arena *arena, struct digest digest)
{
    unsigned char text[64];
    int len = EVP_EncodeBlock(text, digest.at, sizeof digest.at);
    return str_copy(arena, (struct str){(const char *)text, (size_t)len});
}

static FALLIBLE put(struct connection *connection, struct str name,
                    const struct transport_source *source, bool has_condition,
                    struct http_reply *ret)
{
    static const struct str condition[] = {STR_ROW("If-None-Match: *")};
    struct arena *arena = s3_arena(connection);
    struct web_progress progress = {.source = source};
    struct http_body body = web_body(&progress, 0, web_source_len(source));
    struct digest digest = source->digest;
    char md5[33];
    if (digest_is_zero(digest))
        TRY(s3_hash(source, 0, web_source_len(source), &digest, md5));
    struct s3_request request = {.method = "PUT",
                                 .name = name,
                                 .headers = condition,
                                 .header_count = has_condition,
                                 .makes_object = true,
                                 .checksum = base64(arena, digest),
                                 .payload = digest,
                                 .body = &body};
    struct error *error = s3_send(connection, &request, ret);
    if (error || !s3_is_done(ret))
        web_untell(&progress);
    return error;
}

/* Where nobody promises that the condition is heeded, the name is looked for first. */
static FALLIBLE put_new(struct connection *connection, struct str name,
                        const struct transport_source *source, bool *ret_existed)
{
    struct s3 *s3 = s3_of(connection);
    struct transport_item item;
    struct http_reply reply;
    bool has_condition = !atomic_load(&s3->conditions_not);
    if (!s3->is_amazon)
        TRY(s3_look_at(connection, name, &item, ret_existed));
    if (*ret_existed)
        return NULL;
    TRY(put(connection, name, source, has_condition, &reply));
    if (has_condition && reply.status == 501) {
        atomic_store(&s3->conditions_not, true);
        TRY(put(connection, name, source, false, &reply));
    }
    *ret_existed = reply.status == 412;
    return s3_is_done(&reply) || *ret_existed ? NULL : s3_fault(connection, &reply);
}

FALLIBLE s3_write(struct connection *connection, struct str name,
                  const struct transport_source *source, enum transport_write how,
                  bool *ret_existed)
{
    struct http_reply reply;
    *ret_existed = false;
    arena_reset(s3_arena(connection));
    if (web_source_len(source) > S3_WHOLE_BYTES)
        return s3_write_parts(connection, name, source, how, ret_existed);
    if (how == WRITE_NEW)
        return put_new(connection, name, source, ret_existed);
    TRY(put(connection, name, source, false, &reply));
    return s3_is_done(&reply) ? NULL : s3_fault(connection, &reply);
}
