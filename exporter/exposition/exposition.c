/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the layout up to date and the bodies going round; see exposition.h. */
#include "exposition/exposition.h"

#include <errno.h>

/* The body written last, held by us, and the moment of the snapshot that it shows. */
struct rendering {
    struct body *body;
    uint64_t now_ns;
    uint64_t unix_ns;
    bool current; /* written with the layout that there is now */
};

struct exposition {
    struct exposition_options options;
    struct layout *layout; /* of the last snapshot, or NULL */
    struct encoder *encoder;
    struct body_pool bodies[FORMATS][ENCODINGS];
    struct rendering newest[FORMATS][ENCODINGS];
    struct process process;
};

int exposition_new(const struct exposition_options *options, struct exposition **ret_exposition)
{
    cleanup(cleanup_exposition) struct exposition *exposition = calloc(1, sizeof(*exposition));
    int error;

    if (!exposition)
        return -ENOMEM;
    exposition->options = *options;
    process_init(&exposition->process);
    error = encoder_new(&exposition->encoder);
    if (error)
        return error;

    *ret_exposition = steal(exposition);
    return 0;
}

struct exposition *exposition_free(struct exposition *exposition)
{
    if (!exposition)
        return NULL;
    layout_free(exposition->layout);
    for (int format = 0; format < FORMATS; format++)
        for (int encoding = 0; encoding < ENCODINGS; encoding++) {
            body_unref(exposition->newest[format][encoding].body);
            body_pool_deinit(&exposition->bodies[format][encoding]);
        }
    encoder_free(exposition->encoder);
    process_deinit(&exposition->process);
    free(exposition);
    return NULL;
}

/* What was rendered with it is shown no more, unless there is no room for anything else. */
static void drop_layout(struct exposition *exposition)
{
    for (int format = 0; format < FORMATS; format++)
        for (int encoding = 0; encoding < ENCODINGS; encoding++)
            exposition->newest[format][encoding].current = false;
    exposition->layout = layout_free(exposition->layout);
}

void exposition_set_options(struct exposition *exposition, const struct exposition_options *options)
{
    exposition->options = *options;
    drop_layout(exposition);
}

static int update_layout(struct exposition *exposition, const struct snapshot *snapshot)
{
    if (exposition->layout && layout_fits(exposition->layout, snapshot))
        return 0;
    drop_layout(exposition);
    return layout_new(&exposition->options.layout, snapshot, &exposition->layout);
}

/* Scrapes that were answered with one snapshot share one body: a burst costs one rendering. */
static bool shows(const struct rendering *newest, const struct snapshot *snapshot)
{
    return newest->current && newest->now_ns == snapshot->now_ns &&
           newest->unix_ns == snapshot->unix_ns;
}

/*
 * A body to write into, which becomes the newest; the one before is let go of, so that it can be
 * the one. EXPOSITION_SHORT: all are held, and the newest stays.
 */
static int take_body(struct exposition *exposition, enum exposition_format format,
                     enum encoding encoding, size_t capacity, const struct snapshot *snapshot,
                     struct body **ret_body)
{
    struct body_pool *pool = &exposition->bodies[format][encoding];
    struct rendering *newest = &exposition->newest[format][encoding];
    struct body *before = newest->body;
    int error;

    if (before && body_is_shared(before)) {
        error = body_pool_take(pool, capacity, ret_body);
    } else {
        newest->body = body_unref(before);
        error = body_pool_take(pool, capacity, ret_body);
        before = NULL;
    }
    if (error)
        return error == -EAGAIN ? EXPOSITION_SHORT : error;
    body_unref(before);
    *newest = (struct rendering){
        .body = *ret_body,
        .now_ns = snapshot->now_ns,
        .unix_ns = snapshot->unix_ns,
        .current = true,
    };
    return 0;
}

/* Makes the plain body of this snapshot the newest. */
static int render_text(struct exposition *exposition, const struct snapshot *snapshot,
                       enum exposition_format format)
{
    uint64_t process[PROCESS_FIELDS];
    struct body *body;
    int r;

    if (shows(&exposition->newest[format][ENCODING_IDENTITY], snapshot))
        return 0;
    r = take_body(exposition, format, ENCODING_IDENTITY,
                  layout_capacity(exposition->layout, format), snapshot, &body);
    if (r)
        return r;
    process_read(&exposition->process, process);
    body->length = layout_render(exposition->layout, snapshot, process, format, body->data);
    return 0;
}

static int render_gzip(struct exposition *exposition, const struct snapshot *snapshot,
                       enum exposition_format format)
{
    const struct body *text;
    struct body *body;
    int r;

    if (shows(&exposition->newest[format][ENCODING_GZIP], snapshot))
        return 0;
    r = render_text(exposition, snapshot, format);
    if (r)
        return r;
    text = exposition->newest[format][ENCODING_IDENTITY].body;
    r = take_body(exposition, format, ENCODING_GZIP,
                  encoder_capacity(exposition->encoder, text->length), snapshot, &body);
    if (r)
        return r;
    body->length = encoder_gzip(exposition->encoder, text->data, text->length, body->data);
    return 0;
}

int exposition_render(struct exposition *exposition, const struct snapshot *snapshot,
                      enum exposition_format format, enum encoding encoding, struct body **ret_body)
{
    struct rendering *newest = &exposition->newest[format][encoding];
    int r;

    r = update_layout(exposition, snapshot);
    if (r == 0)
        r = encoding == ENCODING_GZIP ? render_gzip(exposition, snapshot, format)
                                      : render_text(exposition, snapshot, format);
    if (r < 0)
        return r;
    if (!newest->body)
        return -EAGAIN;
    *ret_body = body_ref(newest->body);
    return r;
}

int exposition_render_once(const struct snapshot *snapshot, enum exposition_format format,
                           const struct exposition_options *options, struct buf *out)
{
    cleanup(cleanup_exposition) struct exposition *exposition = NULL;
    cleanup(cleanup_body) struct body *body = NULL;
    int error;

    error = exposition_new(options, &exposition);
    if (error)
        return error;
    error = exposition_render(exposition, snapshot, format, ENCODING_IDENTITY, &body);
    if (error)
        return error;

    buf_append(out, body->data, body->length);
    return buf_error(out);
}
