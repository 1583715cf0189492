/* Formats of strings: email, uri, uuid, binary. */
#include "cast_private.h"

static bool is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

static bool is_letter(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool is_hex(char c)
{
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* RFC 5321's atoms with dots between; letters beyond ASCII as in RFC 6531. */
static bool is_dotted_atoms(struct str text)
{
    bool was_dot = true;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        bool is_atom = is_digit(c) || is_letter(c) || (unsigned char)c >= 0x80 ||
                       (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
        if (!is_atom && (c != '.' || was_dot))
            return false;
        was_dot = c == '.';
    }
    return text.len && !was_dot;
}

static bool is_quoted_local(struct str text)
{
    if (text.len < 3 || text.at[0] != '"' || text.at[text.len - 1] != '"')
        return false;
    for (size_t i = 1; i + 1 < text.len; i++) {
        if ((unsigned char)text.at[i] < 0x20 || text.at[i] == '"')
            return false;
        if (text.at[i] == '\\' && ++i + 1 >= text.len)
            return false;
    }
    return true;
}

/* Two labels or more of letters, digits and inner hyphens, the last with a letter. */
static bool is_domain(struct str text)
{
    struct str rest = text, label = {0};
    if (text.len > 253 || str_find_char(text, '.') < 0)
        return false;
    while (str_split(&rest, '.', &label)) {
        if (!label.len || label.len > 63 || label.at[0] == '-' || label.at[label.len - 1] == '-')
            return false;
        for (size_t i = 0; i < label.len; i++)
            if (!is_digit(label.at[i]) && !is_letter(label.at[i]) && label.at[i] != '-' &&
                (unsigned char)label.at[i] < 0x80)
                return false;
    }
    for (size_t i = 0; i < label.len; i++)
        if (!is_digit(label.at[i]))
            return true;
    return false;
}

/* An address in brackets, [192.0.2.1]: what stands between is not judged further. */
static bool is_address_literal(struct str text)
{
    if (text.len < 4 || text.at[0] != '[' || text.at[text.len - 1] != ']')
        return false;
    for (size_t i = 1; i + 1 < text.len; i++)
        if (!is_hex(text.at[i]) && str_find_char(STR(".:IPvx"), text.at[i]) < 0)
            return false;
    return true;
}

bool parse_email(const struct caster *caster, struct arena *scratch, struct str text,
                 struct cast_value *ret)
{
    (void)caster, (void)scratch, (void)ret;
    ptrdiff_t at = str_find_last_char(text, '@');
    if (at <= 0 || text.len > 320)
        return false;
    struct str local = str_slice(text, 0, (size_t)at);
    struct str domain = str_slice(text, (size_t)at + 1, text.len);
    return (is_dotted_atoms(local) || is_quoted_local(local)) &&
           (is_domain(domain) || is_address_literal(domain));
}

/* What may stand in a URI as it is (RFC 3986, 2); what lies beyond ASCII as in RFC 3987. */
static bool is_uri_char(struct str text, size_t at)
{
    char c = text.at[at];
    if (c == '%')
        return at + 2 < text.len && is_hex(text.at[at + 1]) && is_hex(text.at[at + 2]);
    return is_digit(c) || is_letter(c) || (unsigned char)c >= 0x80 ||
           (c && strchr("-._~:/?#[]@!$&'()*+,;=", c));
}

/* The length of "scheme:" in front, 0: none. */
static size_t scheme_len(struct str text)
{
    size_t at = 0;
    while (at < text.len &&
           (is_letter(text.at[at]) ||
            (at && (is_digit(text.at[at]) || str_find_char(STR("+-."), text.at[at]) >= 0))))
        at++;
    return at && at < text.len && text.at[at] == ':' ? at + 1 : 0;
}

/* A URI has a scheme and something behind it; behind "//" of http and its like a host. */
bool parse_uri(const struct caster *caster, struct arena *scratch, struct str text,
               struct cast_value *ret)
{
    (void)caster, (void)scratch, (void)ret;
    size_t at = scheme_len(text);
    struct str rest = str_slice(text, at, text.len);
    if (!at || !rest.len)
        return false;
    for (size_t i = at, hashes = 0; i < text.len; i++) {
        hashes += text.at[i] == '#';
        if (!is_uri_char(text, i) || hashes > 1)
            return false;
    }
    bool has_authority = str_starts(rest, STR("//"));
    bool is_file = at == 5 && (text.at[0] | 0x20) == 'f' && (text.at[1] | 0x20) == 'i';
    return !has_authority || is_file || (rest.len > 2 && str_find_char(STR("/?#"), rest.at[2]) < 0);
}

bool parse_uuid(const struct caster *caster, struct arena *scratch, struct str text,
                struct cast_value *ret)
{
    (void)caster, (void)scratch, (void)ret;
    if (text.len != 36)
        return false;
    for (size_t i = 0; i < 36; i++) {
        bool is_hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_hyphen ? text.at[i] != '-' : !is_hex(text.at[i]))
            return false;
    }
    return true;
}

/* Which of the 64 characters it is, -1: none. */
static int base64_value(char c)
{
    if (is_letter(c))
        return c >= 'a' ? c - 'a' + 26 : c - 'A';
    if (is_digit(c))
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* RFC 4648, 4: whole groups of four, padded, unused bits zero. */
bool parse_binary(const struct caster *caster, struct arena *scratch, struct str text,
                  struct cast_value *ret)
{
    (void)caster, (void)scratch, (void)ret;
    if (text.len % 4)
        return false;
    size_t padding = text.len && text.at[text.len - 1] == '=';
    padding += padding && text.at[text.len - 2] == '=';
    for (size_t i = 0; i + padding < text.len; i++)
        if (base64_value(text.at[i]) < 0)
            return false;
    int last = padding ? base64_value(text.at[text.len - padding - 1]) : 0;
    return (last & (padding == 2 ? 15 : padding == 1 ? 3 : 0)) == 0;
}
