/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The metrics. A new one is a new row: nothing else in the exposition knows any of them.
 *
 * OpenMetrics wants a unit to be the last word of the name; promtool's linter wants base units, no
 * abbreviations, and no _count, _sum or type names in the names of counters and gauges.
 */
#include "exposition/catalogue.h"

#include <string.h>

#include "collectors.h"
#include "exposition/process.h"

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof((array)[0]))

/* The samples of a row of the family. */
#define SAMPLES(...)                                                                               \
    .sample = (const struct family_sample[]){__VA_ARGS__},                                         \
    .samples = COUNT(((const struct family_sample[]){__VA_ARGS__}))
#define ALONE(the_column) SAMPLES({.column = (the_column)})

/* What a family is about: the rows it has, and the labels of each. */
#define ABOUT_HOST      .kind = CATALOGUE_HOST, .labels = LABELS_NONE
#define ABOUT_DOMAIN    .kind = CATALOGUE_DOMAIN, .labels = LABELS_DOMAIN
#define ABOUT_WHO       .kind = CATALOGUE_DOMAIN, .labels = LABELS_DOMAIN_INFO
#define ABOUT_VCPU      .kind = CATALOGUE_VCPU, .labels = LABELS_VCPU
#define ABOUT_PCPU      .kind = CATALOGUE_PCPU, .labels = LABELS_PCPU
#define ABOUT_NODE      .kind = CATALOGUE_NODE, .labels = LABELS_NODE
#define ABOUT_COUNTER   .kind = CATALOGUE_COUNTER, .labels = LABELS_COUNTER
#define ABOUT_SELF      .kind = CATALOGUE_SELF, .labels = LABELS_NONE
#define ABOUT_VERSION   .kind = CATALOGUE_SELF, .labels = LABELS_VERSION
#define ABOUT_SOURCE    .kind = CATALOGUE_SELF, .labels = LABELS_SOURCE
#define ABOUT_COLLECTOR .kind = CATALOGUE_SELF, .labels = LABELS_COLLECTOR
#define ABOUT_PROCESS   .kind = CATALOGUE_PROCESS, .labels = LABELS_NONE

/* Its type and unit; the name ends with the unit. */
#define COUNTER   .type = FAMILY_COUNTER
#define GAUGE     .type = FAMILY_GAUGE
#define INFO      .type = FAMILY_INFO
#define STATESET  .type = FAMILY_STATESET
#define HISTOGRAM .type = FAMILY_HISTOGRAM
#define SECONDS   .unit = "seconds", .scale = SCALE_SECONDS
#define BYTES     .unit = "bytes"
#define HERTZ     .unit = "hertz"

/* Buckets of waits: the columns are cumulative, as histograms are. */
#define BUCKET(first, at, limit)                                                                   \
    {                                                                                              \
        (first) + (at), "le", limit, "_bucket"                                                     \
    }
#define WAITS(sum, first)                                                                          \
    SAMPLES(BUCKET(first, 0, "0.000004096"), BUCKET(first, 1, "0.000008192"),                      \
            BUCKET(first, 2, "0.000016384"), BUCKET(first, 3, "0.000032768"),                      \
            BUCKET(first, 4, "0.000065536"), BUCKET(first, 5, "0.000131072"),                      \
            BUCKET(first, 6, "0.000262144"), BUCKET(first, 7, "0.000524288"),                      \
            BUCKET(first, 8, "0.001048576"), BUCKET(first, 9, "0.002097152"),                      \
            BUCKET(first, 10, "0.004194304"), BUCKET(first, 11, "0.008388608"),                    \
            BUCKET(first, 12, "0.016777216"), BUCKET(first, 13, "0.033554432"),                    \
            BUCKET(first, 14, "0.067108864"), BUCKET(first, SNAPSHOT_WAIT_LIMITS, "+Inf"),         \
            {(first) + SNAPSHOT_WAIT_LIMITS, NULL, NULL, "_count"}, {(sum), NULL, NULL, "_sum"})

#define CSTATES(first)                                                                             \
    SAMPLES({(first), "cstate", "0"}, {(first) + 1, "cstate", "1"}, {(first) + 2, "cstate", "2"},  \
            {(first) + 3, "cstate", "3"}, {(first) + 4, "cstate", "4"},                            \
            {(first) + 5, "cstate", "5"}, {(first) + 6, "cstate", "6"},                            \
            {(first) + 7, "cstate", "7"})

/* clang-format off: one way of laying out the table, whatever the lengths */
const struct family catalogue[] = {
    {"xen_exporter_build", ABOUT_VERSION, INFO, ALONE(COLUMN_NONE),
     .help = "Version of this exporter."},
    {"xen_exporter_source", ABOUT_SOURCE, INFO, ALONE(COLUMN_NONE),
     .help = "Where the numbers come from: statistics pages of Xen, hypercalls, a simulated host "
             "or a recording."},

    {"xen_domain", ABOUT_WHO, INFO, ALONE(COLUMN_NONE), .help = "Who the domain is."},
    {"xen_domain_cpu_seconds", ABOUT_DOMAIN, COUNTER, SECONDS, ALONE(DOMAIN_CPU_NS),
     .help = "Time for which the vCPUs of the domain ran, all together."},
    {"xen_domain_schedule_wait_seconds", ABOUT_DOMAIN, HISTOGRAM, SECONDS,
     WAITS(DOMAIN_WAIT_NS, DOMAIN_WAITS),
     .help = "Periods in which a vCPU of the domain wanted a pCPU but had none, by their length; "
             "kept since the statistics of the domain were first mapped."},
    {"xen_domain_vcpus_max", ABOUT_DOMAIN, GAUGE, ALONE(DOMAIN_VCPUS_MAX),
     .help = "vCPUs that the domain has, online or not."},
    {"xen_domain_vcpus_online", ABOUT_DOMAIN, GAUGE, ALONE(DOMAIN_VCPUS_ONLINE),
     .help = "vCPUs of the domain that are online."},
    {"xen_domain_state", ABOUT_DOMAIN, STATESET,
     SAMPLES({DOMAIN_RUNNING, "xen_domain_state", "running"},
             {DOMAIN_BLOCKED, "xen_domain_state", "blocked"},
             {DOMAIN_PAUSED, "xen_domain_state", "paused"},
             {DOMAIN_SHUTDOWN, "xen_domain_state", "shutdown"},
             {DOMAIN_CRASHED, "xen_domain_state", "crashed"},
             {DOMAIN_DYING, "xen_domain_state", "dying"}),
     .help = "What the domain does, several at a time: running (a vCPU has a pCPU), blocked (each "
             "online vCPU waits for an event), paused by the toolstack, shutdown, crashed, dying."},
    {"xen_domain_shutdown_code", ABOUT_DOMAIN, GAUGE, ALONE(DOMAIN_SHUTDOWN_CODE),
     .help = "Why the domain has shut down: 0 poweroff, 1 reboot, 2 suspend, 3 crash, 4 watchdog, "
             "5 soft reset; 255 while it has not."},
    {"xen_domain_start_time_seconds", ABOUT_DOMAIN, GAUGE, SECONDS, ALONE(DOMAIN_CREATED_NS),
     .help = "When the domain was created, as Unix time."},

    {"xen_domain_memory_bytes", ABOUT_DOMAIN, GAUGE, BYTES, ALONE(DOMAIN_MEMORY),
     .help = "Memory that the domain has."},
    {"xen_domain_memory_max_bytes", ABOUT_DOMAIN, GAUGE, BYTES, ALONE(DOMAIN_MEMORY_MAX),
     .help = "Memory that the domain may have, if there is a limit."},
    {"xen_domain_memory_outstanding_bytes", ABOUT_DOMAIN, GAUGE, BYTES,
     ALONE(DOMAIN_MEMORY_OUTSTANDING),
     .help = "Memory claimed for the domain and not allocated yet."},
    {"xen_domain_memory_shared_bytes", ABOUT_DOMAIN, GAUGE, BYTES, ALONE(DOMAIN_MEMORY_SHARED),
     .help = "Memory of the domain that it shares with others."},
    {"xen_domain_memory_paged_bytes", ABOUT_DOMAIN, GAUGE, BYTES, ALONE(DOMAIN_MEMORY_PAGED),
     .help = "Memory of the domain that is paged out."},
    {"xen_domain_memory_xenheap_bytes", ABOUT_DOMAIN, GAUGE, BYTES, ALONE(DOMAIN_MEMORY_XENHEAP),
     .help = "Memory of the hypervisor that it shares with the domain."},
    {"xen_domain_event_channels", ABOUT_DOMAIN, GAUGE, ALONE(DOMAIN_EVENT_CHANNELS),
     .help = "Event channels that the domain uses."},
    {"xen_domain_event_channels_max", ABOUT_DOMAIN, GAUGE, ALONE(DOMAIN_EVENT_CHANNELS_MAX),
     .help = "Event channels that the domain may use."},
    {"xen_domain_grant_frames", ABOUT_DOMAIN, GAUGE, ALONE(DOMAIN_GRANT_FRAMES),
     .help = "Frames of the domain's grant table."},
    {"xen_domain_grant_frames_max", ABOUT_DOMAIN, GAUGE, ALONE(DOMAIN_GRANT_FRAMES_MAX),
     .help = "Frames that the domain's grant table may have."},
    {"xen_domain_maptrack_frames", ABOUT_DOMAIN, GAUGE, ALONE(DOMAIN_MAPTRACK_FRAMES),
     .help = "Frames in which Xen keeps what the domain has mapped by grants of others."},
    {"xen_domain_maptrack_frames_max", ABOUT_DOMAIN, GAUGE, ALONE(DOMAIN_MAPTRACK_FRAMES_MAX),
     .help = "Frames in which Xen may keep what the domain has mapped by grants of others."},
    {"xen_domain_cpupool", ABOUT_DOMAIN, GAUGE, ALONE(DOMAIN_CPUPOOL),
     .help = "Number of the pool of pCPUs in which the domain is."},
    {"xen_domain_scheduler_weight", ABOUT_DOMAIN, GAUGE, ALONE(DOMAIN_SCHEDULER_WEIGHT),
     .help = "The domain's share of CPU time, against those of other domains."},
    {"xen_domain_scheduler_cap", ABOUT_DOMAIN, GAUGE, ALONE(DOMAIN_SCHEDULER_CAP),
     .help = "CPU time that the domain gets at most, in percent of a pCPU; 0: no limit."},

    {"xen_vcpu_runstate_seconds", ABOUT_VCPU, COUNTER, SECONDS,
     SAMPLES({VCPU_RUNNING_NS, "state", "running"}, {VCPU_RUNNABLE_NS, "state", "runnable"},
             {VCPU_BLOCKED_NS, "state", "blocked"}, {VCPU_OFFLINE_NS, "state", "offline"}),
     .help = "Time the vCPU spent running, runnable (it wanted a pCPU but had none), blocked "
             "(idle) and offline."},
    {"xen_vcpu_schedule_wait_seconds", ABOUT_VCPU, HISTOGRAM, SECONDS,
     WAITS(VCPU_WAIT_NS, VCPU_WAITS),
     .help = "Periods in which the vCPU wanted a pCPU but had none, by their length; kept since "
             "the statistics of the domain were first mapped."},
    {"xen_vcpu_dispatches", ABOUT_VCPU, COUNTER, ALONE(VCPU_DISPATCHES),
     .help = "Times the vCPU got a pCPU; kept since the statistics of the domain were first "
             "mapped."},
    {"xen_vcpu_migrations", ABOUT_VCPU, COUNTER, ALONE(VCPU_MIGRATIONS),
     .help = "Times the vCPU got another pCPU than the time before; kept since the statistics of "
             "the domain were first mapped."},
    {"xen_vcpu_online", ABOUT_VCPU, GAUGE, ALONE(VCPU_ONLINE),
     .help = "Whether the domain has the vCPU up (1) or not (0)."},
    {"xen_vcpu_pcpu", ABOUT_VCPU, GAUGE, ALONE(VCPU_PCPU),
     .help = "Number of the pCPU on which the vCPU runs, or ran last."},

    {"xen_pcpu_idle_seconds", ABOUT_PCPU, COUNTER, SECONDS, ALONE(PCPU_IDLE_NS),
     .help = "Time for which the pCPU was online and had nothing to run."},
    {"xen_pcpu_busy_seconds", ABOUT_PCPU, COUNTER, SECONDS, ALONE(PCPU_BUSY_NS),
     .help = "Time for which the pCPU was online and ran something."},
    {"xen_pcpu_online", ABOUT_PCPU, GAUGE, ALONE(PCPU_ONLINE),
     .help = "Whether the pCPU is online (1) or not (0)."},
    {"xen_pcpu_context_switches", ABOUT_PCPU, COUNTER, ALONE(PCPU_CONTEXT_SWITCHES),
     .help = "Times the pCPU went from one vCPU to another; kept since the statistics of the host "
             "were first mapped."},
    {"xen_pcpu_node", ABOUT_PCPU, GAUGE, ALONE(PCPU_NODE),
     .help = "Number of the NUMA node of the pCPU."},
    {"xen_pcpu_socket", ABOUT_PCPU, GAUGE, ALONE(PCPU_SOCKET),
     .help = "Number of the socket of the pCPU."},
    {"xen_pcpu_core", ABOUT_PCPU, GAUGE, ALONE(PCPU_CORE),
     .help = "Number of the core of the pCPU, within its socket."},
    {"xen_pcpu_frequency_hertz", ABOUT_PCPU, GAUGE, HERTZ, ALONE(PCPU_FREQUENCY_HZ),
     .help = "Frequency that the pCPU was told to have."},
    {"xen_pcpu_cstate_seconds", ABOUT_PCPU, COUNTER, SECONDS, CSTATES(PCPU_CSTATE_NS),
     .help = "Time for which the pCPU was in a C-state."},
    {"xen_pcpu_cstate_entries", ABOUT_PCPU, COUNTER, CSTATES(PCPU_CSTATE_ENTRIES),
     .help = "Times the pCPU entered a C-state."},

    {"xen_host_boot_time_seconds", ABOUT_HOST, GAUGE, SECONDS, ALONE(HOST_BOOT_NS),
     .help = "When the hypervisor was started, as Unix time."},
    {"xen_host_memory_bytes", ABOUT_HOST, GAUGE, BYTES, ALONE(HOST_MEMORY),
     .help = "Memory of the host."},
    {"xen_host_memory_free_bytes", ABOUT_HOST, GAUGE, BYTES, ALONE(HOST_MEMORY_FREE),
     .help = "Memory of the host that nobody has."},
    {"xen_host_memory_outstanding_bytes", ABOUT_HOST, GAUGE, BYTES, ALONE(HOST_MEMORY_OUTSTANDING),
     .help = "Free memory that is claimed for domains."},
    {"xen_node_memory_bytes", ABOUT_NODE, GAUGE, BYTES, ALONE(NODE_MEMORY),
     .help = "Memory of the NUMA node."},
    {"xen_node_memory_free_bytes", ABOUT_NODE, GAUGE, BYTES, ALONE(NODE_MEMORY_FREE),
     .help = "Memory of the NUMA node that nobody has."},
    {"xen_host_pcpus_online", ABOUT_HOST, GAUGE, ALONE(HOST_PCPUS_ONLINE),
     .help = "pCPUs that are online."},
    {"xen_host_pcpus_present", ABOUT_HOST, GAUGE, ALONE(HOST_PCPUS_PRESENT),
     .help = "pCPUs that the host has, online or not."},
    {"xen_host_nodes_online", ABOUT_HOST, GAUGE, ALONE(HOST_NODES_ONLINE),
     .help = "NUMA nodes that are online."},
    {"xen_host_cpu_frequency_hertz", ABOUT_HOST, GAUGE, HERTZ, ALONE(HOST_CPU_HZ),
     .help = "Frequency of the pCPUs, as measured when the host was started."},
    {"xen_host_domains", ABOUT_HOST, GAUGE,
     SAMPLES({HOST_DOMAINS_RUNNING, "state", "running"}, {HOST_DOMAINS_BLOCKED, "state", "blocked"},
             {HOST_DOMAINS_PAUSED, "state", "paused"}, {HOST_DOMAINS_SHUTDOWN, "state", "shutdown"},
             {HOST_DOMAINS_CRASHED, "state", "crashed"}, {HOST_DOMAINS_DYING, "state", "dying"}),
     .help = "Domains in each of the states of xen_domain_state."},
    {"xen_host_domain_creations", ABOUT_HOST, COUNTER, ALONE(HOST_DOMAINS_CREATED),
     .help = "Domains created since the host was started."},
    {"xen_host_domain_destructions", ABOUT_HOST, COUNTER, ALONE(HOST_DOMAINS_DESTROYED),
     .help = "Domains destroyed since the host was started."},
    {"xen_host_statistics_memory_bytes", ABOUT_HOST, GAUGE, BYTES, ALONE(HOST_STATS_PAGES),
     .help = "Memory of the hypervisor in statistics tables."},
    {"xen_host_statistics_retired_memory_bytes", ABOUT_HOST, GAUGE, BYTES,
     ALONE(HOST_STATS_RETIRED),
     .help = "Memory of the hypervisor in statistics tables of domains that are gone."},
    {"xen_host_statistics_memory_limit_bytes", ABOUT_HOST, GAUGE, BYTES, ALONE(HOST_STATS_LIMIT),
     .help = "Memory in statistics tables beyond which those of domains do not grow."},

    {"xen_perfcounter", ABOUT_COUNTER, COUNTER, ALONE(COUNTER_TOTAL),
     .help = "A performance counter of the hypervisor, all pCPUs together; kept since the "
             "statistics of the host were first mapped."},
    {"xen_perfcounter_value", ABOUT_COUNTER, GAUGE, ALONE(COUNTER_GAUGE),
     .help = "A performance counter of the hypervisor that goes down too, all pCPUs together."},

    {"xen_scrape_collector_success", ABOUT_COLLECTOR, GAUGE, ALONE(SELF_SAMPLE_OK),
     .help = "Whether the source gave its numbers (1), or failed or was late (0)."},
    {"xen_scrape_collector_duration_seconds", ABOUT_COLLECTOR, GAUGE, SECONDS,
     ALONE(SELF_SAMPLE_NS), .help = "How long it took to take this sample."},
    {"xen_exporter_mapped_frames", ABOUT_SELF, GAUGE, ALONE(SELF_MAPPED_FRAMES),
     .help = "Frames of statistics tables that are mapped."},
    {"xen_exporter_domains_mapped", ABOUT_SELF, COUNTER, ALONE(SELF_DOMAINS_MAPPED),
     .help = "Domains whose statistics were followed."},
    {"xen_exporter_domains_unmapped", ABOUT_SELF, COUNTER, ALONE(SELF_DOMAINS_UNMAPPED),
     .help = "Domains whose statistics were let go of again."},
    {"xen_exporter_unmap_delay_seconds", ABOUT_SELF, GAUGE, SECONDS, ALONE(SELF_UNMAP_DELAY_NS),
     .help = "Time from the latest death of a domain to its unmapping, at most."},
    {"xen_exporter_unmap_delay_longest_seconds", ABOUT_SELF, GAUGE, SECONDS,
     ALONE(SELF_UNMAP_DELAY_MAX_NS),
     .help = "The longest time from a domain's death to its unmapping, at most."},
    {"xen_exporter_torn_reads", ABOUT_SELF, COUNTER, ALONE(SELF_TORN_READS),
     .help = "Records left out because they changed each time they were read."},
    {"xen_exporter_invalid_records", ABOUT_SELF, COUNTER, ALONE(SELF_INVALID_RECORDS),
     .help = "Records left out because they made no sense."},
    {"xen_exporter_read_retries", ABOUT_SELF, COUNTER, ALONE(SELF_READ_RETRIES),
     .help = "Times a record was read again because it had changed meanwhile."},
    {"xen_exporter_xenstore_connected", ABOUT_SELF, GAUGE, ALONE(SELF_XENSTORE_CONNECTED),
     .help = "Whether xenstore answers (1) or not (0)."},
    {"xen_exporter_xenstore_reconnects", ABOUT_SELF, COUNTER, ALONE(SELF_XENSTORE_RECONNECTS),
     .help = "Times the connection to xenstore was opened anew."},
    {"xen_exporter_xenstore_probes", ABOUT_SELF, COUNTER, ALONE(SELF_XENSTORE_PROBES),
     .help = "Messages sent to see whether xenstore still answers."},
    {"xen_exporter_hypercalls", ABOUT_SELF, COUNTER, ALONE(SELF_HYPERCALLS),
     .help = "Hypercalls made to get the numbers; none are needed where Xen has statistics "
             "tables."},
    {"xen_exporter_config_last_reload_successful", ABOUT_PROCESS, GAUGE, ALONE(PROCESS_RELOADED),
     .help = "Whether the configuration was read without an error when that was last tried (1) or "
             "is still an older one (0)."},
    {"xen_exporter_config_last_reload_success_timestamp_seconds", ABOUT_PROCESS, GAUGE, SECONDS,
     ALONE(PROCESS_RELOADED_NS), .help = "When the configuration in use was read, as Unix time."},

    {"process_cpu_seconds", ABOUT_PROCESS, COUNTER, SECONDS, ALONE(PROCESS_CPU_NS),
     .help = "CPU time used by this process."},
    {"process_resident_memory_bytes", ABOUT_PROCESS, GAUGE, BYTES, ALONE(PROCESS_RESIDENT_BYTES),
     .help = "Memory of this process that is in RAM."},
    {"process_virtual_memory_bytes", ABOUT_PROCESS, GAUGE, BYTES, ALONE(PROCESS_VIRTUAL_BYTES),
     .help = "Address space of this process."},
    {"process_open_fds", ABOUT_PROCESS, GAUGE, ALONE(PROCESS_OPEN_FDS),
     .help = "File descriptors that this process has open."},
    {"process_max_fds", ABOUT_PROCESS, GAUGE, ALONE(PROCESS_MAX_FDS),
     .help = "File descriptors that this process may have open."},
    {"process_start_time_seconds", ABOUT_PROCESS, GAUGE, SECONDS, ALONE(PROCESS_START_NS),
     .help = "When this process was started, as Unix time."},
};
/* clang-format on */

const size_t catalogue_families = sizeof(catalogue) / sizeof(catalogue[0]);

const struct family_type_name family_type_names[FAMILY_TYPES] = {
    [FAMILY_COUNTER] = {.name = {"counter", "counter"}, .suffix = "_total"},
    [FAMILY_GAUGE] = {.name = {"gauge", "gauge"}, .suffix = ""},
    [FAMILY_INFO] = {.name = {[FORMAT_TEXT] = "gauge", [FORMAT_OPENMETRICS] = "info"},
                     .suffix = "_info"},
    [FAMILY_STATESET] = {.name = {[FORMAT_TEXT] = "gauge", [FORMAT_OPENMETRICS] = "stateset"},
                         .suffix = ""},
    [FAMILY_HISTOGRAM] = {.name = {"histogram", "histogram"}, .suffix = ""},
};

const char *const label_set_names[LABEL_SETS] = {
    [LABELS_NONE] = "",
    [LABELS_DOMAIN] = "uuid, domain",
    [LABELS_DOMAIN_INFO] = "uuid, domain, domid, guest_type",
    [LABELS_VCPU] = "uuid, domain, vcpu",
    [LABELS_PCPU] = "pcpu",
    [LABELS_NODE] = "node",
    [LABELS_COUNTER] = "counter, element (of an array)",
    [LABELS_SOURCE] = "source",
    [LABELS_COLLECTOR] = "collector",
    [LABELS_VERSION] = "version",
};

bool catalogue_collects(unsigned int collectors, const struct family *family)
{
    /* COLLECTORS stands for: always. */
    static const enum collector by_kind[CATALOGUE_KINDS] = {
        [CATALOGUE_HOST] = COLLECTOR_HOST,
        [CATALOGUE_DOMAIN] = COLLECTOR_DOMAIN,
        [CATALOGUE_VCPU] = COLLECTOR_VCPU,
        [CATALOGUE_PCPU] = COLLECTOR_PCPU,
        [CATALOGUE_NODE] = COLLECTOR_HOST,
        [CATALOGUE_COUNTER] = COLLECTOR_PERFCOUNTERS,
        [CATALOGUE_SELF] = COLLECTORS,
        [SNAPSHOT_HOST_MORE] = COLLECTOR_HOST,
        [SNAPSHOT_DOMAIN_MORE] = COLLECTOR_DOMAIN,
        [SNAPSHOT_VCPU_MORE] = COLLECTOR_VCPU,
        [SNAPSHOT_PCPU_MORE] = COLLECTOR_PCPU,
        [CATALOGUE_PROCESS] = COLLECTOR_PROCESS,
    };
    static const char self[] = "xen_exporter_";
    enum collector collector = by_kind[family->kind];

    if (strncmp(family->name, self, sizeof(self) - 1) == 0)
        return true;
    if (family->type == FAMILY_HISTOGRAM)
        collector = family->kind == CATALOGUE_VCPU ? COLLECTOR_VCPU_WAIT : COLLECTOR_WAIT;
    return collector == COLLECTORS || (collectors & COLLECTOR_BIT(collector));
}

enum sample_scale catalogue_scale(const struct family *family, const struct family_sample *sample)
{
    /* Of a histogram, buckets and the count are numbers of things; the sum is of what is measured.
     */
    if (family->type == FAMILY_HISTOGRAM && strcmp(sample->suffix, "_sum") != 0)
        return SCALE_ONE;
    return family->scale;
}
