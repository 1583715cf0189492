/* JSON as tables: the first byte chooses lines or a list, and where it is. */
#include "mlops/base/check.h"

#include "fuzz_table.h"
#include "replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct str keys[] = {STR_ROW("a"), STR_ROW("b")};
    if (size < 2)
        return 0;
    bool is_lines = data[0] & 1;
    const char *name = is_lines ? "t.jsonl" : "t.json";
    struct dialect dialect = dialect_for(str_of(name));
    dialect.has_header = !(data[0] & 2);
    dialect.item_type = (enum dialect_item)((data[0] >> 2) % 3);
    if (data[0] & 16)
        dialect.property = STR("a.b");
    if (data[0] & 32) {
        dialect.item_keys = keys;
        dialect.item_key_count = 2;
    }
    fuzz_table(&dialect, name, (struct str){(const char *)data + 2, size - 2}, 1 + data[1]);
    return 0;
}
