#include "mlops/codec/sign.h"

#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/base/vec.h"
#include "mlops/codec/digest.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>

enum { PUBLIC_BYTES = 32 };

struct signer {
    EVP_PKEY *key;
    char id[SIGNER_ID_LEN + 1];
};
VEC(signer_vec, struct signer);

struct signers {
    struct arena arena;
    struct signer_vec keys;
};

void signers_drop(struct signers **place)
{
    struct signers *signers = *place;
    if (!signers)
        return;
    for (size_t i = 0; i < signers->keys.len; i++)
        EVP_PKEY_free(signers->keys.at[i].key);
    arena_drop(&signers->arena);
    free(signers);
    *place = NULL;
}

/* Takes the key over. */
static bool add_key(struct signers *signers, EVP_PKEY *key)
{
    unsigned char raw[PUBLIC_BYTES];
    char hex[DIGEST_HEX_LEN + 1];
    size_t len = sizeof raw;
    struct signer *signer = vec_push(&signers->arena, &signers->keys);
    *signer = (struct signer){.key = key};
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519 ||
        EVP_PKEY_get_raw_public_key(key, raw, &len) != 1 || len != sizeof raw)
        return false;
    digest_print(digest_of(raw, sizeof raw), hex);
    memcpy(signer->id, hex, SIGNER_ID_LEN);
    return true;
}

/* Never asks on the terminal. */
static int refuse_password(char *buffer, int size, int is_writing, void *context)
{
    (void)buffer, (void)size, (void)is_writing, (void)context;
    return -1;
}

static void drop_bio(BIO **bio)
{
    BIO_free(*bio);
}

static struct signers *open_signers(void)
{
    (void)digest_of("", 0); /* OpenSSL is set up there, without its configuration */
    struct signers *signers = memory_grow(NULL, sizeof *signers);
    *signers = (struct signers){0};
    return signers;
}

static size_t count_blocks(struct str pem)
{
    static const struct str begin = {"-----BEGIN ", sizeof "-----BEGIN " - 1};
    size_t count = 0;
    for (ptrdiff_t at; (at = str_find(pem, begin)) >= 0; count++)
        pem = str_slice(pem, (size_t)at + begin.len, pem.len);
    return count;
}

FALLIBLE signers_load_public(struct str name, struct str pem, struct signers **ret)
{
    AUTO(signers_drop) struct signers *signers = open_signers();
    AUTO(drop_bio) BIO *bio = BIO_new_mem_buf(pem.at, (int)MIN_OF(pem.len, (size_t)1 << 20));
    bool is_fine = bio != NULL;
    EVP_PKEY *key = NULL;
    while (is_fine && signers->keys.len < SIGNERS_MOST &&
           (key = PEM_read_bio_PUBKEY(bio, NULL, refuse_password, NULL)) != NULL)
        is_fine = add_key(signers, key);
    ERR_clear_error();
    if (!is_fine || !signers->keys.len || signers->keys.len != count_blocks(pem))
        return error_hint(error_new(ERROR_PROJECT,
                                    "'%.*s' holds something else than public "
                                    "Ed25519 keys",
                                    STR_FMT(name)),
                          "openssl pkey -in KEY -pubout >> %.*s", STR_FMT(name));
    *ret = signers;
    signers = NULL;
    return NULL;
}

FALLIBLE signers_load_private(struct str name, struct str pem, struct signers **ret)
{
    AUTO(signers_drop) struct signers *signers = open_signers();
    AUTO(drop_bio) BIO *bio = BIO_new_mem_buf(pem.at, (int)MIN_OF(pem.len, (size_t)1 << 20));
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, refuse_password, NULL) : NULL;
    ERR_clear_error();
    if (!key || !add_key(signers, key))
        return error_hint(error_new(ERROR_PROJECT,
                                    "'%.*s' is no private Ed25519 key that can be "
                                    "read without a password",
                                    STR_FMT(name)),
                          "openssl genpkey -algorithm ed25519 -out %.*s", STR_FMT(name));
    *ret = signers;
    signers = NULL;
    return NULL;
}

static const struct signer *find(const struct signers *signers, struct str id)
{
    vec_each (const struct signer, signer, &signers->keys)
        if (str_equal(str_of(signer->id), id))
            return signer;
    return NULL;
}

struct str signers_id(const struct signers *signers)
{
    return str_of(signers->keys.at[0].id);
}

bool signers_have(const struct signers *signers, struct str id)
{
    return find(signers, id) != NULL;
}

static void drop_context(EVP_MD_CTX **context)
{
    EVP_MD_CTX_free(*context);
}

void signers_sign(const struct signers *signers, struct str bytes,
                  unsigned char ret[static SIGNATURE_BYTES])
{
    AUTO(drop_context) EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t len = SIGNATURE_BYTES;
    check(context && EVP_DigestSignInit(context, NULL, NULL, NULL, signers->keys.at[0].key) == 1);
    check(EVP_DigestSign(context, ret, &len, (const unsigned char *)bytes.at, bytes.len) == 1);
    check(len == SIGNATURE_BYTES);
}

bool signers_check(const struct signers *signers, struct str id, struct str bytes,
                   struct str signature)
{
    AUTO(drop_context) EVP_MD_CTX *context = EVP_MD_CTX_new();
    const struct signer *signer = find(signers, id);
    if (!signer || signature.len != SIGNATURE_BYTES)
        return false;
    check(context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, signer->key) == 1);
    bool is_it = EVP_DigestVerify(context, (const unsigned char *)signature.at, signature.len,
                                  (const unsigned char *)bytes.at, bytes.len) == 1;
    ERR_clear_error();
    return is_it;
}
