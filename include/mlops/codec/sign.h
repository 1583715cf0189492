/* Ed25519 signatures (RFC 8032) by OpenSSL. Keys are PEM files as `openssl genpkey -algorithm
 * ed25519` and `openssl pkey -pubout` write them. */
#pragma once

#include "mlops/base/error.h"
#include "mlops/base/str.h"

enum { SIGNATURE_BYTES = 64, SIGNER_ID_LEN = 16 };

/* Public keys whose signatures count, or one private key to sign with. A key's id: the first 16 hex
 * digits of the SHA-256 of its 32 public bytes. */
struct signers;

/* All public keys of a file, 1 to SIGNERS_MOST. `name` is how messages call it. ERROR_PROJECT if it
 * holds anything else, or none. */
enum { SIGNERS_MOST = 1000 };
FALLIBLE signers_load_public(struct str name, struct str pem, struct signers **ret);

/* The one private key of a file, not encrypted. */
FALLIBLE signers_load_private(struct str name, struct str pem, struct signers **ret);
void signers_drop(struct signers **signers);

/* Id of the private key. Lives as long as it. */
struct str signers_id(const struct signers *signers);
void signers_sign(const struct signers *signers, struct str bytes,
                  unsigned char ret[static SIGNATURE_BYTES]);

/* Whether a key of this id is among them; whether it has made this signature of these bytes. */
bool signers_have(const struct signers *signers, struct str id);
bool signers_check(const struct signers *signers, struct str id, struct str bytes,
                   struct str signature);
