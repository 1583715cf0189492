/* Main effects of functional ANOVA (Hutter, Hoos, Leyton-Brown, "An Efficient Approach for
 * Assessing Hyperparameter Importance", ICML 2014), computed exactly on each tree of a random
 * forest (Breiman 2001) and averaged over its trees.
 *
 * A tree predicts a constant on each of its boxes. The mean of its prediction where one factor is
 * held at a value and all others are drawn, a(v), is a sum over the boxes that hold v: value times
 * volume without that factor. The factor's share is Var a(v) / Var prediction, both under draws of
 * the sweep. a is constant between the places where the tree splits the factor, so that its
 * variance is a finite sum.
 *
 * The forest: TREES trees, each of a bootstrap sample of its own, grown by the largest decrease of
 * squared error until members are alike; numbers are split halfway between two members, words into
 * one and the others. Draws are keyed: the same trials give the same shares. */
#include "mlops/base/arena.h"

#include <math.h>
#include <stdlib.h>

#include "choice_private.h"

enum { TREES = 64, DEPTH_MOST = 64 };

struct node {
    size_t factor, left, right; /* left 0: a leaf */
    double threshold;           /* numbers: left is below; words: left is this one */
    double value;
};

/* A tree while it grows: `order[f]` holds the members (with repetition) sorted by factor f; a node
 * owns the same stretch of each. */
struct tree {
    const struct factor *factors;
    size_t factor_count, count;
    const double *scores;
    size_t **order;
    size_t *moved; /* scratch of a partition */
    double *word_sums;
    size_t *word_counts;
    struct node *nodes;
    size_t node_count;
};

struct split {
    size_t factor;
    double threshold, gain;
};

static double score_sum(const struct tree *tree, size_t from, size_t until)
{
    double sum = 0;
    for (size_t i = from; i < until; i++)
        sum += tree->scores[tree->order[0][i]];
    return sum;
}

static void consider(struct split *best, size_t factor, double threshold, double gain)
{
    if (gain > best->gain)
        *best = (struct split){factor, threshold, gain};
}

/* What a partition leaves of the squares: the more, the smaller the error within the parts. */
static double gain_of(double left_sum, size_t left, double sum, size_t count)
{
    double right_sum = sum - left_sum;
    return left_sum * left_sum / (double)left + right_sum * right_sum / (double)(count - left);
}

static void try_numbers(const struct tree *tree, size_t factor, size_t from, size_t until,
                        double sum, struct split *best)
{
    const double *at = tree->factors[factor].at;
    const size_t *order = tree->order[factor];
    double left_sum = 0;
    for (size_t i = from; i + 1 < until; i++) {
        left_sum += tree->scores[order[i]];
        double here = at[order[i]], next = at[order[i + 1]];
        double middle = here + (next - here) / 2;
        if (middle > here)
            consider(best, factor, middle, gain_of(left_sum, i + 1 - from, sum, until - from));
    }
}

static void try_words(const struct tree *tree, size_t factor, size_t from, size_t until, double sum,
                      struct split *best)
{
    const double *at = tree->factors[factor].at;
    const size_t *order = tree->order[factor];
    for (size_t i = from; i < until; i++) {
        size_t word = (size_t)at[order[i]];
        tree->word_sums[word] += tree->scores[order[i]];
        tree->word_counts[word]++;
    }
    for (size_t i = from; i < until; i++) {
        size_t word = (size_t)at[order[i]];
        if (tree->word_counts[word] && tree->word_counts[word] < until - from)
            consider(best, factor, (double)word,
                     gain_of(tree->word_sums[word], tree->word_counts[word], sum, until - from));
        tree->word_sums[word] = 0;
        tree->word_counts[word] = 0;
    }
}

static bool goes_left(const struct factor *factor, size_t member, double threshold)
{
    return factor->words ? fabs(factor->at[member] - threshold) < 0.5
                         : factor->at[member] < threshold;
}

/* Members of the left part first, in each order, which stays sorted; gives where the right begins.
 */
static size_t partition(struct tree *tree, const struct split *split, size_t from, size_t until)
{
    const struct factor *by = &tree->factors[split->factor];
    size_t middle = from;
    for (size_t f = 0; f < tree->factor_count; f++) {
        size_t *order = tree->order[f];
        size_t left = from, right = 0;
        for (size_t i = from; i < until; i++) {
            if (goes_left(by, order[i], split->threshold))
                order[left++] = order[i];
            else
                tree->moved[right++] = order[i];
        }
        memcpy(&order[left], tree->moved, right * sizeof *order);
        middle = left;
    }
    return middle;
}

static size_t grow(struct tree *tree, size_t from, size_t until, int depth)
{
    size_t own = tree->node_count++;
    double sum = score_sum(tree, from, until);
    struct node node = {.value = sum / (double)(until - from)};
    /* A gain within rounding of what an undivided node has is none. */
    double before = sum * sum / (double)(until - from);
    struct split best = {.gain = before + 1e-12 * (fabs(before) + (double)tree->count)};
    for (size_t f = 0; f < tree->factor_count && until - from > 1 && depth < DEPTH_MOST; f++)
        (tree->factors[f].words ? try_words : try_numbers)(tree, f, from, until, sum, &best);
    bool is_leaf = !(best.gain > before + 1e-12 * (fabs(before) + (double)tree->count));
    if (!is_leaf) {
        size_t middle = partition(tree, &best, from, until);
        node.factor = best.factor;
        node.threshold = best.threshold;
        node.left = grow(tree, from, middle, depth + 1);
        node.right = grow(tree, middle, until, depth + 1);
    }
    tree->nodes[own] = node;
    return own;
}

/* The sums of one factor: numbers between the places of its splits, words each for itself. */
struct effect {
    double *places; /* sorted, from 0 to 1 */
    size_t place_count;
    double *sums;   /* numbers: what begins (or ends) at a place; words: by word */
    double for_all; /* words: for each of them */
};

/* A walk over the boxes. */
struct walk {
    const struct tree *tree;
    struct effect *effects;
    double *low, *high; /* of the box, numbers */
    double *single;     /* the only word left; -1: several */
    size_t **left_out;  /* words that the box has not */
    size_t *left_out_count;
    double mean, squares;
};

static size_t place_index(const struct effect *effect, double place)
{
    size_t low = 0, high = effect->place_count - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (effect->places[middle] < place)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static double extent(const struct walk *walk, size_t factor)
{
    double words = (double)walk->tree->factors[factor].words;
    if (!(words > 0))
        return walk->high[factor] - walk->low[factor];
    return walk->single[factor] >= 0 ? 1 / words
                                     : (words - (double)walk->left_out_count[factor]) / words;
}

static void add_box(struct walk *walk, double value, double volume)
{
    walk->mean += value * volume;
    walk->squares += value * value * volume;
    for (size_t f = 0; f < walk->tree->factor_count; f++) {
        struct effect *effect = &walk->effects[f];
        double sum = value * volume / extent(walk, f);
        if (!walk->tree->factors[f].words) {
            effect->sums[place_index(effect, walk->low[f])] += sum;
            effect->sums[place_index(effect, walk->high[f])] -= sum;
        } else if (walk->single[f] >= 0) {
            effect->sums[(size_t)walk->single[f]] += sum;
        } else {
            effect->for_all += sum;
            for (size_t i = 0; i < walk->left_out_count[f]; i++)
                effect->sums[walk->left_out[f][i]] -= sum;
        }
    }
}

static void visit(struct walk *walk, size_t at, double volume);

static void visit_side(struct walk *walk, const struct node *node, double *bound, size_t child,
                       double volume)
{
    double before = *bound, extent_before = extent(walk, node->factor);
    *bound = node->threshold;
    visit(walk, child, volume * extent(walk, node->factor) / extent_before);
    *bound = before;
}

static void visit(struct walk *walk, size_t at, double volume)
{
    const struct node *node = &walk->tree->nodes[at];
    size_t f = node->factor;
    if (!node->left) {
        add_box(walk, node->value, volume);
    } else if (!walk->tree->factors[f].words) {
        visit_side(walk, node, &walk->high[f], node->left, volume);
        visit_side(walk, node, &walk->low[f], node->right, volume);
    } else {
        double before = extent(walk, f);
        visit_side(walk, node, &walk->single[f], node->left, volume);
        walk->left_out[f][walk->left_out_count[f]++] = (size_t)node->threshold;
        if (extent(walk, f) > 0)
            visit(walk, node->right, volume * extent(walk, f) / before);
        walk->left_out_count[f]--;
    }
}

static double effect_variance(const struct factor *factor, const struct effect *effect, double mean)
{
    double sum = 0, running = 0;
    for (size_t i = 0; factor->words && i < factor->words; i++) {
        double deviation = effect->for_all + effect->sums[i] - mean;
        sum += deviation * deviation / (double)factor->words;
    }
    for (size_t i = 0; !factor->words && i + 1 < effect->place_count; i++) {
        running += effect->sums[i];
        sum += (running - mean) * (running - mean) * (effect->places[i + 1] - effect->places[i]);
    }
    return sum;
}

static int double_compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static struct effect effect_make(struct arena *arena, const struct tree *tree, size_t factor)
{
    struct effect effect = {0};
    if (tree->factors[factor].words) {
        effect.sums = arena_new_array(arena, double, tree->factors[factor].words);
        return effect;
    }
    effect.places = arena_new_array(arena, double, tree->node_count + 2);
    effect.sums = arena_new_array(arena, double, tree->node_count + 2);
    effect.place_count = 1;
    for (size_t i = 0; i < tree->node_count; i++)
        if (tree->nodes[i].left && tree->nodes[i].factor == factor)
            effect.places[effect.place_count++] = tree->nodes[i].threshold;
    effect.places[effect.place_count++] = 1;
    qsort(effect.places, effect.place_count, sizeof *effect.places, double_compare);
    return effect;
}

/* Adds the tree's shares; false: it predicts the same everywhere. */
static bool explain_tree(struct arena *arena, const struct tree *tree, double *shares)
{
    size_t count = tree->factor_count;
    struct walk walk = {.tree = tree,
                        .effects = arena_new_array(arena, struct effect, count),
                        .low = arena_new_array(arena, double, count),
                        .high = arena_new_array(arena, double, count),
                        .single = arena_new_array(arena, double, count),
                        .left_out = arena_new_array(arena, size_t *, count),
                        .left_out_count = arena_new_array(arena, size_t, count)};
    for (size_t f = 0; f < count; f++) {
        walk.effects[f] = effect_make(arena, tree, f);
        walk.high[f] = 1;
        walk.single[f] = -1;
        walk.left_out[f] = arena_new_array(arena, size_t, tree->factors[f].words + 1);
    }
    visit(&walk, 0, 1);
    double variance = walk.squares - walk.mean * walk.mean;
    if (!(variance > 0))
        return false;
    for (size_t f = 0; f < count; f++)
        shares[f] += effect_variance(&tree->factors[f], &walk.effects[f], walk.mean) / variance;
    return true;
}

struct rank {
    double at;
    size_t member;
};

static int rank_compare(const void *a, const void *b)
{
    const struct rank *left = a, *right = b;
    if (left->at < right->at || left->at > right->at)
        return left->at < right->at ? -1 : 1;
    return (left->member > right->member) - (left->member < right->member);
}

/* The trials sorted by one factor. */
static struct rank *sorted_by(struct arena *arena, const struct factor *factor, size_t count)
{
    struct rank *ranks = arena_new_array(arena, struct rank, count);
    for (size_t i = 0; i < count; i++)
        ranks[i] = (struct rank){factor->at[i], i};
    qsort(ranks, count, sizeof *ranks, rank_compare);
    return ranks;
}

/* A sample of as many trials with putting back, in each factor's order. */
static void take_sample(struct tree *tree, struct rank *const *sorted, uint64_t number,
                        size_t *times)
{
    struct draws draws = draws_begin(0, DRAWS_FOREST, number, 0, 0);
    memset(times, 0, tree->count * sizeof *times);
    for (size_t i = 0; i < tree->count; i++)
        times[(size_t)(draws_uniform(&draws) * (double)tree->count)]++;
    for (size_t f = 0; f < tree->factor_count; f++) {
        size_t at = 0;
        for (size_t i = 0; i < tree->count; i++)
            for (size_t j = 0; j < times[sorted[f][i].member]; j++)
                tree->order[f][at++] = sorted[f][i].member;
    }
    tree->node_count = 0;
}

static size_t most_words(const struct factor *factors, size_t count)
{
    size_t most = 0;
    for (size_t i = 0; i < count; i++)
        most = MAX_OF(most, factors[i].words);
    return most;
}

void forest_explain(struct arena *arena, const struct factor *factors, size_t factor_count,
                    const double *scores, size_t count, double *ret_shares)
{
    size_t words = most_words(factors, factor_count), explained = 0;
    struct tree tree = {.factors = factors,
                        .factor_count = factor_count,
                        .count = count,
                        .scores = scores,
                        .order = arena_new_array(arena, size_t *, factor_count),
                        .moved = arena_new_array(arena, size_t, count),
                        .word_sums = arena_new_array(arena, double, words + 1),
                        .word_counts = arena_new_array(arena, size_t, words + 1),
                        .nodes = arena_new_array(arena, struct node, 2 * count)};
    struct rank **sorted = arena_new_array(arena, struct rank *, factor_count);
    size_t *times = arena_new_array(arena, size_t, count);
    for (size_t f = 0; f < factor_count; f++) {
        tree.order[f] = arena_new_array(arena, size_t, count);
        sorted[f] = sorted_by(arena, &factors[f], count);
        ret_shares[f] = 0;
    }
    for (uint64_t i = 0; factor_count && i < TREES; i++) {
        AUTO(arena_drop) struct arena scratch = {0};
        take_sample(&tree, sorted, i, times);
        grow(&tree, 0, count, 0);
        explained += explain_tree(&scratch, &tree, ret_shares);
    }
    for (size_t f = 0; f < factor_count; f++)
        ret_shares[f] = explained ? ret_shares[f] / (double)explained : nan("");
}
