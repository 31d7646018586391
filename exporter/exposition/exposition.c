/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the layout up to date and the bodies going round; see exposition.h. */
#include "exposition/exposition.h"

#include <errno.h>

/* The body written last, held by us, and the moment of the snapshot that it shows. */
struct rendering {
    struct body *body;
    uint64_t now_ns;
    uint64_t unix_ns;
};

struct exposition {
    struct exposition_options options;
    struct layout *layout; /* of the last snapshot, or NULL */
    struct body_pool bodies[FORMATS];
    struct rendering newest[FORMATS];
    struct process process;
};

int exposition_new(const struct exposition_options *options, struct exposition **ret_exposition)
{
    struct exposition *exposition = calloc(1, sizeof(*exposition));

    if (!exposition)
        return -ENOMEM;
    exposition->options = *options;
    process_init(&exposition->process);

    *ret_exposition = exposition;
    return 0;
}

struct exposition *exposition_free(struct exposition *exposition)
{
    if (!exposition)
        return NULL;
    layout_free(exposition->layout);
    for (int format = 0; format < FORMATS; format++) {
        body_unref(exposition->newest[format].body);
        body_pool_deinit(&exposition->bodies[format]);
    }
    process_deinit(&exposition->process);
    free(exposition);
    return NULL;
}

/* What was rendered with it shows nothing any more, in either format. */
static void drop_layout(struct exposition *exposition)
{
    for (int format = 0; format < FORMATS; format++)
        exposition->newest[format].body = body_unref(exposition->newest[format].body);
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
static bool shows(const struct exposition *exposition, enum exposition_format format,
                  const struct snapshot *snapshot)
{
    const struct rendering *newest = &exposition->newest[format];

    return newest->body && layout_fits(exposition->layout, snapshot) &&
           newest->now_ns == snapshot->now_ns && newest->unix_ns == snapshot->unix_ns;
}

int exposition_render(struct exposition *exposition, const struct snapshot *snapshot,
                      enum exposition_format format, struct body **ret_body)
{
    uint64_t process[PROCESS_FIELDS];
    struct rendering *newest = &exposition->newest[format];
    struct body *body;
    int error;

    if (shows(exposition, format, snapshot)) {
        *ret_body = body_ref(newest->body);
        return 0;
    }
    newest->body = body_unref(newest->body);

    error = update_layout(exposition, snapshot);
    if (error)
        return error;
    error = body_pool_take(&exposition->bodies[format], layout_capacity(exposition->layout, format),
                           &body);
    if (error)
        return error;

    process_read(&exposition->process, process);
    body->length = layout_render(exposition->layout, snapshot, process, format, body->data);
    *newest = (struct rendering){
        .body = body_ref(body),
        .now_ns = snapshot->now_ns,
        .unix_ns = snapshot->unix_ns,
    };
    *ret_body = body;
    return 0;
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
    error = exposition_render(exposition, snapshot, format, &body);
    if (error)
        return error;

    buf_append(out, body->data, body->length);
    return buf_error(out);
}
