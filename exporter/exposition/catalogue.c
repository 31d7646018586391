/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The metrics. A new one is a new entry: nothing else in the exposition knows any of them.
 *
 * OpenMetrics wants a unit to be the last word of the name; promtool's linter wants base units, no
 * abbreviations, and no _count, _sum or type names in the names of counters and gauges.
 */
#include "exposition/catalogue.h"

#include "exposition/process.h"

#define SAMPLES(...)                                                                               \
    .sample = (const struct family_sample[]){__VA_ARGS__},                                         \
    .samples = sizeof((const struct family_sample[]){__VA_ARGS__}) / sizeof(struct family_sample)

/* A family with one sample per row. */
#define ALONE(the_column) SAMPLES({.column = (the_column)})

const struct family catalogue[] = {
    {
        .name = "xen_exporter_build",
        .help = "Version of this exporter.",
        .type = FAMILY_INFO,
        .kind = CATALOGUE_SELF,
        .labels = LABELS_VERSION,
        ALONE(COLUMN_NONE),
    },
    {
        .name = "xen_exporter_source",
        .help = "Where the numbers come from: statistics pages of Xen, hypercalls, a simulated "
                "host or a recording.",
        .type = FAMILY_INFO,
        .kind = CATALOGUE_SELF,
        .labels = LABELS_SOURCE,
        ALONE(COLUMN_NONE),
    },
    {
        .name = "xen_domain",
        .help = "Who the domain is.",
        .type = FAMILY_INFO,
        .kind = CATALOGUE_DOMAIN,
        .labels = LABELS_DOMAIN_INFO,
        ALONE(COLUMN_NONE),
    },
    {
        .name = "xen_domain_cpu_seconds",
        .unit = "seconds",
        .help = "Time for which the vCPUs of the domain ran, all together.",
        .type = FAMILY_COUNTER,
        .kind = CATALOGUE_DOMAIN,
        .labels = LABELS_DOMAIN,
        .scale = SCALE_SECONDS,
        ALONE(DOMAIN_CPU_NS),
    },
    {
        .name = "xen_domain_vcpus_max",
        .help = "vCPUs that the domain has, online or not.",
        .type = FAMILY_GAUGE,
        .kind = CATALOGUE_DOMAIN,
        .labels = LABELS_DOMAIN,
        ALONE(DOMAIN_VCPUS_MAX),
    },
    {
        .name = "xen_domain_vcpus_online",
        .help = "vCPUs of the domain that are online.",
        .type = FAMILY_GAUGE,
        .kind = CATALOGUE_DOMAIN,
        .labels = LABELS_DOMAIN,
        ALONE(DOMAIN_VCPUS_ONLINE),
    },
    {
        .name = "xen_domain_dying",
        .help = "Whether the domain is being destroyed (1) or not (0).",
        .type = FAMILY_GAUGE,
        .kind = CATALOGUE_DOMAIN,
        .labels = LABELS_DOMAIN,
        ALONE(DOMAIN_DYING),
    },
    {
        .name = "xen_vcpu_runstate_seconds",
        .unit = "seconds",
        .help = "Time the vCPU spent running, runnable (it wanted a pCPU but had none), blocked "
                "(idle) and offline.",
        .type = FAMILY_COUNTER,
        .kind = CATALOGUE_VCPU,
        .labels = LABELS_VCPU,
        .scale = SCALE_SECONDS,
        SAMPLES({VCPU_RUNNING_NS, "state", "running"}, {VCPU_RUNNABLE_NS, "state", "runnable"},
                {VCPU_BLOCKED_NS, "state", "blocked"}, {VCPU_OFFLINE_NS, "state", "offline"}),
    },
    {
        .name = "xen_vcpu_pcpu",
        .help = "Number of the pCPU on which the vCPU runs, or ran last.",
        .type = FAMILY_GAUGE,
        .kind = CATALOGUE_VCPU,
        .labels = LABELS_VCPU,
        ALONE(VCPU_PCPU),
    },
    {
        .name = "xen_pcpu_idle_seconds",
        .unit = "seconds",
        .help = "Time for which the pCPU had nothing to run.",
        .type = FAMILY_COUNTER,
        .kind = CATALOGUE_PCPU,
        .labels = LABELS_PCPU,
        .scale = SCALE_SECONDS,
        ALONE(PCPU_IDLE_NS),
    },
    {
        .name = "xen_host_domain_creations",
        .help = "Domains created since the host was started.",
        .type = FAMILY_COUNTER,
        .kind = CATALOGUE_HOST,
        ALONE(HOST_DOMAINS_CREATED),
    },
    {
        .name = "xen_host_domain_destructions",
        .help = "Domains destroyed since the host was started.",
        .type = FAMILY_COUNTER,
        .kind = CATALOGUE_HOST,
        ALONE(HOST_DOMAINS_DESTROYED),
    },
    {
        .name = "xen_host_statistics_memory_bytes",
        .unit = "bytes",
        .help = "Memory of the hypervisor in statistics tables.",
        .type = FAMILY_GAUGE,
        .kind = CATALOGUE_HOST,
        ALONE(HOST_STATS_PAGES),
    },
    {
        .name = "xen_host_statistics_retired_memory_bytes",
        .unit = "bytes",
        .help = "Memory of the hypervisor in statistics tables of domains that are gone.",
        .type = FAMILY_GAUGE,
        .kind = CATALOGUE_HOST,
        ALONE(HOST_STATS_RETIRED),
    },
    {
        .name = "xen_exporter_mapped_frames",
        .help = "Frames of statistics tables that are mapped.",
        .type = FAMILY_GAUGE,
        .kind = CATALOGUE_SELF,
        ALONE(SELF_MAPPED_FRAMES),
    },
    {
        .name = "xen_exporter_domains_mapped",
        .help = "Domains whose statistics table was mapped.",
        .type = FAMILY_COUNTER,
        .kind = CATALOGUE_SELF,
        ALONE(SELF_DOMAINS_MAPPED),
    },
    {
        .name = "xen_exporter_domains_unmapped",
        .help = "Domains whose statistics table was unmapped again.",
        .type = FAMILY_COUNTER,
        .kind = CATALOGUE_SELF,
        ALONE(SELF_DOMAINS_UNMAPPED),
    },
    {
        .name = "xen_exporter_torn_reads",
        .help = "Records left out because they changed each time they were read.",
        .type = FAMILY_COUNTER,
        .kind = CATALOGUE_SELF,
        ALONE(SELF_TORN_READS),
    },
    {
        .name = "xen_exporter_invalid_records",
        .help = "Records left out because they made no sense.",
        .type = FAMILY_COUNTER,
        .kind = CATALOGUE_SELF,
        ALONE(SELF_INVALID_RECORDS),
    },
    {
        .name = "xen_exporter_read_retries",
        .help = "Times a record was read again because it had changed meanwhile.",
        .type = FAMILY_COUNTER,
        .kind = CATALOGUE_SELF,
        ALONE(SELF_READ_RETRIES),
    },
    {
        .name = "xen_exporter_xenstore_connected",
        .help = "Whether xenstore answers (1) or not (0).",
        .type = FAMILY_GAUGE,
        .kind = CATALOGUE_SELF,
        ALONE(SELF_XENSTORE_CONNECTED),
    },
    {
        .name = "xen_exporter_xenstore_reconnects",
        .help = "Times the connection to xenstore was opened anew.",
        .type = FAMILY_COUNTER,
        .kind = CATALOGUE_SELF,
        ALONE(SELF_XENSTORE_RECONNECTS),
    },
    {
        .name = "xen_exporter_xenstore_probes",
        .help = "Messages sent to see whether xenstore still answers.",
        .type = FAMILY_COUNTER,
        .kind = CATALOGUE_SELF,
        ALONE(SELF_XENSTORE_PROBES),
    },
    {
        .name = "xen_exporter_hypercalls",
        .help = "Hypercalls made to get the numbers; none are needed where Xen has statistics "
                "tables.",
        .type = FAMILY_COUNTER,
        .kind = CATALOGUE_SELF,
        ALONE(SELF_HYPERCALLS),
    },
    {
        .name = "xen_exporter_sample_duration_seconds",
        .unit = "seconds",
        .help = "How long it took to take this sample.",
        .type = FAMILY_GAUGE,
        .kind = CATALOGUE_SELF,
        .scale = SCALE_SECONDS,
        ALONE(SELF_SAMPLE_NS),
    },
    {
        .name = "process_cpu_seconds",
        .unit = "seconds",
        .help = "CPU time used by this process.",
        .type = FAMILY_COUNTER,
        .kind = CATALOGUE_PROCESS,
        .scale = SCALE_SECONDS,
        ALONE(PROCESS_CPU_NS),
    },
    {
        .name = "process_resident_memory_bytes",
        .unit = "bytes",
        .help = "Memory of this process that is in RAM.",
        .type = FAMILY_GAUGE,
        .kind = CATALOGUE_PROCESS,
        ALONE(PROCESS_RESIDENT_BYTES),
    },
    {
        .name = "process_virtual_memory_bytes",
        .unit = "bytes",
        .help = "Address space of this process.",
        .type = FAMILY_GAUGE,
        .kind = CATALOGUE_PROCESS,
        ALONE(PROCESS_VIRTUAL_BYTES),
    },
    {
        .name = "process_open_fds",
        .help = "File descriptors that this process has open.",
        .type = FAMILY_GAUGE,
        .kind = CATALOGUE_PROCESS,
        ALONE(PROCESS_OPEN_FDS),
    },
    {
        .name = "process_max_fds",
        .help = "File descriptors that this process may have open.",
        .type = FAMILY_GAUGE,
        .kind = CATALOGUE_PROCESS,
        ALONE(PROCESS_MAX_FDS),
    },
    {
        .name = "process_start_time_seconds",
        .unit = "seconds",
        .help = "When this process was started, as Unix time.",
        .type = FAMILY_GAUGE,
        .kind = CATALOGUE_PROCESS,
        .scale = SCALE_SECONDS,
        ALONE(PROCESS_START_NS),
    },
    {
        .name = "xen_exporter_config_last_reload_successful",
        .help = "Whether the configuration was read without an error when that was last tried (1) "
                "or is still an older one (0).",
        .type = FAMILY_GAUGE,
        .kind = CATALOGUE_PROCESS,
        ALONE(PROCESS_RELOADED),
    },
    {
        .name = "xen_exporter_config_last_reload_success_timestamp_seconds",
        .unit = "seconds",
        .help = "When the configuration in use was read, as Unix time.",
        .type = FAMILY_GAUGE,
        .kind = CATALOGUE_PROCESS,
        .scale = SCALE_SECONDS,
        ALONE(PROCESS_RELOADED_NS),
    },
};

const size_t catalogue_families = sizeof(catalogue) / sizeof(catalogue[0]);

const struct family_type_name family_type_names[FAMILY_TYPES] = {
    [FAMILY_COUNTER] = {.name = {"counter", "counter"}, .suffix = "_total"},
    [FAMILY_GAUGE] = {.name = {"gauge", "gauge"}, .suffix = ""},
    [FAMILY_INFO] = {.name = {[FORMAT_TEXT] = "gauge", [FORMAT_OPENMETRICS] = "info"},
                     .suffix = "_info"},
};

const char *const label_set_names[LABEL_SETS] = {
    [LABELS_NONE] = "",
    [LABELS_DOMAIN] = "uuid, domain",
    [LABELS_DOMAIN_INFO] = "uuid, domain, domid, guest_type",
    [LABELS_VCPU] = "uuid, domain, vcpu",
    [LABELS_PCPU] = "pcpu",
    [LABELS_SOURCE] = "source",
    [LABELS_VERSION] = "version",
};

static void document_labels(struct buf *out, const struct family *family)
{
    const struct family_sample *sample = family->sample;

    buf_append_text(out, label_set_names[family->labels]);
    if (!sample->label)
        return;
    buf_printf(out, "%s%s = ", family->labels == LABELS_NONE ? "" : ", ", sample->label);
    for (uint32_t i = 0; i < family->samples; i++)
        buf_printf(out, "%s%s", i == 0 ? "" : " or ", sample[i].value);
}

void catalogue_document(struct buf *out)
{
    buf_append_text(
        out,
        "# Metrics\n"
        "\n"
        "This page is generated from the table in `exporter/exposition/catalogue.c`: change that,\n"
        "then run `meson compile -C build metrics-document`.\n"
        "\n"
        "A metric that the source in use cannot give is left out, with its description. A single\n"
        "sample is left out when its value is not known at that moment. The labels `uuid` and\n"
        "`domain` stand for the labels chosen to tell domains apart; where these are the same for\n"
        "two domains, all but the oldest of them also carry `domid`.\n"
        "\n"
        "| metric | type | labels | meaning |\n"
        "|---|---|---|---|\n");

    for (size_t i = 0; i < catalogue_families; i++) {
        const struct family *family = &catalogue[i];

        buf_printf(out, "| `%s%s` | %s | ", family->name, family_type_names[family->type].suffix,
                   family_type_names[family->type].name[FORMAT_OPENMETRICS]);
        document_labels(out, family);
        buf_printf(out, " | %s |\n", family->help);
    }
}
