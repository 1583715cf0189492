/* What the two halves of strptime share: matching a text, and what the parts then mean. */
#pragma once

#include "cast_private.h"

struct reading {
    struct str text;
    int steps;
    int64_t year;
    int month, day, day_of_year;
    int hour, minute, second;
    int half;       /* 0: none, 1: AM, 2: PM */
    bool is_twelve; /* the hour is one of %I */
    bool has_year, has_epoch;
    int64_t offset_s, epoch_s;
    struct str fraction;
};

/* Of a directive behind its percent sign; those that stand for several are none. */
bool directive_is_known(char directive);

/* Whether the whole of reading->text is as an expanded pattern says; fills the rest. */
bool pattern_match(struct str pattern, struct reading *reading);
