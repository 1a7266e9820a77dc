import { createHash } from 'node:crypto';
import type { AddressesRead, ProfileRead, ProfileWrite } from './journal-entry.ts';
import type { Random } from './random.ts';
import { canLogIn, productCount, seededEmail, seededUserCount, variantCount } from './stock.ts';
import { VisitorClient, type Answer, type Body, type Sending, type VisitorClientOptions } from './visitor-client.ts';

export interface SimulatedUserOptions {
  readonly index: number;
  /** How many simulated users there are: it keeps the seeded accounts they log in to apart. */
  readonly users: number;
  /** Part of every name and token, so that they are unique to a run. */
  readonly run: string;
  readonly random: Random;
  readonly client: VisitorClientOptions;
  /** Resolves when the next request may go out; false when the workload is to end. */
  readonly turn: () => Promise<boolean>;
}

interface Account {
  readonly email: string;
  readonly password: string;
  userId?: string;
}

class Stopped extends Error {}

const weights = {
  readProfile: 20,
  editProfile: 12,
  listAddresses: 5,
  addAddress: 4,
  replaceAddress: 6,
  publicProfile: 4,
  listSessions: 3,
  browse: 10,
  product: 12,
  putIntoCart: 6,
  showCart: 3,
  order: 8,
  listOrders: 3,
  ticket: 2,
  mistake: 2,
} as const;

/**
 * One person at a time, and one request at a time: visits, registers or logs in, does what people do in a shop, logs
 * out, and is followed by another person. After a write without an answer the state is read before anything else.
 */
export class SimulatedUser {
  readonly #options: SimulatedUserOptions;
  readonly #random: Random;
  #client: VisitorClient;
  #account: Account | undefined;
  #addresses: string[] = [];
  #serial = 0;
  #persons = 0;
  #seededTaken = 0;

  constructor(options: SimulatedUserOptions) {
    this.#options = options;
    this.#random = options.random;
    this.#client = new VisitorClient(options.client);
  }

  async run(): Promise<void> {
    try {
      for (;;) await this.#live();
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
    } finally {
      await this.#client.close();
    }
  }

  async #send(sending: Sending): Promise<Answer> {
    if (!(await this.#options.turn())) throw new Stopped();
    return this.#client.send(sending);
  }

  async #get(path: string): Promise<Answer> {
    return this.#send({ method: 'GET', path });
  }

  /** Sends until there is an answer: for reading the state after a write of unknown fate. */
  async #insist(sending: Sending): Promise<Answer> {
    for (;;) {
      const answer = await this.#send(sending);
      if (!answer.unknown) return answer;
    }
  }

  #token(): string {
    this.#serial += 1;
    return `${this.#options.run}.${this.#options.index}.${this.#serial}`;
  }

  async #live(): Promise<void> {
    if (this.#account === undefined) await this.#arrive();
    if (!(await this.#logIn())) return;
    // A third of the people keep their session to the end; the others stay a while.
    const stay = this.#options.index % 3 === 0 ? Number.POSITIVE_INFINITY : this.#random.between(12, 45);
    for (let done = 0; done < stay && this.#client.sessionId !== undefined; done += 1) await this.#act();
    if (this.#client.sessionId !== undefined) await this.#logOut();
    if (this.#random.chance(0.6)) this.#account = undefined;
  }

  /** A new visitor with a new cookie; six in ten will register, the others have an account since long ago. */
  async #arrive(): Promise<void> {
    await this.#client.close();
    this.#client = new VisitorClient(this.#options.client);
    this.#addresses = [];
    await this.#insist({ method: 'GET', path: '/' });
    this.#persons += 1;
    if (this.#random.chance(0.4)) {
      const number = this.#nextSeededUser();
      this.#account = { email: seededEmail(number), password: `shop-${number}` };
      return;
    }
    this.#account = await this.#register();
  }

  /** No two simulated users ever log in to the same account, and none twice (until all have been taken). */
  #nextSeededUser(): number {
    const { index, users } = this.#options;
    for (;;) {
      const number = 1 + ((index + users * this.#seededTaken) % seededUserCount);
      this.#seededTaken += 1;
      if (canLogIn(number)) return number;
    }
  }

  async #register(): Promise<Account> {
    const { index, run } = this.#options;
    for (let attempt = 0; ; attempt += 1) {
      const displayName = `New ${this.#token()}`;
      const email = `w${run}-${index}-${this.#persons}-${attempt}@shop.example`;
      const account = { email, password: `secret-${index}` };
      const answer = await this.#send({
        method: 'POST',
        path: '/api/register',
        body: { ...account, displayName },
        attempt: { kind: 'register', email, displayName },
        acknowledged: (body) => ({ kind: 'register', email, displayName, userId: String(body['id']) }),
      });
      if (!answer.unknown) return account;
      // Without an answer he tries whether it worked, and else takes another address: the first may still arrive, and
      // two accounts with one address, one on each side, is something that no synchronisation can mend.
      const tried = await this.#insist({ method: 'POST', path: '/login', body: account, may: [401], ...this.#loginRecord() });
      if (tried.ok) return account;
    }
  }

  async #logIn(): Promise<boolean> {
    const account = this.#account;
    if (account === undefined) return false;
    const answer = await this.#insist({
      method: 'POST',
      path: '/login',
      body: { email: account.email, password: account.password },
      ...this.#loginRecord(),
    });
    if (!answer.ok) {
      this.#account = undefined;
      return false;
    }
    account.userId = String(answer.body['userId']);
    this.#client.sessionId = String(answer.body['sessionId']);
    await this.#readAddresses();
    return true;
  }

  #loginRecord(): Pick<Sending, 'attempt' | 'acknowledged'> {
    return {
      attempt: { kind: 'login' },
      acknowledged: (body) => ({ kind: 'login', userId: String(body['userId']), sessionId: String(body['sessionId']) }),
    };
  }

  async #logOut(): Promise<void> {
    const { sessionId } = this.#client;
    if (sessionId === undefined) return;
    await this.#send({
      method: 'POST',
      path: '/logout',
      body: {},
      attempt: { kind: 'logout', sessionId },
      acknowledged: () => ({ kind: 'logout', sessionId }),
    });
    this.#client.forgetSession();
  }

  async #act(): Promise<void> {
    const answer = await this.#actions[this.#random.pick(weights)]();
    // The journal shows whether this 401 is a failure; the person logs in again in any case.
    if (answer.status === 401) this.#client.forgetSession();
  }

  readonly #actions: Readonly<Record<keyof typeof weights, () => Promise<Answer>>> = {
    readProfile: async () => this.#readProfile(),
    editProfile: async () => this.#editProfile(),
    listAddresses: async () => this.#readAddresses(),
    addAddress: async () => this.#saveAddress(undefined),
    replaceAddress: async () => this.#saveAddress(this.#addresses[this.#random.between(0, Math.max(0, this.#addresses.length - 1))]),
    publicProfile: async () => this.#get(`/api/users/${this.#random.chance(0.5) ? this.#userId() : this.#random.between(1, seededUserCount)}`),
    listSessions: async () => this.#get('/api/sessions'),
    browse: async () => this.#get(`/api/products?category=${this.#random.between(11, 110)}`),
    product: async () => this.#get(`/api/products/${this.#random.between(1, productCount)}`),
    putIntoCart: async () => this.#putIntoCart(),
    showCart: async () => this.#get('/api/cart'),
    order: async () => this.#order(),
    listOrders: async () => this.#get('/api/orders'),
    ticket: async () => this.#openTicket(),
    mistake: async () => this.#makeMistake(),
  };

  #userId(): string {
    return this.#account?.userId ?? '';
  }

  async #readProfile(): Promise<Answer> {
    const read = (body: Body): ProfileRead => ({
      kind: 'profile',
      userId: String(body['id']),
      version: Number(body['version']),
      displayName: String(body['displayName']),
    });
    return this.#insist({ method: 'GET', path: '/api/users/me', read });
  }

  async #editProfile(): Promise<Answer> {
    const token = this.#token();
    const biography = this.#random.chance(0.3) ? this.#longText() : undefined;
    const preference = this.#random.chance(0.3) ? { key: `color-${this.#random.between(1, 3)}`, value: token } : undefined;
    const attempt: ProfileWrite = {
      kind: 'profile',
      userId: this.#userId(),
      displayName: `Name ${token}`,
      ...(biography === undefined ? {} : { biography: createHash('sha256').update(biography).digest('hex') }),
      ...(preference === undefined ? {} : { preference }),
    };
    const answer = await this.#send({
      method: 'PATCH',
      path: '/api/users/me',
      body: {
        displayName: attempt.displayName,
        ...(biography === undefined ? {} : { biography }),
        ...(preference === undefined ? {} : { preferences: { [preference.key]: preference.value } }),
        ...(this.#random.chance(0.2) ? { interests: ['tea', token, '"quoted", and \\'] } : {}),
      },
      attempt,
      acknowledged: (body) => ({ ...attempt, version: Number(body['version']) }),
    });
    return answer.unknown ? this.#readProfile() : answer;
  }

  /** 3 to 9 kB that do not compress much, so that the value is stored out of line. */
  #longText(): string {
    const words = Array.from({ length: this.#random.between(400, 1200) }, () => Math.floor(this.#random.next() * 2 ** 32).toString(36));
    return words.join(' ');
  }

  async #readAddresses(): Promise<Answer> {
    const read = (body: Body): AddressesRead => ({
      kind: 'addresses',
      userId: this.#userId(),
      lines: Object.fromEntries(listOf(body, 'addresses').map((address) => [String(address['id']), String(address['line1'])])),
    });
    const answer = await this.#insist({ method: 'GET', path: '/api/users/me/addresses', read });
    if (answer.ok) this.#addresses = Object.keys(read(answer.body).lines);
    return answer;
  }

  async #saveAddress(addressId: string | undefined): Promise<Answer> {
    const line1 = `${this.#token()} Street`;
    const answer = await this.#send({
      method: addressId === undefined ? 'POST' : 'PUT',
      path: `/api/users/me/addresses${addressId === undefined ? '' : `/${addressId}`}`,
      body: { recipient: 'Somebody', line1, city: 'Bremen', postalCode: String(this.#random.between(10000, 99999)) },
      attempt: { kind: 'address', userId: this.#userId(), line1, ...(addressId === undefined ? {} : { addressId }) },
      acknowledged: (body) => ({ kind: 'address', userId: this.#userId(), line1, addressId: String(body['id']) }),
    });
    if (answer.unknown) return this.#readAddresses();
    if (answer.ok && addressId === undefined) this.#addresses.push(String(answer.body['id']));
    return answer;
  }

  async #putIntoCart(): Promise<Answer> {
    const item = { variantId: this.#random.between(1, variantCount), quantity: this.#random.between(1, 3) };
    return this.#send({
      method: 'POST',
      path: '/api/cart/items',
      body: item,
      attempt: { kind: 'cart', ...item },
      acknowledged: () => ({ kind: 'cart', ...item }),
    });
  }

  async #order(): Promise<Answer> {
    const reference = `order-${this.#token()}`;
    const variants = new Set(Array.from({ length: this.#random.between(1, 3) }, () => this.#random.between(1, variantCount)));
    const items = [...variants].map((variantId) => ({ variantId, quantity: this.#random.between(1, 3) }));
    const userId = this.#userId();
    const answer = await this.#send({
      method: 'POST',
      path: '/api/orders',
      body: { reference, items },
      may: [409],
      attempt: { kind: 'order', userId, reference, items },
      acknowledged: (body) => ({
        kind: 'order',
        userId,
        reference,
        items: orderItems(body),
        orderId: String(body['id']),
        total: String(body['total']),
        paymentId: paymentId(body),
      }),
    });
    if (answer.unknown) {
      const orders = await this.#insist({ method: 'GET', path: '/api/orders' });
      const found = listOf(orders.body, 'orders').find((order) => order['reference'] === reference);
      return found === undefined ? orders : this.#pay(String(found['id']));
    }
    return answer.ok && this.#random.chance(0.8) ? this.#pay(String(answer.body['id'])) : answer;
  }

  async #pay(orderId: string): Promise<Answer> {
    const token = `pay-${this.#token()}`;
    const answer = await this.#send({
      method: 'POST',
      path: `/api/orders/${orderId}/pay`,
      body: { token },
      attempt: { kind: 'payment', orderId, token },
      acknowledged: (body) => ({ kind: 'payment', orderId, token, paymentId: String(body['id']), amount: String(body['amount']) }),
    });
    return answer.unknown ? this.#insist({ method: 'GET', path: `/api/orders/${orderId}` }) : answer;
  }

  async #openTicket(): Promise<Answer> {
    const subject = `Question ${this.#token()}`;
    const userId = this.#userId();
    const answer = await this.#send({
      method: 'POST',
      path: '/api/support/tickets',
      body: { subject, body: 'Where is my parcel?' },
      attempt: { kind: 'ticket', userId, subject },
      acknowledged: (body) => ({ kind: 'ticket', userId, subject, ticketId: String(body['id']) }),
    });
    return answer.unknown ? this.#insist({ method: 'GET', path: '/api/support/tickets' }) : answer;
  }

  /** What people get wrong is refused, and by both sides alike. Not one of these answers ends a session. */
  async #makeMistake(): Promise<Answer> {
    const mistakes: Sending[] = [
      { method: 'PATCH', path: '/api/users/me', body: { birthDate: '2001-02-30' }, may: [400] },
      { method: 'POST', path: '/api/users/me/addresses', body: { city: 'Nowhere' }, may: [400] },
      { method: 'GET', path: '/api/users/999999999999999999', may: [404] },
      { method: 'POST', path: '/api/orders', body: { items: [] }, may: [400] },
    ];
    return this.#send(mistakes[this.#random.between(0, mistakes.length - 1)] as Sending);
  }
}

function listOf(body: Body, name: string): Body[] {
  const list = body[name];
  return Array.isArray(list) ? list : [];
}

function orderItems(body: Body): { variantId: number; quantity: number; unitPrice: string }[] {
  return listOf(body, 'items').map((item) => ({
    variantId: Number(item['variantId']),
    quantity: Number(item['quantity']),
    unitPrice: String(item['unitPrice']),
  }));
}

function paymentId(body: Body): string {
  const payment = body['payment'];
  return typeof payment === 'object' && payment !== null && 'id' in payment ? String(payment.id) : '';
}
