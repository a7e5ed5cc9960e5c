// Mutants that no test has to notice, each with the reason. An entry whose mutant no longer exists fails the run.

/**
 * @typedef {object} AcceptedMutant
 * @property {string} file
 * @property {string} line - the source line where the mutant starts, trimmed
 * @property {string} mutator
 * @property {string} [change] - `before → after`; without it, every change of this mutator on the line
 * @property {number} [nth] - which of the same changes on the line, from 1
 * @property {string} reason
 */

/** @type {readonly AcceptedMutant[]} */
export const ACCEPTED_MUTANTS = [
  {
    file: 'lib/tokens/decode.ts',
    line: 'if (part.length <= 256) knownHeaders.set(part, header)',
    mutator: 'number',
    change: '256 → 257',
    reason: 'Equivalent: no base64url text has 257 characters.',
  },
  {
    file: 'lib/tokens/decode.ts',
    line: "return nodeBuffer()?.from(text, 'latin1') ?? new TextEncoder().encode(text)",
    mutator: 'string',
    reason: 'Equivalent: the text is base64url and a dot, the same in UTF-8, the default.',
  },
  {
    file: 'lib/tokens/decode.ts',
    line: 'if (members?.has(name)) return true',
    mutator: 'optional chaining',
    reason: 'Equivalent: in valid JSON, a colon stands in an object. The type allows a list.',
  },
  {
    file: 'lib/tokens/decode.ts',
    line: 'members?.add(name)',
    mutator: 'optional chaining',
    reason: 'Equivalent: in valid JSON, a colon stands in an object. The type allows a list.',
  },
  {
    file: 'lib/tokens/public-key.ts',
    line: 'if (!isOpenssl()) decodePoint(bytes)',
    mutator: 'condition',
    change: '!isOpenssl() → true',
    reason: 'Performance only: OpenSSL decompresses the point again when it verifies.',
  },
  {
    file: 'lib/tokens/public-key.ts',
    line: "return hash ? hash('sha256', data, 'buffer') : node.createHash('sha256').update(data).digest()",
    mutator: 'condition',
    change: 'hash → false',
    reason: 'Performance only: both give the same digest.',
  },
  {
    file: 'lib/tokens/public-key.ts',
    line: "const key = await crypto.subtle.importKey('jwk', jwk, 'Ed25519', false, ['verify'])",
    mutator: 'boolean',
    reason: 'Equivalent: the key is public.',
  },
  {
    file: 'lib/tokens/verify.ts',
    line: 'function readOptions({ audience, clock = Date.now, cacheSize = 10_000, verifier }: VerifierOptions): Context {',
    mutator: 'number',
    reason: 'Performance only: one more cached entry.',
  },
  {
    file: 'lib/tokens/verify.ts',
    line: 'if (difference !== 0) return difference < 0',
    mutator: 'operator',
    change: '< → <=',
    reason: 'Equivalent: the difference is not zero here.',
  },
  {
    file: 'lib/tokens/verify.ts',
    line: 'if (difference !== 0) return difference < 0',
    mutator: 'number',
    nth: 2,
    reason: 'Equivalent: the difference is an integer, and not zero here.',
  },
  {
    file: 'lib/tokens/verify.ts',
    line: 'return -1',
    mutator: 'number',
    reason: 'Equivalent: any length but 16 is refused.',
  },
  {
    file: 'lib/server/external/claims.ts',
    line: 'for (let index = rules.requiredClaims.length - 1; index >= 0; index--)',
    mutator: 'operator',
    change: '>= → >',
    reason: 'The first of them is `exp`, whose absence is refused with the same code by the check of the times.',
  },
  {
    file: 'lib/server/external/claims.ts',
    line: 'for (let index = rules.requiredClaims.length - 1; index >= 0; index--)',
    mutator: 'number',
    change: '0 → 1',
    reason: 'The first of them is `exp`, whose absence is refused with the same code by the check of the times.',
  },
  {
    file: 'lib/server/external/claims.ts',
    line: "requireClaim(claims, 'iss')",
    mutator: 'removed statement',
    reason:
      'The token is refused either way, by the comparison with the issuers. Only the first of two reasons differs.',
  },
  {
    file: 'lib/server/external/claims.ts',
    line: "if (audience) requireClaim(claims, 'aud')",
    mutator: 'condition',
    change: 'audience → false',
    reason:
      'The token is refused either way, by the comparison with the audience. Only the first of two reasons differs.',
  },
  {
    file: 'lib/server/bindings/bound-account.ts',
    line: 'if (found) return found',
    mutator: 'condition',
    change: 'found → false',
    reason: 'Performance only: `insert` returns the binding that the account has.',
  },
  {
    file: 'lib/server/external/key-source.ts',
    line: 'return { known: (header) => (isFresh() ? keys?.known(header) : undefined), find }',
    mutator: 'condition',
    change: 'isFresh() → false',
    reason: 'Performance only: the key is found again.',
  },
  {
    file: 'lib/server/external/options.ts',
    line: "const issuers = readTexts('issuer', options.issuer)",
    mutator: 'string',
    reason: 'Only the name in a message.',
  },
  {
    file: 'lib/server/external/verifier.ts',
    line: 'const MAX_CACHED_CHARACTERS = 4096',
    mutator: 'number',
    reason: 'Performance only: a token that is one character longer is cached.',
  },
  {
    file: 'lib/server/external/verifier.ts',
    line: "ERR_JWT_INVALID: 'TOKEN_MALFORMED',",
    mutator: 'string',
    reason:
      'Not reached: the claims are parsed before jose sees the token. The row stays, for what jose may refuse later.',
  },
]
