import { createHmac } from 'node:crypto';
import type { IceServer } from '@peerdeck/protocol';

/*
 * Credentials by the TURN REST API (draft-uberti-behave-turn-rest-00, section 2.2): the user name is
 * `<seconds since 1970 at which it ends>:<id>`, the password base64(HMAC-SHA1(secret, user name)).
 * The TURN server knows the secret and needs no list of users.
 */

const ID_BYTES = 16;

export interface TurnCredentialsOptions {
  readonly urls: readonly string[];
  readonly secret: string;
}

/** Makes credentials that end. Pure: the same on every node that knows the secret. */
export class TurnCredentials {
  readonly #urls: readonly string[];
  readonly #secret: string;
  readonly #idKey: Buffer;

  constructor({ urls, secret }: TurnCredentialsOptions) {
    this.#urls = urls;
    this.#secret = secret;
    this.#idKey = createHmac('sha256', secret).update('peerdeck/1 turn id').digest();
  }

  /**
   * For one address in one room. coturn counts its user-quota by the id, so whoever leaves and
   * comes back gets no second quota; and the id, which travels in the clear, tells nobody the two.
   * `endsAt`: seconds since 1970.
   */
  make(room: string, address: string, endsAt: number): IceServer {
    const digest = createHmac('sha256', this.#idKey).update(`${room}\n${address}`).digest();
    const username = `${endsAt}:${digest.subarray(0, ID_BYTES).toString('base64url')}`;
    const credential = createHmac('sha1', this.#secret).update(username).digest('base64');
    return { urls: [...this.#urls], username, credential };
  }
}
