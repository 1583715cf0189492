/* Values of columns for people and machines. */
#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/cli/report_run.h"
#include "mlops/model/name.h"

#include <math.h>

#include "selection_private.h"

static struct cell number_cell(struct arena *arena, const struct selection_key *key,
                               const struct filter_value *value)
{
    switch (key->type) {
    case FILTER_DURATION:
        return cell_real_shown(duration_print(arena, (int64_t)value->number),
                               report_seconds((int64_t)value->number));
    case FILTER_MOMENT:
        return cell_shown(report_when(arena, (int64_t)value->number),
                          moment_print(arena, (int64_t)value->number));
    case FILTER_BYTES:
        return cell_int_shown(bytes_print(arena, (int64_t)value->number), (int64_t)value->number);
    case FILTER_NUMBER:
        return cell_int(arena, (int64_t)value->number);
    case FILTER_ANY:
    case FILTER_TEXT:
    case FILTER_ID:
    case FILTER_WORDS:
    case FILTER_CHOICE:
        break;
    }
    return value->text.len ? cell_real_shown(value->text, value->number)
                           : cell_real(arena, value->number);
}

static struct cell text_cell(const struct selection_key *key, struct str text)
{
    enum run_status status;
    enum ledger_field field = key->want.field;
    if (key->want.quantity)
        return cell_text(text);
    if (field == LEDGER_RUN || field == LEDGER_PARENT)
        return cell_shown(ulid_short(text), text);
    if (field == LEDGER_COMMIT)
        return cell_shown(str_slice(text, 0, 7), text);
    if (field == LEDGER_STATUS && run_status_parse(text, &status))
        return cell_toned(cell_text(text), run_status_tone(status));
    return cell_text(text);
}

struct cell selection_cell(const struct selection *selection, size_t key, size_t row)
{
    const struct selection_key *column = &selection->keys.at[key];
    const struct filter_value *value = &selection->scan.columns[key][row];
    if (!isnan(value->number))
        return number_cell(selection->context->arena, column, value);
    return value->text.at ? text_cell(column, value->text) : (struct cell){0};
}

static char upper(char c)
{
    return (char)(c >= 'a' && c <= 'z' ? c - ('a' - 'A') : c);
}

struct column selection_column(const struct selection *selection, size_t key)
{
    struct arena *arena = selection->context->arena;
    const struct selection_key *column = &selection->keys.at[key];
    struct buf title = buf_in(arena);
    buf_add_escaped(&title, column->name, false);
    bool is_field = !column->want.quantity;
    for (size_t i = 0; is_field && i < title.len; i++)
        title.at[i] = upper(title.at[i]);
    return (struct column){
        .name = str_copy(arena, column->name).at,
        .title = title.at,
        .is_right = column->type != FILTER_TEXT && column->type != FILTER_WORDS &&
                    column->type != FILTER_CHOICE && column->type != FILTER_ID &&
                    column->type != FILTER_MOMENT,
        .may_shrink = column->type == FILTER_TEXT || column->type == FILTER_WORDS,
    };
}
