/* SHA-256 (FIPS 180-4) through OpenSSL's EVP, and its text form of 64 lower-case hex digits. */
#pragma once

#include "mlops/base/str.h"

#define DIGEST_HEX_LEN 64

/* All zero means "none"; no content is known to hash to it. */
struct digest {
    unsigned char at[32];
};

/* A running hash, reusable: open once, then add..., finish, add..., finish. Not shared by threads.
 */
struct hasher {
    void *context; /* EVP_MD_CTX */
};

void hasher_open(struct hasher *hasher);
void hasher_add(struct hasher *hasher, const void *at, size_t len);

/* The digest of what was added since open or the last finish; starts afresh. */
struct digest hasher_finish(struct hasher *hasher);
void hasher_drop(struct hasher *hasher);

struct digest digest_of(const void *at, size_t len);

/* 64 lower-case hex digits and a NUL. */
void digest_print(struct digest digest, char ret_hex[static DIGEST_HEX_LEN + 1]);
struct str digest_hex(struct arena *arena, struct digest digest);

/* Exactly 64 hex digits (either case), optionally behind "sha256:"; false otherwise. */
bool digest_parse(struct str text, struct digest *ret);

static inline bool digest_equal(struct digest a, struct digest b)
{
    return memcmp(a.at, b.at, sizeof a.at) == 0;
}

static inline bool digest_is_zero(struct digest digest)
{
    return digest_equal(digest, (struct digest){{0}});
}

static inline int digest_compare(struct digest a, struct digest b)
{
    return memcmp(a.at, b.at, sizeof a.at);
}
