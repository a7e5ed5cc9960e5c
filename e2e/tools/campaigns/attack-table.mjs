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

const purposeUnchecked = {
  file: VERIFY,
  find: "if (claims.purpose !== purpose) throw new LatchkeyError('PROOF_PURPOSE_MISMATCH', `expected ${purpose}`)",
  replace: UNCHECKED,
}
const mailboxUnnoticed = {
  file: plugin('hooks/users.ts'),
  find: 'return { principalMailboxBy: await proverOf(ctx) }',
  replace: 'return {}',
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

const hijack = (/** @type {string} */ path, patch = mailboxUnnoticed) => ({
  attack: `Pre-hijack by the victim's address, then the victim's ${path}`,
  defence:
    'The first proof of a mailbox takes the account from whichever principal was bound while the address was unverified',
  patches: [patch],
  test: {
    file: plugin('hooks/verified-email.test.ts'),
    name: `SQLite > the first proof of a mailbox by ${path} > takes the account from the principal of whoever made it, and gives that back to its key`,
  },
})

/** @type {readonly Attack[]} */
export const ATTACKS = [
  // Replay
  {
    attack: 'A proof is used again, later',
    defence: 'Its `jti` is written down before anything else happens',
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
    attack: 'A proof is used again, at the same moment',
    defence: 'The INSERT itself decides, not a look before it',
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
      name: 'SQLite > the proof > works once, also when two requests use it at the same moment',
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
    attack: 'A proof is used again at a second server, whose clock is behind',
    defence: 'A used proof is remembered five minutes longer than it would hold',
    patches: [
      { file: plugin('binding/replay-store.ts'), find: 'new Date(swept - CLOCKS_APART)', replace: 'new Date(swept)' },
    ],
    test: {
      file: plugin('hooks/proofs.test.ts'),
      name: 'a used proof > is refused by a second server whose clock is four minutes behind, though the first sweeps',
    },
  },
  {
    attack: 'A nonce is used again, with a new proof',
    defence: 'A nonce is used up like a proof',
    patches: [
      {
        file: plugin('routes/nonce.ts'),
        find: 'await gate.useOnce(ctx.context, nonceName(nonce), until)',
        replace: UNCHECKED,
      },
    ],
    test: {
      file: plugin('routes/bind.test.ts'),
      name: 'SQLite > bind > uses its nonce up, also when many come at once',
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
      name: 'SQLite > the proof > for another server is refused, and no user is made',
    },
  },
  {
    attack: 'A proof for another purpose',
    defence: 'A proof names one act',
    patches: [purposeUnchecked],
    test: {
      file: plugin('hooks/upgrade.test.ts'),
      name: 'SQLite > the proof > for another act is refused, and no user is made',
    },
  },
  {
    attack: 'A proof that expired',
    defence: 'A proof lasts a minute',
    patches: [{ file: VERIFY, find: "if (!(exp > now)) throw new LatchkeyError('TOKEN_EXPIRED')", replace: UNCHECKED }],
    test: {
      file: plugin('hooks/upgrade.test.ts'),
      name: 'SQLite > the proof > that expired is refused, and no user is made',
    },
  },
  {
    attack: "A proof that names another principal than its key's",
    defence: '`sub` is computed from the key',
    patches: [
      {
        file: VERIFY,
        find: "if (claims.sub !== key.principal) throw new LatchkeyError('TOKEN_SUBJECT_MISMATCH')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: plugin('attacks.test.ts'),
      name: 'SQLite > a proof that the attacker signs > in the name of another principal makes no account',
    },
  },
  {
    attack: "A proof with the victim's key, signed by the attacker's",
    defence: 'The signature is checked with the key in the proof',
    patches: [
      {
        file: VERIFY,
        find: "if (!(await key.verify(input, signature))) throw new LatchkeyError('TOKEN_SIGNATURE_INVALID')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: plugin('attacks.test.ts'),
      name: 'SQLite > a proof that the attacker signs > in the name of another key makes no account',
    },
  },
  {
    attack: 'A token under a key for which anybody can sign',
    defence: 'Keys of small order are refused before the signature is checked, since node:crypto accepts them',
    patches: [
      {
        file: 'lib/tokens/public-key.ts',
        find: "if (point.isSmallOrder()) throw new LatchkeyError('TOKEN_KEY_SMALL_ORDER')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: 'lib/tokens/public-key.test.ts',
      name: "with 'node:crypto' > a token forged under '0100000000000000000000000000000000000…' is refused: 'TOKEN_KEY_SMALL_ORDER'",
    },
  },
  {
    attack: 'A self-signed token that gives itself a role',
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
    attack: "A stolen bind proof and its nonce, in the attacker's session",
    defence: 'A nonce is issued for one session',
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
    attack: "A stolen bind proof, with a nonce of the attacker's session",
    defence: 'The nonce is in the proof, too',
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
    defence: 'A proof names one act',
    patches: [purposeUnchecked],
    test: {
      file: plugin('attacks.test.ts'),
      name: "SQLite > a stolen proof in the attacker's session > to bind, at a sign-in or a sign-up, binds nothing",
    },
  },
  {
    attack: "A stolen link proof, bound in the attacker's session",
    defence: 'A proof names one act, and a link proof its account (two layers)',
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
    attack: 'Inside `run` a request leaves for another origin',
    defence: "Only addresses under the account server's get the proof",
    patches: [
      {
        file: plugin('client/proof-header.ts'),
        find: 'return URL.canParse(url) && new URL(url).href.startsWith(`${baseURL}/`)',
        replace: 'return URL.canParse(url) && baseURL !== url',
      },
    ],
    test: {
      file: plugin('hooks/upgrade.test.ts'),
      name: 'SQLite > the proof > travels only while upgrade runs, only on POST, only to the provider',
    },
  },
  {
    attack: 'A redirect takes the proof along to another origin',
    defence: 'A request with a proof follows none',
    patches: [{ file: plugin('client/proof-header.ts'), find: "request.redirect = 'manual'", replace: UNCHECKED }],
    test: {
      file: plugin('hooks/upgrade.test.ts'),
      name: 'SQLite > the proof > travels only while upgrade runs, only on POST, only to the provider',
    },
  },
  {
    attack: 'A bearer is asked for another origin',
    defence: '`auth.fetch` knows a list of origins, and refuses before it sends',
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

  // Sessions and links of the attacker in the victim's browser
  {
    attack: 'Login CSRF: a planted session, and a request of the victim that carries a proof',
    defence: 'Only a session for somebody who had none counts as a sign-in',
    patches: [
      {
        file: plugin('hooks/users.ts'),
        find: 'const isReplaced = present !== undefined && !present.isAnonymous',
        replace: 'const isReplaced = false',
      },
    ],
    test: {
      file: plugin('attacks.test.ts'),
      name: "SQLite > a session of the attacker, planted in the victim's browser > gets nothing from requests that carry a proof and sign nobody in",
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
    attack: 'Login CSRF: a planted session, taken for the one that `run` made',
    defence: 'The client takes a session only if `run` sent something',
    patches: [
      {
        file: 'lib/client/account/upgrade.ts',
        find: "sent && !isDone) throw new LatchkeyError('PROOF_NOT_SENT')",
        replace: 'sent && !isDone) void 0',
      },
    ],
    test: {
      file: 'lib/client/account/upgrade.test.ts',
      name: 'failed > a session that was planted before gains nothing from a run that signs in to nothing',
    },
  },
  {
    attack: 'Login CSRF: a planted session, while a link that the person asked for is on its way',
    defence: 'A session that was there before `run` is shown to the person, and not taken',
    patches: [
      {
        file: 'lib/client/account/upgrade.ts',
        find: 'return earlier?.accountId === found.accountId && earlier.id === found.id',
        replace: 'return earlier === found',
      },
    ],
    test: {
      file: 'lib/client/account/pending-upgrade.test.ts',
      name: 'a session that was planted before > is not taken for the one that was asked for',
    },
  },
  {
    attack: 'Login CSRF: a session that appears outside `upgrade`',
    defence: "It waits for the person's word",
    patches: [
      {
        file: 'lib/client/account/decide.ts',
        find: "if (consent === 'none') return 'show'",
        replace: "if (consent === 'none' && isTaken) return 'show'",
      },
    ],
    test: {
      file: 'lib/client/account/pending-upgrade.test.ts',
      name: "a session that appears outside > waits for the person's word",
    },
  },
  {
    attack:
      'Login CSRF: a session is planted between the confirmation of an account and the step that makes it current',
    defence: 'Each answer of the account server has to name the account that was confirmed',
    patches: [
      {
        file: 'lib/client/account/apply.ts',
        find: 'if (found.accountId !== accountId) throw',
        replace: 'if (found.accountId === null) throw',
      },
    ],
    test: {
      file: 'lib/client/account/pending-upgrade.test.ts',
      name: 'a session that appears outside > is another one right after the confirmation: what was said of one account is not done to another',
    },
  },
  {
    attack: "A pending intent is completed by a session of the attacker's account",
    defence: 'It completes by itself only for an account that has proven what the person typed',
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
    defence: 'The account has to have proven the address that the person typed',
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
    attack: 'The same, into an account that the link itself would make',
    defence: 'It is compared before the user is made, too',
    patches: [
      {
        file: plugin('hooks/users.ts'),
        find: "if (meets === 'mismatch') throw refusal('PROOF_IDENTIFIER_MISMATCH')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: plugin('hooks/sign-in-routes.test.ts'),
      name: "SQLite > magic link > for somebody else's address, leaves neither user nor session",
    },
  },
  {
    attack: "A lure to the app's own verification page, with the attacker's token",
    defence: 'A link that is followed binds nothing unless the request says whom it expects',
    patches: [
      {
        file: plugin('hooks/request-context.ts'),
        find: "if (expected == null) return isFollowedLink(ctx) ? 'unsaid' : 'yes'",
        replace: "if (expected == null) return 'yes'",
      },
    ],
    test: {
      file: plugin('hooks/sign-in-routes.test.ts'),
      name: 'SQLite > magic link > fetched by a device that says nothing of whom it expects, binds nothing',
    },
  },
  {
    attack: "A victim approves the attacker's device, which polls with a proof of its own",
    defence: 'Device authorization never binds',
    patches: [{ file: plugin('hooks/users.ts'), find: " || ctx.path?.startsWith('/device/')", replace: '' }],
    test: {
      file: plugin('attacks.test.ts'),
      name: 'SQLite > a device that polls for an approval binds no account of whoever approves',
    },
  },

  // Pre-hijack
  hijack('/magic-link/verify'),
  hijack('/verify-email'),
  hijack('/sign-in/email-otp'),
  hijack('/email-otp/verify-email'),
  hijack('/email-otp/reset-password'),
  hijack('/reset-password', {
    file: plugin('hooks/password-reset.ts'),
    find: 'if (user) await proveMailbox(adapter, user, (await provenDevice(ctx))?.principal ?? NOBODY, now)',
    replace: 'if (user) return',
  }),
  {
    attack: "Pre-hijack, then the victim's sign-in through a provider that proves the address",
    defence:
      'The first proof of a mailbox takes the account from whichever principal was bound while the address was unverified',
    patches: [mailboxUnnoticed],
    test: {
      file: plugin('hooks/oauth.test.ts'),
      name: 'SQLite > a provider that proves the mailbox of an unverified local account > takes it from the principal that made it',
    },
  },
  {
    attack: "Pre-hijack, and the victim's own device signs the request that proves the mailbox",
    defence: "Only the bound principal's own key keeps the binding",
    patches: [
      { file: plugin('binding/verified-email.ts'), find: 'prover === user.principal', replace: 'prover !== NOBODY' },
    ],
    test: {
      file: plugin('hooks/verified-email.test.ts'),
      name: 'SQLite > the first proof of a mailbox by /magic-link/verify > signed by another device, takes it all the same, and binds that one to nothing',
    },
  },
  {
    attack: 'Pre-hijack of an open account: the attacker can still enter it with the password',
    defence: 'A mailbox proof binds only where every earlier way in is gone',
    patches: [
      {
        file: plugin('hooks/sign-in.ts'),
        find: '!(await mayTakeOver(ctx, user, session.token))',
        replace: '!mayTakeOver',
      },
    ],
    test: {
      file: plugin('hooks/verified-email.test.ts'),
      name: 'SQLite > a mailbox proof binds no account that somebody else could still enter',
    },
  },
  {
    attack: 'Pre-hijack of an open account, whose mailbox the victim proved before signing in',
    defence: 'A mailbox that was ever proven binds only where every earlier way in is gone',
    patches: [
      {
        file: plugin('hooks/sign-in.ts'),
        find: '!(await mayTakeOver(ctx, user, session.token))',
        replace: '(requestContextOf(ctx).provedMailbox === true && !(await mayTakeOver(ctx, user, session.token)))',
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > an account that was made with the victim's address, whose mailbox was proven without a proof > is not bound by the next sign-in, after a verification mail was followed",
    },
  },
  {
    attack: "An account is moved to the victim's address, and the victim signs in",
    defence: 'A change of address proves a mailbox for nobody',
    patches: [{ file: plugin('hooks/users.ts'), find: 'principalMailboxBy: MOVED, ...', replace: '...' }],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > an account whose address was changed to the victim's > is not bound by the victim's sign-in, nor by bind",
    },
  },
  {
    attack: "An account is moved to the victim's address, and the victim adopts it",
    defence: 'An account whose address was changed links only where every earlier way in is gone',
    patches: [
      {
        file: plugin('hooks/handover.ts'),
        find: 'user.principalMailboxBy === MOVED ||',
        replace: 'user.id === MOVED ||',
      },
    ],
    test: {
      file: plugin('hooks/verified-email-sequences.test.ts'),
      name: "SQLite > an account whose address was changed to the victim's > links nothing of the victim's",
    },
  },
  {
    attack:
      "Pre-hijack by the victim's address; the victim opens the mailed link in a browser without a session, and signs in later",
    defence:
      "A binding that a plain verification contests is reset when a session asks that the maker's key or credentials did not make",
    patches: [
      {
        file: plugin('binding/verified-email.ts'),
        find: 'if (!asking || isMakers(asking, user)) return user',
        replace: 'if (!asking || isMakers(asking, user) || now) return user',
      },
    ],
    test: {
      file: plugin('hooks/honest-verification.test.ts'),
      name: 'SQLite > takes the account from a maker who used the address of somebody else > the victim opens the link, and enters by a magic link',
    },
  },
  {
    attack: "The same, and the victim then adopts her device's data into the account",
    defence: 'The session that resets a contested binding counts as one that came from the first proof',
    patches: [
      {
        file: plugin('binding/verified-email.ts'),
        find: 'await noteHandover(adapter, asking.id, now)',
        replace: 'void noteHandover',
      },
    ],
    test: {
      file: plugin('hooks/honest-verification.test.ts'),
      name: 'SQLite > takes the account from a maker who used the address of somebody else > the victim opens the link, and enters by a magic link',
    },
  },
  {
    attack: 'The maker plants a session, made with the password, in the browser in which the victim opens the link',
    defence: "Only a session that the principal's key made confirms a binding",
    patches: [
      {
        file: plugin('hooks/sign-in-origin.ts'),
        find: "return principalVia != null && principalVia === found?.user['principal'] ? principalVia : null",
        replace: "return principalVia != null ? String(found?.user['principal']) : null",
      },
    ],
    test: {
      file: plugin('hooks/honest-verification.test.ts'),
      name: 'SQLite > takes the account from a maker who used the address of somebody else > a session that the maker planted without the key confirms nothing',
    },
  },
  {
    attack: "Pre-hijack by the victim's address, with an API key left behind in the account",
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
      name: 'SQLite > the first proof of a mailbox binds no account that its maker can still use > by an API key of @better-auth/api-key',
    },
  },
  {
    attack: "Pre-hijack by the victim's address, with an API key outside the database",
    defence: 'The secondary storage is searched, too',
    patches: [{ file: plugin('hooks/credentials.ts'), find: 'if (found != null) return true', replace: UNCHECKED }],
    test: {
      file: plugin('hooks/untouched.test.ts'),
      name: 'SQLite > the first proof of a mailbox binds no account that its maker can still use > by an API key that is kept in a secondary storage only',
    },
  },
  {
    attack: "An admin makes a user whose id is a device's principal",
    defence: "An id that a request chose must not have a principal's form",
    patches: [{ file: plugin('hooks/users.ts'), find: 'hasPrincipalForm(String(id)) || ', replace: '' }],
    test: {
      file: plugin('hooks/user-id.test.ts'),
      name: "SQLite > a user's id chosen by an admin > is never a device's principal",
    },
  },
  {
    attack: 'An admin makes a user with the id of a deleted one',
    defence: "Deleted users' ids stand in the lock, and an id that a request chose must not",
    patches: [
      { file: plugin('hooks/users.ts'), find: ' || (await findRow(await adapterOf(tools), String(id)))', replace: '' },
    ],
    test: {
      file: plugin('hooks/user-id.test.ts'),
      name: "SQLite > a user's id chosen by an admin > is never the id of a deleted user",
    },
  },
  {
    attack: "A user whose id is a device's principal comes into the database past the hooks",
    defence: "An id of a principal's form is never told as one",
    patches: [
      { file: plugin('binding/subject.ts'), find: 'if (!isOwn || hasPrincipalForm(id))', replace: 'if (!isOwn)' },
    ],
    test: {
      file: plugin('hooks/user-id.test.ts'),
      name: "SQLite > a user that got into the database past the hooks > is nobody if its id has a principal's form",
    },
  },
  {
    attack: "A deleted user's id comes into the database again",
    defence: 'A retired id is never told as a principal',
    patches: [
      {
        file: plugin('binding/subject.ts'),
        find: "(row.userId === id && row.kind !== 'retired')",
        replace: 'row.userId === id',
      },
    ],
    test: {
      file: plugin('hooks/user-id.test.ts'),
      name: 'SQLite > a user that got into the database past the hooks > is nobody if its id was a deleted user, also one that was never looked at',
    },
  },
  {
    attack: 'A user whose id the lock gives to another account',
    defence: 'The row of the id has to name the user',
    patches: [
      {
        file: plugin('binding/subject.ts'),
        find: "(row.userId === id && row.kind !== 'retired')",
        replace: "row.kind !== 'retired'",
      },
    ],
    test: {
      file: plugin('hooks/user-id.test.ts'),
      name: 'SQLite > a user that got into the database past the hooks > is nobody if the lock gives its id to another user',
    },
  },
  {
    attack: 'A revoked session asks who the account is now, by its cached cookie',
    defence: 'The subject is told behind every cookie cache',
    patches: [
      {
        file: plugin('routes/session.ts'),
        find: 'import { createAuthEndpoint, getAuthoritativeSessionFromCtx }',
        replace: 'import { createAuthEndpoint, getAuthoritativeSessionFromCtx, getSessionFromCtx }',
      },
      {
        file: plugin('routes/session.ts'),
        find: 'const found = await getAuthoritativeSessionFromCtx(ctx)',
        replace: 'const found = await getSessionFromCtx(ctx)',
      },
    ],
    test: {
      file: plugin('routes/cached-session.test.ts'),
      name: 'SQLite > a session that was revoked while its cookie still says who it was > is told no subject',
    },
  },
  {
    attack: 'A revoked session asks for a token, by its cached cookie',
    defence: 'A token is made only for a session that is still there',
    patches: [
      {
        file: plugin('jwt.ts'),
        find: '(await internalAdapter.findSession(session.token)) !== null',
        replace: "internalAdapter !== null && session.token !== ''",
      },
    ],
    test: {
      file: plugin('routes/cached-session.test.ts'),
      name: 'SQLite > a session that was revoked while its cookie still says who it was > gets no token',
    },
  },
  {
    attack: 'The same, by `bind` after the link was opened',
    defence: '`bind` looks for earlier ways in, too',
    patches: [
      {
        file: plugin('routes/bind.ts'),
        find: "if (!(await mayTakeOver(ctx, user, session.token))) throw refusal('ACCOUNT_HANDED_OVER')",
        replace: 'void mayTakeOver',
      },
    ],
    test: {
      file: plugin('routes/bind.test.ts'),
      name: 'SQLite > bind > after a link that handed the account over: refused while its maker could still enter it',
    },
  },
  {
    attack: 'The reset is abused: a later link from a second laptop detaches the legitimate user',
    defence: 'A mailbox that was proven once resets nothing any more',
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
    attack: 'The reset is abused: a token for a password that is no longer good',
    defence: "The token's end is looked at before anything changes",
    patches: [
      {
        file: plugin('hooks/password-reset.ts'),
        find: 'if (!verification || verification.expiresAt < new Date()) return',
        replace: 'if (!verification) return',
      },
    ],
    test: {
      file: plugin('hooks/verified-email.test.ts'),
      name: 'SQLite > a token for a password that is no longer good resets nothing',
    },
  },

  // OAuth
  {
    attack: "An OAuth start is handed over to a victim, or its state swapped for the victim's",
    defence: 'Better Auth refuses it by the state cookie; where it is told not to, the callback binds nothing',
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
    defence: 'A reservation is entered again by its key, at any time',
    patches: [
      {
        file: plugin('binding/principal-store.ts'),
        find: "if ((await holderOf(adapter, row)) !== 'nobody') throw taken()",
        replace:
          "if ((await holderOf(adapter, row)) !== 'nobody' || (row.until !== null && row.until > now)) throw taken()",
      },
    ],
    test: {
      file: plugin('attacks.test.ts'),
      name: 'SQLite > a principal that an attacker reserves with a stolen proof, and never uses, stays with its key at once',
    },
  },
  {
    attack: 'Squatting: another key with the same principal waits until a reservation lapses',
    defence: 'The whole thumbprint is stored and compared',
    patches: [
      {
        file: plugin('binding/principal-store.ts'),
        find: 'row.thumbprint !== thumbprint || (isKept(row, now)',
        replace: '(isKept(row, now)',
      },
    ],
    test: {
      file: plugin('hooks/lifecycle.test.ts'),
      name: 'SQLite > a reservation > is no use to another key, however long ago it was',
    },
  },
  {
    attack: 'A server stalls past its reservation, and writes its user after somebody else began',
    defence: 'The user carries the epoch of its reservation, and counts in that epoch only',
    patches: [
      {
        file: plugin('binding/principal-store.ts'),
        find: "if (row.kind === 'retired' || row.kind === 'held' || row.epoch !== user.principalEpoch) return false",
        replace: "if (row.kind === 'retired' || row.kind === 'held') return false",
      },
    ],
    test: {
      file: plugin('hooks/lifecycle.test.ts'),
      name: 'SQLite > a reservation > that a stalled server comes back to after it lapsed gives its user no principal',
    },
  },
  {
    attack: 'The same, with the epoch of the lapsed reservation still in force',
    defence: 'A lapsed epoch is never used again',
    patches: [
      {
        file: plugin('binding/principal-store.ts'),
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
    defence: 'The UPDATE that binds asks that the account is still open',
    patches: openUnchecked,
    test: {
      file: plugin('binding/race.test.ts'),
      name: 'several processes on a SQLite file > several principals, and one open account: it has one of them, and keeps it',
    },
  },
  {
    attack: 'Two principals for one account: binds in two processes, on Postgres',
    defence: 'The UPDATE that binds asks that the account is still open',
    patches: openUnchecked,
    test: {
      file: plugin('binding/race.test.ts'),
      name: 'several processes on Postgres > several principals, and one open account: it has one of them, and keeps it',
    },
  },
  {
    attack: 'A bind races a link of the same principal, and the server that links stalls in between, on Postgres',
    defence: 'A row that changed since it was read takes no principal from an account',
    patches: [
      {
        file: plugin('binding/principal-store.ts'),
        find: 'if (present?.epoch !== row.epoch || present.kind !== row.kind || isCurrent(present, user)) throw taken()',
        replace: 'if (present !== null && isCurrent(row, user)) throw taken()',
      },
    ],
    test: {
      file: plugin('routes/adopt-race.test.ts'),
      name: 'several processes on Postgres adopt and undo > a link out of a released one, while the same principal is bound',
    },
  },
  {
    attack: 'A sign-up races a link of the same principal, and the server that links stalls in between, on Postgres',
    defence: 'Who takes a row over looks for a user that came first, and gives way',
    patches: [
      {
        file: plugin('binding/principal-store.ts'),
        find: "const isFree = !(await findUser(trx, 'principal', row.principal))",
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
    defence: "The first use closes the account, and the bind's UPDATE asks for an open one",
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
        find: 'await changeOpenUser(adapter, user.id, { principalOpen: false })',
        replace: UNCHECKED,
      },
    ],
    test: {
      file: plugin('routes/bind.test.ts'),
      name: 'SQLite > bind > an account that was used is fixed, and a look with `peek` is no use',
    },
  },
  {
    attack: 'A principal freed by deletion',
    defence: 'A row that names a user who is gone keeps its principal for ever',
    patches: [
      {
        file: plugin('binding/principal-store.ts'),
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
    defence: 'Once the account can be recovered, its device key is no way in',
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
    attack: 'The same, at a server that cannot look it up',
    defence: 'A resolver without a lookup fails at construction, unless it says that it allows this',
    patches: [
      {
        file: 'lib/server/sources/local-first.ts',
        find: "if (!lookup && afterUpgrade !== 'allow') throw new TypeError(\"localFirst: give a `lookup`, or say afterUpgrade: 'allow'\")",
        replace: 'void afterUpgrade',
      },
    ],
    test: {
      file: 'lib/server/resolver.test.ts',
      name: 'createSessionResolver > wants a lookup, or to be told that the device key stays a way in',
    },
  },
  {
    attack: 'A revoked device key',
    defence: 'A look at a principal asks for its key, too',
    patches: [
      { file: plugin('binding/status.ts'), find: ' || (await isRevokedKey(adapter, thumbprint))', replace: '' },
    ],
    test: {
      file: plugin('hooks/lifecycle.test.ts'),
      name: 'SQLite > a key that was revoked stays so, whatever becomes of the account',
    },
  },
  {
    attack: 'A bind in a session that was stolen long ago',
    defence: '`bind` needs a fresh session',
    patches: [
      {
        file: plugin('routes/endpoint.ts'),
        find: 'if (sessionConfig.freshAge !== 0 && age >= sessionConfig.freshAge * 1000) {',
        replace: 'if (sessionConfig.freshAge !== 0 && age < 0) {',
      },
    ],
    test: { file: plugin('routes/bind.test.ts'), name: 'SQLite > bind > is refused in a session that is old' },
  },

  // Fields and users of others
  {
    attack: 'A principal in the body of a sign-up',
    defence: 'The field takes no input, and the hook that makes users overwrites it (two layers)',
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
    test: { file: plugin('attacks.test.ts'), name: "SQLite > a principal in the body of a sign-up is nobody's" },
  },
  {
    attack: 'A principal in the body of a bind',
    defence: 'The device is what the proof says',
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
    attack: 'A principal that an admin gives to a new user',
    defence: "The hook that makes users overwrites the plugin's columns",
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
    attack: 'A principal that an admin gives to a user',
    defence: "The hook that changes users refuses the plugin's columns",
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
    attack: 'An admin makes a user with a proof of their own device',
    defence: 'Users whom an admin makes are never bound',
    patches: [
      {
        file: plugin('hooks/users.ts'),
        find: "return ctx?.path?.startsWith('/admin/') === true",
        replace: 'return ctx?.path === undefined',
      },
    ],
    test: {
      file: plugin('hooks/upgrade.test.ts'),
      name: 'SQLite > never bound by a header > a user that an admin makes, whatever the admin passes',
    },
  },
  {
    attack: 'An admin binds from a look into the account',
    defence: 'An impersonated session binds nothing',
    patches: [
      {
        file: plugin('routes/nonce.ts'),
        find: ' || Boolean((session.session as { impersonatedBy?: unknown }).impersonatedBy)',
        replace: '',
      },
    ],
    test: {
      file: plugin('routes/bind.test.ts'),
      name: "SQLite > bind > never binds from an admin's look into the account",
    },
  },
  {
    attack: 'A principal wasted on a user of the anonymous plugin',
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
    attack: 'The session of a sign-in whose binding failed is kept',
    defence: 'The session ends before the error is answered',
    patches: [
      {
        file: plugin('hooks/sign-in.ts'),
        find: 'await endSession(ctx, newSession.session.token)',
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
    defence: 'A sign-in counts once the second factor is there',
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
    attack: 'A synthetic user, where an address has an account and verification is required',
    defence: 'A principal is reserved only by the hook that makes a real user',
    patches: [
      {
        file: plugin('plugin.ts'),
        find: 'requestContextOf({ headers }).device = device',
        replace:
          "requestContextOf({ headers }).device = device\n  await (await import('./binding/principal-store.ts')).reserve(context.adapter, device, new Date())",
      },
    ],
    test: {
      file: plugin('hooks/sign-in-routes.test.ts'),
      name: 'SQLite > e-mail and password with required verification > an address that has an account already answers the same, and binds nothing',
    },
  },
  {
    attack: 'A refusal that looks like success, where verification is required',
    defence: 'It is a 409: Better Auth answers a synthetic user for a 403',
    patches: [
      {
        file: 'lib/error-table.ts',
        find: "PRINCIPAL_TAKEN: refused('The principal belongs to another account, or was retired.', 409)",
        replace: "PRINCIPAL_TAKEN: refused('The principal belongs to another account, or was retired.', 403)",
      },
    ],
    test: {
      file: plugin('hooks/sign-in-routes.test.ts'),
      name: 'SQLite > e-mail and password with required verification > a principal that is taken makes no user',
    },
  },

  // Crashes
  {
    attack: 'The server is killed in the middle of a sign-up',
    defence: 'The INSERT that makes the user binds it',
    patches: [
      { file: plugin('hooks/users.ts'), find: 'requestContextOf(ctx).createdUser = true', replace: UNCHECKED },
      {
        file: plugin('hooks/users.ts'),
        find: 'return { principal: device.principal, principalOpen: false, principalEpoch: epoch, ...mailbox }',
        replace:
          "return { principal: epoch === '' ? '' : null, principalOpen: true, principalEpoch: null, ...mailbox }",
      },
    ],
    test: {
      file: plugin('binding/crash.test.ts'),
      name: 'a server on a SQLite file dies in > a sign-up: the user has its binding or there is none, and the device can try again',
    },
  },
  {
    attack: 'The server is killed in the middle of the first look',
    defence: 'The lock row changes last: until then the next look writes down what is missing',
    patches: [
      {
        file: plugin('binding/subject.ts'),
        find: "await audit(adapter, 'bind', { ...row, userId: user.id }, now)\n",
        replace: '\n',
      },
      {
        file: plugin('binding/subject.ts'),
        find: "{ kind: 'canonical', userId: user.id, until: null })\n",
        replace:
          "{ kind: 'canonical', userId: user.id, until: null })\n  await audit(adapter, 'bind', { ...row, userId: user.id }, now)\n",
      },
    ],
    test: {
      file: plugin('binding/crash.test.ts'),
      name: 'a server on a SQLite file dies in > the first look at an account: whoever looks next completes the binding',
    },
  },
  {
    attack: 'The server is killed in the middle of a deletion',
    defence: 'The lock row names the user before the user goes',
    patches: [
      {
        file: plugin('binding/retire.ts'),
        find: "if (row?.kind === 'reserved' && isCurrent(row, user)) await confirm(adapter, user, row, now)",
        replace: 'void [row, confirm, now]',
      },
    ],
    test: {
      file: plugin('binding/crash.test.ts'),
      name: 'a server on a SQLite file dies in > a deletion: the account is there with its principal, or nobody ever has that again',
    },
  },
  {
    attack: 'The server is killed in the middle of a reset',
    defence: 'Who proved the mailbox is in the UPDATE that verifies it, and every look completes the reset',
    patches: [
      {
        file: plugin('binding/subject.ts'),
        find: 'await settleMailbox(adapter, (await pinned(adapter, found)) ?? found, now, asking)',
        replace: 'await pinned(adapter, found)',
      },
    ],
    test: {
      file: plugin('binding/crash.test.ts'),
      name: 'a server on a SQLite file dies in > a reset: the account keeps no principal of whoever made it',
    },
  },

  // Adoption
  {
    attack: "A stolen link proof, in the attacker's account",
    defence: 'A link proof names the account that it is for',
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
    attack: 'A link with a nonce that was issued for another act',
    defence: 'A nonce is issued for one act',
    patches: [
      {
        file: 'lib/server/bindings/challenges.ts',
        find: 'JSON.stringify([head, purpose, session])',
        replace: 'JSON.stringify([head, session])',
      },
    ],
    test: { file: plugin('routes/link.test.ts'), name: 'SQLite > link > is refused with a nonce for another act' },
  },
  {
    attack: 'A principal that is an alias of one account is linked to another',
    defence: 'One row for each principal, whatever it is to its account',
    patches: [
      {
        file: plugin('binding/principal-store.ts'),
        find: "if ((await holderOf(adapter, row)) !== 'nobody') throw taken()",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: plugin('routes/link.test.ts'),
      name: 'SQLite > link > is refused where the principal is an alias of another account',
    },
  },
  {
    attack: 'An alias is taken away by its own key',
    defence: 'Only a fresh session of the account gives an alias up, with a nonce of its own',
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
    attack: 'An alias that was given up is bound by somebody else at once',
    defence: 'For thirty days only its account may have it',
    patches: [
      {
        file: plugin('binding/principal-store.ts'),
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
    attack: 'A hold is shaken off: a link that a crash left half done, and one that is refused after it',
    defence: 'A reservation that lasts as long as a hold goes back to being one',
    patches: [
      {
        file: plugin('binding/principal-store.ts'),
        find: "(row.kind === 'held' || row.until! > endOf(now))",
        replace: "row.kind === 'held'",
      },
    ],
    test: {
      file: plugin('routes/exchange-attacks.test.ts'),
      name: 'an alias that was given up > stays held where a server died in a link, and the next one was refused',
    },
  },

  // The exchange
  {
    attack: 'A device without an account passes for one, by a token that was exchanged for it',
    defence: 'A resolver believes `auth_mode` where it says less than an account',
    patches: [
      {
        file: 'lib/server/external/verifier.ts',
        find: "return mode === 'local-first' ? 'local-first' : 'external'",
        replace: "return mode === 0 ? 'local-first' : 'external'",
      },
    ],
    test: {
      file: plugin('routes/exchange-attacks.test.ts'),
      name: "what was exchanged for a device > is no account's, wherever it is verified: with its account it is",
    },
  },
  {
    attack: 'The same, at a server that takes no device without an account',
    defence: "`localFirst: 'deny'` is for what was exchanged, too",
    patches: [
      {
        file: plugin('resolver.ts'),
        find: "(localFirst === 'allow' || mode !== 'local-first')",
        replace: "(localFirst === 'allow' || mode !== 0)",
      },
    ],
    test: {
      file: plugin('routes/exchange-attacks.test.ts'),
      name: 'what was exchanged for a device > is not taken where devices without an account are not',
    },
  },
  {
    attack: 'The same, at another server that takes this one for a provider of accounts',
    defence: 'What says `auth_mode` `local-first` is no account of another provider',
    patches: [
      {
        file: 'lib/server/external/accounts.ts',
        find: "if (claims['auth_mode'] === 'local-first') throw new LatchkeyError('TOKEN_NOT_AN_ACCOUNT')",
        replace: UNCHECKED,
      },
    ],
    test: {
      file: plugin('routes/exchange-attacks.test.ts'),
      name: "what was exchanged for a device > is no account at another server, which takes this one's accounts",
    },
  },
  {
    attack:
      "An app that a user allowed to sign in with the account server (Better Auth's OAuth provider) presents its access token as the user's own session",
    defence:
      'Tokens of an issuer that runs Latchkey need the claim `auth_mode`, also where the app lists required claims of its own',
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
      file: plugin('oauth-provider.test.ts'),
      name: 'a token that @better-auth/oauth-provider gives a third party > is no session of the account: access_token',
    },
  },
  {
    attack: 'An ID token that the account server gave to such an app, as the session',
    defence:
      'Tokens of an issuer that runs Latchkey need the claim `auth_mode`, also where the app lists required claims of its own',
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
    defence: 'A token with `client_id`, `azp` or `scope` is no session, unless the app names that client',
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
    attack: "Such a third party's token, at another server that takes this one for a provider of accounts",
    defence: '`aliases` says that an issuer runs Latchkey, also where they are not taken',
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
    attack: 'An anonymous user of a provider, at an app that has a further rule for accounts',
    defence: 'What a preset checks is checked whatever the app adds',
    patches: [
      {
        file: 'lib/server/external/presets.ts',
        find: '(preset.isAccount?.(claims) ?? true) && (isAccount?.(claims) ?? true)',
        replace: '(isAccount ?? preset.isAccount ?? (() => true))(claims)',
      },
    ],
    test: {
      file: 'lib/server/external/presets.test.ts',
      name: 'a rule of its own of the app does not switch off what the preset checks',
    },
  },
  {
    attack: 'A logout token, a security event or a DPoP proof of the issuer, as a session',
    defence: 'Only the types `JWT` and `at+jwt`, and none, unless the app names another',
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
    attack: "A foreign issuer names a device's principal as its subject",
    defence:
      "Where device keys are accepted, a subject in the form of a device's principal is refused from any issuer that does not run Latchkey",
    patches: [
      {
        file: 'lib/server/external/principals.ts',
        find: 'hasPrincipalForm(subject)) throw',
        replace: "hasPrincipalForm('')) throw",
      },
    ],
    test: {
      file: 'lib/server/external/issuers.test.ts',
      name: 'what else a token must say > a subject that is no device principal, where device keys are accepted as well > e3758389-5e50-8372-aa8e-6797750a7a44 of an issuer without devices',
    },
  },
  {
    attack: 'A token of the exchange is exchanged again, for ever',
    defence: "This server's own `iss` is no issuer to it, under whichever entry",
    patches: [
      {
        file: plugin('routes/token.ts'),
        find: "if (claims['iss'] === issuerOf(context)) throw",
        replace: "if (claims['iss'] === '') throw",
      },
    ],
    test: {
      file: plugin('routes/exchange-attacks.test.ts'),
      name: 'its own output goes round nowhere, though the server is told to take its own issuer',
    },
  },
  {
    attack: 'A user of the anonymous plugin gets a token that says account',
    defence: 'The exchange takes no session of such a user',
    patches: [
      {
        file: plugin('routes/token.ts'),
        find: "if (!found || found.user['isAnonymous'] === true) throw",
        replace: 'if (!found) throw',
      },
    ],
    test: {
      file: plugin('routes/exchange-attacks.test.ts'),
      name: 'a user of the anonymous plugin is no account: not to the exchange, and not by a token of the session',
    },
  },
  {
    attack: 'The same, by the token of the session',
    defence: 'It says `is_anonymous`, and resolvers refuse that as an account',
    patches: [
      {
        file: plugin('jwt.ts'),
        find: "...(session.user['isAnonymous'] === true && { is_anonymous: true }),",
        replace: '',
      },
    ],
    test: {
      file: plugin('routes/exchange-attacks.test.ts'),
      name: 'a user of the anonymous plugin is no account: not to the exchange, and not by a token of the session',
    },
  },
  {
    attack: 'A token for an audience that the server never heard of',
    defence: 'Audiences are a list',
    patches: [
      {
        file: plugin('routes/token-request.ts'),
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
    attack: 'A Host header has the discovery document name keys of the attacker',
    defence: 'Its addresses are those of the configuration',
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
    defence: 'A nonce is issued for one account of the provider',
    patches: [
      {
        file: 'lib/server/bindings/binder.ts',
        find: "challenges.check(nonce, 'bind', nameOf(account))",
        replace: "challenges.check(nonce, 'bind', JSON.stringify([account.issuer, 'eve']))",
      },
      {
        file: 'lib/server/bindings/binder.ts',
        find: "challenges.issue('bind', nameOf(await accounts.verify(token)))",
        replace: "challenges.issue('bind', JSON.stringify([(await accounts.verify(token)).issuer, 'eve']))",
      },
    ],
    test: {
      file: 'lib/server/bindings/binder.test.ts',
      name: 'an account of another provider > is not bound by a nonce of another account',
    },
  },

  {
    attack: 'Proofs that were signed ahead of time, on a device with a clock that is ahead',
    defence: 'With `requireNonce` every proof needs a nonce of the server',
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
      name: 'a server that wants a nonce in every proof > refuses proofs that were signed ahead of time, without one',
    },
  },
  {
    attack: 'One such nonce, in two proofs',
    defence: 'It is used up',
    patches: [
      {
        file: plugin('hooks/proofs.ts'),
        find: 'if (until) await useOnce(adapter, nonceName',
        replace: 'if (until && !claims.nonce) await useOnce(adapter, nonceName',
      },
    ],
    test: {
      file: plugin('routes/require-nonce.test.ts'),
      name: 'a server that wants a nonce in every proof > uses a nonce up',
    },
  },

  {
    attack: 'A live view of before the undo, read on by the account through the sync engine',
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
      name: 'a list that is open on two devices before an undo has nothing of what the freed identity writes afterwards',
    },
  },

  {
    attack: "A claim of the app's own that makes an exchanged token another client's",
    defence: 'Names that say for whom else a token is are reserved',
    patches: [
      {
        file: plugin('exchange.ts'),
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
    attack: 'A JSON body with a member twice: one for the filter in front, one for the exchange',
    defence: 'Each body is read for duplicate members before it is parsed',
    patches: [
      { file: plugin('routes/body-limit.ts'), find: 'isJson(request) && hasMemberTwice(body)', replace: 'false' },
    ],
    test: {
      file: plugin('routes/exchange-attacks.test.ts'),
      name: 'a body that was made to confuse > with a member twice, in two spellings is a bad request',
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
      name: 'a request > with the method TRACE is answered as none of another method',
    },
  },
  {
    attack: "A binder's route at another path, which the server in front does not guard",
    defence: 'It answers only under the path of its audience',
    patches: [
      {
        file: 'lib/server/bindings/binder-handler.ts',
        find: 'if (!ROUTES.some((route) => pathname === `${base}${route}`)) return notFound()',
        replace: UNCHECKED,
      },
      {
        file: 'lib/server/bindings/binder-handler.ts',
        find: 'pathname.slice(base.length)',
        replace: "pathname.slice(pathname.lastIndexOf('/'))",
      },
    ],
    test: {
      file: 'adapters/account/account.test.ts',
      name: 'the handler > answers at the path of the audience, and at no other path that ends alike',
    },
  },

  {
    attack: 'A credential that a middleware in front took out of the headers',
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
      name: 'what a middleware before it took out of the headers, or put in, counts',
    },
  },

  {
    attack: 'A bearer token behind the credentials of another scheme, in one header',
    defence: 'Only a header without any bearer in it is for another scheme',
    patches: [
      { file: 'lib/server/resolver.ts', find: ' && !/(^|,)\\s*bearer(?![\\w-])/i.test(authorization)', replace: '' },
    ],
    test: {
      file: 'lib/server/resolver.test.ts',
      name: 'an Authorization header > with another scheme beside is malformed, even where anonymous is allowed',
    },
  },

  {
    attack: 'Another user of the machine, reading the database of a server in an open folder',
    defence: 'Its files are for the owner only, whatever the folder',
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
    attack: 'A body without an end, to a binder',
    defence: 'It is read as far as the limit',
    patches: [{ file: 'lib/server/bounded-body.ts', find: 'if (size > limit) return null', replace: UNCHECKED }],
    test: {
      file: 'adapters/account/account.test.ts',
      name: 'the handler > reads no body to its end that is too long, whatever its length was said to be',
    },
  },
  {
    attack: 'A body without an end, to a server whose base URL has a path',
    defence: "The plugin's paths are those under the base URL",
    patches: [{ file: plugin('plugin.ts'), find: 'new URL(baseURL).pathname.replace', replace: "'/api/auth'.replace" }],
    test: {
      file: plugin('routes/exchange-attacks.test.ts'),
      name: 'a body that was made to confuse > is not read to its end where the base URL has a path of its own either',
    },
  },
  {
    attack: 'A flood of challenges and binds from one address',
    defence: 'Twenty a minute',
    patches: [{ file: plugin('plugin.ts'), find: 'window: 60, max: 20 }', replace: 'window: 60, max: 2000 }' }],
    test: { file: plugin('routes/limits.test.ts'), name: 'limits > /latchkey/bind: 20 a minute from one address' },
  },
  {
    attack: 'A proof too large to be parsed',
    defence: '4 KiB, before any parsing',
    patches: [{ file: VERIFY, find: 'const SIZE_LIMIT = 4096', replace: 'const SIZE_LIMIT = 4096 ** 2' }],
    test: { file: plugin('routes/limits.test.ts'), name: 'limits > a proof over 4 KiB is refused before it is parsed' },
  },
]
