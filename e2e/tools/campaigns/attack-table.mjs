// Every attack, the defence against it, what the source looks like without that defence, and the test that must notice.
// `attacks.mjs` runs it; `docs/threat-model.md` shows it.

/**
 * @typedef {object} Patch
 * @property {string} file
 * @property {string} find stands in the file exactly once
 * @property {string} replace
 */

/**
 * @typedef {object} Attack
 * @property {string} attack
 * @property {string} defence
 * @property {readonly Patch[]} patches more than one where several layers refuse, and none alone may be missed
 * @property {{ readonly file: string, readonly name: string }} test its full name, as Vitest prints it
 */

const plugin = (/** @type {string} */ name) => `adapters/better-auth/${name}`

const VERIFY = 'lib/tokens/verify.ts'
const UNCHECKED = '// unchecked'
const CLERK_TEST = 'adapters/account/clerk.test.ts'
const CLERK_ADMIN = 'an admin who impersonates the user in Clerk'
const CLERK_DEVICES = 'the devices of an account at Clerk'
const RECOVERY = 'lib/recovery/create-recovery.ts'
const RESTORE = 'lib/recovery/restore.ts'
const PASSKEY = 'lib/passkey/create-passkey-backup.ts'
const CEREMONIES = 'lib/passkey/ceremonies.ts'
const ENVELOPE = 'lib/passkey/envelope.ts'
const STORED = 'lib/passkey/stored.ts'
const HANDLE = 'lib/passkey/user-handle.ts'
const SECURE_STORE = 'adapters/expo/secure-store.ts'
const MARKS = 'adapters/expo/install-marks.ts'
const APPROVAL = 'lib/pairing/approval.ts'
const ARRIVAL = 'lib/pairing/arrival.ts'
const SEALED = 'lib/pairing/sealed-channel.ts'
const PAIRING = 'lib/pairing/create-pairing.ts'
const CONVERSATION = 'lib/pairing/conversation.ts'
const PAIR_TEST = 'lib/pairing/create-pairing.test.ts'
const SEALED_TEST = 'lib/pairing/sealed-channel.test.ts'
const GRANT_TEST = plugin('routes/pair.test.ts')
const PAIR_ROUTE = plugin('routes/pair.ts')
const EARLIER = plugin('hooks/earlier-requests.ts')
const EARLIER_TEST = plugin('hooks/earlier-requests.test.ts')
const ASKER = plugin('hooks/asker.ts')
const DEVICE_CODE = plugin('hooks/device-code.ts')
const DEVICE_CODE_TEST = plugin('hooks/device-code.test.ts')
const OAUTH_PROVIDER_TEST = plugin('oauth-provider.test.ts')
const BACKUPS = plugin('binding/backups.ts')
const BACKUP_ROUTE = plugin('routes/backup.ts')
const BACKUP_TEST = plugin('routes/backup.test.ts')
const BACKUP_CLIENT = plugin('client/backups.ts')
const BACKUPS_TEST = plugin('binding/backups.test.ts')
const HOCUSPOCUS = 'adapters/hocuspocus/server.ts'
const HOCUSPOCUS_TEST = 'adapters/hocuspocus/server.test.ts'
const EXPIRING_TEST = 'lib/passkey/expiring-store.test.ts'

const TRUSTED_PROVIDER =
  'a trusted provider that does not say that the address is verified proves the mailbox all the same:'

const codeUnchecked = {
  file: plugin('hooks/device-code.ts'),
  find: '  if (newSession) await internalAdapter.deleteSession(newSession.session.token)\n  ctx.context.setNewSession(null)\n  throw denied()\n',
  replace: UNCHECKED,
}

const PAIRED_OPEN =
  'a session that another one let in > ' +
  'binds no open account to its own key, and leaves it open for the user who let it in'

const codeCounts = {
  file: plugin('hooks/credentials.ts'),
  find: "['verification', DEVICE_CODES, ",
  replace: "['verification', ",
}
const providerUnproven = {
  file: plugin('hooks/users.ts'),
  find: 'if (await proveByProvider(await storeOf(tools), ctx, userId)) tools.cache.clear()',
  replace: 'void [proveByProvider, userId]',
}
const passwordAssumed = {
  file: plugin('hooks/compared-password.ts'),
  find: 'if (compared !== (await textOf(await passwordOf(ctx.context.adapter, userId)))) throw invalid()',
  replace: 'void [compared, passwordOf, userId]',
}
const foreignRouteUnproven = {
  file: plugin('hooks/provider-proof.ts'),
  find: 'return addedCredential !== undefined && !createdUser && !isCredentialSignIn(ctx)',
  replace: 'return addedCredential === null && !createdUser',
}
const providerUnnoticed = [providerUnproven, foreignRouteUnproven]

/**
 * A stranger's row with the id of an account in a column that they choose.
 *
 * @param {string} attack
 * @param {string} find
 * @param {string} test
 * @param {string} [replace]
 * @returns {Attack}
 */
const strangersRow = (attack, find, test, replace = UNCHECKED) => ({
  attack,
  defence: 'In a table in which strangers choose texts, only the columns that name a user count',
  patches: [{ file: plugin('hooks/credentials.ts'), find, replace }],
  test: { file: plugin('hooks/honest-sequences.test.ts'), name: `SQLite > nor does a stranger > ${test}` },
})
const pairedBinds = {
  file: plugin('routes/bind.ts'),
  find: "if (isPaired(session)) throw refusal('PRINCIPAL_FIXED')",
  replace: UNCHECKED,
}
const purposeUnchecked = {
  file: VERIFY,
  find: "if (claims.purpose !== purpose) throw new LatchkeyError('PROOF_PURPOSE_MISMATCH', `expected ${purpose}`)",
  replace: UNCHECKED,
}
const mailboxUnnoticed = {
  file: plugin('hooks/users.ts'),
  find: 'principalMailboxBy: prover, principalMailboxAt: tools.now(),',
  replace: '',
}
const resetUnnoticed = {
  file: plugin('hooks/password-reset.ts'),
  find: 'await proveMailbox(principals, user, prover)',
  replace: 'return false',
}
const jtiNotUnique = {
  file: plugin('schema.ts'),
  find: "jti: { type: 'string', required: true, unique: true },",
  replace: "jti: { type: 'string', required: true },",
}
const principalNotUnique = [
  {
    file: plugin('schema.ts'),
    find: "principal: { type: 'string', required: true, unique: true },",
    replace: "principal: { type: 'string', required: true },",
  },
  {
    file: plugin('schema.ts'),
    find: "principal: { type: 'string', required: false, unique: true, input: false },",
    replace: "principal: { type: 'string', required: false, unique: false as true, input: false },",
  },
]
const openUnchecked = [
  { file: plugin('binding/subject.ts'), find: "    { field: 'principal', value: null },\n", replace: '' },
  { file: plugin('binding/subject.ts'), find: ", { field: 'principalOpen', value: true }", replace: '' },
]

/**
 * One check of the external tokens that are verified without jose.
 *
 * @param {string} attack
 * @param {string} defence
 * @param {readonly [file: string, find: string, replace: string]} patch file of `lib/server/external`
 * @param {readonly [file: string, name: string]} test
 * @returns {Attack}
 */
const verifiedAtOnce = (attack, defence, [file, find, replace], [testFile, name]) => ({
  attack,
  defence,
  patches: [{ file: `lib/server/external/${file}.ts`, find, replace }],
  test: { file: `lib/server/external/${testFile}.test.ts`, name },
})

/**
 * The first proof of a mailbox by one route.
 *
 * @param {string} path
 * @param {readonly Patch[]} patches
 * @returns {Attack}
 */
const hijack = (path, ...patches) => ({
  attack: `Pre-hijack by the victim's address, then the victim's ${path}`,
  defence:
    'The first proof of a mailbox takes the account from a principal that was bound while the address was unverified',
  patches: patches.length > 0 ? patches : [mailboxUnnoticed],
  test: {
    file: plugin('hooks/verified-email.test.ts'),
    name: `SQLite > the first proof of a mailbox by ${path} > takes the account from the principal of its creator, and returns that principal to its key`,
  },
})

/** @type {readonly Attack[]} */
export const ATTACKS = [
  // Replay
  {
    attack: 'A proof is used a second time, later',
    defence: 'Its `jti` is stored before anything else happens',
    patches: [
      {
        file: plugin('binding/replay-store.ts'),
        find: "if (!(await insertUnique(adapter, 'latchkeyProof', 'jti', { jti: name, until }))) return false",
        replace: "await insertUnique(adapter, 'latchkeyProof', 'jti', { jti: name, until })",
      },
    ],
    test: { file: plugin('hooks/upgrade.test.ts'), name: 'SQLite > the proof > works once' },
  },
  {
    attack: 'A proof is used twice at the same moment',
    defence: 'The INSERT itself decides, not a query before it',
    patches: [
      {
        file: plugin('binding/replay-store.ts'),
        find: "if (!(await insertUnique(adapter, 'latchkeyProof', 'jti', { jti: name, until }))) return false",
        replace:
          "if (await adapter.findOne({ model: 'latchkeyProof', where: [{ field: 'jti', value: name }] })) return false\n    await insertUnique(adapter, 'latchkeyProof', 'jti', { jti: name, until })",
      },
    ],
    test: {
      file: plugin('hooks/upgrade.test.ts'),
      name: 'SQLite > the proof > works once, even if two requests use it at the same moment',
    },
  },
  {
    attack: 'A proof is used in two processes at once, on a SQLite file',
    defence: '`latchkeyProof.jti` is unique in the database',
    patches: [jtiNotUnique],
    test: {
      file: plugin('binding/race.test.ts'),
      name: 'several processes on a SQLite file > one proof, and a sign-up in each: it works once',
    },
  },
  {
    attack: 'A proof is used in two processes at once, on Postgres',
    defence: '`latchkeyProof.jti` is unique in the database',
    patches: [jtiNotUnique],
    test: {
      file: plugin('binding/race.test.ts'),
      name: 'several processes on Postgres > one proof, and a sign-up in each: it works once',
    },
  },
  {
    attack: 'A proof is used a second time at another server, whose clock is behind',
    defence: 'A used proof is remembered for five minutes after it expires',
    patches: [
      {
        file: plugin('binding/replay-store.ts'),
        find: 'new Date(clock() - CLOCKS_APART_MS)',
        replace: 'new Date(clock())',
      },
    ],
    test: {
      file: plugin('hooks/proofs.test.ts'),
      name: 'a used proof > is refused by a second server whose clock is four minutes behind, although the first one deletes expired proofs',
    },
  },
  {
    attack: 'A nonce is used a second time, with a new proof',
    defence: 'A nonce works once, like a proof',
    patches: [
      {
        file: plugin('routes/nonce.ts'),
        find: 'await proofs.useOnce(ctx.context, nonceName(nonce), until)',
        replace: UNCHECKED,
      },
    ],
    test: {
      file: plugin('routes/bind.test.ts'),
      name: 'SQLite > bind > uses its nonce up, even if many requests arrive at once',
    },
  },

  // Proofs and tokens for something else
  {
    attack: 'A proof for another server',
    defence: '`aud` is compared for equality with the configured address',
    patches: [
      {
        file: VERIFY,
        find: "if (!audiences.has(claims['aud'])) throw new LatchkeyError('TOKEN_AUDIENCE_MISMATCH')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: plugin('hooks/upgrade.test.ts'),
      name: 'SQLite > the proof > for another server is refused, and no user is created',
    },
  },
  {
    attack: 'A proof for another purpose',
    defence: 'A proof is valid for one operation',
    patches: [purposeUnchecked],
    test: {
      file: plugin('hooks/upgrade.test.ts'),
      name: 'SQLite > the proof > for another operation is refused, and no user is created',
    },
  },
  {
    attack: 'An expired proof',
    defence: 'A proof is valid for one minute',
    patches: [{ file: VERIFY, find: "if (!(exp > now)) throw new LatchkeyError('TOKEN_EXPIRED')", replace: UNCHECKED }],
    test: {
      file: plugin('hooks/upgrade.test.ts'),
      name: 'SQLite > the proof > that expired is refused, and no user is created',
    },
  },
  {
    attack: 'A proof that names a principal other than that of its key',
    defence: '`sub` is computed from the key',
    patches: [
      {
        file: VERIFY,
        find: "if (claims.sub !== key.principal) throw refusalUnder(key, 'TOKEN_SUBJECT_MISMATCH')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: plugin('attacks.test.ts'),
      name: 'SQLite > a proof that the attacker signs > in the name of another principal creates no account',
    },
  },
  {
    attack: "A proof that contains the victim's key but is signed with the attacker's",
    defence: 'The signature is verified with the key in the proof',
    patches: [
      {
        file: VERIFY,
        find: "(isValid ? undefined : 'TOKEN_SIGNATURE_INVALID')",
        replace: '(isValid ? undefined : undefined)',
      },
    ],
    test: {
      file: plugin('attacks.test.ts'),
      name: 'SQLite > a proof that the attacker signs > in the name of another key creates no account',
    },
  },
  {
    attack: 'A token with a key for which anyone can create signatures',
    defence: 'Keys of small order are refused before the signature is verified, because node:crypto accepts them',
    patches: [
      {
        file: 'lib/tokens/public-key.ts',
        find: "if (SMALL_ORDER.has(x)) throw new LatchkeyError('TOKEN_KEY_SMALL_ORDER')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: 'lib/tokens/public-key.test.ts',
      name: "with 'node:crypto' > a token forged under '0100000000000000000000000000000000000…' is refused: 'TOKEN_KEY_SMALL_ORDER'",
    },
  },
  {
    attack: 'The same, with a non-canonical encoding of such a key, which no blocklist contains',
    defence: 'A key with y not below p, or with the sign bit set while x is 0, is refused before the list is consulted',
    patches: [
      {
        file: 'lib/tokens/public-key.ts',
        find: "if (!isCanonical(bytes)) throw new LatchkeyError('TOKEN_KEY_NOT_CANONICAL')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: 'lib/tokens/public-key.test.ts',
      name: "with 'node:crypto' > a token forged under '0100000000000000000000000000000000000…' is refused: 'TOKEN_KEY_NOT_CANONICAL'",
    },
  },
  {
    attack: 'A token whose key is not a point on the curve, with a library that does not check this',
    defence: 'Except in Node with OpenSSL, the point is decompressed before the key reaches the library',
    patches: [{ file: 'lib/tokens/public-key.ts', find: 'if (!isOpenssl()) decodePoint(bytes)', replace: UNCHECKED }],
    test: {
      file: 'lib/tokens/public-key.test.ts',
      name: 'the point is decompressed before anything is verified > in Bun',
    },
  },
  {
    attack: 'A self-signed token that claims a role',
    defence: 'The list of claims is closed',
    patches: [
      {
        file: VERIFY,
        find: "if (!Object.keys(claims).every((name) => kind.claims.has(name))) throw new LatchkeyError('TOKEN_CLAIM_UNKNOWN')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: VERIFY.replace('.ts', '.test.ts'),
      name: 'a \'local-first token\' > and its claims > with one that is not in the table, {"roles":["admin"]}, are refused',
    },
  },

  // Stolen proofs
  {
    attack: "A stolen bind proof with its nonce, in the attacker's session",
    defence: 'A nonce is valid for one session',
    patches: [
      {
        file: 'lib/server/bindings/challenges.ts',
        find: 'JSON.stringify([head, purpose, session])',
        replace: 'JSON.stringify([head, purpose])',
      },
    ],
    test: {
      file: plugin('attacks.test.ts'),
      name: "SQLite > a stolen proof in the attacker's session > to bind, with the nonce that it was made for, binds nothing",
    },
  },
  {
    attack: "A stolen bind proof, with a nonce from the attacker's session",
    defence: 'The proof also contains the nonce',
    patches: [
      {
        file: VERIFY,
        find: "if (nonce !== undefined && claims.nonce !== nonce) throw new LatchkeyError('PROOF_NONCE_MISMATCH')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: plugin('attacks.test.ts'),
      name: "SQLite > a stolen proof in the attacker's session > to bind, with a nonce of the attacker's own, binds nothing",
    },
  },
  {
    attack: "A stolen bind proof, at the attacker's sign-in or sign-up",
    defence: 'A proof is valid for one operation',
    patches: [purposeUnchecked],
    test: {
      file: plugin('attacks.test.ts'),
      name: "SQLite > a stolen proof in the attacker's session > to bind, at a sign-in or a sign-up, binds nothing",
    },
  },
  {
    attack: "A stolen link proof, bound in the attacker's session",
    defence: 'A proof is valid for one operation, and a link proof names its account (two layers)',
    patches: [
      purposeUnchecked,
      {
        file: VERIFY,
        find: "if (claims.link_to !== linkTo) throw new LatchkeyError('PROOF_LINK_MISMATCH')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: plugin('attacks.test.ts'),
      name: "SQLite > a stolen proof in the attacker's session > to link, binds nothing",
    },
  },
  {
    attack: 'A request inside `run` goes to another origin',
    defence: "Only requests under the account server's base URL carry the proof",
    patches: [
      {
        file: plugin('client/proof-header.ts'),
        find: 'return new URL(url).href.startsWith(`${baseURL}/`)',
        replace: 'return baseURL !== url',
      },
    ],
    test: {
      file: plugin('hooks/upgrade.test.ts'),
      name: 'SQLite > the proof > travels only while upgrade runs, only on POST, only to the provider',
    },
  },
  {
    attack: 'A redirect would carry the proof to another origin',
    defence: 'A request with a proof follows no redirect',
    patches: [{ file: plugin('client/proof-header.ts'), find: "request.redirect = 'manual'", replace: UNCHECKED }],
    test: {
      file: plugin('hooks/upgrade.test.ts'),
      name: 'SQLite > the proof > travels only while upgrade runs, only on POST, only to the provider',
    },
  },
  {
    attack: 'A bearer token is requested for another origin',
    defence: '`auth.fetch` has a list of allowed origins, and refuses before it sends anything',
    patches: [
      {
        file: 'lib/client/tokens/auth-fetch.ts',
        find: "throw new LatchkeyError('ORIGIN_NOT_ALLOWED', origin)",
        replace: 'return defaultAudience(options)',
      },
    ],
    test: {
      file: 'lib/client/tokens/auth-fetch.test.ts',
      name: 'origins > https://evil.example/ is refused before anything is sent',
    },
  },

  {
    attack: 'An open redirect in the app carries the token to another origin',
    defence: "Redirects from the page's own origin are followed only within that origin",
    patches: [
      {
        file: 'lib/client/tokens/auth-fetch.ts',
        find: "return changed(request, { mode: 'same-origin' })",
        replace: 'return request',
      },
    ],
    test: {
      file: 'lib/client/tokens/auth-fetch.test.ts',
      name: "a redirect > within the page's own origin is followed, to no other: x-app-token",
    },
  },
  {
    attack: "An open redirect in the app carries the token of the page's first request to another origin",
    defence: "The code of the first load follows redirects only within the page's own origin",
    patches: [
      {
        file: 'lib/client/tokens/first-fetch.ts',
        find: "mode: 'same-origin', ",
        replace: '',
      },
    ],
    test: {
      file: 'lib/client/tokens/first-fetch.test.ts',
      name: 'before the later chunk has loaded > a redirect > of the first request of a page leads to no other origin',
    },
  },
  {
    attack: 'The first request of a page takes its token to another origin',
    defence:
      "The code of the first load sends only to the page's own origin; any other origin is checked against the list of allowed origins",
    patches: [
      {
        file: 'lib/client/tokens/first-fetch.ts',
        find: 'origin === globalThis.location?.origin',
        replace: 'true',
      },
    ],
    test: {
      file: 'lib/client/tokens/first-fetch.test.ts',
      name: 'before the later chunk has loaded > origins > https://evil.example/ is refused before anything is sent',
    },
  },
  {
    attack: 'A redirect from a listed origin carries the token to another origin, in a header that `fetch` forwards',
    defence: 'With `tokenHeader`, no redirect from another origin is followed',
    patches: [
      {
        file: 'lib/client/tokens/auth-fetch.ts',
        find: "return tokenHeader ? changed(request, { redirect: 'error' }) : request",
        replace: 'return request',
      },
    ],
    test: {
      file: 'lib/client/tokens/auth-fetch.test.ts',
      name: 'a redirect > of another origin is refused where the token has a header of its own, which `fetch` would pass on',
    },
  },
  {
    attack: 'A redirect leads a request to another origin, whose 401 ends the session, or has the request sent twice',
    defence: 'Only an answer of the origin that was asked says something about the token',
    patches: [
      {
        file: 'lib/client/tokens/auth-fetch.ts',
        find: '!response.redirected || new URL(response.url).origin === origin',
        replace: 'response !== null',
      },
    ],
    test: {
      file: 'lib/client/tokens/auth-fetch.test.ts',
      name: 'an answer of another origin, after a redirect > of 401 changes no state and is not repeated',
    },
  },

  // Sessions and links of the attacker in the victim's browser
  {
    attack: 'Login CSRF: a planted session, and a request of the victim that carries a proof',
    defence: 'Only a new session for a user who had none counts as a sign-in',
    patches: [
      {
        file: plugin('hooks/users.ts'),
        find: 'const isReplaced = present !== undefined && !present.isAnonymous',
        replace: 'const isReplaced = false',
      },
    ],
    test: {
      file: plugin('attacks.test.ts'),
      name: "SQLite > a session of the attacker, planted in the victim's browser > gets nothing from requests that carry a proof without a sign-in",
    },
  },
  {
    attack: 'Login CSRF: a planted session, and a bind by a victim who expects their own account',
    defence: '`x-latchkey-expect` is compared with what the account has proven',
    patches: [
      {
        file: plugin('routes/bind.ts'),
        find: "if (ctx.headers?.has(EXPECT_HEADER) && meetsExpectation(ctx, user) !== 'yes') throw refusal('PROOF_IDENTIFIER_MISMATCH')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: plugin('attacks.test.ts'),
      name: "SQLite > a session of the attacker, planted in the victim's browser > is not bound by a victim who says whom they expect",
    },
  },
  {
    attack: 'Login CSRF: a planted session, mistaken for the one that `run` created',
    defence: 'The client accepts a session only if `run` sent a request',
    patches: [
      {
        file: 'lib/client/account/upgrade.ts',
        find: "sent && !isDone) throw new LatchkeyError('PROOF_NOT_SENT')",
        replace: 'sent && !isDone) void 0',
      },
    ],
    test: {
      file: 'lib/client/account/upgrade.test.ts',
      name: 'failed > a session that was planted before gains nothing from a run without a sign-in',
    },
  },
  {
    attack:
      'Someone at the keyboard of a signed-in user types a wrong password where the app asks for the password again, and the outcome is `upgraded`',
    defence: 'The session that the account had before `run` does not make a refused sign-in a success',
    patches: [
      {
        file: 'lib/client/account/upgrade.ts',
        find: 'const isDone = found !== null && !isOld && isSameIdentity(found, before)',
        replace: 'const isDone = found !== null && isSameIdentity(found, before)',
      },
    ],
    test: {
      file: 'lib/client/account/upgrade.test.ts',
      name: 'failed > a refusal while the account is signed in: the session that it has is no success',
    },
  },
  {
    attack: 'Login CSRF: a planted session, while the user waits for a link that they requested',
    defence: 'A session that existed before `run` is shown to the user, and not accepted',
    patches: [
      {
        file: 'lib/client/account/upgrade.ts',
        find: 'return earlier?.accountId === found.accountId && earlier.id === found.id',
        replace: 'return earlier === found',
      },
    ],
    test: {
      file: 'lib/client/account/pending-upgrade.test.ts',
      name: 'a session that was planted before > is not mistaken for the requested one',
    },
  },
  {
    attack: 'Login CSRF: a session that appears outside `upgrade`',
    defence: "It waits for the user's confirmation",
    patches: [
      {
        file: 'lib/client/account/decide.ts',
        find: "if (consent === 'none') return 'show'",
        replace: "if (consent === 'none' && isTaken) return 'show'",
      },
    ],
    test: {
      file: 'lib/client/account/pending-upgrade.test.ts',
      name: "a session that appears outside > waits for the user's confirmation",
    },
  },
  {
    attack:
      'Login CSRF: a session is planted between the confirmation of an account and the step that makes it current',
    defence: 'Each response of the account server must name the account that was confirmed',
    patches: [
      {
        file: 'lib/client/account/apply.ts',
        find: 'if (found.accountId !== accountId) throw',
        replace: 'if (found.accountId === null) throw',
      },
    ],
    test: {
      file: 'lib/client/account/pending-upgrade.test.ts',
      name: 'a session that appears outside > changes right after the confirmation: a decision about one account is not applied to another',
    },
  },
  {
    attack: 'A decision about one account, in a tab that has not yet seen that another account is now in conflict',
    defence: 'A decision counts only for the conflict that the tab showed',
    patches: [
      {
        file: 'lib/client/account/resolve-conflict.ts',
        find: 'if (!isSameConflict(conflict, shown)) throw',
        replace: 'if (shown === undefined) throw',
      },
    ],
    test: {
      file: plugin('client/decisions.test.ts'),
      name: 'SQLite > a decision about a conflict that another tab has replaced > is not carried out: adopt',
    },
  },
  {
    attack: 'An `onConflict` function answers late about one account, while another account is in conflict',
    defence: 'The wait for the answer ends with its conflict, and the answer counts only for that conflict',
    patches: [
      {
        file: 'lib/client/account/resolve-conflict.ts',
        find: 'return await unlessAborted(wait.signal, work())',
        replace: 'return await work()',
      },
      {
        file: 'lib/client/account/resolve-conflict.ts',
        find: 'return await carryOut(context, accountOf(context)!, decision, conflict)',
        replace: 'return await resolveConflict(context, decision)',
      },
    ],
    test: {
      file: plugin('client/decisions.test.ts'),
      name: "SQLite > the policy's answer > about one account decides nothing about another",
    },
  },
  {
    attack:
      'Another user gets an identity in a second tab while a form of the first is open, and it becomes the principal of the account',
    defence: 'Only the identity that was current when the upgrade began is bound or linked',
    patches: [
      {
        file: 'lib/client/account/apply.ts',
        find: "if (before?.kind === 'device' && key?.principal !== before.principal) throw new LatchkeyError('IDENTITY_CHANGED')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: 'lib/client/races.test.ts',
      name: 'the identity that an upgrade began with > is the only one that the account is bound to if another tab gets another identity while `run` goes on',
    },
  },
  {
    attack:
      'A sign-up waits for a popup of another tab, and another user gets an identity in a third one, which becomes the principal of the account',
    defence: 'An upgrade is of the identity that the tab showed when the app asked for it, not after the wait',
    patches: [
      {
        file: 'lib/client/account/upgrade.ts',
        find: 'const expected = isFirst ? shownId(context) : shown',
        replace: 'const expected = shownId(context)',
      },
    ],
    test: {
      file: 'lib/client/races.test.ts',
      name: 'an upgrade that waits for another tab > is of the identity that was shown when the app asked: not if a third one gets another identity meanwhile',
    },
  },
  {
    attack: 'The user rejects an account in one tab after they accepted it in another, and is signed out everywhere',
    defence: 'A cancellation ends only a session that is still waiting',
    patches: [
      {
        file: 'lib/client/account/upgrade.ts',
        find: "if ((context.keyring()?.current ?? null) !== current) throw new LatchkeyError('IDENTITY_CHANGED')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: plugin('client/decisions.test.ts'),
      name: 'SQLite > a cancellation in a tab that has not seen what another tab did > does not touch an account that the other tab accepted',
    },
  },
  {
    attack: 'A cancellation in one tab removes the question about an account that another tab has found',
    defence: 'Only the conflict that the tab showed is cancelled',
    patches: [
      {
        file: 'lib/client/account/upgrade.ts',
        find: 'if (conflict && !isSameConflict(shown, conflict)) throw',
        replace: 'if (shown === null) throw',
      },
    ],
    test: {
      file: plugin('client/decisions.test.ts'),
      name: 'SQLite > a decision about a conflict that another tab has replaced > is not carried out: cancel',
    },
  },
  {
    attack: 'A sign-out that is delivered late ends the session of the person who has signed in since',
    defence: 'The request names its session, and the server ends no other',
    patches: [
      {
        file: 'adapters/better-auth/hooks/late-sign-out.ts',
        find: 'if (found && found.session.id !== (ctx.body as Record<string, unknown>)[MEMBER])',
        replace: 'if (found === undefined)',
      },
    ],
    test: {
      file: 'adapters/better-auth/client/sign-out.test.ts',
      name: 'SQLite > a sign-out that arrives after another person signed in leaves their session alone',
    },
  },
  {
    attack:
      'On a device with a wrong clock, an account that was signed out without a network is offered to the next person',
    defence:
      'A sign-out names its session, including that of an account in conflict; one that names none ends every session of the account',
    patches: [
      {
        file: 'lib/client/account/apply.ts',
        find: ', ...(sessionId !== undefined && { sessionId }) }',
        replace: ' }',
      },
      {
        file: 'lib/client/account/outbox.ts',
        find: 'if (sessionId === undefined || session.id === undefined) return true',
        replace: '',
      },
      { file: 'lib/client/shared/device-time.ts', find: 'return now() - timing.skew', replace: 'return now()' },
    ],
    test: {
      file: plugin('client/wrong-clock.test.ts'),
      name: 'SQLite > a sign-out without a network, on a device whose clock is wrong, > ends the session of a conflict: signOut, 7200000 ms ahead',
    },
  },
  {
    attack: 'The clock of a device is set back, and a sign-out that is delivered late ends a newer session of its user',
    defence: 'A negative time difference is not taken as evidence that a session is older',
    patches: [{ file: 'lib/client/account/outbox.ts', find: 'span >= 0 && ', replace: '' }],
    test: {
      file: plugin('client/wrong-clock.test.ts'),
      name: 'SQLite > a sign-out without a network, on a device whose clock is wrong, > does not end a newer session, although the clock was set back by 60000 ms',
    },
  },
  {
    attack: 'The next person at a shared computer resumes the key of an account whose user asked the app to forget it',
    defence: '`forget` deletes every key of the account, even one that is the only way into it',
    patches: [
      {
        file: 'lib/keystore/entries.ts',
        find: '(isForgotten || (entry.recoverable && isSpare(other)))',
        replace: '(entry.recoverable && isSpare(other))',
      },
    ],
    test: {
      file: 'lib/client/account/sign-out.test.ts',
      name: 'out of an account > the device key is deleted on request, even if it is the only way into the account',
    },
  },
  {
    attack: 'A sign-out with `forget`, in a tab that has not yet seen that another identity is now current',
    defence: 'Only the identity that the tab showed is signed out and deleted',
    patches: [
      {
        file: 'lib/client/account/sign-out.ts',
        find: 'keyring.current !== shown || !isMeant(known)',
        replace: '!isMeant(known)',
      },
    ],
    test: {
      file: 'lib/client/account/sign-out.test.ts',
      name: 'out of a local-first identity > one that this page did not show stays, and stays current',
    },
  },
  {
    attack: 'The same, after a write whose transaction has told the tab of the other identity',
    defence: 'The comparison is with the state that the tab shows, not with the record that it knows',
    patches: [
      {
        file: 'lib/client/account/sign-out.ts',
        find: 'const shown = shownId(context)',
        replace: 'const shown = context.keyring()?.current ?? null',
      },
    ],
    test: {
      file: 'lib/client/races.test.ts',
      name: 'a tab that has not heard what another one did > deletes no identity that it never showed, although a write has told it of that one',
    },
  },
  {
    attack:
      'The next user of a shared browser is offered an account that waited in one tab, while its user signed out in another tab',
    defence: 'The tab that shows the account ends its session once its user has signed out in another one',
    patches: [
      {
        file: 'lib/client/background.ts',
        find: 'const endWaiting = endWaitingWithUser(context, deliver)',
        replace: 'const endWaiting = (): void => {}',
      },
    ],
    test: {
      file: 'lib/client/races.test.ts',
      name: 'an account that waits in one tab, and not in the other, > leaves with a sign-out in the other',
    },
  },
  {
    attack: '`beforeSignOut` returns an invalid value, and unsynced data is left behind',
    defence: 'Only a finite number of at most 0, or no return value, lets the sign-out proceed',
    patches: [
      {
        file: 'lib/client/account/sign-out.ts',
        find: 'if (!Number.isFinite(unsynced))',
        replace: 'if (unsynced === null)',
      },
    ],
    test: {
      file: 'lib/client/account/sign-out.test.ts',
      name: 'unsynced data > also vetoes if the answer is invalid: a bare number',
    },
  },
  {
    attack: 'A captive portal answers the sign-out request, and the next person finds the session still alive',
    defence: "A sign-out counts as delivered only if the response has the account server's own format",
    patches: [
      {
        file: 'adapters/better-auth/client/requests.ts',
        find: '(data as { success?: unknown } | null)?.success === true',
        replace: 'true',
      },
    ],
    test: {
      file: 'adapters/better-auth/client/sign-out.test.ts',
      name: 'SQLite > a sign-out while an admin impersonates a user > is not delivered by something in front of the server',
    },
  },
  {
    attack: 'A gateway responds 401 with its own code, which ends the session of everyone behind it',
    defence: 'Only the session endpoint can report that there is no session, in its own response format',
    patches: [
      {
        file: 'adapters/better-auth/client/requests.ts',
        find: 'if (mayBeEnded && (await isSignedOut(fetch, signal))) return null',
        replace: 'if (mayBeEnded) return null',
      },
    ],
    test: {
      file: 'adapters/better-auth/client/client.test.ts',
      name: 'an answer of the account server > 401 with the code UNAUTHORIZED ends no session: only the endpoint of the session says that there is none',
    },
  },
  {
    attack:
      'A gateway in front of a binder refuses a token with a code that the binder also uses, which ends the session',
    defence: "Every response of a binder contains the binder's time; a code without it is not treated as the binder's",
    patches: [
      {
        file: 'adapters/account/index.ts',
        find: "const isOwn = typeof code === 'string' && (typeof now === 'number' || typeof error === 'string')",
        replace: "const isOwn = typeof code === 'string'",
      },
    ],
    test: {
      file: 'adapters/account/account.test.ts',
      name: 'something in front of the server that answers everything > ends no session with 401 and the code TOKEN_NOT_AN_ACCOUNT',
    },
  },
  {
    attack: 'A proxy strips the token, and the binder reports that there is no session',
    defence: 'If a token was sent, a response that reports a missing token ends no session',
    patches: [
      {
        file: 'adapters/account/index.ts',
        find: 'if (token !== null && isWithoutToken(answer))',
        replace: 'if (false)',
      },
    ],
    test: {
      file: 'adapters/account/account.test.ts',
      name: 'something in front of the server that answers everything > ends no session by removing the token',
    },
  },
  {
    attack: 'A slow deletion of local data finishes late, and deletes the unsent writes of the next session',
    defence: 'No connection starts until the deletion has ended, even if its caller has stopped waiting',
    patches: [
      {
        file: 'lib/session/runtime/connection.ts',
        find: 'gate.occupy(cleared.catch(() => {}))',
        replace: 'gate.occupy(withTimeout(timer, CLEAR_TIMEOUT_MS, cleared).catch(() => {}))',
      },
    ],
    test: {
      file: 'lib/session/never-settles.test.ts',
      name: 'a clear that never settles > delays the next connection until it is over: a late deletion removes no write of the next session',
    },
  },
  {
    attack: 'A secret that was swapped or damaged in the store is exported as a backup of this identity',
    defence: "A secret is exported only if it yields the identity's key",
    patches: [
      {
        file: 'lib/client/device/backup.ts',
        find: '  await openEntry(entry, context.options)\n  // If the store fails',
        replace: '  // If the store fails',
      },
    ],
    test: {
      file: 'lib/client/device/damaged-secret.test.ts',
      name: 'a stored secret of another identity > is KEYSTORE_CORRUPT wherever it is used',
    },
  },
  {
    attack: 'A session that a sign-out did not reach is offered to the next person',
    defence: 'A session that is listed in the outbox is neither shown nor used',
    patches: [
      {
        file: 'lib/client/account/session-check.ts',
        find: 'return found && isLeft(context, found) ? null : found',
        replace: 'return found',
      },
    ],
    test: {
      file: 'lib/client/races.test.ts',
      name: 'an answer about the session that comes late > shows no session that another tab is about to end',
    },
  },
  {
    attack: "A pending intent is completed by a session of the attacker's account",
    defence: 'It completes automatically only for an account that has proven the identifier that the user typed',
    patches: [
      {
        file: 'lib/client/account/session-check.ts',
        find: 'const isExpected = expected !== undefined && identifiers.some((identifier) => identifier.toLowerCase() === expected)',
        replace: 'const isExpected = expected !== undefined && identifiers.length > 0',
      },
    ],
    test: {
      file: 'lib/client/account/pending-upgrade.test.ts',
      name: 'an upgrade without a session yet > never for an account that has proven another',
    },
  },
  {
    attack: "A pending intent is completed by a link into the attacker's account",
    defence: 'The account must have proven the address that the user typed',
    patches: [
      {
        file: plugin('hooks/sign-in.ts'),
        find: "if (meets === 'mismatch') throw refusal('PROOF_IDENTIFIER_MISMATCH')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: plugin('hooks/sign-in-routes.test.ts'),
      name: "SQLite > magic link > into the attacker's own account, ends the session that it made",
    },
  },
  {
    attack: 'The same, into an account that the link itself would create',
    defence: 'The address is also compared before the user is created',
    patches: [
      {
        file: plugin('hooks/users.ts'),
        find: "if (meets === 'mismatch') throw refusal('PROOF_IDENTIFIER_MISMATCH')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: plugin('hooks/sign-in-routes.test.ts'),
      name: "SQLite > magic link > for another person's address, leaves neither user nor session",
    },
  },
  {
    attack:
      "A link into the attacker's account is followed in a browser without a device key, such as one that has signed out",
    defence: 'The expectation is compared in requests without a proof too',
    patches: [
      {
        file: plugin('hooks/sign-in.ts'),
        find: 'if (!device && !ctx.headers?.has(EXPECT_HEADER)) return false',
        replace: 'if (!device) return false',
      },
    ],
    test: {
      file: plugin('hooks/sign-in-routes.test.ts'),
      name: "SQLite > magic link > into the attacker's own account, without a proof, ends the session that it made",
    },
  },
  {
    attack:
      'A later request of `run` sends another address, and the pending intent then waits for the account of that one',
    defence: 'What the user typed first stays, until the app says that they typed another identifier',
    patches: [
      {
        file: 'lib/client/account/pending-upgrade.ts',
        find: 'found.expected === null ? { ...found, expected } : found',
        replace: 'found.expected === expected ? found : { ...found, expected }',
      },
    ],
    test: {
      file: plugin('client/session-origin.test.ts'),
      name: 'SQLite > what the user typed stays, whatever address a later request of `run` sends, until the app says otherwise',
    },
  },
  {
    attack: "The victim is lured to the app's own verification page, with the attacker's token in the link",
    defence: 'A followed link binds nothing unless the request names the identifier that it expects',
    patches: [
      {
        file: plugin('hooks/request-context.ts'),
        find: "if (expected == null) return isFollowedLink(ctx) ? 'unsaid' : 'yes'",
        replace: "if (expected == null) return 'yes'",
      },
    ],
    test: {
      file: plugin('hooks/sign-in-routes.test.ts'),
      name: 'SQLite > magic link > fetched by a device that does not say whom it expects, binds nothing',
    },
  },
  {
    attack: "A victim approves the attacker's device, which polls with its own proof",
    defence: 'Device authorization never binds',
    patches: [{ file: plugin('hooks/users.ts'), find: ' || isApproved(ctx)', replace: '' }],
    test: {
      file: plugin('attacks.test.ts'),
      name: 'SQLite > a device that polls for an approval does not bind the account of the user who approves',
    },
  },

  // Pre-hijack
  hijack('/magic-link/verify'),
  hijack('/verify-email'),
  hijack('/sign-in/email-otp'),
  hijack('/email-otp/verify-email'),
  hijack('/email-otp/reset-password', mailboxUnnoticed, resetUnnoticed),
  hijack('/reset-password', resetUnnoticed),
  {
    attack: "Pre-hijack, then the victim's sign-in through a provider that proves the address",
    defence:
      'The first proof of a mailbox takes the account from a principal that was bound while the address was unverified',
    patches: [mailboxUnnoticed, providerUnproven],
    test: {
      file: plugin('hooks/oauth.test.ts'),
      name: 'SQLite > a provider that proves the mailbox of an unverified local account > takes it from the principal that made it',
    },
  },
  {
    attack: "Pre-hijack, and the victim's own device signs the request that proves the mailbox",
    defence: "Only the bound principal's own key keeps the binding",
    patches: [
      {
        file: plugin('binding/verified-email.ts'),
        find: '[proverByKey(user), proverBySession(user.principal!)].includes(prover)',
        replace: 'prover !== NOBODY',
      },
    ],
    test: {
      file: plugin('hooks/verified-email.test.ts'),
      name: 'SQLite > the first proof of a mailbox by /magic-link/verify > signed by another device, still takes it, and does not bind that device',
    },
  },
  {
    attack: 'The user opens the mailed link in the browser in which they signed up, and loses the principal',
    defence: "A session that the principal's own key made confirms the binding",
    patches: [
      {
        file: plugin('binding/verified-email.ts'),
        find: '[proverByKey(user), proverBySession(user.principal!)].includes(prover)',
        replace: '[proverByKey(user)].includes(prover)',
      },
    ],
    test: {
      file: plugin('hooks/honest-verification.test.ts'),
      name: 'SQLite > keeps the principal of a user who signed up with a proof > the link, opened in the same browser by plain navigation',
    },
  },
  {
    attack:
      'The user opens the mailed link in a browser in which another account is signed in with its own key, and loses the principal at once',
    defence: 'Only a session of the account that is verified shows who opened the link',
    patches: [
      {
        file: plugin('hooks/users.ts'),
        find: 'if (principal && principal === user?.principal) return proverBySession(principal)',
        replace: 'if (principal) return proverBySession(principal)',
      },
    ],
    test: {
      file: plugin('hooks/honest-verification.test.ts'),
      name: "SQLite > a session of another account, made with that account's key, leaves it contested",
    },
  },
  {
    attack: 'The user proves the address by a magic link inside `upgrade`, after a reload, and loses the principal',
    defence: 'While the mailbox is unproven, `upgrade` also sends a proof if the current entry is already the account',
    patches: [
      {
        file: 'lib/client/account/upgrade.ts',
        find: '(await currentKey(context)) ?? (await unprovenAccountKey(context))',
        replace: 'await currentKey(context)',
      },
    ],
    test: {
      file: plugin('client/verification.test.ts'),
      name: 'SQLite > keeps the principal > following a magic link inside upgrade, after a reload',
    },
  },
  {
    attack: 'Pre-hijack of an open account: the attacker can still enter it with the password',
    defence: 'A mailbox proof binds only if no earlier means of access remains',
    patches: [
      {
        file: plugin('hooks/sign-in.ts'),
        find: '(await waysBeforeBinding(principals, ctx, user, session)).length > 0',
        replace: '!waysBeforeBinding',
      },
    ],
    test: {
      file: plugin('hooks/verified-email.test.ts'),
      name: 'SQLite > a mailbox proof binds no account that another person could still enter',
    },
  },
  {
    attack: 'Pre-hijack of an open account, whose mailbox the victim proved before signing in',
    defence: 'If its mailbox was ever proven, an open account is bound only if no earlier means of access remains',
    patches: [
      {
        file: plugin('hooks/handover.ts'),
        find: 'return user.principalMailboxBy == null ? [] : waysIn(principals, ctx, user, asking)',
        replace: "return user.principalMailboxBy === 'contested' ? [] : waysIn(principals, ctx, user, asking)",
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > an account that was created with the victim's address, whose mailbox was proven without a proof > is not bound by the session that a followed verification mail created",
    },
  },
  {
    attack:
      "Pre-hijack of an account without a proof: the victim, signed in by the mailed link, adds a passkey, signs in with it and adopts the data of her device, while the creator's password still opens the account",
    defence:
      "A passkey that another session than the creator's adds ends the trust in sessions that a credential created",
    patches: [
      {
        file: plugin('hooks/earlier-requests.ts'),
        find: 'if (asking || found.isOpen) await noteCredential(principals, user, asking)',
        replace: UNCHECKED,
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > an account that was created with the victim's address, whose mailbox was proven without a proof > gets no principal of a victim who adds a passkey in a session of hers, and signs in with it",
    },
  },
  {
    attack:
      "The same with a creator's proof, where the victim's session asked for nothing before she added the passkey",
    defence: 'A passkey that another session adds decides a contested binding',
    patches: [
      {
        file: plugin('binding/verified-email.ts'),
        find: 'if (isContested(user)) await proveMailbox(principals, user, NOBODY)\n',
        replace: 'if (isContested(user)) return false\n',
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: 'SQLite > an account that was created with a proof, whose verification mail the victim followed > gets no principal of hers after she added a passkey, if her session asked for nothing before',
    },
  },
  {
    attack: 'The same, where the victim opened the mail in a browser in which the creator had planted a session',
    defence: 'The same holds where the mailbox was verified in a browser with a session of the creator',
    patches: [
      {
        file: plugin('binding/verified-email.ts'),
        find: 'else if (!(await principals.changeUnprovenUser(user, { principalMailboxBy: NOBODY }))) {',
        replace: 'else if (principals.now === null) {',
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > an account that was created with a proof, whose verification mail the victim followed > gets none either if she opened it in a browser with a creator's session",
    },
  },
  {
    attack: 'The same with a password that a page of the app sets for the victim',
    defence: "A password that another session than the creator's adds counts as such a passkey does",
    patches: [
      {
        file: plugin('hooks/users.ts'),
        find: "else if (ctx && typeof hash === 'string' && !isSignIn(ctx)) await notePassword(ctx, tools, userId)",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > an account that was created with the victim's address, whose mailbox was proven without a proof > gets no principal of a victim for whom a page of the app sets a password",
    },
  },
  {
    attack: 'An admin creates a user with a password, and the account of the admin counts as one with a new credential',
    defence: 'A password is noted for the user who gets it',
    patches: [
      {
        file: plugin('hooks/users.ts'),
        find: 'const data = await followPassword(password, ctx, tools, userId)',
        replace: 'const data = await followPassword(password, ctx, tools)',
      },
    ],
    test: {
      file: plugin('hooks/honest-sequences.test.ts'),
      name: 'SQLite > an admin who creates a user with a password adds no credential of their own',
    },
  },
  {
    attack:
      'The victim opens the verification link of an account that was created without a proof, and signs in by mail; the creator keeps access',
    defence:
      'A verification also contests an account that has no binding yet: the first sign-in by mail ends the earlier access',
    patches: [
      {
        file: plugin('binding/verified-email.ts'),
        find: 'return user.principalMailboxBy === CONTESTED && isProofPending(user)',
        replace: 'return user.principalMailboxBy === CONTESTED && isResetDue(user)',
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > an account that was created with the victim's address, whose mailbox was proven without a proof > that was used loses its creator by a magic link, after a verification mail was followed",
    },
  },
  {
    attack: 'The same, and the victim signs in with her device',
    defence: 'A sign-in with a device ends the earlier access also where there is no binding to reset',
    patches: [
      {
        file: plugin('hooks/sign-in.ts'),
        find: 'if (!hasBinding(user) && !(await provenDevice(ctx))) return false',
        replace: 'if (!hasBinding(user)) return false',
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > an account that was created with the victim's address, whose mailbox was proven without a proof > that was used loses its creator by a code, after a verification mail was followed",
    },
  },
  {
    attack:
      'The same without a binding; the victim signs in by mail without a device, which ends nothing, and then adopts the data of her device',
    defence: 'A session by mail links nothing while anything of the creator remains',
    patches: [
      {
        file: plugin('hooks/handover.ts'),
        find: 'if (isMakers(asking, user) && (await isUndecided(principals, ctx, user, asking))) return null',
        replace: 'if (isMakers !== undefined && (await isUndecided(principals, ctx, user, asking))) return null',
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > an account that was created with the victim's address, whose mailbox was proven without a proof > gets no principal of a victim who signs in by mail without a device, and then links one",
    },
  },
  {
    attack:
      "The same, and the creator adopts a principal; the victim's device, whose principal is an alias of another account of hers, signs in by mail",
    defence: 'Only an alias of the account itself is its own key',
    patches: [
      {
        file: plugin('binding/verified-email.ts'),
        find: 'return isCurrent(row, user) && !(await hasRevokedKey(principals, row))',
        replace: 'return isCurrent !== undefined && !(await hasRevokedKey(principals, row))',
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > an account that was created with the victim's address, whose mailbox was proven without a proof > loses its creator also by a magic link with the key of the victim's other account",
    },
  },
  {
    attack:
      'A revoked key, whose principal is an alias of an account without a principal, keeps it by a proof of the mailbox',
    defence: "A revoked key is no longer the account's own",
    patches: [
      {
        file: plugin('binding/verified-email.ts'),
        find: 'return isCurrent(row, user) && !(await hasRevokedKey(principals, row))',
        replace: 'return isCurrent(row, user)',
      },
    ],
    test: {
      file: plugin('hooks/honest-sequences.test.ts'),
      name: 'SQLite > an account without a principal, to which a device linked its own after a mail program had opened the mail > loses the alias of a key that was revoked',
    },
  },
  {
    attack:
      "Pre-hijack: while the victim adds a passkey, the creator links a first principal, and her passkey counts as the creator's",
    defence: 'What another session adds is noted in whichever state the account is by then',
    patches: [
      {
        file: plugin('binding/verified-email.ts'),
        find: 'return present !== null && noteCredential(principals, present, asking)',
        replace: 'return present !== null',
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > an account that was created with the victim's address, whose mailbox was proven without a proof > counts as hers once she adds a passkey, also if its creator links a first principal at that moment",
    },
  },
  {
    attack: "Pre-hijack: a passkey that the victim adds without a session counts as the creator's",
    defence: "Where the app requires no session for it, a passkey that no session adds may be another person's",
    patches: [
      {
        file: plugin('hooks/earlier-requests.ts'),
        find: 'if (asking || found.isOpen) await noteCredential(principals, user, asking)',
        replace: 'if (asking) await noteCredential(principals, user, asking)',
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: 'SQLite > a passkey that is added without a session, where none is required, is not taken for that of the creator',
    },
  },
  {
    attack: 'A passkey registration without a session, which is refused, takes a contested account from its user',
    defence: 'A passkey that no session adds counts only where the app requires none',
    patches: [
      {
        file: plugin('hooks/earlier-requests.ts'),
        find: 'if (asking || found.isOpen) await noteCredential(principals, user, asking)',
        replace: 'if (ctx.path === REGISTRATION) await noteCredential(principals, user, asking)',
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: 'SQLite > an account that was created with a proof, whose verification mail the victim followed > stays as it is when a passkey is refused for want of a session',
    },
  },
  {
    attack:
      'An admin who impersonates the creator opens the verification mail, and the first sign-in by mail ends nothing',
    defence: 'A session that says nothing about the mailbox vouches for none',
    patches: [
      {
        file: plugin('hooks/users.ts'),
        find: 'found?.user.id === user.id && !isNeutral(found.session as AskingSession)',
        replace: 'found?.user.id === user.id && isNeutral !== undefined',
      },
    ],
    test: {
      file: plugin('hooks/honest-sequences.test.ts'),
      name: 'SQLite > an admin who opens the mail of a user, whom they impersonate, does not vouch for the mailbox',
    },
  },
  {
    attack: 'The same, and the creator adopts a principal before the victim signs in',
    defence: 'A link does not make a contested mailbox count as proven',
    patches: [
      {
        file: plugin('binding/adopt.ts'),
        find: '!isContested(user) && (user.emailVerified || isMailboxProven(user))',
        replace: 'isContested !== undefined && (user.emailVerified || isMailboxProven(user))',
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > an account that was created with the victim's address, whose mailbox was proven without a proof > loses its creator by a magic link also if he adopted a principal after the verification mail was followed",
    },
  },
  {
    attack: "Pre-hijack of an open account: the attacker's bind runs while the victim proves the mailbox",
    defence: 'A bind changes nothing if the mailbox was proven after the account was looked at',
    patches: [
      {
        file: plugin('binding/claim.ts'),
        find: 'if ((found.principalMailboxBy ?? null) !== principalMailboxBy) return false',
        replace: UNCHECKED,
      },
      { file: plugin('binding/claim.ts'), find: ', equal({ principalMailboxBy })', replace: '' },
    ],
    test: {
      file: plugin('routes/bind.test.ts'),
      name: 'SQLite > bind > binds nothing if the mailbox is proven after the account was looked at',
    },
  },
  {
    attack: "The attacker changes an account's address to the victim's, and the victim signs in",
    defence: 'A change of address proves the mailbox for no key',
    patches: [
      {
        file: plugin('hooks/users.ts'),
        find: 'principalMailboxBy: (await isHandedOn(ctx, tools)) ? HANDED_ON : MOVED,',
        replace: '',
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > an account whose address was changed to the victim's > is not bound by the victim's sign-in, nor by bind",
    },
  },
  {
    attack: "The attacker changes an account's address to the victim's, and the victim links a principal to it",
    defence: 'An account whose address was changed links only if no earlier means of access remains',
    patches: [
      {
        file: plugin('hooks/handover.ts'),
        find: 'if (prover == null || prover === proverByKey(user)) return null',
        replace: "if (prover == null || prover === proverByKey(user) || prover === 'moved') return null",
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > an account whose address was changed to the victim's > links nothing of the victim's",
    },
  },
  {
    attack:
      "Pre-hijack by the victim's address and the attacker's phone number, which keeps the binding; the victim signs in by mail, adds a password or passkey, and links a principal after signing in with it",
    defence:
      'Once a credential was added after the mailbox was proven, a sign-in with a credential is not taken for the creator',
    patches: [
      {
        file: plugin('hooks/handover.ts'),
        find: 'return keyThatMade(asking) === principal || !(await hasCredentialSince(principals, context, user))',
        replace: 'return keyThatMade(asking) !== undefined || !(await hasCredentialSince(principals, context, user))',
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > an account whose binding was made with the victim's address, and a phone number > that the creator verified before: a password that the victim adds lets her link nothing",
    },
  },
  {
    attack:
      'The same, and the address is changed after the victim added the credential, so that it no longer is younger than what is recorded',
    defence: 'A change of address records that another person may have added a credential before',
    patches: [
      {
        file: plugin('hooks/users.ts'),
        find: 'return hasCredentialSince(await storeOf(tools), tools.auth, user)',
        replace: 'return false',
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > an account whose binding was made with the victim's address, and a phone number > that the creator verified before: a password that the victim adds lets her link nothing",
    },
  },
  {
    attack:
      "Pre-hijack by the victim's address and the attacker's phone number; the victim resets the password by mail, then the address is changed, and the victim's session counts as the creator's",
    defence: 'A change of address does not undo that another person was shown to own the account',
    patches: [{ file: plugin('hooks/users.ts'), find: 'if (isOthers(user)) return true', replace: UNCHECKED }],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > an account whose binding was made with the victim's address, and a phone number > that the creator verified before: the victim, who resets the password and then changes the address, links nothing",
    },
  },
  {
    attack: 'The same, and the new address is then verified',
    defence: 'Nor does the verification of another address',
    patches: [
      { file: plugin('hooks/users.ts'), find: 'if (user && isOthers(user)) return OTHERS', replace: UNCHECKED },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > an account whose binding was made with the victim's address, and a phone number > that the creator verified before: the victim, who resets the password and then changes the address, links nothing",
    },
  },
  {
    attack:
      "Pre-hijack by the victim's address, with an open session of the attacker; the victim resets the password by mail, opens a verification mail, and links a principal",
    defence: 'A verification decides nothing where the mailbox was proven before',
    patches: [
      {
        file: plugin('hooks/users.ts'),
        find: 'if (user?.principalMailboxBy != null && !isMoved(user) && isMailboxProven(user)) return user.principalMailboxBy',
        replace: UNCHECKED,
      },
      { file: plugin('hooks/users.ts'), find: 'if (user && isOthers(user)) return OTHERS', replace: UNCHECKED },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > a victim who resets the creator's password by mail, and then opens a verification mail, links nothing",
    },
  },
  {
    attack: "Pre-hijack by the victim's address; the victim opens the mailed link, which signs them in",
    defence:
      "A binding contested by a plain verification is reset when a session that neither the creator's key nor the creator's credentials created asks for its account",
    patches: [
      {
        file: plugin('binding/verified-email.ts'),
        find: 'if (!asking || !hasBinding(user) || (await decidesNothing(principals, user, asking))) return user',
        replace: 'if (!asking || !hasBinding(user) || principals.now) return user',
      },
    ],
    test: {
      file: plugin('hooks/honest-verification.test.ts'),
      name: 'SQLite > takes the account from a creator who used the address of another person > the victim opens the link, and is signed in by it',
    },
  },
  {
    attack: 'The same, and the victim then adopts the data of their device into the account',
    defence: 'The session that resets a contested binding counts as created by the first proof of the mailbox',
    patches: [
      {
        file: plugin('binding/verified-email.ts'),
        find: 'return proveMailbox(principals, user, NOBODY)',
        replace: 'return proveMailbox(principals, user, user.principal!)',
      },
    ],
    test: {
      file: plugin('hooks/honest-verification.test.ts'),
      name: 'SQLite > takes the account from a creator who used the address of another person > the victim opens the link, and is signed in by it',
    },
  },
  {
    attack:
      "Pre-hijack by the victim's address; the account's creator or the victim verifies a phone number after the victim opened the mailed link",
    defence: 'A phone number keeps a binding only if it was verified before the mailbox',
    patches: [
      {
        file: plugin('binding/verified-email.ts'),
        find: 'user.phoneNumberVerified === true && user.principalMailboxBy !== CONTESTED',
        replace: 'user.phoneNumberVerified === true',
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > an account whose binding was made with the victim's address, and a phone number > that the victim verified after she opened the link: the creator loses the account",
    },
  },
  {
    attack:
      "The account's creator plants a session, created with the password, in the browser in which the victim opens the link",
    defence: "Only a session created with the principal's key confirms a binding",
    patches: [
      {
        file: plugin('hooks/sign-in-origin.ts'),
        find: "return principal !== null && principal === found?.user['principal'] ? principal : null",
        replace: "return found ? String(found.user['principal']) : principal",
      },
    ],
    test: {
      file: plugin('hooks/honest-verification.test.ts'),
      name: 'SQLite > takes the account from a creator who used the address of another person > a session that the creator planted without the key confirms nothing',
    },
  },
  {
    attack: "Pre-hijack by the victim's address, with an API key left in the account",
    defence: "Every column of every plugin's table is searched for the user's id, not only those called `userId`",
    patches: [
      {
        file: plugin('hooks/credentials.ts'),
        find: "return type === 'string' ? [whole, part] : []",
        replace: 'return []',
      },
    ],
    test: {
      file: plugin('hooks/untouched.test.ts'),
      name: 'SQLite > the first proof of a mailbox binds no account that its creator can still use > by an API key of @better-auth/api-key',
    },
  },
  {
    attack: "Pre-hijack by the victim's address, with an API key outside the database",
    defence: 'The secondary storage is searched as well',
    patches: [{ file: plugin('hooks/credentials.ts'), find: 'if (found != null) return true', replace: UNCHECKED }],
    test: {
      file: plugin('hooks/untouched.test.ts'),
      name: 'SQLite > the first proof of a mailbox binds no account that its creator can still use > by an API key that is kept in a secondary storage only',
    },
  },
  {
    attack:
      "Pre-hijack by the victim's address, with a sign-in whose password is compared while the victim signs in by mail",
    defence: 'A session is refused if its password is gone once the session is stored',
    patches: [
      {
        file: plugin('hooks/sign-in.ts'),
        find: 'await requirePassword(ctx, newSession.user.id)',
        replace: 'void requirePassword',
      },
    ],
    test: {
      file: plugin('hooks/untouched.test.ts'),
      name: 'SQLite > the first proof of a mailbox binds no account that its creator can still use > by a sign-in, whose password was compared meanwhile',
    },
  },
  {
    attack: 'A sign-in with the earlier password, which is compared while the password is reset, outlives the reset',
    defence: 'A password that was replaced meanwhile is compared once more',
    patches: [
      {
        file: plugin('hooks/compared-password.ts'),
        find: 'if (account && Date.now() - new Date(account.updatedAt).getTime() > RECENTLY_MS) return',
        replace: 'if (account && RECENTLY_MS > 0) return',
      },
    ],
    test: {
      file: plugin('hooks/untouched.test.ts'),
      name: 'SQLite > the first proof of a mailbox binds no account that its creator can still use > a sign-in does not outlive a new password that was set while the old one was compared',
    },
  },
  {
    attack:
      'Pre-hijack: the creator enters the password, and the second factor only after the victim has taken the account',
    defence: 'A second factor completes only a sign-in whose password is still the same',
    patches: [passwordAssumed],
    test: {
      file: plugin('hooks/untouched.test.ts'),
      name: 'SQLite > the first proof of a mailbox binds no account that its creator can still use > a second factor for a password that was entered before does not let in, after an owner who resets the password by mail',
    },
  },
  {
    attack: 'The same, where the server that stores the new password has a slow clock',
    defence: 'What was entered is compared with the password, and no times are',
    patches: [passwordAssumed],
    test: {
      file: plugin('hooks/untouched.test.ts'),
      name: 'SQLite > the first proof of a mailbox binds no account that its creator can still use > a second factor for a password that a server with a slow clock replaced does not let in',
    },
  },
  {
    attack:
      'The same, and the creator asks that the device is trusted: the refusal still gives the mark of a trusted one',
    defence: 'The second factor is refused before anything is given',
    patches: [
      {
        file: plugin('hooks/compared-password.ts'),
        find: 'if (!(await askingSession(ctx))) await requireUnchanged(ctx, half.value)',
        replace: 'void askingSession',
      },
    ],
    test: {
      file: plugin('hooks/untouched.test.ts'),
      name: 'SQLite > the first proof of a mailbox binds no account that its creator can still use > a second factor for a password that was entered before does not let in, after an owner who signs in by a magic link',
    },
  },
  {
    attack: 'The same with a password that is compared while it is replaced',
    defence: 'A password that was replaced meanwhile is compared once more',
    patches: [
      {
        file: plugin('hooks/compared-password.ts'),
        find: 'if (comparesPassword(ctx) && !(await isValid(ctx, account))) return',
        replace: UNCHECKED,
      },
    ],
    test: {
      file: plugin('hooks/untouched.test.ts'),
      name: 'SQLite > the first proof of a mailbox binds no account that its creator can still use > a second factor for a password that was replaced while it was compared does not let in',
    },
  },
  {
    attack:
      "Pre-hijack: a change of the password, whose comparison began before the victim's reset by mail, replaces the victim's password and counts as the victim's choice",
    defence: 'The password of a reset by mail is compared once more when it is changed',
    patches: [
      {
        file: plugin('hooks/password-reset.ts'),
        find: 'if (!(await passwords.verify({ hash: present.password, password: ctx.body?.currentPassword })))',
        replace: 'if (!passwords)',
      },
    ],
    test: {
      file: plugin('hooks/untouched.test.ts'),
      name: 'SQLite > the first proof of a mailbox binds no account that its creator can still use > a change of the password is refused if the victim set one by mail while the old one was compared',
    },
  },
  {
    attack: "The same, while the app is told of the victim's reset, as long as that takes",
    defence: 'The password is compared once more, whoever is recorded to have chosen it',
    patches: [
      {
        file: plugin('hooks/password-reset.ts'),
        find: 'if (!present?.password) return',
        replace:
          'if (!present?.password || user.principalMailboxBy !== (await proverByReset(present.password))) return',
      },
    ],
    test: {
      file: plugin('hooks/untouched.test.ts'),
      name: 'SQLite > the first proof of a mailbox binds no account that its creator can still use > a change of the password is refused if the victim set one by mail, of which the app is told meanwhile',
    },
  },
  {
    attack: "Pre-hijack by the victim's address, with a phone number of the attacker that is not verified yet",
    defence: 'Any phone number is a way in: its code verifies it and signs in',
    patches: [
      {
        file: plugin('hooks/credentials.ts'),
        find: 'user.phoneNumber || user.phoneNumberVerified',
        replace: 'user.phoneNumberVerified',
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > an account whose binding was made with the victim's address, and a phone number > and whose password the victim reset by mail, the creator having verified the number before > links nothing while it has the number, verified or not: whoever gets its code is signed in",
    },
  },
  {
    attack: "Pre-hijack by the victim's address, with a phone number of the attacker in the account",
    defence: 'A verified phone number is a way in: it can sign in, and set a new password',
    patches: [
      {
        file: plugin('hooks/credentials.ts'),
        find: "...(user.phoneNumber || user.phoneNumberVerified ? ['phoneNumber'] : []),",
        replace: '',
      },
    ],
    test: {
      file: plugin('hooks/untouched.test.ts'),
      name: 'SQLite > the first proof of a mailbox binds no account that its creator can still use > by a verified phone number',
    },
  },
  {
    attack: "Pre-hijack by the victim's address, with a second factor of the attacker in the account",
    defence: 'A second factor that was switched on before the proof is a way in',
    patches: [
      {
        file: plugin('hooks/credentials.ts'),
        find: "...(twoFactorEnabled ? ['twoFactor'] : []),",
        replace: '',
      },
    ],
    test: {
      file: plugin('hooks/untouched.test.ts'),
      name: 'SQLite > the first proof of a mailbox binds no account that its creator can still use > by a second factor',
    },
  },
  {
    attack: "Pre-hijack by the victim's address, where only the attacker's device is left in the account",
    defence: "A device's key is a way in, like a password",
    patches: [
      {
        file: plugin('hooks/credentials.ts'),
        find: "...((await hasDevice(principals, user)) ? ['device'] : [])",
        replace: "...(hasDevice.length > 2 ? ['device'] : [])",
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > an account in which only the creator's device is left lets the victim link nothing",
    },
  },
  {
    attack:
      'The creator of an account that a provider proved for its owner removes all else in a session of the old password, and links a device',
    defence: "A session that asks is a way in itself, unless the mailbox's owner made it",
    patches: [
      {
        file: plugin('hooks/credentials.ts'),
        find: '...(!isOwners || sessions.some',
        replace: '...(sessions.some',
      },
    ],
    test: {
      file: plugin('hooks/oauth.test.ts'),
      name: "SQLite > a provider that proves the mailbox of an unverified local account > counts only a session of its own as its owner's: the creator's session links nothing when all else is removed",
    },
  },
  {
    attack: "The same, in a session of the creator's own provider, which is removed afterwards",
    defence: "A session counts as the owner's only by the credential of the provider that proved the mailbox",
    patches: [
      {
        file: plugin('hooks/owner-session.ts'),
        find: 'return used != null && isOwnersCredential(user, used)',
        replace: 'return used != null && Boolean(isOwnersCredential)',
      },
    ],
    test: {
      file: plugin('hooks/oauth.test.ts'),
      name: 'SQLite > a provider that proves the mailbox of an unverified local account > does not vouch for a session of another provider that the creator had, and removes afterwards',
    },
  },
  {
    attack:
      "The same, in a session by a code to the creator's own address, which is changed to the victim's during the request",
    defence:
      'A session names the mailbox to which its link or code was mailed, not the address that its user has by then',
    patches: [
      {
        file: plugin('hooks/owner-session.ts'),
        find: '(await mailedAddress(ctx)) ?? user.email',
        replace: '(void mailedAddress, user.email)',
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > a sign-in by mail during which the creator changes the address to the victim's makes a session that links nothing: > a code",
    },
  },
  {
    attack: "The same, in a session by a magic link to the creator's own address",
    defence: 'The address of a magic link is noted when the link is used',
    patches: [
      {
        file: plugin('hooks/users.ts'),
        find: '=> noteMagicLink(row, ctx)',
        replace: '=> void [noteMagicLink, row, ctx]',
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > a sign-in by mail during which the creator changes the address to the victim's makes a session that links nothing: > a magic link",
    },
  },
  {
    attack:
      "The same, while Better Auth deletes an earlier link to the victim in the request of the creator's own link",
    defence: 'A link that has expired is not taken for the one that is used',
    patches: [
      {
        file: plugin('hooks/mailed-token.ts'),
        find: ' || new Date(expiresAt).getTime() <= Date.now()) return',
        replace: ' || expiresAt === undefined) return',
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > a sign-in by mail during which the creator changes the address to the victim's makes a session that links nothing: > a magic link, while one to the victim that has expired is deleted",
    },
  },
  {
    attack: "The same, in a session by mail to the creator's own address, from before it was changed to the victim's",
    defence: 'A session names the mailbox whose owner made it',
    patches: [
      {
        file: plugin('binding/session-origin.ts'),
        find: 'return principalVia?.endsWith(OWNER + mailbox) === true',
        replace: 'return mailbox !== null && principalVia?.includes(OWNER) === true',
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > an account whose address was changed to the victim's > links nothing for a session that was made by mail to the earlier address, after the victim's sign-in",
    },
  },
  {
    attack: "An admin creates a user whose id is a device's principal",
    defence: 'An id chosen by a request must not have the form of a principal',
    patches: [{ file: plugin('hooks/users.ts'), find: 'isReservedId(String(id)) || ', replace: '' }],
    test: {
      file: plugin('hooks/user-id.test.ts'),
      name: "SQLite > a user's id chosen by an admin > is never a device's principal",
    },
  },
  {
    attack: 'An admin creates a user with the id of a deleted one',
    defence: 'The lock table contains the ids of deleted users, and an id chosen by a request must not be in it',
    patches: [
      { file: plugin('hooks/users.ts'), find: ' || (await (await storeOf(tools)).find(String(id)))', replace: '' },
    ],
    test: {
      file: plugin('hooks/user-id.test.ts'),
      name: "SQLite > a user's id chosen by an admin > is never the id of a deleted user",
    },
  },
  {
    attack: "A user whose id is a device's principal enters the database without passing through the hooks",
    defence: 'A user id in the form of a principal is never returned as one',
    patches: [{ file: plugin('binding/subject.ts'), find: 'if (!isOwn || isReservedId(id))', replace: 'if (!isOwn)' }],
    test: {
      file: plugin('hooks/user-id.test.ts'),
      name: "SQLite > a user that was inserted without the hooks > is refused if its id has a principal's form",
    },
  },
  {
    attack: "An admin creates a user whose id is the principal of another provider's account",
    defence: 'An id in the namespace of Latchkey is no id of a user',
    patches: [{ file: plugin('binding/subject.ts'), find: ' || /^urn:latchkey:/i.test(id)', replace: '' }],
    test: {
      file: plugin('hooks/user-id.test.ts'),
      name: "SQLite > a user's id chosen by an admin > is never the principal of another provider's account",
    },
  },
  {
    attack: "A deleted user's id enters the database again",
    defence: 'A retired id is never returned as a principal',
    patches: [
      {
        file: plugin('binding/subject.ts'),
        find: "(row.userId === id && row.kind !== 'retired')",
        replace: 'row.userId === id',
      },
    ],
    test: {
      file: plugin('hooks/user-id.test.ts'),
      name: 'SQLite > a user that was inserted without the hooks > is refused if its id belonged to a deleted user, even one that was never looked at',
    },
  },
  {
    attack: 'A user whose id the lock table assigns to another account',
    defence: 'The lock row of the id must name the user',
    patches: [
      {
        file: plugin('binding/subject.ts'),
        find: "(row.userId === id && row.kind !== 'retired')",
        replace: "row.kind !== 'retired'",
      },
    ],
    test: {
      file: plugin('hooks/user-id.test.ts'),
      name: 'SQLite > a user that was inserted without the hooks > is refused if the lock gives its id to another user',
    },
  },
  {
    attack: 'A revoked session asks for its account, with its cached cookie',
    defence: 'The subject is read from the stored session, never from a cookie cache',
    patches: [
      {
        file: plugin('routes/endpoint.ts'),
        find: '  getAuthoritativeSessionFromCtx,',
        replace: '  getAuthoritativeSessionFromCtx, getSessionFromCtx,',
      },
      {
        file: plugin('routes/endpoint.ts'),
        find: 'const found = await getAuthoritativeSessionFromCtx(ctx)',
        replace: 'const found = await getSessionFromCtx(ctx)',
      },
    ],
    test: {
      file: plugin('routes/cached-session.test.ts'),
      name: 'SQLite > a session that was revoked while its cookie still says who it was > gets no subject',
    },
  },
  {
    attack: 'A revoked session asks for a token, with its cached cookie',
    defence: 'A token is issued only for a session that still exists',
    patches: [
      {
        file: plugin('jwt.ts'),
        find: 'const found = await context.internalAdapter.findSession(session.token)',
        replace: 'const found = { session }',
      },
    ],
    test: {
      file: plugin('routes/cached-session.test.ts'),
      name: 'SQLite > a session that was revoked while its cookie still says who it was > gets no token',
    },
  },
  {
    attack: 'Pre-hijack of an open account: the victim opens the mailed link, and then binds their device',
    defence: '`bind` also checks that no earlier means of access remains',
    patches: [
      {
        file: plugin('routes/bind.ts'),
        find: 'refuseHandedOver(await waysBeforeBinding(principals, ctx, user, session))',
        replace: 'void waysBeforeBinding',
      },
    ],
    test: {
      file: plugin('routes/bind.test.ts'),
      name: 'SQLite > bind > after a link that handed the account over: refused while its creator could still enter it',
    },
  },
  {
    attack: 'Abuse of the reset: a later link from a second laptop would detach the legitimate user',
    defence: 'A mailbox that was already proven resets nothing',
    patches: [
      {
        file: plugin('binding/verified-email.ts'),
        find: 'return user.principalMailbox === mailboxOf(user)',
        replace: 'return false',
      },
    ],
    test: {
      file: plugin('hooks/verified-email.test.ts'),
      name: "SQLite > the first proof of a mailbox by /magic-link/verify > is the only one that can: a second laptop's link changes nothing",
    },
  },
  {
    attack: 'Abuse of the reset: a new password that is refused',
    defence: 'The reset is applied only together with the new password, once Better Auth has accepted it',
    patches: [
      {
        file: plugin('hooks/password-reset.ts'),
        find: 'if (userId !== undefined) requestContextOf(ctx).resetUser = userId',
        replace:
          'const principals = (await import("../binding/principal-store.ts")).principalStore(ctx.context.adapter, new Date())\n  if (userId !== undefined) await proveMailbox(principals, (await principals.findUser("id", userId))!, NOBODY)',
      },
    ],
    test: {
      file: plugin('hooks/honest-sequences.test.ts'),
      name: 'SQLite > a password that is reset > with one that is refused changes nothing, and with an accepted one resets the binding',
    },
  },
  {
    attack: "Pre-hijack: the victim opens the mailed link, and resets the creator's password by a mailed code",
    defence: 'A reset by a code counts as a reset by a link does, even where it changes nothing but the password',
    patches: [
      {
        file: plugin('hooks/password-reset.ts'),
        find: "['/reset-password', '/email-otp/reset-password']",
        replace: "['/reset-password']",
      },
    ],
    test: {
      file: plugin('hooks/honest-verification.test.ts'),
      name: 'SQLite > takes the account from a creator who used the address of another person > the victim opens the link, and resets the password by a code',
    },
  },
  {
    attack:
      "Pre-hijack: the victim opens the mailed link, and gets a new password by their phone number, or from an admin, so that their sign-in looks like the creator's",
    defence: 'A password that was set without the key and without the earlier password ends a contested binding',
    patches: [
      {
        file: plugin('hooks/password-reset.ts'),
        find: 'return !(device && (await isOwnKey(principals, user, device))) && noteCredential(principals, user, undefined)',
        replace: 'return false',
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > an account whose binding was made with the victim's address, and a phone number > that was verified after the victim opened the link: a new password by it is not taken for the creator's",
    },
  },
  {
    attack:
      "A password by the victim's phone number, after she opened the mail in a browser in which the creator had planted a session, looks like the creator's",
    defence: "A password that replaces the creator's in this way counts as one that was added then",
    patches: [
      {
        file: plugin('hooks/users.ts'),
        find: '? { createdAt: new Date() } : {}',
        replace: '? {} : {}',
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > an account whose binding was made with the victim's address, and a phone number > that the victim verified after she opened the link in a browser with a creator's session: a password by it lets her link nothing",
    },
  },
  {
    attack:
      "Pre-hijack: the victim resets the password by mail, and the creator sets another one by a phone number, which then counts as the victim's choice",
    defence: 'Each password but the very one that a reset by mail set is a way in',
    patches: [
      {
        file: plugin('hooks/credentials.ts'),
        find: "return prover === (providerId === PASSWORD_PROVIDER ? await proverByReset(password ?? '')",
        replace:
          "if (providerId === PASSWORD_PROVIDER && prover?.startsWith('reset:')) return true\n  return prover === (providerId === PASSWORD_PROVIDER ? await proverByReset(password ?? '')",
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > an account whose binding was made with the victim's address, and a phone number > and whose password the victim reset by mail, the creator having verified the number before > does not take the password for hers that the number set afterwards",
    },
  },
  {
    attack:
      "A creator requests a new password at their own mailbox, changes the address to the victim's, and then uses the mailed link: the password counts as the victim's choice",
    defence: 'A mailed token that names only the user is refused if it was requested before the address was changed',
    patches: [
      {
        file: plugin('hooks/earlier-requests.ts'),
        find: "'/reset-password': 'reset-password:',",
        replace: '',
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > an account whose address was changed to the victim's > gets no new password by a link that was requested before",
    },
  },
  {
    attack:
      'The same, where the new password is requested while the address changes, so that the link seems to be the later one',
    defence: 'A token that was stored within ten seconds after a change of address is refused as well',
    patches: [{ file: plugin('hooks/earlier-requests.ts'), find: '? OVERLAP_MS : 0', replace: '? 0 : -OVERLAP_MS' }],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > an account whose address was changed to the victim's > gets no new password by a link that was requested while it was changed",
    },
  },
  {
    attack:
      'A creator requests the deletion of their account, hands it over by a change of address, and sends the link to the victim, whose browser deletes the account',
    defence: 'A deletion that was requested before the address was changed is refused, also with a session',
    patches: [
      {
        file: plugin('hooks/earlier-requests.ts'),
        find: "'/delete-user/callback': 'delete-account-'",
        replace: "'/unchecked': ''",
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > an account whose address was changed to the victim's > is not deleted by a link that was requested before, and that the victim opens",
    },
  },
  {
    attack:
      'Pre-hijack: the creator signs in more often than one query reads sessions, so that one outlives the sign-in of the victim by mail',
    defence: 'Sessions are ended until none but the new one is left, and providers in one statement',
    patches: [
      {
        file: plugin('hooks/sign-in.ts'),
        find: 'await endSessions(context, session.userId, (live) => live.filter(({ token }) => token !== session.token))',
        replace:
          'void endSessions\n  for (const { token } of await context.internalAdapter.listSessions(session.userId))\n    if (token !== session.token) await context.internalAdapter.deleteSession(token)',
      },
    ],
    test: {
      file: plugin('hooks/honest-verification.test.ts'),
      name: 'SQLite > takes the account from a creator who used the address of another person > the victim opens the link, and enters by a magic link, where the creator has more sessions and providers than one query reads',
    },
  },
  {
    attack: 'A cookie that was stolen hours after the sign-in revokes the keys of the devices, permanently',
    defence: 'The revocation of a key needs a sign-in in the last ten minutes, whatever `freshAge` is',
    patches: [
      {
        file: plugin('routes/keys.ts'),
        find: "if (!isRecent(ctx.context.session.session)) throw refusal('SESSION_NOT_FRESH')",
        replace: 'void isRecent',
      },
    ],
    test: {
      file: plugin('routes/bind.test.ts'),
      name: 'SQLite > device keys > are not revoked ten minutes after the sign-in, whatever freshAge is',
    },
  },

  // OAuth
  {
    attack: "An OAuth start is passed to a victim, or its state is swapped for the victim's",
    defence: 'Better Auth refuses it by the state cookie; if that check is disabled, the callback binds nothing',
    patches: [
      {
        file: plugin('hooks/request-context.ts'),
        find: "if (skipStateCookieCheck && storeStateStrategy !== 'cookie') return undefined",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: plugin('hooks/oauth.test.ts'),
      name: 'SQLite > a sign-in through an OpenID provider > binds nothing where the server does not check the state cookie',
    },
  },
  {
    attack: 'OAuth state with a device that the client wrote into it',
    defence: 'The device is read from the part of the state that only the server writes',
    patches: [
      {
        file: plugin('hooks/request-context.ts'),
        find: "(state.serverContext?.['latchkey'] ?? {})",
        replace: "(state.serverContext?.['latchkey'] ?? (state as Record<string, unknown>)['latchkey'] ?? {})",
      },
    ],
    test: {
      file: plugin('hooks/oauth.test.ts'),
      name: 'SQLite > a sign-in through an OpenID provider > does not take what a client writes into the state',
    },
  },

  // The lock
  {
    attack: 'Squatting: a reservation with a stolen proof keeps the owner out',
    defence: 'The same key can take up its reservation again at any time',
    patches: [
      {
        file: plugin('binding/reservation.ts'),
        find: "if ((await holderInUse(principals, row)) !== 'nobody') throw taken()",
        replace: 'if (row.until !== null && row.until > principals.now) throw taken()',
      },
    ],
    test: {
      file: plugin('attacks.test.ts'),
      name: 'SQLite > a principal that an attacker reserves with a stolen proof, and never uses, stays with its key at once',
    },
  },
  {
    attack: 'Squatting: another key with the same principal waits until a reservation expires',
    defence: 'The whole thumbprint is stored and compared',
    patches: [
      {
        file: plugin('binding/reservation.ts'),
        find: 'if (row.thumbprint !== thumbprint) throw taken()',
        replace: 'void thumbprint',
      },
    ],
    test: {
      file: plugin('hooks/lifecycle.test.ts'),
      name: 'SQLite > a reservation > is no use to another key, however long ago it was',
    },
  },
  {
    attack: 'Another key with the same principal links a principal that its own key has released',
    defence: 'The whole thumbprint is stored and compared',
    patches: [
      {
        file: plugin('binding/reservation.ts'),
        find: 'if (row.thumbprint !== thumbprint) throw taken()',
        replace: 'void thumbprint',
      },
    ],
    test: {
      file: plugin('routes/link.test.ts'),
      name: 'SQLite > link > is refused where another key has released the principal',
    },
  },
  {
    attack: "Another key with the same principal is told that it is the account's own",
    defence: 'A repeated link compares the whole thumbprint',
    patches: [
      {
        file: plugin('routes/link.ts'),
        find: 'if ((await principals.find(device.principal))?.thumbprint !== device.thumbprint) throw taken()',
        replace: 'if ((await principals.find(device.principal)) === null) throw taken()',
      },
    ],
    test: {
      file: plugin('routes/link.test.ts'),
      name: "SQLite > link > is refused where another key made the account's principal",
    },
  },
  {
    attack: 'An account whose principal the lock gives to another one keeps the aliases that were linked to it',
    defence: 'Aliases count only together with the principal that they were linked to',
    patches: [
      {
        file: plugin('binding/subject.ts'),
        find: "isBound || user.principal == null ? rows.filter((row) => row.kind === 'alias' && isCurrent(row, user)) : []",
        replace: "rows.filter((row) => row.kind === 'alias' && isCurrent(row, user))",
      },
    ],
    test: {
      file: plugin('hooks/upgrade.test.ts'),
      name: 'SQLite > one principal > is not counted for a user whose lock row names another, and neither are its aliases',
    },
  },
  {
    attack: 'A server stalls until its reservation has expired, and writes its user after another request has begun',
    defence: 'The user carries the epoch of its reservation, and is valid only in that epoch',
    patches: [
      {
        file: plugin('binding/principal-row.ts'),
        find: "if (row.kind === 'retired' || row.kind === 'held' || row.epoch !== user.principalEpoch) return false",
        replace: "if (row.kind === 'retired' || row.kind === 'held') return false",
      },
    ],
    test: {
      file: plugin('hooks/lifecycle.test.ts'),
      name: 'SQLite > a reservation > that expired while its server stalled gives its user no principal',
    },
  },
  {
    attack: 'The same, while the epoch of the expired reservation is still current',
    defence: 'An expired epoch is never used again',
    patches: [
      {
        file: plugin('binding/reservation.ts'),
        find: 'const epoch = isLive ? row.epoch : newEpoch()',
        replace: 'const epoch = isLive ? row.epoch : row.epoch',
      },
    ],
    test: {
      file: plugin('hooks/lifecycle.test.ts'),
      name: 'SQLite > a reservation > is entered again by the same key, in the same epoch while it lasts, in another one afterwards',
    },
  },
  {
    attack: 'One principal for two accounts: binds in two processes, on a SQLite file',
    defence: '`latchkeyPrincipal.principal` and `user.principal` are unique in the database (two layers)',
    patches: principalNotUnique,
    test: {
      file: plugin('binding/race.test.ts'),
      name: 'several processes on a SQLite file > one principal, and an open account in each: one of them has it',
    },
  },
  {
    attack: 'One principal for two accounts: sign-ups in two processes, on Postgres',
    defence: '`latchkeyPrincipal.principal` and `user.principal` are unique in the database (two layers)',
    patches: principalNotUnique,
    test: {
      file: plugin('binding/race.test.ts'),
      name: 'several processes on Postgres > one principal, and a sign-up in each: one user has it, and there is no orphan',
    },
  },
  {
    attack: 'Two principals for one account: binds in two processes, on a SQLite file',
    defence: 'The UPDATE that binds requires that the account is still open',
    patches: openUnchecked,
    test: {
      file: plugin('binding/race.test.ts'),
      name: 'several processes on a SQLite file > several principals, and one open account: it has one of them, and keeps it',
    },
  },
  {
    attack: 'Two principals for one account: binds in two processes, on Postgres',
    defence: 'The UPDATE that binds requires that the account is still open',
    patches: openUnchecked,
    test: {
      file: plugin('binding/race.test.ts'),
      name: 'several processes on Postgres > several principals, and one open account: it has one of them, and keeps it',
    },
  },
  {
    attack: 'A bind races a link of the same principal, and the server that links stalls in between, on Postgres',
    defence: 'No principal is taken from an account if a row has changed since it was read',
    patches: [
      {
        file: plugin('binding/reservation.ts'),
        find: 'if (present?.epoch !== row.epoch || present.kind !== row.kind) throw taken()',
        replace: 'if (present === null) throw taken()',
      },
      {
        file: plugin('binding/reservation.ts'),
        find: 'const isReleased = isCurrent(present, user)',
        replace: 'const isReleased = isCurrent(row, user)',
      },
    ],
    test: {
      file: plugin('routes/adopt-race.test.ts'),
      name: 'several processes on Postgres adopt and undo > a link out of a released one, while the same principal is bound',
    },
  },
  {
    attack: 'A sign-up races a link of the same principal, and the server that links stalls in between, on Postgres',
    defence: 'A request that takes over a row checks for a user who was created first, and yields',
    patches: [
      {
        file: plugin('binding/reservation.ts'),
        find: "const isFree = !(await trx.findUser('principal', row.principal))",
        replace: 'const isFree = true',
      },
    ],
    test: {
      file: plugin('routes/adopt-race.test.ts'),
      name: 'several processes on Postgres adopt and undo > a link, while a sign-up takes the principal',
    },
  },
  {
    attack: 'The first token races the bind',
    defence: 'The first use closes the account, and the UPDATE of the bind requires an open one',
    patches: [openUnchecked[1]],
    test: {
      file: plugin('hooks/lifecycle.test.ts'),
      name: 'SQLite > a first use that comes between a claim and its UPDATE wins',
    },
  },
  {
    attack: 'A bind after the first use',
    defence: 'The first use closes the account',
    patches: [
      {
        file: plugin('binding/subject.ts'),
        find: 'await changeOpenUser(principals, user.id, { principalOpen: false })',
        replace: UNCHECKED,
      },
    ],
    test: {
      file: plugin('routes/bind.test.ts'),
      name: 'SQLite > bind > an account that was used is fixed, and reading it with `peek` does not use it',
    },
  },
  {
    attack: 'A principal freed by deletion',
    defence: 'A row that names a deleted user keeps its principal permanently',
    patches: [
      {
        file: plugin('binding/reservation.ts'),
        find: "return row.userId === null ? 'nobody' : 'retired'",
        replace: "return 'nobody'",
      },
    ],
    test: {
      file: plugin('hooks/lifecycle.test.ts'),
      name: "SQLite > a deleted account retires its principal > deleted behind the server's back",
    },
  },

  // Planted secrets and revoked keys
  {
    attack: 'A device secret, planted before the upgrade, is used after it',
    defence: 'Once the account can be recovered, its device key is no longer accepted',
    patches: [
      {
        file: plugin('binding/status.ts'),
        find: "return isResetDue(holder) || !isRecoverable(holder) ? 'active' : 'disabled'",
        replace: "return isResetDue(holder) || !isRecoverable(holder) ? 'active' : 'active'",
      },
    ],
    test: {
      file: plugin('attacks.test.ts'),
      name: "SQLite > a device secret that the attacker planted > gains nothing once the victim's account can be recovered",
    },
  },
  {
    attack: 'The same, at a server that cannot look up keys',
    defence: 'A resolver without a lookup fails at construction, unless its options explicitly allow this',
    patches: [
      {
        file: 'lib/server/sources/local-first.ts',
        find: "if (!lookup && afterUpgrade !== 'allow') throw new TypeError(\"localFirst: set `lookup`, or afterUpgrade: 'allow'\")",
        replace: 'void afterUpgrade',
      },
    ],
    test: {
      file: 'lib/server/resolver.test.ts',
      name: 'createSessionResolver > requires a lookup, or an option that says that the device key stays a way in',
    },
  },
  {
    attack: 'A revoked device key is used again',
    defence: 'The lookup of a principal also checks its key',
    patches: [
      { file: plugin('binding/status.ts'), find: ' || (await isRevokedKey(principals, thumbprint))', replace: '' },
    ],
    test: {
      file: plugin('hooks/lifecycle.test.ts'),
      name: 'SQLite > a key that was revoked stays revoked, whatever happens to the account',
    },
  },
  {
    attack: 'The same, where the row of its principal is missing',
    defence: 'Revoked keys are checked before the missing row is considered',
    patches: [
      {
        file: plugin('binding/status.ts'),
        find: "if ((row && row.thumbprint !== thumbprint) || (await isRevokedKey(principals, thumbprint))) return 'disabled'",
        replace:
          "if (row && (row.thumbprint !== thumbprint || (await isRevokedKey(principals, thumbprint)))) return 'disabled'",
      },
    ],
    test: {
      file: plugin('resolver.test.ts'),
      name: 'a device key after the upgrade > is refused if it was revoked, also where its principal has no row',
    },
  },
  {
    attack: 'A bind in a session that was stolen long ago',
    defence: '`bind` requires a fresh session',
    patches: [
      {
        file: plugin('routes/endpoint.ts'),
        find: 'if (!isFresh(sessionConfig, session?.session ?? { createdAt: new Date(0) })) {',
        replace: 'if (!isFresh(sessionConfig, { createdAt: new Date() })) {',
      },
    ],
    test: { file: plugin('routes/bind.test.ts'), name: 'SQLite > bind > is refused in a session that is old' },
  },

  // Fields and users of others
  {
    attack: 'A principal in the body of a sign-up',
    defence: 'The field accepts no input, and the hook that creates users overwrites it (two layers)',
    patches: [
      {
        file: plugin('schema.ts'),
        find: "principal: { type: 'string', required: false, unique: true, input: false },",
        replace: "principal: { type: 'string', required: false, unique: true, input: true as false },",
      },
      {
        file: plugin('hooks/users.ts'),
        find: "if (!device || meets === 'unsaid') return { principal: null, principalOpen: true,",
        replace: "if (!device || meets === 'unsaid') return { principalOpen: true,",
      },
    ],
    test: { file: plugin('attacks.test.ts'), name: 'SQLite > a principal in the body of a sign-up is ignored' },
  },
  {
    attack: 'A principal in the body of a bind',
    defence: 'The device is the one in the proof',
    patches: [
      {
        file: plugin('routes/bind.ts'),
        find: 'const device = await provenBy(context, tools())',
        replace:
          'const { principal, thumbprint } = { ...(await provenBy(context, tools())), ...(ctx.body as object) }\n    const device = { principal, thumbprint }',
      },
    ],
    test: {
      file: plugin('attacks.test.ts'),
      name: "SQLite > a proof that the attacker signs > for itself, with the victim's principal in the body, binds its own",
    },
  },
  {
    attack: 'A principal that an admin sets for a new user',
    defence: "The hook that creates users overwrites the plugin's columns",
    patches: [
      {
        file: plugin('hooks/users.ts'),
        find: 'if (!mayBind(user, ctx)) return { principal: null, principalOpen: false, principalEpoch: null, ...mailbox }',
        replace: 'if (!mayBind(user, ctx)) return mailbox',
      },
    ],
    test: {
      file: plugin('hooks/lifecycle.test.ts'),
      name: "SQLite > the fields of the plugin are its own > at an admin's new user",
    },
  },
  {
    attack: 'A principal that an admin sets for an existing user',
    defence: "The hook that updates users refuses the plugin's columns",
    patches: [
      {
        file: plugin('hooks/users.ts'),
        find: "if (Object.keys(user).some((name) => name.startsWith('principal'))) throw refusal('PRINCIPAL_FIELD_FORBIDDEN')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: plugin('hooks/lifecycle.test.ts'),
      name: 'SQLite > the fields of the plugin are its own > principal, at an update',
    },
  },
  {
    attack: "An admin creates a user with a proof of the admin's own device",
    defence: 'Users created by an admin are never bound',
    patches: [
      {
        file: plugin('hooks/users.ts'),
        find: "return ctx?.path?.startsWith('/admin/') === true",
        replace: 'return ctx?.path === undefined',
      },
    ],
    test: {
      file: plugin('hooks/upgrade.test.ts'),
      name: 'SQLite > never bound by a header > a user that an admin creates, whatever the admin passes',
    },
  },
  {
    attack: 'An admin who impersonates a user binds a principal',
    defence: 'An impersonated session binds nothing',
    patches: [
      {
        file: plugin('hooks/impersonation.ts'),
        find: ' || isImpersonated(session)',
        replace: '',
      },
    ],
    test: {
      file: plugin('routes/bind.test.ts'),
      name: 'SQLite > bind > never binds from a session of an impersonating admin',
    },
  },
  {
    attack: 'A principal is bound to a user of the anonymous plugin',
    defence: 'Anonymous users are never bound',
    patches: [
      {
        file: plugin('hooks/users.ts'),
        find: 'return ctx !== null && !user.isAnonymous && !isAdmins(ctx)',
        replace: 'return ctx !== null && !isAdmins(ctx)',
      },
    ],
    test: {
      file: plugin('hooks/upgrade.test.ts'),
      name: 'SQLite > never bound by a header > an anonymous user of Better Auth',
    },
  },

  // Half-done sign-ins
  {
    attack: 'The session of a sign-in remains although its binding failed',
    defence: 'The session ends before the error is returned',
    patches: [
      {
        file: plugin('hooks/sign-in.ts'),
        find: 'await endSession(ctx, newSession)',
        replace: 'void endSession',
      },
    ],
    test: {
      file: plugin('hooks/oauth.test.ts'),
      name: 'SQLite > a server that fails after the sign-in leaves no session, and says so on the error page',
    },
  },
  {
    attack: 'The password alone binds an account with a second factor',
    defence: 'A sign-in counts only after the second factor',
    patches: [
      {
        file: plugin('hooks/sign-in.ts'),
        find: 'return (await plugin?.shouldRequireTwoFactor?.(ctx)) === true',
        replace: 'return false && plugin !== null',
      },
    ],
    test: {
      file: plugin('hooks/sign-in-routes.test.ts'),
      name: 'SQLite > second factor > binds an open account only with it, with the plugin after latchkey',
    },
  },
  {
    attack:
      'The synthetic user that Better Auth returns if the address already has an account and verification is required',
    defence: 'Only the hook that creates a real user reserves a principal',
    patches: [
      {
        file: plugin('plugin.ts'),
        find: 'requestContextOf({ headers }).device = device',
        replace:
          "requestContextOf({ headers }).device = device\n  await (await import('./binding/reservation.ts')).reserve(principals, device)",
      },
    ],
    test: {
      file: plugin('hooks/sign-in-routes.test.ts'),
      name: 'SQLite > e-mail and password with required verification > an address that already has an account gets the same answer, and binds nothing',
    },
  },
  {
    attack: 'A refusal that looks like success, if verification is required',
    defence: 'The refusal is a 409: for a 403, Better Auth returns a synthetic user',
    patches: [
      {
        file: 'lib/error-table.ts',
        find: "PRINCIPAL_TAKEN: refused('The principal belongs to another account, or was retired.', 409)",
        replace: "PRINCIPAL_TAKEN: refused('The principal belongs to another account, or was retired.', 403)",
      },
    ],
    test: {
      file: plugin('hooks/sign-in-routes.test.ts'),
      name: 'SQLite > e-mail and password with required verification > a principal that is taken creates no user',
    },
  },

  // Crashes
  {
    attack: 'The server is killed during a sign-up',
    defence: 'The INSERT that creates the user also binds it',
    patches: [
      { file: plugin('hooks/users.ts'), find: 'requestContextOf(ctx).createdUser = true', replace: UNCHECKED },
      {
        file: plugin('hooks/users.ts'),
        find: 'principal: device.principal,\n    principalOpen: givesNoSession(ctx.path, tools.auth.options),\n    principalEpoch: epoch,',
        replace: "principal: epoch === '' ? '' : null, principalOpen: true, principalEpoch: null,",
      },
    ],
    test: {
      file: plugin('binding/crash.test.ts'),
      name: 'a server on a SQLite file dies in > a sign-up: the user has its binding or there is none, and the device can try again',
    },
  },
  {
    attack: 'The server is killed during the first use of an account',
    defence: 'The lock row changes last: until then, the next use writes what is missing',
    patches: [
      {
        file: plugin('binding/subject.ts'),
        find: "await audit(principals, 'bind', { ...row, userId: user.id })\n",
        replace: '\n',
      },
      {
        file: plugin('binding/subject.ts'),
        find: "{ kind: 'canonical', userId: user.id, until: null })\n",
        replace:
          "{ kind: 'canonical', userId: user.id, until: null })\n  await audit(principals, 'bind', { ...row, userId: user.id })\n",
      },
    ],
    test: {
      file: plugin('binding/crash.test.ts'),
      name: 'a server on a SQLite file dies in > the first use of an account: the next use completes the binding',
    },
  },
  {
    attack: 'The server is killed during a deletion',
    defence: 'The lock row names the user before the user is deleted',
    patches: [
      {
        file: plugin('binding/retire.ts'),
        find: "if (row?.kind === 'reserved' && isCurrent(row, user)) await confirm(principals, user, row)",
        replace: 'void [row, confirm]',
      },
    ],
    test: {
      file: plugin('binding/crash.test.ts'),
      name: 'a server on a SQLite file dies in > a deletion: the account exists with its principal, or that principal is never given again',
    },
  },
  {
    attack: 'The server is killed during a reset',
    defence: 'The UPDATE that verifies the mailbox also stores whose key proved it, and every use completes the reset',
    patches: [
      {
        file: plugin('binding/subject.ts'),
        find: 'await settleMailbox(principals, (await pinned(principals, found)) ?? found, asking)',
        replace: 'await pinned(principals, found)',
      },
    ],
    test: {
      file: plugin('binding/crash.test.ts'),
      name: 'a server on a SQLite file dies in > a reset: the account keeps no principal of its creator',
    },
  },

  // Adoption
  {
    attack: "A stolen link proof, in the attacker's account",
    defence: 'A link proof names its account',
    patches: [
      {
        file: VERIFY,
        find: "if (claims.link_to !== linkTo) throw new LatchkeyError('PROOF_LINK_MISMATCH')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: plugin('routes/link.test.ts'),
      name: 'SQLite > link > is refused with a proof that names another account',
    },
  },
  {
    attack: 'A link with a nonce that was issued for another operation',
    defence: 'A nonce is valid for one operation',
    patches: [
      {
        file: 'lib/server/bindings/challenges.ts',
        find: 'JSON.stringify([head, purpose, session])',
        replace: 'JSON.stringify([head, session])',
      },
    ],
    test: {
      file: plugin('routes/link.test.ts'),
      name: 'SQLite > link > is refused with a nonce for another operation',
    },
  },
  {
    attack: 'A principal that is an alias of one account is linked to another',
    defence: 'There is one row for each principal, whether it is canonical or an alias',
    patches: [
      {
        file: plugin('binding/reservation.ts'),
        find: "if ((await holderInUse(principals, row)) !== 'nobody') throw taken()",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: plugin('routes/link.test.ts'),
      name: 'SQLite > link > is refused where the principal is an alias of another account',
    },
  },
  {
    attack: "An alias's own key removes it from the account",
    defence: 'Only a fresh session of the account can remove an alias, with a separate nonce',
    patches: [
      {
        file: plugin('routes/nonce.ts'),
        find: 'const until = await challenges.check(nonce, purpose, ctx.context.session.session.id)',
        replace:
          'const until = (await challenges.check(nonce, purpose, ctx.context.session.session.id)) ?? new Date(8.64e15)',
      },
    ],
    test: { file: plugin('routes/link.test.ts'), name: 'SQLite > unlink > is refused with a nonce of another session' },
  },
  {
    attack: 'Another account binds a removed alias immediately',
    defence: 'For 30 days only the previous account may have it',
    patches: [
      {
        file: plugin('binding/principal-row.ts'),
        find: "return (kind === 'reserved' || kind === 'held') && userId !== null",
        replace: "return kind === 'reserved' && userId !== null",
      },
    ],
    test: {
      file: plugin('routes/link.test.ts'),
      name: 'SQLite > unlink > keeps it for the account for thirty days, and then for anybody with the key',
    },
  },
  {
    attack: 'The 30-day hold is evaded by a link that a crash interrupted, followed by one that is refused',
    defence: 'A reservation that replaces a hold lasts as long as the hold, and becomes one again',
    patches: [
      {
        file: plugin('binding/principal-row.ts'),
        find: "(row.kind === 'held' || row.until! > endOf(now))",
        replace: "row.kind === 'held'",
      },
    ],
    test: {
      file: plugin('routes/exchange-attacks.test.ts'),
      name: 'an alias that was given up > stays held where a server died in a link, and the next one was refused',
    },
  },
  {
    attack: 'A token that was on its way when an alias was removed is stored with it, for every tab',
    defence: 'A token whose aliases changed meanwhile is discarded and asked for again',
    patches: [
      {
        file: 'lib/client/tokens/account-token.ts',
        find: 'isLate = isOther === true && `${current.aliases}` !== `${before?.aliases}`',
        replace: UNCHECKED,
      },
    ],
    test: {
      file: 'lib/client/tokens/token-source.test.ts',
      name: 'in external mode > a token whose aliases an adoption or its undo has changed meanwhile is not used, here or elsewhere',
    },
  },
  {
    attack: 'An alias is removed in one tab; another tab, which cannot reach the server, goes on with its last token',
    defence: 'Without the server, a token serves on only if nothing has dropped it meanwhile',
    patches: [
      {
        file: 'lib/client/tokens/token-source.ts',
        find: 'left > 0 && held.get(audience) === kept && ',
        replace: 'left > 0 && ',
      },
    ],
    test: {
      file: 'lib/client/tokens/token-source.test.ts',
      name: 'in external mode > unreachable, a token with an alias that another tab removed serves no longer',
    },
  },

  {
    attack: "A link that the account's creator started continues after the owner of the mailbox has proven it",
    defence: 'The first write of a link only succeeds on the account that was read when the link was allowed',
    patches: [
      {
        file: plugin('binding/principal-store.ts'),
        find: '{ ...bindingOf(user), principalMailboxBy }',
        replace: 'bindingOf(user)',
      },
    ],
    test: {
      file: plugin('routes/link.test.ts'),
      name: 'SQLite > link > in an account whose principal is its own id > is refused after a proof of the mailbox since it was allowed',
    },
  },
  {
    attack: 'The same, where another link of the account came first',
    defence: 'A link that is retried in the epoch of another link compares the proof of the mailbox',
    patches: [
      {
        file: plugin('binding/adopt.ts'),
        find: 'if (!isFirst || !isEqual(present.principalMailboxBy, user.principalMailboxBy)) throw changed()',
        replace: 'if (!isFirst) throw changed()',
      },
    ],
    test: {
      file: plugin('routes/link.test.ts'),
      name: 'SQLite > link > in an account whose principal is its own id > is refused after another link and a proof of the mailbox',
    },
  },
  {
    attack: 'A link that the app refuses has already changed the account, on a database without transactions',
    defence: 'The app decides before anything except the reservation is written, and the reservation is then removed',
    patches: [
      {
        file: plugin('binding/adopt.ts'),
        find: 'principals.adapter.options?.adapterConfig.transaction === false ? isUnchanged : lockUser',
        replace: 'lockUser',
      },
    ],
    test: {
      file: plugin('routes/link.test.ts'),
      name: 'Postgres without transactions > the hook > that throws leaves every table as it was, also of an account whose principal is its own id',
    },
  },
  {
    attack: 'A link that the app refuses keeps its reservation, so that the device is lost to other accounts',
    defence: 'A reservation without an earlier row is deleted',
    patches: [
      {
        file: plugin('binding/adopt.ts'),
        find: 'before ? principals.change(row, before) : principals.delete(row)',
        replace: 'before ? principals.change(row, before) : row',
      },
    ],
    test: {
      file: plugin('routes/link.test.ts'),
      name: 'SQLite > the hook > that throws refuses the link, and the device can try again',
    },
  },
  {
    attack: 'A link continues after its transaction has failed, because another request recorded the key',
    defence: 'A key that cannot be recorded ends the link',
    patches: [
      {
        file: plugin('binding/adopt.ts'),
        find: 'if (!(await recordKey(principals, device))) throw taken()',
        replace: 'await recordKey(principals, device)',
      },
    ],
    test: {
      file: plugin('routes/link.test.ts'),
      name: 'SQLite > link > yields to another request that records the key at the same moment',
    },
  },

  // External tokens that are verified without jose
  verifiedAtOnce(
    'An external token with an empty or truncated signature, and a library that accepts it',
    'The length of a signature is checked before the library sees it',
    ['signature', 'signature.length === size && verify(input, signature)', 'verify(input, signature)'],
    ['signature', 'a signature > of another length is invalid, whatever the library says: ES256'],
  ),
  {
    attack: 'An external token with its ECDSA signature in DER, which is a second encoding of the same signature',
    defence: 'Only the encoding of RFC 7518, in its exact length, is verified',
    patches: [
      {
        file: 'lib/server/external/signature.ts',
        find: "dsaEncoding: 'ieee-p1363' as const",
        replace: "dsaEncoding: 'der' as const",
      },
      {
        file: 'lib/server/external/signature.ts',
        find: 'signature.length === size && verify(input, signature)',
        replace: 'verify(input, signature)',
      },
    ],
    test: { file: 'lib/server/external/signature.test.ts', name: 'a signature > of ES256 in DER does not match' },
  },
  verifiedAtOnce(
    'A token of an issuer whose RSA key is short enough to be factored',
    'Keys under 2048 bits are left to jose, which refuses them',
    ['signature', 'bits >= RSA_BITS.least && ', ''],
    ['signature', 'the check is left to jose > for RSA of 1024 bits, unless false'],
  ),
  verifiedAtOnce(
    'Tokens of an issuer with a huge RSA key, whose verification blocks the event loop',
    'Keys longer than 4096 bits are verified by jose, on another thread',
    ['signature', ' && bits <= RSA_BITS.most', ''],
    ['signature', 'the check is left to jose > for RSA of 8192 bits, unless false'],
  ),
  verifiedAtOnce(
    'An external token signed with another padding scheme than its header names',
    'A key is used only for the algorithm that it was imported for',
    ['signature', "    name === algorithm['name'] &&\n", ''],
    ['signature', 'the check is left to jose > for an RSA key of another padding or hash'],
  ),
  verifiedAtOnce(
    'An external token signed with a weaker hash than its header names',
    'A key is used only with the hash that it was imported for',
    ['signature', "hash?.name === algorithm['hash']", "hash?.name !== ''"],
    ['signature', 'the check is left to jose > for an RSA key of another padding or hash'],
  ),
  verifiedAtOnce(
    'An external token with ES256 for a key on another curve',
    'A key is used only on the curve that its algorithm names',
    ['signature', "    namedCurve === algorithm['namedCurve'] &&\n", ''],
    ['signature', 'the check is left to jose > for a key on another curve'],
  ),
  verifiedAtOnce(
    "A private key in place of an issuer's public key",
    'Only public keys verify',
    ['signature', "    type === 'public' &&\n", ''],
    ['signature', 'the check is left to jose > for a private key'],
  ),
  verifiedAtOnce(
    "An issuer's key that is not for signatures (`key_ops`)",
    'Only keys that may verify are used',
    ['signature', "    usages.includes('verify') &&\n", ''],
    ['signature', 'the check is left to jose > for a key that may not verify'],
  ),
  verifiedAtOnce(
    'An external token at a runtime whose library is more lenient than OpenSSL',
    'Signatures are verified without jose only in Node, on OpenSSL',
    ['signature', 'isOpenssl() ? nodeCrypto() : undefined', 'nodeCrypto()'],
    ['signature', 'the check is left to jose > in Bun'],
  ),
  verifiedAtOnce(
    'An external token with a forged signature, under a key that was used before',
    'The signature decides before any claim is read',
    [
      'verify-now',
      "if (!key.check(jws.input, jws.signature)) throw new LatchkeyError('TOKEN_SIGNATURE_INVALID')",
      '// unchecked',
    ],
    ['verify-now', 'a signature that does not match is refused'],
  ),
  verifiedAtOnce(
    'An external token with an algorithm that the app did not choose',
    'Only the chosen algorithms are verified',
    ['verify-now', 'if (!algorithms.includes(alg as string)) return undefined', '// unchecked'],
    ['verify-now', 'is left to jose, and no signature checked > an algorithm that was not chosen'],
  ),
  verifiedAtOnce(
    'An external token with a critical parameter (RFC 7515 §4.1.11) that is not understood',
    'A header with `crit` is left to jose, which refuses it',
    ['verify-now', "'crit' in header || ", ''],
    ['verify-now', 'is left to jose, and no signature checked > `crit`'],
  ),
  verifiedAtOnce(
    'An external token whose signature covers an unencoded payload (RFC 7797)',
    'A header with `b64` is left to jose',
    ['verify-now', " || 'b64' in header", ''],
    ['verify-now', 'is left to jose, and no signature checked > `b64`'],
  ),
  verifiedAtOnce(
    'An external token that names an algorithm, under a key of another one',
    'The key must be the one that was found for this algorithm',
    ['verify-now', 'key?.alg === alg ? key : undefined', 'key'],
    ['verify-now', 'is left to jose, and no signature checked > a key of another algorithm'],
  ),
  verifiedAtOnce(
    'An external token at a server whose clock fails',
    'Without a valid time, verification is left to jose, which refuses the token',
    ['verify-now', ' || !Number.isFinite(now)', ''],
    ['verify-now', 'is left to jose, and no signature checked > a clock that returns NaN'],
  ),
  verifiedAtOnce(
    "A token that one issuer's key signs in the name of another issuer",
    "`iss` must be one of the issuer's names",
    [
      'claims',
      "if (!issuers.includes(claims['iss'] as string)) throw new LatchkeyError('TOKEN_ISSUER_MISMATCH')",
      '// unchecked',
    ],
    ['verify-now', "claims > 'another issuer': 'TOKEN_ISSUER_MISMATCH'"],
  ),
  verifiedAtOnce(
    'An external token for another app of the same issuer',
    '`aud` must be, or include, an accepted audience',
    [
      'claims',
      "if (audience && !isMeantFor(claims['aud'], audience)) throw new LatchkeyError('TOKEN_AUDIENCE_MISMATCH')",
      '// unchecked',
    ],
    ['verify-now', "claims > 'another audience': 'TOKEN_AUDIENCE_MISMATCH'"],
  ),
  verifiedAtOnce(
    'An external token without a claim that the app requires',
    'Required claims must be own properties of the payload',
    ['claims', 'if (!Object.hasOwn(claims, name)) throw new LatchkeyError(claimCode(name))', '// unchecked'],
    ['verify-now', "claims > 'no required claim': 'TOKEN_CLAIM_INVALID'"],
  ),
  verifiedAtOnce(
    'An external token that expired',
    '`exp` is compared with the clock on every use',
    ['claims', "if (!(exp > now - tolerance)) throw new LatchkeyError('TOKEN_EXPIRED')", '// unchecked'],
    ['verify-now', "claims > 'an expiry in the past': 'TOKEN_EXPIRED'"],
  ),
  verifiedAtOnce(
    'An external token whose expiry is not a number, so that no comparison ends it',
    '`exp` must be a number',
    [
      'claims',
      "if (typeof exp !== 'number') throw new LatchkeyError('TOKEN_CLAIM_INVALID')",
      "if (exp === undefined) throw new LatchkeyError('TOKEN_CLAIM_INVALID')\n  if (typeof exp !== 'number') return",
    ],
    ['verify-now', "claims > 'an expiry that is not a number': 'TOKEN_CLAIM_INVALID'"],
  ),
  verifiedAtOnce(
    'An external token that is not valid yet',
    '`nbf` must be a number, and not in the future',
    [
      'claims',
      "if (nbf !== undefined && !(typeof nbf === 'number' && nbf <= now + tolerance))\n    throw new LatchkeyError('TOKEN_NOT_YET_VALID')",
      '// unchecked',
    ],
    ['verify-now', "claims > 'a start in the future': 'TOKEN_NOT_YET_VALID'"],
  ),
  verifiedAtOnce(
    'An external token whose issue time is not a number',
    '`iat` must be a number, as jose requires',
    [
      'claims',
      "if (iat !== undefined && typeof iat !== 'number') throw new LatchkeyError('TOKEN_NOT_YET_VALID')",
      '// unchecked',
    ],
    ['verify-now', "claims > 'an issue time that is not a number': 'TOKEN_NOT_YET_VALID'"],
  ),
  verifiedAtOnce(
    'An external token under a key that its issuer has withdrawn',
    'A cached key is used without a request only while its key set is fresh',
    ['key-source', 'isFresh() ? keys?.known(header) : undefined', 'keys?.known(header)'],
    ['verifier-cache', 'an external token that was verified before > is refused once its key is gone'],
  ),
  // The database
  {
    attack: 'A database that is locked or overloaded for a moment switches the plugin off, and with it every defence',
    defence: 'Only an error that says that a table or column is missing switches it off',
    patches: [
      { file: plugin('checks/unmigrated.ts'), find: 'return isAbsence(error)', replace: 'return error !== null' },
    ],
    test: {
      file: plugin('checks/unmigrated.test.ts'),
      name: 'a database that fails otherwise is not taken for an unmigrated one: nothing is switched off',
    },
  },
  {
    attack: 'The same, with an error whose `cause` is a different error',
    defence: 'The `cause` of an error is judged by the same rule',
    patches: [
      {
        file: plugin('checks/absence.ts'),
        find: 'return cause !== undefined && isAbsence(cause)',
        replace: 'return cause !== undefined',
      },
    ],
    test: {
      file: plugin('checks/unmigrated.test.ts'),
      name: 'a missing table or column is distinguished from every other failure > not an unrelated cause',
    },
  },
  {
    attack:
      'A database or driver that miscounts changed rows or lets a unique value in twice, so that races have two winners',
    defence: 'The plugin checks both before its first use of the database',
    patches: [{ file: plugin('plugin.ts'), find: 'await probeDatabase(context)', replace: 'void probeDatabase' }],
    test: {
      file: plugin('checks/database-probe.test.ts'),
      name: 'a database is refused by name > in which latchkeyProof.jti is not unique',
    },
  },

  // The exchange
  {
    attack: 'A device without an account poses as an account, with a token from the exchange',
    defence: "A resolver does not accept a token as an account's if its `auth_mode` says otherwise",
    patches: [
      {
        file: 'lib/server/external/verifier.ts',
        find: "return mode === 'local-first' ? 'local-first' : 'external'",
        replace: "return mode === 0 ? 'local-first' : 'external'",
      },
    ],
    test: {
      file: plugin('routes/exchange-attacks.test.ts'),
      name: "what was exchanged for a device > does not count as an account's wherever it is verified: one for its account does",
    },
  },
  {
    attack: 'The same, at a server that accepts no device without an account',
    defence: "`localFirst: 'deny'` also applies to exchanged tokens",
    patches: [
      {
        file: plugin('resolver.ts'),
        find: "(localFirst === 'allow' || claims['auth_mode'] !== 'local-first')",
        replace: "(localFirst === 'allow' || claims['auth_mode'] !== 0)",
      },
    ],
    test: {
      file: plugin('routes/exchange-attacks.test.ts'),
      name: 'what was exchanged for a device > is refused where devices without an account are refused',
    },
  },
  {
    attack:
      'A token that was exchanged for a device is used after its key was revoked, or its principal moved to an account',
    defence: 'The resolver beside Better Auth also looks up the principals of exchanged tokens',
    patches: [
      {
        file: 'lib/server/external/verifier.ts',
        find: "return lookup && whenReady(lookup(principal), active('PRINCIPAL_DISABLED'))",
        replace: 'return undefined',
      },
    ],
    test: {
      file: plugin('routes/exchange-attacks.test.ts'),
      name: 'what was exchanged for a device > is refused from the moment at which this process retires its principal',
    },
  },
  {
    attack: 'A token that was exchanged for a key that has since been revoked, where no row of the principal is left',
    defence: 'A token without a key is refused if any key of its principal was revoked',
    patches: [
      {
        file: plugin('binding/status.ts'),
        find: "if ((await listKeys(principals, [principal])).some(({ retiredAt }) => retiredAt !== null)) return 'disabled'",
        replace: 'void listKeys',
      },
    ],
    test: {
      file: plugin('routes/exchange-attacks.test.ts'),
      name: 'what was exchanged for a device > is refused where its key was revoked and its principal has no row',
    },
  },
  {
    attack: 'The same, at another server that accepts this one as a provider of accounts',
    defence: 'A token with `auth_mode` `local-first` is not an account of another provider',
    patches: [
      {
        file: 'lib/server/external/accounts.ts',
        find: "if (claims['auth_mode'] === 'local-first') throw new LatchkeyError('TOKEN_NOT_AN_ACCOUNT')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: plugin('routes/exchange-attacks.test.ts'),
      name: "what was exchanged for a device > is not an account at another server that accepts this one's accounts",
    },
  },
  {
    attack:
      "An app that a user authorized at the account server (Better Auth's OAuth provider) presents its access token as the user's own session",
    defence:
      'Tokens of an issuer that runs Latchkey need the claim `auth_mode`, even if the app lists its own required claims',
    patches: [
      {
        file: 'lib/server/external/options.ts',
        find: 'requiredClaims: [...new Set([...requiredClaims, MODE_CLAIM])],',
        replace: 'requiredClaims,',
      },
      { file: 'lib/server/external/options.ts', find: 'MODES.includes(claims[MODE_CLAIM]) && ', replace: '' },
      {
        file: 'lib/server/external/verifier.ts',
        find: "if (!isListed) throw new LatchkeyError('TOKEN_NOT_AN_ACCOUNT')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: OAUTH_PROVIDER_TEST,
      name: 'a token that @better-auth/oauth-provider gives a third party > is no session of the account: access_token',
    },
  },
  {
    attack: 'An ID token that the account server issued to such an app, presented as a session',
    defence:
      'Tokens of an issuer that runs Latchkey need the claim `auth_mode`, even if the app lists its own required claims',
    patches: [
      {
        file: 'lib/server/external/options.ts',
        find: 'requiredClaims: [...new Set([...requiredClaims, MODE_CLAIM])],',
        replace: 'requiredClaims,',
      },
      { file: 'lib/server/external/options.ts', find: 'MODES.includes(claims[MODE_CLAIM]) && ', replace: '' },
    ],
    test: {
      file: plugin('oauth-client-tokens.test.ts'),
      name: 'a resolver in the same process > refuses an ID token, whatever its audience',
    },
  },
  {
    attack: 'The same, where the server adds `auth_mode` to every token that it signs',
    defence: 'A token with `client_id`, `azp` or `scope` is not a session, unless the app names that client',
    patches: [
      {
        file: 'lib/server/external/verifier.ts',
        find: "if (!isListed) throw new LatchkeyError('TOKEN_NOT_AN_ACCOUNT')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: plugin('oauth-client-tokens.test.ts'),
      name: 'a resolver anywhere else > refuses it also where the app adds `auth_mode` to such tokens: by all three',
    },
  },
  {
    attack: 'The same, where the client has the id that the exchange puts into its tokens (`clientId`)',
    defence:
      'The resolver beside Better Auth accepts that id only in tokens of the exchange, which name no party and no scope',
    patches: [{ file: plugin('resolver.ts'), find: '&& isOwnClient(claims)', replace: '|| isOwnClient(claims)' }],
    test: {
      file: plugin('oauth-client-tokens.test.ts'),
      name: "the exchange's own tokens with the client id that the app names > are not confused with the tokens of an OAuth client of the same name, with scopes",
    },
  },
  {
    attack: 'The token of such a third party, at another server that accepts this one as a provider of accounts',
    defence: 'The option `aliases` marks an issuer that runs Latchkey, even where its aliases are not used',
    patches: [
      {
        file: 'lib/server/external/accounts.ts',
        find: 'external.aliases ? ownIssuer(external) : external',
        replace: 'external',
      },
    ],
    test: {
      file: plugin('oauth-client-tokens.test.ts'),
      name: 'and so it does where `aliases` alone says that the issuer runs Latchkey',
    },
  },
  {
    attack: 'A key of one source of an issuer signs a token with the audience of another source',
    defence: 'A token must satisfy all rules of one source',
    patches: [
      {
        file: 'lib/server/external/issuer-sources.ts',
        find: '...(audience !== undefined && { audience }),',
        replace: '...(audience !== undefined && { audience: [audience, options.audience ?? []].flat() }),',
      },
    ],
    test: {
      file: 'lib/server/external/issuer-sources.test.ts',
      name: 'an issuer with several key sources > a token has to satisfy one source in full: no key of one with an audience or algorithm of the other',
    },
  },
  {
    attack: 'An anonymous user of a provider, at an app that has an additional rule for accounts',
    defence: 'The checks of a preset remain, whatever the app adds',
    patches: [
      {
        file: 'lib/server/external/presets.ts',
        find: '(!preset.isAccount || preset.isAccount(claims)) && (!isAccount || isAccount(claims))',
        replace: '(isAccount ?? preset.isAccount ?? (() => true))(claims)',
      },
    ],
    test: {
      file: 'lib/server/external/presets.test.ts',
      name: 'a rule of its own of the app does not switch off what the preset checks',
    },
  },
  {
    attack: 'An anonymous user of a provider, at an app whose `isAccount` is async: a promise counts as a yes',
    defence: 'Only `true` counts',
    patches: [
      {
        file: 'lib/server/external/verifier.ts',
        find: 'if (rules.isAccount(claims) !== true) throw',
        replace: 'if (!rules.isAccount(claims)) throw',
      },
    ],
    test: {
      file: 'lib/server/external/issuers.test.ts',
      name: 'what else a token must say > that it stands for an account, which only `true` says, not {}',
    },
  },
  {
    attack: 'A logout token, a security event or a DPoP proof of the issuer, presented as a session',
    defence: 'Only the types `JWT` and `at+jwt`, or no type, are accepted, unless the app names another',
    patches: [
      {
        file: 'lib/server/external/verifier.ts',
        find: "if (!types.includes(found)) throw new LatchkeyError('TOKEN_TYPE_UNEXPECTED')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: 'lib/server/external/issuers.test.ts',
      name: 'what else a token must say > no type of another purpose, unless the app names it: "logout+jwt"',
    },
  },
  {
    attack: "A stolen access token that is bound to its client's key (DPoP, mutual TLS), presented as a bearer token",
    defence: 'A token with `cnf` is refused: nothing here proves the key',
    patches: [
      {
        file: 'lib/server/external/verifier.ts',
        find: "if (claims['cnf'] !== undefined) throw new LatchkeyError('TOKEN_CLAIM_INVALID', 'cnf')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: 'lib/server/external/issuers.test.ts',
      name: 'what else a token must say > no key that its bearer would have to prove: {"jkt":"a"}',
    },
  },
  {
    attack: "A foreign issuer names a device's principal as its subject",
    defence:
      "If device keys are accepted, a subject in the form of a device's principal is refused from any issuer that does not run Latchkey",
    patches: [
      {
        file: 'lib/server/external/principals.ts',
        find: 'isDevice(subject)) throw',
        replace: "isDevice('')) throw",
      },
    ],
    test: {
      file: 'lib/server/external/issuers.test.ts',
      name: 'what else a token must say > a subject that is no device principal, where device keys are accepted as well > e3758389-5e50-8372-aa8e-6797750a7a44 of an issuer without devices',
    },
  },
  {
    attack: "A foreign issuer names the principal of another provider's account as its subject",
    defence: 'An issuer that does not run Latchkey names no id in the namespace of such principals',
    patches: [
      {
        file: 'lib/server/external/principals.ts',
        find: "isOwn ? subject : ownName(subject, 'sub')",
        replace: 'subject',
      },
    ],
    test: {
      file: 'lib/server/external/issuers.test.ts',
      name: 'several issuers > the first cannot choose a name of the second, as subject or as alias',
    },
  },
  {
    attack: 'The same, of a provider that the app declared as its own server',
    defence: 'The presets of providers refuse what declares an issuer as a server that runs Latchkey',
    patches: [{ file: 'lib/server/external/presets.ts', find: 'if (saysOwn(options))', replace: 'if (saysOwn({}))' }],
    test: {
      file: 'lib/server/external/presets.test.ts',
      name: 'a provider is no server that runs Latchkey: with aliases',
    },
  },
  {
    attack: 'A token of the exchange is exchanged again and again',
    defence: 'The server never accepts its own `iss` as an issuer, under any entry',
    patches: [
      {
        file: plugin('routes/token.ts'),
        find: "if (account.claims['iss'] === issuerOf(context)) throw",
        replace: "if (account.claims['iss'] === '') throw",
      },
    ],
    test: {
      file: plugin('routes/exchange-attacks.test.ts'),
      name: 'its own output is never accepted again, even if the server is configured to accept its own issuer',
    },
  },
  {
    attack: 'A user of the anonymous plugin gets a token of an account',
    defence: 'The exchange accepts no session of such a user',
    patches: [
      {
        file: plugin('routes/token.ts'),
        find: "if (!found || found.user['isAnonymous'] === true) throw",
        replace: 'if (!found) throw',
      },
    ],
    test: {
      file: plugin('routes/exchange-attacks.test.ts'),
      name: 'a user of the anonymous plugin is not an account: neither to the exchange nor by a token of the session',
    },
  },
  {
    attack: "The same, with the session's own JWT",
    defence: 'The token contains `is_anonymous`, and resolvers do not accept it as an account',
    patches: [
      {
        file: plugin('jwt.ts'),
        find: "...(session.user['isAnonymous'] === true && { is_anonymous: true }),",
        replace: '',
      },
    ],
    test: {
      file: plugin('routes/exchange-attacks.test.ts'),
      name: 'a user of the anonymous plugin is not an account: neither to the exchange nor by a token of the session',
    },
  },
  {
    attack: 'A token for an audience that the server does not know',
    defence: 'The audiences are a fixed list',
    patches: [
      {
        file: 'lib/server/exchange/token-request.ts',
        find: 'if (!audiences.includes(audience)) throw',
        replace: 'if (audiences.length === 0) throw',
      },
    ],
    test: {
      file: plugin('routes/exchange.test.ts'),
      name: 'the request > with an audience that is not on the list is refused',
    },
  },
  {
    attack: "A Host header makes the discovery document name the attacker's keys",
    defence: 'Its URLs come from the configuration',
    patches: [
      {
        file: plugin('routes/token.ts'),
        find: 'const { baseURL } = tools()',
        replace: 'const { baseURL } = ctx.context',
      },
    ],
    test: { file: plugin('routes/exchange-attacks.test.ts'), name: 'the Host header > never says where the keys are' },
  },
  {
    attack: 'A stolen bind proof, for an account of another provider',
    defence: 'A nonce is valid for one account of the provider',
    patches: [
      {
        file: 'lib/server/bindings/binder.ts',
        find: 'challenges.check(nonce, act, accountIdOf(account))',
        replace: "challenges.check(nonce, act, JSON.stringify([account.issuer, 'eve']))",
      },
      {
        file: 'lib/server/bindings/binder.ts',
        find: 'tools.challenges.issue(act, accountIdOf(account))',
        replace: "tools.challenges.issue(act, JSON.stringify([account.issuer, 'eve']))",
      },
    ],
    test: {
      file: 'lib/server/bindings/binder.test.ts',
      name: 'an account of another provider > is not bound by a nonce of another account',
    },
  },

  {
    attack: "A device's proof for one account, taken to another account of another provider",
    defence: "A link proof names the account's principal",
    patches: [
      {
        file: 'lib/server/bindings/binder.ts',
        find: "proveOnce(tools, proof, { purpose: 'link', nonce, linkTo: bound.principal })",
        replace:
          "proveOnce(tools, proof, { purpose: 'link', nonce, linkTo: JSON.parse(atob(proof.split('.')[1]!.replaceAll('-', '+').replaceAll('_', '/'))).link_to })",
      },
    ],
    test: {
      file: 'adapters/account/adopt.test.ts',
      name: 'an adoption > is refused with a nonce of its own and a proof for another account',
    },
  },
  {
    attack: 'A nonce of one operation, for another one of an account of another provider',
    defence: 'A nonce is valid for one operation',
    patches: [
      {
        file: 'lib/server/bindings/binder.ts',
        find: 'challenges.check(nonce, act, accountIdOf(account))',
        replace:
          "(await Promise.all((['bind', 'link', 'unlink'] as const).map((one) => challenges.check(nonce, one, accountIdOf(account))))).find(Boolean)",
      },
    ],
    test: {
      file: 'adapters/account/adopt.test.ts',
      name: 'an adoption > is refused with a nonce for another operation',
    },
  },
  {
    attack: 'A recorded adoption, sent again after the undo, at a binder',
    defence: 'A proof and its nonce are used once',
    patches: [
      {
        file: 'lib/server/bindings/binder.ts',
        find: "if (!(await store.useOnce(name, until))) throw new LatchkeyError('PROOF_REPLAYED')",
        replace: 'await store.useOnce(name, until)',
      },
    ],
    test: {
      file: 'adapters/account/adopt.test.ts',
      name: 'an adoption > is refused with a proof that was sent before, also after an undo',
    },
  },
  {
    attack: "A replayed proof, or a proof for another purpose, is used to ask whether another user's device is known",
    defence: 'The query requires an unused proof for this purpose',
    patches: [
      {
        file: 'lib/server/bindings/binder.ts',
        find: "await proveOnce(tools, proof, { purpose: 'known' })",
        replace: "await tools.proofs.verify(proof, { purpose: 'known' })",
      },
    ],
    test: {
      file: 'adapters/account/adopt.test.ts',
      name: 'whether a device is known > is not answered to a proof that was sent before, or that is for another purpose',
    },
  },
  {
    attack: 'A session from a sign-in long ago, at another provider, adopts or gives up a principal',
    defence: 'If the token states the time of the sign-in, that time must be recent',
    patches: [{ file: 'lib/server/bindings/binder.ts', find: '  tools.requireFresh(account)\n', replace: '' }],
    test: {
      file: 'adapters/account/adopt.test.ts',
      name: 'an account whose sign-in is long ago > neither adopts, nor gives up, nor binds',
    },
  },
  {
    attack: 'An admin who impersonates a user at another provider binds, adopts or gives up a principal',
    defence: 'A token with `act` changes no identity',
    patches: [
      {
        file: 'lib/server/bindings/binder.ts',
        find: 'if (actorOf(account)) throw new LatchkeyError(code)',
        replace: UNCHECKED,
      },
    ],
    test: {
      file: CLERK_TEST,
      name: `${CLERK_ADMIN} > binds nothing, links nothing, gives up nothing, and changes no devices`,
    },
  },
  {
    attack: 'A read by an admin who impersonates a user fixes the principal of an unused account at another provider',
    defence: 'With `act`, a binder only reads',
    patches: [
      {
        file: 'lib/server/bindings/bound-account.ts',
        find: 'const binding = isPeek || actor ?',
        replace: 'const binding = isPeek ?',
      },
    ],
    test: { file: CLERK_TEST, name: `${CLERK_ADMIN} > fixes no principal: the user can still bind a device` },
  },
  {
    attack: "An admin who impersonates a user at another provider fixes the user's principal by Better Auth's exchange",
    defence: 'With `act`, an account is only looked up, and an unused one gets no token',
    patches: [
      {
        file: 'lib/server/bindings/bound-account.ts',
        find: 'const binding = isPeek || actor ?',
        replace: 'const binding = isPeek ?',
      },
    ],
    test: {
      file: plugin('routes/exchange.test.ts'),
      name: "SQLite > another provider's JWT > of an admin who impersonates the user names the admin, and fixes no principal",
    },
  },
  {
    attack: "An admin who impersonates a user at another provider fixes the user's principal by a request to an API",
    defence: 'With `act`, a resolver only looks up the account, and refuses an unused one',
    patches: [
      {
        file: 'lib/server/bindings/bound-account.ts',
        find: 'if (!actorOf(account)) return fixExternal(store, account)',
        replace: 'if (account.subject) return fixExternal(store, account)',
      },
    ],
    test: {
      file: plugin('routes/exchange.test.ts'),
      name: "SQLite > another provider's JWT > of an admin who impersonates the user fixes no principal at the resolver",
    },
  },
  {
    attack: 'Someone who found an unlocked device adds their own to it, with a wrong password',
    defence: 'The answers false, null and `{ error }` of `confirmUser` refuse, as an exception does',
    patches: [
      {
        file: PAIRING,
        find: "if (answer === false || answer === null || error) throw new LatchkeyError('PROVIDER_REFUSED', 'confirmUser', error)",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: PAIR_TEST,
      name: 'a pairing > takes the answer {"data":null,"error":{"code":"INVALID_EMAIL_OR_PASSWORD"}} as a refusal',
    },
  },
  {
    attack: 'A token for another app is accepted, because the environment variable with the audience does not exist',
    defence: 'A check that is set to `undefined` is refused when the resolver is created',
    patches: [
      {
        file: 'lib/server/external/issuer-sources.ts',
        find: "checkNotUnset('external.', given, ISSUER_CHECKS)",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: 'lib/server/external/verifier.test.ts',
      name: 'the audience > that is an unset variable does not switch off the check: nor does audience',
    },
  },
  {
    attack: 'A lost device stays signed in at the provider, because its session could not be ended there at first',
    defence: 'A repeated call ends each session again that was revoked in the last 30 days',
    patches: [
      {
        file: 'lib/server/bindings/binder-devices.ts',
        find: ' || revokedAt > clock() - LISTED_MS',
        replace: '',
      },
    ],
    test: {
      file: CLERK_TEST,
      name: `${CLERK_DEVICES} > all others are revoked also if one could not be ended at Clerk, and a repetition ends that one`,
    },
  },
  {
    attack: 'A lost device of an account at another provider goes on with a token that it still has',
    defence: 'A binder refuses every token of a session that was revoked',
    patches: [
      {
        file: 'lib/server/bindings/account-sessions.ts',
        find: "if (row && isRevoked(row)) throw new LatchkeyError('SESSION_REVOKED')",
        replace: UNCHECKED,
      },
    ],
    test: { file: CLERK_TEST, name: `${CLERK_DEVICES} > a token of a revoked session does nothing, while it lasts` },
  },
  {
    attack: 'A lost device goes on at an API, with its provider token or with an exchanged one',
    defence: '`binder.lookupSession` knows the session by the id of the provider and by the `sid` of exchanged tokens',
    patches: [
      { file: 'lib/server/bindings/binder.ts', find: "if (isMeant) return 'disabled'", replace: 'void isMeant' },
    ],
    test: {
      file: CLERK_TEST,
      name: `${CLERK_DEVICES} > can be revoked: its tokens are refused at once, and its session at Clerk ends`,
    },
  },
  {
    attack: "A session of one account revokes another account's device, in a browser where the user has changed",
    defence: 'The request names the account that the app shows',
    patches: [
      {
        file: 'lib/server/bindings/binder-devices.ts',
        find: 'accountId !== undefined && accountId !== tools.accountIdOf(account)',
        replace: 'false as boolean',
      },
    ],
    test: {
      file: CLERK_TEST,
      name: `${CLERK_DEVICES} > are those of the account that the app shows, and of no other in the same browser`,
    },
  },
  {
    attack: "A Jazz token with another user's id as its subject",
    defence: 'The subject is the id of the key in the token',
    patches: [
      {
        file: 'adapters/jazz/verify.ts',
        find: "if (claims.sub !== userId) throw refusalUnder(key, 'TOKEN_SUBJECT_MISMATCH')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: 'adapters/jazz/verify.test.ts',
      name: 'the claims > with the subject "925247e6-ebf2-579f-a03d-1912b531b752" are refused',
    },
  },
  {
    attack: 'A device adds roles to its own Jazz token',
    defence: 'A Jazz token has the six known claims only',
    patches: [
      {
        file: 'adapters/jazz/verify.ts',
        find: "if (!Object.keys(claims).every((name) => CLAIMS.has(name))) throw new LatchkeyError('TOKEN_CLAIM_UNKNOWN')",
        replace: UNCHECKED,
      },
    ],
    test: { file: 'adapters/jazz/verify.test.ts', name: 'the claims > with {"role":"admin"} are refused' },
  },
  {
    attack: "A foreign issuer names a Jazz user's id as its subject",
    defence: 'With the profile, a subject of that form is refused from any issuer that does not run Latchkey',
    patches: [
      {
        file: 'adapters/jazz/tokens.ts',
        find: 'isPrincipal: (text) => USER_ID.test(text)',
        replace: 'isPrincipal: (text) => text === String(USER_ID)',
      },
    ],
    test: {
      file: 'adapters/jazz/tokens.test.ts',
      name: 'routing > refuses a subject of the form of a Jazz user id from a provider, unless it is the own one',
    },
  },
  {
    attack: 'Another account undoes an adoption, in a binding store in SQL',
    defence: 'The SQL statement names the account',
    patches: [
      {
        file: 'lib/server/bindings/sql-store.ts',
        find: 'where principal = $1 and account = $2 and slot > 0 returning principal',
        replace: 'where principal = $1 and $2 = $2 and slot > 0 returning principal',
      },
    ],
    test: {
      file: 'adapters/account/binding-store.test.ts',
      name: 'a binding store in SQLite > an undo by another account removes nothing',
    },
  },
  {
    attack: 'Another account takes a former alias within the 30 days, in a binding store in SQL',
    defence: 'The statement that takes a row compares the account and the hold',
    patches: [
      {
        file: 'lib/server/bindings/sql-store.ts',
        find: 'and (own.account = excluded.account or own.held_until <= $7)',
        replace: 'and $7 = $7',
      },
    ],
    test: {
      file: 'adapters/account/binding-store.test.ts',
      name: 'a binding store in SQLite > a former alias is taken by no other account, and with no other key',
    },
  },
  {
    attack: 'Another key with the same principal takes a former alias, in a binding store in SQL',
    defence: 'The statement that takes a row compares the whole thumbprint',
    patches: [
      {
        file: 'lib/server/bindings/sql-store.ts',
        find: 'own.slot is null and own.thumbprint = excluded.thumbprint',
        replace: 'own.slot is null',
      },
    ],
    test: {
      file: 'adapters/account/binding-store.test.ts',
      name: 'a binding store in SQLite > a former alias is taken by no other account, and with no other key',
    },
  },
  {
    attack: 'At a binder, another key with the same principal is told that the account is bound to it',
    defence: 'A repeated bind compares the whole thumbprint',
    patches: [
      {
        file: 'lib/server/bindings/binder.ts',
        find: 'const isTheirs = bound.principal === device.principal && bound.thumbprint === device.thumbprint',
        replace: 'const isTheirs = bound.principal === device.principal',
      },
    ],
    test: {
      file: 'lib/server/bindings/binder.test.ts',
      name: 'another key with the same principal > binds nothing where its account has the principal',
    },
  },
  {
    attack: 'The same, where the principal is an alias of the account',
    defence: 'A bind of an alias compares the whole thumbprint',
    patches: [
      {
        file: 'lib/server/bindings/binder.ts',
        find: 'holder.subject === subject && holder.thumbprint === device.thumbprint',
        replace: 'holder.subject === subject',
      },
    ],
    test: {
      file: 'lib/server/bindings/binder.test.ts',
      name: 'another key with the same principal > binds nothing where its account has the principal as an alias',
    },
  },
  {
    attack: 'At a binder, another key with the same principal is told that the account has linked it',
    defence: 'A repeated link compares the whole thumbprint',
    patches: [
      {
        file: 'lib/server/bindings/binder.ts',
        find: 'if (bound.principal === device.principal && bound.thumbprint === device.thumbprint) return',
        replace: 'if (bound.principal === device.principal) return',
      },
    ],
    test: {
      file: 'lib/server/bindings/binder.test.ts',
      name: 'another key with the same principal > links nothing where its account has the principal',
    },
  },
  {
    attack: "At a binder, another key with the same principal learns about that key's account",
    defence: 'The complete thumbprint is compared',
    patches: [
      {
        file: 'lib/server/bindings/binder.ts',
        find: 'return holder !== null && holder.thumbprint === thumbprint',
        replace: 'return holder !== null',
      },
    ],
    test: { file: 'lib/server/bindings/binder.test.ts', name: 'another key with the same principal > is not known' },
  },
  {
    attack: 'At a binder, another key with the same principal acts alone after an alias was given up',
    defence: 'The status of a key compares the whole thumbprint',
    patches: [
      {
        file: 'lib/server/bindings/binder.ts',
        find: "(holder.kind === 'former' && holder.thumbprint === thumbprint)",
        replace: "holder.kind === 'former'",
      },
    ],
    test: {
      file: 'lib/server/bindings/binder.test.ts',
      name: 'another key with the same principal > does not act alone where the account gave the principal up',
    },
  },
  {
    attack: 'Two servers that bind one account at the same moment, in a binding store in SQL',
    defence: 'The database keeps each slot of an account unique',
    patches: [
      { file: 'lib/server/bindings/sql-store.ts', find: 'unique (account, slot)', replace: 'check (slot >= 0)' },
    ],
    test: {
      file: 'adapters/account/binding-store.test.ts',
      name: 'a binding store in SQLite > the database itself refuses a second owner, a second principal and a seventeenth alias',
    },
  },

  {
    attack: "The key of a device whose principal belongs to an account, at a binder's exchange",
    defence: 'A proof is exchanged for a token only while the principal belongs to no account',
    patches: [
      {
        file: 'lib/server/bindings/binder.ts',
        find: "throw new LatchkeyError('PRINCIPAL_DISABLED')",
        replace: 'void store',
      },
    ],
    test: {
      file: 'adapters/account/exchange.test.ts',
      name: 'a token for a device > is refused once its principal belongs to an account',
    },
  },
  {
    attack: 'A recorded exchange request of a device is replayed at a binder',
    defence: 'A proof is used once',
    patches: [
      {
        file: 'lib/server/bindings/binder.ts',
        find: "await proveOnce(tools, proof, { purpose: 'exchange' })",
        replace: "await tools.proofs.verify(proof, { purpose: 'exchange' })",
      },
    ],
    test: {
      file: 'adapters/account/exchange.test.ts',
      name: 'a token for a device > is refused for a proof that was sent before, and for another purpose',
    },
  },
  {
    attack: "A private key of the server, read from a binder's key set",
    defence: 'Only the public members of a key are published',
    patches: [
      {
        file: 'lib/server/exchange/token-signer.ts',
        find: 'return { kty, kid, alg, ...use, ...Object.fromEntries(members.map((name) => [name, key[name]])) }',
        replace: 'return { ...key, ...use }',
      },
    ],
    test: {
      file: 'adapters/account/exchange.test.ts',
      name: 'the key set > has the public part of every key, and no other',
    },
  },
  {
    attack: 'Proofs that were signed in advance, on a device whose clock is ahead',
    defence: 'With `requireNonce`, every proof needs a nonce from the server',
    patches: [
      {
        file: plugin('hooks/proofs.ts'),
        find: "if (nonce === undefined) throw new LatchkeyError('PROOF_NONCE_MISSING')",
        replace: 'if (nonce === undefined) return new Date(0)',
      },
      {
        file: plugin('hooks/proofs.ts'),
        find: 'if (until) await useOnce(adapter, nonceName',
        replace: 'if (until && claims.nonce) await useOnce(adapter, nonceName',
      },
    ],
    test: {
      file: plugin('routes/require-nonce.test.ts'),
      name: 'a server that requires a nonce in every proof > refuses proofs that were signed ahead of time, without one',
    },
  },
  {
    attack: 'One such nonce in two proofs',
    defence: 'A nonce works once',
    patches: [
      {
        file: plugin('hooks/proofs.ts'),
        find: 'if (until) await useOnce(adapter, nonceName',
        replace: 'if (until && !claims.nonce) await useOnce(adapter, nonceName',
      },
    ],
    test: {
      file: plugin('routes/require-nonce.test.ts'),
      name: 'a server that requires a nonce in every proof > uses a nonce up',
    },
  },

  {
    attack: 'After an undo, the account goes on reading through a query that it opened in the sync engine before',
    defence: 'The exchange issues a tag that changes with the list of principals, and filters compare it',
    patches: [
      {
        file: 'lib/server/bindings/principals-tag.ts',
        find: '[principal, ...aliases.toSorted()]',
        replace: '[principal]',
      },
    ],
    test: {
      file: 'adapters/triplit/whole.test.ts',
      name: 'a list that is open on two devices before an undo has nothing of what the freed identity writes afterwards (checklist 35: undo)',
    },
  },

  {
    attack: 'A flood of new devices uses up the exchange, so that accounts get no tokens',
    defence: 'Devices and accounts have separate limits',
    patches: [
      {
        file: 'lib/server/exchange/answer-request.ts',
        find: "limits[kind === 'device' ? 'devices' : 'accounts'].take()",
        replace: "limits[kind === 'device' ? 'devices' : 'devices'].take()",
      },
    ],
    test: {
      file: plugin('routes/exchange.test.ts'),
      name: 'limits > in total, separately for devices and accounts: a flood of new devices does not use up the limit of accounts',
    },
  },
  {
    attack: 'A custom claim of the app turns an exchanged token into one for another client',
    defence: 'Claims that name another party of the token are reserved',
    patches: [
      {
        file: 'lib/server/exchange/exchanged-claims.ts',
        find: 'if (reserved !== undefined) throw new TypeError(`exchange.claims: ${reserved} is reserved`)',
        replace: UNCHECKED,
      },
    ],
    test: {
      file: plugin('routes/exchange.test.ts'),
      name: "the token > is not issued where the app's claims have the reserved name client_id, and the log says which one",
    },
  },
  {
    attack: 'A JSON body with a duplicate member: one value for the filter in front, one for the exchange',
    defence: 'Each body is read for duplicate members before it is parsed',
    patches: [
      { file: plugin('routes/body-limit.ts'), find: 'isJson(request) && hasMemberTwice(body)', replace: 'false' },
    ],
    test: {
      file: plugin('routes/exchange-attacks.test.ts'),
      name: 'a body that is made to confuse parsers > with a member twice, in two spellings is a bad request',
    },
  },
  {
    attack: 'A client leaves in mid-body again and again, and each time the server logs a fault with its stack',
    defence: 'A body that ends early is a bad request',
    patches: [
      {
        file: plugin('routes/body-limit.ts'),
        find: 'readBody(request.body).catch(() => BROKEN_OFF)',
        replace: 'readBody(request.body)',
      },
    ],
    test: {
      file: plugin('routes/exchange-attacks.test.ts'),
      name: 'a body that is made to confuse parsers > that ends early: the client is gone, and the server logs no fault',
    },
  },
  {
    attack: 'A path with dot segments, to an operator route that a proxy blocks',
    defence: 'Only the normal form of a path reaches a route',
    patches: [
      {
        file: 'adapters/cli/http.ts',
        find: 'url.pathname === path.split(/[?#]/, 1)[0] ? url : null',
        replace: 'url',
      },
    ],
    test: {
      file: 'adapters/cli/http.test.ts',
      name: 'a request > to /x/%2e%2E/echo reaches no route: a proxy in front may have read another path',
    },
  },
  {
    attack: 'A request with the method TRACE, handled as another one',
    defence: 'Unknown methods are answered 405',
    patches: [
      {
        file: 'adapters/cli/http.ts',
        find: "if (!METHODS.includes(message.method ?? '')) return { route: 'none', answer: problem(405, 'method') }",
        replace: "if (message.method === 'TRACE') message.method = 'GET'",
      },
    ],
    test: {
      file: 'adapters/cli/http.test.ts',
      name: 'a request > with the method TRACE is not answered as another method',
    },
  },
  {
    attack: "A binder's route at another path, which the server in front does not guard",
    defence: 'It answers only under the path of its audience',
    patches: [
      {
        file: 'lib/server/bindings/binder-handler.ts',
        find: 'pathname === `${base}${name}`',
        replace: 'pathname.endsWith(name)',
      },
    ],
    test: {
      file: 'adapters/account/account.test.ts',
      name: 'the handler > answers at the path of the audience, and at no other path with the same ending',
    },
  },

  {
    attack: 'A credential that an earlier middleware removed from the headers',
    defence: 'The adapters read the headers that the handlers see',
    patches: [
      {
        file: 'lib/server/request.ts',
        find: '(name) => withDropped(read(name), headersDistinct[name]) : read',
        replace: 'recordReader(headersDistinct as HeaderRecord) : read',
      },
    ],
    test: {
      file: 'adapters/express/express.test.ts',
      name: 'what an earlier middleware removed from the headers, or added to them, counts',
    },
  },

  {
    attack: 'A bearer token behind the credentials of another scheme, in one header',
    defence: 'A header counts as one for another scheme only if it contains no bearer token',
    patches: [
      { file: 'lib/server/resolver.ts', find: ' && !/(^|,)\\s*bearer(?![\\w-])/i.test(authorization)', replace: '' },
    ],
    test: {
      file: 'lib/server/resolver.test.ts',
      name: 'an Authorization header > with another scheme before it is malformed, even where anonymous requests are allowed',
    },
  },

  {
    attack: "Another user of the machine reads the server's database in a folder that others can read",
    defence: "Its files can be read only by their owner, whatever the folder's permissions",
    patches: [{ file: 'adapters/cli/database.ts', find: 'makePrivate(each)', replace: 'void each' }],
    test: {
      file: 'adapters/cli/serve.test.ts',
      name: 'in a folder that others can read > the database with its log and its lock, and the secret, are for the owner only',
    },
  },
  {
    attack: "A server that signs with the library's public default, because its secret file is empty",
    defence: 'A file without a secret is refused',
    patches: [
      { file: 'adapters/cli/kept-secret.ts', find: 'return text.length >= 32', replace: 'return text.length >= 0' },
    ],
    test: {
      file: 'adapters/cli/doctor.test.ts',
      name: 'the files of a server > that others can read are a warning each, and a secret file without a secret is a problem',
    },
  },

  // Floods
  {
    attack: 'Forged tokens for a set of a hundred keys without `kid`',
    defence: 'At most eight keys are tried for one token',
    patches: [
      { file: 'lib/server/external/verifier.ts', find: 'const MOST_TRIED = 8', replace: 'const MOST_TRIED = 800' },
    ],
    test: {
      file: 'lib/server/external/key-source.test.ts',
      name: 'a set of a hundred keys > without `kid` costs no more than eight verifications',
    },
  },
  {
    attack: 'In Workers, a client leaves while its request fetches the keys; the fetch never ends, and all others wait',
    defence: 'Each request waits for the keys for a limited time, and the next one fetches them again',
    patches: [
      {
        file: 'lib/server/external/key-source.ts',
        find: 'if (isLatest()) pending = undefined',
        replace: 'void isLatest',
      },
    ],
    test: {
      file: 'lib/server/external/key-source.test.ts',
      name: 'a fetch that died with its request, as in Workers > holds up no other request',
    },
  },
  {
    attack: 'An endless request body is sent to a binder',
    defence: 'The body is read only up to the limit',
    patches: [{ file: 'lib/server/bounded-body.ts', find: 'if (size > limit) return null', replace: UNCHECKED }],
    test: {
      file: 'adapters/account/account.test.ts',
      name: 'the handler > does not read a body that is too long to its end, whatever its declared length',
    },
  },
  {
    attack: 'An endless request body is sent to a server whose base URL has a path',
    defence: 'The plugin determines its paths relative to the base URL',
    patches: [{ file: plugin('plugin.ts'), find: 'new URL(baseURL).pathname.replace', replace: "'/api/auth'.replace" }],
    test: {
      file: plugin('routes/exchange-attacks.test.ts'),
      name: 'a body that is made to confuse parsers > is not read to its end where the base URL has a path of its own either',
    },
  },
  {
    attack: 'A flood of challenges and binds from one address',
    defence: 'Twenty requests per minute and address',
    patches: [{ file: plugin('plugin.ts'), find: 'window: 60, max: 20 }', replace: 'window: 60, max: 2000 }' }],
    test: { file: plugin('routes/limits.test.ts'), name: 'limits > /latchkey/bind: 20 a minute from one address' },
  },
  {
    attack: 'A token with a duplicate claim: one value for a gateway in front, one for this server',
    defence: 'A token with strings that the parsed claims do not contain is scanned, and a duplicate member is refused',
    patches: [
      { file: 'lib/tokens/decode.ts', find: 'return quotes === 2 * countStrings(value, 0)', replace: 'return true' },
    ],
    test: {
      file: 'lib/tokens/decode.test.ts',
      name: 'a member given twice > is refused after a nested object',
    },
  },
  {
    attack: 'A token with stray bits or characters in its base64url, which gives one signature a second text',
    defence: 'Each part must equal the canonical encoding of its bytes',
    patches: [
      {
        file: 'lib/tokens/decode.ts',
        find: "bytes ? bytes.toString('base64url') !== part : ",
        replace: 'bytes ? false : ',
      },
    ],
    test: { file: 'lib/tokens/decode.test.ts', name: 'decodeJws > refuses padding in the signature' },
  },
  {
    attack: 'A forged token, and a verifier of another library that returns something other than true',
    defence: 'Only `true` counts as a valid signature',
    patches: [{ file: 'lib/tokens/native-verifier.ts', find: ', publicKey) === true', replace: ', publicKey)' }],
    test: {
      file: 'lib/tokens/native-verifier.test.ts',
      name: 'the native verifier > is trusted only if it returns true',
    },
  },
  {
    attack: 'A forged token with the signature of one that was verified a moment ago',
    defence: 'A cached token is looked up by its end, and counts only if its whole text is the same',
    patches: [
      {
        file: 'lib/tokens/token-cache.ts',
        find: 'entry?.token === token ? entry.value : undefined',
        replace: 'entry?.value',
      },
    ],
    test: {
      file: 'lib/tokens/verify-cache.test.ts',
      name: 'verified tokens > lend their signature to no other text',
    },
  },
  {
    attack:
      'A local-first token over 4 KiB that names its algorithm otherwise, so that it is decoded as an external one',
    defence: 'The verifier checks the size of what was decoded before, too',
    patches: [{ file: VERIFY, find: 'jws && token.length <= MAX_TOKEN_CHARACTERS ? jws : ', replace: 'jws ?? ' }],
    test: {
      file: 'lib/server/resolver.test.ts',
      name: 'a local-first token > with over 4 KiB, with another name of the algorithm is refused, and told nothing but the kind of error',
    },
  },
  {
    attack: 'An oversized proof',
    defence: 'At most 4 KiB, checked before parsing',
    patches: [
      { file: VERIFY, find: 'const MAX_TOKEN_CHARACTERS = 4096', replace: 'const MAX_TOKEN_CHARACTERS = 4096 ** 2' },
    ],
    test: { file: plugin('routes/limits.test.ts'), name: 'limits > a proof over 4 KiB is refused before it is parsed' },
  },
  {
    attack:
      "A change of address that was requested before the victim proved the mailbox moves their account to the attacker's address",
    defence: 'An address changes only by a request that is younger than the proof, the binding and every link',
    patches: [
      {
        file: plugin('hooks/earlier-requests.ts'),
        find: 'if (requestedAt > handedOver) return',
        replace: 'if (requestedAt > 0 || (await handedOverAt(principals, user)) < 0) return',
      },
    ],
    test: {
      file: EARLIER_TEST,
      name: 'SQLite > a change of address that was requested before another device was linked > does not move the account',
    },
  },
  {
    attack:
      'The thief of a device requests a change of address; after the device was revoked, the mailed link moves the account to the thief',
    defence: 'A change of address counts only while the session that requested it exists',
    patches: [
      {
        file: ASKER,
        find: 'const session = asker && (await liveSession(context, user.id, asker.session))',
        replace: 'const session = asker && { id: asker.session }',
      },
    ],
    test: {
      file: EARLIER_TEST,
      name: 'SQLite > a change of address that a lost device requested, with its session in the database, is refused after > /latchkey/devices/revoke-others',
    },
  },
  {
    attack: 'The same, where only the key of the device was revoked',
    defence: 'What a session asked for ends with the key that made it',
    patches: [{ file: ASKER, find: 'return !row || !(await hasRevokedKey(principals, row))', replace: 'return true' }],
    test: {
      file: EARLIER_TEST,
      name: 'SQLite > a change of address that a lost device requested, with its session in the database, is refused after > the revocation of its key',
    },
  },
  {
    attack:
      'A party whose request for a change of address counts no more sends its link to the owner, who is signed in',
    defence: 'A session of the account is no reason to accept such a link, unless that session requested it',
    patches: [{ file: EARLIER, find: 'asking.id === asker?.session && ', replace: '' }],
    test: {
      file: EARLIER_TEST,
      name: 'SQLite > a change of address that was requested before the mailbox was proven > does not move the account of a victim who is signed in and opens the link',
    },
  },
  {
    attack:
      'A creator requests a change of address, the owner of the mailbox takes the account through a provider, and the mailed link moves it to the creator, whose session goes on',
    defence: 'A reset of the binding ends what any session asked for before',
    patches: [{ file: ASKER, find: '!isUnchanged(asker.state, await stateOf(context, user), user)', replace: 'false' }],
    test: {
      file: EARLIER_TEST,
      name: 'SQLite > a change of address that a creator requested does not move the account of an owner who entered since > through a provider, where it was created with a proof',
    },
  },
  {
    attack: 'The same with an account that was created without a proof, so that no binding is reset',
    defence:
      'Where it is unknown who created the account, so does a sign-in without the credentials and key of the creator',
    patches: [{ file: ASKER, find: 'await noteTakeover(context, user)', replace: UNCHECKED }],
    test: {
      file: EARLIER_TEST,
      name: 'SQLite > a change of address that a creator requested does not move the account of an owner who entered since > through a provider, where it was created without a proof',
    },
  },
  {
    attack:
      'The same, where the owner had reset the password by mail before, and resets it once more because of that request',
    defence: 'Each new password by mail ends what any session asked for before',
    patches: [
      { file: plugin('hooks/password-reset.ts'), find: 'await noteTakeover(ctx.context, user)', replace: UNCHECKED },
    ],
    test: {
      file: EARLIER_TEST,
      name: 'SQLite > a change of address counts although the session that requested it, or another one of its user, > but not after another password was set by mail',
    },
  },
  {
    attack:
      'The thief of a device requests a change of the address of an imported user, which is stored with capitals; after the revocation, the mailed link moves the account',
    defence: 'The user of a change of address is the one whose id the mailed token has, as in Better Auth',
    patches: [{ file: EARLIER, find: 'userId == null ? (await', replace: 'email !== null ? (await' }],
    test: {
      file: EARLIER_TEST,
      name: 'SQLite > a change that a lost device requested is refused for an address that was imported with capitals',
    },
  },
  {
    attack:
      'The creator of an account whose address was imported with capitals changes it, which hides that the account has another owner',
    defence: 'The user whose address changes is the one that the mailed token names',
    patches: [
      {
        file: plugin('hooks/users.ts'),
        find: "if (userId != null) return (await storeOf(tools)).findUser('id', String(userId))",
        replace: "if (userId === '') return null",
      },
    ],
    test: {
      file: EARLIER_TEST,
      name: 'SQLite > of an address that was imported with capitals > a change does not hide that another person owns the account',
    },
  },
  {
    attack: 'The thief of a device approves another one with a code (RFC 8628), which is used after the revocation',
    defence: 'A code counts only while the session that approved it exists',
    patches: [
      { file: DEVICE_CODE, find: "if (status !== 'approved' ||", replace: "if (status === 'approved' ||" },
      codeUnchecked,
    ],
    test: {
      file: DEVICE_CODE_TEST,
      name: 'SQLite > the code of a device (RFC 8628) > that a lost device approved, with its session in the database, gives none after /latchkey/devices/revoke-others',
    },
  },
  {
    attack:
      "The same, where the owner approves another code of the app's own, which differs only in letters that Better Auth leaves out of its codes",
    defence: 'An approval is noted for the one row of the code, which is found as Better Auth finds it',
    patches: [
      {
        file: DEVICE_CODE,
        find: "return ['device', id]",
        replace: "return ['device', id && '']",
      },
    ],
    test: {
      file: DEVICE_CODE_TEST,
      name: "SQLite > the code of a device (RFC 8628) > of the app's own codes without Latin letters, one is not approved by an approval of the other",
    },
  },
  {
    attack: 'The same, where the owner, too, enters the code that the thief has approved',
    defence: 'An approval is noted only while the code waits for one',
    patches: [{ file: DEVICE_CODE, find: "if (code?.status === 'pending')", replace: 'if (code)' }],
    test: {
      file: DEVICE_CODE_TEST,
      name: 'SQLite > the code of a device (RFC 8628) > that a lost device approved gives no session although another one tries to approve it, too',
    },
  },
  {
    attack: 'The same, where the code is used at the moment of the revocation, so that its session is not ended',
    defence: 'The session that approved the code is looked up once more after the new session was stored',
    patches: [codeUnchecked],
    test: {
      file: DEVICE_CODE_TEST,
      name: 'SQLite > the code of a device (RFC 8628) > gives no session if the one that approved it ends meanwhile',
    },
  },
  {
    attack: 'The same, with a code that gives the tokens of an OAuth client instead of a session',
    defence: 'The session that approved the code is looked up once more before the tokens are returned',
    patches: [
      {
        file: DEVICE_CODE,
        find: 'if (!deviceCode || isAPIError(returned)) return',
        replace: 'if (!deviceCode || !newSession || isAPIError(returned)) return',
      },
    ],
    test: {
      file: OAUTH_PROVIDER_TEST,
      name: 'a device whose code a session approved for a third party (RFC 8628) > gets none if that session ends while they are made',
    },
  },
  {
    attack:
      'The thief of a device begins to register a passkey, where none needs a session, and completes it after the revocation',
    defence: 'A registration that was begun in a session is completed only in a session of the same user',
    patches: [{ file: EARLIER, find: 'found.needsSession === true && ', replace: 'found === null && ' }],
    test: {
      file: EARLIER_TEST,
      name: 'SQLite > a passkey is not added by a registration that a lost device began, where none needs a session',
    },
  },
  {
    attack: 'The victim signs in a second time to an account that its creator can still enter, and links their device',
    defence: 'Whether the account was handed over is recorded with the user, not with the session',
    patches: [
      {
        file: plugin('hooks/handover.ts'),
        find: 'if (prover == null || prover === proverByKey(user)) return null',
        replace: "if (prover == null || prover !== 'contested' || user.principal) return null",
      },
    ],
    test: {
      file: plugin('routes/link.test.ts'),
      name: 'SQLite > a mailbox that is proven for the first time > links nothing to an account that someone else may still enter, in this session or in any later one',
    },
  },
  {
    attack: 'A device that was linked before the owner of the mailbox proved it is linked again afterwards',
    defence:
      'Only a principal whose proof created the account needs no look at the ways in: a former alias created nothing',
    patches: [
      {
        file: plugin('hooks/handover.ts'),
        find: " && !(await lastAct(principals, 'link', of))",
        replace: '',
      },
    ],
    test: {
      file: plugin('routes/link.test.ts'),
      name: 'SQLite > a mailbox that is proven for the first time > links no former alias again: its proof did not make the account',
    },
  },
  {
    attack: 'An impersonating admin revokes the device keys of a user',
    defence: "Only the account's own session changes keys",
    patches: [{ file: plugin('hooks/impersonation.ts'), find: ' || isImpersonated(session)', replace: '' }],
    test: {
      file: plugin('hooks/impersonation.test.ts'),
      name: 'SQLite > an admin who impersonates a user > changes no device key, and is named in the token',
    },
  },
  {
    attack: 'An impersonating admin fixes the principal of an account that has never been used',
    defence: 'A read by an impersonated session fixes nothing',
    patches: [{ file: plugin('routes/session.ts'), find: 'isImpersonated(found.session) || ', replace: '' }],
    test: {
      file: plugin('hooks/impersonation.test.ts'),
      name: 'SQLite > an admin who impersonates a user > fixes no principal by reading, and gets no token for an unused account',
    },
  },
  {
    attack: 'An impersonating admin fixes the principal of an unused account by the exchange',
    defence:
      'Every token for a session is issued for the same subject: an impersonated session gets none while the account is unused',
    patches: [
      {
        file: plugin('binding/token-subject.ts'),
        find: 'if (actor === null && !isPaired(asking)) {',
        replace: 'if (actor === null || principals) {',
      },
    ],
    test: {
      file: plugin('hooks/impersonation.test.ts'),
      name: 'SQLite > an admin who impersonates a user > exchanges no session of an unused account, and leaves it open',
    },
  },
  {
    attack: 'A device that another one approved fixes the account, so that its user can never bind their own device',
    defence: 'A read by the session of such a device fixes nothing',
    patches: [{ file: plugin('routes/session.ts'), find: ' || isPaired(found.session)', replace: '' }],
    test: { file: GRANT_TEST, name: PAIRED_OPEN },
  },
  {
    attack: 'The same, by a token',
    defence: 'Such a session gets no token before the user has used the account',
    patches: [
      {
        file: plugin('binding/token-subject.ts'),
        find: 'if (actor === null && !isPaired(asking)) {',
        replace: 'if (actor === null) {\n    void isPaired',
      },
    ],
    test: { file: GRANT_TEST, name: PAIRED_OPEN },
  },
  {
    attack: 'An impersonating admin acts under a token of the exchange that does not name the admin',
    defence: 'The token names the admin in `act`',
    patches: [
      {
        file: 'lib/server/exchange/exchanged-claims.ts',
        find: '...(subject.actor != null && { act: { sub: subject.actor } })',
        replace: '...{}',
      },
    ],
    test: {
      file: plugin('hooks/impersonation.test.ts'),
      name: 'SQLite > an admin who impersonates a user > is named in a token that the exchange issues for the session',
    },
  },
  {
    attack: "Another site makes the victim's browser fix the principal of their open account",
    defence: 'Cross-site requests of untrusted origins are refused where a read would fix the principal',
    patches: [
      {
        file: plugin('hooks/cross-site.ts'),
        find: "if (isCrossSite(asked)) throw refusal('CROSS_SITE_FORBIDDEN')",
        replace: 'void asked',
      },
    ],
    test: {
      file: plugin('hooks/cross-site.test.ts'),
      name: 'SQLite > /latchkey/session: a request that another site makes the browser send fixes nothing',
    },
  },
  {
    attack: 'Another site fixes the principal of an open account through the token in the answer of `/get-session`',
    defence: 'A request that another site caused gets no token there',
    patches: [{ file: plugin('jwt.ts'), find: ' && !isFromOtherSite(ctx)', replace: ' || isFromOtherSite(ctx)' }],
    test: {
      file: plugin('hooks/cross-site.test.ts'),
      name: 'SQLite > /get-session, where it answers with a token: a request that another site makes the browser send fixes nothing',
    },
  },
  {
    attack: "A link on another site fixes the principal of the victim's open account through the cookie source",
    defence: 'A page that another site opened reads the account without fixing its principal',
    patches: [
      {
        file: 'lib/server/sources/better-auth-cookie.ts',
        find: 'isCrossSite ? `${url}&peek=1` : url',
        replace: 'isCrossSite ? url : url',
      },
    ],
    test: {
      file: plugin('cookie-session.test.ts'),
      name: "SQLite > Better Auth's cookie, where the account was never used > fixes no principal for a page that another site opened, and fixes it for a page of the app",
    },
  },
  {
    attack: 'An impersonating admin acts through the cookie source as if the user did',
    defence: 'The session has the claim `act` with the principal of the admin',
    patches: [
      {
        file: 'lib/server/sources/better-auth-cookie.ts',
        find: '...(actor !== undefined && { claims: { act: { sub: actor } } })',
        replace: '...{}',
      },
    ],
    test: {
      file: plugin('cookie-session.test.ts'),
      name: "SQLite > Better Auth's cookie, where the account was never used > fixes none for an admin who impersonates the user, and names the admin",
    },
  },
  {
    attack: "A stranger's requests with an invalid cookie use up the rate limit that the cookies of all users share",
    defence: 'A Better Auth in the same process is called without a request that its rate limit would count',
    patches: [
      {
        file: 'lib/server/sources/better-auth-cookie.ts',
        find: 'const here = auth && inProcess(auth)',
        replace: 'const here = auth && (inProcess(auth), (auth as unknown as { handler: typeof send }).handler)',
      },
    ],
    test: {
      file: plugin('cookie-session.test.ts'),
      name: "SQLite > Better Auth's cookie has no limit of requests that all users share",
    },
  },
  {
    attack: 'A stranger uses up the rate limit of the key set, so that a resolver beside Better Auth gets no keys',
    defence: 'It calls the endpoint of its own Better Auth, without a request that the rate limit would count',
    patches: [
      {
        file: plugin('resolver.ts'),
        find: '{ api, $context }: BetterAuthInstance,',
        replace: '{ api, handler, $context }: BetterAuthInstance,',
      },
      {
        file: plugin('resolver.ts'),
        find: '...keysOf(context, api)',
        replace: '...keysOf(context, { getJwks: (input: { request: Request }) => handler(input.request) })',
      },
    ],
    test: {
      file: plugin('resolver.test.ts'),
      name: 'the session of a request (checklist 1: anonymous, local-first, external) > an account, also where others have used up the rate limit of the keys',
    },
  },
  {
    attack:
      'A stranger deletes the newest account again and again; each next user gets its retired id and is locked out',
    defence: 'A database that gives an id twice is refused before an account is bound',
    patches: [
      { file: plugin('checks/database-checks.ts'), find: 'if (ids[0] === ids[1])', replace: 'if (ids.length === 0)' },
    ],
    test: {
      file: plugin('checks/database-probe.test.ts'),
      name: 'a database is refused by name > that gives the id of a deleted row to the next one',
    },
  },
  {
    attack: 'A NUL character in a body or a subject makes Postgres fail, and is logged as a fault of the server',
    defence: 'Strings with control characters are refused before they reach the database',
    patches: [
      { file: 'lib/plain-text.ts', find: String.raw`!/[\p{Cc}\p{Cs}]/u.test(text)`, replace: 'text.length >= 0' },
    ],
    test: {
      file: plugin('routes/control-characters.test.ts'),
      name: String.raw`SQLite > a text with a control character, "a\u0000b" > is refused in a body, and nothing is stored`,
    },
  },
  {
    attack: 'A banned user continues with the device key of an account whose address is unverified',
    defence: 'The keys of a banned user are disabled',
    patches: [
      { file: plugin('binding/status.ts'), find: "if (isBanned(holder)) return 'disabled'", replace: 'void isBanned' },
    ],
    test: {
      file: plugin('hooks/ban.test.ts'),
      name: 'SQLite > the keys of a banned user > are disabled in the resolver and in the exchange until the ban is lifted',
    },
  },
  {
    attack: 'A taken principal reveals whether an address has an account, where verification is required',
    defence: 'The principal is checked before the address',
    patches: [
      {
        file: plugin('plugin.ts'),
        find: 'await checkFree(principals, device).catch(rethrow)',
        replace: 'void checkFree',
      },
    ],
    test: {
      file: plugin('hooks/enumeration.test.ts'),
      name: 'SQLite > under required verification a taken principal does not reveal whether an address has an account',
    },
  },
  {
    attack: 'The first sign-up with a key reveals whether its address has an account, where verification is required',
    defence: 'An answer without a session does not name the principal',
    patches: [{ file: plugin('hooks/sign-up.ts'), find: 'principal: null', replace: '' }],
    test: {
      file: plugin('hooks/enumeration.test.ts'),
      name: 'SQLite > under required verification no sign-up with a new key reveals it, nor a second one with the same key',
    },
  },
  {
    attack:
      'A second sign-up with the same key reveals whether the first address has an account, where verification is required',
    defence: 'An unused binding yields to another one of the same key',
    patches: [
      {
        file: plugin('binding/reservation.ts'),
        find: 'user.principalOpen === true && row.kind',
        replace: 'user.principalOpen === null && row.kind',
      },
    ],
    test: {
      file: plugin('hooks/enumeration.test.ts'),
      name: 'SQLite > under required verification no sign-up with a new key reveals it, nor a second one with the same key',
    },
  },
  {
    attack: 'An admin who reads an account while impersonating its user takes a contested principal from it',
    defence: 'An impersonated session is no evidence about the mailbox',
    patches: [
      {
        file: plugin('binding/verified-email.ts'),
        find: 'if (isNeutral(asking) || isMakers(asking, user)) return true',
        replace: 'if ((isNeutral(asking) && principals === null) || isMakers(asking, user)) return true',
      },
    ],
    test: {
      file: plugin('hooks/honest-sequences.test.ts'),
      name: 'SQLite > a contested binding stays as it is > when an admin reads it while impersonating the user',
    },
  },
  {
    attack:
      'A stranger writes the id of an account into text fields of their own rows, so that the account can never link a device',
    defence: 'Columns of free text are not searched for traces of the account',
    patches: [
      {
        file: plugin('hooks/credentials.ts'),
        find: '?? !FREE_TEXT.test(field)',
        replace: "?? (field !== '' || FREE_TEXT.test(field))",
      },
    ],
    test: {
      file: plugin('hooks/honest-sequences.test.ts'),
      name: 'SQLite > a stranger who names an organization after the id of an account does not keep it from linking',
    },
  },
  {
    attack: 'An account can never link a device, because a code that it approved once remains: no route removes it',
    defence: 'A code ends with the session that approved it, and is not a way in',
    patches: [codeCounts],
    test: {
      file: plugin('hooks/honest-sequences.test.ts'),
      name: 'SQLite > a code that was approved before does not keep the account from linking, and gives no session',
    },
  },
  {
    attack: 'An account can never link a device, because the OAuth token of an app remains: no route removes it',
    defence: 'A token that has expired is not a way in',
    patches: [
      {
        file: plugin('hooks/credentials.ts'),
        find: "operator: 'gt', value: new Date() }] : []",
        replace: "operator: 'gt', value: new Date(0) }] : []",
      },
    ],
    test: {
      file: plugin('hooks/honest-sequences.test.ts'),
      name: 'SQLite > a token of an app that the creator let in keeps the account from linking only until it expires',
    },
  },
  {
    attack: 'A stranger asks for codes of devices (RFC 8628) for the user of an account, so that it binds no device',
    defence: 'A code ends with the session that approved it, and is not a way in',
    patches: [codeCounts],
    test: {
      file: plugin('hooks/honest-sequences.test.ts'),
      name: 'SQLite > a stranger who asks for a code of a device with the id of an account as user_id does not keep it from binding',
    },
  },
  {
    attack: 'A stranger has a user open a link with the code of a device, so that the account links no device',
    defence: 'A code ends with the session that approved it, and is not a way in',
    patches: [codeCounts],
    test: {
      file: plugin('hooks/honest-sequences.test.ts'),
      name: 'SQLite > nor does one whose link brings the code to a browser of its user',
    },
  },
  {
    attack:
      'A stranger approves a code of a device (RFC 8628) whose scope is the id of an account, so that it binds no device',
    defence: 'A code is not a way in, whatever it contains',
    patches: [codeCounts],
    test: {
      file: plugin('hooks/honest-sequences.test.ts'),
      name: 'SQLite > a stranger who asks for a code of a device with the id of an account as scope does not keep it from binding',
    },
  },
  {
    attack: 'A stranger registers a client of OAuth whose software is the id of an account, so that it binds no device',
    defence: 'Of such a client, only its user and its reference count',
    patches: [
      {
        file: plugin('hooks/credentials.ts'),
        find: "oauthClient: ['userId',",
        replace: "oauthClients: ['userId',",
      },
    ],
    test: {
      file: plugin('hooks/honest-sequences.test.ts'),
      name: 'SQLite > nor does one who registers a client of OAuth with the id of an account as its software',
    },
  },
  strangersRow(
    'A stranger creates an API key whose prefix is the id of an account, so that it binds no device',
    "apikey: ['referenceId', 'userId'],",
    'who creates an API key with the id of the account as its prefix',
  ),
  strangersRow(
    'A stranger registers a passkey whose transport is the id of an account, so that it binds no device',
    "passkey: ['userId'],",
    'who registers a passkey that names the id of the account as its transport',
  ),
  strangersRow(
    'A stranger names a role of an organization after the id of an account, so that it binds no device',
    'contacts|role|',
    'who names a role of an organization after the account, and gives it to others',
    'contacts|',
  ),
  strangersRow(
    'Users have so many consents to apps that no account of the server binds a device any more',
    "oauthConsent: ['userId', 'referenceId'],",
    'whose apps fill the table oauthConsent',
  ),
  strangersRow(
    'Users have so many access tokens of apps that no account of the server binds a device any more',
    "oauthAccessToken: ['userId', 'referenceId'],",
    'whose apps fill the table oauthAccessToken',
  ),
  strangersRow(
    'Users have so many refresh tokens of apps that no account of the server binds a device any more',
    "oauthRefreshToken: ['userId', 'referenceId'],",
    'whose apps fill the table oauthRefreshToken',
  ),
  {
    attack:
      'A link into the account of an attacker, which a user follows in the app and which is refused, signs them out',
    defence: 'The browser keeps the session that it had before the refused sign-in',
    patches: [
      {
        file: plugin('hooks/sign-in.ts'),
        find: 'if (before) await setSessionCookie(ctx, before)',
        replace: 'void [before, setSessionCookie]',
      },
    ],
    test: {
      file: plugin('hooks/sign-in-routes.test.ts'),
      name: "SQLite > magic link > into the attacker's own account, leaves the session that the browser had",
    },
  },
  {
    attack:
      'The creator of an unused account gets the device of the mailbox owner, who signs in through a trusted provider that proves no address',
    defence: 'A sign-in through a provider that was linked by the address counts as a proof of the mailbox',
    patches: providerUnnoticed,
    test: {
      file: plugin('hooks/oauth.test.ts'),
      name: `SQLite > ${TRUSTED_PROVIDER} > a sign-in through it binds no open account that its creator could still enter`,
    },
  },
  {
    attack: 'The same, of an account that the device of its creator was bound to',
    defence: 'Such a sign-in resets the binding, as any other first proof of the mailbox does',
    patches: providerUnnoticed,
    test: {
      file: plugin('hooks/oauth.test.ts'),
      name: `SQLite > ${TRUSTED_PROVIDER} > resets the binding of another person, and links nothing until they cannot enter any more`,
    },
  },
  {
    attack:
      'The server dies between the link of such a provider and the session, and the mailbox owner signs in once more',
    defence: 'The proof of the mailbox is recorded before the provider is linked',
    patches: [providerUnproven],
    test: {
      file: plugin('hooks/oauth.test.ts'),
      name: `SQLite > ${TRUSTED_PROVIDER} > the creator gets no device when the server died before there was a session`,
    },
  },
  {
    attack: 'The proof by such a provider cannot be recorded, and the mailbox owner signs in once more',
    defence: 'A provider whose proof could not be recorded is not linked',
    patches: [providerUnproven],
    test: {
      file: plugin('hooks/oauth.test.ts'),
      name: `SQLite > ${TRUSTED_PROVIDER} > the creator gets no device when the proof could not be recorded`,
    },
  },
  {
    attack: 'The mailbox owner signs in through such a provider twice at once, and the second sign-in finds it linked',
    defence: 'The proof of the mailbox is recorded before the provider is linked',
    patches: [providerUnproven],
    test: {
      file: plugin('hooks/oauth.test.ts'),
      name: `SQLite > ${TRUSTED_PROVIDER} > the creator gets no device while another server completes one`,
    },
  },
  {
    attack:
      'The creator of an account links their own provider, so that a later proof by the mailbox owner changes nothing',
    defence: 'A provider that a session of the account adds proves no mailbox',
    patches: [
      {
        file: plugin('hooks/provider-proof.ts'),
        find: 'if ((await getOAuthState())?.link) return false',
        replace: 'void getOAuthState',
      },
    ],
    test: {
      file: plugin('hooks/oauth.test.ts'),
      name: `SQLite > ${TRUSTED_PROVIDER} > but one that the session of the creator adds proves nothing`,
    },
  },
  {
    attack:
      'The mailbox owner signs in through a provider of another plugin, on a route that Better Auth does not have',
    defence: 'Any sign-in that added a provider to a user who existed counts as a proof of the mailbox',
    patches: [foreignRouteUnproven],
    test: {
      file: plugin('hooks/oauth.test.ts'),
      name: `SQLite > ${TRUSTED_PROVIDER} > also by the route of another plugin`,
    },
  },
  {
    attack: 'The question about a key reveals whether the address of its sign-up has an account',
    defence: 'A sign-up without a session makes no key known before the account is used',
    patches: [
      {
        file: plugin('binding/known.ts'),
        find: '(await holderInUse(principals, row))',
        replace: "(row.kind === 'reserved' ? 'account' : await holderInUse(principals, row))",
      },
    ],
    test: {
      file: plugin('hooks/enumeration.test.ts'),
      name: 'SQLite > with { requireEmailVerification: true } neither the question about a key nor the store for backups reveals it, until the address is verified',
    },
  },
  {
    attack: 'The store for backups reveals whether the address of a sign-up has an account',
    defence: 'Before the account is used, its key has no more backups than one without an account',
    patches: [
      {
        file: plugin('binding/backups.ts'),
        find: "return row ? holderInUse(principals, row) : Promise.resolve('nobody')",
        replace: "return Promise.resolve(row ? 'external' : 'nobody')",
      },
    ],
    test: {
      file: plugin('hooks/enumeration.test.ts'),
      name: 'SQLite > with { autoSignIn: false } neither the question about a key nor the store for backups reveals it, until the address is verified',
    },
  },
  {
    attack: 'A device that was let in makes its own key the principal of an unused account, permanently',
    defence: 'A session that another one approved binds nothing',
    patches: [pairedBinds],
    test: {
      file: GRANT_TEST,
      name: 'a session that another one let in > binds no open account to its own key, and leaves it open for the user who let it in',
    },
  },
  {
    attack: 'The same, of a device that was let in by a code of RFC 8628',
    defence: 'A session that another one approved binds nothing',
    patches: [pairedBinds],
    test: {
      file: plugin('routes/devices.test.ts'),
      name: 'SQLite > a session that another one approved with a code (RFC 8628) binds no open account to its key',
    },
  },
  {
    attack: "The victim opens the creator's verification link and signs in by mail, and the creator keeps access",
    defence: 'The first sign-in by mail to a contested account ends the earlier passwords, providers and sessions',
    patches: [
      {
        file: plugin('hooks/sign-in.ts'),
        find: 'await endEarlierAccess(principals, ctx, session)',
        replace: 'void endEarlierAccess',
      },
    ],
    test: {
      file: plugin('hooks/honest-verification.test.ts'),
      name: 'SQLite > takes the account from a creator who used the address of another person > the victim opens the link, and enters by a magic link',
    },
  },
  {
    attack: 'Pre-hijack: the creator adds a passkey, which opens the account after the victim has signed in by mail',
    defence:
      'The first sign-in by mail without the key of the account also removes the passkeys, which Better Auth keeps',
    patches: [
      {
        file: plugin('hooks/users.ts'),
        find: 'await deleteKeys(principals, tools.auth, user.id)',
        replace: 'void deleteKeys',
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > an account that was created with the victim's address, whose mailbox was proven without a proof > loses the passkeys of its creator by a magic link",
    },
  },
  {
    attack: "The same, and the victim opens the creator's verification link before she signs in",
    defence: 'So does the first sign-in by mail to a contested account',
    patches: [
      {
        file: plugin('hooks/sign-in.ts'),
        find: 'await deleteKeys(principals, context, session.userId)',
        replace: 'void deleteKeys',
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > an account that was created with the victim's address, whose mailbox was proven without a proof > loses the passkeys of its creator by a code, after a verification mail was followed",
    },
  },
  {
    attack: "The same with a wallet (SIWE), with which the creator signed up with the victim's address",
    defence: 'Wallets are removed as passkeys are',
    patches: [
      {
        file: plugin('hooks/credentials.ts'),
        find: "return ['passkey', 'walletAddress'].filter",
        replace: "return ['passkey'].filter",
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > an account that a wallet created with the victim's address loses the wallet by her sign-in by mail",
    },
  },
  {
    attack: 'Forged tokens fill the audit log, and reveal whether an address has an account',
    defence: 'A mailed token counts only with the signature of Better Auth',
    patches: [
      {
        file: plugin('hooks/mailed-token.ts'),
        find: "return (await jwtVerify<MailedToken>(String(query?.['token']), secret, { algorithms: ['HS256'] })).payload",
        replace: "return JSON.parse(atob(String(query?.['token']).split('.')[1] ?? '')) as MailedToken",
      },
    ],
    test: {
      file: plugin('hooks/earlier-requests.test.ts'),
      name: 'SQLite > a change of address that was requested before the mailbox was proven > without a signature records nothing, and does not reveal whether an address has an account',
    },
  },
  {
    attack: 'A long history hides that an account was linked after a change of address had been requested',
    defence: 'The latest entry of a kind is queried, not the first hundred of all',
    patches: [
      {
        file: plugin('binding/audit.ts'),
        find: "sortBy: { field: 'createdAt', direction: 'desc' },",
        replace: "sortBy: { field: 'createdAt', direction: 'asc' }, offset: 1,",
      },
    ],
    test: {
      file: EARLIER_TEST,
      name: 'SQLite > a change of address that was requested before another device was linked > does not move an account with a long history',
    },
  },
  {
    attack:
      'An open account of the attacker enters `run` through a one-time token, and takes the principal of the device',
    defence:
      "A session is accepted without confirmation only if the request that created it carried this device's proof",
    patches: [
      {
        file: 'lib/client/account/upgrade.ts',
        find: 'return ( found.provenBy === undefined || (key === null ? signedIn === true && found.provenBy === null : found.provenBy === key.principal) )',
        replace: 'return true',
      },
    ],
    test: {
      file: plugin('client/session-origin.test.ts'),
      name: 'SQLite > a session that a request without a proof of this device made > waits, even if a one-time token brought it during `run`',
    },
  },
  {
    attack:
      'A session is planted while `run` requests a link, on a device that is signed out and so has no key for a proof',
    defence:
      'On such a device, a session counts as created by `run` only if the server said so in response to a request of `run`',
    patches: [
      {
        file: 'lib/client/account/upgrade.ts',
        find: 'signedIn === true && found.provenBy === null',
        replace: 'signedIn !== null',
      },
    ],
    test: {
      file: plugin('client/session-origin.test.ts'),
      name: 'SQLite > a session that a request without a proof of this device made > waits on a device without an identity, unless `run` itself signed in',
    },
  },
  {
    attack: 'A session of another account is planted between the reading of a session and its binding',
    defence: 'The bind request names the account that the decision was about',
    patches: [
      {
        file: plugin('routes/bind.ts'),
        find: "if (!isExpected(ctx.body, user)) throw refusal('PROOF_IDENTIFIER_MISMATCH')",
        replace: 'void isExpected',
      },
    ],
    test: {
      file: plugin('client/session-origin.test.ts'),
      name: 'SQLite > a session that a request without a proof of this device made > is bound to no other account than the one that was shown',
    },
  },
  {
    attack: 'A session is planted in a browser before the first visit of its user',
    defence: 'A session at the first start waits for confirmation, unless the app says that it is moving its users',
    patches: [
      { file: 'lib/client/account/session-check.ts', find: 'isFirst() && isMigrating(context)', replace: 'isFirst()' },
    ],
    test: {
      file: 'lib/client/account/pending-upgrade.test.ts',
      name: 'a session that appears outside > waits at the first start on a device without the option',
    },
  },
  {
    attack: "Another user signs in at the provider, on a device whose sync engine still has the previous user's data",
    defence: "The refreshed token starts that user's session only once the app has handled that data",
    patches: [
      {
        file: 'lib/session/runtime/hand-over.ts',
        find: 'if (!keepsDataOfAnother(runtime, next)) return\n',
        replace: 'if (keepsDataOfAnother(runtime, next)) return\n',
      },
    ],
    test: {
      file: 'lib/session/refresh.test.ts',
      name: "a source that answers > with another user's token ends the session without beforeRestart, where the transport keeps data: no token reaches it",
    },
  },
  {
    attack: "The app's answer after the end of a session makes the user about whom it was asked the owner of the data",
    defence: 'The answer counts only while that user is the one whose session starts',
    patches: [
      {
        file: 'lib/session/runtime/hand-over.ts',
        find: 'if (!isCurrent()) return false\n  runtime.owner = to',
        replace: 'runtime.owner = to',
      },
    ],
    test: {
      file: 'lib/session/owned-transport.test.ts',
      name: 'a third user, who comes while the app asks about the second > gets nothing that the app decides after the end of the session, where the session starts by itself',
    },
  },
  {
    attack:
      "The next user's principals change while the app still decides about the previous user's data, and their session connects over it",
    defence: 'A change of the principals fetches a token only for the user whose session runs',
    patches: [
      {
        file: 'lib/session/runtime/auth-observer.ts',
        find: "before?.principal) return dispatch({ type: 'authChanged' })",
        replace: "before?.principal) return dispatch({ type: 'due' })",
      },
    ],
    test: {
      file: 'lib/session/another-user.test.ts',
      name: 'principals of the next user that change while the app decides about the data start no session',
    },
  },
  {
    attack: "The app's answer after the end of the session makes the next user the owner of the previous user's data",
    defence: 'The answer counts only for the session that was to start',
    patches: [
      {
        file: 'lib/session/runtime/auth-observer.ts',
        find: '    stop() {\n      changes++\n',
        replace: '    stop() {\n',
      },
    ],
    test: {
      file: 'lib/session/owned-transport.test.ts',
      name: 'a third user, who comes while the app asks about the second > gets nothing that the app decides after the end of the session, where the session starts by itself',
    },
  },
  {
    attack: 'A dialog about the data is answered late, and deletes the data of the user who came back meanwhile',
    defence: 'The session that the app got deletes nothing for a user who has left',
    patches: [
      {
        file: 'lib/session/runtime/hand-over.ts',
        find: "    if (!isCurrent()) throw new LatchkeyError('SESSION_ENDED', 'the user changed meanwhile')\n    require",
        replace: '    require',
      },
    ],
    test: {
      file: 'lib/session/owned-transport.test.ts',
      name: 'an answer for a user who has left again > deletes nothing of the one who came back',
    },
  },
  {
    attack: 'Two dialogs about the same data are open, and the second answer deletes what the user has written since',
    defence: 'The app is asked only while no other decision for the same user is open',
    patches: [
      {
        file: 'lib/session/runtime/hand-over.ts',
        find: 'open.isCurrent(); open = runtime.decision)',
        replace: 'open.isCurrent(); open = null)',
      },
    ],
    test: {
      file: 'lib/session/owned-transport.test.ts',
      name: 'a user about whom the app is asked already > is asked about no third time by a start that waited for the first answer',
    },
  },
  {
    attack:
      'The app disconnects while a dialog about the data is open, and the answer opens the connection all the same',
    defence: 'A connection that is over hands nothing over',
    patches: [
      {
        file: 'lib/session/runtime/connection.ts',
        find: 'isHandingOver = false\n      requireMine()',
        replace: 'isHandingOver = false',
      },
    ],
    test: {
      file: 'lib/session/owned-transport.test.ts',
      name: 'data of another user, from before the page was loaded > is not connected to by a transport of its own whose connection is over by then',
    },
  },
  {
    attack: 'A tab that hears late of another user deletes what that user has written in another tab under an alias',
    defence: 'Data that belongs to the next user, or to an alias of theirs, is not handled again',
    patches: [
      {
        file: 'lib/session/runtime/hand-over.ts',
        find: 'if (next.includes(owner!))',
        replace: 'if (owner === to)',
      },
    ],
    test: {
      file: 'lib/session/owned-transport.test.ts',
      name: 'another tab that has handled the data first > keeps what the next user has written since as alias: nothing is cleared, and the session asks for a reload',
    },
  },
  {
    attack:
      'A tab that hears late of another user deletes what that user has written in another tab, because its engine answers from a copy of the database',
    defence: 'What is deleted depends on the stored owner, not on the copy of this tab',
    patches: [
      {
        file: 'adapters/triplit/owner.ts',
        find: "if (!kv || !('cache' in kv)) return read()",
        replace: "if (!kv || KEY.length > 0 || !('cache' in kv)) return read()",
      },
    ],
    test: {
      file: 'adapters/triplit/tabs.test.ts',
      name: 'a tab that hears of the next user late deletes nothing of what they wrote in another tab',
    },
  },
  {
    attack:
      "Another tab has made the data the next user's, whose token a tab takes for rows of the previous user that it still has in memory",
    defence: 'A session connects only over data whose owner this tab itself has read',
    patches: [
      {
        file: 'adapters/triplit/owner.ts',
        find: '  return {\n    read,\n',
        replace: '  return {\n    async read() {\n      return this.stored()\n    },\n',
      },
    ],
    test: {
      file: 'adapters/triplit/tabs.test.ts',
      name: 'an anonymous tab on the data of the first user, which is that of the next user by now, neither deletes nor sends any',
    },
  },
  {
    attack: 'Two tabs ask about the same data, and the later answer deletes what the user has written after the first',
    defence: 'The stored owner is read again before the session that the app got deletes anything',
    patches: [{ file: 'lib/session/runtime/hand-over.ts', find: '    requireAnother(owner)\n', replace: '' }],
    test: {
      file: 'lib/session/owned-transport.test.ts',
      name: 'another tab that handles the data while the app decides > keeps what the next user has written since: an answer that clears the data changes nothing',
    },
  },
  {
    attack: 'The app is asked about the data of a user who never had it, and agrees to delete that of another one',
    defence: 'The app is asked about the stored owner of the data',
    patches: [
      {
        file: 'lib/session/runtime/hand-over.ts',
        find: '(await transport.owner?.()) ?? owner!',
        replace: '((await transport.owner?.()), owner!)',
      },
    ],
    test: {
      file: 'lib/session/owned-transport.test.ts',
      name: 'a third user, who comes while the app asks about the second > is asked about whose data it is, also if the second never had a token',
    },
  },
  {
    attack:
      'A third user comes while the app asks about data of an earlier visit, which counts as the data of the second',
    defence: 'The data has the owner that the transport found until the app has handled it',
    patches: [{ file: 'lib/session/runtime/hand-over.ts', find: 'runtime.owner = from\n', replace: '\n' }],
    test: {
      file: 'lib/session/owned-transport.test.ts',
      name: 'a third user, who comes while the app asks about the second > the same where an earlier page left the data, and the transport does not tell its owner',
    },
  },
  {
    attack: "The user changes while a sync engine's token is fetched, which gets the token of the next user",
    defence: 'A token function of one principal returns no token once another one is current',
    patches: [{ file: 'lib/session/token-for.ts', find: 'return isOther() ? null : token', replace: 'return token' }],
    test: {
      file: 'lib/session/token-for.test.ts',
      name: 'a token function > returns null if the user changes while the token is fetched',
    },
  },
  {
    attack: "The app calls `start` for the next user, on a device whose sync engine still has the previous user's data",
    defence: '`start` waits until the app has handled that data, or is refused',
    patches: [
      {
        file: 'lib/session/connect-session.ts',
        find: 'if (session && !token) await prepareRestart(runtime, session.principals, isCurrent)',
        replace: 'void prepareRestart',
      },
    ],
    test: {
      file: 'lib/session/another-user.test.ts',
      name: "`start` over the previous user's data > is refused without `beforeRestart`",
    },
  },
  {
    attack: 'The same, where the previous user wrote offline and never connected',
    defence: 'Local data belongs to the principal of the session from its start, with or without a connection',
    patches: [
      {
        file: 'lib/session/runtime/session-runtime.ts',
        find: 'runtime.owner ??= before.principal',
        replace: UNCHECKED,
      },
    ],
    test: {
      file: 'lib/session/runtime/auth-observer.test.ts',
      name: 'the current principal > changes: what was written locally before the first connection is data of its principal',
    },
  },
  {
    attack: 'A write without an owner on an anonymous device reaches the server under the token of the next user',
    defence: 'The client of a sync engine refuses local writes while there is no principal to own them',
    patches: [
      {
        file: 'adapters/triplit/anonymous-writes.ts',
        find: 'requireWriter(current ? auth : session(), attempt)',
        replace: "current?.principal ?? ''",
      },
    ],
    test: {
      file: 'adapters/triplit/anonymous-writes.test.ts',
      name: 'a client without an identity writes nothing locally, not even in a transaction (checklist 3: on a sync engine)',
    },
  },
  {
    attack: 'The next user writes into the data of the one before, who comes back and sends it under their own token',
    defence: 'The client of a sync engine refuses local writes while the stored owner of the data is another user',
    patches: [
      {
        file: 'adapters/triplit/anonymous-writes.ts',
        find: 'if (owner && !(current?.principals ?? [writer]).includes(owner))',
        replace: 'if (owner && !(current?.principals ?? [writer]).includes(writer))',
      },
    ],
    test: {
      file: 'adapters/triplit/triplit.test.ts',
      name: 'a sign-out > the next user writes nothing into the data of the first',
    },
  },
  {
    attack: 'A refresh handler returns a token of another principal than the identity of the device',
    defence: 'The token does not reach the transport, and the session continues with its own token',
    patches: [
      {
        file: 'lib/session/runtime/refresh-answer.ts',
        find: 'if (session && session.principal !== token.principal)',
        replace: 'if (session && session.principal === token.principal && false)',
      },
      {
        file: 'lib/session/machine/transition.ts',
        find: '  if (token.principal !== state.principal) return retryLater(state)\n',
        replace: '',
      },
    ],
    test: {
      file: 'lib/session/refresh.test.ts',
      name: "a source that answers > with a token of another principal than the device's is refused: the connection stays",
    },
  },
  {
    attack:
      "The creator's session, made with the creator's key, is planted in the browser in which the victim opens the mail; they then link their device",
    defence:
      'After a session has confirmed a binding, sessions that the creator did not make link nothing while any earlier means of access remains',
    patches: [
      {
        file: plugin('hooks/users.ts'),
        find: 'if (principal && principal === user?.principal) return proverBySession(principal)',
        replace:
          'if (principal && principal === user?.principal) return proverBySession === undefined ? CONTESTED : principal',
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > a creator's session that was planted in the victim's browser, where she opens the mail, lets her link nothing",
    },
  },
  // Backups and restores
  {
    attack: "The 24 words of a wallet, or of an attacker, are restored in place of the user's own",
    defence: 'An identity that neither this device nor a server knows is refused until the user has been told',
    patches: [
      {
        file: RESTORE,
        find: "if (!knownHere && knownToServer !== true && !evenIfUnknown) throw new LatchkeyError('RESTORE_UNKNOWN')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: 'lib/recovery/create-recovery.test.ts',
      name: "a restore > of an unknown phrase, such as a wallet's, is refused until the user was told",
    },
  },
  {
    attack: 'The identity changes in another tab after the user saw which one a restore would set aside',
    defence: 'A restore sets aside only the identity that its preview named',
    patches: [{ file: RESTORE, find: 'replace: replace && (replaces ?? false)', replace: 'replace' }],
    test: {
      file: 'lib/recovery/create-recovery.test.ts',
      name: 'a restore > sets aside only the identity in the preview',
    },
  },
  {
    attack: 'An imported secret that `deriveKey` needs is destroyed once an account restores the principal',
    defence: 'An import is no evidence of a backup',
    patches: [
      {
        file: 'lib/client/device/backup.ts',
        find: "origin: 'imported' }",
        replace: "origin: 'imported', backedUpAt: context.now() }",
      },
    ],
    test: {
      file: 'lib/client/device/harden.test.ts',
      name: 'once the account brings the principal back > nor where the secret was imported, which is no evidence of a backup',
    },
  },
  {
    attack: 'A backup that was started, but never shown to work, counts',
    defence: 'Only a secret that was entered again counts as a backup',
    patches: [
      {
        file: 'lib/keystore/backups.ts',
        find: 'const shown = backups.filter(({ shownAt }) => shownAt !== null)',
        replace: 'const shown = backups.map((backup) => ({ ...backup, shownAt: backup.shownAt ?? backup.createdAt }))',
      },
    ],
    test: { file: 'lib/keystore/backups.test.ts', name: 'a backup that was begun > does not count' },
  },
  {
    attack: 'A backup is confirmed without the words',
    defence: 'The words typed again are compared with those of the backup',
    patches: [
      {
        file: RECOVERY,
        find: "!isWord(typed[index] ?? '', words[place - 1]!)",
        replace: 'typed[index] === words[place]',
      },
    ],
    test: {
      file: 'lib/recovery/create-recovery.test.ts',
      name: 'a backup by words > does not count with a wrong word, a missing one, or words from other places',
    },
  },
  {
    attack: 'A mistyped character in a secret yields an identity that does not exist',
    defence: 'The text form for people contains a check, six characters of a hash',
    patches: [
      {
        file: 'lib/recovery/secret-text.ts',
        find: '!isWhole || (await checkOf(secret)) !== check',
        replace: '!isWhole',
      },
    ],
    test: {
      file: 'lib/recovery/secret-text.test.ts',
      name: 'reading refuses > every single character that is wrong, missing, doubled or swapped with the next',
    },
  },
  {
    attack: 'Two swapped words yield an identity that does not exist',
    defence: 'The checksum of BIP-39 is verified',
    patches: [
      {
        file: 'lib/recovery/phrase.ts',
        find: "if ((await sha256(secret))[0] !== bytes[32]) throw new LatchkeyError('PHRASE_CHECKSUM')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: 'lib/recovery/phrase.test.ts',
      name: 'reading refuses > two swapped words, unless the checksum is the same by chance',
    },
  },
  {
    attack: 'A mistyped word, which is almost the secret one, ends up in a log',
    defence: 'Errors contain the position of a word, and never the word',
    patches: [{ file: 'lib/recovery/phrase.ts', find: '`word ${unknown + 1}`', replace: '`word ${words[unknown]}`' }],
    test: {
      file: 'lib/recovery/phrase.test.ts',
      name: 'reading refuses > and no error contains a word, only its place',
    },
  },
  {
    attack: 'The name or the address of an app injects a script into the printed sheet',
    defence: 'All values are inserted into the sheet as text',
    patches: [
      {
        file: 'lib/recovery/sheet.ts',
        find: 'return text.replace(/[&<>"\']/g, (character) => `&#${character.charCodeAt(0)};`)',
        replace: 'return text',
      },
    ],
    test: {
      file: 'lib/recovery/sheet.test.ts',
      name: 'a sheet to print > shows the name of the app and its address as text, whatever they contain',
    },
  },
  {
    attack: 'An app passes `evenIfUnknown: "no"`, and an unknown phrase is restored',
    defence: 'A restore refuses options of other types',
    patches: [
      {
        file: RESTORE,
        find: "checkGiven(options, { replace: 'boolean', evenIfUnknown: 'boolean' })",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: 'lib/recovery/create-recovery.test.ts',
      name: 'a restore > refuses options of other types, and changes nothing: {"evenIfUnknown":"no"}',
    },
  },
  {
    attack: 'An app passes `passkey: null`, and the identity counts as recoverable although the secret was not entered',
    defence: 'Options of other types are refused, including null',
    patches: [{ file: 'lib/client/shared/check-given.ts', find: 'value === null || ', replace: '' }],
    test: {
      file: 'lib/client/device/backup.test.ts',
      name: 'confirmBackup refuses options of other types, and changes nothing (case 6)',
    },
  },
  {
    attack:
      'A sign-up begins while a restore asks the app what the identity holds, and the restore deletes the identity',
    defence: 'Inside its transaction, a restore checks again whether an upgrade is running',
    patches: [
      {
        file: 'lib/client/device/backup.ts',
        find: '      // An upgrade may have begun since.\n      checkIdle(context)\n',
        replace: '',
      },
    ],
    test: {
      file: 'lib/client/device/backup.test.ts',
      name: 'importing a secret > is refused if an upgrade began while the app was asked what the identity holds',
    },
  },
  // Backups by a passkey
  {
    attack: "A page of another site or app has the user's passkey open a backup that is not its own",
    defence: 'The envelope is sealed for the relying party and the name of the app',
    patches: [{ file: ENVELOPE, find: '`${PROFILE}/envelope\\0${rpId}\\0${name}`', replace: '`${PROFILE}/envelope`' }],
    test: {
      file: 'lib/passkey/envelope.test.ts',
      name: 'an envelope > is opened by no other bytes, relying party or app',
    },
  },
  {
    attack: 'A passkey backup contains the secret of another identity than the one that it names',
    defence: 'The thumbprint in the envelope is compared with that of the secret',
    patches: [{ file: ENVELOPE, find: 'jkt === thumbprint && ', replace: '' }],
    test: {
      file: 'lib/passkey/envelope.test.ts',
      name: 'an envelope > that contains the thumbprint of another identity is not opened',
    },
  },
  {
    attack: 'Someone who finds an unlocked device uses its passkey without a PIN or biometrics',
    defence: 'An evaluation without user verification is not used',
    patches: [
      { file: CEREMONIES, find: "if (!has(USER_VERIFIED)) throw unsuitable('user not verified')", replace: UNCHECKED },
    ],
    test: { file: 'lib/passkey/ceremonies.test.ts', name: 'an evaluation > that did not verify the user is not used' },
  },
  {
    attack: "A passkey's response for another site is passed off as one for this site",
    defence: 'The hash of the RP ID in the authenticator data is compared',
    patches: [
      {
        file: CEREMONIES,
        find: "if (party.some((byte, place) => data[place] !== byte)) throw unsuitable('another site')",
        replace: UNCHECKED,
      },
    ],
    test: { file: 'lib/passkey/ceremonies.test.ts', name: 'an evaluation > for another site is not used' },
  },
  {
    attack: 'A password manager answers with another passkey than the requested one, and the backup is sealed for it',
    defence: 'The credential ID is compared',
    patches: [
      {
        file: CEREMONIES,
        find: "if (asked !== undefined && asked !== credentialId) throw unsuitable('another passkey')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: 'lib/passkey/ceremonies.test.ts',
      name: 'an evaluation > of a passkey other than the requested one is not used',
    },
  },
  {
    attack: 'A password manager without a PRF evaluates to nothing, and anyone can open what was sealed with a passkey',
    defence: 'An evaluation that is not exactly 32 bytes long is not used',
    patches: [
      { file: CEREMONIES, find: "if (bytes.length !== PRF_BYTES) throw unsuitable('no PRF')", replace: UNCHECKED },
    ],
    test: { file: 'lib/passkey/ceremonies.test.ts', name: 'an evaluation > of no bytes is not used' },
  },
  {
    attack: 'A password manager evaluates a passkey to the number 32, which becomes 32 zeros',
    defence: 'Only a result that is an object of bytes is read',
    patches: [
      {
        file: CEREMONIES,
        find: 'Object(first) === first ? (first as ArrayBuffer) : []',
        replace: 'first as ArrayBuffer',
      },
    ],
    test: {
      file: 'lib/passkey/ceremonies.test.ts',
      name: 'an evaluation > that is a number, which would be as many zeros is not used',
    },
  },
  {
    attack: 'A passkey claims to be synced although it cannot be, so that its backup counts',
    defence: 'Contradictory backup flags are refused',
    patches: [
      {
        file: CEREMONIES,
        find: "if (has(BACKED_UP) && !isSyncable) throw unsuitable('backup flags')",
        replace: UNCHECKED,
      },
    ],
    test: { file: 'lib/passkey/ceremonies.test.ts', name: 'an evaluation > that is synced and cannot be is not used' },
  },
  {
    attack: 'The PRF output of a passkey is found in memory later',
    defence: 'The bytes are overwritten after use',
    patches: [{ file: CEREMONIES, find: 'bytes.fill(0)', replace: UNCHECKED }],
    test: {
      file: 'lib/passkey/ceremonies.test.ts',
      name: 'an evaluation > is overwritten after use, also after a failure',
    },
  },
  {
    attack: 'A failed attempt to add a passkey deletes another one, which opens a backup',
    defence: 'Only the passkey that was just created is reported as unknown',
    patches: [{ file: CEREMONIES, find: 'if (!known.includes(credentialId)) await', replace: 'await' }],
    test: {
      file: 'lib/passkey/ceremonies.test.ts',
      name: 'creating a passkey > never removes a passkey that is known, whatever the authenticator answers',
    },
  },
  {
    attack: 'The passkey of a second backup overwrites that of the first',
    defence: 'Each passkey has a random user handle',
    patches: [
      {
        file: HANDLE,
        find: 'crypto.getRandomValues(new Uint8Array(HANDLE_BYTES))',
        replace: 'new Uint8Array(HANDLE_BYTES)',
      },
    ],
    test: {
      file: 'lib/passkey/ceremonies.test.ts',
      name: 'creating a passkey > has a new user handle each time, which identifies no user: an equal one is overwritten',
    },
  },
  {
    attack: "The app's own sign-in reports a backup passkey as unknown, and it is deleted",
    defence: 'Apps can recognize its user handle',
    patches: [
      {
        file: HANDLE,
        find: 'text.length === HANDLE_CHARACTERS && text.startsWith(ENCODED_PREFIX)',
        replace: 'text === PREFIX',
      },
    ],
    test: {
      file: 'lib/passkey/ceremonies.test.ts',
      name: 'isRecoveryCredential > knows the user handles of this library, as bytes and as text',
    },
  },
  {
    attack: "The only copy of the sealed backup is in the browser's storage, and the identity counts as recoverable",
    defence: 'A backup file counts only once the user has selected the saved file',
    patches: [
      {
        file: PASSKEY,
        find: 'await note(auth, { sealed, used, envelope }, false)',
        replace: 'await note(auth, { sealed, used, envelope }, true)',
      },
    ],
    test: {
      file: 'lib/passkey/create-passkey-backup.test.ts',
      name: 'a backup by a passkey > is a passkey, then a file; it counts once the passkey opened the file that the user has',
    },
  },
  {
    attack: 'A passkey that exists only on this device counts as a way back if the device is lost',
    defence: 'A passkey counts only while it is synced or not part of the device',
    patches: [{ file: PASSKEY, find: 'const isShown = isOpened && isElsewhere', replace: 'const isShown = isOpened' }],
    test: {
      file: 'lib/passkey/create-passkey-backup.test.ts',
      name: 'a backup by a passkey > of a passkey that is not synced yet counts once it is, and no longer when it is not',
    },
  },
  {
    attack:
      'Another identity becomes current between the creation of a passkey and the sealing: the backup is of the wrong identity',
    defence: 'Sealing is refused if another identity is current than when the passkey was created',
    patches: [
      { file: PASSKEY, find: 'requireCurrent(auth, principal)', replace: UNCHECKED },
      { file: PASSKEY, find: 'auth.exportSecret({ principal })', replace: 'auth.exportSecret()' },
    ],
    test: {
      file: 'lib/passkey/create-passkey-backup.test.ts',
      name: 'a backup by a passkey > is not sealed for another identity that became current meanwhile',
    },
  },
  {
    attack: 'The user is told that the backup file of a passkey works, but it is of another identity',
    defence: 'The identity in the file is compared with the current one, even if nothing is recorded',
    patches: [
      {
        file: PASSKEY,
        find: 'requireCurrent(auth, (await openDeviceKey(parseSecret(found.sealed.secret))).principal)',
        replace: UNCHECKED,
      },
    ],
    test: {
      file: 'lib/passkey/create-passkey-backup.test.ts',
      name: 'a backup by a passkey > of another identity does not count for this one (synced: false)',
    },
  },
  {
    attack: 'A sealed backup can never be opened again, and the user finds out when the device is lost',
    defence: 'A sealed backup is opened as a test before the user gets it',
    patches: [
      {
        file: PASSKEY,
        find: '      // Before the user trusts it.\n      await open(envelope, kek, context)\n',
        replace: '',
      },
    ],
    test: {
      file: 'lib/passkey/create-passkey-backup.test.ts',
      name: 'a backup by a passkey > that could not be opened again is not given to the user, and not recorded',
    },
  },
  {
    attack: "The label in an attacker's backup reverses the text of the question that a restore asks the user",
    defence: 'Invisible characters are removed from the label',
    patches: [{ file: ENVELOPE, find: "label: label.replace(UNSEEN, '')", replace: 'label' }],
    test: {
      file: 'lib/passkey/envelope.test.ts',
      name: 'an envelope > shows a label without invisible characters, which could reverse the text around it',
    },
  },
  {
    attack:
      'A store reports that it already has the backup, but what it has is of another identity, and the user believes it is their own',
    defence: 'A backup that the store already has is opened and compared',
    patches: [{ file: STORED, find: '(await isOwn(found).catch(() => false))', replace: 'isOwn !== undefined' }],
    test: {
      file: 'lib/passkey/backup-store.test.ts',
      name: 'a backup in a store > of another identity under the same passkey stays, and is reported',
    },
  },
  {
    attack: 'A store that never responds keeps the user from getting the file, which needs no store',
    defence: 'Every call of a store has a time limit',
    patches: [{ file: PASSKEY, find: 'boundedStore(options.store)', replace: 'options.store' }],
    test: {
      file: 'lib/passkey/backup-store.test.ts',
      name: 'a store that never answers > does not keep the file from the user, and gets no proof later',
    },
  },
  {
    attack: 'The response to a removal is lost, and the identity counts as recoverable by a backup that is gone',
    defence: 'A backup stops counting before it is removed from the store',
    patches: [
      {
        file: PASSKEY,
        find:
          '      await auth.confirmBackup(found.sealed.secret, { removed: found.used.credentialId })\n' +
          '      await removeFrom(store!, clock, found)\n',
        replace:
          '      await removeFrom(store!, clock, found)\n' +
          '      await auth.confirmBackup(found.sealed.secret, { removed: found.used.credentialId })\n',
      },
    ],
    test: {
      file: 'lib/passkey/backup-store.test.ts',
      name: 'a backup in a store > whose removal lost its response does not count, and is removed by the next attempt or gone',
    },
  },
  {
    attack: 'A captive portal answers the upload of a backup, and the user believes that the store has it',
    defence: "Only a response in the plugin's own format counts",
    patches: [
      {
        file: BACKUP_CLIENT,
        find: "if (expiresIn === null || typeof expiresIn === 'number') return expiresIn\n    throw foreign()",
        replace: 'return expiresIn as number | null',
      },
    ],
    test: {
      file: plugin('client/backups.test.ts'),
      name: 'the store of the plugin > is offline behind a gateway that says yes to everything: nothing counts as stored or removed',
    },
  },
  {
    attack: 'The server learns from the session which user reads which backup',
    defence: 'A backup is read without cookies',
    patches: [{ file: BACKUP_CLIENT, find: ", { credentials: 'omit' }", replace: '' }],
    test: {
      file: plugin('client/backups.test.ts'),
      name: 'the store of the plugin > has no locator in any address, and reads without cookies',
    },
  },
  {
    attack: 'A phone loses the key of its Keystore, and the app silently starts with another identity',
    defence:
      'A mark in the installation shows that there was a record: the loss is reported, and no new identity is created',
    patches: [{ file: SECURE_STORE, find: 'found: marks.hadRecord', replace: 'found: () => false' }],
    test: {
      file: 'adapters/expo/create-expo-auth.test.ts',
      name: 'an identity on a phone > that the phone lost is reported as such, and no other one takes its place',
    },
  },
  {
    attack: 'A keychain loses a write without an error, and the app shows an identity that is gone at the next start',
    defence: 'Every write to the keychain is read back',
    patches: [
      {
        file: SECURE_STORE,
        find: "if ((await get()) !== text) throw new LatchkeyError(code, 'the value was not stored')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: 'adapters/expo/secure-store.test.ts',
      name: 'a write > that the system loses without an error is a failure',
    },
  },
  {
    attack: 'The secret moves to another phone in a backup, and two phones have one identity',
    defence: 'The keychain item never leaves this device',
    patches: [
      {
        file: SECURE_STORE,
        find: 'keychainAccessible: SecureStore.AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY',
        replace: '',
      },
    ],
    test: {
      file: 'adapters/expo/secure-store.test.ts',
      name: 'a store in SecureStore > is one item that stays on this device, and can be read in the background',
    },
  },
  {
    attack:
      'The system clears the caches of an app that deletes an identity on reinstallation, and the identity is deleted',
    defence: 'Only an installation without any mark counts as new',
    patches: [
      {
        file: MARKS,
        find: 'exists(begun) === false && exists(kept) === false',
        replace: 'exists(kept) === false',
      },
    ],
    test: {
      file: 'adapters/expo/secure-store.test.ts',
      name: 'a record without its marks is of an earlier installation > but one whose caches the system emptied is not, and nothing is deleted',
    },
  },
  {
    attack: 'A phone changes hands, and the session of the user before signs in the next person who installs the app',
    defence:
      "`onReinstall: 'forget'` deletes the account's session before the identity, and again if it was interrupted",
    patches: [
      {
        file: SECURE_STORE,
        find: 'await reported(() => withTimeout((async () => onForget?.())(), TIMEOUT_MS, late))',
        replace: UNCHECKED,
      },
    ],
    test: {
      file: 'adapters/expo/better-auth.test.ts',
      name: 'a phone that changes hands without being erased > has no session of the user before',
    },
  },
  {
    attack: 'A response to a request of the user before stores the session of that user again after it was deleted',
    defence: 'Responses to requests from before the deletion are refused',
    patches: [
      {
        file: 'adapters/expo/client-plugin.ts',
        find: "if (forgetting.count !== count) throw new LatchkeyError('IDENTITY_CHANGED')",
        replace: 'void count',
      },
    ],
    test: {
      file: 'adapters/expo/better-auth.test.ts',
      name: 'a phone that changes hands without being erased > a response to the user before that comes later does not bring the session back',
    },
  },
  {
    attack: 'A random source leaves its buffer unfilled, and every phone gets the same secret',
    defence: 'Two equal draws are refused before anything is created',
    patches: [
      {
        file: 'adapters/expo/engine.ts',
        find: "if (first === second) throw new TypeError('getRandomValues: expected a function that fills an array synchronously')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: 'adapters/expo/create-expo-auth.test.ts',
      name: 'the engine > a source of random bytes that fills nothing is refused: every device would have the same secret',
    },
  },
  {
    attack:
      "A phone's sign-out request is lost, and the session stays alive on the server, since the cookie is already deleted",
    defence: 'A native app ends its session with a request that does not make the client delete its cookie first',
    patches: [
      {
        file: 'adapters/expo/create-expo-auth.ts',
        find: '{ ...betterAuthAccount(client), signOut: (options) => endSession(fetch, options) }',
        replace: 'betterAuthAccount(client)',
      },
    ],
    test: {
      file: 'adapters/expo/better-auth.test.ts',
      name: 'with @better-auth/expo > a sign-out whose request is lost ends the session at the next start',
    },
  },
  {
    attack: "An app in a shell with a scheme of its own (`app://.`) uses the tokens of another app's server",
    defence: 'Only a web address is an audience by default',
    patches: [
      {
        file: 'lib/client/tokens/audience.ts',
        find: '/^(?!http).*|',
        replace: '/',
      },
    ],
    test: {
      file: 'lib/client/start.test.ts',
      name: 'an origin that names no app > app://. is no default audience: the app has to say it',
    },
  },
  {
    attack: "An app in a shell (`https://localhost`, `http://tauri.localhost`) uses the tokens of another app's server",
    defence: 'Web addresses that shells share are no audience by default',
    patches: [
      {
        file: 'lib/client/tokens/audience.ts',
        find: '((tauri\\.)?localhost|',
        replace: '(',
      },
    ],
    test: {
      file: 'lib/client/start.test.ts',
      name: 'an origin that names no app > http://tauri.localhost is no default audience: the app has to say it',
    },
  },
  {
    attack: 'A lost device continues with the token that it has',
    defence: 'Resolvers look up the session of each account token',
    patches: [
      {
        file: plugin('resolver.ts'),
        find: 'status(sessionKey(sid), () => statusOfSession(context, sid, principal))',
        replace: "Promise.resolve('active' as const)",
      },
    ],
    test: {
      file: plugin('binding/sessions.test.ts'),
      name: 'three servers on one Postgres > refuse a revoked device within the five seconds of their caches, and every other device continues (R5)',
    },
  },
  {
    attack: 'The same, with a token of the exchange',
    defence: 'Exchanged tokens name the session too',
    patches: [
      { file: plugin('routes/token.ts'), find: '    sid: await issueSid(ctx.context, found.session),\n', replace: '' },
    ],
    test: {
      file: plugin('binding/sessions.test.ts'),
      name: 'three servers on one Postgres > refuse a revoked device within the five seconds of their caches, and every other device continues (R5)',
    },
  },
  {
    attack: 'A session that a route of Better Auth ended continues with its token',
    defence: 'The end of a session is noticed, whichever route ends it',
    patches: [
      { file: plugin('hooks/users.ts'), find: 'tools.cache.forget(sessionKey(await sidOf(id)))', replace: '{}' },
    ],
    test: {
      file: plugin('binding/sessions.test.ts'),
      name: 'SQLite > the tokens of a session are refused in this process at once > after /revoke-session of Better Auth',
    },
  },
  {
    attack:
      'The tokens of a session that a second factor has replaced stay valid: the new row has the `sid` of the old one',
    defence: 'A session has no `sid` before its first token',
    patches: [{ file: plugin('hooks/users.ts'), find: 'sid: null,', replace: '' }],
    test: {
      file: plugin('binding/sessions.test.ts'),
      name: 'SQLite > the tokens of a session are refused in this process at once > after a second factor was switched on, which replaces it',
    },
  },
  {
    attack: 'A token of a session that has expired',
    defence: 'A session counts until its expiry, as in Better Auth',
    patches: [
      {
        file: plugin('binding/sessions.ts'),
        find: 'return row !== null && isLive(row)',
        replace: 'return row !== null',
      },
    ],
    test: {
      file: plugin('binding/sessions.test.ts'),
      name: 'SQLite > a session that has expired is refused with its tokens',
    },
  },
  {
    attack: 'An ended session that exists only in the secondary storage continues with its token',
    defence: 'Such sessions are found by the account of the token',
    patches: [
      {
        file: plugin('binding/sessions.ts'),
        find: 'if ((await sidOf(id)) === sid) return true\n  return false',
        replace: 'if ((await sidOf(id)) === sid) return true\n  return true',
      },
    ],
    test: {
      file: plugin('binding/sessions.test.ts'),
      name: 'sessions that exist only in the secondary storage > are listed, named and revoked like others, and their tokens are refused',
    },
  },
  {
    attack: 'The user revokes a device whose key was the only way back into the account',
    defence: 'No key is revoked while the account cannot be recovered without it',
    patches: [{ file: plugin('routes/keys.ts'), find: "if (!subject.recoverable) return 'kept'", replace: UNCHECKED }],
    test: {
      file: plugin('routes/devices.test.ts'),
      name: 'SQLite > revoking a device > keeps the key while the account cannot be recovered without it (R6)',
    },
  },
  {
    attack: 'The key of a revoked device regains access to a principal that the account gives up',
    defence: 'Revoking a device also revokes the key that created its sessions',
    patches: [
      {
        file: plugin('routes/devices.ts'),
        find: 'const outcome = await revokeKeysThatMade(principals, session, others, exceptKey)',
        replace: "const outcome: KeysOutcome = await Promise.resolve('none')",
      },
    ],
    test: {
      file: plugin('routes/devices.test.ts'),
      name: 'SQLite > revoking a device > ends its sessions and its key, and every other device continues (R5)',
    },
  },
  {
    attack: 'A revoked key gets its principal back when the account unlinks it',
    defence: 'An unlink retires a principal whose key was revoked',
    patches: [
      {
        file: plugin('binding/adopt.ts'),
        find: 'const isRevoked = await hasRevokedKey(principals, row)',
        replace: 'const isRevoked = false',
      },
    ],
    test: {
      file: plugin('binding/retire-row.test.ts'),
      name: 'SQLite > a principal whose key was revoked is never handed back (R10) > by the end of an alias, which can be requested twice',
    },
  },
  {
    attack: 'A revoked key gets its principal back when the account is reset',
    defence: 'A reset retires a principal whose key was revoked',
    patches: [
      {
        file: plugin('binding/verified-email.ts'),
        find: 'const isRevoked = await hasRevokedKey(principals, row)',
        replace: 'const isRevoked = false',
      },
    ],
    test: {
      file: plugin('binding/retire-row.test.ts'),
      name: 'SQLite > a principal whose key was revoked is never handed back (R10) > by a reset',
    },
  },
  {
    attack: 'An unlocked computer revokes the devices of its user, at a server whose `freshAge` is 0',
    defence: 'Changes of devices need a sign-in in the last ten minutes, whatever `freshAge` is',
    patches: [{ file: plugin('routes/recent-sign-in.ts'), find: '!isRecent(session as SessionRow) || ', replace: '' }],
    test: {
      file: plugin('routes/devices.test.ts'),
      name: 'SQLite > no device is revoked > by a session whose sign-in is older than ten minutes, though `freshAge` is 0',
    },
  },
  {
    attack:
      'A cookie that was stolen hours after the sign-in switches a second factor on, for which a user without a password confirms nothing, and revokes the devices with the new session',
    defence: 'A session that replaces another one for a second factor keeps the time of the sign-in',
    patches: [{ file: plugin('hooks/users.ts'), find: '...signInTime(session.userId, ctx)', replace: '...{}' }],
    test: {
      file: plugin('routes/devices.test.ts'),
      name: 'SQLite > no device is revoked > by an old session that switches a second factor on or off, for which it may need no password',
    },
  },
  {
    attack: 'An impersonating admin revokes the devices of a user',
    defence: "Only the account's own session changes devices",
    patches: [
      {
        file: plugin('routes/recent-sign-in.ts'),
        find: "if (isNotTheirs(session, user)) throw refusal('DEVICE_FORBIDDEN')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: plugin('routes/devices.test.ts'),
      name: 'SQLite > no device is revoked > by an admin who impersonates the user, whose session is no device of the user',
    },
  },
  {
    attack: 'A device that was let in by pairing revokes the others',
    defence: 'Such a session changes no device before its user has signed in there',
    patches: [{ file: plugin('binding/session-origin.ts'), find: 'pairedBy != null || ', replace: '' }],
    test: {
      file: plugin('routes/devices.test.ts'),
      name: 'SQLite > no device is revoked > by a session that another device let in, until it signs in itself',
    },
  },
  {
    attack: 'A device that was let in by a code of RFC 8628 revokes the others',
    defence: 'A session that another one approved changes no device',
    patches: [
      { file: plugin('binding/session-origin.ts'), find: ' || originIn({ principalVia }) === DELEGATED', replace: '' },
    ],
    test: {
      file: plugin('routes/devices.test.ts'),
      name: 'SQLite > no device is revoked > by a session that another one approved with a code (RFC 8628)',
    },
  },
  {
    attack: 'The same, after a change of the password has replaced its session',
    defence: 'A session that replaces another one was let in by the same device',
    patches: [
      {
        file: plugin('hooks/device-tag.ts'),
        find: 'return { deviceTag, deviceName, pairedBy, pairedByDevice }',
        replace: 'return { deviceTag, deviceName }',
      },
    ],
    test: {
      file: plugin('routes/devices.test.ts'),
      name: 'SQLite > the devices of an account > keep tag, name and origin when a change of the password replaces the session',
    },
  },
  {
    attack: 'A lost device lets in another one while it is being revoked',
    defence: 'The sessions are read again until none is left that the device let in',
    patches: [
      {
        file: plugin('binding/sessions.ts'),
        find: 'if (chosen.length === 0) return ended.size',
        replace: 'if (chosen.length === 0 || round > 0) return ended.size',
      },
    ],
    test: {
      file: plugin('routes/devices.test.ts'),
      name: 'SQLite > revoking a device > ends a session that it let in while it is being revoked',
    },
  },
  {
    attack: 'A lost device is reported as revoked, although its session could not be deleted',
    defence: 'A revocation fails while a session that it ends is still there',
    patches: [
      {
        file: plugin('binding/sessions.ts'),
        find: "throw new Error('The sessions were not deleted.')",
        replace: 'return ended.size',
      },
    ],
    test: {
      file: plugin('binding/sessions.test.ts'),
      name: 'a revocation is not reported as done > where a hook of the app keeps the session: revoke',
    },
  },
  {
    attack: 'A device that a lost one let in continues, because the lost one has signed in again since then',
    defence: "A session names the device that let it in, not only that device's session at the time",
    patches: [
      {
        file: PAIR_ROUTE,
        find: 'const pairedByDevice = await deviceIdOf(approver)',
        replace: 'const pairedByDevice = await deviceIdOf({ id, deviceTag: null })',
      },
    ],
    test: {
      file: GRANT_TEST,
      name: 'SQLite > a grant > names the device that gave it, also after that one signed in again',
    },
  },
  {
    attack: 'A stolen session looks like an older one of the same installation',
    defence: 'Revoking all other devices ends every session except the one that asks',
    patches: [
      {
        file: plugin('routes/devices.ts'),
        find: 'choose: async (sessions) => sessions, exceptKey',
        replace: 'choose: async (all, { deviceTag }) => all.filter((each) => each.deviceTag !== deviceTag), exceptKey',
      },
    ],
    test: {
      file: plugin('routes/devices.test.ts'),
      name: 'SQLite > revoking all others > ends every session but this one, and keeps its key',
    },
  },
  {
    attack: 'The page shows one account, and the browser has the session of another, whose devices it revokes',
    defence: 'A request names the account that it is for',
    patches: [{ file: plugin('routes/devices.ts'), find: 'accountId !== user.id || ', replace: '' }],
    test: {
      file: plugin('client/devices.test.ts'),
      name: 'auth.devices() > concerns the account of the identity: a session of another one is refused',
    },
  },
  {
    attack: 'The name of a device reverses the text beside it',
    defence: 'Names must not contain invisible characters',
    patches: [
      {
        file: plugin('routes/devices.ts'),
        find: "name !== '' && !/[\\p{Cf}\\p{Zl}\\p{Zp}]/u.test(name)",
        replace: "name !== ''",
      },
    ],
    test: {
      file: plugin('routes/devices.test.ts'),
      name: 'SQLite > renaming a device > refuses this name: a change of direction',
    },
  },
  {
    attack: 'The ids of their devices reveal that two accounts in one browser belong to the same person',
    defence: 'The id of a device depends on the user',
    patches: [{ file: plugin('binding/session-id.ts'), find: '`${cookie}\\0${userId}`', replace: '`${cookie}`' }],
    test: {
      file: plugin('routes/devices.test.ts'),
      name: 'SQLite > the devices of an account > of two users of one browser have different ids',
    },
  },
  {
    attack: 'The next user of a browser is taken for the device of the previous user',
    defence: 'A sign-out forgets the installation',
    patches: [
      {
        file: plugin('hooks/device-tag.ts'),
        find: "ctx.setCookie(name, '', { ...attributes, maxAge: 0 })",
        replace: 'void attributes',
      },
    ],
    test: {
      file: plugin('routes/devices.test.ts'),
      name: 'SQLite > the devices of an account > group the successive sessions of one installation until it signs out',
    },
  },
  {
    attack: 'A user signs out before they answer about an account that waits, and the next user is offered it',
    defence: 'A sign-out also ends the session of the account that waits',
    patches: [
      {
        file: 'lib/client/account/sign-out.ts',
        find: 'waiting && { ...waiting, sessionId: waiting.id }',
        replace: 'undefined',
      },
    ],
    test: {
      file: 'lib/client/account/sign-out.test.ts',
      name: 'out of an account > a page that dies right after the sign-out leaves the end of that session to the next one',
    },
  },
  {
    attack:
      'An intercepted proof for another operation is used to ask Better Auth whether an account has its principal',
    defence: 'The query requires a proof for this purpose',
    patches: [
      {
        file: 'adapters/better-auth/routes/known.ts',
        find: "{ purpose: 'known' }",
        replace: "{ purpose: JSON.parse(atob(ctx.headers.get('x-latchkey-proof')!.split('.')[1]!)).purpose }",
      },
    ],
    test: {
      file: 'adapters/better-auth/routes/known.test.ts',
      name: 'a question about a key requires an unused proof of that key for this purpose',
    },
  },
  {
    attack: "A key whose principal equals that of another key learns about that key's account",
    defence: 'The complete thumbprint is compared',
    patches: [
      {
        file: 'adapters/better-auth/binding/known.ts',
        find: 'row?.thumbprint !== thumbprint',
        replace: 'row === null',
      },
    ],
    test: {
      file: 'adapters/better-auth/routes/known.test.ts',
      name: 'SQLite > another key with the same principal is not known',
    },
  },
  {
    attack: 'An answer to a new token arrives after the sign-out, and puts the token back into the sync engine',
    defence: 'The request ends with its connection, and a late answer has no effect',
    patches: [
      {
        file: 'adapters/triplit/transport.ts',
        find: '    current?.renewal?.abort()\n',
        replace: '',
      },
    ],
    test: {
      file: 'adapters/triplit/renewal.test.ts',
      name: 'the answer to a new token > that arrives after the session ended puts no token into the client',
    },
  },
  {
    attack: 'The rendezvous, or anyone who has not seen the code, opens or forges the messages of a pairing',
    defence: 'The keys depend on the secret in the code (HPKE, mode_psk)',
    patches: [
      {
        file: SEALED,
        find: 'return { info: infoOf(context), psk, pskId:',
        replace: 'psk.fill(0, 1)[0] = 1\n  return { info: infoOf(context), psk, pskId:',
      },
    ],
    test: { file: SEALED_TEST, name: 'a sealed channel > of a device that has not seen the code is not opened' },
  },
  {
    attack: 'A message of a pairing is replayed at another position, or sent back to its sender',
    defence: 'Each direction has its own key, and the sequence number is authenticated',
    patches: [
      {
        file: SEALED,
        find: "const other: Direction = own === 's' ? 'g' : 's'",
        replace: 'const other: Direction = own',
      },
    ],
    test: { file: SEALED_TEST, name: 'a sealed channel > accepts no message in the place or direction of another one' },
  },
  {
    attack: 'A code of another app or server is passed off as one of this app',
    defence: 'Server, app, channel and the side that shows the code are part of the keys',
    patches: [
      {
        file: SEALED,
        find: 'const parts = [PAIR, server, name, channel, shower].map(utf8)',
        replace: 'const parts = [PAIR, server, channel, shower, name.slice(0, 0)].map(utf8)',
      },
    ],
    test: { file: SEALED_TEST, name: 'a sealed channel > of another app is not opened' },
  },
  {
    attack: 'The device that scans tries keys until its check code equals that of another pairing',
    defence: 'The check code depends on both messages, and the response on random bytes of the other device',
    patches: [{ file: SEALED, find: '...one, ...two]', replace: '...one]' }],
    test: { file: SEALED_TEST, name: 'a sealed channel > gives check codes that depend on both messages' },
  },
  {
    attack: 'A photo of the code lets a second device in',
    defence: 'The old device sends the secret only after the user has typed the digits shown by the new one',
    patches: [
      {
        file: APPROVAL,
        find: "if (!isChecked) throw new TypeError('approve: the check code was not typed yet')",
        replace: UNCHECKED,
      },
    ],
    test: { file: PAIR_TEST, name: 'flow A > gives nothing before the check code was typed' },
  },
  {
    attack: 'The four digits of a pairing are guessed',
    defence: 'The third wrong code ends the pairing',
    patches: [{ file: APPROVAL, find: 'triesLeft--', replace: 'triesLeft -= 0' }],
    test: { file: PAIR_TEST, name: 'flow A > is over after three wrong codes' },
  },
  {
    attack: 'A second device uses the code of a pairing without being noticed',
    defence: 'The rendezvous reports it, and both devices end the pairing',
    patches: [{ file: CONVERSATION, find: 'slot.isContested || ', replace: '' }],
    test: {
      file: PAIR_TEST,
      name: 'a photo of the code > of a second device raises the alarm on both: the old one gives nothing, even after the right code',
    },
  },
  {
    attack: 'A photo of the code on a new device is used to plant an identity there',
    defence: 'The new device looks for a second party before it stores anything',
    patches: [
      {
        file: ARRIVAL,
        find: 'then both devices learn of it.\n    await talk.checkAlone()',
        replace: 'then both devices learn of it.',
      },
    ],
    test: {
      file: PAIR_TEST,
      name: 'a photo of the code > of the new device plants no identity: both honest devices raise the alarm before anything is stored',
    },
  },
  {
    attack: 'A link makes the old device give its identity to the device that sent the link',
    defence: 'A device that has the identity accepts only codes of a new device, and only from its own scanner',
    patches: [
      {
        file: PAIRING,
        find: "const code = parseCode(text, 'n')",
        replace: "const code = parseCode(text, text.includes('=1h') ? 'h' : 'n')",
      },
    ],
    test: {
      file: PAIR_TEST,
      name: 'a pairing > accepts a code only where it belongs: a link for the new device, a scan for the old one',
    },
  },
  {
    attack: 'The name of a device reverses the text of the question that asks for consent',
    defence: 'Names with control or direction characters are refused',
    patches: [{ file: 'lib/pairing/messages.ts', find: ' && !DIRECTION.test(value)', replace: '' }],
    test: {
      file: PAIR_TEST,
      name: 'a pairing > shows no name that reverses the direction of the text, on either side',
    },
  },
  {
    attack: 'Another tab changes the identity while the user lets a device in, and the device gets the wrong one',
    defence: 'The identity is compared with the one that was current when the user began',
    patches: [
      {
        file: APPROVAL,
        find: "if (session?.principal !== principal || (session.authMode === 'external') !== (mode === 'account')) throw changed()",
        replace: UNCHECKED,
      },
      {
        file: APPROVAL,
        find: 'if ((await openDeviceKey(parseSecret(secret))).principal !== principal) throw changed()',
        replace: UNCHECKED,
      },
    ],
    test: { file: PAIR_TEST, name: 'a pairing > gives no secret if another identity became current meanwhile' },
  },
  {
    attack: 'Two parties write the same message of a pairing, and each believes that it succeeded',
    defence: 'A message is written by one conditional statement',
    patches: [
      {
        file: plugin('binding/rendezvous-store.ts'),
        find: "      { field: 'seq', value: message.seq - 1 },\n",
        replace: '',
      },
    ],
    test: {
      file: plugin('routes/rendezvous.test.ts'),
      name: 'SQLite > in the table > of twenty concurrent writers, one succeeds',
    },
  },
  {
    attack: 'A second device passes its message off as the repetition of one that was answered already',
    defence: 'Only a request with the same random `tx` is a repetition',
    patches: [
      {
        file: plugin('binding/rendezvous-store.ts'),
        find: "if (found.tx.split('.')[found.seq - seq] === tx) return 'done'",
        replace: "if (found.tx.split('.')[found.seq - seq] || tx === '') return 'done'",
      },
    ],
    test: {
      file: plugin('routes/rendezvous.test.ts'),
      name: 'SQLite > in the table > accepts a message that is repeated after it was answered, and no other one in its place',
    },
  },
  {
    attack: 'A page of another site writes to the rendezvous, or uses a grant',
    defence: 'An origin that is not trusted is refused',
    patches: [
      {
        file: plugin('routes/page-check.ts'),
        find: 'origin === null ? !mustSay : context.isTrustedOrigin(origin)',
        replace: 'true',
      },
    ],
    test: { file: GRANT_TEST, name: 'no session is given to > a page of another origin' },
  },
  {
    attack: 'A grant is used twice at the same moment, for two sessions',
    defence: 'It is used up by one conditional statement',
    patches: [
      {
        file: PAIR_ROUTE,
        find: "if (!(await grants.consume(grant))) throw refusal('GRANT_INVALID')",
        replace: 'await grants.consume(grant)',
      },
    ],
    test: { file: GRANT_TEST, name: 'Postgres > a grant > of ten requests at once, one gets a session' },
  },
  {
    attack: 'A stolen grant is used by another device',
    defence: 'A grant names the key that may use it',
    patches: [{ file: plugin('binding/grant-store.ts'), find: 'row.thumbprint === thumbprint && ', replace: '' }],
    test: { file: GRANT_TEST, name: 'SQLite > a grant > works for one key only' },
  },
  {
    attack: 'A session that was revoked a moment ago still lets a device in',
    defence: 'The approving session is checked before the new one is created, and again afterwards',
    patches: [
      {
        file: PAIR_ROUTE,
        find: '    await approverOf(ctx, grant)\n    if',
        replace: '    // unchecked\n    if',
      },
    ],
    test: { file: GRANT_TEST, name: 'SQLite > a grant > gives no session if the one that gave it ends meanwhile' },
  },
  {
    attack: 'A grant is used after the user ended all other sessions',
    defence: 'Ending all others withdraws the grants of the user',
    patches: [
      {
        file: plugin('routes/devices.ts'),
        find: 'await deleteGrantsOf(ctx.context.adapter, user.id)',
        replace: UNCHECKED,
      },
    ],
    test: {
      file: GRANT_TEST,
      name: 'SQLite > a grant > is withdrawn when the session that gave it ends all others, by /latchkey/devices/revoke-others',
    },
  },
  {
    attack: "The same, by Better Auth's own route",
    defence: 'That route also withdraws the grants',
    patches: [
      {
        file: plugin('hooks/paired-session.ts'),
        find: 'if (found) await deleteGrantsOf(ctx.context.adapter, found.user.id)',
        replace: 'if (found) return',
      },
    ],
    test: {
      file: GRANT_TEST,
      name: 'SQLite > a grant > is withdrawn when the session that gave it ends all others, by /revoke-other-sessions',
    },
  },
  {
    attack: 'An approval that its user cancelled is used as long as the grant lasts',
    defence: 'The device that approved withdraws the grant',
    patches: [
      {
        file: APPROVAL,
        find: 'giver.grants.withdraw(given.grant)',
        replace: 'Promise.resolve(true)',
      },
    ],
    test: {
      file: plugin('pairing.test.ts'),
      name: 'an approval that was cancelled > is withdrawn: the new device, which has the grant, gets no session',
    },
  },
  {
    attack: 'A device that is already in is reported as withdrawn, so that it is not revoked',
    defence: 'Using and withdrawing a grant are one conditional statement each, on the same column',
    patches: [
      {
        file: plugin('binding/grant-store.ts'),
        find: 'equal({ hash, approverSession }), UNUSED]',
        replace: 'equal({ hash, approverSession })]',
      },
    ],
    test: {
      file: GRANT_TEST,
      name: 'SQLite > a grant > that was used is not withdrawn: the answer says so, and the session stays',
    },
  },
  {
    attack: 'Another session withdraws the grants of a user',
    defence: 'A grant is withdrawn only by the session that gave it',
    patches: [
      {
        file: plugin('binding/grant-store.ts'),
        find: 'equal({ hash, approverSession })',
        replace: 'equal({ hash })',
      },
    ],
    test: {
      file: GRANT_TEST,
      name: 'SQLite > a grant > is withdrawn by the session that gave it, and by no other one',
    },
  },
  {
    attack: 'A grant that is in use creates a session just after all others were ended',
    defence: 'A withdrawn grant creates none: its row is read again after the session was created',
    patches: [
      {
        file: PAIR_ROUTE,
        find: "if (await grants.isWithdrawn(grant)) throw refusal('GRANT_INVALID')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: GRANT_TEST,
      name: 'SQLite > a grant > that is being used then gives no session that outlasts /latchkey/devices/revoke-others',
    },
  },
  {
    attack: 'A grant creates a session that counts as a fresh sign-in, or outlives the one that gave it',
    defence: 'The session has the creation time and the expiry of the approving session',
    patches: [
      {
        file: PAIR_ROUTE,
        find: 'createdAt: new Date(createdAt), expiresAt: new Date(expiresAt), pairedBy',
        replace: 'createdAt: new Date(), expiresAt: new Date(Number(createdAt) + Number(expiresAt)), pairedBy',
      },
    ],
    test: {
      file: GRANT_TEST,
      name: 'SQLite > a grant > gives the new device a session of the account, with the creation time and the expiry of the session that let it in',
    },
  },
  {
    attack: "Better Auth's renewal extends a session that a grant created beyond the session that gave it",
    defence: 'Such a session is renewed at most until the end of the approving session',
    patches: [
      {
        file: plugin('hooks/paired-term.ts'),
        find: 'Math.max(...ends)',
        replace: 'Math.max(...ends, Infinity)',
      },
    ],
    test: {
      file: GRANT_TEST,
      name: 'a session that another one let in > that Better Auth renews, of the database, > is not made longer once that one has ended',
    },
  },
  {
    attack: 'A device that was borrowed days after the sign-in lets another one in',
    defence: 'Ten minutes after the sign-in no device is let in, whatever `freshAge` is',
    patches: [
      {
        file: plugin('hooks/fresh-session.ts'),
        find: 'const LIMIT_MS = 600_000',
        replace: 'const LIMIT_MS = 86_400_000',
      },
    ],
    test: { file: GRANT_TEST, name: 'no grant is given > ten minutes after the sign-in, whatever freshAge is' },
  },
  {
    attack: 'A device that was let in lets further ones in, or shuts the first one out',
    defence: 'Both need a sign-in on that device',
    patches: [
      {
        file: plugin('binding/session-origin.ts'),
        find: 'return pairedBy != null || originIn({ principalVia }) === DELEGATED',
        replace: 'return false',
      },
    ],
    test: {
      file: GRANT_TEST,
      name: 'a session that another one let in > ends no other session, revokes no key and deletes nothing, before a sign-in of its own',
    },
  },
  {
    attack: 'A device that was let in removes the passkeys and providers of the one that let it in',
    defence: 'Such a session removes no way into the account',
    patches: [
      {
        file: plugin('hooks/paired-session.ts'),
        find: "'/unlink-account', '/passkey/delete-passkey', '/latchkey/keys/revoke'",
        replace: "'/latchkey/keys/revoke'",
      },
    ],
    test: {
      file: GRANT_TEST,
      name: 'a session that another one let in > ends no other session, revokes no key and deletes nothing, before a sign-in of its own',
    },
  },
  {
    attack: 'A device that was let in lets another one in by a code (RFC 8628), with a session that is fresh and long',
    defence: 'Such a session approves no device',
    patches: [
      {
        file: plugin('hooks/paired-session.ts'),
        find: "'/device/approve', '/list-sessions'",
        replace: "'/list-sessions'",
      },
    ],
    test: {
      file: GRANT_TEST,
      name: 'a session that another one let in > gets no way in that lasts longer, before a sign-in of its own: > it approves no other device with a code (RFC 8628)',
    },
  },
  {
    attack: 'A device that was let in allows an app of its choice access that outlasts its session (OAuth provider)',
    defence: 'Such a session gives no consent',
    patches: [
      {
        file: plugin('hooks/paired-session.ts'),
        find: "'/oauth2/consent',",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: OAUTH_PROVIDER_TEST,
      name: 'a session that another one let in > gives no consent to a third party before a sign-in of its own',
    },
  },
  {
    attack: 'A device that was let in changes the user name with which the user signs in',
    defence: 'Such a session cannot change the user name',
    patches: [
      {
        file: plugin('hooks/paired-session.ts'),
        find: "(path === '/update-user' && username !== undefined &&",
        replace: "(path === '/update-user' && username === null &&",
      },
    ],
    test: {
      file: GRANT_TEST,
      name: 'a session that another one let in > ends no other session, revokes no key and deletes nothing, before a sign-in of its own',
    },
  },
  {
    attack: 'A device that was let in reads the token of the session that let it in from the list of sessions',
    defence: 'Such a session cannot read the list',
    patches: [
      {
        file: plugin('hooks/paired-session.ts'),
        find: "'/device/approve', '/list-sessions'",
        replace: "'/device/approve'",
      },
    ],
    test: {
      file: GRANT_TEST,
      name: 'a session that another one let in > gets no way in that lasts longer, before a sign-in of its own: > it does not read the tokens of other sessions',
    },
  },
  {
    attack: 'A device that was let in adds a passkey of its own, signs in with it and shuts the others out',
    defence: 'Such a session cannot add a way into the account',
    patches: [
      { file: plugin('hooks/paired-session.ts'), find: "  '/passkey/generate-register-options',\n", replace: '' },
    ],
    test: {
      file: GRANT_TEST,
      name: 'a session that another one let in > gets no way in that lasts longer, before a sign-in of its own: > /passkey/generate-register-options',
    },
  },
  {
    attack:
      'A device that was let in, or a TV, sends its session as a bearer token, and is taken for one without a session',
    defence: 'The hooks read the session that `bearer` gives to the endpoint',
    patches: [
      {
        file: plugin('hooks/asking-session.ts'),
        find: 'found ? { ...ctx, headers: found.context.headers } : null',
        replace: 'null',
      },
    ],
    test: {
      file: GRANT_TEST,
      name: 'a session that another one let in > gets no way in that lasts longer, before a sign-in of its own: > nor with its token in place of the cookie',
    },
  },
  {
    attack:
      'The same, as a cookie beside the bearer token of another account, where a later plugin restores the cookie',
    defence: 'The request is refused if any of its sessions was let in',
    patches: [
      {
        file: plugin('hooks/paired-session.ts'),
        find: '[ctx.context.session, await uncachedSession(ctx), bearer &&',
        replace: '[ctx.context.session, bearer ? null : await uncachedSession(ctx), bearer &&',
      },
    ],
    test: {
      file: GRANT_TEST,
      name: 'a session that another one let in > gets no way in that lasts longer, before a sign-in of its own: > nor with its cookie behind the token of another account',
    },
  },
  {
    attack:
      'A device that was let in signs out, and adds a passkey of its own with its cookies, which are still cached',
    defence: 'Where a sign-in of its own is needed, a session that only the cookie cache has is none',
    patches: [
      {
        file: plugin('hooks/asking-session.ts'),
        find: 'await readCache({ ...unread, asResponse: false, returnHeaders: false })',
        replace: '[readCache, unread].length === 0',
      },
    ],
    test: {
      file: GRANT_TEST,
      name: 'a session that another one let in > gets no way in that lasts longer, before a sign-in of its own: > nor after it has ended, with its cookies, while a cookie cache still has it',
    },
  },
  {
    attack: 'A cookie that was stolen hours after the sign-in adds a passkey after its session was revoked',
    defence: 'The same: the age of a session that only the cookie cache has does not matter',
    patches: [
      {
        file: plugin('hooks/asking-session.ts'),
        find: 'await readCache({ ...unread, asResponse: false, returnHeaders: false })',
        replace: '[readCache, unread].length === 0',
      },
    ],
    test: {
      file: plugin('routes/devices.test.ts'),
      name: 'SQLite > no device is revoked > by an old session that was revoked, while a cookie cache still has it: it registers no passkey',
    },
  },
  {
    attack:
      'A device that was let in ends the other sessions while the database fails at the first look at its session',
    defence: 'The hooks read the session themselves: a failed read refuses the request',
    patches: [
      {
        file: plugin('hooks/asking-session.ts'),
        find: 'return readCookie({ ...ctx, asResponse: false, returnHeaders: false })',
        replace: 'return readCookie({ ...ctx, asResponse: false, returnHeaders: false }).catch(() => null)',
      },
    ],
    test: {
      file: GRANT_TEST,
      name: 'a session that another one let in > gets no way in that lasts longer, before a sign-in of its own: > nor while the database fails at the first look at its session',
    },
  },
  {
    attack: 'A failing database takes the principal from a person who opens the link of their own address',
    defence: 'The hooks read the session themselves: a failed read is no answer about who opens the link',
    patches: [
      {
        file: plugin('hooks/asking-session.ts'),
        find: 'return readCookie({ ...ctx, asResponse: false, returnHeaders: false })',
        replace: 'return readCookie({ ...ctx, asResponse: false, returnHeaders: false }).catch(() => null)',
      },
    ],
    test: {
      file: plugin('hooks/honest-verification.test.ts'),
      name: 'SQLite > keeps the principal of a user who signed up with a proof > the link, opened in the same browser while the database fails at a look at the session',
    },
  },
  {
    attack:
      'A device that was let in makes its session fresh and long by the second factor of an account without a password',
    defence: 'Such a session cannot change the second factor',
    patches: [{ file: plugin('hooks/paired-session.ts'), find: "  '/two-factor/enable',\n", replace: '' }],
    test: {
      file: GRANT_TEST,
      name: 'a session that another one let in > gets no way in that lasts longer, before a sign-in of its own: > /two-factor/enable',
    },
  },
  {
    attack: 'A pairing that is accepted late signs a device in over an account that its user got in the meantime',
    defence: 'No grant is used while an account is current, or about to become current',
    patches: [
      {
        file: ARRIVAL,
        find: '    checkNew(auth)\n    if (!isRedeemed) {',
        replace: '    if (!isRedeemed) {',
      },
    ],
    test: {
      file: plugin('pairing.test.ts'),
      name: 'with an account > a device that got an account meanwhile is not signed in to another one',
    },
  },
  {
    attack: 'A pairing that is cancelled at the last moment still gives the secret',
    defence: 'A cancelled pairing writes no message',
    patches: [
      {
        file: CONVERSATION,
        find: "if (isOver) throw new LatchkeyError('RENDEZVOUS_ENDED')\n        await rendezvous",
        replace: 'await rendezvous',
      },
    ],
    test: {
      file: PAIR_TEST,
      name: 'a pairing > that is cancelled before its gift was written gives nothing',
    },
  },
  {
    attack: 'A stolen session cookie lets another device in',
    defence: 'If a key signed the sign-in of a session, approving needs a proof of that key',
    patches: [
      {
        file: PAIR_ROUTE,
        find: "if (made !== null && made !== device.principal) throw refusal('GRANT_FORBIDDEN')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: GRANT_TEST,
      name: 'no grant is given > without the key that signed the sign-in: a stolen cookie is not enough',
    },
  },
  {
    attack: 'Someone who used an account before its mailbox was proven returns with a grant from that time',
    defence: 'A grant counts as a remaining way in when a link is checked',
    patches: [
      {
        file: plugin('hooks/credentials.ts'),
        find: "(await hasGrant(context.adapter, user.id)) ? ['grant'] : []",
        replace: '(await hasGrant(context.adapter, user.id)) ? [] : []',
      },
    ],
    test: { file: GRANT_TEST, name: 'SQLite > a grant > counts as a way in while it lasts' },
  },
  {
    attack: 'A proof for one device lets another one in',
    defence: '`pair_to` names the device',
    patches: [
      {
        file: VERIFY,
        find: "if (claims.pair_to !== pairTo) throw new LatchkeyError('PROOF_PAIR_MISMATCH')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: GRANT_TEST,
      name: 'no grant is given > for a proof of another purpose, for another device, or used before',
    },
  },
  {
    attack: 'An address with a locator ends up in a log, a history or a link, and reads a backup',
    defence: 'The locator is read only from the body',
    patches: [
      {
        file: BACKUP_ROUTE,
        find: "readText(ctx.body, 'locator', LOCATOR_CHARACTERS)",
        replace: "readText({ ...(ctx.query as object), ...(ctx.body as object) }, 'locator', LOCATOR_CHARACTERS)",
      },
    ],
    test: { file: BACKUP_TEST, name: 'a request > with the locator in its address reads nothing' },
  },
  {
    attack: "A copy of the store's data is used to read its backups from the server",
    defence: 'The store keeps only the SHA-256 of each locator',
    patches: [
      {
        file: 'lib/tokens/backup-digest.ts',
        find: 'encodeBase64url(await sha256(decodeBase64url(locator)))',
        replace: 'encodeBase64url(decodeBase64url(locator))',
      },
    ],
    test: {
      file: BACKUP_TEST,
      name: 'SQLite > a backup is read by its locator alone, and the store has only the hash of that',
    },
  },
  {
    attack: "An intermediary between the device and the store replaces the envelope and keeps the device's proof",
    defence: 'The proof names the method, the locator and the envelope',
    patches: [
      {
        file: VERIFY,
        find: "if (claims.digest !== digest) throw new LatchkeyError('PROOF_DIGEST_MISMATCH')",
        replace: UNCHECKED,
      },
    ],
    test: { file: BACKUP_TEST, name: 'a write > with the proof for another envelope, locator or method is refused' },
  },
  {
    attack: 'A proof for a sign-up is used to write a backup',
    defence: 'A proof is for one purpose, and only one for a backup has a digest',
    patches: [
      purposeUnchecked,
      {
        file: VERIFY,
        find: "if (claims.digest !== digest) throw new LatchkeyError('PROOF_DIGEST_MISMATCH')",
        replace: UNCHECKED,
      },
    ],
    test: { file: BACKUP_TEST, name: 'a write > with a proof for upgrade is refused' },
  },
  {
    attack: 'A backup is overwritten with another one, and the user finds nothing that their passkey opens',
    defence: 'A locator is written once',
    patches: [
      {
        file: BACKUPS,
        find: "if (found.principal !== principal || found.envelope !== envelope) throw new LatchkeyError('BACKUP_TAKEN')",
        replace:
          "if (found.envelope !== envelope) await store.adapter.updateMany({ model: MODEL, where: [{ field: 'locator', value: hash }], update: { envelope, principal } })",
      },
    ],
    test: {
      file: BACKUP_TEST,
      name: 'SQLite > an existing backup is never overwritten: the same one again is no error, anything else is',
    },
  },
  {
    attack: 'Two devices put a backup at one locator at the same moment, and both are told that theirs was stored',
    defence: '`latchkeyBackup.locator` is unique in the database',
    patches: [
      {
        file: plugin('schema.ts'),
        find: "locator: { type: 'string', required: true, unique: true },",
        replace: "locator: { type: 'string', required: true },",
      },
      {
        file: plugin('checks/database-checks.ts'),
        find: 'if (isInserted) return',
        replace: 'if (false) return',
      },
    ],
    test: { file: BACKUP_TEST, name: 'Postgres > of two that are put at one locator at once, one wins' },
  },
  {
    attack: 'An account fills the store',
    defence: 'Each principal of an account has at most eight backups, and an account at most 16 aliases',
    patches: [
      { file: BACKUPS, find: 'rows.filter(isLive).length >= most || ', replace: '' },
      { file: BACKUPS, find: 'if (await isOver(store, insertion, most))', replace: 'if (isOver === undefined)' },
    ],
    test: { file: BACKUP_TEST, name: 'SQLite > an account has eight, even if twelve are put at once' },
  },
  {
    attack: 'A stranger who has the hash of a backup keeps it for good, or learns whether it is there',
    defence: 'A renewal is for the own backups of the key that signs it, and a miss is answered like a hit of others',
    patches: [
      {
        file: BACKUPS,
        find: "if (found?.principal !== device.principal) throw new LatchkeyError('BACKUP_UNKNOWN')",
        replace: "if (!found) throw new LatchkeyError('BACKUP_UNKNOWN')",
      },
    ],
    test: {
      file: BACKUP_TEST,
      name: 'SQLite > a renewal is for its own identity alone, and does not say whose a backup is',
    },
  },
  {
    attack: 'Principals are linked, given backups and unlinked again and again, and the store keeps them all for good',
    defence: 'The backups of a principal that left its account expire',
    patches: [
      { file: plugin('binding/adopt.ts'), find: 'await expireBackupsOf(trx, alias)', replace: UNCHECKED },
      {
        file: plugin('binding/adopt.ts'),
        find: 'if (isDone) await expireBackupsOf(principals, alias)\n  else',
        replace: 'if (!isDone)',
      },
    ],
    test: {
      file: BACKUP_TEST,
      name: 'SQLite > an alias that is unlinked keeps its backups for 30 days, and for good if it is linked again',
    },
  },
  {
    attack: 'A backup that its store has deleted counts as a way back',
    defence: 'The record keeps when the store deletes it, and it does not count from then on',
    patches: [{ file: 'lib/machine/state.ts', find: ' || device.backedUpUntil! <= now', replace: '' }],
    test: {
      file: EXPIRING_TEST,
      name: 'a backup that its store keeps for 100 days > no longer counts once it has expired, with no network and at the next look',
    },
  },
  {
    attack: 'A sign-out deletes the secret that `deriveKey` needs while its only backup is one that expires',
    defence: 'A backup that expires does not count there, expired or not',
    patches: [
      {
        file: 'lib/keystore/entries.ts',
        find: '(entry.recoverable && isSpare(other))',
        replace: '(entry.recoverable && (isSpare(other) || other.backedUpAt !== null))',
      },
    ],
    test: {
      file: EXPIRING_TEST,
      name: 'a backup that its store keeps for 100 days > lets no sign-out delete the secret that data depends on, 10 days later',
    },
  },
  {
    attack: 'The secret is replaced by keys while its only backup is one that expires',
    defence: 'Only a backup without an end counts for that',
    patches: [
      {
        file: 'lib/client/device/harden.ts',
        find: '(isAlways || isSpare(entry))',
        replace: '(isAlways || isSpare(entry) || entry.backedUpAt !== null)',
      },
    ],
    test: {
      file: EXPIRING_TEST,
      name: 'a backup that its store keeps for 100 days > is no reason to replace the secret by keys until the store keeps it for good',
    },
  },
  {
    attack: 'A clock that was set back makes a device believe that its backup lasts for long',
    defence: 'The store is asked at once, since only differences of the clock count',
    patches: [{ file: 'lib/keystore/backups.ts', find: 'now < checkedAt || ', replace: '' }],
    test: {
      file: EXPIRING_TEST,
      name: 'a device whose clock is wrong > that was set back asks at once, since the remaining time is unknown',
    },
  },
  {
    attack: 'The late answer to one tab drops a backup that another tab has made again',
    defence: 'An answer is recorded only for the backup as it was when the store was asked',
    patches: [{ file: 'lib/keystore/backups.ts', find: ' && stored.checkedAt === asked.checkedAt', replace: '' }],
    test: {
      file: EXPIRING_TEST,
      name: 'two tabs > do not drop a backup that one of them has made again since the other asked',
    },
  },
  {
    attack: 'The server of the backups learns which identities share a device',
    defence: 'Only backups of the current identity are renewed',
    patches: [
      {
        file: 'lib/client/device/renew-backups.ts',
        find: 'return currentPrincipals(keyring).flatMap(',
        replace:
          'return [...currentPrincipals(keyring), ...(keyring?.entries ?? []).map((each) => each.principal)].flatMap(',
      },
    ],
    test: {
      file: EXPIRING_TEST,
      name: 'a backup that its store keeps for 100 days > is not renewed for an identity that was set aside',
    },
  },
  {
    attack: 'An account fills the store with backups that it puts and removes again and again',
    defence: 'Removed backups also count, as long as they are kept',
    patches: [{ file: BACKUPS, find: ' || rows.length >= 2 * most', replace: '' }],
    test: { file: BACKUP_TEST, name: 'SQLite > putting and removing again and again does not fill the store' },
  },
  {
    attack: 'A stranger fills the store with identities, which cost nothing',
    defence: 'By default the store accepts no identity without an account',
    patches: [
      {
        file: BACKUPS,
        find: 'rules ? rules.days * DAY_MS : undefined',
        replace: '(rules ??= { perAddressAndDay: 9, total: 9, days: 9 }).days * DAY_MS',
      },
    ],
    test: {
      file: BACKUP_TEST,
      name: 'SQLite > without an account > there are none, unless the server switched them on',
    },
  },
  {
    attack: 'Where the store is open to identities without an account, clients of one address fill it',
    defence: 'Each address has a daily limit, which also counts removed backups',
    patches: [{ file: BACKUPS, find: 'fromThere + more > rules.perAddressAndDay || ', replace: '' }],
    test: {
      file: BACKUP_TEST,
      name: 'SQLite > without an account > an address has its limit for each day, for all clients together, and removing does not help',
    },
  },
  {
    attack: 'Where the store is open to identities without an account, clients of many addresses fill it',
    defence: 'All of them together have a limit',
    patches: [{ file: BACKUPS, find: ' || ofAll + more > rules.total', replace: '' }],
    test: {
      file: BACKUP_TEST,
      name: 'SQLite > without an account > the store has a limit in total, which does not concern accounts',
    },
  },
  {
    attack: 'The operator of the store learns which address created which backup',
    defence: 'Addresses are kept only as an HMAC that changes every day',
    patches: [
      {
        file: BACKUPS,
        find: 'return encodeBase64url(new Uint8Array(mac))',
        replace: 'return encodeBase64url(new Uint8Array(mac)) + String(address)',
      },
    ],
    test: {
      file: BACKUP_TEST,
      name: 'SQLite > without an account > an address has its limit for each day, for all clients together, and removing does not help',
    },
  },
  {
    attack: 'The finder of a lost device whose key was revoked removes the backups of its owner',
    defence: 'A revoked key writes nothing',
    patches: [
      {
        file: BACKUPS,
        find: "if (await isRevokedKey(principals, device.thumbprint)) throw new LatchkeyError('PRINCIPAL_DISABLED')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: BACKUP_TEST,
      name: 'SQLite > a key that was revoked writes nothing, and what it wrote before can still be read',
    },
  },
  {
    attack: 'Someone who knows a locator removes the backup of another identity',
    defence: 'Only the identity that wrote a backup can remove it',
    patches: [
      {
        file: BACKUPS,
        find: 'if (found?.principal !== device.principal || !(await store.withdraw(found)))',
        replace: 'if (!found || !(await store.withdraw(found)))',
      },
    ],
    test: { file: BACKUP_TEST, name: 'SQLite > only its own identity removes it' },
  },
  {
    attack: 'A script that can use the key for a moment removes the backups permanently',
    defence: 'A removed backup is kept for 30 days',
    patches: [
      {
        file: BACKUPS,
        find: 'const REMOVED_KEPT_MS = 30 * DAY_MS',
        replace: 'const REMOVED_KEPT_MS = 0 * DAY_MS',
      },
    ],
    test: {
      file: BACKUP_TEST,
      name: 'SQLite > a removed one can no longer be read, and is kept for 30 days; its locator and its place are free',
    },
  },
  {
    attack: 'A script removes the backup of an identity without an account shortly before it would have expired',
    defence: 'A removed backup is kept for 30 days, whenever it would have expired',
    patches: [
      {
        file: BACKUPS,
        find: "[{ field: 'removedAt', value: null }, ...before('until', now)]",
        replace: "before('until', now)",
      },
    ],
    test: {
      file: BACKUP_TEST,
      name: 'SQLite > without an account > a removed one is kept for 30 days, even if it would have expired before',
    },
  },
  {
    attack: "The store's responses reveal whether there ever was a backup at a locator",
    defence: 'A miss has the shape of a hit and does the same work, for removed backups too',
    patches: [
      {
        file: BACKUPS,
        find: 'read: async (hash) => (await store.find(hash))?.envelope ?? null,',
        replace:
          "read: async (hash) => (await store.find(hash))?.envelope ?? (await adapter.count({ model: MODEL, where: [{ field: 'locator', operator: 'starts_with', value: hash }] }), null),",
      },
    ],
    test: { file: BACKUP_TEST, name: 'SQLite > a miss has the shape of a hit and does the same work' },
  },
  {
    attack: "A page on another site makes its visitors' browsers query the store",
    defence: 'A request that another site made the browser send is refused',
    patches: [{ file: BACKUP_ROUTE, find: 'refuseCrossSite(ctx)\n', replace: '' }],
    test: { file: BACKUP_TEST, name: 'a request > that a page of another site made the browser send is refused' },
  },
  {
    attack: 'The backups of a deleted account can still be read',
    defence: "They are removed when the account's principals are retired",
    patches: [
      { file: plugin('binding/retire.ts'), find: 'await removeBackupsOf(trx, row.principal)', replace: UNCHECKED },
    ],
    test: { file: BACKUP_TEST, name: 'SQLite > a deleted account leaves no backup that can be read' },
  },
  {
    attack: 'A backup is put at the moment when its account is deleted, and stays readable permanently',
    defence: 'After the backup was inserted, the store checks again whether the account still exists',
    patches: [{ file: BACKUPS, find: 'if (hasAccount) await isOfAccount(store.principals, device)', replace: '' }],
    test: {
      file: BACKUPS_TEST,
      name: 'a backup that is put > while its account is deleted is not readable afterwards, at whatever statement that happens',
    },
  },
  {
    attack: 'Many identities without an account put backups from one address at the same moment, more than its limit',
    defence: 'The limit is counted again after the backup was inserted',
    patches: [
      {
        file: BACKUPS,
        find: "if (origin !== null && (await isFull(store, rules!, origin, 0))) throw new LatchkeyError('BACKUP_LIMIT')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: BACKUPS_TEST,
      name: 'a backup that is put > from one address by many identities at once stays within the limit',
    },
  },
  {
    attack: 'The server dies while it deletes an account, whose backups stay readable permanently',
    defence: 'Before an account is deleted, its backups get an expiry',
    patches: [
      {
        file: plugin('binding/retire.ts'),
        find: 'await expireBackupsOf(principals, principal, DAY_MS)',
        replace: 'void expireBackupsOf',
      },
    ],
    test: { file: BACKUPS_TEST, name: 'a deletion whose server died in the middle leaves no backup for long' },
  },
  // Documents of Hocuspocus
  {
    attack: "Someone with a valid token opens another user's document",
    defence: 'The owner in the name of the document must be a principal of the session',
    patches: [
      { file: HOCUSPOCUS, find: "owns(session, ownerOf(documentName)) ? 'read-write' : null", replace: "'read-write'" },
    ],
    test: {
      file: HOCUSPOCUS_TEST,
      name: "the owner in the name of a document > opens a user another user's accordingly: notes:bob",
    },
  },
  {
    attack: 'The `authorize` of an app without types answers `false`, which is taken for an access',
    defence: 'Only the two names of an access open a document',
    patches: [
      {
        file: HOCUSPOCUS,
        find: "access === 'read-write' || access === 'readonly' ? access : null",
        replace: 'access',
      },
    ],
    test: { file: HOCUSPOCUS_TEST, name: 'a first token > opens nothing if `authorize` answers false' },
  },
  {
    attack: 'A client with an expired token writes before a late timer closes its document',
    defence: 'Each message checks the clock',
    patches: [{ file: HOCUSPOCUS, find: 'void socketOf(payload).current', replace: UNCHECKED }],
    test: {
      file: HOCUSPOCUS_TEST,
      name: 'an open document > takes no message after that, even if the timer is late',
    },
  },
  {
    attack: 'Messages that wait behind a refused token still change the document',
    defence: 'A refused connection takes no message',
    patches: [{ file: HOCUSPOCUS, find: "if (refused.has(payload.connection)) refuse('expired')", replace: UNCHECKED }],
    test: {
      file: HOCUSPOCUS_TEST,
      name: 'an open document > takes no message that was sent right behind a refused token',
    },
  },
  {
    attack: 'A user whose access was withdrawn keeps a document open with new tokens',
    defence: '`authorize` judges each new token',
    patches: [
      {
        file: HOCUSPOCUS,
        find: 'if (access === null) return close(connection, FORBIDDEN_CODE, FORBIDDEN)',
        replace: UNCHECKED,
      },
    ],
    test: { file: HOCUSPOCUS_TEST, name: 'an open document > is judged again with each new token' },
  },
  {
    attack: 'A user whose access was withdrawn keeps a document open with new tokens, while `authorize` fails',
    defence: 'A new token of an open socket counts only once it was judged; until then the one before expires',
    patches: [
      {
        file: 'lib/server/sockets/socket-session.ts',
        find: 'await check?.(found.session)',
        replace: 'expiry.replace(found.session)\n      await check?.(found.session)',
      },
    ],
    test: {
      file: HOCUSPOCUS_TEST,
      name: 'an open document > is closed when the token before expires, if `authorize` fails',
    },
  },
  {
    attack: 'A client with an open socket sends a frame that breaks the WebSocket protocol, to end the server process',
    defence: 'Each socket has a listener for its errors from the start',
    patches: [{ file: 'adapters/ws/index.ts', find: "socket.on('error', ignore)", replace: UNCHECKED }],
    test: {
      file: 'adapters/ws/ws.test.ts',
      name: 'a frame that breaks the protocol closes its own socket, and ends nothing else',
    },
  },
  // Configuration
  {
    attack: 'A misspelled option of a server leaves out a check, for example that of the audience',
    defence: 'Every server entry refuses options that it does not know',
    patches: [
      {
        file: 'lib/option-names.ts',
        find: 'if (!Object.hasOwn(names, name))',
        replace: 'if (!Object.hasOwn(names, name) && false)',
      },
    ],
    test: {
      file: 'lib/server/option-names.test.ts',
      name: 'external.audiance: a misspelled option is refused with its name, also if it is undefined',
    },
  },
  {
    attack: 'A bundle has the fallback of Better Auth that keeps the current request of all people in one variable',
    defence: 'The plugin refuses to work where a request would continue with the transaction of another one',
    patches: [
      {
        file: 'adapters/better-auth/checks/request-isolation.ts',
        find: 'if (isApart ?? isolates(Storage)) known',
        replace: 'if (isolates(Storage) || true) known',
      },
    ],
    test: {
      file: 'adapters/better-auth/checks/request-isolation.test.ts',
      name: 'a Better Auth that keeps its requests in one variable is refused each time, and the log says so once',
    },
  },
  {
    attack: 'Developer tools, or a log that they write, show the secret of an identity',
    defence: 'They get a list of the members of the record that may be shown, not the record',
    patches: [
      {
        file: 'lib/client/controls.ts',
        find: "...pick(entry, ['backedUpUntil']),",
        replace: "...pick(entry, ['backedUpUntil', 'secret']),",
      },
    ],
    test: {
      file: 'lib/client/controls.test.ts',
      name: 'no secret, signature, token or one-time id is in what they tell',
    },
  },
  {
    attack: 'Developer tools show a token of an account that can be used again',
    defence: 'They get the decoded header and claims, without the signature',
    patches: [
      {
        file: 'lib/client/controls.ts',
        find: 'claims: client.readPayload(jwt) }',
        replace: 'claims: { ...client.readPayload(jwt), jwt } }',
      },
    ],
    test: {
      file: 'lib/client/controls.test.ts',
      name: 'no secret, signature, token or one-time id is in what they tell',
    },
  },
  {
    attack: 'The address of a request in the developer panel contains the code of a mailed link',
    defence: 'Values of the query, and parts of the path that could be a code, are shortened',
    patches: [
      {
        file: 'lib/devtools/hidden.ts',
        find: '(isLong(part) && /[\\dA-Z%]/.test(part) ? start(part) : part)',
        replace: '(isLong(part) && part === "" ? start(part) : part)',
      },
    ],
    test: {
      file: 'lib/devtools/hidden.test.ts',
      name: 'the code of a mailed link is not shown',
    },
  },
  {
    attack:
      "An attacker sends the victim the link by which an app of `expo()` opens the browser, for the attacker's sign-in",
    defence: 'For ten minutes after that link a callback binds nothing; the app binds with its session',
    patches: [
      {
        file: plugin('hooks/request-context.ts'),
        find: 'return ctx?.path === CALLBACK && isStateProxied(ctx)',
        replace: 'return ctx === null && isStateProxied(ctx!)',
      },
    ],
    test: {
      file: plugin('hooks/oauth.test.ts'),
      name: 'SQLite > a sign-in through an OpenID provider > that an app began binds nothing in the browser, with the state in the database: the link may be from anyone',
    },
  },
  {
    attack: 'Pre-hijack, and the victim signs in by the link of an app that the attacker began',
    defence: 'A session that another device began is none of its key, and resets a contested binding',
    patches: [
      {
        file: plugin('hooks/sign-in-origin.ts'),
        find: 'return begunBy(device.principal)',
        replace: 'return device.principal || begunBy(device.principal)',
      },
    ],
    test: {
      file: plugin('hooks/oauth.test.ts'),
      name: 'SQLite > a provider that proves the mailbox of an unverified local account > takes it, whose binding is contested, from the principal that made it, also if its device began the sign-in',
    },
  },
  {
    attack:
      "A creator begins to register a passkey, which needs no session, and completes it after the mailbox's owner has taken the account",
    defence: 'A registration that began before the mailbox was proven is refused',
    patches: [{ file: plugin('hooks/earlier-requests.ts'), find: 'path === REGISTRATION || ', replace: '' }],
    test: {
      file: plugin('hooks/untouched.test.ts'),
      name: 'SQLite > the first proof of a mailbox binds no account that its creator can still use > by a passkey whose registration began before, where none needs a session',
    },
  },
  {
    attack: 'A cookie that was stolen hours after the sign-in adds a passkey, signs in with it and revokes the devices',
    defence: 'A passkey is added only within ten minutes after the sign-in',
    patches: [
      {
        file: plugin('hooks/paired-session.ts'),
        find: "if (ctx.path === STARTS_PASSKEY && isTooOld) throw refusal('SESSION_NOT_FRESH')",
        replace: 'void [STARTS_PASSKEY, isTooOld]',
      },
    ],
    test: {
      file: plugin('routes/devices.test.ts'),
      name: 'SQLite > no device is revoked > by an old session that registers a passkey',
    },
  },
  {
    attack: 'The same, where the new passkey itself gives the session that revokes them',
    defence: 'A session that replaces another one for a new passkey keeps the time of the sign-in',
    patches: [{ file: plugin('hooks/users.ts'), find: '|^\\/passkey\\/verify-registration$', replace: '' }],
    test: {
      file: plugin('routes/devices.test.ts'),
      name: 'SQLite > no device is revoked > by an old session that registers a passkey',
    },
  },
  {
    attack: 'A page connects the document in memory of one user again, after another user has come',
    defence: 'The owner of a document in memory is remembered for as long as the document, not the session',
    patches: [
      {
        file: 'adapters/hocuspocus/connect.ts',
        find: '{ read: () => owners.get(document()), write: (principal) => void owners.set(document(), principal) }',
        replace: '{ read: () => null, write: (principal) => void owners.set(document(), principal) }',
      },
    ],
    test: {
      file: 'adapters/hocuspocus/connect.test.ts',
      name: 'another user > does not get a document in memory that an earlier session of this page synced',
    },
  },
  {
    attack: 'On a socket that a cookie opened, a token of another user takes the place of the token in use',
    defence: 'Only the first token replaces the session of the cookie; later ones must continue that of the token',
    patches: [{ file: 'lib/server/sockets/socket-session.ts', find: 'hasToken = true', replace: UNCHECKED }],
    test: {
      file: 'adapters/ws/ws.test.ts',
      name: 'after the first token, a token of another principal closes a socket that a cookie opened',
    },
  },
  {
    attack: 'The finder of a lost device whose key was revoked keeps its backup from ever expiring',
    defence: 'A renewal by a revoked key changes nothing',
    patches: [
      {
        file: BACKUPS,
        find: 'if (await isRevokedKey(store.principals, device.thumbprint)) return hasAccount ? null : left',
        replace: UNCHECKED,
      },
    ],
    test: {
      file: BACKUP_TEST,
      name: 'SQLite > a renewal by a key that was revoked tells the time that is left, and changes nothing',
    },
  },
  {
    attack: 'A server that does not have a backup is asked about it: it learns the hash, and the backup does not count',
    defence: 'The record keeps which store has a backup, and only that one is asked',
    patches: [
      {
        file: 'lib/client/device/renew-backups.ts',
        find: "if (itsStore !== store.audience) return 'unsaid'",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: EXPIRING_TEST,
      name: 'a backup that its store keeps for 100 days > is renewed by its own store alone (which renews: true)',
    },
  },
  {
    attack: 'A backup from before the account is deleted soon after its alias was unlinked, before the undo',
    defence: 'Its end is moved to that of the undo',
    patches: [
      {
        file: plugin('binding/expire-backups.ts'),
        find: ", { value: until, operator: 'lt' as const }",
        replace: '',
      },
    ],
    test: {
      file: BACKUP_TEST,
      name: 'SQLite > a backup from before the account is kept for 30 days too, once its alias is unlinked',
    },
  },
  {
    attack: 'A damaged secret stays in the record although the user gave the right one, and is lost with its backup',
    defence: 'A backup that unlocks the data replaces the stored secret',
    patches: [
      {
        file: 'lib/client/device/backup.ts',
        find: 'known?.secret === undefined ? known : { ...known, secret: imported.secret! }',
        replace: 'known',
      },
    ],
    test: {
      file: 'lib/client/device/damaged-secret.test.ts',
      name: 'a stored secret of another identity > is repaired by a backup that unlocks the data',
    },
  },
  {
    attack: 'A device that was let in removes an alias or an API key of the account',
    defence: 'Such a session unlinks no alias, and neither deletes nor disables a key',
    patches: [
      {
        file: plugin('hooks/paired-session.ts'),
        find: "'/latchkey/keys/revoke', '/latchkey/unlink', '/api-key/delete'",
        replace: "'/latchkey/keys/revoke'",
      },
    ],
    test: {
      file: GRANT_TEST,
      name: 'a session that another one let in > ends no other session, revokes no key and deletes nothing, before a sign-in of its own',
    },
  },
  {
    attack: 'A device that was let in removes the phone number with which the user signs in',
    defence: 'Such a session cannot set the number to null',
    patches: [
      {
        file: plugin('hooks/paired-session.ts'),
        find: "(path === '/update-user' && phoneNumber === null)",
        replace: '(path === "/update-user" && phoneNumber === "")',
      },
    ],
    test: {
      file: GRANT_TEST,
      name: 'a session that another one let in > ends no other session, revokes no key and deletes nothing, before a sign-in of its own',
    },
  },
  {
    attack: 'A program that was let in by a code of RFC 8628 gets an API key, which lasts and can be a fresh session',
    defence: 'A session that another one approved gets no API key',
    patches: [{ file: plugin('hooks/paired-session.ts'), find: "'/api-key/create'", replace: "'/two-factor/enable'" }],
    test: {
      file: plugin('routes/devices.test.ts'),
      name: 'SQLite > a session that another one approved with a code (RFC 8628) gets no API key',
    },
  },
  {
    attack: 'An old session approves a code (RFC 8628) for its own browser, and is a recent sign-in by its key again',
    defence: 'What a code gave is approved by another session, whatever session the browser had',
    patches: [
      {
        file: plugin('hooks/sign-in-origin.ts'),
        find: 'if (isApproved(ctx)) return DELEGATED',
        replace: 'if (isApproved(ctx) && !ctx?.context.session) return DELEGATED',
      },
      {
        file: plugin('hooks/sign-in-origin.ts'),
        find: 'isSignIn(ctx) || isApproved(ctx) ? null',
        replace: 'isSignIn(ctx) ? null',
      },
    ],
    test: {
      file: plugin('routes/devices.test.ts'),
      name: 'SQLite > no device is revoked > by an old session that approves a code for its own browser, even if a hook has read it',
    },
  },
  {
    attack: 'A planted session is read during `run`, on a device that is signed out and so has no key for a proof',
    defence: 'Reading a session is no sign-in, and neither is a one-time token that another session made',
    patches: [
      {
        file: plugin('client/proof-header.ts'),
        find: 'const isBegun = isSession(data) && isSignIn',
        replace: 'const isBegun = isSession(data) || isSignIn',
      },
    ],
    test: {
      file: plugin('client/session-origin.test.ts'),
      name: 'SQLite > a session that a request without a proof of this device made > waits on a device without an identity, even if `run` reads it',
    },
  },
  {
    attack:
      'Someone with a photo of the code deletes the channel and opens it again, which hides that the code was used twice',
    defence: 'A deleted channel stays closed until it would have expired',
    patches: [
      {
        file: plugin('binding/rendezvous-store.ts'),
        find: "await adapter.updateMany({ model: TABLE, where: equal({ channel }), update: { seq: REMOVED_SEQ, data: '' } })",
        replace: 'await adapter.deleteMany({ model: TABLE, where: equal({ channel }) })',
      },
    ],
    test: {
      file: plugin('routes/rendezvous.test.ts'),
      name: 'SQLite > in the table > does not open a deleted channel again, which would hide that a second party used it',
    },
  },
  {
    attack:
      'A new device uses its grant and then refuses, so that the device that approved it shows that it was refused',
    defence: 'The server says whether the grant was used, whatever the new device answers',
    patches: [{ file: APPROVAL, find: "return isWithdrawn ? giving : 'done'", replace: 'return giving' }],
    test: {
      file: plugin('pairing.test.ts'),
      name: 'an approval that was cancelled > is done if the other device has used the grant, and then refuses',
    },
  },
  {
    attack:
      'A backup that was to stay for good counts after its principal was disabled, and a sign-out deletes the secret',
    defence: 'It does not count until the store has confirmed it again',
    patches: [
      {
        file: 'lib/client/device/renew-backups.ts',
        find: "return expiresAt === null && isLatchkeyError(error, 'PRINCIPAL_DISABLED') ? 0 : 'unsaid'",
        replace: "return 'unsaid'",
      },
    ],
    test: {
      file: EXPIRING_TEST,
      name: 'a backup that its store keeps for 100 days > and then for good no longer counts once its principal is disabled, until the store has it again',
    },
  },
  {
    attack: 'A backup is stored while its principal leaves its account, and stays for ever without one',
    defence: 'After a backup was stored without an end, the account is looked up again',
    patches: [
      {
        file: BACKUPS,
        find: 'if (life !== null || isAccount(await holderIn(principals, await principals.find(principal)))) return life',
        replace: 'if (life !== undefined) return life',
      },
    ],
    test: {
      file: BACKUPS_TEST,
      name: 'a backup whose principal leaves its account > while it is put has an end afterwards, at whatever statement that happens',
    },
  },
  {
    attack:
      "A creator's passkey registration from before the account was taken is completed while a read of the database fails",
    defence: 'A failed read is not taken for the answer that there is no such user',
    patches: [
      {
        file: plugin('hooks/earlier-requests.ts'),
        find: "found && (await principals.findUser('id', found.value))",
        replace: "found && (await principals.findUser('id', found.value).catch(() => null))",
      },
    ],
    test: {
      file: plugin('hooks/untouched.test.ts'),
      name: 'SQLite > the first proof of a mailbox binds no account that its creator can still use > by a passkey whose registration began before, while a read of the user fails',
    },
  },
  {
    attack: 'A sign-out is reported as done although a failing database kept the session, which nothing ends any more',
    defence: 'After a sign-out the server looks for the session, and answers with an error if it still exists',
    patches: [
      {
        file: plugin('hooks/late-sign-out.ts'),
        find: "if (await askingSession(ctx)) throw new Error('The session was not deleted.')",
        replace: 'await askingSession(ctx)',
      },
    ],
    test: {
      file: plugin('client/sign-out.test.ts'),
      name: 'SQLite > a sign-out is delivered again if the session was not deleted, since the statement failed: delete',
    },
  },
  {
    attack: "An admin signs out while impersonating a user, and the admin's own session lives on",
    defence:
      "The server ends the session that Better Auth's cookie names as the admin's own, before the impersonated one",
    patches: [
      {
        file: plugin('hooks/late-sign-out.ts'),
        find: 'if (!token) return',
        replace: 'if (!token || secret) return',
      },
    ],
    test: {
      file: plugin('client/sign-out.test.ts'),
      name: 'SQLite > a sign-out while an admin impersonates a user > ends both sessions, also if the response is lost',
    },
  },
  {
    attack: "An admin's sign-out is reported as done although a failing database kept the admin's own session",
    defence:
      "After the server has ended the admin's own session it looks for it, and answers with an error if it exists",
    patches: [
      {
        file: plugin('hooks/late-sign-out.ts'),
        find: 'if (await internalAdapter.findSession(token)) throw',
        replace: 'if (!token) throw',
      },
    ],
    test: {
      file: plugin('client/sign-out.test.ts'),
      name: "SQLite > a sign-out while an admin impersonates a user > ends both, also if a statement about the admin's fails: findMany",
    },
  },
  {
    attack: 'A session in the secondary storage survives the end of all others, since its state could not be read',
    defence: 'A session that cannot be read fails the request instead of being left out',
    patches: [
      {
        file: plugin('binding/sessions.ts'),
        find: 'internalAdapter.findSession(token))',
        replace: 'internalAdapter.findSession(token).catch(() => null))',
      },
    ],
    test: {
      file: plugin('binding/sessions.test.ts'),
      name: 'sessions that exist only in the secondary storage > are all ended, or the request fails: one whose state cannot be read is not left out',
    },
  },
  {
    attack: 'The plugin is off until the migration; one failed check switches it on, and every sign-in fails',
    defence: 'A check that the database does not answer leaves the plugin on or off as it was',
    patches: [
      { file: plugin('checks/unmigrated.ts'), find: 'isAbsence(error) || undefined', replace: 'isAbsence(error)' },
    ],
    test: {
      file: plugin('checks/unmigrated.test.ts'),
      name: 'a check that the database does not answer changes nothing > the plugin stays off while the tables are missing',
    },
  },
  {
    attack: 'An operator is told that an account is retired, which a failing database kept with its keys',
    defence: 'After the deletion the account is looked for, and its presence is an error',
    patches: [
      {
        file: plugin('operator.ts'),
        find: "if (await principals.findUser('id', accountId)) throw",
        replace: 'if (accountId === null) throw',
      },
    ],
    test: {
      file: plugin('operator.test.ts'),
      name: 'SQLite > an operator > does not report an account as retired if the database failed to read it for the deletion',
    },
  },
  {
    attack: "After a sign-out that was not delivered, the next user of the device acts as the cookie's account",
    defence: 'A cookie does not count in a request that `auth.fetch` sent without a token',
    patches: [
      {
        file: 'lib/server/sources/cookie.ts',
        find: "if (request.header('x-latchkey-anonymous') !== null) return false",
        replace: '',
      },
    ],
    test: {
      file: 'adapters/better-auth/cookie-session.test.ts',
      name: 'SQLite > `auth.fetch` of a device that uses no account > is of no one after a sign-out that the account server has not received',
    },
  },
  {
    attack: 'The first request of a page without an identity counts as one of the account whose session was planted',
    defence: 'The code of the first load says with each request without a token that its cookies do not count',
    patches: [
      {
        file: 'lib/client/tokens/first-fetch.ts',
        find: "else sent.headers.set('x-latchkey-anonymous', '1')",
        replace: '',
      },
    ],
    test: {
      file: 'lib/client/tokens/first-fetch.test.ts',
      name: 'before the later chunk has loaded > a cookie that the browser adds > does not count in a read without a token',
    },
  },
  {
    attack: 'A write of a page without an identity counts as one of the account whose session was planted',
    defence: '`auth.fetch` says with each request without a token that may carry cookies that these do not count',
    patches: [
      {
        file: 'lib/client/tokens/auth-fetch.ts',
        find: "sent.credentials === 'include' || origin === (globalThis.location?.origin ?? origin)",
        replace: 'false',
      },
    ],
    test: {
      file: 'lib/client/tokens/auth-fetch.test.ts',
      name: 'a cookie that the browser adds > does not count in a write without a token, nor on another origin that the app sends it to',
    },
  },
  {
    attack: 'A request whose redirects the app follows counts as one of the account whose session was planted',
    defence: '`auth.fetch` sends such a request without the cookies if it has no token',
    patches: [
      {
        file: 'lib/client/tokens/auth-fetch.ts',
        find: "changed(sent, { credentials: 'omit' })",
        replace: 'sent',
      },
    ],
    test: {
      file: 'lib/client/tokens/auth-fetch.test.ts',
      name: 'a cookie that the browser adds > is not sent at all where the app follows redirects, whose end would need a preflight',
    },
  },
  {
    attack: 'A session is planted after the user of a first start that got no answer has signed out',
    defence: 'Only while the identity of the first start is current, a later page takes a session for an earlier one',
    patches: [
      {
        file: 'lib/client/account/attend-server.ts',
        find: 'currentDevice(keyring)?.isUnasked === true',
        replace: "keyring?.entries.some((entry) => entry.kind === 'device' && entry.isUnasked) === true",
      },
    ],
    test: {
      file: 'lib/client/account/pending-upgrade.test.ts',
      name: 'a session that appears outside > not by a later page after a sign-out',
    },
  },
  {
    attack: 'A session is planted after a sign-out, in the page of a first start that is still without an answer',
    defence: 'Only while the identity of the first start is current, its page takes a session for an earlier one',
    patches: [
      { file: 'lib/client/account/attend-server.ts', find: 'keyring?.current === firstId', replace: 'true' },
      {
        file: 'lib/client/account/attend-server.ts',
        find: 'if (firstId !== current) firstId = firstId === undefined ? current : null',
        replace: UNCHECKED,
      },
    ],
    test: {
      file: 'lib/client/account/pending-upgrade.test.ts',
      name: 'a session that appears outside > not by the first page itself after a sign-out, for the next identity',
    },
  },
  {
    attack:
      'A session is planted after the user of a first start without an answer has signed out, and that user returns',
    defence: 'An identity that is made current again takes no session for one from before the first start',
    patches: [
      {
        file: 'lib/client/device/ensure-identity.ts',
        find: 'const { isUnasked: _, ...resumed } = kept',
        replace: 'const resumed = kept',
      },
    ],
    test: {
      file: 'lib/client/account/pending-upgrade.test.ts',
      name: 'a session that appears outside > not by the first page itself after a sign-out, for the same identity again',
    },
  },
  {
    attack: 'A session is planted after the account server answered that there is none, while an app moves its users',
    defence: 'The first answer ends the time in which a session without confirmation becomes current',
    patches: [
      {
        file: 'lib/client/account/attend-server.ts',
        find: 'if (deviceOf(context.keyring(), principal)?.isUnasked) await',
        replace: 'if (!deviceOf(context.keyring(), principal)) await',
      },
    ],
    test: {
      file: 'lib/client/account/pending-upgrade.test.ts',
      name: 'a session that appears outside > not by a later page once a page got the answer that there is none',
    },
  },
  {
    attack:
      'An upgrade creates a session, but its response is lost; its user signs out, and the next user is offered the account',
    defence: 'A sign-out ends every session of the browser that is older, also one that the device was not told of',
    patches: [
      {
        file: 'lib/client/account/sign-out.ts',
        find: 'return hasServer ? withSignOutOfAll(ended, now) : ended',
        replace: 'return ended',
      },
    ],
    test: {
      file: 'lib/client/races.test.ts',
      name: 'a session that this device has not been told of > ends with a sign-out: {"forget":true}',
    },
  },
  {
    attack:
      'A user signs out in one tab while `run` of an upgrade goes on in another one, and the next user is offered the session',
    defence: 'A tab whose user has signed out elsewhere ends the session that its upgrade created',
    patches: [
      {
        file: 'lib/client/account/upgrade.ts',
        find: 'await leaveWithUser(context, before).catch(() => {})',
        replace: UNCHECKED,
      },
    ],
    test: {
      file: 'lib/client/races.test.ts',
      name: 'a session that this device has not been told of > ends if another tab signs out 1 ms before `run` makes it',
    },
  },
  {
    attack:
      'A user signs out in one tab while `run` in another makes a session without a proof, and the next user is offered it',
    defence: 'An upgrade shows no session to another identity than the one that it began with, and ends it',
    patches: [
      {
        file: 'lib/client/account/upgrade.ts',
        find: 'checkUnchanged(context.keyring(), before)',
        replace: UNCHECKED,
      },
    ],
    test: {
      file: 'lib/client/races.test.ts',
      name: 'a session that this device has not been told of > ends too if the account server does not say who made it',
    },
  },
  {
    attack:
      'An answer about the session arrives after a sign-out in another tab, and its account is shown to the next user',
    defence: 'An answer that another user asked for is discarded, and the question is asked again',
    patches: [
      {
        file: 'lib/client/account/session-check.ts',
        find: 'if (isWaiting(context) && context.getState().session?.principal !== asked.session?.principal)',
        replace: 'if (false)',
      },
    ],
    test: {
      file: 'lib/client/races.test.ts',
      name: 'an answer about the session that comes late > shows no session that a sign-out of another tab has ended meanwhile',
    },
  },
  {
    attack:
      'The store refuses the write of a sign-out while no identity is current, and the next user is offered the account that waited',
    defence: 'A failed write counts as done only if the record has what it added to the outbox',
    patches: [
      {
        file: 'lib/client/account/sign-out.ts',
        find: 'if (!found || !isTold || currentEntry(found)) throw error',
        replace: 'if (!found || currentEntry(found)) throw error',
      },
    ],
    test: {
      file: 'lib/client/account/sign-out.test.ts',
      name: 'out of an account > a sign-out whose write fails is rejected, although no identity was current, and the account still waits',
    },
  },
  {
    attack:
      'An app ends a session of a sync engine when the user changes, and the session starts again and deletes the data',
    defence: 'A session that was ended ignores a change of the principal of which it is only told afterwards',
    patches: [
      { file: 'lib/session/runtime/auth-observer.ts', find: 'if (stops.length === 0) return', replace: UNCHECKED },
    ],
    test: {
      file: 'lib/session/runtime/auth-observer.test.ts',
      name: 'a session that the app ends when it hears of another principal stays ended, and keeps its data',
    },
  },
  {
    attack:
      'The app signs out through its account client and leaves the page, and the next user finds the account still current',
    defence: 'The record notes that the app has ended the session, and the next look that finds no session signs out',
    patches: [
      {
        file: 'lib/client/account/revalidate.ts',
        find: 'if (!found && known.isEnding) return signOutOfEnded(context, known)',
        replace: UNCHECKED,
      },
    ],
    test: {
      file: 'lib/client/account/follow-app.test.ts',
      name: 'also if the page is left before the question is answered',
    },
  },
  {
    attack:
      "A session of the attacker's account replaces the cookie of the current account, and what trusts the cookie acts for the attacker's account",
    defence:
      'A session that is found in place of that of the current account waits and is shown: cancelUpgrade ends it',
    patches: [
      {
        file: 'lib/client/account/revalidate.ts',
        find: 'return showReplacing(context, isOther ? found : null)',
        replace: 'return',
      },
    ],
    test: {
      file: 'lib/client/account/another-account.test.ts',
      name: 'a session of another account in place of that of the current account > waits and is shown, also in the next page, and cancelUpgrade ends it',
    },
  },
  {
    attack:
      'The app revokes another device; later the session of this one expires, and unsynced data is lost without a question',
    defence:
      'The note that the app may have ended the session is removed once the account server says that it is there',
    patches: [
      {
        file: 'lib/client/account/follow-app.ts',
        find: 'if (found.accountId === ended.accountId && found.id === ended.sessionId) await note(context, ended, false)',
        replace: UNCHECKED,
      },
    ],
    test: {
      file: 'lib/client/account/follow-app.test.ts',
      name: 'if the session is there all the same, one that is missing later is only told, although the page is left right after that',
    },
  },
  {
    attack:
      'A tab cannot read the record when it hears of a sign-out, and goes on to send the token of the user who has left',
    defence: 'A tab repeats a read that failed',
    patches: [
      {
        file: 'lib/client/shared/tab-sync.ts',
        find: 'if (!(await readAgain(context)))',
        replace: 'if (!(await readAgain(context)) && false)',
      },
    ],
    test: {
      file: 'lib/client/races.test.ts',
      name: 'a tab that hears of a sign-out > reads the record again if it could not be read',
    },
  },
  {
    attack:
      'A user signs out without a network and closes the tab, and the session stays alive while another tab is open',
    defence: 'Another tab delivers a sign-out that its own tab does not',
    patches: [
      {
        file: 'lib/client/shared/tab-sync.ts',
        find: 'if (context.keyring()?.outbox.length) later(deliver, DELIVERY_GRACE_MS)',
        replace: UNCHECKED,
      },
    ],
    test: {
      file: 'lib/client/races.test.ts',
      name: 'a tab that hears of a sign-out > delivers it if the other tab is gone',
    },
  },
]
