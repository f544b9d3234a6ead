import { AddressBar } from './address-bar.ts';

function setup(hash: string) {
  const location = { hash, pathname: '/desk/', search: '?x=1' };
  const history = {
    state: null as unknown,
    replaceState(data: unknown, _unused: string, url?: string) {
      history.state = data;
      if (url !== undefined) location.hash = '';
      if (url !== undefined) expect(url).toBe('/desk/?x=1');
    },
  };
  return { location, history, bar: new AddressBar({ location, history }) };
}

describe('AddressBar', () => {
  it('takes the code and the token out of the address, once', () => {
    const { location, bar } = setup('#c=ABCD&t=a.b.c');
    expect(bar.take()).toBe('#c=ABCD&t=a.b.c');
    expect(location.hash).toBe('');
    expect(bar.take()).toBeUndefined();
  });

  it('keeps a link for a reload until it is told to forget it, and leaves the rest alone', () => {
    const { history, bar } = setup('');
    history.state = { guard: true };
    expect(bar.kept).toBeUndefined();
    bar.keep('#c=ABCD');
    expect(bar.kept).toBe('#c=ABCD');
    bar.keep(undefined);
    expect(bar.kept).toBeUndefined();
    expect(history.state).toEqual({ guard: true });
  });
});
