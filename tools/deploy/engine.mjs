import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { run, until } from './shell.mjs';

const PACKAGES = ['docker.io', 'docker-compose', 'debootstrap'];
/** Addresses of the engine's networks; unlikely ones, since no firewall rule keeps them apart. */
const BRIDGE = '10.214.1.1/24';
const POOL = 'base=10.214.16.0/20,size=24';

/**
 * The Docker engine of this machine where one runs, else one of our own: from Debian's packages,
 * with its data in `folder`, without touching iptables or forwarding (ports are published by
 * docker-proxy, containers talk over bridges, builds use the host's network).
 */
export class Engine {
  /** Environment for docker and docker-compose. */
  env;
  /** Whether it is ours, hence whether stand-in images may be made in it. */
  own;
  #process;
  #bridges;

  /** `bridges`: interfaces that were there before. */
  constructor({ env, own, child, bridges = [] }) {
    this.env = env;
    this.own = own;
    this.#process = child;
    this.#bridges = new Set(bridges);
  }

  static async open({ folder, log }) {
    const env = { ...process.env, PATH: `/usr/bin:/usr/sbin:/bin:/sbin:${process.env.PATH}` };
    if (await answers(env)) return new Engine({ env, own: false });
    if (process.getuid() !== 0) {
      throw new Error('no Docker engine answers here, and starting one needs root');
    }
    if (!existsSync('/usr/sbin/dockerd') || !existsSync('/usr/sbin/debootstrap')) {
      log(`installing ${PACKAGES.join(', ')}`);
      const options = ['-o', 'DPkg::Lock::Timeout=300', 'install', '-y', '-qq'];
      await run('apt-get', [...options, '--no-install-recommends', ...PACKAGES], {
        env: { ...env, DEBIAN_FRONTEND: 'noninteractive' },
      });
    }
    return Engine.#start({ folder, env, log });
  }

  static async #start({ folder, env, log }) {
    mkdirSync(folder, { recursive: true });
    const socket = `unix://${join(folder, 'docker.sock')}`;
    const ownEnv = {
      ...env,
      DOCKER_HOST: socket,
      DOCKER_BUILDKIT: '0',
      COMPOSE_DOCKER_CLI_BUILD: '0',
    };
    const output = openSync(join(folder, 'dockerd.log'), 'w');
    const paths = ['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec')];
    const network = ['--iptables=false', '--ip6tables=false', '--ip-forward=false'];
    network.push('--bip', BRIDGE, '--default-address-pool', POOL);
    const bridges = interfaces();
    const child = spawn(
      '/usr/sbin/dockerd',
      [...paths, '--pidfile', join(folder, 'dockerd.pid'), '-H', socket, ...network],
      // Ctrl-C is for this program alone: the engine is still needed to clean up.
      { env, stdio: ['ignore', output, output], detached: true },
    );
    const killed = () => child.kill('SIGTERM');
    process.once('exit', killed);
    child.once('close', () => process.off('exit', killed));
    closeSync(output);
    child.on('error', () => {});
    const engine = new Engine({ env: ownEnv, own: true, child, bridges });
    try {
      await until('the Docker engine answers', () => {
        if (child.exitCode !== null) throw new Error(`dockerd ended: see ${folder}/dockerd.log`);
        return answers(ownEnv);
      });
    } catch (error) {
      await engine.close();
      throw error;
    }
    await engine.#forget();
    log('started a Docker engine of our own');
    return engine;
  }

  docker(args, options = {}) {
    return run('docker', args, { ...options, env: this.env });
  }

  /** Removes what a run that was killed has left in our own engine. */
  async #forget() {
    const ids = (await this.docker(['ps', '-aq'])).split('\n').filter((id) => id !== '');
    if (ids.length > 0) await this.docker(['rm', '-f', '-v', ...ids]);
    for (const what of ['network', 'volume']) await this.docker([what, 'prune', '-f']);
  }

  /** Ends our own engine, and removes what it left in the machine's network. Idempotent. */
  async close() {
    const child = this.#process;
    if (child === undefined) return;
    this.#process = undefined;
    if (child.exitCode === null) {
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGTERM');
      await ended;
    }
    for (const name of interfaces()) {
      if (/^(docker0|br-[0-9a-f]{12})$/.test(name) && !this.#bridges.has(name)) {
        await run('ip', ['link', 'delete', name]).catch(() => {});
      }
    }
  }
}

async function answers(env) {
  try {
    await run('docker', ['info', '--format', '{{.ServerVersion}}'], { env, deadlineMs: 5000 });
    return true;
  } catch {
    return false;
  }
}

/** Names, those that are down included. */
function interfaces() {
  return readdirSync('/sys/class/net');
}
