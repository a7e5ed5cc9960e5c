import type { OutcomeCounts } from 'latchkey/server'

/** What Prometheus reads: https://prometheus.io/docs/instrumenting/exposition_formats/ */
export function toPrometheus({ accepted, refused }: OutcomeCounts): string {
  return [
    '# HELP latchkey_accepted_total Requests that were accepted, by source.',
    '# TYPE latchkey_accepted_total counter',
    ...Object.entries(accepted).map(([source, count]) => `latchkey_accepted_total{source="${source}"} ${count}`),
    '# HELP latchkey_refused_total Requests that were refused, by reason.',
    '# TYPE latchkey_refused_total counter',
    ...Object.entries(refused).map(([reason, count]) => `latchkey_refused_total{reason="${reason}"} ${count}`),
    '',
  ].join('\n')
}
