import { parse } from 'yaml';
import { run, until } from './shell.mjs';

/** What docker-compose.yml describes, running in an engine under a project name of its own. */
export class Stack {
  #engine;
  #files;
  #project;
  #env;
  #root;
  #compose;
  #log;

  /**
   * @param {object} options
   * @param {import('./engine.mjs').Engine} options.engine
   * @param {string} options.root the repository
   * @param {string[]} options.files compose files
   * @param {string} options.envFile
   * @param {string} options.project
   * @param {string[]} options.compose the compose command, such as ['docker', 'compose']
   * @param {(text: string) => void} options.log
   */
  constructor({ engine, root, files, envFile, project, compose, log }) {
    this.#engine = engine;
    this.#files = [...files.flatMap((file) => ['-f', file]), '--env-file', envFile];
    this.#project = project;
    this.#env = { ...engine.env, COMPOSE_PROJECT_NAME: project };
    this.#root = root;
    this.#compose = compose;
    this.#log = log;
  }

  compose(args) {
    const [command, ...first] = this.#compose;
    return run(command, [...first, ...this.#files, '-p', this.#project, ...args], {
      ...{ env: this.#env, cwd: this.#root, log: this.#log, deadlineMs: 1_200_000 },
    });
  }

  /** The composition with all variables filled in. */
  async config() {
    return parse(await this.compose(['config']));
  }

  /** Runs a command in the container of a service. */
  async exec(service, args, options = {}) {
    return this.#engine.docker(['exec', await this.id(service), ...args], options);
  }

  /** The container of a service, running or not. */
  async id(service) {
    const filters = [
      ...['--filter', `label=com.docker.compose.project=${this.#project}`],
      ...['--filter', `label=com.docker.compose.service=${service}`],
    ];
    const id = (await this.#engine.docker(['ps', '-aq', ...filters])).trim().split('\n')[0];
    if (id === '') throw new Error(`there is no container of ${service}`);
    return id;
  }

  async inspect(service) {
    return JSON.parse(await this.#engine.docker(['inspect', await this.id(service)]))[0];
  }

  /** Lines of standard output and error, oldest first. */
  async logs(service) {
    const id = await this.id(service);
    const text = await run('sh', ['-c', `docker logs ${id} 2>&1`], { env: this.#env });
    return text.split('\n').filter((line) => line !== '');
  }

  /** `docker kill`, `stop` or `start` of one service's container, as ['kill'] or ['kill', '-s', …]. */
  async docker(verb, service) {
    await this.#engine.docker([...verb, await this.id(service)]);
  }

  /** Milliseconds until every one of `services` was healthy. */
  async healthy(services, deadlineMs = 120_000) {
    const began = performance.now();
    for (const service of services) {
      await until(
        `${service} is healthy`,
        async () => (await this.inspect(service)).State.Health?.Status === 'healthy',
        deadlineMs,
      );
    }
    return performance.now() - began;
  }

  /** Ends and removes containers, networks and volumes. */
  down() {
    return this.compose(['down', '-v', '--remove-orphans', '-t', '5']);
  }
}
