/* What a chart is drawn into, and what holds of every chart. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/codec/xml.h"

#include "support/unit.h"

struct fixture {
    struct arena arena;
    struct buf out;
};

static inline void fixture_drop(struct fixture *fixture)
{
    buf_drop(&fixture->out);
    arena_drop(&fixture->arena);
}

static inline void assert_contains(const struct fixture *fixture, const char *text)
{
    if (str_find(buf_str(&fixture->out), str_of(text)) < 0)
        fail_msg("no '%s' in: %s", text, fixture->out.at);
}

static inline void assert_lacks(const struct fixture *fixture, const char *text)
{
    if (str_find(buf_str(&fixture->out), str_of(text)) >= 0)
        fail_msg("'%s' in: %s", text, fixture->out.at);
}

/* Well-formed, and no number that a browser would refuse. */
static inline void assert_sound(struct fixture *fixture)
{
    struct xml_node *root = NULL;
    struct error *error = xml_parse(&fixture->arena, buf_str(&fixture->out), NULL, &root);
    if (error)
        fail_msg("%s: %s", error->text, fixture->out.at);
    assert_true(str_is(root->name, "svg"));
    assert_lacks(fixture, "nan");
    assert_lacks(fixture, "inf");
    assert_lacks(fixture, "NaN");
}
