/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Label texts: what stands between the braces of a sample. Decides how a domain is called, makes
 * guest-influenced names harmless, and writes the labels of every row once per topology.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "sampler/topology.h"
#include "util/buf.h"

/* Which labels tell domains apart; at least one. */
enum label_identity {
    LABEL_UUID = 1 << 0,
    LABEL_DOMAIN = 1 << 1,
    LABEL_DOMID = 1 << 2,
};

#define LABEL_IDENTITY_DEFAULT (LABEL_UUID | LABEL_DOMAIN)

/* The longest label value exported, in bytes, before escaping. */
#define LABEL_VALUE_MAX 256U

/*
 * Reads a list such as "uuid,domain" into a set of enum label_identity.
 * -EINVAL for an unknown word, a word twice, or an empty list.
 */
int labels_parse_identity(const char *text, unsigned int *ret_identity) must_check;

/*
 * Copies a name so that every parser accepts it: each byte that is not part of valid UTF-8 and
 * each control character but newline becomes U+FFFD; cut at LABEL_VALUE_MAX on a character
 * boundary. Total: any bytes are a valid argument. Returns the length written.
 */
size_t labels_sanitise(const void *bytes, size_t length, char ret_value[LABEL_VALUE_MAX]);

/* Appends name="value", escaping backslash, quote and newline. */
void labels_append(struct buf *out, const char *name, const char *value, size_t length);

/*
 * The label texts of many rows, one after the other in one buffer: row r is the bytes from
 * offset[r] to offset[r + 1]. The pieces a line consists of are copied in whole blocks, so the
 * text is followed by LABELS_SLACK readable bytes.
 */
struct label_rows {
    struct buf text;
    uint32_t *offset; /* rows + 1 of them */
    uint32_t rows;
};

#define LABELS_SLACK 16U

void label_rows_deinit(struct label_rows *rows);

/*
 * One row per domain: its identity. Where the chosen labels do not tell two domains apart, all but
 * the oldest of them also carry `domid`. -ENOMEM, -EOVERFLOW.
 */
int labels_of_domains(const struct topology *topology, unsigned int identity,
                      struct label_rows *ret_rows) must_check;

/* One row per domain: everything that is known about who it is. -ENOMEM, -EOVERFLOW. */
int labels_of_domain_infos(const struct topology *topology, struct label_rows *ret_rows) must_check;

/* One row per vCPU: its domain's row of `domains` and its number. -ENOMEM, -EOVERFLOW. */
int labels_of_vcpus(const struct topology *topology, const struct label_rows *domains,
                    struct label_rows *ret_rows) must_check;

/* One row per pCPU: its number. -ENOMEM, -EOVERFLOW. */
int labels_of_pcpus(const struct topology *topology, struct label_rows *ret_rows) must_check;

/* One row per NUMA node: its number. -ENOMEM, -EOVERFLOW. */
int labels_of_nodes(const struct topology *topology, struct label_rows *ret_rows) must_check;

/* One row per performance counter: its name, and its element if it is of an array. -ENOMEM. */
int labels_of_counters(const struct topology *topology, struct label_rows *ret_rows) must_check;

/* A single row name="value", or an empty one when `name` is NULL. -ENOMEM. */
int labels_of_one(const char *name, const char *value, struct label_rows *ret_rows) must_check;
