/** What is taken out of the monolith, each into a database of its own. Orders stay. */
export const SERVICES = ['accounts', 'payments', 'warehouse'] as const;
export type ShopService = (typeof SERVICES)[number];

export const TABLES: Readonly<Record<ShopService, readonly string[]>> = {
  accounts: ['users', 'sessions'],
  payments: ['payments'],
  warehouse: ['stock', 'reservations'],
};

/** Which requests are the service's; all others are the monolith's. */
export const PATHS: Readonly<Record<ShopService, readonly string[]>> = {
  accounts: ['/login', '/me', '/password', '/logout'],
  payments: ['/payments', '/payments/{id}'],
  warehouse: ['/reserve', '/stock', '/reserved'],
};

export const SERVICE_SCHEMA: Readonly<Record<ShopService, string>> = {
  accounts: `
    CREATE TABLE users (id text PRIMARY KEY, password text NOT NULL);
    CREATE TABLE sessions (token text PRIMARY KEY, user_id text NOT NULL REFERENCES users);`,
  // The key is what makes a payment happen once, whichever side is asked twice.
  payments: 'CREATE TABLE payments (order_id bigint PRIMARY KEY, user_id text NOT NULL, amount numeric(12,2) NOT NULL);',
  // The whole old row in the log: what add-up goes by.
  warehouse: `
    CREATE TABLE stock (sku text PRIMARY KEY, on_hand int NOT NULL CHECK (on_hand >= 0));
    ALTER TABLE stock REPLICA IDENTITY FULL;
    CREATE TABLE reservations (id uuid PRIMARY KEY, sku text NOT NULL REFERENCES stock, user_id text NOT NULL, quantity int NOT NULL);`,
};

export const MONOLITH_SCHEMA = `${Object.values(SERVICE_SCHEMA).join('\n')}
  CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id text NOT NULL, total numeric(12,2) NOT NULL);`;

/** What a sold piece leaves: users who know their password, and items of so many pieces each. */
export function seedSql(shop: { readonly users: number; readonly items: number; readonly pieces: number }): string {
  return `INSERT INTO public.users SELECT 'u' || n, 'first' FROM generate_series(0, ${shop.users - 1}) AS n;
    INSERT INTO public.stock SELECT 'sku-' || n, ${shop.pieces} FROM generate_series(0, ${shop.items - 1}) AS n`;
}
