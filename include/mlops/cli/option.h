/* Options as typed rows: parsing, help, man pages and completion all come out of these tables. A
 * row names a member of the command's own options struct; the macros OPTION_*_AT check its type. */
#pragma once

#include "mlops/base/error.h"
#include "mlops/base/vec.h"
#include "mlops/model/pipeline.h"

enum option_kind {
    OPTION_FLAG,     /* bool; --name sets, --no-name clears */
    OPTION_STR,      /* struct str; zero if not given */
    OPTION_INT,      /* int64_t within least..most */
    OPTION_DURATION, /* int64_t nanoseconds: 30s, 1.5m, 2h or plain seconds */
    OPTION_CHOICE,   /* int, index into `choices` */
    OPTION_STRS,     /* struct str_vec: may be given several times */
};

/* What a shell offers as value of an option or as word of a command. */
enum completion {
    COMPLETE_NOTHING = 0,
    COMPLETE_STAGES = 1,
    COMPLETE_RUNS = 2,
    COMPLETE_FILES = 4,
    COMPLETE_COMMANDS = 8,
    COMPLETE_SETTINGS = 16,
    COMPLETE_DATA = 32, /* tracked paths, also those that are not here */
    COMPLETE_REMOTES = 64,
};

struct option_row {
    const char *name; /* without dashes */
    char letter;      /* 0: none */
    enum option_kind kind;
    size_t offset;              /* in the options struct */
    const char *value;          /* what help calls its value: "N", "FILE" */
    const char *help;           /* one sentence without a full stop */
    const char *const *choices; /* OPTION_CHOICE, NULL-terminated */
    int64_t least, most;        /* OPTION_INT; both 0: not negative. OPTION_DURATION: least */
    int64_t initial;            /* OPTION_INT, OPTION_DURATION, OPTION_CHOICE */
    unsigned completes;         /* enum completion bits for its value */
    bool is_hidden;
    char shared_letter; /* a letter that another row may have, too: this one gets it where `takes`
                           says yes to the word behind it */
    bool (*takes)(struct str word);
};

#define OPTION_AT_(kind_, type, member, member_type)                                               \
    .kind = (kind_), .offset = _Generic(((type *)0)->member, member_type : offsetof(type, member))
#define OPTION_FLAG_AT(type, member) OPTION_AT_(OPTION_FLAG, type, member, bool)
#define OPTION_STR_AT(type, member) OPTION_AT_(OPTION_STR, type, member, struct str)
#define OPTION_INT_AT(type, member) OPTION_AT_(OPTION_INT, type, member, int64_t)
#define OPTION_DURATION_AT(type, member) OPTION_AT_(OPTION_DURATION, type, member, int64_t)
#define OPTION_CHOICE_AT(type, member) OPTION_AT_(OPTION_CHOICE, type, member, int)
#define OPTION_STRS_AT(type, member) OPTION_AT_(OPTION_STRS, type, member, struct str_vec)

/* Rows and the struct they fill in. */
struct option_table {
    const struct option_row *rows;
    size_t count;
    void *target;
};

/* One pass over the words of a command line. */
struct option_parse {
    struct arena *arena;
    const struct option_table *tables; /* the first that knows a name wins */
    size_t table_count;
    const struct str *argv;
    int argc;
    bool stops_at_word;   /* leave everything from the first word on alone */
    const char *command;  /* for messages: "mlops run" */
    int at;               /* result: first argument not consumed */
    struct str_vec words; /* result: what is no option */
    int dash_at;          /* result: 1 + how many words stand before `--`; 0: there is none */
};

/* Sets the defaults of the rows, then parses. Takes --name=value, --name value, -n value, -nvalue,
 * bundled flags (-ab), --no-name for flags, and `--`, behind which all are words. ERROR_USAGE with
 * the nearest known option otherwise. Values borrow from argv. */
FALLIBLE options_parse(struct option_parse *parse);

/* "-j, --jobs=N", "    --all": how help shows a row. */
struct str option_show(struct arena *arena, const struct option_row *row);
