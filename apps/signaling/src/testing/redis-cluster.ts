import { execFileSync } from 'node:child_process';
import { until } from './harness.ts';
import { RedisServer } from '@peerdeck/harness/redis-server';

const SETTINGS = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'];

/** A real Redis Cluster on this machine: three masters with a replica each. */
export class RedisCluster {
  readonly servers: readonly RedisServer[];

  private constructor(servers: readonly RedisServer[]) {
    this.servers = servers;
  }

  static async start(): Promise<RedisCluster> {
    const servers = await Promise.all(Array.from({ length: 6 }, () => RedisServer.start(SETTINGS)));
    const cluster = new RedisCluster(servers);
    try {
      const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);
      const options = ['--cluster-replicas', '1', '--cluster-yes'];
      execFileSync('redis-cli', ['--cluster', 'create', ...addresses, ...options]);
      await until(async () => (await Promise.all(servers.map(settled))).every(Boolean));
    } catch (error) {
      await cluster.close();
      throw error;
    }
    return cluster;
  }

  /** Any server knows the others. */
  get urls(): string {
    return this.servers.map(({ url }) => url).join(',');
  }

  /** The masters, of those that run. */
  async masters(): Promise<RedisServer[]> {
    const roles = await Promise.all(
      this.servers
        .filter(({ running }) => running)
        .map(async (server) => ({ server, role: await server.command('role') })),
    );
    return roles
      .filter(({ role }) => (role as string[])[0] === 'master')
      .map(({ server }) => server);
  }

  /** Whether every server that runs sees all slots served. */
  async healthy(): Promise<boolean> {
    const running = this.servers.filter((server) => server.running);
    const states = await Promise.all(running.map((server) => server.command('cluster', 'info')));
    return states.every((text) => String(text).includes('cluster_state:ok'));
  }

  async close(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.close()));
  }
}

/** It knows all the others, and if it is a replica it has its master's data. */
async function settled(server: RedisServer): Promise<boolean> {
  const info = String(await server.command('cluster', 'info'));
  const replication = String(await server.command('info', 'replication'));
  const ok = info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:6');
  return ok && /master_link_status:up|connected_slaves:1/.test(replication);
}
