import { LossDetector } from './loss-detector.ts';

/** Totals as reports bring them, 100 packets each 66 ms. */
class Path {
  readonly detector = new LossDetector();
  now = 0;
  #received = 0;
  #lost = 0;

  run(ms: number, share: number): Set<string> {
    const verdicts = new Set<string>();
    for (const end = this.now + ms; this.now < end;) {
      this.now += 66;
      this.#lost += 100 * share;
      this.#received += 100 * (1 - share);
      this.detector.take({ received: this.#received, lost: this.#lost }, this.now);
      verdicts.add(this.detector.verdict(this.now));
    }
    return verdicts;
  }
}

it('leaves a little loss to repair', () => {
  expect(new Path().run(10_000, 0.04)).toEqual(new Set(['none']));
});

it('tries a lower rate once for loss that stays, and then calls the rate innocent', () => {
  const path = new Path();
  expect(path.run(1500, 0.1)).toContain('slower');
  expect(path.run(2000, 0.1)).toContain('innocent');
  expect(path.detector.innocentShare(path.now)).toBeCloseTo(0.1);
  expect(path.run(5000, 0.1)).toEqual(new Set(['none']));
});

it('goes slower again where that helped, until what is left stays; and when it has doubled', () => {
  const policed = new Path();
  policed.run(1500, 0.2);
  expect(policed.run(3000, 0.08)).toContain('slower');
  expect(policed.detector.innocentShare(policed.now)).toBeCloseTo(0.08);
  const worse = new Path();
  worse.run(4000, 0.06);
  expect(worse.run(3000, 0.3)).toContain('slower');
});

it('judges nothing by what was forgiven', () => {
  const path = new Path();
  path.run(900, 0.5);
  path.detector.forgive();
  expect(path.run(5000, 0)).toEqual(new Set(['none']));
});
