import { parseArgs } from 'node:util';
import { verify } from './verification.mjs';

const HELP = `Runs docker-compose.yml for real, and shows that it does what docs/operations.md says.

npm run verify:deploy -- [options]

  --cache FOLDER  where an engine of its own keeps its images (/var/tmp/peerdeck-verify)
  --verbose       everything that docker and compose print
  --help          this text

It needs Docker, or root on Debian: then it installs and starts an engine of its own, and where no
registry answers it makes stand-ins for the images from Debian packages. It removes what it made,
but for the cache. The last line is 'N passed, N failed, N skipped'.
`;

const { values } = parseArgs({
  options: {
    cache: { type: 'string', default: '/var/tmp/peerdeck-verify' },
    verbose: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(HELP);
} else {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop.abort());
  process.exitCode = await verify({
    cache: values.cache,
    verbose: values.verbose,
    signal: stop.signal,
    write: (line) => process.stdout.write(`${line}\n`),
  });
}
