import type { WordsBackup } from './create-recovery.ts'

/** The contents of a printed sheet, for an app that lays out its own page. */
export interface RecoverySheet {
  readonly app: string
  /** Where the words are typed. */
  readonly address: string
  /** Day of the backup, YYYY-MM-DD. */
  readonly date: string
  readonly words: readonly string[]
  readonly check: string
  /** The last four characters of the principal. */
  readonly principalEnding: string
  /** What the words are for. */
  readonly sentence: string
}

/** Options of {@link toSheet}. */
export interface SheetOptions {
  /** Name of the app, as users know it. */
  readonly app: string
  /** Address of the app, for example `https://notes.example`. Defaults to `location.origin`. */
  readonly address?: string
  /** In milliseconds since 1970. Defaults to the system clock. */
  readonly now?: number
}

/** Returns the contents of a printed sheet. They contain the secret: print them, and never store them. */
export function toSheet(backup: WordsBackup, { app, address, now = Date.now() }: SheetOptions): RecoverySheet {
  return Object.freeze({
    app,
    address: address ?? globalThis.location?.origin ?? '',
    date: new Date(now).toISOString().slice(0, 10),
    words: backup.words,
    check: backup.check,
    principalEnding: backup.principal.slice(-4),
    sentence: `These words open only ${app}, never a wallet.`,
  })
}

/**
 * Returns a sheet as a complete HTML document, in English. It runs no script and loads nothing. Print it from a frame
 * (`srcdoc`), not from a file or a server.
 */
export function toHtml({ app, address, date, words, check, principalEnding, sentence }: RecoverySheet): string {
  const title = `${escaped(app)}: recovery words`
  const facts = { Check: check, 'Identity ends in': principalEnding, Date: date, 'Type them at': address }
  return `<!doctype html>
<html lang="en" translate="no">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>body{font:12pt/1.5 sans-serif;margin:2cm}ol{columns:3;font:14pt/2 monospace}</style>
<h1>${title}</h1>
<p>${escaped(sentence)} Anyone who has them has your data. Keep this sheet in a safe place.</p>
<ol>${words.map((word) => `<li>${escaped(word)}`).join('')}</ol>
${Object.entries(facts)
  .map(([name, fact]) => `<p>${name}: <b>${escaped(fact)}</b>`)
  .join('\n')}
`
}

/** Returns a text as HTML character references, so that no name of an app is markup. */
function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
