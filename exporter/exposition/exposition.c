/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the layout up to date and the bodies going round; see exposition.h. */
#include "exposition/exposition.h"

#include <errno.h>

/* Memory of bodies that only slow clients need goes back when there have been none for so long. */
#define KEPT_NS (600 * NS_PER_S)

/* So many bodies may clients hold: one plain one is left, for text that becomes gzip. */
static const unsigned int for_clients[ENCODINGS] = {
    [ENCODING_IDENTITY] = BODIES_MAX - 1,
    [ENCODING_GZIP] = BODIES_MAX,
};

struct exposition {
    struct exposition_options options;
    struct layout *layout; /* of the last snapshot, or NULL */
    uint64_t edition;      /* counts layouts: what an earlier one has written is not the same */
    struct encoder *encoder;
    struct body_pool bodies[ENCODINGS];      /* of any format */
    uint64_t refused_ns[ENCODINGS][FORMATS]; /* the moment of the last -EAGAIN; 0: served since */
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
    for (int encoding = 0; encoding < ENCODINGS; encoding++)
        body_pool_deinit(&exposition->bodies[encoding]);
    encoder_free(exposition->encoder);
    process_deinit(&exposition->process);
    free(exposition);
    return NULL;
}

void exposition_set_options(struct exposition *exposition, const struct exposition_options *options)
{
    exposition->options = *options;
    exposition->layout = layout_free(exposition->layout);
}

static int update_layout(struct exposition *exposition, const struct snapshot *snapshot)
{
    if (exposition->layout && layout_fits(exposition->layout, snapshot))
        return 0;
    exposition->layout = layout_free(exposition->layout);
    exposition->edition++;
    return layout_new(&exposition->options.layout, snapshot, &exposition->layout);
}

/* The plain body of this snapshot; holds no reference. */
static int render_text(struct exposition *exposition, const struct snapshot *snapshot,
                       const struct body_subject *subject, struct body **ret_body)
{
    struct body_pool *pool = &exposition->bodies[ENCODING_IDENTITY];
    enum exposition_format format = subject->format;
    uint64_t process[PROCESS_FIELDS];
    struct body *body = body_pool_find(pool, subject);
    int r;

    if (!body) {
        r = body_pool_take(pool, layout_capacity(exposition->layout, format), &body);
        if (r)
            return r;
        process_read(&exposition->process, process);
        body->length = layout_render(exposition->layout, snapshot, process, format, body->data);
        body->subject = *subject;
    }
    *ret_body = body;
    return 0;
}

static int render_gzip(struct exposition *exposition, const struct snapshot *snapshot,
                       const struct body_subject *subject, struct body **ret_body)
{
    struct body_pool *pool = &exposition->bodies[ENCODING_GZIP];
    struct body *body = body_pool_find(pool, subject), *text;
    int r;

    if (!body) {
        r = render_text(exposition, snapshot, subject, &text);
        if (r)
            return r;
        r = body_pool_take(pool, encoder_capacity(exposition->encoder, text->length), &body);
        if (r)
            return r;
        body->length = encoder_gzip(exposition->encoder, text->data, text->length, body->data);
        body->subject = *subject;
    }
    *ret_body = body;
    return 0;
}

/*
 * Whether a client can get the body of this, there or yet to be written. A format takes all but
 * what the other one was refused lately, so that clients of one do not keep out those of the other.
 */
static bool has_room(struct exposition *exposition, enum encoding encoding,
                     const struct body_subject *subject)
{
    struct body_pool *pool = &exposition->bodies[encoding];
    const struct body *body = body_pool_find(pool, subject);
    unsigned int held[FORMATS] = {0}, taken = 0;

    if (body && body_is_held(body))
        return true;
    for (size_t i = 0; i < BODIES_MAX; i++)
        held[pool->body[i].subject.format] += body_is_held(&pool->body[i]);
    for (unsigned int format = 0; format < FORMATS; format++) {
        uint64_t refused_ns = exposition->refused_ns[encoding][format];

        taken += held[format];
        taken += format != subject->format && held[format] == 0 && refused_ns &&
                 subject->now_ns - refused_ns <= EXPOSITION_SHARED_MAX_NS;
    }
    return taken < for_clients[encoding];
}

/* The youngest body of this format that clients hold, if it is young enough, or NULL. */
static struct body *to_be_shared(struct body_pool *pool, const struct body_subject *subject)
{
    uint64_t youngest_ns = EXPOSITION_SHARED_MAX_NS;
    struct body *found = NULL;

    for (size_t i = 0; i < BODIES_MAX; i++) {
        struct body *body = &pool->body[i];
        uint64_t age_ns = subject->now_ns - body->subject.now_ns;

        if (body->subject.format != subject->format || !body_is_held(body) || age_ns > youngest_ns)
            continue;
        youngest_ns = age_ns;
        found = body;
    }
    return found;
}

int exposition_render(struct exposition *exposition, const struct snapshot *snapshot,
                      enum exposition_format format, enum encoding encoding, struct body **ret_body)
{
    struct body_subject subject = {
        .format = format, .now_ns = snapshot->now_ns, .unix_ns = snapshot->unix_ns};
    uint64_t *refused_ns = &exposition->refused_ns[encoding][format];
    struct body *body;
    int r;

    r = update_layout(exposition, snapshot);
    if (r)
        return r;
    subject.edition = exposition->edition;
    for (int i = 0; i < ENCODINGS; i++)
        body_pool_trim(&exposition->bodies[i], subject.now_ns, KEPT_NS);

    if (has_room(exposition, encoding, &subject)) {
        r = encoding == ENCODING_GZIP ? render_gzip(exposition, snapshot, &subject, &body)
                                      : render_text(exposition, snapshot, &subject, &body);
        if (r)
            return r;
        *refused_ns = 0;
    } else {
        body = to_be_shared(&exposition->bodies[encoding], &subject);
        if (!body) {
            *refused_ns = subject.now_ns;
            return -EAGAIN;
        }
        r = EXPOSITION_SHORT;
    }
    *ret_body = body_ref(body);
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
