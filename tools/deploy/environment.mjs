import { randomBytes } from 'node:crypto';

/*
 * The variables of docker-compose.yml. They begin with DEPLOY_, since `.env` is read by others too:
 * by the signaling service in its working directory, and by Nx. None of these means anything there.
 */

const HTTPS_PORT = 443;
const TURN_PORT = 3478;
const TURNS_PORT = 5349;

/** 256 bits, in letters and digits: safe in URLs, in shells and in compose files. */
const fresh = () => randomBytes(32).toString('hex');

/**
 * The text of a .env file with fresh secrets.
 *
 * @param {object} options
 * @param {string} options.host domain or address that browsers open
 * @param {string} options.tlsFolder with site.pem and site.pem.key
 * @param {number} [options.httpsPort]
 * @param {number} [options.httpPort]
 * @param {number} [options.turnPort]
 * @param {number} [options.turnsPort]
 * @param {string} [options.externalIp] public address of a machine behind NAT
 * @param {() => string} [options.secret]
 */
export function environment({ host, tlsFolder, secret = fresh, ...options }) {
  const { httpsPort = HTTPS_PORT, httpPort, turnPort, turnsPort, externalIp } = options;
  const origin = `https://${host}${httpsPort === HTTPS_PORT ? '' : `:${httpsPort}`}`;
  const turn = `${host}:${turnPort ?? TURN_PORT}`;
  const turns = `${host}:${turnsPort ?? TURNS_PORT}`;
  const given = {
    DEPLOY_HTTPS_PORT: httpsPort === HTTPS_PORT ? undefined : httpsPort,
    DEPLOY_HTTP_PORT: httpPort,
    DEPLOY_TURN_PORT: turnPort,
    DEPLOY_TURNS_PORT: turnsPort,
    DEPLOY_TURN_EXTERNAL_IP: externalIp,
  };
  return [
    '# Made by `npm run deploy:env`, for docker-compose.yml. Keep it secret, and keep a copy.',
    '# docs/operations.md has every variable.',
    'COMPOSE_PROJECT_NAME=peerdeck',
    `DEPLOY_HOST=${host}`,
    `DEPLOY_ORIGIN=${origin}`,
    '# Pages that may connect; several with commas between.',
    `DEPLOY_ALLOWED_ORIGINS=${origin}`,
    ...Object.entries(given)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name}=${value}`),
    '# Folder with site.pem (the certificate chain) and site.pem.key.',
    `DEPLOY_TLS_DIR=${tlsFolder}`,
    `DEPLOY_TURN_URLS=turn:${turn}?transport=udp,turn:${turn}?transport=tcp,turns:${turns}?transport=tcp`,
    '',
    `DEPLOY_REDIS_PASSWORD=${secret()}`,
    `DEPLOY_JWT_SECRET=${secret()}`,
    `DEPLOY_TURN_SECRET=${secret()}`,
    `DEPLOY_GRAFANA_PASSWORD=${secret()}`,
    '',
  ].join('\n');
}
