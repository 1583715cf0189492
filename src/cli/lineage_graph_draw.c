/* The graph as Mermaid and as SVG. */
#include "mlops/base/arena.h"
#include "mlops/cli/lineage_graph.h"
#include "mlops/cli/report_run.h"
#include "mlops/codec/xml.h"

/* --- Mermaid -------------------------------------------------------------------------------- */

static void add_label(struct buf *out, struct str text)
{
    AUTO(buf_drop) struct buf safe = {0};
    buf_add_escaped(&safe, text, false);
    for (size_t i = 0; i < safe.len; i++) {
        if (strchr("\"#<>&`", safe.at[i]))
            buf_print(out, "#%d;", safe.at[i]);
        else
            buf_add_char(out, safe.at[i]);
    }
}

static void mermaid_node(struct buf *out, const struct graph_node *node, size_t number)
{
    buf_print(out, "  s%zu%s\"", number, node->is_input ? "[(" : "[");
    add_label(out, node->name);
    if (!node->is_input)
        buf_print(out, "<br/>%s", stage_status_name(node->status));
    buf_print(out, "\"%s", node->is_input ? ")]" : "]");
    enum tone tone = node->is_input ? TONE_PLAIN : stage_status_tone(node->status);
    buf_print(out, "%s\n", tone == TONE_BAD ? ":::bad" : tone == TONE_WARN ? ":::warn" : "");
}

/* Mermaid draws nothing of more than 500 edges. */
enum { EDGES_MOST = 500 };

void lineage_graph_mermaid(struct buf *out, const struct lineage_graph *graph)
{
    size_t edges = 0;
    buf_add_text(out, "flowchart TD\n");
    for (size_t i = 0; i < graph->count; i++)
        mermaid_node(out, &graph->nodes[i], i);
    for (size_t i = 0; i < graph->count; i++)
        for (size_t k = 0; k < graph->nodes[i].need_count; k++)
            if (edges++ < EDGES_MOST)
                buf_print(out, "  s%zu --> s%zu\n", graph->nodes[i].needs[k], i);
    if (edges > EDGES_MOST)
        buf_print(out, "  %%%% %zu more arrows\n", edges - EDGES_MOST);
    buf_add_text(out, "  classDef bad stroke:#b3261e,stroke-width:3px\n"
                      "  classDef warn stroke:#b58900,stroke-width:3px\n");
}

/* --- SVG ------------------------------------------------------------------------------------ */

enum { BOX_HEIGHT = 42, ROW_HEIGHT = 84, GAP = 24, LETTER = 7, PADDING = 24, MARGIN = 4 };
enum { WIDTH_LEAST = 240 };

struct place {
    int x, y, width;
};

static int box_width(const struct graph_node *node)
{
    size_t letters = MAX_OF(node->name.len, (size_t)11);
    return (int)MIN_OF(letters, (size_t)40) * LETTER + PADDING;
}

/* Rows from top to bottom, each in the middle; the width of all. */
static int set_places(const struct lineage_graph *graph, struct place *places)
{
    int widest = WIDTH_LEAST;
    for (int turn = 0; turn < 2; turn++) { /* how wide rows are; then where boxes stand */
        for (size_t level = 0; level < graph->level_count; level++) {
            int width = 0;
            for (size_t i = 0; i < graph->count; i++)
                if (graph->nodes[i].level == level)
                    width += box_width(&graph->nodes[i]) + GAP;
            int x = MARGIN + (widest - width + GAP) / 2;
            widest = MAX_OF(widest, width - GAP);
            for (size_t i = 0; i < graph->count; i++) {
                if (graph->nodes[i].level != level)
                    continue;
                places[i] = (struct place){x, MARGIN + (int)level * ROW_HEIGHT,
                                           box_width(&graph->nodes[i])};
                x += places[i].width + GAP;
            }
        }
    }
    return widest + 2 * MARGIN;
}

static void svg_edge(struct buf *out, const struct place *from, const struct place *to)
{
    int x1 = from->x + from->width / 2, y1 = from->y + BOX_HEIGHT;
    int x2 = to->x + to->width / 2, y2 = to->y;
    int bend = MAX_OF((y2 - y1) / 2, 12);
    buf_print(out, "<path d=\"M%d %dC%d %d %d %d %d %d\"/>", x1, y1, x1, y1 + bend, x2,
              y2 - bend - 6, x2, y2 - 6);
    buf_print(out, "<path d=\"M%d %dl-4 -7h8z\" fill=\"currentColor\" stroke=\"none\"/>\n", x2, y2);
}

static void svg_box(struct buf *out, const struct graph_node *node, const struct place *place)
{
    enum tone tone = node->is_input ? TONE_DIM : stage_status_tone(node->status);
    const char *class = tone == TONE_BAD    ? "bad"
                        : tone == TONE_WARN ? "warn"
                        : tone == TONE_GOOD ? "good"
                                            : "dim";
    int middle = place->x + place->width / 2;
    buf_print(out,
              "<g class=\"%s\"><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"%d\" "
              "fill=\"none\" stroke=\"currentColor\"/></g>",
              class, place->x, place->y, place->width, BOX_HEIGHT, node->is_input ? 20 : 4);
    buf_print(out,
              "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" fill=\"currentColor\" "
              "font-size=\"13\">",
              middle, place->y + 18);
    xml_add(out, str_slice(node->name, 0, 40), false);
    buf_print(out,
              "</text><g class=\"%s\"><text x=\"%d\" y=\"%d\" text-anchor=\"middle\" "
              "fill=\"currentColor\" font-size=\"11\">%s</text></g>\n",
              class, middle, place->y + 34,
              node->is_input ? "input" : stage_status_name(node->status));
}

/* "train, executed, reads prepare, params; ..." for those who don't see it. */
static void add_words(struct buf *out, const struct lineage_graph *graph)
{
    for (size_t i = 0; i < graph->count; i++) {
        const struct graph_node *node = &graph->nodes[i];
        buf_add_text(out, i ? "; " : "");
        xml_add(out, node->name, false);
        buf_print(out, ", %s", node->is_input ? "input" : stage_status_name(node->status));
        for (size_t k = 0; k < node->need_count; k++) {
            buf_add_text(out, k ? ", " : ", reads ");
            xml_add(out, graph->nodes[node->needs[k]].name, false);
        }
    }
}

void lineage_graph_svg(struct buf *out, const struct lineage_graph *graph)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct place *places = arena_new_array(&scratch, struct place, graph->count);
    int width = set_places(graph, places);
    int height = (int)graph->level_count * ROW_HEIGHT - (ROW_HEIGHT - BOX_HEIGHT) + 2 * MARGIN;
    buf_print(
        out,
        "<svg class=\"graph\" role=\"img\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
        "font-family=\"system-ui,sans-serif\"><title>Stages and what they read</title>\n<desc>",
        width, height, width, height);
    add_words(out, graph);
    buf_add_text(out, "</desc>\n<g fill=\"none\" stroke=\"currentColor\" opacity=\".6\">\n");
    for (size_t i = 0; i < graph->count; i++)
        for (size_t k = 0; k < graph->nodes[i].need_count; k++)
            svg_edge(out, &places[graph->nodes[i].needs[k]], &places[i]);
    buf_add_text(out, "</g>\n");
    for (size_t i = 0; i < graph->count; i++)
        svg_box(out, &graph->nodes[i], &places[i]);
    buf_add_text(out, "</svg>");
}
