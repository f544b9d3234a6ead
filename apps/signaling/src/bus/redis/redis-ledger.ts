import { createHash } from 'node:crypto';
import type { Charge, Ledger } from '../../limits/ledger.ts';
import type { Rate } from '../../limits/limiter.ts';
import type { Link } from './link.ts';

export interface RedisLedgerOptions {
  readonly link: Link;
  /** First part of every key. */
  readonly prefix: string;
}

/** Nobody waits for longer: neither for a debt nor since the server's clock jumped. */
const MAX_DEBT_MS = 60_000;

/**
 * The theoretical arrival time of a key (GCRA), in milliseconds by the server's clock, is all
 * that is kept of it, and for one period after it is reached: nodes that settle less often than
 * that are below a batch a period each. The value and its end are set by one command, so that
 * nothing can stay for ever.
 * ARGV, milliseconds: what the messages take, how far ahead they alone would be, most that a key
 * may be ahead, how long it is kept.
 */
const SETTLE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local cost, alone, most, keep = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local before = redis.call('GET', KEYS[1])
local ahead = alone
if before then ahead = math.max(ahead, math.min(tonumber(before) - now, most) + cost) end
ahead = math.min(ahead, most)
local ends = string.format('%.0f', math.max(1, math.ceil(ahead + keep)))
redis.call('SET', KEYS[1], string.format('%.3f', now + ahead), 'PX', ends)
return string.format('%.3f', ahead)
`;
const SHA = createHash('sha1').update(SETTLE).digest('hex');

/** The ledger of limits in Redis: one key and one call of a script for each charge. */
export class RedisLedger implements Ledger {
  readonly #link: Link;
  readonly #prefix: string;

  constructor({ link, prefix }: RedisLedgerOptions) {
    this.#link = link;
    this.#prefix = prefix;
  }

  async settle(
    scope: string,
    rate: Rate,
    charges: readonly Charge[],
  ): Promise<readonly (number | undefined)[]> {
    const { limit, periodMs } = rate;
    const calls = charges.map(({ key, count, ahead }) => {
      const costs = [(count * periodMs) / limit, ahead, periodMs + MAX_DEBT_MS, periodMs];
      return [1, this.#key(scope, key), ...costs];
    });
    try {
      const answers = await this.#link.commands(
        'limit',
        'evalsha',
        calls.map((call) => [SHA, ...call]),
      );
      // A server that has just started does not know the script yet.
      const unknown = [...answers.keys()].filter((index) => isNoScript(answers[index]));
      if (unknown.length > 0) {
        const texts = unknown.map((index) => [SETTLE, ...(calls[index] ?? [])]);
        const again = await this.#link.commands('limit', 'eval', texts);
        for (const [place, index] of unknown.entries()) answers[index] = again[place];
      }
      return answers.map(milliseconds);
    } catch {
      return charges.map(() => undefined);
    }
  }

  /** Who reads Redis sees no address and no room; the braces keep it on one shard of a Cluster. */
  #key(scope: string, key: string): string {
    const hash = createHash('sha256').update(`${this.#prefix}\n${scope}\n${key}`);
    return `${this.#prefix}:{${scope}-${hash.digest('base64url').slice(0, 22)}}:limit`;
  }
}

function isNoScript(answer: unknown): boolean {
  return answer instanceof Error && answer.message.startsWith('NOSCRIPT');
}

function milliseconds(answer: unknown): number | undefined {
  if (typeof answer !== 'string') return undefined;
  const value = Number(answer);
  return Number.isFinite(value) ? value : undefined;
}
