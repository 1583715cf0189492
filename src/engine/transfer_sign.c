/* Who vouches for a result: docs/formats.md, "Remotes". */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/codec/sign.h"
#include "mlops/host/file.h"
#include "mlops/model/name.h"

#include <fcntl.h>

#include "transfer_private.h"

static FALLIBLE read_key(struct arena *arena, struct str path, struct str *ret)
{
    bool found = false;
    TRY(file_read(arena, AT_FDCWD, str_terminate(arena, path), LIMIT_DOCUMENT_BYTES, ret, &found));
    return found ? NULL
                 : error_new(ERROR_PROJECT, "there is no file of keys '%.*s'", STR_FMT(path));
}

FALLIBLE transfer_trust_open(struct arena *arena, const struct remote *remote,
                             struct transfer_trust *ret)
{
    struct str pem = {0};
    *ret = (struct transfer_trust){.takes_all = remote->is_trusted};
    if (!remote->trusted_keys.len || remote->is_trusted)
        return NULL;
    TRY_WITHIN(read_key(arena, remote->trusted_keys, &pem), "remote '%.*s': trusted_keys",
               STR_FMT(remote->name));
    return signers_load_public(remote->trusted_keys, pem, &ret->signers);
}

void transfer_trust_drop(struct transfer_trust *trust)
{
    signers_drop(&trust->signers);
}

bool transfer_trusts_some(const struct transfer_trust *trust)
{
    return trust->takes_all || trust->signers;
}

FALLIBLE signer_open(struct arena *arena, const struct remote *remote, struct signers **ret)
{
    struct str pem = {0};
    *ret = NULL;
    if (!remote->sign_key.len)
        return NULL;
    TRY_WITHIN(read_key(arena, remote->sign_key, &pem), "remote '%.*s': sign_key",
               STR_FMT(remote->name));
    return signers_load_private(remote->sign_key, pem, ret);
}

/* What is signed: the name says of which project and recipe it is, its end what it says. */
static struct str signed_text(struct arena *arena, struct str name)
{
    struct str file = path_name(name);
    ptrdiff_t dash = str_find_last_char(file, '-');
    return str_print(arena, "mlops.result.1\n%.*s\n%.*s\n", STR_FMT(path_directory(name)),
                     STR_FMT(str_slice(file, (size_t)(dash + 1), file.len)));
}

static FALLIBLE note_name(void *context, const struct transport_item *item)
{
    struct signatures *signatures = context;
    ptrdiff_t dot = str_find_last_char(item->name, '.');
    if (dot < 0 || item->name.len != (size_t)dot + 1 + SIGNER_ID_LEN)
        return NULL;
    struct str name = str_copy(signatures->arena, item->name);
    void **place =
        map_place(signatures->arena, &signatures->of_result, str_slice(name, 0, (size_t)dot));
    if (!*place)
        *place = arena_new(signatures->arena, struct str_vec);
    struct str_vec *names = *place;
    *vec_push(signatures->arena, names) = name;
    return NULL;
}

FALLIBLE signatures_list(struct signatures *signatures, struct str directory)
{
    if (!signatures->signers)
        return NULL;
    return depot_list(signatures->depot,
                      str_print(signatures->arena, "sig/%.*s/", STR_FMT(directory)), note_name,
                      signatures);
}

FALLIBLE signatures_add(struct signatures *signatures, struct str name)
{
    AUTO(arena_drop) struct arena scratch = {0};
    unsigned char made[SIGNATURE_BYTES];
    if (!signatures->signers)
        return NULL;
    struct str result = str_print(&scratch, "sig/%.*s", STR_FMT(name));
    struct str place =
        str_print(&scratch, "%.*s.%.*s", STR_FMT(result), STR_FMT(signers_id(signatures->signers)));
    const struct str_vec *known = map_get(&signatures->of_result, result);
    for (size_t i = 0; known && i < known->len; i++)
        if (str_equal(known->at[i], place))
            return NULL;
    signers_sign(signatures->signers, signed_text(&scratch, name), made);
    return depot_put_file(signatures->depot, place, (struct str){(const char *)made, sizeof made});
}

static FALLIBLE check_one(struct signatures *signatures, struct str place, struct str name,
                          bool *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str bytes = {0};
    bool found = false;
    struct str id = str_slice(place, place.len - SIGNER_ID_LEN, place.len);
    if (!signers_have(signatures->signers, id))
        return NULL;
    TRY(depot_get_file(signatures->depot, &scratch, place, SIGNATURE_BYTES, &bytes, &found));
    *ret = found && signers_check(signatures->signers, id, signed_text(&scratch, name), bytes);
    return NULL;
}

FALLIBLE signatures_hold(struct signatures *signatures, struct str name, bool *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    const struct str_vec *known =
        map_get(&signatures->of_result, str_print(&scratch, "sig/%.*s", STR_FMT(name)));
    *ret = false;
    for (size_t i = 0; known && i < known->len && !*ret; i++)
        TRY(check_one(signatures, known->at[i], name, ret));
    return NULL;
}
