/* Shared by the files of module cas that deal with packs. */
#pragma once

#include "cas_private.h"

/* Scoped: AUTO(packs_unlock) struct cas_packs *packs = packs_read_lock(cas); */
struct cas_packs *packs_read_lock(struct cas *cas);
struct cas_packs *packs_write_lock(struct cas *cas);
void packs_unlock(struct cas_packs **packs);

/* Scans if that was not done yet. */
FALLIBLE packs_ready(struct cas *cas);

/* The first row of the digest that is not spoilt. ERROR_STORED if a pack is damaged that was found
 * good before. Call locked. */
FALLIBLE packs_find(const struct cas_packs *packs, struct digest digest, struct cas_packed *ret,
                    bool *ret_found);

/* Packs whose large index was read and found good (docs/formats.md, "packs.good"): it need not be
 * read whole to find a few rows. */
FALLIBLE packs_good_read(struct cas *cas, struct arena *arena, struct str *ret);
bool packs_good_has(struct str list, const struct cas_pack *pack);
bool packs_good_is(const struct cas_packs *packs, struct str list);
void packs_good_write(struct cas *cas);

/* Reads all rows of all packs. */
FALLIBLE packs_load(struct cas *cas);

/* Packs of fewer rows are always read whole. */
enum { PACK_ROWS_LARGE = 16384 };

/* Reads from quarantine/ which blobs are known to be bad. Call locked for writing. */
FALLIBLE spoilt_load(struct cas *cas);

/* The packs of this moment, with their rows. They stay open, whatever becomes of their names. */
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
