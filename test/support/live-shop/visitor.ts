import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Agent } from 'undici';
import type { Random } from '../../../examples/shop/random.ts';
import type { ShopJournal } from './journal.ts';
import type { StockLedger } from './stock-ledger.ts';
import { isUnknown, VisitorHttp, type Told } from './visitor-http.ts';

export interface VisitorOptions {
  readonly user: string;
  readonly url: string;
  readonly journal: ShopJournal;
  readonly ledger: StockLedger;
  readonly random: Random;
  readonly clients: Agent;
  readonly itemKeys: boolean;
  /** What this one does, and how often. */
  readonly habits: Readonly<Record<Habit, number>>;
}

export type Habit = 'look' | 'session' | 'password' | 'order' | 'reserve';

/**
 * One person, who does one thing after the other, remembers all that he was told, and compares each
 * answer with that. Where an answer is missing he asks until he knows.
 */
export class Visitor {
  readonly #options: VisitorOptions;
  readonly #http: VisitorHttp;
  readonly #reserved = new Map<string, Set<string>>();
  #password = 'first';
  /** Every password is written once. */
  #turn = 0;
  #signedIn = false;
  #lastToken = '';
  #order: { readonly id: string; readonly total: string; paid: boolean } | undefined;

  constructor(options: VisitorOptions) {
    this.#options = options;
    this.#http = new VisitorHttp(options);
  }

  async run(going: { readonly on: boolean }): Promise<void> {
    const { random, habits } = this.#options;
    while (going.on) {
      if (!this.#signedIn) await this.#logIn();
      else {
        const habit = random.pick(habits);
        if (habit === 'look') await this.#look();
        else if (habit === 'session') await this.#logOut();
        else if (habit === 'password') await this.#changePassword();
        else if (habit === 'order') await this.#buy();
        else await this.#reserve();
      }
    }
  }

  /** A log-in at one side must count at once on both. */
  async #logIn(): Promise<void> {
    const { user, journal } = this.#options;
    const told = await this.#http.post('/login', { user, password: this.#password });
    if (isUnknown(told)) return this.#breathe();
    if (told.status !== 200) return this.#wrong('log-in', told);
    const token = this.#http.cookie('sid') ?? '';
    journal.sessions.set(token, user);
    this.#signedIn = true;
    if (this.#lastToken !== '') this.#expect('an ended session', await this.#http.get('/me', { sid: this.#lastToken }), 401);
    await this.#look();
  }

  async #logOut(): Promise<void> {
    const { journal, random } = this.#options;
    // Others of his devices stay signed in.
    if (random.chance(0.5)) {
      this.#signedIn = false;
      this.#lastToken = '';
      return;
    }
    const token = this.#http.cookie('sid') ?? '';
    journal.sessions.delete(token);
    if (isUnknown(await this.#http.post('/logout')) && (await this.#known(() => this.#http.get('/me'))).status === 200) {
      journal.sessions.set(token, this.#options.user);
      return;
    }
    journal.ended.add(token);
    this.#lastToken = token;
    this.#signedIn = false;
  }

  /** The service's own path and one of the monolith's, which both look for the session. */
  async #look(): Promise<void> {
    const { user } = this.#options;
    const me = await this.#http.get('/me');
    if (!isUnknown(me) && (me.status !== 200 || me.body['user'] !== user || me.body['password'] !== this.#password)) this.#wrong(`password ${this.#password}`, me);
    this.#expect('the session', await this.#http.get('/home'), 200);
  }

  async #changePassword(): Promise<void> {
    const { journal, user } = this.#options;
    const next = `${user}-${++this.#turn}`;
    const told = await this.#http.post('/password', { password: next });
    if (isUnknown(told)) this.#password = String((await this.#known(() => this.#http.get('/me'))).body['password']);
    else if (told.status === 200) this.#password = next;
    else return this.#wrong('password change', told);
    journal.passwords.set(user, this.#password);
    // Who signs in anew is known by nothing but the new password.
    if (this.#options.random.chance(0.5)) {
      this.#signedIn = false;
      this.#lastToken = '';
    }
  }

  /** The order is the monolith's, its payment may be the service's; impatient people pay twice at once. */
  async #buy(): Promise<void> {
    const { journal, random } = this.#options;
    if (!this.#order || random.chance(0.7)) {
      const made = await this.#http.post('/orders', { cents: String(random.between(1, 99_999)) });
      if (isUnknown(made)) return;
      this.#order = { id: String(made.body['id']), total: String(made.body['total']), paid: false };
      journal.orders.set(this.#order.id, this.#order.total);
    }
    const order = this.#order;
    const pay = (): Promise<Told> => this.#http.post('/payments', { order: order.id, amount: order.total });
    const answers = random.chance(0.3) ? await Promise.all([pay(), pay()]) : [await pay()];
    if (answers.some((told) => isUnknown(told))) {
      await this.#known(pay);
    } else {
      const charged = answers.filter(({ status }) => status === 201).length;
      if (charged !== (order.paid ? 0 : 1)) this.#wrong(`order ${order.id} ${order.paid ? 'paid before' : 'unpaid'}`, answers.map(({ status, side }) => `${status} by ${side}`).join(', '));
    }
    order.paid = true;
    journal.payments.set(order.id, order.total);
    const seen = await this.#http.get(`/orders/${order.id}`);
    if (!isUnknown(seen) && (seen.body['paid'] !== order.total || seen.body['total'] !== order.total)) this.#wrong(`order ${order.id} of ${order.total}, paid`, seen);
    const payment = await this.#http.get(`/payments/${order.id}`);
    if (!isUnknown(payment) && payment.body['amount'] !== order.total) this.#wrong(`payment of order ${order.id}, ${order.total}`, payment);
  }

  async #reserve(): Promise<void> {
    const { ledger, journal, random } = this.#options;
    const sku = ledger.items[random.between(0, ledger.items.length - 1)] ?? '';
    const quantity = random.between(1, 3);
    const id = randomUUID();
    ledger.begin(sku, quantity);
    const told = await this.#known(() => this.#http.post(`/reserve?sku=${sku}`, { id, quantity: String(quantity) }));
    if (told.status === 409) {
      ledger.refused(sku, quantity);
    } else {
      ledger.acknowledge(sku, quantity);
      journal.reservations.set(id, { sku, quantity });
      let mine = this.#reserved.get(sku);
      if (!mine) this.#reserved.set(sku, (mine = new Set()));
      mine.add(id);
    }
    const most = ledger.most(sku);
    const seen = await this.#http.get(`/stock?sku=${sku}`);
    const onHand = Number(seen.body['on_hand']);
    if (!isUnknown(seen) && ledger.checked && !(onHand <= most && onHand >= ledger.least(sku))) this.#wrong(`stock of ${sku} from ${ledger.least(sku)} to ${most}`, seen);
    const listed = await this.#http.get(`/reserved?sku=${sku}`);
    const ids = new Set(listed.body['ids'] as readonly string[] | undefined);
    const missing = [...(this.#reserved.get(sku) ?? [])].filter((each) => !ids.has(each));
    if (!isUnknown(listed) && missing.length > 0) this.#wrong(`reservations ${missing.join(', ')} of ${sku}`, listed);
  }

  /** Asks until there is an answer. */
  async #known(ask: () => Promise<Told>): Promise<Told> {
    for (;;) {
      const told = await ask();
      if (!isUnknown(told)) return told;
      await this.#breathe();
    }
  }

  async #breathe(): Promise<void> {
    await delay(20);
  }

  #expect(what: string, told: Told, status: number): void {
    if (!isUnknown(told) && told.status !== status) this.#wrong(what, told);
  }

  #wrong(expected: string, found: Told | string): void {
    const { journal, user } = this.#options;
    journal.contradicts(`${user} expected ${expected}; found ${typeof found === 'string' ? found : `${found.status} ${JSON.stringify(found.body)} by ${found.side}`}`);
  }
}
