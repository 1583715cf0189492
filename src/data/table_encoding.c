/* Encodings other than UTF-8, by iconv. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "table_source_private.h"

enum { NAME_BYTES_MOST = 63 };

/* "UTF-8", "utf8", "UTF_8", "utf-8-sig": what we read anyway (the mark is always taken). */
static bool is_utf8(const char *squeezed)
{
    return !*squeezed || strcmp(squeezed, "utf8") == 0 || strcmp(squeezed, "utf8sig") == 0;
}

/* Lower case, without "-", "_" and blanks. */
static void squeeze(struct str name, char *to)
{
    for (size_t i = 0; i < name.len; i++)
        if (isalnum((unsigned char)name.at[i]) || name.at[i] == ':')
            *to++ = (char)tolower((unsigned char)name.at[i]);
    *to = '\0';
}

/* Python's names are also those of tables' descriptors; iconv knows "LATIN1" and "ISO8859-1" but
 * not "latin-1", and "CP1252" but not "cp_1252". */
static bool open_by_any_name(struct table_source *source, struct str name, const char *squeezed)
{
    char given[NAME_BYTES_MOST + 1];
    snprintf(given, sizeof given, "%.*s", STR_FMT(name));
    source->encoding = iconv_open("UTF-8", given);
    for (char *at = given; *at; at++)
        *at = *at == '_' ? '-' : *at;
    if ((intptr_t)source->encoding == -1)
        source->encoding = iconv_open("UTF-8", given);
    if ((intptr_t)source->encoding == -1)
        source->encoding = iconv_open("UTF-8", squeezed);
    return (intptr_t)source->encoding != -1;
}

FALLIBLE source_encoding_open(struct table_source *source, struct str encoding)
{
    char squeezed[NAME_BYTES_MOST + 1] = "";
    if (encoding.len <= NAME_BYTES_MOST) {
        squeeze(encoding, squeezed);
        if (is_utf8(squeezed))
            return NULL;
        source->has_encoding = open_by_any_name(source, encoding, squeezed);
    }
    if (!source->has_encoding)
        return error_hint(error_new(ERROR_PROJECT, "unknown encoding '%.*s'", STR_FMT(encoding)),
                          "use a name that `iconv -l` lists");
    source->foreign.at = memory_grow(NULL, SOURCE_BLOCK_BYTES);
    source->converted.at = memory_grow(NULL, SOURCE_BLOCK_BYTES);
    return NULL;
}

/* Appends to what is left of a character that was cut in two. */
static FALLIBLE fill_foreign(struct table_source *source, bool *ret_over)
{
    struct source_block *foreign = &source->foreign;
    size_t got = 0, len = foreign->to - foreign->from;
    memmove(foreign->at, foreign->at + foreign->from, len);
    foreign->from = 0;
    foreign->to = len;
    TRY(source_read_plain(source, foreign->at + len, SOURCE_BLOCK_BYTES - len, &got));
    foreign->to += got;
    *ret_over = got == 0;
    return NULL;
}

/* Converts what there is; 0, or errno as iconv leaves it. */
static int convert(struct table_source *source)
{
    struct source_block *foreign = &source->foreign, *converted = &source->converted;
    char *in = foreign->at + foreign->from, *out = converted->at;
    size_t left = foreign->to - foreign->from, room = SOURCE_BLOCK_BYTES;
    int fault = iconv(source->encoding, &in, &left, &out, &room) == (size_t)-1 ? errno : 0;
    foreign->from = foreign->to - left;
    converted->from = 0;
    converted->to = SOURCE_BLOCK_BYTES - room;
    return fault;
}

/* Encodings that combine letters with marks behind them (CP1255, CP1258, BIG5-HKSCS) hold the last
 * one back. */
static void flush(struct table_source *source)
{
    struct source_block *converted = &source->converted;
    char *out = converted->at;
    size_t room = SOURCE_BLOCK_BYTES;
    if (!source->is_flushed)
        iconv(source->encoding, NULL, NULL, &out, &room);
    source->is_flushed = true;
    converted->from = 0;
    converted->to = SOURCE_BLOCK_BYTES - room;
}

/* A character may be cut in two by the end of a block, not by that of the file. */
static FALLIBLE fill_converted(struct table_source *source)
{
    struct source_block *foreign = &source->foreign, *converted = &source->converted;
    bool is_over = false;
    for (;;) {
        int fault = foreign->from < foreign->to ? convert(source) : 0;
        if (converted->from < converted->to)
            return NULL;
        if (fault == EILSEQ)
            return error_new(ERROR_PROJECT, "bytes that are no text in the encoding given");
        if (is_over && foreign->from < foreign->to)
            return error_new(ERROR_PROJECT,
                             "the file ends within a character of the encoding given");
        if (is_over) {
            flush(source);
            return NULL;
        }
        TRY(fill_foreign(source, &is_over));
    }
}

FALLIBLE source_read_encoded(struct table_source *source, char *to, size_t room, size_t *ret_got)
{
    struct source_block *converted = &source->converted;
    if (converted->from == converted->to)
        TRY(fill_converted(source));
    *ret_got = MIN_OF(room, converted->to - converted->from);
    memcpy(to, converted->at + converted->from, *ret_got);
    converted->from += *ret_got;
    return NULL;
}
