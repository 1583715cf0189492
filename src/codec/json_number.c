#include "json_private.h"

static size_t digits_len(struct str text, size_t at)
{
    size_t from = at;
    while (at < text.len && text.at[at] >= '0' && text.at[at] <= '9')
        at++;
    return at - from;
}

size_t json_number_len(struct str text, bool *ret_is_real)
{
    size_t at = text.len && text.at[0] == '-';
    size_t whole = digits_len(text, at);
    if (!whole)
        return 0;
    at += text.at[at] == '0' ? 1 : whole; /* nothing follows a leading zero */
    *ret_is_real = false;
    if (at < text.len && text.at[at] == '.') {
        size_t fraction = digits_len(text, at + 1);
        if (!fraction)
            return 0;
        at += 1 + fraction;
        *ret_is_real = true;
    }
    if (at < text.len && (text.at[at] == 'e' || text.at[at] == 'E')) {
        size_t sign = at + 1 < text.len && (text.at[at + 1] == '-' || text.at[at + 1] == '+');
        size_t power = digits_len(text, at + 1 + sign);
        if (!power)
            return 0;
        at += 1 + sign + power;
        *ret_is_real = true;
    }
    return at;
}
