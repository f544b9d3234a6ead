import { freezes } from './figures.ts';
import type { Record } from './record.ts';

const WIDTH = 1100;
const LEFT = 64;
const RIGHT = 16;
const GAP = 34;
const HEADER = 28;

/** Of a decision, by its reason: growth green, cuts red, rests grey. Others are blue. */
const COLOURS: readonly (readonly [RegExp, string])[] = [
  [/increase|probe|ceiling|grow|settle/, '#2f855a'],
  [/queue|delay|rtt|loss|fall|cut|silent|drain/, '#c53030'],
  [/start|hold|idle|limited|floor/, '#718096'],
];

interface Panel {
  readonly title: string;
  readonly height: number;
  readonly most: number;
  /** Its top in the picture. */
  readonly top: number;
}

type Point = readonly [us: number, value: number];

/** One run over time, an SVG file that needs nothing else. */
export function plot(title: string, record: Record): string {
  return new Plot(record).draw(title);
}

class Plot {
  readonly #record: Record;
  readonly #parts: string[] = [];

  constructor(record: Record) {
    this.#record = record;
  }

  draw(title: string): string {
    const { frames, intervals } = this.#record;
    const glass = frames.flatMap(({ us, glassMs }): Point[] =>
      glassMs === null ? [] : [[us, glassMs]],
    );
    const queue = intervals.map(({ us, down }): Point => [us, Math.max(0, ...down.waitsUs) / 1000]);
    const rates = this.#rates();
    const top = roomFor([...rates.sent, ...rates.target].map(([, value]) => value));
    const most = Math.min(top, 2 * roomFor(rates.link.map(([, value]) => value)));
    const first: Panel = { title: 'Mbit/s', height: 260, most, top: HEADER + 20 };
    const second = below(first, 'wait in the queue, longest of 100 ms, ms', 120, queue);
    const third = below(second, 'glass to glass, ms', 150, glass);
    const bottom = third.top + third.height;
    this.#drawFreezes(first.top, bottom);
    for (const panel of [first, second, third]) this.#drawFrame(panel);
    this.#drawArea(first, rates.link, '#e2e8f0');
    this.#drawLine(first, rates.sent, '#2b6cb0', 1.5);
    this.#drawSteps(first, rates.target, '#dd6b20');
    this.#drawDecisions(first);
    this.#drawLine(second, queue, '#6b46c1', 1.2);
    this.#drawDrops(second);
    for (const point of glass) this.#drawDot(third, point, 1.3, '#2d3748');
    this.#drawTime(bottom);
    return this.#file(title, bottom + 64);
  }

  /** All in Mbit/s. What the link holds is also drawn where it carries nothing: as 0. */
  #rates(): { link: Point[]; sent: Point[]; target: Point[] } {
    const { ways, startUs, endUs, intervals, decisions } = this.#record;
    const link = ways.map(({ atMs, rateBps, state }): Point => {
      return [startUs + atMs * 1000, state === 'up' ? rateBps / 1e6 : 0];
    });
    const sent = intervals.map(({ us, down }): Point => [us, (down.outBytes * 8) / 1e5]);
    const before = decisions.findLast(({ us }) => us <= startUs);
    const within = decisions.filter(({ us }) => us > startUs && us <= endUs);
    const target = [...(before ? [{ ...before, us: startUs }] : []), ...within].map(
      ({ us, bitrateBps }): Point => [us, bitrateBps / 1e6],
    );
    const inside = ([us]: Point): boolean => us >= startUs && us <= endUs;
    return { link, sent: sent.filter(inside), target };
  }

  #x(us: number): number {
    const { startUs, endUs } = this.#record;
    return LEFT + ((us - startUs) / (endUs - startUs)) * (WIDTH - LEFT - RIGHT);
  }

  #inside(us: number): boolean {
    return us >= this.#record.startUs && us <= this.#record.endUs;
  }

  #drawFreezes(top: number, bottom: number): void {
    for (const { fromUs, toUs } of freezes(this.#record)) {
      const [x, width] = [this.#x(fromUs), this.#x(toUs) - this.#x(fromUs)];
      this.#rectangle(x, top, width, bottom - top, 'fill="#fed7d7"');
      this.#text(x + 2, bottom - 4, `${Math.round((toUs - fromUs) / 1000)}`, 'font-size="9"');
    }
  }

  #drawFrame({ title, height, most, top }: Panel): void {
    this.#text(LEFT, top - 5, title, 'font-weight="bold"');
    for (const share of [0, 0.25, 0.5, 0.75, 1]) {
      const y = top + height * (1 - share);
      this.#line([[LEFT, y], [WIDTH - RIGHT, y]], '#cbd5e0', 0.5); // prettier-ignore
      const label = (most * share).toFixed(most < 8 ? 1 : 0);
      this.#text(LEFT - 6, y + 4, label, 'text-anchor="end"');
    }
  }

  #drawLine(panel: Panel, points: readonly Point[], colour: string, width: number): void {
    const inside = points.filter(([us]) => this.#inside(us));
    this.#line(inside.map(([us, value]) => [this.#x(us), y(panel, value)]), colour, width); // prettier-ignore
  }

  #drawSteps(panel: Panel, points: readonly Point[], colour: string): void {
    this.#line(this.#steps(panel, points), colour, 1.5);
  }

  #drawArea(panel: Panel, points: readonly Point[], colour: string): void {
    const zero = panel.top + panel.height;
    const line = [[LEFT, zero], ...this.#steps(panel, points), [WIDTH - RIGHT, zero]];
    const text = line.map(([a = 0, b = 0]) => `${a.toFixed(1)},${b.toFixed(1)}`).join(' ');
    // behind the lines of the grid
    this.#parts.unshift(`<polygon points="${text}" fill="${colour}"/>`);
  }

  /** Each value holds until the next. */
  #steps(panel: Panel, points: readonly Point[]): [number, number][] {
    return points.flatMap(([us, value], i): [number, number][] => {
      const next = points[i + 1]?.[0] ?? this.#record.endUs;
      if (us > this.#record.endUs) return [];
      const at = y(panel, value);
      return [
        [this.#x(us), at],
        [this.#x(Math.min(next, this.#record.endUs)), at],
      ];
    });
  }

  /** A dot each, named where the reason is another than before. */
  #drawDecisions(panel: Panel): void {
    let last = '';
    let named = -Infinity;
    for (const { us, bitrateBps, reason } of this.#record.decisions) {
      if (!this.#inside(us)) continue;
      const colour = colourOf(reason);
      this.#drawDot(panel, [us, bitrateBps / 1e6], 2.4, colour);
      const x = this.#x(us);
      if (reason === last || x - named < 9) continue;
      [last, named] = [reason, x];
      const at = Math.max(panel.top + 58, y(panel, bitrateBps / 1e6) - 5);
      const turn = `font-size="9" transform="rotate(-60 ${x.toFixed(1)} ${at.toFixed(1)})"`;
      this.#text(x, at, reason, turn, colour);
    }
  }

  /** Packets that the full queue dropped, or that were lost behind it: a mark at the panel's top. */
  #drawDrops(panel: Panel): void {
    for (const { us, down } of this.#record.intervals) {
      if (!this.#inside(us)) continue;
      const x = this.#x(us);
      if (down.overflowed > 0) this.#rectangle(x - 1, panel.top, 2, 8, 'fill="#c53030"');
      if (down.lost > 0) this.#rectangle(x - 0.5, panel.top + 9, 1, 5, 'fill="#d69e2e"');
    }
  }

  #drawTime(bottom: number): void {
    const { startUs, endUs } = this.#record;
    const seconds = (endUs - startUs) / 1e6;
    const every = seconds > 40 ? 5 : seconds > 15 ? 2 : 1;
    for (let at = 0; at <= seconds; at += every) {
      this.#text(this.#x(startUs + at * 1e6), bottom + 16, `${at} s`, 'text-anchor="middle"');
    }
    const legend = [
      ['#cbd5e0', 'link'], ['#2b6cb0', 'passed'], ['#dd6b20', 'target'],
      ['#2f855a', 'grows'], ['#c53030', 'cut, or queue full'], ['#718096', 'rests'],
      ['#d69e2e', 'lost'], ['#fed7d7', 'freeze, ms'],
    ] as const; // prettier-ignore
    legend.forEach(([colour, name], i) => {
      this.#rectangle(LEFT + i * 126, bottom + 32, 10, 10, `fill="${colour}"`);
      this.#text(LEFT + 15 + i * 126, bottom + 41, name);
    });
  }

  #drawDot(panel: Panel, [us, value]: Point, radius: number, colour: string): void {
    if (!this.#inside(us)) return;
    const [cx, cy] = [this.#x(us).toFixed(1), y(panel, value).toFixed(1)];
    this.#parts.push(`<circle cx="${cx}" cy="${cy}" r="${radius}" fill="${colour}"/>`);
  }

  #line(points: readonly (readonly [number, number])[], colour: string, width: number): void {
    const text = points.map(([a, b]) => `${a.toFixed(1)},${b.toFixed(1)}`).join(' ');
    this.#parts.push(
      `<polyline points="${text}" fill="none" stroke="${colour}" stroke-width="${width}"/>`,
    );
  }

  #rectangle(x: number, top: number, width: number, height: number, attributes: string): void {
    const size = `width="${width.toFixed(1)}" height="${height.toFixed(1)}"`;
    this.#parts.push(`<rect x="${x.toFixed(1)}" y="${top.toFixed(1)}" ${size} ${attributes}/>`);
  }

  #text(x: number, at: number, content: string, attributes = '', colour = '#222'): void {
    const safe = content.replace(/&/g, '&amp;').replace(/</g, '&lt;');
    const place = `x="${x.toFixed(1)}" y="${at.toFixed(1)}"`;
    this.#parts.push(`<text ${place} fill="${colour}" ${attributes}>${safe}</text>`);
  }

  #file(title: string, height: number): string {
    this.#text(LEFT, 18, title, 'font-size="14" font-weight="bold"');
    return (
      `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" ` +
      `viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="11">\n` +
      `<rect width="${WIDTH}" height="${height}" fill="white"/>\n${this.#parts.join('\n')}\n</svg>\n`
    );
  }
}

function below(panel: Panel, title: string, height: number, points: readonly Point[]): Panel {
  const most = roomFor(points.map(([, value]) => value));
  return { title, height, most, top: panel.top + panel.height + GAP };
}

/** The next round number above all of them. */
function roomFor(values: readonly number[]): number {
  const most = Math.max(1, ...values);
  const step = 10 ** Math.floor(Math.log10(most)) / 2;
  return Math.ceil(most / step) * step;
}

/** What goes beyond the panel is drawn at its top. */
function y({ top, height, most }: Panel, value: number): number {
  return top + height * (1 - Math.min(1, value / most));
}

export function colourOf(reason: string): string {
  return COLOURS.find(([pattern]) => pattern.test(reason))?.[1] ?? '#2b6cb0';
}
