/** Words of column names that say that a column is about a person. */
export const PERSONAL_WORDS: ReadonlySet<string> = new Set([
  'email', 'phone', 'mobile', 'birthdate', 'birthday', 'dob', 'gender', 'ssn', 'passport', 'iban', 'firstname',
  'lastname', 'surname', 'street', 'postcode', 'zip', 'ip', 'password', 'salary', 'nationality', 'religion', 'latitude',
  'longitude',
]);

/** The same, of several words. */
export const PERSONAL_PHRASES = /(?:first|last|full|display|middle|maiden)_?name|birth_?date|date_of_birth|postal_?code|address_?line|credit_?card|card_?number|national_?id|tax_?id|user_?agent/i;
