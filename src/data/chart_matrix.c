/* A matrix as shaded cells. The shade stays so light that text is readable on all of it. */
#include <math.h>
#include <stdio.h>

#include "chart_private.h"

enum {
    SIDE_MOST = 60, /* cells drawn a side; of larger matrices each stands for a square of cells */
    CELL_MOST = 76,
    LABEL_ROOM = 110,
};

struct grid {
    const struct chart_matrix *matrix;
    size_t rows, columns; /* drawn */
    size_t step;          /* of the matrix in each direction, to a cell */
    double left, top, cell;
    double most;
};

static double cell_value(const struct grid *grid, size_t row, size_t column)
{
    const struct chart_matrix *matrix = grid->matrix;
    size_t row_end = MIN_OF((row + 1) * grid->step, matrix->row_count);
    size_t column_end = MIN_OF((column + 1) * grid->step, matrix->column_count);
    double sum = 0;
    for (size_t r = row * grid->step; r < row_end; r++)
        for (size_t c = column * grid->step; c < column_end; c++)
            sum += matrix->values[r * matrix->column_count + c];
    return sum;
}

static void print_value(char *text, size_t size, double value)
{
    if (!isfinite(value))
        snprintf(text, size, "–");
    else if (fabs(value) < 1e6 && value == floor(value))
        snprintf(text, size, "%.0f", value);
    else if (fabs(value) >= 1e6 && fabs(value) < 1e15)
        snprintf(text, size, "%.3g%s", value / (fabs(value) < 1e9 ? 1e6 : 1e9),
                 fabs(value) < 1e9 ? "M" : "G");
    else
        snprintf(text, size, "%.3g", value);
}

/* --- layout --------------------------------------------------------------------------------- */

static double widest(const struct str *names, size_t count, size_t step)
{
    double most = 0;
    for (size_t i = 0; i < count; i += step)
        most = fmax(most, chart_text_width(names[i], CHART_TEXT));
    return fmin(most, LABEL_ROOM);
}

static struct grid grid_make(const struct chart_matrix *matrix, double top)
{
    size_t side = MAX_OF(matrix->row_count, matrix->column_count);
    struct grid grid = {.matrix = matrix, .step = (side + SIDE_MOST - 1) / SIDE_MOST};
    grid.step = MAX_OF(grid.step, (size_t)1);
    grid.rows = (matrix->row_count + grid.step - 1) / grid.step;
    grid.columns = (matrix->column_count + grid.step - 1) / grid.step;
    grid.left = widest(matrix->rows, matrix->row_count, grid.step) + 2.0 * CHART_GAP +
                (matrix->row_label.len ? CHART_ROW : 0);
    double room = CHART_WIDTH - CHART_GAP - grid.left;
    grid.cell = fmin(CELL_MOST, room / (double)MAX_OF(grid.columns, (size_t)1));
    grid.left += (room - grid.cell * (double)grid.columns) / 2;
    grid.top = top;
    for (size_t r = 0; r < grid.rows; r++)
        for (size_t c = 0; c < grid.columns; c++)
            if (isfinite(cell_value(&grid, r, c)))
                grid.most = fmax(grid.most, fabs(cell_value(&grid, r, c)));
    return grid;
}

static bool is_aslant(const struct grid *grid)
{
    const struct chart_matrix *matrix = grid->matrix;
    return widest(matrix->columns, matrix->column_count, grid->step) > grid->cell - 4;
}

/* Below the cells. */
static double foot_height(const struct grid *grid)
{
    const struct chart_matrix *matrix = grid->matrix;
    double names = widest(matrix->columns, matrix->column_count, grid->step);
    return CHART_ROW + CHART_GAP + (is_aslant(grid) ? names * 0.75 : 0) +
           (matrix->column_label.len ? CHART_ROW : 0) + (grid->step > 1 ? CHART_ROW : 0);
}

/* --- drawing -------------------------------------------------------------------------------- */

static void add_shade(struct buf *out, const struct grid *grid, double x, double y, double share)
{
    buf_add_text(out, "<rect x=\"");
    chart_add_number(out, x);
    buf_add_text(out, "\" y=\"");
    chart_add_number(out, y);
    buf_print(out, "\" width=\"%.2f\" height=\"%.2f\" fill=\"currentColor\" fill-opacity=\"%.3f\"",
              grid->cell, grid->cell, 0.04 + 0.41 * share);
    buf_add_text(out,
                 grid->cell >= 8 ? " stroke=\"currentColor\" stroke-opacity=\"0.25\"/>" : "/>");
}

/* The size in which a text fits into a cell; 0: none that can be read. */
static double fitting_size(const struct grid *grid, const char *text)
{
    static const double sizes[] = {CHART_TEXT, 11};
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        if (chart_text_width(str_of(text), sizes[i]) <= grid->cell - 2 &&
            grid->cell >= sizes[i] + 2)
            return sizes[i];
    return 0;
}

/* "1.2k" or "1k" where there is no room for 1,234. */
static void print_fitting(const struct grid *grid, char *text, size_t size, double value)
{
    print_value(text, size, value);
    for (int digits = 1; digits >= 0 && fabs(value) >= 1e3 && fabs(value) < 1e6; digits--)
        if (fitting_size(grid, text) <= 0)
            snprintf(text, size, "%.*fk", digits, value / 1e3);
}

static void add_cell(struct buf *out, const struct grid *grid, size_t row, size_t column)
{
    double value = cell_value(grid, row, column);
    double x = grid->left + grid->cell * (double)column, y = grid->top + grid->cell * (double)row;
    char text[48];
    print_fitting(grid, text, sizeof text, value);
    add_shade(out, grid, x, y, isfinite(value) && grid->most > 0 ? fabs(value) / grid->most : 0);
    const struct chart_label label = {
        .x = x + grid->cell / 2,
        .y = y + grid->cell / 2 + 4,
        .room = HUGE_VAL,
        .anchor = "middle",
        .more = "",
        .size = fitting_size(grid, text),
    };
    if (label.size > 0)
        chart_add_label(out, &label, str_of(text));
}

/* Every how manieth name there is room for. */
static size_t name_stride(const struct grid *grid)
{
    return grid->cell >= CHART_TEXT + 2 ? 1 : (size_t)ceil((CHART_TEXT + 2) / grid->cell);
}

static struct str name_or(struct str name)
{
    return name.len ? name : STR("(empty)");
}

static void add_row_names(struct buf *out, const struct grid *grid)
{
    struct chart_label label = {
        .x = grid->left - CHART_GAP,
        .room = LABEL_ROOM + 1,
        .anchor = "end",
        .more = "",
        .is_dim = true,
    };
    for (size_t r = 0; r < grid->rows; r += name_stride(grid)) {
        label.y = grid->top + grid->cell * ((double)r + 0.5) + 4;
        chart_add_label(out, &label, name_or(grid->matrix->rows[r * grid->step]));
    }
}

static void add_column_names(struct buf *out, const struct grid *grid)
{
    bool aslant = is_aslant(grid);
    double y = grid->top + grid->cell * (double)grid->rows + CHART_ROW - 3;
    for (size_t c = 0; c < grid->columns; c += name_stride(grid)) {
        char turn[64] = "";
        double x = grid->left + grid->cell * ((double)c + 0.5) + (aslant ? 4 : 0);
        if (aslant)
            snprintf(turn, sizeof turn, " transform=\"rotate(-45 %.1f %.1f)\"", x, y);
        const struct chart_label label = {
            .x = x,
            .y = y,
            .room = aslant ? fmin(LABEL_ROOM + 1, (x - CHART_GAP) * 1.4) : HUGE_VAL,
            .anchor = aslant ? "end" : "middle",
            .more = turn,
            .is_dim = true,
        };
        chart_add_label(out, &label, name_or(grid->matrix->columns[c * grid->step]));
    }
}

static void add_names(struct buf *out, const struct grid *grid, double height)
{
    double middle = grid->top + grid->cell * (double)grid->rows / 2;
    double names = widest(grid->matrix->rows, grid->matrix->row_count, grid->step);
    double x = fmax(grid->left - names - 3 * CHART_GAP, CHART_TEXT + 1);
    char turn[64], note[80];
    snprintf(turn, sizeof turn, " transform=\"rotate(-90 %.1f %.1f)\"", x, middle);
    const struct chart_label beside = {x, middle, 200, "middle", turn, false, 0};
    struct chart_label under = {
        .x = grid->left + grid->cell * (double)grid->columns / 2,
        .y = height - CHART_GAP,
        .room = 300,
        .anchor = "middle",
        .more = "",
    };
    chart_add_label(out, &beside, grid->matrix->row_label);
    if (grid->step > 1) {
        snprintf(note, sizeof note, "each cell is the sum of %zu by %zu", grid->step, grid->step);
        under.is_dim = true;
        chart_add_label(out, &under, str_of(note));
        under.is_dim = false;
        under.y -= CHART_ROW;
    }
    chart_add_label(out, &under, grid->matrix->column_label);
}

static void add_matrix(struct buf *out, const struct chart_matrix *matrix, struct str id,
                       bool is_document)
{
    struct grid grid = grid_make(matrix, chart_heading_height(is_document) + CHART_GAP);
    struct chart_head head = {matrix->title, matrix->description, id, is_document, 0};
    head.height = ceil(grid.top + grid.cell * (double)grid.rows + foot_height(&grid));
    chart_open(out, &head);
    buf_add_text(out, "<g class=\"mc-0\" color=\"#0b62a4\">\n");
    for (size_t r = 0; r < grid.rows; r++)
        for (size_t c = 0; c < grid.columns; c++)
            add_cell(out, &grid, r, c);
    buf_add_text(out, "</g>\n");
    add_row_names(out, &grid);
    add_column_names(out, &grid);
    add_names(out, &grid, head.height);
    chart_close(out);
}

void chart_matrix_svg(struct buf *out, const struct chart_matrix *matrix, struct str id)
{
    add_matrix(out, matrix, id, false);
}

void chart_matrix_document(struct buf *out, const struct chart_matrix *matrix)
{
    add_matrix(out, matrix, STR(""), true);
}
