/* Points of the space that a sweep's dimensions span. A point has a coordinate for each dimension:
 * the index of the value where there is a finite number of them, else the value. */
#pragma once

#include "mlops/model/sweep.h"

#include "draws_private.h"
#include "sweep_private.h"

/* What tells a dimension from the others, whatever their order: a hash of its key. */
uint64_t dimension_part(const struct sweep *sweep, size_t index);

/* The coordinate that a text stands for; NaN: none of this dimension. */
double dimension_coordinate(const struct dimension *dimension, struct str text);

/* How many points the space has; 0: a continuum, or more than doubles count exactly. */
double space_count(const struct sweep *sweep);

/* The point of the grid with that number, the first dimension slowest. */
void space_point(const struct sweep *sweep, double index, double *ret);

/* The random point of a combination. Points of a finite space are drawn without putting back: each
 * comes once before any comes again. */
void space_draw(struct arena *scratch, const struct sweep *sweep, int64_t combination, double *ret);

/* One draw, whatever was drawn before. */
void space_draw_once(const struct sweep *sweep, int64_t combination, uint64_t attempt, double *ret);

/* The point of a trial by its overrides; false: it is none of the space. `hints`: one for each
 * dimension, zero at first, so that a next trial of the same sweep is read quickly. */
bool space_take(const struct sweep *sweep, const struct override_vec *overrides, size_t *hints,
                double *ret);
