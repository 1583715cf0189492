/* Listings of WebDAV servers. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/base/moment.h"
#include "mlops/codec/xml.h"

#include "transport_web_private.h"

/* The properties that the server has (those it lacks are in a propstat of status 404). */
static const struct xml_node *find_properties(const struct xml_node *response)
{
    for (const struct xml_node *child = response->first; child; child = child->next)
        if (str_is(child->name, "propstat") &&
            str_find(xml_text(child, "status"), STR(" 200")) >= 0)
            return xml_find(child, "prop");
    return NULL;
}

/* "http://host/a/b" or "/a/b" -> "/a/b". */
static struct str path_of(struct str href)
{
    ptrdiff_t scheme = str_find(href, STR("://"));
    if (scheme < 0)
        return href;
    struct str rest = str_slice(href, (size_t)scheme + 3, href.len);
    ptrdiff_t slash = str_find_char(rest, '/');
    return slash < 0 ? (struct str){0} : str_slice(rest, (size_t)slash, rest.len);
}

static bool strip(struct str *text, struct str prefix)
{
    if (!str_starts(*text, prefix))
        return false;
    *text = str_slice(*text, prefix.len, text->len);
    return true;
}

/* Whether a response is about the directory that was asked for, or about something in it. */
static bool is_of_directory(const struct dav_listing *listing, struct str href)
{
    struct str path;
    struct str asked =
        str_print(listing->arena, "%.*s/%.*s", STR_FMT(listing->root), STR_FMT(listing->directory));
    struct str bare = str_slice(asked, 0, asked.len - 1);
    return web_decode(listing->arena, path_of(href), false, &path) &&
           (str_starts(path, asked) || str_equal(path, bare));
}

/* Servers that put paths in order ("//a"), or are behind a proxy that changes them: what they list
 * can't be told from nothing. */
static FALLIBLE check_directory(const struct dav_listing *listing)
{
    if (!listing->elsewhere.len)
        return NULL;
    return error_hint(error_new(ERROR_MACHINE, "asked for '%.*s/%.*s', the server lists '%.*s'",
                                STR_FMT(listing->root), STR_FMT(listing->directory),
                                STR_FMT(listing->elsewhere)),
                      "the path of the remote's URL must be as the server writes it");
}

/* The name below the root of what a response is about; empty: it is not right below the directory.
 * A final '/' is cut off. */
static struct str name_of(const struct dav_listing *listing, struct str href)
{
    struct str none = {0}, rest, written = path_of(href);
    if (!web_decode(listing->arena, written, false, &rest) || !strip(&rest, listing->root) ||
        !strip(&rest, STR("/")) || !strip(&rest, listing->directory))
        return none;
    if (rest.len && rest.at[rest.len - 1] == '/')
        rest.len--;
    if (!rest.len || str_find_char(rest, '/') >= 0)
        return none;
    if (listing->is_foreign) { /* as it is written there */
        written.len -= written.at[written.len - 1] == '/';
        ptrdiff_t slash = str_find_last_char(written, '/');
        rest = str_slice(written, (size_t)slash + 1, written.len);
    }
    return str_print(listing->arena, "%.*s%.*s", STR_FMT(listing->directory), STR_FMT(rest));
}

static int64_t read_size(struct str text)
{
    int64_t size = 0;
    for (size_t i = 0; i < text.len && i < 18; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return -1;
        size = size * 10 + (text.at[i] - '0');
    }
    return text.len && text.len <= 18 ? size : -1;
}

static FALLIBLE take_response(void *context, const struct xml_node *response)
{
    struct dav_listing *listing = context;
    const struct xml_node *properties = find_properties(response);
    struct str href = xml_text(response, "href"), name = name_of(listing, href);
    listing->is_answered = listing->is_answered || is_of_directory(listing, href);
    if (!listing->is_answered && !listing->elsewhere.len)
        listing->elsewhere = str_copy(listing->arena, path_of(href));
    if (!properties || !name.len || name.len > (size_t)LIMIT_PATH_BYTES)
        return NULL; /* however deep a server says it is */
    if ((int64_t)(listing->items.len + listing->directories.len) >= LIMIT_REMOTE_NAMES)
        return error_new(ERROR_MACHINE, "it has more than %lld names",
                         (long long)LIMIT_REMOTE_NAMES);
    if (xml_find(xml_find(properties, "resourcetype"), "collection")) {
        *vec_push(listing->arena, &listing->directories) =
            str_print(listing->arena, "%.*s/", STR_FMT(name));
        return NULL;
    }
    struct transport_item item = {
        .name = name,
        .size_bytes = read_size(xml_text(properties, "getcontentlength")),
        .version = str_copy(listing->arena, xml_text(properties, "getetag")),
    };
    if (!moment_parse_http(xml_text(properties, "getlastmodified"), &item.modified_ns))
        item.modified_ns = 0;
    *vec_push(listing->arena, &listing->items) = item;
    return NULL;
}

FALLIBLE dav_listing_parse(struct dav_listing *listing, struct str bytes)
{
    struct xml_node *root = NULL;
    struct xml_visitor visitor = {"response", take_response, listing};
    listing->is_answered = false;
    listing->elsewhere = (struct str){0};
    TRY_WITHIN(xml_parse(listing->arena, bytes, &visitor, &root), "the server's listing");
    if (!str_is(root->name, "multistatus"))
        return error_new(ERROR_MACHINE, "the server's answer is no listing");
    return listing->is_answered ? NULL : check_directory(listing);
}
