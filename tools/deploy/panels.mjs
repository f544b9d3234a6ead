// Over 400 lines: a table, one entry for each panel of the dashboard.
/*
 * The panels of the dashboard of the signaling service, row by row. `width` is of 24 columns.
 */

const OURS = 'job="signaling", instance=~"$instance"';
const RATE = '[$__rate_interval]';
const FAILED = 'result=~"unavailable|error"';

const sumRate = (metric, by, matchers = '') =>
  `sum by (${by}) (rate(${metric}{${OURS}${matchers === '' ? '' : `, ${matchers}`}}${RATE}))`;
const quantile = (q, metric, by = '') =>
  `histogram_quantile(${q}, sum by (${by}le) (rate(${metric}_bucket{${OURS}}${RATE})))`;
/** Colours from `steps`, a list of [value, colour]; what is below the first is `base`. */
const thresholds = (base, ...steps) => [
  { color: base, value: null },
  ...steps.map(([value, color]) => ({ color, value })),
];
const lowIsGood = (warning, critical) =>
  thresholds('green', [warning, 'orange'], [critical, 'red']);
const highIsGood = (critical, warning) =>
  thresholds('red', [critical, 'orange'], [warning, 'green']);

const stat = (title, description, unit, expr, steps, more = {}) => ({
  type: 'stat',
  width: 4,
  title,
  description,
  unit,
  thresholds: steps,
  queries: [[expr, '']],
  ...more,
});
const graph = (title, description, unit, queries, more = {}) => ({
  type: 'timeseries',
  width: 8,
  title,
  description,
  unit,
  queries,
  ...more,
});

export const ROWS = [
  {
    title: 'Service levels',
    panels: [
      stat(
        'Joins not failed by the service',
        'Share of joins that ended without unavailable, error or a node without a place, in the range shown. The level is 99.9 % over 30 days.',
        'percentunit',
        `1 - (sum(increase(signaling_joins_total{${OURS}, ${FAILED}}[$__range])) + sum(increase(signaling_connections_rejected_total{${OURS}, reason="overloaded"}[$__range]))) / (sum(increase(signaling_joins_total{${OURS}}[$__range])) + sum(increase(signaling_connections_rejected_total{${OURS}, reason="overloaded"}[$__range])))`,
        highIsGood(0.99, 0.999),
        { decimals: 3 },
      ),
      stat(
        'Messages relayed within 5 ms',
        'Share of messages that were written to every receiver within 5 ms of being read, in the range shown. The level is 99.9 % over 30 days.',
        'percentunit',
        `sum(increase(signaling_relay_seconds_bucket{${OURS}, le="0.005"}[$__range])) / sum(increase(signaling_relay_seconds_count{${OURS}}[$__range]))`,
        highIsGood(0.99, 0.999),
        { decimals: 3 },
      ),
      stat(
        'Nodes ready',
        'Nodes that take new clients, of those that are scraped.',
        'none',
        `sum(signaling_ready{${OURS}})`,
        thresholds('red', [1, 'green']),
      ),
      stat(
        'Nodes not answering',
        'Nodes that Prometheus cannot scrape.',
        'none',
        `count(up{${OURS}} == 0) or vector(0)`,
        lowIsGood(1, 2),
      ),
      stat(
        'Join p99',
        'Joins that succeeded, token and Redis included: 99 of 100 took less.',
        's',
        quantile(0.99, 'signaling_join_seconds'),
        lowIsGood(0.25, 1),
      ),
      stat(
        'Relay p99',
        'From a message being read to its being written: 99 of 100 took less.',
        's',
        quantile(0.99, 'signaling_relay_seconds'),
        lowIsGood(0.005, 0.05),
      ),
      graph(
        'Error budget burn, joins',
        'How many times faster than allowed the 0.1 % of failed joins is used up. Alerts: 14.4 over an hour, 6 over six hours, 3 over a day.',
        'none',
        [
          ['signaling:join_errors:ratio_rate5m{job="signaling"} / 0.001', '5 min'],
          ['signaling:join_errors:ratio_rate1h{job="signaling"} / 0.001', '1 h'],
          ['signaling:join_errors:ratio_rate6h{job="signaling"} / 0.001', '6 h'],
          ['signaling:join_errors:ratio_rate1d{job="signaling"} / 0.001', '1 d'],
        ],
        { thresholds: lowIsGood(1, 14.4), lines: true },
      ),
      graph(
        'Error budget burn, relays',
        'How many times faster than allowed the 0.1 % of slow messages is used up.',
        'none',
        [
          ['signaling:slow_relays:ratio_rate5m{job="signaling"} / 0.001', '5 min'],
          ['signaling:slow_relays:ratio_rate1h{job="signaling"} / 0.001', '1 h'],
          ['signaling:slow_relays:ratio_rate6h{job="signaling"} / 0.001', '6 h'],
          ['signaling:slow_relays:ratio_rate1d{job="signaling"} / 0.001', '1 d'],
        ],
        { thresholds: lowIsGood(1, 14.4), lines: true },
      ),
      graph(
        'Join time',
        'Joins that succeeded, by share that took less.',
        's',
        [
          [quantile(0.5, 'signaling_join_seconds'), 'p50'],
          [quantile(0.95, 'signaling_join_seconds'), 'p95'],
          [quantile(0.99, 'signaling_join_seconds'), 'p99'],
        ],
        { thresholds: lowIsGood(0.25, 1), lines: true },
      ),
    ],
  },
  {
    title: 'Traffic',
    panels: [
      graph(
        'Connections',
        'Open WebSockets of each node, and the most that one may hold.',
        'none',
        [
          [`sum by (instance) (signaling_connections{${OURS}})`, '{{instance}}'],
          [`min(signaling_connections_max{${OURS}})`, 'most'],
        ],
      ),
      graph('New and ended connections', 'Let in at the door, and ended, a second.', 'cps', [
        [sumRate('signaling_connections_accepted_total', 'protocol'), 'new, {{protocol}}'],
        [sumRate('signaling_closes_total', 'by'), 'ended by {{by}}'],
      ]),
      graph(
        'Connections without a room',
        'Open and not joined yet; many of them are slow joins, or somebody who holds sockets.',
        'none',
        [
          [`signaling_connections_pending{${OURS}}`, '{{instance}}'],
          [`min(signaling_connections_pending_max{${OURS}})`, 'most'],
        ],
      ),
      graph(
        'Messages relayed',
        'By type; an offer, an answer and some candidates are one session.',
        'ops',
        [[sumRate('signaling_messages_relayed_total', 'type'), '{{type}}']],
      ),
      graph(
        'Messages by path',
        'local: both members on one node, which costs Redis nothing.',
        'ops',
        [[sumRate('signaling_messages_relayed_total', 'path'), '{{path}}']],
      ),
      graph(
        'Relay time',
        'From a message being read to its being written, by share that took less.',
        's',
        [
          [quantile(0.5, 'signaling_relay_seconds'), 'p50'],
          [quantile(0.99, 'signaling_relay_seconds'), 'p99'],
          [quantile(0.999, 'signaling_relay_seconds'), 'p99.9'],
        ],
        { thresholds: lowIsGood(0.005, 0.05), lines: true },
      ),
    ],
  },
  {
    title: 'Rooms and members',
    panels: [
      graph(
        'Rooms',
        'With members on these nodes; a room across two nodes counts on both.',
        'none',
        [[`sum by (kind) (signaling_rooms{${OURS}})`, '{{kind}}']],
      ),
      graph(
        'Members',
        'detached: the connection is lost, and the place is kept for DETACH_MS.',
        'none',
        [[`sum by (state) (signaling_members{${OURS}})`, '{{state}}']],
      ),
      graph(
        'Joins by result',
        'resumed: came back to its place. unavailable and error are faults of the service.',
        'ops',
        [[sumRate('signaling_joins_total', 'result'), '{{result}}']],
      ),
      graph(
        'Resumes',
        'Members that came back with their token: ok, or gone if the place was not there any more.',
        'ops',
        [[sumRate('signaling_resumes_total', 'result'), '{{result}}']],
      ),
      graph(
        'Ended connections by code',
        'Close codes; docs/protocol.md says what each means.',
        'cps',
        [[sumRate('signaling_closes_total', 'code, by'), '{{code}} by {{by}}']],
      ),
      graph(
        'Lost and slow connections',
        'Cut after silence, or closed since they did not take what was sent.',
        'cps',
        [
          [sumRate('signaling_heartbeats_lost_total', 'protocol'), 'silent, {{protocol}}'],
          [sumRate('signaling_slow_consumers_total', 'protocol, at'), 'slow, {{protocol}}, {{at}}'],
        ],
      ),
    ],
  },
  {
    title: 'Refusals and limits',
    panels: [
      graph('Connections refused at the door', 'overloaded: the node is full.', 'cps', [
        [sumRate('signaling_connections_rejected_total', 'reason'), '{{reason}}'],
      ]),
      graph('Refused by a rate limit', 'By what the limit counts.', 'ops', [
        [sumRate('signaling_rate_limited_total', 'scope'), '{{scope}}'],
      ]),
      graph('Messages refused', 'Not handled, by error code of docs/protocol.md.', 'ops', [
        [sumRate('signaling_messages_refused_total', 'code'), '{{code}}'],
      ]),
      graph('Tokens accepted', 'Checked and good, by protocol.', 'ops', [
        [sumRate('signaling_auth_total', 'protocol', 'result="ok"'), '{{protocol}}'],
      ]),
      graph(
        'Tokens refused',
        'By the rule that they broke; nothing where ENABLE_AUTH is off.',
        'ops',
        [[sumRate('signaling_auth_total', 'result', 'result!="ok"'), '{{result}}']],
      ),
      graph(
        'Bytes not taken',
        'What receivers have not taken yet: all together, and the slowest. At BACKPRESSURE_CLOSE_THRESHOLD_BYTES one is closed. Unfinished: what clients have begun to send.',
        'bytes',
        [
          [`max by (of) (signaling_unsent_bytes{${OURS}})`, '{{of}}'],
          [`max(signaling_unfinished_bytes{${OURS}})`, 'unfinished'],
        ],
      ),
    ],
  },
  {
    title: 'Limits across nodes, relays and traces',
    panels: [
      graph(
        'Leases of limits',
        'Batches that nodes take from a limit they share: within, over, or failed (Redis did not answer, and the node counts for itself).',
        'ops',
        [[sumRate('signaling_limit_leases_total', 'scope, result'), '{{scope}} {{result}}']],
        { width: 6 },
      ),
      graph(
        'Keys of limits',
        'Addresses and rooms that a node counts for now.',
        'none',
        [[`sum by (scope) (signaling_limit_keys{${OURS}})`, '{{scope}}']],
        { width: 6 },
      ),
      graph(
        'TURN credentials',
        'Given to newcomers, renewed, and not given: limited, or no host in the room.',
        'ops',
        [[sumRate('signaling_turn_credentials_total', 'result'), '{{result}}']],
        { width: 6 },
      ),
      graph(
        'Spans of traces',
        'exported, failed (the collector did not take them) and dropped (too many).',
        'ops',
        [[sumRate('signaling_spans_total', 'result'), '{{result}}']],
        { width: 6 },
      ),
    ],
  },
  {
    title: 'Redis',
    panels: [
      stat(
        'Breakers not closed',
        'Nodes that Redis does not answer. They go on with the rooms that they have alone.',
        'none',
        `count(signaling_redis_breaker{${OURS}, state="closed"} == 0) or vector(0)`,
        lowIsGood(1, 2),
        { width: 12 },
      ),
      stat(
        'Nodes with lease and channel',
        'Nodes that have their place in Redis.',
        'none',
        `sum(signaling_redis_ready{${OURS}})`,
        thresholds('red', [1, 'green']),
        { width: 12 },
      ),
      graph(
        'Time of commands, p99',
        'From a command being sent to its answer, by purpose.',
        's',
        [[quantile(0.99, 'signaling_redis_seconds', 'command, '), '{{command}}']],
        { thresholds: lowIsGood(0.02, 0.1), lines: true },
      ),
      graph(
        'Time through a channel',
        'From a node speaking to itself through Redis to its hearing that: the way of a message to another node.',
        's',
        [
          [quantile(0.5, 'signaling_redis_channel_seconds'), 'p50'],
          [quantile(0.99, 'signaling_redis_channel_seconds'), 'p99'],
        ],
        { thresholds: lowIsGood(0.02, 0.1), lines: true },
      ),
      graph('Commands', 'Sent to Redis a second, by purpose.', 'ops', [
        [sumRate('signaling_redis_commands_total', 'command'), '{{command}}'],
      ]),
      graph(
        'Failures and dropped frames',
        'Commands without an answer, and frames that Redis did not take.',
        'ops',
        [
          [sumRate('signaling_redis_failures_total', 'command'), 'failed: {{command}}'],
          [sumRate('signaling_redis_dropped_frames_total', 'job'), 'dropped frames'],
        ],
      ),
      graph(
        'Events',
        'reaped: places of dead nodes freed; lease-lost and reasserted: Redis lost data, or a node stood still.',
        'none',
        [[`sum by (event) (increase(signaling_redis_events_total{${OURS}}${RATE}))`, '{{event}}']],
      ),
    ],
  },
  {
    title: 'Processes',
    panels: [
      graph(
        'CPU',
        'Of one core, which is all that a node can use for messages.',
        'percentunit',
        [[`rate(process_cpu_seconds_total{${OURS}}${RATE})`, '{{instance}}']],
        { thresholds: lowIsGood(0.7, 0.85), lines: true },
      ),
      graph('Memory', 'Resident, and the heap in use.', 'bytes', [
        [`process_resident_memory_bytes{${OURS}}`, '{{instance}} resident'],
        [`nodejs_heap_size_used_bytes{${OURS}}`, '{{instance}} heap'],
      ]),
      graph(
        'Event loop lag, p99',
        'How late timers are. Its floor is about 10 ms, which is how often it is looked at.',
        's',
        [[`nodejs_eventloop_lag_p99_seconds{${OURS}}`, '{{instance}}']],
        { thresholds: lowIsGood(0.05, 0.1), lines: true },
      ),
      graph('Garbage collection', 'Share of time that it takes, by kind.', 'percentunit', [
        [sumRate('nodejs_gc_duration_seconds_sum', 'instance, kind'), '{{instance}} {{kind}}'],
      ]),
      graph('Open files', 'Sockets included, and the most allowed.', 'none', [
        [`process_open_fds{${OURS}}`, '{{instance}}'],
        [`min(process_max_fds{${OURS}})`, 'most'],
      ]),
      {
        type: 'table',
        width: 8,
        title: 'What runs',
        description: 'Version and node id of each instance; logs name the node by that id.',
        unit: 'none',
        queries: [[`signaling_build_info{${OURS}}`, '']],
      },
    ],
  },
  {
    title: 'HAProxy',
    panels: [
      graph('Sessions', 'Open at each frontend of the proxy.', 'none', [
        ['sum by (proxy) (haproxy_frontend_current_sessions{job="haproxy"})', '{{proxy}}'],
      ]),
      graph('Healthy servers', 'In each backend; clients of one without any get 503.', 'none', [
        ['haproxy_backend_active_servers{job="haproxy"}', '{{proxy}}'],
      ]),
      graph('Answers by class', '1xx are WebSockets that were opened.', 'reqps', [
        [
          `sum by (proxy, code) (rate(haproxy_frontend_http_responses_total{job="haproxy"}${RATE}))`,
          '{{proxy}} {{code}}',
        ],
      ]),
      graph(
        'Errors towards servers',
        'Connections that failed, and answers that were no answers.',
        'ops',
        [
          [
            `sum by (proxy) (rate(haproxy_backend_connection_errors_total{job="haproxy"}${RATE}))`,
            '{{proxy}} connecting',
          ],
          [
            `sum by (proxy) (rate(haproxy_backend_response_errors_total{job="haproxy"}${RATE}))`,
            '{{proxy}} answering',
          ],
        ],
      ),
      graph('Bytes', 'In and out of the frontends.', 'Bps', [
        [`sum(rate(haproxy_frontend_bytes_in_total{job="haproxy"}${RATE}))`, 'in'],
        [`sum(rate(haproxy_frontend_bytes_out_total{job="haproxy"}${RATE}))`, 'out'],
      ]),
      graph('Sessions by server', 'How evenly the nodes are used.', 'none', [
        [
          'sum by (proxy, server) (haproxy_server_current_sessions{job="haproxy"})',
          '{{proxy}} {{server}}',
        ],
      ]),
    ],
  },
];
