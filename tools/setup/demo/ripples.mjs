/**
 * The moving picture of the demo desktop: a pond in a terminal. Clicks and keys, which come from a
 * viewer's browser, make waves, so that one sees at a glance that picture and input both work.
 */
const FRAME_MS = 50;
const DAMPING = 0.975;
const DROP_EVERY_FRAMES = 45;
const COLOURS = [23, 23, 24, 24, 30, 31, 37, 38, 73, 80, 116, 152, 231];

/** Two samples a cell: the upper half is the foreground of ▀, the lower its background. */
class Pond {
  constructor(columns, rows) {
    this.columns = columns;
    this.rows = rows;
    this.now = new Float32Array(columns * rows);
    this.before = new Float32Array(columns * rows);
  }

  drop(x, y, force) {
    const { columns, rows } = this;
    for (let dy = -1; dy <= 1; dy++) {
      for (let dx = -1; dx <= 1; dx++) {
        const [column, row] = [x + dx, y + dy];
        if (column > 0 && row > 0 && column < columns - 1 && row < rows - 1) {
          this.now[row * columns + column] += force;
        }
      }
    }
  }

  /** One step of the discrete wave equation; the edges stay still and reflect. */
  step() {
    const { columns, rows, now, before } = this;
    for (let row = 1; row < rows - 1; row++) {
      for (let i = row * columns + 1; i < (row + 1) * columns - 1; i++) {
        const around = now[i - 1] + now[i + 1] + now[i - columns] + now[i + columns];
        before[i] = (around / 2 - before[i]) * DAMPING;
      }
    }
    this.now = before;
    this.before = now;
  }

  colour(x, y) {
    const level = Math.round(this.now[y * this.columns + x] * 1.4) + 3;
    return COLOURS[Math.max(0, Math.min(COLOURS.length - 1, level))];
  }
}

function draw(pond, footer) {
  let text = '\x1b[H';
  let [upper, lower] = [-1, -1];
  for (let y = 0; y + 1 < pond.rows; y += 2) {
    for (let x = 0; x < pond.columns; x++) {
      const [a, b] = [pond.colour(x, y), pond.colour(x, y + 1)];
      if (a !== upper) text += `\x1b[38;5;${a}m`;
      if (b !== lower) text += `\x1b[48;5;${b}m`;
      [upper, lower] = [a, b];
      text += a === b ? ' ' : '▀';
    }
    text += '\x1b[0m\r\n';
    [upper, lower] = [-1, -1];
  }
  return `${text}\x1b[2K${footer.slice(0, pond.columns - 1)}`;
}

const columns = process.stdout.columns ?? 60;
const rows = process.stdout.rows ?? 20;
const pond = new Pond(columns, (rows - 1) * 2);
let footer = ' Click, or type: waves come from your browser.';
let typed = '';

process.stdin.setRawMode?.(true);
process.stdin.on('data', (chunk) => {
  const text = chunk.toString('latin1');
  let clicked = false;
  for (const [, x, y] of text.matchAll(/\x1b\[<0;(\d+);(\d+)M/g)) {
    clicked = true;
    footer = ` Click at column ${x}, line ${y}.`;
    pond.drop(Number(x) - 1, (Number(y) - 1) * 2, 9);
  }
  if (clicked || text.startsWith('\x1b')) return;
  typed = (typed + text.replace(/[^ -~]/g, '')).slice(-columns + 12);
  footer = ` Typed: ${typed}`;
  for (let i = 0; i < text.length; i++) {
    pond.drop(1 + Math.floor(Math.random() * (columns - 2)), pond.rows - 6, 6);
  }
});

// 1000: report clicks, 1006: as text; hide the cursor.
process.stdout.write('\x1b[?1000h\x1b[?1006h\x1b[?25l\x1b[2J');
let frame = 0;
setInterval(() => {
  if (frame++ % DROP_EVERY_FRAMES === 0) {
    pond.drop(
      2 + Math.floor(Math.random() * (columns - 4)),
      2 + Math.floor(Math.random() * (pond.rows - 4)),
      5,
    );
  }
  pond.step();
  process.stdout.write(draw(pond, footer));
}, FRAME_MS);
