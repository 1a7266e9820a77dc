/** The tables that leave the monolith with the accounts service. */
export const accountTables = [
  'public.users',
  'public.sessions',
  'public.addresses',
  'public.user_preferences',
  'public.user_documents',
  'public.account_events',
  'public.password_resets',
  'public.roles',
  'public.user_roles',
  'public.social_logins',
] as const;

/** The paths that the accounts service answers, as the router matches them. */
export const accountPaths = ['/api/register', '/login', '/logout', '/api/users/**', '/api/sessions'] as const;
