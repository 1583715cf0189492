/* Thrift's compact protocol, reading. Nothing recurses; what nests deeper than SKIP_DEPTH is a
 * fault. */
#include "parquet_private.h"

#define SKIP_DEPTH 64

void thrift_fail(struct thrift *in, const char *fault)
{
    if (!in->fault)
        in->fault = fault;
}

static unsigned read_byte(struct thrift *in)
{
    if (in->fault || in->at == in->end) {
        thrift_fail(in, "it ends in the middle of a value");
        return 0;
    }
    return *in->at++;
}

static uint64_t read_varint(struct thrift *in)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint64_t byte = read_byte(in);
        value |= (byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return in->fault ? 0 : value;
    }
    thrift_fail(in, "an integer is longer than 64 bits");
    return 0;
}

static int64_t read_zigzag(struct thrift *in)
{
    uint64_t value = read_varint(in);
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

bool thrift_next(struct thrift *in, struct thrift_field *field)
{
    unsigned byte = read_byte(in);
    field->type = (enum thrift_type)(byte & 0x0f);
    if (in->fault || field->type == THRIFT_STOP)
        return false;
    if (field->type > THRIFT_UUID) {
        thrift_fail(in, "a field has an unknown type");
        return false;
    }
    int64_t id = byte >> 4 ? field->id + (byte >> 4) : read_zigzag(in);
    if (id < INT16_MIN || id > INT16_MAX)
        thrift_fail(in, "a field number is out of range");
    field->id = id;
    return !in->fault;
}

int64_t thrift_int(struct thrift *in, enum thrift_type type)
{
    if (type == THRIFT_BYTE)
        return (int8_t)read_byte(in);
    if (type == THRIFT_I16 || type == THRIFT_I32 || type == THRIFT_I64)
        return read_zigzag(in);
    thrift_fail(in, "a field that must be an integer is none");
    return 0;
}

bool thrift_bool(struct thrift *in, enum thrift_type type)
{
    if (type != THRIFT_TRUE && type != THRIFT_FALSE)
        thrift_fail(in, "a field that must be true or false is neither");
    return type == THRIFT_TRUE;
}

/* `count` things of at least `bytes` each have to fit into what is left. */
static size_t check_count(struct thrift *in, uint64_t count, size_t bytes)
{
    if (!in->fault && count > (size_t)(in->end - in->at) / bytes)
        thrift_fail(in, "a length goes beyond its end");
    return in->fault ? 0 : (size_t)count;
}

struct str thrift_binary(struct thrift *in, enum thrift_type type)
{
    if (type != THRIFT_BINARY) {
        thrift_fail(in, "a field that must be bytes is something else");
        return (struct str){0};
    }
    size_t len = check_count(in, read_varint(in), 1);
    struct str bytes = {(const char *)in->at, len};
    in->at += len;
    return bytes;
}

size_t thrift_list(struct thrift *in, enum thrift_type type, enum thrift_type *ret_element)
{
    *ret_element = THRIFT_STOP;
    if (type != THRIFT_LIST && type != THRIFT_SET) {
        thrift_fail(in, "a field that must be a list is none");
        return 0;
    }
    unsigned head = read_byte(in);
    uint64_t count = head >> 4 == 15 ? read_varint(in) : head >> 4;
    *ret_element = (enum thrift_type)(head & 0x0f);
    if (*ret_element == THRIFT_STOP || *ret_element > THRIFT_UUID)
        thrift_fail(in, "a list has elements of an unknown type");
    return check_count(in, count, 1);
}

bool thrift_is_struct(struct thrift *in, enum thrift_type type)
{
    if (type != THRIFT_STRUCT)
        thrift_fail(in, "a field that must be a structure is none");
    return !in->fault;
}

static void skip_bytes(struct thrift *in, uint64_t count)
{
    in->at += check_count(in, count, 1);
}

/* An open struct, or a list or map: keys and values in turn. */
struct frame {
    bool is_struct;
    enum thrift_type types[2]; /* of elements; of a map key and value */
    uint64_t left;
};

static struct frame open_list(struct thrift *in, enum thrift_type type)
{
    enum thrift_type element;
    uint64_t count = thrift_list(in, type, &element);
    return (struct frame){false, {element, element}, count};
}

static struct frame open_map(struct thrift *in)
{
    uint64_t pairs = read_varint(in);
    unsigned types = pairs ? read_byte(in) : 0;
    uint64_t count = check_count(in, pairs, 2);
    return (struct frame){
        false, {(enum thrift_type)(types >> 4), (enum thrift_type)(types & 0x0f)}, 2 * count};
}

/* Skips a value, or opens it: then true. Booleans are in the type, in lists and maps bytes. */
static bool skip_or_open(struct thrift *in, enum thrift_type type, bool is_element,
                         struct frame *ret)
{
    switch (type) {
    case THRIFT_TRUE:
    case THRIFT_FALSE:
        skip_bytes(in, is_element);
        return false;
    case THRIFT_BYTE:
        skip_bytes(in, 1);
        return false;
    case THRIFT_I16:
    case THRIFT_I32:
    case THRIFT_I64:
        read_varint(in);
        return false;
    case THRIFT_DOUBLE:
        skip_bytes(in, 8);
        return false;
    case THRIFT_UUID:
        skip_bytes(in, 16);
        return false;
    case THRIFT_BINARY:
        skip_bytes(in, read_varint(in));
        return false;
    case THRIFT_LIST:
    case THRIFT_SET:
        *ret = open_list(in, type);
        return true;
    case THRIFT_MAP:
        *ret = open_map(in);
        return true;
    case THRIFT_STRUCT:
        *ret = (struct frame){.is_struct = true};
        return true;
    case THRIFT_STOP:
        break;
    }
    thrift_fail(in, "a value has an unknown type");
    return false;
}

/* Goes on in a frame: false if nothing is left in it. */
static bool next_in(struct thrift *in, struct frame *frame, enum thrift_type *ret)
{
    struct thrift_field field = {0};
    if (frame->is_struct) {
        bool has_next = thrift_next(in, &field);
        *ret = field.type;
        return has_next;
    }
    if (frame->left == 0)
        return false;
    *ret = frame->types[frame->left-- % 2]; /* of a map an even number is left before a key */
    return true;
}

void thrift_skip(struct thrift *in, enum thrift_type type)
{
    struct frame frames[SKIP_DEPTH], opened = {0};
    size_t depth = 0;
    if (skip_or_open(in, type, false, &opened))
        frames[depth++] = opened;
    while (depth && !in->fault) {
        struct frame *top = &frames[depth - 1];
        enum thrift_type next = THRIFT_STOP;
        if (!next_in(in, top, &next))
            depth--;
        else if (!skip_or_open(in, next, !top->is_struct, &opened))
            continue;
        else if (depth == SKIP_DEPTH)
            thrift_fail(in, "it nests too deep");
        else
            frames[depth++] = opened;
    }
}
