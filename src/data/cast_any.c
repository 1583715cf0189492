/* Dates and times as people write them, for the format `any`: ISO 8601 with its parts, slashes,
 * dots and blanks, names of months in English, AM and PM. Of two numbers that could both be a month
 * the first is it, as in dateutil; a number above 12 settles it. */
#include <strings.h>

#include "cast_private.h"

enum { TOKENS_MOST = 16, DAY_S = 86400 };

enum token_kind { TOKEN_NUMBER, TOKEN_WORD, TOKEN_MARK };

struct token {
    enum token_kind kind;
    struct str text;
    int64_t number;
    bool is_after_blank;
};

struct tokens {
    struct token at[TOKENS_MOST];
    size_t len;
};

static bool is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

static bool is_letter(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* Numbers, words, and single other characters; false if there are too many or too long ones. */
static bool split(struct str text, struct tokens *ret)
{
    bool is_after_blank = false;
    ret->len = 0;
    for (size_t i = 0; i < text.len;) {
        size_t from = i;
        char c = text.at[i];
        if (c == ' ' || c == '\t') {
            is_after_blank = true;
            i++;
            continue;
        }
        if (ret->len == TOKENS_MOST)
            return false;
        struct token token = {.kind = TOKEN_MARK, .is_after_blank = is_after_blank};
        is_after_blank = false;
        if (is_digit(c) || is_letter(c)) {
            bool is_number = is_digit(c);
            while (i < text.len && (is_number ? is_digit(text.at[i]) : is_letter(text.at[i])))
                i++;
            token.kind = is_number ? TOKEN_NUMBER : TOKEN_WORD;
        } else
            i++;
        token.text = str_slice(text, from, i);
        for (size_t k = 0; token.kind == TOKEN_NUMBER && k < token.text.len; k++) {
            if (token.text.len > 15)
                return false;
            token.number = token.number * 10 + (token.text.at[k] - '0');
        }
        ret->at[ret->len++] = token;
    }
    return ret->len > 0;
}

static bool is_mark(const struct tokens *tokens, size_t at, char mark)
{
    return at < tokens->len && tokens->at[at].kind == TOKEN_MARK &&
           tokens->at[at].text.at[0] == mark;
}

static bool is_number(const struct tokens *tokens, size_t at)
{
    return at < tokens->len && tokens->at[at].kind == TOKEN_NUMBER;
}

static bool is_word(const struct tokens *tokens, size_t at, const char *word)
{
    return at < tokens->len && tokens->at[at].kind == TOKEN_WORD &&
           tokens->at[at].text.len == strlen(word) &&
           strncasecmp(tokens->at[at].text.at, word, strlen(word)) == 0;
}

/* A name or an abbreviation of it of three letters or more; from 1, 0: none. */
static int find_name(const struct tokens *tokens, size_t at, const char *const *names, int count)
{
    if (at >= tokens->len || tokens->at[at].kind != TOKEN_WORD || tokens->at[at].text.len < 3)
        return 0;
    struct str word = tokens->at[at].text;
    for (int i = 0; i < count; i++)
        if (word.len <= strlen(names[i]) && (word.len <= 4 || word.len == strlen(names[i])) &&
            strncasecmp(word.at, names[i], word.len) == 0)
            return i + 1;
    return 0;
}

static int find_month(const struct tokens *tokens, size_t at)
{
    static const char *const names[] = {"january",   "february", "march",    "april",
                                        "may",       "june",     "july",     "august",
                                        "september", "october",  "november", "december"};
    return find_name(tokens, at, names, 12);
}

static bool is_day_name(const struct tokens *tokens, size_t at)
{
    static const char *const names[] = {"monday", "tuesday",  "wednesday", "thursday",
                                        "friday", "saturday", "sunday"};
    return find_name(tokens, at, names, 7) > 0;
}

/* Two digits are of the years 1969 to 2068. */
static int64_t full_year(const struct token *token)
{
    if (token->text.len > 2)
        return token->number;
    return token->number + (token->number < 69 ? 2000 : 1900);
}

static bool set_date(int64_t year, int64_t month, int64_t day, int64_t *ret_days)
{
    if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 || day > 31 ||
        !date_is_real(year, (int)month, (int)day))
        return false;
    *ret_days = days_of_date(year, (int)month, (int)day);
    return true;
}

/* yyyymmdd */
static bool compact_date(const struct tokens *tokens, size_t *at, int64_t *ret_days)
{
    if (!is_number(tokens, *at) || tokens->at[*at].text.len != 8)
        return false;
    int64_t number = tokens->at[(*at)++].number;
    return set_date(number / 10000, number / 100 % 100, number % 100, ret_days);
}

/* Three numbers with the same mark between. */
static bool numeric_date(const struct tokens *tokens, size_t *at, int64_t *ret_days)
{
    size_t i = *at;
    if (!is_number(tokens, i) || !is_number(tokens, i + 2) || !is_number(tokens, i + 4))
        return false;
    bool is_marked = false;
    for (const char *mark = "-/."; *mark && !is_marked; mark++)
        is_marked = is_mark(tokens, i + 1, *mark) && is_mark(tokens, i + 3, *mark);
    const struct token *a = &tokens->at[i], *b = &tokens->at[i + 2], *c = &tokens->at[i + 4];
    if (!is_marked || b->text.len > 2)
        return false;
    *at += 5;
    if (a->text.len > 2)
        return c->text.len <= 2 && a->text.len == 4 &&
               set_date(a->number, b->number, c->number, ret_days);
    if (c->text.len == 3 || c->text.len > 4)
        return false;
    return set_date(full_year(c), a->number, b->number, ret_days) ||
           set_date(full_year(c), b->number, a->number, ret_days);
}

/* "th" and the like behind a day. */
static void skip_ordinal(const struct tokens *tokens, size_t *at)
{
    static const char *const words[] = {"st", "nd", "rd", "th"};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (is_word(tokens, *at, words[i]) && !tokens->at[*at].is_after_blank) {
            (*at)++;
            return;
        }
}

static void skip_mark(const struct tokens *tokens, size_t *at)
{
    if (is_mark(tokens, *at, ',') || is_mark(tokens, *at, '-') || is_mark(tokens, *at, '.') ||
        is_mark(tokens, *at, '/') || is_word(tokens, *at, "of"))
        (*at)++;
}

/* "1 Jan 2000", "1st of January, 2000", "Jan 1 2000", "Jan 2000" */
static bool named_date(const struct tokens *tokens, size_t *at, int64_t *ret_days)
{
    size_t i = *at;
    const struct token *day = NULL;
    if (is_number(tokens, i)) {
        day = &tokens->at[i++];
        skip_ordinal(tokens, &i);
        skip_mark(tokens, &i);
    }
    int month = find_month(tokens, i);
    if (!month)
        return false;
    i++;
    skip_mark(tokens, &i);
    if (!day && is_number(tokens, i) && tokens->at[i].text.len <= 2) {
        day = &tokens->at[i++];
        skip_ordinal(tokens, &i);
        skip_mark(tokens, &i);
    }
    if (!is_number(tokens, i) || (tokens->at[i].text.len != 4 && tokens->at[i].text.len != 2))
        return false;
    *at = i + 1;
    return set_date(full_year(&tokens->at[i]), month, day ? day->number : 1, ret_days);
}

static bool take_date(const struct tokens *tokens, size_t *at, int64_t *ret_days)
{
    if (is_day_name(tokens, *at)) {
        (*at)++;
        skip_mark(tokens, at);
    }
    size_t from = *at;
    if (compact_date(tokens, at, ret_days))
        return true;
    *at = from;
    if (numeric_date(tokens, at, ret_days))
        return true;
    *at = from;
    return named_date(tokens, at, ret_days);
}

/* Z, UTC, GMT, +hh, +hhmm, +hh:mm */
static bool take_zone(const struct tokens *tokens, size_t *at, int64_t *ret_offset_s)
{
    *ret_offset_s = 0;
    if (is_word(tokens, *at, "Z") || is_word(tokens, *at, "UTC") || is_word(tokens, *at, "GMT")) {
        (*at)++;
        return true;
    }
    bool is_negative = is_mark(tokens, *at, '-');
    if ((!is_negative && !is_mark(tokens, *at, '+')) || !is_number(tokens, *at + 1))
        return true;
    const struct token *first = &tokens->at[*at + 1];
    int64_t hour = first->number, minute = 0;
    *at += 2;
    if (first->text.len == 4) {
        hour = first->number / 100;
        minute = first->number % 100;
    } else if (first->text.len == 2 && is_mark(tokens, *at, ':') && is_number(tokens, *at + 1)) {
        minute = tokens->at[*at + 1].number;
        *at += 2;
    } else if (first->text.len != 2)
        return false;
    int64_t offset = hour * 3600 + minute * 60;
    *ret_offset_s = is_negative ? -offset : offset;
    return hour <= 23 && minute < 60;
}

/* AM and PM turn an hour of 1 to 12 into one of the day. */
static bool take_half(const struct tokens *tokens, size_t *at, int64_t *hour, bool *ret_found)
{
    bool is_afternoon = is_word(tokens, *at, "pm");
    *ret_found = is_afternoon || is_word(tokens, *at, "am");
    if (!*ret_found)
        return true;
    (*at)++;
    bool is_sound = *hour >= 1 && *hour <= 12;
    *hour = *hour % 12 + (is_afternoon ? 12 : 0);
    return is_sound;
}

/* :ss and a fraction */
static void take_second(const struct tokens *tokens, size_t *at, int64_t *ret_second,
                        struct str *ret_fraction)
{
    if (!is_mark(tokens, *at, ':') || !is_number(tokens, *at + 1))
        return;
    *ret_second = tokens->at[*at + 1].number;
    *at += 2;
    if ((is_mark(tokens, *at, '.') || is_mark(tokens, *at, ',')) && is_number(tokens, *at + 1)) {
        *ret_fraction = tokens->at[*at + 1].text;
        while (ret_fraction->len && ret_fraction->at[ret_fraction->len - 1] == '0')
            ret_fraction->len--;
        *at += 2;
    }
}

/* hh:mm, hh:mm:ss, both with AM or PM and a zone; "6 am" */
static bool take_time(const struct tokens *tokens, size_t *at, struct cast_moment *ret)
{
    int64_t hour = 0, minute = 0, second = 0, offset = 0;
    bool has_half = false, has_minute = is_mark(tokens, *at + 1, ':');
    if (!is_number(tokens, *at) || tokens->at[*at].text.len > 2)
        return false;
    hour = tokens->at[(*at)++].number;
    if (has_minute) {
        if (!is_number(tokens, *at + 1) || tokens->at[*at + 1].text.len != 2)
            return false;
        minute = tokens->at[*at + 1].number;
        *at += 2;
        take_second(tokens, at, &second, &ret->fraction);
    }
    if (!take_half(tokens, at, &hour, &has_half) || (!has_minute && !has_half) ||
        !take_zone(tokens, at, &offset))
        return false;
    ret->seconds = hour * 3600 + minute * 60 + second;
    bool is_end = ret->seconds == DAY_S && !ret->fraction.len;
    ret->seconds -= offset;
    return minute < 60 && second < 60 && (hour < 24 || is_end);
}

bool any_read(enum field_type type, struct str text, struct cast_moment *ret)
{
    struct tokens tokens;
    size_t at = 0;
    *ret = (struct cast_moment){0};
    if (text.len > 100 || !split(text, &tokens))
        return false;
    if (type != TYPE_TIME && !take_date(&tokens, &at, &ret->days))
        return false;
    if (type == TYPE_DATETIME && at < tokens.len) {
        if (is_word(&tokens, at, "T") || is_word(&tokens, at, "at") || is_mark(&tokens, at, ','))
            at++;
        if (!take_time(&tokens, &at, ret))
            return false;
    }
    if (type == TYPE_TIME && !take_time(&tokens, &at, ret))
        return false;
    return at == tokens.len;
}
