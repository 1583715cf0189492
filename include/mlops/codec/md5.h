/* MD5 (RFC 1321) through OpenSSL's EVP: only to compare with what DVC recorded, never to name or
 * trust anything. */
#pragma once

#include "mlops/base/str.h"

struct md5 {
    unsigned char at[16];
};

#define MD5_HEX_LEN 32

/* A running hash; not shared by threads. */
struct md5_hasher {
    void *context; /* EVP_MD_CTX */
};

void md5_hasher_open(struct md5_hasher *hasher);
void md5_hasher_add(struct md5_hasher *hasher, const void *at, size_t len);

/* Of what was added since open or the last finish; starts afresh. */
struct md5 md5_hasher_finish(struct md5_hasher *hasher);
void md5_hasher_drop(struct md5_hasher *hasher);

/* `to`, which is open, goes on from where `from` is. */
void md5_hasher_copy(struct md5_hasher *to, const struct md5_hasher *from);

struct md5 md5_of(const void *at, size_t len);

/* 32 lower-case hex digits and a NUL. */
void md5_print(struct md5 md5, char ret_hex[static MD5_HEX_LEN + 1]);

/* Exactly 32 hex digits, either case. */
bool md5_parse(struct str text, struct md5 *ret);

static inline bool md5_equal(struct md5 a, struct md5 b)
{
    return memcmp(a.at, b.at, sizeof a.at) == 0;
}
