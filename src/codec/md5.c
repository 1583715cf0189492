#include "mlops/codec/md5.h"

#include "mlops/base/check.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>

/* Fetching an algorithm walks OpenSSL's providers; it is done once and kept for the process. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *algorithm;

static void set_up(void)
{
    /* openssl.cnf is not read: it costs start-up time and could swap the implementation. */
    check(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) == 1);
    algorithm = EVP_MD_fetch(NULL, "MD5", NULL);
    check(algorithm);
}

void md5_hasher_open(struct md5_hasher *hasher)
{
    check(pthread_once(&once, set_up) == 0);
    hasher->context = EVP_MD_CTX_new();
    check(hasher->context);
    check(EVP_DigestInit_ex2(hasher->context, algorithm, NULL) == 1);
}

void md5_hasher_add(struct md5_hasher *hasher, const void *at, size_t len)
{
    if (len)
        check(EVP_DigestUpdate(hasher->context, at, len) == 1);
}

struct md5 md5_hasher_finish(struct md5_hasher *hasher)
{
    struct md5 md5;
    unsigned len = 0;
    check(EVP_DigestFinal_ex(hasher->context, md5.at, &len) == 1);
    check(len == sizeof md5.at);
    /* A NULL type keeps the algorithm and its memory. */
    check(EVP_DigestInit_ex2(hasher->context, NULL, NULL) == 1);
    return md5;
}

void md5_hasher_drop(struct md5_hasher *hasher)
{
    EVP_MD_CTX_free(hasher->context);
    hasher->context = NULL;
}

void md5_hasher_copy(struct md5_hasher *to, const struct md5_hasher *from)
{
    check(EVP_MD_CTX_copy_ex(to->context, from->context) == 1);
}

struct md5 md5_of(const void *at, size_t len)
{
    AUTO(md5_hasher_drop) struct md5_hasher hasher = {0};
    md5_hasher_open(&hasher);
    md5_hasher_add(&hasher, at, len);
    return md5_hasher_finish(&hasher);
}

void md5_print(struct md5 md5, char ret_hex[static MD5_HEX_LEN + 1])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < sizeof md5.at; i++) {
        ret_hex[2 * i] = digits[md5.at[i] >> 4];
        ret_hex[2 * i + 1] = digits[md5.at[i] & 15];
    }
    ret_hex[MD5_HEX_LEN] = '\0';
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

bool md5_parse(struct str text, struct md5 *ret)
{
    if (text.len != MD5_HEX_LEN)
        return false;
    struct md5 md5;
    for (size_t i = 0; i < sizeof md5.at; i++) {
        int high = digit_value(text.at[2 * i]);
        int low = digit_value(text.at[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        md5.at[i] = (unsigned char)(high << 4 | low);
    }
    *ret = md5;
    return true;
}
