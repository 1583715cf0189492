/* The files that AWS' tools share, ~/.aws/config and ~/.aws/credentials: `[profile x]` or `[x]`,
 * `key = value`, comments in lines of their own or behind a blank. Unlike codec/ini values are kept
 * to the letter (a secret may hold '#', a command quotes and commas) and names keep their case.
 * Lines that are indented belong to a group ("s3 =") and are left out. */
#pragma once

#include "mlops/base/error.h"
#include "mlops/base/str.h"
#include "mlops/base/vec.h"

struct arena;

struct profile_entry {
    struct str profile; /* "default" for [default] and [profile default] */
    struct str key;     /* in lower case */
    struct str value;
};
VEC(profile_vec, struct profile_entry);

/* Adds to *ret what the bytes say; both must live as long as it. What stands in a section that is
 * no profile ("[sso-session x]") is left out if `is_config` (the section names of the two files
 * differ). ERROR_PROJECT with file and line where a line is none of the above. */
FALLIBLE profiles_parse(struct arena *arena, struct str name, struct str bytes, bool is_config,
                        struct profile_vec *ret);

/* The first value of a key in a profile; empty if it is not there. */
struct str profiles_find(const struct profile_vec *profiles, struct str profile, const char *key);

/* Whether anything is known of a profile. */
bool profiles_have(const struct profile_vec *profiles, struct str profile);
