/* Lines that end where the plot does. */
#include <math.h>

#include "chart_private.h"

/* One side of Liang and Barsky's clipping; false: the segment is outside. */
static bool clip_side(double direction, double distance, double *from, double *to)
{
    if (direction == 0)
        return distance >= 0;
    double at = distance / direction;
    if (direction < 0)
        *from = fmax(*from, at);
    else
        *to = fmin(*to, at);
    return *from <= *to;
}

static bool clip(const struct chart_pen *pen, double x, double y, double *from, double *to)
{
    double dx = x - pen->x, dy = y - pen->y;
    *from = 0;
    *to = 1;
    return clip_side(-dx, pen->x - pen->left, from, to) &&
           clip_side(dx, pen->right - pen->x, from, to) &&
           clip_side(-dy, pen->y - pen->top, from, to) &&
           clip_side(dy, pen->bottom - pen->y, from, to);
}

static void add_point(struct chart_pen *pen, char command, double x, double y)
{
    buf_add_char(pen->out, command);
    chart_add_number(pen->out, x);
    buf_add_char(pen->out, ' ');
    chart_add_number(pen->out, y);
    pen->drawn_x = x;
    pen->drawn_y = y;
}

static void draw(struct chart_pen *pen, double x, double y)
{
    double from, to, dx = x - pen->x, dy = y - pen->y;
    if (!clip(pen, x, y, &from, &to))
        return;
    double start_x = pen->x + from * dx, start_y = pen->y + from * dy;
    if (!pen->has_drawn || start_x != pen->drawn_x || start_y != pen->drawn_y)
        add_point(pen, 'M', start_x, start_y);
    if (to < 1)
        add_point(pen, 'L', pen->x + to * dx, pen->y + to * dy);
    else
        add_point(pen, 'L', x, y);
    pen->has_drawn = true;
}

struct chart_pen chart_pen_make(struct buf *out, const struct chart_plot *plot)
{
    return (struct chart_pen){
        .out = out,
        .left = plot->left,
        .top = plot->top,
        .right = plot->right,
        .bottom = plot->bottom,
    };
}

void chart_pen_to(struct chart_pen *pen, double x, double y)
{
    if (isnan(x) || isnan(y)) {
        chart_pen_lift(pen);
        return;
    }
    if (pen->is_down)
        draw(pen, x, y);
    pen->is_down = true;
    pen->x = x;
    pen->y = y;
}

/* A point without neighbours becomes a line of no length: a dot, with round ends. */
void chart_pen_lift(struct chart_pen *pen)
{
    if (pen->is_down && !pen->has_drawn)
        draw(pen, pen->x, pen->y);
    pen->is_down = pen->has_drawn = false;
}
