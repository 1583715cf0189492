/* Model cards as Hugging Face reads them: Markdown with YAML in front. What lineage knows is
 * written; what people wrote is kept: of an existing card only `model-index` in front and what
 * stands between our two markers is replaced. */
#pragma once

#include "mlops/cli/account.h"

struct card_wish {
    struct str name; /* of the model; empty: the project's folder */
    struct str task; /* "tabular-classification"; empty: by what was measured */
};

/* "model-index:" with what follows it. */
FALLIBLE card_index(const struct account *account, const struct card_wish *wish, struct buf *out);

/* The whole card; `old`: the one that is there, or empty. */
FALLIBLE card_print(const struct account *account, const struct card_wish *wish, struct str old,
                    struct buf *out);
