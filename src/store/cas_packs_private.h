/* Shared by the files of module cas that deal with packs. */
#pragma once

#include "cas_private.h"

/* Scoped: AUTO(packs_unlock) struct cas_packs *packs = packs_read_lock(cas); */
struct cas_packs *packs_read_lock(struct cas *cas);
struct cas_packs *packs_write_lock(struct cas *cas);
void packs_unlock(struct cas_packs **packs);

/* Scans if that was not done yet. */
FALLIBLE packs_ready(struct cas *cas);

/* The first row of the digest that is not spoilt. Call locked. */
bool packs_find(const struct cas_packs *packs, struct digest digest, struct cas_packed *ret);

/* Reads from quarantine/ which blobs are known to be bad. Call locked for writing. */
FALLIBLE spoilt_load(struct cas *cas);

/* The packs of this moment. They stay open, whatever becomes of their names. */
FALLIBLE packs_list_now(struct cas *cas, struct arena *arena, struct cas_pack_vec *ret);

/* Whether the row is the one that readers of its digest get. */
FALLIBLE packs_row_is_used(struct cas *cas, const struct cas_pack *pack, const struct pack_row *row,
                           bool *ret);

/* Whether a pack gives back enough, without `dead`, for what is written again. */
FALLIBLE packs_is_holey(struct cas *cas, const struct cas_table *dead, const struct cas_pack *pack,
                        bool *ret);

/* Where the rows of a digest begin in a table of all rows. */
static inline size_t slot_start_of(const unsigned char *digest)
{
    return (size_t)digest[0] << 8 | digest[1];
}
