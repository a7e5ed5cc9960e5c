import type { GenericEndpointContext } from 'better-auth'
import { APIError, createAuthEndpoint, getIP } from 'better-auth/api'
import {
  type BackupMethod,
  type OptionNames,
  backupDigest,
  checkOptionNames,
  hashLocator,
} from '../../../lib/server-kit.ts'
import type { BackupsWithoutAccount, OpenBackups } from '../binding/backups.ts'
import type { ProvenDevice } from '../binding/types.ts'
import { refuseCrossSite } from '../hooks/cross-site.ts'
import { type OneTimeProofs, rethrow } from '../hooks/proofs.ts'
import { type Endpoint, readText } from './endpoint.ts'

/** The response of `POST /latchkey/backup` and `POST /latchkey/backup/renew`. */
export interface BackupAnswer {
  /** Milliseconds until the backup expires; null: never. Putting it again, or renewing it, extends its life. */
  readonly expiresIn: number | null
}

/** The response of `POST /latchkey/backup/read`. */
export interface BackupReadAnswer {
  /** Null if there is none. */
  readonly envelope: string | null
}

/** Dependencies of the endpoints. */
export interface BackupTools {
  readonly proofs: OneTimeProofs
  readonly backups: OpenBackups
}

/** Characters of a locator: 32 bytes in base64url. */
const LOCATOR_CHARACTERS = 43

/** Longest envelope, in characters. */
const MAX_ENVELOPE_CHARACTERS = 4096

const OPTIONS = { method: 'POST', requireHeaders: true, metadata: { noStore: true } } as const

/**
 * Stores backups that only a passkey opens. A write needs the identity's proof for exactly this write. A read needs
 * only the locator, which the passkey computes: a user who restores has nothing else. No session is read.
 */
export function backupEndpoints(
  tools: () => BackupTools,
): Record<'latchkeyBackup' | 'latchkeyRenewBackup' | 'latchkeyReadBackup' | 'latchkeyRemoveBackup', Endpoint> {
  return {
    latchkeyBackup: createAuthEndpoint('/latchkey/backup', OPTIONS, async (ctx) => {
      const asked = ctx as unknown as GenericEndpointContext
      const envelope = readText(ctx.body, 'envelope', MAX_ENVELOPE_CHARACTERS)
      const { hash, device } = await proven(asked, tools(), 'put', await hashOf(asked), envelope)
      const address = ctx.request ? getIP(ctx.request, ctx.context.options) : null
      const backup = { hash, envelope, address }
      const expiresIn = await tools().backups(ctx.context.adapter).put(device, backup).catch(rethrow)
      return ctx.json<BackupAnswer>({ expiresIn })
    }),
    latchkeyRenewBackup: createAuthEndpoint('/latchkey/backup/renew', OPTIONS, async (ctx) => {
      const asked = ctx as unknown as GenericEndpointContext
      refuseCrossSite(asked)
      const { hash, device } = await proven(asked, tools(), 'renew', readText(ctx.body, 'hash', LOCATOR_CHARACTERS))
      const expiresIn = await tools().backups(ctx.context.adapter).renew(device, hash).catch(rethrow)
      return ctx.json<BackupAnswer>({ expiresIn })
    }),
    latchkeyReadBackup: createAuthEndpoint('/latchkey/backup/read', OPTIONS, async (ctx) => {
      const hash = await hashOf(ctx as unknown as GenericEndpointContext)
      return ctx.json<BackupReadAnswer>({ envelope: await tools().backups(ctx.context.adapter).read(hash) })
    }),
    latchkeyRemoveBackup: createAuthEndpoint('/latchkey/backup/remove', OPTIONS, async (ctx) => {
      const asked = ctx as unknown as GenericEndpointContext
      const { hash, device } = await proven(asked, tools(), 'remove', await hashOf(asked))
      await tools().backups(ctx.context.adapter).remove(device, hash).catch(rethrow)
      return ctx.json({ status: true })
    }),
  }
}

/** The locator is in the body alone: addresses of requests end up in logs and histories. */
async function hashOf(ctx: GenericEndpointContext): Promise<string> {
  refuseCrossSite(ctx)
  const locator = readText(ctx.body, 'locator', LOCATOR_CHARACTERS)
  const hash = locator.length === LOCATOR_CHARACTERS ? await hashLocator(locator).catch(() => null) : null
  if (hash !== null) return hash
  throw new APIError('BAD_REQUEST', { code: 'BODY_INVALID', message: 'locator: expected 32 bytes in base64url' })
}

async function proven(
  ctx: GenericEndpointContext,
  { proofs }: BackupTools,
  method: BackupMethod,
  hash: string,
  envelope = '',
): Promise<{ readonly hash: string; readonly device: ProvenDevice }> {
  const digest = await backupDigest(method, hash, envelope)
  return { hash, device: await proofs.admit(ctx.context, ctx.headers!, { purpose: 'backup', digest }) }
}

/**
 * Reads the limits of backups without an account.
 *
 * @returns null if there are none
 * @throws {TypeError} a limit is not a positive integer
 */
const BACKUP_OPTIONS: OptionNames<BackupsWithoutAccount> = { perAddressAndDay: true, total: true, days: true }

export function readBackupRules(rules: BackupsWithoutAccount | undefined): BackupsWithoutAccount | null {
  if (rules === undefined) return null
  checkOptionNames('backupsWithoutAccount.', rules, BACKUP_OPTIONS)
  const { perAddressAndDay, total, days } = rules
  for (const [name, value] of Object.entries({ perAddressAndDay, total, days })) {
    if (!Number.isSafeInteger(value) || value < 1)
      throw new TypeError(`backupsWithoutAccount.${name}: expected a positive integer`)
  }
  return { perAddressAndDay, total, days }
}
