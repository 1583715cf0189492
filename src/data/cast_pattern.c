/* strptime with the words of the C locale, as Python documents it: numbers may lack their leading
 * zero, blanks stand for any blanks, letters match in either case. Matching goes back where a
 * number could have been shorter ("%d%m" of "111"), within a bounded number of steps. */
#include "cast_pattern.h"

#include "mlops/base/limits.h"

#include <strings.h>

static const char *const month_names[] = {"january",   "february", "march",    "april",
                                          "may",       "june",     "july",     "august",
                                          "september", "october",  "november", "december"};
static const char *const day_names[] = {"monday", "tuesday",  "wednesday", "thursday",
                                        "friday", "saturday", "sunday"};

struct number_row {
    char directive;
    unsigned char digits_least, digits_most;
    int least, most;
};

/* %U, %W, %u, %w and the like are read and do not decide. */
static const struct number_row numbers[] = {
    {'d', 1, 2, 1, 31}, {'e', 1, 2, 1, 31},   {'m', 1, 2, 1, 12}, {'Y', 4, 4, 0, 9999},
    {'y', 2, 2, 0, 99}, {'H', 1, 2, 0, 23},   {'k', 1, 2, 0, 23}, {'I', 1, 2, 1, 12},
    {'l', 1, 2, 1, 12}, {'M', 1, 2, 0, 59},   {'S', 1, 2, 0, 59}, {'j', 1, 3, 1, 366},
    {'u', 1, 1, 1, 7},  {'w', 1, 1, 0, 6},    {'U', 1, 2, 0, 53}, {'W', 1, 2, 0, 53},
    {'V', 1, 2, 1, 53}, {'G', 4, 4, 0, 9999},
};

static const struct number_row *number_find(char directive)
{
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        if (numbers[i].directive == directive)
            return &numbers[i];
    return NULL;
}

static void store(struct reading *reading, char directive, int value)
{
    switch (directive) {
    case 'd':
    case 'e':
        reading->day = value;
        break;
    case 'm':
        reading->month = value;
        break;
    case 'Y':
        reading->year = value;
        reading->has_year = true;
        break;
    case 'y': /* POSIX: 69..99 are of the 20th century */
        reading->year = value + (value < 69 ? 2000 : 1900);
        reading->has_year = true;
        break;
    case 'H':
    case 'k':
    case 'I':
    case 'l':
        reading->hour = value;
        reading->is_twelve = directive == 'I' || directive == 'l';
        break;
    case 'M':
        reading->minute = value;
        break;
    case 'S':
        reading->second = value;
        break;
    case 'j':
        reading->day_of_year = value;
        break;
    default:
        break;
    }
}

bool directive_is_known(char directive)
{
    return directive && (number_find(directive) || strchr("bhBaApfzZs%nt", directive));
}

static bool match(struct reading *reading, struct str pattern, size_t at, int depth);

static bool is_digit_at(const struct reading *reading, size_t at)
{
    return at < reading->text.len && (unsigned char)(reading->text.at[at] - '0') < 10;
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The longest number first. */
static bool match_number(struct reading *reading, const struct number_row *row, struct str rest,
                         size_t at, int depth)
{
    bool is_padded = (row->directive == 'd' || row->directive == 'e' || row->directive == 'k' ||
                      row->directive == 'l') &&
                     at < reading->text.len && reading->text.at[at] == ' ';
    size_t from = at + is_padded, most = is_padded ? 1 : row->digits_most;
    for (size_t len = most; len >= row->digits_least; len--) {
        int value = 0;
        size_t seen = 0;
        for (; seen < len && is_digit_at(reading, from + seen); seen++)
            value = value * 10 + (reading->text.at[from + seen] - '0');
        if (seen < len || value < row->least || value > row->most)
            continue;
        struct reading saved = *reading;
        store(reading, row->directive, value);
        if (match(reading, rest, from + len, depth + 1))
            return true;
        saved.steps = reading->steps;
        *reading = saved;
    }
    return false;
}

/* One of the names, whole or its first three letters; its number from 1, 0: none. */
static int match_name(const struct reading *reading, const char *const *names, int count,
                      bool is_whole, size_t *at)
{
    for (int i = 0; i < count; i++) {
        size_t len = is_whole ? strlen(names[i]) : 3;
        if (reading->text.len - *at >= len &&
            strncasecmp(reading->text.at + *at, names[i], len) == 0) {
            *at += len;
            return i + 1;
        }
    }
    return 0;
}

static bool match_fraction(struct reading *reading, size_t *at)
{
    size_t len = 0;
    while (len < 6 && is_digit_at(reading, *at + len))
        len++;
    struct str digits = str_slice(reading->text, *at, *at + len);
    while (digits.len && digits.at[digits.len - 1] == '0')
        digits.len--;
    reading->fraction = digits;
    *at += len;
    return len > 0;
}

/* Z, +hhmm, +hh:mm, both with seconds. */
static bool match_zone(struct reading *reading, size_t *at)
{
    struct str text = reading->text;
    int hour = 0, minute = 0, second = 0;
    if (*at < text.len && (text.at[*at] == 'Z' || text.at[*at] == 'z')) {
        (*at)++;
        return true;
    }
    if (*at >= text.len || (text.at[*at] != '+' && text.at[*at] != '-') ||
        !two_digits(text, *at + 1, &hour))
        return false;
    bool is_negative = text.at[*at] == '-';
    bool has_colon = *at + 3 < text.len && text.at[*at + 3] == ':';
    if (!two_digits(text, *at + 3 + has_colon, &minute) || hour > 23 || minute > 59)
        return false;
    *at += 5 + (size_t)has_colon;
    if (has_colon && *at < text.len && text.at[*at] == ':' && two_digits(text, *at + 1, &second))
        *at += 3;
    reading->offset_s = hour * 3600 + minute * 60 + second;
    reading->offset_s = is_negative ? -reading->offset_s : reading->offset_s;
    return second < 60;
}

static bool match_zone_name(const struct reading *reading, size_t *at)
{
    static const char *const names[] = {"UTC", "GMT"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (reading->text.len - *at >= 3 && strncasecmp(reading->text.at + *at, names[i], 3) == 0) {
            *at += 3;
            return true;
        }
    return false;
}

static bool match_half(struct reading *reading, size_t *at)
{
    static const char *const names[] = {"am", "pm"};
    for (int i = 0; i < 2; i++)
        if (reading->text.len - *at >= 2 && strncasecmp(reading->text.at + *at, names[i], 2) == 0) {
            *at += 2;
            reading->half = i + 1;
            return true;
        }
    return false;
}

/* Seconds since 1970. */
static bool match_epoch(struct reading *reading, size_t *at)
{
    size_t len = 0;
    int64_t value = 0;
    for (; len < 12 && is_digit_at(reading, *at + len); len++)
        value = value * 10 + (reading->text.at[*at + len] - '0');
    *at += len;
    reading->epoch_s = value;
    reading->has_epoch = true;
    return len > 0;
}

static bool match_month(struct reading *reading, bool is_whole, size_t *at)
{
    reading->month = match_name(reading, month_names, 12, is_whole, at);
    return reading->month > 0;
}

/* What is no number: moves *at behind it. */
static bool match_word(struct reading *reading, char directive, size_t *at)
{
    switch (directive) {
    case 'b':
    case 'h':
        return match_month(reading, false, at);
    case 'B':
        return match_month(reading, true, at);
    case 'a':
        return match_name(reading, day_names, 7, false, at) > 0;
    case 'A':
        return match_name(reading, day_names, 7, true, at) > 0;
    case 'p':
        return match_half(reading, at);
    case 'f':
        return match_fraction(reading, at);
    case 'z':
        return match_zone(reading, at);
    case 'Z':
        return match_zone_name(reading, at);
    case 's':
        return match_epoch(reading, at);
    case '%':
        return *at < reading->text.len && reading->text.at[(*at)++] == '%';
    default:
        return false;
    }
}

static bool match_blanks(struct reading *reading, struct str pattern, size_t at, int depth)
{
    size_t from = at;
    while (pattern.len && is_blank(pattern.at[0]))
        pattern = str_slice(pattern, 1, pattern.len);
    while (at < reading->text.len && is_blank(reading->text.at[at]))
        at++;
    if (at == from)
        return false;
    /* " %d" may leave one blank for the number that begins with it. */
    return match(reading, pattern, at, depth + 1);
}

static bool match_directive(struct reading *reading, struct str pattern, size_t at, int depth)
{
    char directive = pattern.len > 1 ? pattern.at[1] : '\0';
    struct str rest = str_slice(pattern, 2, pattern.len);
    const struct number_row *row = number_find(directive);
    if (row)
        return match_number(reading, row, rest, at, depth);
    if (directive == 'n' || directive == 't')
        return match_blanks(reading, str_slice(pattern, 2, pattern.len), at, depth);
    return match_word(reading, directive, &at) && match(reading, rest, at, depth + 1);
}

static bool same_letter(char a, char b)
{
    bool is_letter = (a | 0x20) >= 'a' && (a | 0x20) <= 'z';
    return a == b || (is_letter && (a | 0x20) == (b | 0x20));
}

static bool match(struct reading *reading, struct str pattern, size_t at, int depth)
{
    if (depth > LIMIT_FORMAT_BYTES || ++reading->steps > LIMIT_FORMAT_STEPS)
        return false;
    while (pattern.len && pattern.at[0] != '%' && !is_blank(pattern.at[0])) {
        if (at >= reading->text.len || !same_letter(pattern.at[0], reading->text.at[at]))
            return false;
        pattern = str_slice(pattern, 1, pattern.len);
        at++;
    }
    if (!pattern.len)
        return at == reading->text.len;
    return pattern.at[0] == '%' ? match_directive(reading, pattern, at, depth)
                                : match_blanks(reading, pattern, at, depth);
}

bool pattern_match(struct str pattern, struct reading *reading)
{
    return match(reading, pattern, 0, 0);
}
