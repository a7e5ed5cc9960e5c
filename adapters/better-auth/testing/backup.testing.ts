import { randomBytes } from 'node:crypto'
import { type BackupMethod, backupDigest, hashLocator } from '../../../lib/server-kit.ts'
import type { TestDevice } from '../../../lib/testing.ts'
import { PROOF_HEADER } from '../index.ts'
import { post } from './requests.testing.ts'
import { AUDIENCE, type TestBrowser } from './server.testing.ts'

/** As a passkey evaluates to. */
export function newLocator(): string {
  return randomBytes(32).toString('base64url')
}

/** What is sealed does not matter to a server. */
export function newEnvelope(): string {
  const [n, ct] = [randomBytes(12), randomBytes(200)].map((bytes) => bytes.toString('base64url'))
  return JSON.stringify({ v: 1, alg: 'A256GCM', n, ct })
}

/** The header with a proof for one write, at a time in milliseconds since 1970. */
export async function writeProof(
  device: TestDevice,
  method: BackupMethod,
  locator: string,
  envelope = '',
  now = Date.now(),
): Promise<Record<string, string>> {
  const digest = await backupDigest(method, await hashLocator(locator), envelope)
  return { [PROOF_HEADER]: await device.proof({ audience: AUDIENCE, purpose: 'backup', digest, now: now / 1000 }) }
}

/** What the backups of a server are asked. */
export interface BackupRequests {
  put(locator: string, envelope: string, headers?: Record<string, string>): Promise<Response>
  renew(locator: string, now?: number): Promise<Response>
  read(locator: string): Promise<Response>
  remove(locator: string, now?: number): Promise<Response>
  /** The envelope that a locator reads. */
  kept(locator: string): Promise<string | null>
}

/** Asks from one browser, with the proofs of one device. */
export function backupRequests({ browser, device }: { browser: TestBrowser; device: TestDevice }): BackupRequests {
  const read = (locator: string): Promise<Response> => browser.send('/latchkey/backup/read', post({ locator }))
  return {
    put: async (locator, envelope, headers) =>
      browser.send(
        '/latchkey/backup',
        post({ locator, envelope }, { ...(await writeProof(device, 'put', locator, envelope)), ...headers }),
      ),
    renew: async (locator, now) =>
      browser.send(
        '/latchkey/backup/renew',
        post({ hash: await hashLocator(locator) }, await writeProof(device, 'renew', locator, '', now)),
      ),
    read,
    remove: async (locator, now) =>
      browser.send('/latchkey/backup/remove', post({ locator }, await writeProof(device, 'remove', locator, '', now))),
    kept: async (locator) => ((await (await read(locator)).json()) as { envelope: string | null }).envelope,
  }
}
