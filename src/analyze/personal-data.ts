import type { Table } from '../model/schema.ts';
import { visibleWords } from './words.ts';

const PERSONAL = new Set([
  'email', 'phone', 'mobile', 'birthdate', 'birthday', 'dob', 'gender', 'ssn', 'passport', 'iban', 'firstname',
  'lastname', 'surname', 'street', 'postcode', 'zip', 'ip', 'password', 'salary', 'nationality', 'religion', 'latitude',
  'longitude',
]);
const PHRASES = /(?:first|last|full|display|middle|maiden)_?name|birth_?date|date_of_birth|postal_?code|address_?line|credit_?card|card_?number|national_?id|tax_?id|user_?agent/i;

/** The columns of a table whose names say that they are about a person. */
export function personalColumns(table: Table): string[] {
  return table.columns
    .filter(({ name }) => PHRASES.test(name) || visibleWords(name).some((word) => PERSONAL.has(word)))
    .map(({ name }) => `${table.name}.${name}`);
}
