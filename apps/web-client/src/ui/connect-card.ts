import { buildLink, isToken, type Invitation } from '@peerdeck/protocol';
import { addressFault, type KeptCode, type PageAddress } from '../settings.ts';
import { codeHint, tidyCode } from './code-hint.ts';
import { byId, setText } from './dom.ts';

/**
 * The page that asks for the code. It keeps the code in the field only, unless the user ticks
 * that it may stay in the browser.
 */
export class ConnectCard {
  readonly #code = byId('code', HTMLInputElement);
  readonly #hint = byId('code-hint', HTMLElement);
  readonly #connect = byId('connect', HTMLButtonElement);
  readonly #server = byId('server', HTMLInputElement);
  readonly #serverHint = byId('server-hint', HTMLElement);
  readonly #tokenRow = byId('token-row', HTMLElement);
  readonly #token = byId('token', HTMLInputElement);
  readonly #tokenHint = byId('token-hint', HTMLElement);
  readonly #advanced = byId('advanced', HTMLDetailsElement);
  readonly #remember = byId('remember', HTMLInputElement);
  readonly #kept: KeptCode;
  readonly #page: PageAddress;
  readonly #onConnect: (invitation: Invitation) => void;

  constructor(options: {
    readonly kept: KeptCode;
    readonly page: PageAddress;
    /** A whole code, and a server only where one was entered. */
    readonly onConnect: (invitation: Invitation) => void;
  }) {
    this.#kept = options.kept;
    this.#page = options.page;
    this.#onConnect = options.onConnect;
    const kept = this.#kept.read();
    if (kept !== undefined) {
      this.#code.value = kept;
      this.#remember.checked = true;
    }
    this.#code.addEventListener('input', () => {
      // A link may lead to another server, which a token for the last one must not reach.
      if (this.#code.value.includes('#')) this.#token.value = '';
      this.#show(true);
    });
    this.#code.addEventListener('change', () => {
      this.#code.value = tidyCode(this.#code.value);
      this.#show(false);
    });
    this.#server.addEventListener('input', () => this.#checkServer());
    this.#token.addEventListener('input', () => this.#checkToken());
    this.#remember.addEventListener('change', () => {
      if (!this.#remember.checked) this.#kept.write(undefined);
    });
    byId('connect-form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#show(true);
  }

  /** Shows an invitation that came by link. */
  fill(invitation: Invitation): void {
    this.#code.value = invitation.code.text;
    this.#fillRest(invitation);
  }

  /** The server let nobody in by this invitation; the host's key stays part of it. */
  askForToken(invitation: Invitation): void {
    this.#code.value = keptForm(invitation);
    this.#fillRest(invitation);
    this.#tokenRow.hidden = false;
    this.#token.focus();
    this.#token.select();
  }

  /** Says what is wrong with what is in the field, or with the link that was opened. */
  complain(message: string): void {
    setText(this.#hint, message);
    this.#hint.dataset['tone'] = 'bad';
    this.#code.setAttribute('aria-invalid', 'true');
  }

  /** Shows where signaling is, without making it the user's choice. */
  set defaultServer(url: string) {
    this.#server.placeholder = url;
  }

  focus(): void {
    this.#code.focus();
    this.#code.select();
  }

  #show(typing: boolean): void {
    const { text, tone, invitation } = codeHint(this.#code.value, typing);
    setText(this.#hint, text);
    this.#hint.dataset['tone'] = tone;
    this.#code.setAttribute('aria-invalid', String(tone === 'bad'));
    this.#code.classList.toggle('link', this.#code.value.length > 24);
    this.#connect.disabled = invitation === undefined;
  }

  #fillRest({ signalingUrl, token }: Invitation): void {
    this.#server.value = signalingUrl ?? '';
    this.#token.value = token ?? '';
    this.#tokenRow.hidden = token === undefined;
    this.#checkToken();
    this.#show(false);
  }

  #checkToken(): boolean {
    const token = this.#token.value.trim();
    const isGood = token === '' || isToken(token);
    this.#token.setAttribute('aria-invalid', String(!isGood));
    this.#tokenHint.dataset['tone'] = isGood ? 'plain' : 'bad';
    const words = 'A token has three parts with dots between. Copy all of it.';
    setText(this.#tokenHint, isGood ? '' : words);
    return isGood;
  }

  #checkServer(): boolean {
    const url = this.#server.value.trim();
    const fault = url === '' ? undefined : addressFault(url, this.#page);
    this.#server.setAttribute('aria-invalid', String(fault !== undefined));
    this.#serverHint.dataset['tone'] = fault === undefined ? 'plain' : 'bad';
    const words = {
      'not-an-address': 'An address starts with wss:// or ws://.',
      'mixed-content': 'A page opened over https can only use a wss:// address.',
    };
    setText(this.#serverHint, fault === undefined ? '' : words[fault]);
    return fault === undefined;
  }

  #submit(): void {
    const { invitation } = codeHint(this.#code.value, false);
    this.#show(false);
    if (invitation === undefined) {
      this.#code.focus();
      return;
    }
    if (!this.#checkServer()) {
      this.#advanced.open = true;
      this.#server.focus();
      return;
    }
    if (!this.#checkToken()) {
      this.#token.focus();
      return;
    }
    const typed = this.#server.value.trim();
    const server = typed === '' ? invitation.signalingUrl : typed;
    const entered = this.#token.value.trim();
    const token = entered === '' ? invitation.token : entered;
    if (this.#remember.checked) this.#kept.write(keptForm(invitation));
    this.#onConnect({
      ...invitation,
      ...(server === undefined ? {} : { signalingUrl: server }),
      ...(token === undefined ? {} : { token }),
    });
  }
}

/** The host's key goes with the code: without it the page would trust any host. */
function keptForm(invitation: Invitation): string {
  const { code, hostKeyHash } = invitation;
  if (hostKeyHash === undefined) return code.text;
  return buildLink({ page: '', code, hostKeyHash });
}
