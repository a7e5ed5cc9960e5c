export { ERROR_TABLE } from './error-table.ts'
export type { ErrorRow } from './error-table.ts'
export { LatchkeyError, isLatchkeyError } from './errors.ts'
export type { LatchkeyErrorCode } from './errors.ts'
export { createTokenVerifier } from './tokens/verify.ts'
export type { TokenVerifier, Verified, VerifierOptions } from './tokens/verify.ts'
export type { PublicJwk, TokenClaims } from './tokens/claims.ts'
export { createBinderHandler } from './server/bindings/binder-handler.ts'
export type { BinderHandlerOptions } from './server/bindings/binder-handler.ts'
export { createExternalBinder } from './server/bindings/binder.ts'
export type { AccountAct, ExternalBinder, ExternalBinderOptions, ProvenRequest } from './server/bindings/binder.ts'
export type { BoundAccount } from './server/bindings/bound-account.ts'
export type { Actor } from './server/bindings/actor.ts'
export type { BinderDevice, BinderDevices, RevokedSession } from './server/bindings/binder-devices.ts'
export type { AccountSessionRow, AccountSessionStore } from './server/bindings/session-store.ts'
export type { SignInAge } from './server/bindings/freshness.ts'
export type {
  AdoptingBindingStore,
  BindingStore,
  DeviceBinding,
  ExternalBinding,
  PrincipalHolder,
} from './server/bindings/binding-store.ts'
export { memoryBindingStore } from './server/bindings/memory-store.ts'
export { BINDING_TABLES, postgresBindingStore, sqliteBindingStore } from './server/bindings/sql-store.ts'
export type { SqlBindingStore } from './server/bindings/sql-store.ts'
export type { PostgresDriver, SqlValue, SqliteDriver } from './server/bindings/sql-database.ts'
export type { ExternalAccount } from './server/external/accounts.ts'
export { betterAuthCookie } from './server/sources/better-auth-cookie.ts'
export type { BetterAuthCookieOptions } from './server/sources/better-auth-cookie.ts'
export { JAZZ_BACKEND_HEADERS, LATCHKEY_BACKEND_HEADERS, backendHeaders } from './server/sources/backend.ts'
export type { BackendHeaders, BackendOptions, ImpersonatedSession } from './server/sources/backend.ts'
export type { KeyFetch } from './server/external/bounded-fetch.ts'
export type { CookieOrigin, CookieSession, CookieSessionOptions } from './server/sources/cookie.ts'
export type { IssuerSource } from './server/external/options.ts'
export type { ExternalIssuer } from './server/external/options.ts'
export { matches, owns, requireWriter } from './server/guards.ts'
export type { AnonymousWriteDenied, WriteAttempt } from './anonymous-write.ts'
export type { SessionMatch, WriterSession } from './server/guards.ts'
export type { ProfileContext, ProfileSession, ProfileVerifier, TokenProfile } from './server/sources/token-profile.ts'
export type { LocalFirstOptions } from './server/sources/local-first.ts'
export { auth0, betterAuthIssuer, clerk, firebase, supabase, workos } from './server/external/presets.ts'
export type {
  Auth0Options,
  BetterAuthIssuerOptions,
  ClerkOptions,
  FirebaseOptions,
  PresetOptions,
  SupabaseOptions,
  WorkosOptions,
} from './server/external/presets.ts'
export { hasPrincipalForm } from './identity/principal.ts'
export { namespacedPrincipal } from './server/external/principals.ts'
export type { FindPrincipal, PrincipalRule } from './server/external/principals.ts'
export type { HeaderReader, HeaderRecord, RequestLike, ResolvableRequest } from './server/request.ts'
export { createSessionResolver } from './server/resolver.ts'
export type { SessionResolverOptions } from './server/resolver.ts'
export { sendResponse, toResponse } from './server/response.ts'
export type { ResponseTarget } from './server/response.ts'
export { matchClaims } from './claim-pattern.ts'
export type { ClaimPattern, ClaimsPattern, Roles } from './claim-pattern.ts'
export { requireSameSession, rolesOf } from './server/roles.ts'
export type { SessionRole } from './server/roles.ts'
export type {
  Accepted,
  OwnedSession,
  Refused,
  Resolution,
  ServerSession,
  SessionResolver,
  SessionSource,
} from './server/types.ts'
export { createOutcomeCounter } from './server/outcomes.ts'
export type { Outcome, OutcomeCounter, OutcomeCounts } from './server/outcomes.ts'
export type { ExchangedSubject, IssueOptions } from './server/exchange/exchanged-claims.ts'
export type { PrincipalsTag } from './server/bindings/principals-tag.ts'
export type { BinderExchangeOptions } from './server/bindings/binder-exchange.ts'
export type { SigningJwk } from './server/exchange/token-signer.ts'
