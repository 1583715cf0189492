#include "mlops/base/moment.h"

#include "sftp_private.h"

static const unsigned char *take(struct sftp_wire *wire, size_t len)
{
    static const unsigned char nothing[8];
    const char *at = wire->rest.at;
    wire->is_bad = wire->is_bad || wire->rest.len < len;
    if (wire->is_bad)
        return nothing;
    wire->rest = (struct str){at + len, wire->rest.len - len};
    return (const unsigned char *)at;
}

uint8_t wire_byte(struct sftp_wire *wire)
{
    return *take(wire, 1);
}

uint32_t wire_u32(struct sftp_wire *wire)
{
    const unsigned char *at = take(wire, 4);
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

uint64_t wire_u64(struct sftp_wire *wire)
{
    uint64_t high = wire_u32(wire);
    return high << 32 | wire_u32(wire);
}

struct str wire_text(struct sftp_wire *wire)
{
    size_t len = wire_u32(wire);
    const char *at = (const char *)take(wire, MIN_OF(len, (size_t)SFTP_PACKET_MOST));
    return wire->is_bad ? (struct str){0} : (struct str){at, len};
}

enum attribute {
    ATTRIBUTE_SIZE = 1,
    ATTRIBUTE_OWNER = 2,
    ATTRIBUTE_MODE = 4,
    ATTRIBUTE_TIMES = 8,
    ATTRIBUTE_EXTENDED = -0x7fffffff - 1,
};

/* A size that does not fit is none. */
static void take_size(struct sftp_wire *wire, struct sftp_stat *stat)
{
    uint64_t size = wire_u64(wire);
    stat->has_size = size <= INT64_MAX / 2;
    stat->size_bytes = stat->has_size ? (int64_t)size : 0;
}

struct sftp_stat wire_stat(struct sftp_wire *wire)
{
    struct sftp_stat stat = {0};
    uint32_t flags = wire_u32(wire);
    if (flags & ATTRIBUTE_SIZE)
        take_size(wire, &stat);
    if (flags & ATTRIBUTE_OWNER)
        wire_u64(wire);
    stat.has_mode = flags & ATTRIBUTE_MODE;
    if (stat.has_mode)
        stat.mode = wire_u32(wire);
    stat.has_time = flags & ATTRIBUTE_TIMES;
    if (stat.has_time) {
        wire_u32(wire);
        stat.modified_ns = (int64_t)wire_u32(wire) * NS_PER_S;
    }
    uint32_t further = flags & (uint32_t)ATTRIBUTE_EXTENDED ? wire_u32(wire) : 0;
    for (; further && !wire->is_bad; further--) {
        wire_text(wire);
        wire_text(wire);
    }
    return stat;
}

void wire_put_u32(struct buf *out, uint32_t value)
{
    const unsigned char bytes[4] = {(unsigned char)(value >> 24), (unsigned char)(value >> 16),
                                    (unsigned char)(value >> 8), (unsigned char)value};
    buf_add(out, bytes, sizeof bytes);
}

void wire_put_u64(struct buf *out, uint64_t value)
{
    wire_put_u32(out, (uint32_t)(value >> 32));
    wire_put_u32(out, (uint32_t)value);
}

void wire_put_text(struct buf *out, struct str text)
{
    wire_put_u32(out, (uint32_t)text.len);
    buf_add_str(out, text);
}
