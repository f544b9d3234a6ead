import assert from 'node:assert/strict';

/** Paths of the signaling image that only a package manager or a compiler leaves. */
const NOT_IN_IMAGE = [
  'npm',
  'npx',
  'corepack',
  'tsc',
  'node_modules/typescript',
  'node_modules/nx',
];

/** Who runs as what, and who can reach whom. */
export async function checkContainers({ table, stack, services, env }) {
  await table.check('containers: no root, no capability, no writing, bounded', async () => {
    for (const service of services) {
      const { Config, HostConfig } = await stack.inspect(service);
      assert.match(Config.User, /^[1-9]/, `${service} runs as root`);
      assert.equal(HostConfig.ReadonlyRootfs, true, `${service} can write its root`);
      assert.deepEqual(HostConfig.CapDrop, ['ALL'], service);
      assert.ok(HostConfig.SecurityOpt.join().includes('no-new-privileges'), service);
      assert.ok(HostConfig.Memory > 0 && HostConfig.PidsLimit > 0, `${service} has no limits`);
      assert.equal(HostConfig.RestartPolicy.Name, 'unless-stopped', service);
      assert.equal(HostConfig.LogConfig.Config['max-size'], '10m', `${service} logs for ever`);
    }
    return `${services.length} containers`;
  });
  await table.check('the signaling image has no package manager and no compiler', async () => {
    const script = `
      const { existsSync, writeFileSync } = require('node:fs');
      const names = ${JSON.stringify(NOT_IN_IMAGE)};
      const found = names.filter((name) => existsSync('/usr/local/bin/' + name) || existsSync(name));
      let written = false;
      try { writeFileSync('/app/x', ''); written = true; } catch {}
      console.log(JSON.stringify({ found, written, uid: process.getuid() }));`;
    const seen = JSON.parse(await stack.exec('signaling-a', ['node', '-e', script]));
    assert.deepEqual(seen, { found: [], written: false, uid: 1000 });
  });
  await table.check('only the proxy has a port outside; Grafana on loopback', async () => {
    for (const service of services) {
      const { HostConfig } = await stack.inspect(service);
      const open = Object.values(HostConfig.PortBindings ?? {}).flat();
      if (service === 'haproxy') assert.equal(open.length, 2);
      else for (const { HostIp } of open) assert.equal(HostIp, '127.0.0.1', service);
    }
  });
  await table.check('the proxy cannot reach Redis, nor anybody without the password', async () => {
    await assert.rejects(
      stack.exec('haproxy', ['wget', '-T', '3', '-t', '1', 'http://redis:6379']),
    );
    const answer = await stack.exec('redis', ['redis-cli', 'get', 'x']).catch((e) => e.output);
    assert.match(answer, /NOAUTH/);
    const ping = ['redis-cli', '--user', 'health', '--pass', '', '--no-auth-warning', 'get', 'x'];
    assert.match(await stack.exec('redis', ping).catch((e) => e.output), /NOPERM/);
  });
  await table.check('no secret is an argument of a process', async () => {
    const secrets = Object.entries(env).filter(([name]) => /SECRET|PASSWORD/.test(name));
    for (const service of services) {
      const { Config, Path, Args } = await stack.inspect(service);
      const shown = JSON.stringify([Path, Args, Config.Cmd, Config.Healthcheck, Config.Labels]);
      const read = "tr '\\0' ' ' < /proc/1/cmdline";
      const line = await stack.exec(service, ['sh', '-c', read]);
      for (const [name, value] of secrets) {
        assert.ok(!`${shown}${line}`.includes(value), `${name} in ${service}`);
      }
    }
  });
}
