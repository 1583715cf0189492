/* What S3 answers. */
#include "mlops/base/limits.h"
#include "mlops/base/moment.h"
#include "mlops/codec/xml.h"

#include "transport_s3_private.h"

static int64_t read_number(struct str text)
{
    int64_t number = 0;
    if (!text.len || text.len > 18)
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return -1;
        number = number * 10 + (text.at[i] - '0');
    }
    return number;
}

/* An answer of the kind that was asked for. */
static FALLIBLE parse(struct arena *arena, struct str body, const char *root,
                      const struct xml_visitor *visitor, struct xml_node **ret)
{
    TRY_WITHIN(xml_parse(arena, body, visitor, ret), "the server's answer");
    if (str_is((*ret)->name, root))
        return NULL;
    return error_new(ERROR_MACHINE, "the server's answer is no %s", root);
}

struct s3_error s3_error_parse(struct arena *arena, struct str body)
{
    struct xml_node *root = NULL;
    struct error *error = body.len ? xml_parse(arena, body, NULL, &root) : NULL;
    error_drop(error);
    if (error || !root || !str_is(root->name, "Error"))
        return (struct s3_error){0};
    return (struct s3_error){xml_text(root, "Code"), xml_text(root, "Message"),
                             xml_text(root, "Region")};
}

struct page {
    struct arena *arena;
    struct str prefix;
    bool is_encoded; /* keys are as in URLs: servers that do not know of it give them plainly */
    struct web_item_vec *items;
};

/* The key without the prefix; false: it is none of these. What the server says of its keys comes
 * first; some do not say it. */
static bool read_key(const struct page *page, struct str written, struct str *ret)
{
    for (int i = 0; i < 2; i++) {
        bool decodes = page->is_encoded == (i == 0);
        *ret = written;
        if ((!decodes || web_decode(page->arena, written, true, ret)) &&
            str_starts(*ret, page->prefix)) {
            *ret = str_copy(page->arena, str_slice(*ret, page->prefix.len, ret->len));
            return true;
        }
    }
    return false;
}

static FALLIBLE take_contents(void *context, const struct xml_node *node)
{
    struct page *page = context;
    struct str key;
    if (!read_key(page, xml_text(node, "Key"), &key))
        return NULL;
    if (!key.len || key.at[key.len - 1] == '/')
        return NULL; /* what some tools put there for a directory */
    if ((int64_t)page->items->len >= LIMIT_REMOTE_NAMES)
        return error_new(ERROR_MACHINE, "it has more than %lld names",
                         (long long)LIMIT_REMOTE_NAMES);
    struct transport_item item = {.name = key,
                                  .size_bytes = read_number(xml_text(node, "Size")),
                                  .version = str_copy(page->arena, xml_text(node, "ETag"))};
    if (!moment_parse(xml_text(node, "LastModified"), &item.modified_ns))
        item.modified_ns = 0;
    *vec_push(page->arena, page->items) = item;
    return NULL;
}

FALLIBLE s3_page_parse(struct arena *arena, struct str body, struct str prefix,
                       struct web_item_vec *items, struct str *ret_next)
{
    struct page page = {.arena = arena, .prefix = prefix, .items = items};
    struct xml_visitor visitor = {"Contents", take_contents, &page};
    struct xml_node *root = NULL;
    page.is_encoded = str_find(body, STR("EncodingType>url<")) >= 0; /* it may stand behind them */
    TRY(parse(arena, body, "ListBucketResult", &visitor, &root));
    *ret_next = (struct str){0};
    if (!str_is(xml_text(root, "IsTruncated"), "true"))
        return NULL;
    *ret_next = xml_text(root, "NextContinuationToken");
    return ret_next->len ? NULL : error_new(ERROR_MACHINE, "the server's listing does not go on");
}

FALLIBLE s3_uploads_parse(struct arena *arena, struct str body, struct str key, struct str *ret_id)
{
    struct xml_node *root = NULL;
    struct str newest = {0};
    TRY(parse(arena, body, "ListMultipartUploadsResult", NULL, &root));
    *ret_id = (struct str){0};
    for (const struct xml_node *node = root->first; node; node = node->next) {
        struct str begun = xml_text(node, "Initiated"); /* sorts as text */
        if (!str_is(node->name, "Upload") || !str_equal(xml_text(node, "Key"), key) ||
            (ret_id->len && str_compare(begun, newest) <= 0))
            continue;
        newest = begun;
        *ret_id = xml_text(node, "UploadId");
    }
    return NULL;
}

static FALLIBLE take_upload(void *context, const struct xml_node *node)
{
    struct page *page = context;
    struct str key = xml_text(node, "Key");
    if (!str_starts(key, page->prefix))
        return NULL;
    if ((int64_t)page->items->len >= LIMIT_REMOTE_NAMES)
        return error_new(ERROR_MACHINE, "it has more than %lld uploads",
                         (long long)LIMIT_REMOTE_NAMES);
    struct transport_item item = {
        .name = str_copy(page->arena, str_slice(key, page->prefix.len, key.len)),
        .size_bytes = -1,
        .version = str_copy(page->arena, xml_text(node, "UploadId"))};
    if (!moment_parse(xml_text(node, "Initiated"), &item.modified_ns))
        item.modified_ns = 0;
    *vec_push(page->arena, page->items) = item;
    return NULL;
}

FALLIBLE s3_unfinished_parse(struct arena *arena, struct str body, struct str prefix,
                             struct web_item_vec *items, struct s3_marker *ret_next)
{
    struct page page = {.arena = arena, .prefix = prefix, .items = items};
    struct xml_visitor visitor = {"Upload", take_upload, &page};
    struct xml_node *root = NULL;
    TRY(parse(arena, body, "ListMultipartUploadsResult", &visitor, &root));
    *ret_next = (struct s3_marker){0};
    if (str_is(xml_text(root, "IsTruncated"), "true"))
        *ret_next = (struct s3_marker){xml_text(root, "NextKeyMarker"),
                                       xml_text(root, "NextUploadIdMarker")};
    return NULL;
}

FALLIBLE s3_parts_parse(struct arena *arena, struct str body, struct s3_part_vec *ret,
                        int64_t *ret_next)
{
    struct xml_node *root = NULL;
    TRY_WITHIN(xml_parse(arena, body, NULL, &root), "the server's answer");
    if (!str_is(root->name, "ListPartsResult") &&
        !str_is(root->name, "ListPartsResponse")) /* moto */
        return error_new(ERROR_MACHINE, "the server's answer is no ListPartsResult");
    for (const struct xml_node *node = root->first; node; node = node->next)
        if (str_is(node->name, "Part"))
            *vec_push(arena, ret) =
                (struct s3_part){read_number(xml_text(node, "PartNumber")),
                                 read_number(xml_text(node, "Size")), xml_text(node, "ETag")};
    *ret_next = str_is(xml_text(root, "IsTruncated"), "true")
                    ? read_number(xml_text(root, "NextPartNumberMarker"))
                    : -1;
    return NULL;
}
