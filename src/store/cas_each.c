/* Every object, loose and in packs; and those that stay in packs although nothing needs them. */
#include "mlops/host/signal.h"

#include "cas_packs_private.h"

FALLIBLE packs_list_now(struct cas *cas, struct arena *arena, struct cas_pack_vec *ret)
{
    TRY(packs_ready(cas));
    TRY(cas_packs_recheck(cas));
    TRY(packs_load(cas));
    AUTO(packs_unlock) struct cas_packs *packs = packs_read_lock(cas);
    for (size_t i = 0; i < packs->now.len; i++)
        *vec_push(arena, ret) = packs->now.at[i];
    return NULL;
}

FALLIBLE packs_row_is_used(struct cas *cas, const struct cas_pack *pack, const struct pack_row *row,
                           bool *ret)
{
    struct cas_packed packed;
    TRY(cas_packed_find(cas, row->digest, false, &packed, ret));
    *ret = *ret && packed.pack == pack;
    return NULL;
}

/* --- cas_each --- */

struct visiting {
    FALLIBLE (*visit)(void *context, struct digest digest, const struct file_stat *stat);
    void *context;
    struct cas_table loose;
};

static FALLIBLE visit_loose(void *context, struct digest digest, const struct file_stat *stat)
{
    struct visiting *visiting = context;
    cas_table_add(&visiting->loose, digest, 0);
    return visiting->visit(visiting->context, digest, stat);
}

static FALLIBLE visit_pack(struct cas *cas, struct visiting *visiting, const struct cas_pack *pack)
{
    const struct pack_index *index = pack_rows(pack->pack);
    for (size_t i = 0; i < index->row_count; i++) {
        struct cas_packed packed = {pack, pack_index_row(index, i)};
        struct file_stat stat = cas_packed_stat(&packed);
        uint32_t ignored;
        bool is_used = false;
        TRY(packs_row_is_used(cas, pack, &packed.row, &is_used));
        if (is_used && !cas_table_find(&visiting->loose, packed.row.digest, &ignored))
            TRY(visiting->visit(visiting->context, packed.row.digest, &stat));
    }
    return NULL;
}

static void visiting_drop(struct visiting *visiting)
{
    cas_table_drop(&visiting->loose);
}

struct error *cas_each(struct cas *cas,
                       FALLIBLE (*visit)(void *context, struct digest digest,
                                         const struct file_stat *stat),
                       void *context)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(visiting_drop) struct visiting visiting = {.visit = visit, .context = context};
    struct cas_pack_vec now = {0};
    TRY(cas_each_loose(cas, visit_loose, &visiting));
    TRY(packs_list_now(cas, &scratch, &now));
    for (size_t i = 0; i < now.len; i++)
        TRY(visit_pack(cas, &visiting, now.at[i]));
    return NULL;
}

/* --- what stays --- */

struct leaving {
    FALLIBLE (*visit)(void *context, struct digest digest, int64_t size_bytes);
    void *context;
    struct cas_table dead;
};

static void leaving_drop(struct leaving *leaving)
{
    cas_table_drop(&leaving->dead);
}

static FALLIBLE leave_pack(struct cas *cas, const struct leaving *leaving,
                           const struct cas_pack *pack)
{
    const struct pack_index *index = pack_rows(pack->pack);
    bool goes = false;
    TRY(signal_check());
    TRY(packs_is_holey(cas, &leaving->dead, pack, &goes));
    for (size_t i = 0; i < index->row_count && !goes; i++) {
        struct pack_row row = pack_index_row(index, i);
        uint32_t ignored;
        bool is_used = false;
        if (!cas_table_find(&leaving->dead, row.digest, &ignored))
            continue;
        TRY(packs_row_is_used(cas, pack, &row, &is_used));
        if (is_used)
            TRY(leaving->visit(leaving->context, row.digest, row.raw_bytes));
    }
    return NULL;
}

struct error *cas_each_left(struct cas *cas, const struct digest *dead, size_t count,
                            FALLIBLE (*visit)(void *context, struct digest digest,
                                              int64_t size_bytes),
                            void *context)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(leaving_drop) struct leaving leaving = {.visit = visit, .context = context};
    struct cas_pack_vec now = {0};
    if (!count)
        return NULL;
    for (size_t i = 0; i < count; i++)
        cas_table_add(&leaving.dead, dead[i], 0);
    TRY(packs_list_now(cas, &scratch, &now));
    for (size_t i = 0; i < now.len; i++)
        TRY(leave_pack(cas, &leaving, now.at[i]));
    return NULL;
}
