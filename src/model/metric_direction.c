/* Which way is better, by the usual names of metrics. */
#include "mlops/model/metric.h"

enum { NAME_BYTES_MOST = 64, WORDS_MOST = 12 };

struct known_metric {
    const char *name; /* words in lower case, joined by '_' */
    enum metric_direction direction;
};

static const struct known_metric known[] = {
    {"accuracy", HIGHER_IS_BETTER},     {"acc", HIGHER_IS_BETTER},
    {"precision", HIGHER_IS_BETTER},    {"recall", HIGHER_IS_BETTER},
    {"sensitivity", HIGHER_IS_BETTER},  {"specificity", HIGHER_IS_BETTER},
    {"f1", HIGHER_IS_BETTER},           {"f2", HIGHER_IS_BETTER},
    {"fbeta", HIGHER_IS_BETTER},        {"f1_score", HIGHER_IS_BETTER},
    {"roc_auc", HIGHER_IS_BETTER},      {"auc", HIGHER_IS_BETTER},
    {"auroc", HIGHER_IS_BETTER},        {"auprc", HIGHER_IS_BETTER},
    {"pr_auc", HIGHER_IS_BETTER},       {"average_precision", HIGHER_IS_BETTER},
    {"avg_prec", HIGHER_IS_BETTER},     {"ap", HIGHER_IS_BETTER},
    {"map", HIGHER_IS_BETTER},          {"ndcg", HIGHER_IS_BETTER},
    {"mrr", HIGHER_IS_BETTER},          {"mcc", HIGHER_IS_BETTER},
    {"kappa", HIGHER_IS_BETTER},        {"ks_statistic", HIGHER_IS_BETTER},
    {"r2", HIGHER_IS_BETTER},           {"explained_variance", HIGHER_IS_BETTER},
    {"pearson", HIGHER_IS_BETTER},      {"spearman", HIGHER_IS_BETTER},
    {"iou", HIGHER_IS_BETTER},          {"dice", HIGHER_IS_BETTER},
    {"bleu", HIGHER_IS_BETTER},         {"rouge", HIGHER_IS_BETTER},
    {"psnr", HIGHER_IS_BETTER},         {"ssim", HIGHER_IS_BETTER},
    {"silhouette", HIGHER_IS_BETTER},   {"top_k", HIGHER_IS_BETTER},
    {"log_loss", LOWER_IS_BETTER},      {"logloss", LOWER_IS_BETTER},
    {"cross_entropy", LOWER_IS_BETTER}, {"loss", LOWER_IS_BETTER},
    {"brier", LOWER_IS_BETTER},         {"error", LOWER_IS_BETTER},
    {"err", LOWER_IS_BETTER},           {"mae", LOWER_IS_BETTER},
    {"mse", LOWER_IS_BETTER},           {"rmse", LOWER_IS_BETTER},
    {"msle", LOWER_IS_BETTER},          {"rmsle", LOWER_IS_BETTER},
    {"mape", LOWER_IS_BETTER},          {"smape", LOWER_IS_BETTER},
    {"median_ae", LOWER_IS_BETTER},     {"max_error", LOWER_IS_BETTER},
    {"pinball", LOWER_IS_BETTER},       {"ece", LOWER_IS_BETTER},
    {"perplexity", LOWER_IS_BETTER},    {"ppl", LOWER_IS_BETTER},
    {"wer", LOWER_IS_BETTER},           {"cer", LOWER_IS_BETTER},
    {"fpr", LOWER_IS_BETTER},           {"fnr", LOWER_IS_BETTER},
    {"tpr", HIGHER_IS_BETTER},          {"tnr", HIGHER_IS_BETTER},
    {"latency", LOWER_IS_BETTER},       {"score", HIGHER_IS_BETTER}, /* as scikit-learn has it */
};

/* What may stand around the name of a metric without changing what it is. */
static const char *const around[] = {
    "at",       "average", "avg",     "best",    "binary",     "cv",       "dev",   "eval",
    "final",    "fpr",     "holdout", "last",    "macro",      "max",      "mean",  "micro",
    "ovo",      "ovr",     "score",   "squared", "statistic",  "test",     "total", "train",
    "training", "uniform", "val",     "valid",   "validation", "weighted",
};

const char *metric_direction_name(enum metric_direction direction)
{
    static const char *const names[] = {"", "higher", "lower"};
    return names[direction];
}

/* The last part of a dotted name, in lower case, other signs as '_'. */
static size_t fold(struct str key, char *ret)
{
    ptrdiff_t dot = str_find_last_char(key, '.');
    struct str last = str_slice(key, (size_t)(dot + 1), key.len);
    /* "pinball_0.9": the dot stands within a number */
    while (dot > 0 && last.len && last.at[0] >= '0' && last.at[0] <= '9') {
        struct str rest = str_slice(key, 0, (size_t)dot);
        dot = str_find_last_char(rest, '.');
        last = str_slice(key, (size_t)(dot + 1), key.len);
    }
    size_t len = 0;
    for (size_t i = 0; i < last.len && len < NAME_BYTES_MOST; i++) {
        char c = last.at[i];
        bool is_upper = c >= 'A' && c <= 'Z';
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        ret[len++] = (char)(is_upper ? c + ('a' - 'A') : is_plain ? c : '_');
    }
    return len;
}

/* Words of a folded name. */
static size_t split(struct str name, struct str *ret)
{
    size_t count = 0;
    struct str word;
    while (count < WORDS_MOST && str_split(&name, '_', &word)) {
        if (word.len)
            ret[count++] = word;
    }
    return count;
}

static bool is_number(struct str word)
{
    for (size_t i = 0; i < word.len; i++) {
        if (word.at[i] < '0' || word.at[i] > '9')
            return false;
    }
    return word.len > 0;
}

static bool is_around(struct str word)
{
    for (size_t i = 0; i < COUNT_OF(around); i++) {
        if (str_is(word, around[i]))
            return true;
    }
    return is_number(word);
}

/* Words [first, last) are the words of a known metric. */
static const struct known_metric *find(const struct str *words, size_t first, size_t last)
{
    struct str name = {words[first].at, 0};
    name.len = (size_t)(words[last - 1].at + words[last - 1].len - words[first].at);
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (str_is(name, known[i].name))
            return &known[i];
    }
    return NULL;
}

/* The longest run of words that is a metric, with nothing but usual words around it. */
enum metric_direction metric_direction_of(struct str key)
{
    char folded[NAME_BYTES_MOST];
    struct str words[WORDS_MOST];
    size_t count = split((struct str){folded, fold(key, folded)}, words);
    for (size_t len = count; len > 0; len--) {
        for (size_t first = 0; first + len <= count; first++) {
            const struct known_metric *found = find(words, first, first + len);
            for (size_t i = 0; found && i < count; i++) {
                bool is_inside = i >= first && i < first + len;
                found = is_inside || is_around(words[i]) ? found : NULL;
            }
            if (found)
                return found->direction;
        }
    }
    return DIRECTION_UNKNOWN;
}
