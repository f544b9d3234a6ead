/** For tests of what uses this library: a media host without native code. Never built. */
export {
  FakeEngine,
  FakeInjector,
  FakeMediaHost,
  FakePeer,
  FakePipeline,
} from './fake-media-host.ts';
