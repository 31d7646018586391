# SPDX-License-Identifier: Apache-2.0
# Completion for bash, written from the table of options.
# shellcheck shell=bash disable=SC2207 # what compgen says is words without spaces

_xen_stats_exporter() {
    local word=${COMP_WORDS[COMP_CWORD]} option value
    COMPREPLY=()
    # Readline may have split at the equals sign.
    if [[ $word == '=' ]]; then
        option=${COMP_WORDS[COMP_CWORD - 1]} value=
    elif [[ ${COMP_WORDS[COMP_CWORD - 1]} == '=' ]]; then
        option=${COMP_WORDS[COMP_CWORD - 2]} value=$word
    elif [[ $word == --*=* ]]; then
        option=${word%%=*} value=${word#*=}
    else
        option=${COMP_WORDS[COMP_CWORD - 1]} value=$word
    fi
    case $option in
    --source)
        COMPREPLY=($(compgen -W 'auto pages hypercalls simulated' -- "$value"))
        return
        ;;
    --record)
        COMPREPLY=($(compgen -f -- "$value"))
        return
        ;;
    --config.file)
        COMPREPLY=($(compgen -f -- "$value"))
        return
        ;;
    --log.level)
        COMPREPLY=($(compgen -W 'error warning info debug' -- "$value"))
        return
        ;;
    --log.format)
        COMPREPLY=($(compgen -W 'auto logfmt json journal' -- "$value"))
        return
        ;;
    esac
    COMPREPLY=($(compgen -W '
        --source=
        --web.listen-address=
        --web.systemd-socket --no-web.systemd-socket
        --web.telemetry-path=
        --web.max-requests=
        --web.max-connections=
        --web.max-connections-per-address=
        --web.max-header-bytes=
        --web.header-timeout=
        --web.sample-timeout=
        --web.send-timeout=
        --web.idle-timeout=
        --collector.domain --no-collector.domain
        --collector.vcpu --no-collector.vcpu
        --collector.wait --no-collector.wait
        --collector.vcpu-wait --no-collector.vcpu-wait
        --collector.pcpu --no-collector.pcpu
        --collector.host --no-collector.host
        --collector.perfcounters --no-collector.perfcounters
        --collector.process --no-collector.process
        --domain-labels=
        --created --no-created
        --once
        --record=
        --simulated.domains=
        --simulated.vcpus=
        --simulated.pcpus=
        --simulated.churn=
        --simulated.seed=
        --config.file=
        --log.level=
        --log.format=
        --version
        --help' -- "$word"))
    [[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace
}
complete -F _xen_stats_exporter xen-stats-exporter
