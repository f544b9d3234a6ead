import { CursorStyles } from './cursor.ts';

const shape = {
  type: 'cursor',
  serial: 1,
  hotX: 3,
  hotY: 4,
  width: 24,
  height: 24,
  png: 'iVBORw==',
} as const;

describe('CursorStyles', () => {
  it('draws the shape with its hot spot', () => {
    expect(new CursorStyles().style(shape)).toBe(
      'url("data:image/png;base64,iVBORw==") 3 4, default',
    );
  });
  it('remembers a shape by its serial', () => {
    const cursors = new CursorStyles();
    const first = cursors.style(shape);
    cursors.style({ ...shape, serial: 2, png: 'AAAA' });
    expect(cursors.style({ ...shape, png: '' })).toBe(first);
    expect(cursors.style({ ...shape, serial: 9, png: '' })).toBe('default');
  });
  it('hides', () => {
    expect(new CursorStyles().style({ ...shape, hidden: true })).toBe('none');
  });
  it('lets nothing but base64 into the style sheet', () => {
    const style = new CursorStyles().style({ ...shape, png: 'A"),url(https://example.org/x' });
    expect(style).toBe('default');
  });
  it('does not ask the browser for a cursor that it refuses', () => {
    expect(new CursorStyles().style({ ...shape, width: 400, height: 400 })).toBe('default');
    expect(new CursorStyles().style({ ...shape, hotX: 99 })).toContain(' 23 4,');
  });
});
