/* A built-in evaluation as the words of its command, and back. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/lang.h"

#include <stdio.h>
#include <stdlib.h>

#include "gate_private.h"

#define COMMAND "mlops evaluate"

#define TEXT(name, member)                                                                         \
    {                                                                                              \
        "--" name "=", offsetof(struct evaluating, member)                                         \
    }

/* Options that hold a text; those that are empty are left out. */
static const struct {
    const char *option;
    size_t offset;
} texts[] = {
    TEXT("positive", positive),     TEXT("label", label),     TEXT("score", score),
    TEXT("prediction", prediction), TEXT("id", id),           TEXT("weight", weight),
    TEXT("metrics", metrics),       TEXT("output", measured), TEXT("charts", charts),
};

static struct str *text_at(const struct evaluating *evaluating, size_t i)
{
    return (struct str *)((uintptr_t)evaluating + texts[i].offset);
}

/* The fewest digits that give the same number back. */
static int digits_of(double value)
{
    char text[40];
    for (int digits = 1; digits < 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            return digits;
    }
    return 17;
}

void evaluating_arguments(struct arena *arena, const struct evaluating *evaluating,
                          struct str_vec *ret)
{
    *vec_push(arena, ret) = str_print(arena, "--task=%s", gate_tasks[evaluating->task]);
    if (evaluating->has_threshold)
        *vec_push(arena, ret) = str_print(arena, "--threshold=%.*g",
                                          digits_of(evaluating->threshold), evaluating->threshold);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct str value = *text_at(evaluating, i);
        if (value.len)
            *vec_push(arena, ret) = str_print(arena, "%s%.*s", texts[i].option, STR_FMT(value));
    }
    vec_each (const struct str, slice, &evaluating->slices)
        *vec_push(arena, ret) = str_print(arena, "--slice=%.*s", STR_FMT(*slice));
    *vec_push(arena, ret) = STR("--");
    *vec_push(arena, ret) = evaluating->predictions;
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("_-./=:,+@%", c));
}

/* As a shell reads it. */
static void add_word(struct buf *out, struct str word)
{
    bool is_bare = word.len > 0;
    for (size_t i = 0; i < word.len; i++)
        is_bare = is_bare && is_plain(word.at[i]);
    if (is_bare) {
        buf_add_str(out, word);
        return;
    }
    buf_add_char(out, '\'');
    for (size_t i = 0; i < word.len; i++) {
        if (word.at[i] == '\'')
            buf_add_text(out, "'\\'");
        buf_add_char(out, word.at[i]);
    }
    buf_add_char(out, '\'');
}

struct str evaluating_print(struct arena *arena, const struct evaluating *evaluating)
{
    struct buf out = buf_in(arena);
    struct str_vec words = {0};
    evaluating_arguments(arena, evaluating, &words);
    buf_add_text(&out, COMMAND);
    vec_each (const struct str, word, &words) {
        buf_add_char(&out, ' ');
        add_word(&out, *word);
    }
    buf_print(&out, " # version %d", EVALUATION_VERSION);
    return buf_str(&out);
}

/* The next word of a command that add_word wrote; false at the end. */
static bool next_word(struct arena *arena, struct str *rest, struct str *ret)
{
    struct buf word = buf_in(arena);
    bool is_quoted = false;
    size_t at = 0;
    while (at < rest->len && rest->at[at] == ' ')
        at++;
    if (at == rest->len || rest->at[at] == '#')
        return false;
    for (; at < rest->len && (is_quoted || rest->at[at] != ' '); at++) {
        if (rest->at[at] == '\'')
            is_quoted = !is_quoted;
        else if (rest->at[at] == '\\' && !is_quoted && at + 1 < rest->len)
            buf_add_char(&word, rest->at[++at]);
        else
            buf_add_char(&word, rest->at[at]);
    }
    *rest = str_slice(*rest, at, rest->len);
    *ret = buf_str(&word);
    return true;
}

static bool take_value(struct str word, const char *option, struct str *ret)
{
    if (!str_starts(word, str_of(option)))
        return false;
    *ret = str_slice(word, strlen(option), word.len);
    return true;
}

static bool take_task(struct str name, struct evaluating *ret)
{
    for (int i = 0; gate_tasks[i]; i++) {
        if (!str_is(name, gate_tasks[i]))
            continue;
        ret->task = i;
        return true;
    }
    return false;
}

static bool take_word(struct arena *arena, struct str word, struct evaluating *ret)
{
    struct str value = {0};
    if (take_value(word, "--task=", &value))
        return take_task(value, ret);
    if (take_value(word, "--threshold=", &value)) {
        ret->threshold = strtod(str_terminate(arena, value), NULL);
        ret->has_threshold = true;
        return true;
    }
    if (take_value(word, "--slice=", &value)) {
        *vec_push(arena, &ret->slices) = value;
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (take_value(word, texts[i].option, text_at(ret, i)))
            return true;
    }
    return false;
}

bool evaluating_parse(struct arena *arena, struct str command, struct evaluating *ret)
{
    struct evaluating read = {0};
    struct str rest = command, word = {0};
    bool is_behind = false;
    if (!take_value(command, COMMAND " ", &rest))
        return false;
    while (next_word(arena, &rest, &word)) {
        if (is_behind)
            read.predictions = word;
        else if (str_is(word, "--"))
            is_behind = true;
        else if (!take_word(arena, word, &read))
            return false;
    }
    if (!read.predictions.len)
        return false;
    *ret = read;
    return true;
}
