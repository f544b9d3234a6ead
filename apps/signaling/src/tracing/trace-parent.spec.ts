import { formatTraceParent, parseTraceParent } from './trace-parent.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

test('a traceparent is read and written as W3C Trace Context has it', () => {
  const text = `00-${TRACE}-${SPAN}-01`;
  const parent = { traceId: TRACE, spanId: SPAN, sampled: true };
  expect(parseTraceParent(text)).toEqual(parent);
  expect(formatTraceParent(parent)).toBe(text);
  expect(parseTraceParent(`00-${TRACE}-${SPAN}-02`)).toMatchObject({ sampled: false });
  // A later version may say more.
  expect(parseTraceParent(`01-${TRACE}-${SPAN}-01-more`)).toEqual(parent);
});

test.each([
  undefined,
  '',
  'x',
  `00-${TRACE}-${SPAN}-01-more`,
  `ff-${TRACE}-${SPAN}-01`,
  `00-${'0'.repeat(32)}-${SPAN}-01`,
  `00-${TRACE}-${'0'.repeat(16)}-01`,
  `00-${TRACE.toUpperCase()}-${SPAN}-01`,
  `00-${TRACE}-${SPAN}`,
  `00-${TRACE}-${SPAN}-01\n`,
  `01-${TRACE}-${SPAN}-01-${'x'.repeat(300)}`,
])('%j is none', (text) => {
  expect(parseTraceParent(text)).toBeUndefined();
});
