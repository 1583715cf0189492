#include "mlops/base/arena.h"
#include "mlops/codec/canon.h"
#include "mlops/model/name.h"

#include "exchange_private.h"

static const struct str tag = {"mlops.exchange.1", 16};

void exchange_encode(const struct exchange_journal *journal, struct buf *out)
{
    canon_str(out, tag);
    canon_str(out, journal->displaced);
    canon_list(out, journal->count);
    for (size_t i = 0; i < journal->count; i++) {
        canon_str(out, journal->all[i].path);
        canon_int(out, (int64_t)journal->all[i].mode);
        canon_digest(out, journal->all[i].before);
    }
}

static FALLIBLE decode_one(struct canon_reader *reader, struct exchange *ret)
{
    int64_t mode = 0;
    TRY(canon_read_str(reader, &ret->path));
    TRY(canon_read_int(reader, &mode));
    TRY(canon_read_digest(reader, &ret->before));
    bool is_mode = mode == 0 || mode == 0100644 || mode == 0100755 || mode == 0120000;
    if (!is_mode || path_fault(ret->path))
        return error_new(ERROR_STORED, "the journal of an exchange of files is damaged");
    ret->mode = (uint32_t)mode;
    return NULL;
}

struct error *exchange_decode(struct arena *arena, struct str bytes, struct exchange_journal *ret)
{
    struct exchange_journal journal = {0};
    struct canon_reader reader = canon_reader_of(bytes);
    TRY(canon_expect_tag(&reader, tag));
    TRY(canon_read_str(&reader, &journal.displaced));
    TRY(canon_read_list(&reader, &journal.count));
    struct exchange *all = arena_new_array(arena, struct exchange, journal.count);
    for (size_t i = 0; i < journal.count; i++)
        TRY(decode_one(&reader, &all[i]));
    TRY(canon_expect_end(&reader));
    journal.all = all;
    *ret = journal;
    return NULL;
}
