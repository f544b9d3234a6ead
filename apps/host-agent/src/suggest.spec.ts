import { didYouMean, nearest } from './suggest.ts';

describe('nearest', () => {
  it('finds a slip of the keyboard, whatever the case', () => {
    expect(nearest('bitratemin', ['bitrateMax', 'bitrateMin', 'fps'])).toBe('bitrateMin');
    expect(nearest('--dispaly', ['--display', '--doctor', '--help'])).toBe('--display');
  });

  it('says nothing when nothing is near', () => {
    expect(nearest('zzzzzz', ['fps', 'bitrateMin'])).toBeUndefined();
    expect(nearest('fps', [])).toBeUndefined();
    expect(didYouMean('qqqqqqqq', ['fps'])).toBe('');
    expect(didYouMean('fpss', ['fps'])).toBe(' Did you mean "fps"?');
  });
});
