/** The warehouse that orders of a variant are taken from. seed.sql gives it stock there. */
export const homeWarehouse = (variantId: number): number => 1 + (variantId % 4);

/** What seed.sql puts on the shelf before the first order: the same formula, so that a checker needs no database for it. */
export const openingStock = (warehouseId: number, variantId: number): number =>
  400 + ((variantId * 37 + warehouseId * 101) % 200);

/** Variants and products that seed.sql makes: numbers from 1 to these. */
export const variantCount = 6000;
export const productCount = 2500;
export const seededUserCount = 8000;

/** Some seeded users may not log in: every 97th is suspended, every 101st invited. */
export const canLogIn = (seededUser: number): boolean => seededUser % 97 !== 0 && seededUser % 101 !== 0;

/** The address that seed.sql gives user `n`. */
export const seededEmail = (n: number): string => `u${n}@${['example.org', 'Example.COM', 'mail.example'][n % 3]}`;
