import { LatchkeyError } from '../errors.ts'
import { parseRecordText, stringifyRecord } from './record-text.ts'

/**
 * Serializes the record as readable JSON.
 *
 * @throws {TypeError} a value is neither JSON nor bytes, for example a `CryptoKey`
 */
export function formatRecord(record: unknown): string {
  return `${stringifyRecord(record, 2)}\n`
}

/**
 * Parses the output of {@link formatRecord}.
 *
 * @throws {LatchkeyError} `KEYSTORE_CORRUPT`
 */
export function parseRecord(bytes: Uint8Array): unknown {
  return parseRecordText(readText(bytes))
}

function readText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new LatchkeyError('KEYSTORE_CORRUPT')
  }
}
