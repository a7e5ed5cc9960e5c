/**
 * The header that names the principal whose data a client holds, after an adoption the alias. zero-cache passes it to
 * the app's server if it is in `ZERO_QUERY_ALLOWED_CLIENT_HEADERS` and `ZERO_MUTATE_ALLOWED_CLIENT_HEADERS`.
 */
export const PRINCIPAL_HEADER = 'x-latchkey-principal'
