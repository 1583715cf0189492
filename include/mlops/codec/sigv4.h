/* AWS Signature Version 4 in the Authorization header, as Amazon documents it ("Create a signed AWS
 * API request") and every S3-compatible service checks it. Pure. libcurl's own (CURLOPT_AWS_SIGV4)
 * does not serve: docs/decisions.md, "Requests to S3 are signed by ourselves". */
#pragma once

#include "mlops/codec/digest.h"

struct sigv4_key {
    struct str id, secret;
    struct str region, service; /* "eu-central-1", "s3" */
};

/* A name and a value: of a header (the name in lower case) or of a query (not encoded). */
struct sigv4_pair {
    struct str name, value;
};

struct sigv4_request {
    struct str method;
    struct str path;                  /* encoded, "/" at least */
    struct str query;                 /* as sigv4_query makes it */
    const struct sigv4_pair *headers; /* what is signed: host and all x-amz-...; in any order */
    size_t header_count;
    struct str payload; /* value of x-amz-content-sha256 */
    int64_t time_ns;    /* since 1970; within 15 minutes of the server's clock */
};

/* "20130524T000000Z": value of the header x-amz-date. */
struct str sigv4_date(struct arena *arena, int64_t time_ns);

/* All but letters, digits, "-._~" (and '/' if `keeps_slash`) as %XX. */
struct str sigv4_encode(struct arena *arena, struct str text, bool keeps_slash);

/* "a=1&b=": encoded, sorted. */
struct str sigv4_query(struct arena *arena, const struct sigv4_pair *pairs, size_t count);

/* Value of the header Authorization. */
struct str sigv4_authorization(struct arena *arena, const struct sigv4_key *key,
                               const struct sigv4_request *request);
