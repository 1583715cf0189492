#include "mlops/codec/digest.h"

#include "mlops/base/arena.h"
#include "mlops/base/check.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>

/* Fetching an algorithm walks OpenSSL's providers; it is done once and kept for the process. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *sha256;
static pthread_key_t thread_hasher_key;

static void thread_hasher_drop(void *context)
{
    EVP_MD_CTX_free(context);
}

static void set_up(void)
{
    /* openssl.cnf is not read: it costs start-up time and could swap the implementation. */
    check(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) == 1);
    sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
    check(sha256);
    check(pthread_key_create(&thread_hasher_key, thread_hasher_drop) == 0);
}

void hasher_open(struct hasher *hasher)
{
    check(pthread_once(&once, set_up) == 0);
    hasher->context = EVP_MD_CTX_new();
    check(hasher->context);
    check(EVP_DigestInit_ex2(hasher->context, sha256, NULL) == 1);
}

void hasher_add(struct hasher *hasher, const void *at, size_t len)
{
    if (len)
        check(EVP_DigestUpdate(hasher->context, at, len) == 1);
}

struct digest hasher_finish(struct hasher *hasher)
{
    struct digest digest;
    unsigned len = 0;
    check(EVP_DigestFinal_ex(hasher->context, digest.at, &len) == 1);
    check(len == sizeof digest.at);
    /* A NULL type keeps the algorithm and its memory. */
    check(EVP_DigestInit_ex2(hasher->context, NULL, NULL) == 1);
    return digest;
}

void hasher_drop(struct hasher *hasher)
{
    EVP_MD_CTX_free(hasher->context);
    hasher->context = NULL;
}

/* One context per thread, because making one costs more than hashing a short text. */
static struct hasher thread_hasher(void)
{
    check(pthread_once(&once, set_up) == 0);
    struct hasher hasher = {pthread_getspecific(thread_hasher_key)};
    if (!hasher.context) {
        hasher_open(&hasher);
        check(pthread_setspecific(thread_hasher_key, hasher.context) == 0);
    }
    return hasher;
}

struct digest digest_of(const void *at, size_t len)
{
    struct hasher hasher = thread_hasher();
    hasher_add(&hasher, at, len);
    return hasher_finish(&hasher);
}

void digest_print(struct digest digest, char ret_hex[static DIGEST_HEX_LEN + 1])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < sizeof digest.at; i++) {
        ret_hex[2 * i] = digits[digest.at[i] >> 4];
        ret_hex[2 * i + 1] = digits[digest.at[i] & 15];
    }
    ret_hex[DIGEST_HEX_LEN] = '\0';
}

struct str digest_hex(struct arena *arena, struct digest digest)
{
    char *hex = arena_alloc(arena, DIGEST_HEX_LEN + 1);
    digest_print(digest, hex);
    return (struct str){hex, DIGEST_HEX_LEN};
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool digest_parse(struct str text, struct digest *ret)
{
    struct str prefix = STR("sha256:");
    if (str_starts(text, prefix))
        text = str_slice(text, prefix.len, text.len);
    if (text.len != DIGEST_HEX_LEN)
        return false;
    struct digest digest;
    for (size_t i = 0; i < sizeof digest.at; i++) {
        int high = digit_value(text.at[2 * i]);
        int low = digit_value(text.at[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        digest.at[i] = (unsigned char)(high << 4 | low);
    }
    *ret = digest;
    return true;
}
