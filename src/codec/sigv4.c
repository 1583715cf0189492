#include "mlops/codec/sigv4.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/base/moment.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <time.h>

static struct digest hmac(struct str key, struct str text)
{
    struct digest mac;
    unsigned len = 0;
    check(HMAC(EVP_sha256(), key.at, (int)key.len, (const unsigned char *)text.at, text.len, mac.at,
               &len));
    check(len == sizeof mac.at);
    return mac;
}

static struct str digest_bytes(const struct digest *digest)
{
    return (struct str){(const char *)digest->at, sizeof digest->at};
}

struct str sigv4_date(struct arena *arena, int64_t time_ns)
{
    time_t seconds = (time_t)(time_ns / NS_PER_S);
    struct tm utc = {0};
    gmtime_r(&seconds, &utc);
    return str_print(arena, "%04d%02d%02dT%02d%02d%02dZ", utc.tm_year + 1900, utc.tm_mon + 1,
                     utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

static bool is_plain(char c, bool keeps_slash)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~' || (keeps_slash && c == '/');
}

struct str sigv4_encode(struct arena *arena, struct str text, bool keeps_slash)
{
    struct buf out = buf_in(arena);
    buf_add_text(&out, "");
    for (size_t i = 0; i < text.len; i++) {
        if (is_plain(text.at[i], keeps_slash))
            buf_add_char(&out, text.at[i]);
        else
            buf_print(&out, "%%%02X", (unsigned char)text.at[i]);
    }
    return buf_str(&out);
}

static int compare_pairs(const void *a, const void *b)
{
    const struct sigv4_pair *left = a, *right = b;
    int order = str_compare(left->name, right->name);
    return order ? order : str_compare(left->value, right->value);
}

struct str sigv4_query(struct arena *arena, const struct sigv4_pair *pairs, size_t count)
{
    struct buf out = buf_in(arena);
    struct sigv4_pair *sorted = arena_new_array(arena, struct sigv4_pair, count);
    for (size_t i = 0; i < count; i++)
        sorted[i] = (struct sigv4_pair){sigv4_encode(arena, pairs[i].name, false),
                                        sigv4_encode(arena, pairs[i].value, false)};
    if (count)
        qsort(sorted, count, sizeof *sorted, compare_pairs);
    buf_add_text(&out, "");
    for (size_t i = 0; i < count; i++)
        buf_print(&out, "%s%.*s=%.*s", i ? "&" : "", STR_FMT(sorted[i].name),
                  STR_FMT(sorted[i].value));
    return buf_str(&out);
}

/* Blanks at the ends are cut off, those within become one. */
static void add_header_value(struct buf *out, struct str value)
{
    struct str rest = str_trim(value);
    for (size_t i = 0; i < rest.len; i++)
        if (rest.at[i] != ' ' || rest.at[i - 1] != ' ')
            buf_add_char(out, rest.at[i]);
}

static void add_headers(const struct sigv4_pair *headers, size_t count, struct buf *out,
                        struct buf *names)
{
    for (size_t i = 0; i < count; i++) {
        buf_print(out, "%.*s:", STR_FMT(headers[i].name));
        add_header_value(out, headers[i].value);
        buf_add_char(out, '\n');
        buf_print(names, "%s%.*s", i ? ";" : "", STR_FMT(headers[i].name));
    }
}

/* Step 1: the request in one form, whoever sends it. Also the names of the signed headers. */
static struct str canonical_request(struct arena *arena, const struct sigv4_request *request,
                                    struct buf *names)
{
    struct buf out = buf_in(arena);
    size_t count = request->header_count;
    struct sigv4_pair *headers = arena_new_array(arena, struct sigv4_pair, count);
    for (size_t i = 0; i < count; i++)
        headers[i] = request->headers[i];
    qsort(headers, count, sizeof *headers, compare_pairs);
    buf_print(&out, "%.*s\n%.*s\n%.*s\n", STR_FMT(request->method), STR_FMT(request->path),
              STR_FMT(request->query));
    add_headers(headers, count, &out, names);
    buf_print(&out, "\n%.*s\n%.*s", STR_FMT(buf_str(names)), STR_FMT(request->payload));
    return buf_str(&out);
}

/* Step 3: a key that is good for one day, region and service. */
static struct digest signing_key(struct arena *arena, const struct sigv4_key *key, struct str day)
{
    struct digest mac = hmac(str_print(arena, "AWS4%.*s", STR_FMT(key->secret)), day);
    mac = hmac(digest_bytes(&mac), key->region);
    mac = hmac(digest_bytes(&mac), key->service);
    return hmac(digest_bytes(&mac), STR("aws4_request"));
}

struct str sigv4_authorization(struct arena *arena, const struct sigv4_key *key,
                               const struct sigv4_request *request)
{
    struct buf names = buf_in(arena);
    struct str date = sigv4_date(arena, request->time_ns);
    struct str day = str_slice(date, 0, 8);
    struct str scope = str_print(arena, "%.*s/%.*s/%.*s/aws4_request", STR_FMT(day),
                                 STR_FMT(key->region), STR_FMT(key->service));
    check(request->header_count > 0);
    struct str canonical = canonical_request(arena, request, &names);
    struct str hash = digest_hex(arena, digest_of(canonical.at, canonical.len));
    struct str text = str_print(arena, "AWS4-HMAC-SHA256\n%.*s\n%.*s\n%.*s", STR_FMT(date),
                                STR_FMT(scope), STR_FMT(hash));
    struct digest day_key = signing_key(arena, key, day);
    struct str signature = digest_hex(arena, hmac(digest_bytes(&day_key), text));
    return str_print(
        arena, "AWS4-HMAC-SHA256 Credential=%.*s/%.*s,SignedHeaders=%.*s,Signature=%.*s",
        STR_FMT(key->id), STR_FMT(scope), STR_FMT(buf_str(&names)), STR_FMT(signature));
}
