export { whenReady } from './awaitable.ts'
export type { Awaitable } from './awaitable.ts'
export { BoundedMap } from './bounded-map.ts'
export { isPlainText } from './plain-text.ts'
export { withTimeout } from './timeout.ts'
export { encodeBase64url } from './identity/encoding.ts'
export { copyText, decodeJws, parseObject } from './tokens/decode.ts'
export type { DecodedJws } from './tokens/decode.ts'
export { hasSmallOrder, importPublicKey } from './tokens/public-key.ts'
export type { PublicKey } from './tokens/public-key.ts'
export { checkClock, checkSelfSignedTimes, createProofVerifier, refusalUnder, signatureFault } from './tokens/verify.ts'
export type { ProofExpectation, ProofVerifier, Verified, VerifierOptions } from './tokens/verify.ts'
export type { PublicJwk } from './tokens/claims.ts'
export type { ProofClaims, Purpose } from './tokens/claims.ts'
export { describeUserAgent } from './server/user-agent.ts'
export type { Described } from './server/user-agent.ts'
export { sweepIn } from './server/interval.ts'
export { createAuthenticator } from './server/authenticate.ts'
export type { AuthenticateOptions, Authentication, Authenticator } from './server/authenticate.ts'
export { look as lookUpAccount, ownPrincipals } from './server/bindings/bound-account.ts'
export type { BoundAccount, NamedAccount, VerifiedToken } from './server/bindings/bound-account.ts'
export { ALIAS_HOLD_MS, ALIAS_LIMIT } from './server/bindings/binding-store.ts'
export { hasErrorCode, isUniqueViolation } from './server/bindings/sql-errors.ts'
export { repeatOnConflict } from './server/bindings/repeat.ts'
export { backupDigest, hashLocator } from './tokens/backup-digest.ts'
export type { BackupMethod } from './tokens/backup-digest.ts'
export { hmacKey } from './server/bindings/hmac-key.ts'
export { createChallenges } from './server/bindings/challenges.ts'
export type { ChallengePurpose, Challenges } from './server/bindings/challenges.ts'
export { createPrincipalsTag } from './server/bindings/principals-tag.ts'
export type { PrincipalsTag } from './server/bindings/principals-tag.ts'
export { createExternalAccounts } from './server/external/accounts.ts'
export type { ExternalAccount, ExternalAccounts } from './server/external/accounts.ts'
export { readRequest } from './server/request.ts'
export type { IncomingRequest } from './server/request.ts'
export { faultResponse } from './server/response.ts'
export { createSocketSession } from './server/sockets/socket-session.ts'
export type {
  ClosableSocket,
  RefreshOutcome,
  SocketSession,
  SocketSessionOptions,
} from './server/sockets/socket-session.ts'
export type { Limit } from './server/exchange/limit.ts'
export {
  answerRequest,
  createExchangeLimits,
  deviceSubject,
  exchangeMetadata,
} from './server/exchange/answer-request.ts'
export type {
  Answering,
  ExchangeAddresses,
  ExchangeLimits,
  TokenAnswer,
  VerifiedSubject,
} from './server/exchange/answer-request.ts'
export { exchangedClaims, readIssueRules } from './server/exchange/exchanged-claims.ts'
export { externalSubject } from './server/exchange/external-subject.ts'
export type { ExchangedSubject, Issue, IssueOptions, IssueRules, Issuing } from './server/exchange/exchanged-claims.ts'
export {
  NOT_KEPT,
  OAuthRefusal,
  readForm,
  readTokenRequest,
  refusedFor,
  throwRefusal,
} from './server/exchange/token-request.ts'
export type { TokenRequest } from './server/exchange/token-request.ts'
export { checkOptionNames } from './option-names.ts'
export type { OptionNames } from './option-names.ts'
