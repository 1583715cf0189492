/* Canonical bytes: what the reader accepts, the writer makes again, byte by byte. */
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/codec/canon.h"

#include "replay.h"

static void copy_scalar(struct canon_reader *reader, enum canon_kind kind, struct buf *out)
{
    bool truth = false;
    double real = 0;
    int64_t integer = 0;
    struct str text = {0};
    struct digest digest = {{0}};
    struct error *error = NULL;
    switch (kind) {
    case CANON_NULL:
        error = canon_read_null(reader);
        canon_null(out);
        break;
    case CANON_BOOL:
        error = canon_read_bool(reader, &truth);
        canon_bool(out, truth);
        break;
    case CANON_INT:
        error = canon_read_int(reader, &integer);
        canon_int(out, integer);
        break;
    case CANON_REAL:
        error = canon_read_real(reader, &real);
        canon_real(out, real);
        break;
    case CANON_BIGINT:
        error = canon_read_bigint(reader, &text);
        canon_bigint(out, text);
        break;
    case CANON_STR:
        error = canon_read_str(reader, &text);
        canon_str(out, text);
        break;
    case CANON_DIGEST:
        error = canon_read_digest(reader, &digest);
        canon_digest(out, digest);
        break;
    case CANON_LIST:
    case CANON_MAP:
    case CANON_END:
        break;
    }
    check(!error);
}

/* In an accepted item every part can be read; heads of lists and maps are followed by their items,
 * so that copying item after item copies all. */
static void copy(struct canon_reader *reader, struct buf *out)
{
    while (reader->at < reader->end) {
        size_t count = 0;
        enum canon_kind kind = canon_next(reader);
        if (kind == CANON_LIST) {
            check(!canon_read_list(reader, &count));
            canon_list(out, count);
        } else if (kind == CANON_MAP) {
            check(!canon_read_map(reader, &count));
            canon_map(out, count);
        } else
            copy_scalar(reader, kind, out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct canon_reader reader = canon_reader_of((struct str){(const char *)data, size});
    AUTO(buf_drop) struct buf out = {0};
    struct str item = {0};
    error_drop(canon_expect_tag(&reader, STR("mlops.fuzz.1")));
    reader = canon_reader_of((struct str){(const char *)data, size});
    struct error *error = canon_read_item(&reader, &item);
    if (error) {
        error_drop(error);
        return 0;
    }
    reader = canon_reader_of(item);
    copy(&reader, &out);
    check(str_equal(buf_str(&out), item));
    return 0;
}
