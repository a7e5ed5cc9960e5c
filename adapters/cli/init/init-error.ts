import { Refusal } from '../refusal.ts'

/** Why `latchkey init` wrote nothing, or not everything. Stable; docs/cli.md says what to do. */
export const INIT_ERRORS = {
  INIT_TEMPLATE_MISSING: 'The folder has no package.json, and no starter was chosen',
  INIT_TEMPLATE_UNKNOWN: 'There is no such starter',
  INIT_FOLDER_NOT_EMPTY: 'A starter needs a new or an empty folder',
  INIT_PACKAGE_INVALID: 'package.json cannot be read',
  INIT_FRAMEWORK_UNKNOWN: 'package.json names no supported framework',
  INIT_FILE_EXISTS: 'Nothing was written, because these files exist with different content',
  INIT_WRITE_FAILED: 'A file cannot be written',
} as const

/** One of {@link INIT_ERRORS}. */
export type InitErrorCode = keyof typeof INIT_ERRORS

/** A refusal with a stable code, which begins its message. */
export class InitError extends Refusal {
  readonly code: InitErrorCode

  /** @param detail - what it is about, for example a path */
  constructor(code: InitErrorCode, detail: string) {
    super(`${code}: ${INIT_ERRORS[code]}: ${detail}`)
    this.code = code
  }
}
