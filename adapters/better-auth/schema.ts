import type { BetterAuthPlugin } from 'better-auth'

type Tables = NonNullable<BetterAuthPlugin['schema']>

/** The plugin's tables. The one field that clients see is typed, so that `session.user.principal` is typed too. */
export interface LatchkeySchema extends Tables {
  readonly session: {
    readonly fields: {
      readonly principalVia: VisibleField<'string'>
      readonly pairedBy: VisibleField<'string'>
      readonly pairedByDevice: VisibleField<'string'>
      readonly sid: VisibleField<'string'>
      readonly deviceTag: VisibleField<'string'>
      readonly deviceName: VisibleField<'string'>
    }
  }
  readonly user: {
    readonly fields: {
      readonly principal: {
        readonly type: 'string'
        readonly required: false
        readonly unique: true
        readonly input: false
      }
      readonly principalOpen: HiddenField<'boolean'>
      readonly principalEpoch: HiddenField<'string'>
      readonly principalMailbox: HiddenField<'string'>
      readonly principalMailboxBy: HiddenField<'string'>
      readonly principalMailboxAt: HiddenField<'date'>
    }
  }
}

interface VisibleField<Type> {
  readonly type: Type
  readonly input: false
  readonly required: false
  readonly index?: true
}

interface HiddenField<Type> {
  readonly type: Type
  readonly input: false
  readonly returned: false
  readonly required: false
}

const hidden = { input: false, returned: false, required: false } as const

/**
 * The plugin's additions to the database.
 *
 * `latchkeyPrincipal` is the lock: a principal has one row, whatever it is used for, and the row outlives its user. So
 * nothing here references `user`.
 */
export const schema: LatchkeySchema = {
  session: {
    fields: {
      /**
       * Origin of the session: the principal whose key signed the sign-in, `credential` (a password, a passkey), both
       * with a colon between them, `begun:` and the principal whose key began it elsewhere (in an app), or null (a
       * mail, a redirect).
       */
      principalVia: { type: 'string', required: false, input: false },
      /** The id of the session that approved this one by pairing; null after every other sign-in. */
      pairedBy: { type: 'string', required: false, input: false },
      /** The id of that session's device, whose later sessions are other ones. */
      pairedByDevice: { type: 'string', required: false, input: false },
      /** Claim `sid` of the session's tokens, from the first token on: servers find the session by it. */
      sid: { type: 'string', required: false, input: false, index: true },
      /** Equal in successive sessions of one installation; null while that cannot be told. */
      deviceTag: { type: 'string', required: false, input: false },
      /** The name that the user gave the device. */
      deviceName: { type: 'string', required: false, input: false },
    },
  },
  user: {
    fields: {
      /** The canonical principal; valid only while its lock row names this user. */
      principal: { type: 'string', required: false, unique: true, input: false },
      /** True until the first use fixes `sub`; with a principal, after a sign-up that gave no session. */
      principalOpen: { type: 'boolean', ...hidden },
      /** Changes with every new binding; lock rows of another epoch are no longer valid. */
      principalEpoch: { type: 'string', ...hidden },
      /**
       * The e-mail address that was proven, before the binding or since; other addresses of the user are not proven.
       */
      principalMailbox: { type: 'string', ...hidden },
      /**
       * Who proved a mailbox after the user was created: the principal whose key signed the same request, or a value of
       * `verified-email.ts`, such as `nobody`.
       */
      principalMailboxBy: { type: 'string', ...hidden },
      /** When a mailbox was last proven after the user was made. */
      principalMailboxAt: { type: 'date', ...hidden },
    },
  },
  latchkeyPrincipal: {
    fields: {
      principal: { type: 'string', required: true, unique: true },
      /** Of the public key, complete; null for a user id that is kept as an alias. */
      thumbprint: { type: 'string', required: false },
      userId: { type: 'string', required: false, index: true },
      /** Of an account of another provider, which is not a user here. */
      issuer: { type: 'string', required: false, index: true },
      subject: { type: 'string', required: false },
      kind: { type: 'string', required: true },
      epoch: { type: 'string', required: true },
      /** Expiry of a reservation or a hold. */
      until: { type: 'date', required: false },
    },
  },
  latchkeyKey: {
    fields: {
      thumbprint: { type: 'string', required: true, unique: true },
      principal: { type: 'string', required: true, index: true },
      name: { type: 'string', required: false },
      createdAt: { type: 'date', required: true },
      lastSeenAt: { type: 'date', required: false },
      retiredAt: { type: 'date', required: false },
    },
  },
  latchkeyProof: {
    fields: {
      jti: { type: 'string', required: true, unique: true },
      until: { type: 'date', required: true, index: true },
    },
  },
  latchkeyGrant: {
    fields: {
      /** SHA-256 of the grant, which only the new device has. */
      hash: { type: 'string', required: true, unique: true },
      userId: { type: 'string', required: true, index: true },
      /** Of the user's binding when the device was approved; null if it has none. */
      principalEpoch: { type: 'string', required: false },
      /** The id of the session that approved the device. */
      approverSession: { type: 'string', required: true },
      /** Of the key of the device that may use the grant. */
      thumbprint: { type: 'string', required: true },
      expiresAt: { type: 'date', required: true, index: true },
    },
  },
  latchkeyRendezvous: {
    fields: {
      /** 32 random bytes that both devices derive from the code; base64url. */
      channel: { type: 'string', required: true, unique: true },
      seq: { type: 'number', required: true },
      /** Cipher text, which only the two devices can open. */
      data: { type: 'string', required: true },
      /** Of the writer, and of the one before: distinguishes a repeated request from a second writer. */
      tx: { type: 'string', required: true },
      until: { type: 'date', required: true, index: true },
      /** True once a second party tried to write a message that was there. */
      isContested: { type: 'boolean', required: true },
    },
  },
  latchkeyBackup: {
    fields: {
      /** SHA-256 of the locator, in base64url. Once removed, an id follows, and the locator is free again. */
      locator: { type: 'string', required: true, unique: true },
      principal: { type: 'string', required: true, index: true },
      /** The device secret, sealed for a passkey. */
      envelope: { type: 'string', required: true },
      /** Of an identity without an account: its client's address on that day, which only the server can recognize. */
      origin: { type: 'string', required: false, index: true },
      createdAt: { type: 'date', required: true },
      /** Of an identity without an account: when it expires. */
      until: { type: 'date', required: false, index: true },
      /** It is kept for 30 days more. */
      removedAt: { type: 'date', required: false, index: true },
    },
  },
  latchkeyAudit: {
    fields: {
      /** Act, principal and epoch: writing the same act twice leaves one row. */
      act: { type: 'string', required: true, unique: true },
      principal: { type: 'string', required: true, index: true },
      userId: { type: 'string', required: false, index: true },
      createdAt: { type: 'date', required: true },
    },
  },
}

/** A row of the lock. */
export interface PrincipalRow {
  readonly principal: string
  readonly thumbprint: string | null
  readonly userId: string | null
  /** Of an account of another provider. */
  readonly issuer: string | null
  readonly subject: string | null
  /** `reserved` with a user: being linked to it. `held`: was its alias, and is kept for it until `until`. */
  readonly kind: 'canonical' | 'alias' | 'retired' | 'reserved' | 'held'
  readonly epoch: string
  readonly until: Date | null
}

/** A grant for a session of an account, which one device may use once. */
export interface GrantRow {
  readonly hash: string
  readonly userId: string
  readonly principalEpoch: string | null
  readonly approverSession: string
  readonly thumbprint: string
  readonly expiresAt: Date
}

/** A row of the device keys. */
export interface KeyRow {
  readonly thumbprint: string
  readonly principal: string
  readonly name: string | null
  readonly createdAt: Date
  readonly lastSeenAt: Date | null
  readonly retiredAt: Date | null
}

/** The columns of `user` that the plugin reads. */
export interface BoundUser {
  readonly id: string
  readonly email: string
  readonly emailVerified: boolean
  readonly principal?: string | null
  readonly principalOpen?: boolean | null
  readonly principalEpoch?: string | null
  readonly principalMailbox?: string | null
  readonly principalMailboxBy?: string | null
  readonly principalMailboxAt?: Date | null
  /** Of Better Auth's plugins, where they are installed. */
  readonly phoneNumber?: string | null
  readonly phoneNumberVerified?: boolean | null
  readonly isAnonymous?: boolean | null
}
