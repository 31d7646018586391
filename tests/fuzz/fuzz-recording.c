/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recordings, which may come from anybody: any bytes, or a good recording changed in places that
 * the input names. What can be read is exported, and written again as it was.
 */
#include "exposition/exposition.h"
#include "exposition/host.h"
#include "fuzz/fuzz.h"
#include "sampler/recording.h"

/* A good one, of two hosts. */
static void write_good(struct buf *out, uint32_t domains)
{
    recording_write_header(out);
    for (uint32_t i = 0; i < 2; i++) {
        struct snapshot *snapshot = host_new(domains + i, 1 + i, (int)i);

        PROMISE(recording_write(out, snapshot) == 0);
        snapshot_unref(snapshot);
    }
    PROMISE(buf_error(out) == 0);
}

/* Seven bytes say where, how much of it, and what is written there. The length may change last. */
static void change(struct buf *recording, const uint8_t *data, size_t size)
{
    while (size >= 7) {
        uint64_t where = fuzz_take(&data, &size, 2), how = fuzz_take(&data, &size, 1);
        uint64_t what = fuzz_take(&data, &size, 4), value = what | what << 32;
        size_t length = (size_t)1 << (how & 3);
        size_t at = where % (recording->length - 8);

        memcpy(recording->data + at, &value, length);
    }
    if (size > 0)
        recording->length -= fuzz_take(&data, &size, 2) % recording->length;
}

static void export(const struct snapshot *snapshot)
{
    const struct exposition_options options = {.layout = {.version = "1"}};

    for (int format = 0; format < FORMATS; format++) {
        struct buf text = BUF_NULL;

        PROMISE(exposition_render_once(snapshot, format, &options, &text) == 0);
        PROMISE(text.length > 0 && text.data[text.length - 1] == '\n');
        PROMISE(!memchr(text.data, '\0', text.length));
        buf_deinit(&text);
    }
}

static void play(const uint8_t *bytes, size_t length)
{
    const char *reason = NULL;
    size_t used = 0;

    if (recording_read_header(bytes, length, &used, &reason) != 0) {
        PROMISE(reason);
        return;
    }
    PROMISE(used <= length);
    while (used < length) {
        struct snapshot *snapshot = NULL;
        struct buf again = BUF_NULL;
        size_t more = 0;

        if (recording_read(bytes + used, length - used, &snapshot, &more, &reason) != 0) {
            PROMISE(reason && !snapshot);
            return;
        }
        PROMISE(more > 0 && more <= length - used);
        export(snapshot);
        PROMISE(recording_write(&again, snapshot) == 0);
        PROMISE(again.length == more && memcmp(again.data, bytes + used, more) == 0);
        buf_deinit(&again);
        snapshot_unref(snapshot);
        used += more;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t mode = fuzz_take(&data, &size, 1);
    struct buf recording = BUF_NULL;
    uint8_t *bytes;

    if (mode < 128)
        write_good(&recording, (uint32_t)(mode % 4));
    if (mode < 128)
        change(&recording, data, size);
    else
        buf_append(&recording, data, size);

    /* Of its own length, so that reading on is noticed. */
    bytes = fuzz_copy((const uint8_t *)recording.data, recording.length);
    play(bytes, recording.length);
    free(bytes);
    buf_deinit(&recording);
    return 0;
}
