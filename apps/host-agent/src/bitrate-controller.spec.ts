import {
  BitrateController,
  type BitrateDecision,
  type PathFeedback,
} from './bitrate-controller.ts';

const LIMITS = { minBps: 500_000, startBps: 6_000_000, maxBps: 20_000_000 };
const VIDEO = { width: 1280, height: 720, fps: 60 };
const TICK_MS = 100;

interface Link {
  readonly capacityBps: number;
  readonly oneWayMs?: number;
  readonly bufferMs?: number;
  readonly randomLoss?: number;
  /** Share of the target that the encoder really spends. */
  readonly usage?: number;
}

/**
 * A bottleneck with a drop-tail queue, in 100 ms steps, with feedback a round trip later: enough
 * physics to tell a controller that oscillates or starves from one that does not.
 */
class Path {
  readonly controller = new BitrateController({ limits: LIMITS, video: VIDEO });
  decision: BitrateDecision = {
    bitrateBps: LIMITS.startBps,
    fps: 60,
    scale: 1,
    reason: 'start',
    wantsKeyframe: false,
  };
  queueMs = 0;
  #now = 0;
  #losses: number[] = [];
  #pending: { at: number; feedback: PathFeedback }[] = [];
  #previousQueueMs = 0;

  run(ms: number, link: Link, each?: (path: Path) => void): void {
    for (let t = 0; t < ms; t += TICK_MS) {
      this.#tick(link);
      each?.(this);
    }
  }

  #tick(link: Link): void {
    this.#now += TICK_MS;
    const sent = this.decision.bitrateBps * (link.usage ?? 0.8);
    const backlogMs = this.queueMs + (sent / link.capacityBps - 1) * TICK_MS;
    const bufferMs = link.bufferMs ?? 200;
    const overflow = Math.max(0, backlogMs - bufferMs) / TICK_MS;
    this.queueMs = Math.min(Math.max(backlogMs, 0), bufferMs);
    const loss = Math.min(1, overflow * (link.capacityBps / sent) + (link.randomLoss ?? 0));
    this.#losses.push(loss);
    if (this.#losses.length > 10) this.#losses.shift();
    const rttMs = 2 * (link.oneWayMs ?? 20) + this.queueMs;
    this.#pending.push({
      at: this.#now + rttMs,
      feedback: {
        rttMs,
        jitterMs: 2,
        lossFraction: this.#losses.reduce((a, b) => a + b, 0) / this.#losses.length,
        queueDelayMs: this.queueMs,
        delayTrendMsPerS: ((this.queueMs - this.#previousQueueMs) * 1000) / TICK_MS,
        receiveRateBps: Math.min(sent, this.queueMs > 0 ? link.capacityBps : sent),
        sendRateBps: sent,
      },
    });
    this.#previousQueueMs = this.queueMs;
    while (this.#pending[0] !== undefined && this.#pending[0].at <= this.#now) {
      const due = this.#pending.shift();
      if (due) this.decision = this.controller.update(due.feedback, this.#now);
    }
  }
}

describe('BitrateController', () => {
  it('refuses limits that contradict each other', () => {
    const limits = { minBps: 2, startBps: 1, maxBps: 3 };
    expect(() => new BitrateController({ limits, video: VIDEO })).toThrow(/min <= start <= max/);
  });

  it('grows to the ceiling on a free path and never above it', () => {
    const path = new Path();
    path.run(10_000, { capacityBps: 1e9 });
    expect(path.decision).toMatchObject({ bitrateBps: LIMITS.maxBps, reason: 'ceiling' });
  });

  it('does not raise the estimate while the desktop is idle', () => {
    const path = new Path();
    path.run(10_000, { capacityBps: 1e9, usage: 0.05 });
    expect(path.decision).toMatchObject({
      bitrateBps: LIMITS.startBps,
      reason: 'application-limited',
    });
  });

  it('takes the goodput of an idle desktop for no capacity, whatever delay a burst makes', () => {
    const controller = new BitrateController({ limits: LIMITS, video: VIDEO });
    const idle = { rttMs: 40, jitterMs: 5, lossFraction: 0, delayTrendMsPerS: 50 };
    const rates = { receiveRateBps: 300_000, sendRateBps: 300_000 };
    const short = controller.update({ ...idle, ...rates, queueDelayMs: 40 }, 1000);
    expect(short.bitrateBps).toBe(LIMITS.startBps);
    const deep = controller.update({ ...idle, ...rates, queueDelayMs: 200 }, 2000);
    expect(deep.reason).toBe('queue-delay');
    expect(deep.bitrateBps).toBeGreaterThan(0.6 * LIMITS.startBps);
  });

  it('empties the queue within a second of a drop from 8 to 2 Mbit/s', () => {
    const path = new Path();
    path.run(20_000, { capacityBps: 8e6 });
    path.run(1_000, { capacityBps: 2e6 });
    path.run(1_000, { capacityBps: 2e6 });
    expect(path.queueMs).toBeLessThan(50);
    expect(path.decision.bitrateBps).toBeGreaterThan(1e6);
  });

  it('wants a keyframe once a queue that overflowed is empty again, and only then', () => {
    const path = new Path();
    path.run(20_000, { capacityBps: 8e6 });
    const wanted: number[] = [];
    const watch = (p: Path): void => {
      if (p.decision.wantsKeyframe) wanted.push(p.queueMs);
    };
    path.run(2_000, { capacityBps: 2e6 }, watch);
    expect(wanted.length).toBeGreaterThan(0);
    expect(Math.max(...wanted)).toBeLessThan(20);
    wanted.length = 0;
    path.run(20_000, { capacityBps: 2e6, bufferMs: 1000 }, watch);
    expect(wanted).toEqual([]);
  });

  it('takes at least 85 % of the path within 3 s of its rise from 2 to 8 Mbit/s', () => {
    const path = new Path();
    path.run(5_000, { capacityBps: 8e6 });
    path.run(15_000, { capacityBps: 2e6 });
    path.run(3_000, { capacityBps: 8e6 });
    expect(path.decision.bitrateBps).toBeGreaterThan(0.85 * 8e6);
  });

  it.each([0.4, 0.5, 0.8])('uses the path whatever share of the target is sent: %s', (usage) => {
    const path = new Path();
    path.run(15_000, { capacityBps: 2e6, usage });
    const queues: number[] = [];
    path.run(10_000, { capacityBps: 2e6, usage }, (p) => queues.push(p.queueMs));
    expect(path.decision.bitrateBps * usage).toBeGreaterThan(0.75 * 2e6);
    queues.sort((a, b) => a - b);
    expect(queues[Math.floor(queues.length / 2)]).toBeLessThan(20);
    path.run(4_000, { capacityBps: 8e6, usage });
    expect(path.decision.bitrateBps * usage).toBeGreaterThan(0.75 * 8e6);
  });

  it('keeps the standing queue of a steady 8 Mbit/s path small', () => {
    const path = new Path();
    path.run(10_000, { capacityBps: 8e6 });
    const queues: number[] = [];
    path.run(20_000, { capacityBps: 8e6 }, (p) => queues.push(p.queueMs));
    queues.sort((a, b) => a - b);
    expect(queues[Math.floor(queues.length / 2)]).toBeLessThan(20);
    expect(queues.at(-1)).toBeLessThan(120);
  });

  it('is not moved by 1 % random loss', () => {
    const path = new Path();
    path.run(10_000, { capacityBps: 1e9, randomLoss: 0.01 });
    expect(path.decision.bitrateBps).toBe(LIMITS.maxBps);
  });

  it('falls by at least 30 % at 10 % loss, stops at about half when loss stays, and comes back', () => {
    const path = new Path();
    path.run(10_000, { capacityBps: 1e9 });
    const before = path.decision.bitrateBps;
    path.run(5_000, { capacityBps: 1e9, randomLoss: 0.1 });
    expect(path.decision.bitrateBps).toBeLessThan(0.7 * before);
    path.run(60_000, { capacityBps: 1e9, randomLoss: 0.1 });
    expect(path.decision.bitrateBps).toBeGreaterThan(0.35 * before);
    path.run(5_000, { capacityBps: 1e9 });
    expect(path.decision.bitrateBps).toBeGreaterThan(0.9 * before);
  });

  it('holds the floor as a hard one', () => {
    const path = new Path();
    path.run(60_000, { capacityBps: 100_000 });
    expect(path.decision.bitrateBps).toBe(LIMITS.minBps);
  });

  it('goes by round-trip time where no one-way delay is known', () => {
    const controller = new BitrateController({ limits: LIMITS, video: VIDEO });
    const feedback: PathFeedback = {
      rttMs: 40,
      jitterMs: null,
      lossFraction: null,
      queueDelayMs: null,
      delayTrendMsPerS: null,
      receiveRateBps: null,
      sendRateBps: 5e6,
    };
    controller.update(feedback, 0);
    expect(controller.update({ ...feedback, rttMs: 150 }, 1_000).reason).toBe('rtt');
    expect(controller.bitrateBps).toBeLessThan(LIMITS.startBps * 1.5);
  });

  it('lowers fps before scale, and takes both back', () => {
    const path = new Path();
    path.run(8_000, { capacityBps: 900_000 });
    const fpsSeen: number[] = [];
    path.run(4_000, { capacityBps: 700_000 }, (p) => fpsSeen.push(p.decision.fps));
    expect(path.decision.fps).toBeLessThan(60);
    path.run(30_000, { capacityBps: 1e9 });
    expect(path.decision).toMatchObject({ fps: 60, scale: 1 });
    expect(fpsSeen.length).toBeGreaterThan(0);
  });
});
