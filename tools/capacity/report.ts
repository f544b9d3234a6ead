import type { Plan } from './model.ts';

interface Row {
  readonly head: string;
  readonly show: (plan: Plan) => string;
}

const number = (value: number, digits = 0): string =>
  value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
const percent = (share: number): string => `${number(share * 100, share < 0.1 ? 1 : 0)} %`;
const memory = (mb: number): string =>
  mb >= 1024 ? `${number(mb / 1024, 1)} GB` : `${number(mb)} MB`;

const shards = (count: number): string =>
  Number.isFinite(count) ? number(count) : 'no number is enough';

const NODE_LIMITS = {
  cpu: 'CPU',
  connections: 'MAX_CONNECTIONS',
  storm: 'the storm after a node died',
  spare: 'none: the second stands by',
} as const;
const REDIS_LIMITS = {
  cpu: 'CPU',
  memory: 'memory',
  reassert: 'time to assert all rooms after a loss of data',
  messages: 'messages across nodes, which masters do not divide',
  none: 'none: one server will do',
} as const;

const ROWS: readonly Row[] = [
  { head: 'connections', show: ({ connections }) => number(connections) },
  { head: 'sessions begun a second', show: ({ sessionsPerS }) => number(sessionsPerS, 1) },
  { head: 'messages relayed a second', show: ({ messagesPerS }) => number(messagesPerS) },
  { head: 'rooms across nodes', show: ({ crossShare }) => percent(crossShare) },
  { head: '**nodes** (one core each, one to spare)', show: ({ nodes }) => number(nodes.count) },
  { head: 'what asks for so many', show: ({ nodes }) => NODE_LIMITS[nodes.limit] },
  { head: 'cores in use, all nodes', show: ({ nodes }) => number(nodes.cores, 2) },
  {
    head: 'use of a node: all there, one gone',
    show: ({ nodes }) => `${percent(nodes.use)}, ${percent(nodes.useWithoutOne)}`,
  },
  {
    head: 'connections of a node, one gone',
    show: ({ nodes }) => number(nodes.connectionsWithoutOne),
  },
  { head: 'memory of a node', show: ({ nodes }) => memory(nodes.memoryMB) },
  {
    head: 'storm: connections/s of a node, CPU on top',
    show: ({ nodes }) => `${number(nodes.stormPerS)}, ${percent(nodes.stormUse)}`,
  },
  { head: 'file descriptors of a node', show: ({ nodes }) => number(nodes.fileDescriptors) },
  { head: 'Mbit/s of a node', show: ({ nodes }) => number(nodes.mbitPerS, 1) },
  { head: 'proxies at least, for ports', show: ({ nodes }) => number(nodes.proxiesForPorts) },
  { head: '**Redis** masters', show: ({ redis }) => shards(redis.shards) },
  { head: 'what asks for so many', show: ({ redis }) => REDIS_LIMITS[redis.limit] },
  { head: 'commands/s', show: ({ redis }) => number(redis.commandsPerS) },
  { head: 'of these, rooms renewed', show: ({ redis }) => number(redis.renewsPerS) },
  { head: 'of these, messages published', show: ({ redis }) => number(redis.publishesPerS) },
  { head: 'Redis CPU, of one core', show: ({ redis }) => percent(redis.use) },
  { head: 'of that, messages', show: ({ redis }) => percent(redis.publishUse) },
  { head: 'memory for rooms', show: ({ redis }) => memory(redis.memoryMB) },
  {
    head: 'all rooms asserted after a loss, one master',
    show: ({ redis }) => `${number(redis.reassertS, 1)} s`,
  },
];

/** A table in Markdown, one column for each plan. */
export function report(plans: readonly { readonly title: string; readonly plan: Plan }[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    line(['', ...plans.map(({ title }) => title)]),
    line(['---', ...plans.map(() => '---')]),
    ...ROWS.map(({ head, show }) => line([head, ...plans.map(({ plan }) => show(plan))])),
  ].join('\n');
}
