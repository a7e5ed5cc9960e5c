import { describe, expect, test } from 'vitest'
import { testBrowser } from '../client/client.testing.ts'
import { createRecovery } from './create-recovery.ts'
import { toHtml, toSheet } from './sheet.ts'

const backup = await createRecovery(await testBrowser().load()).beginBackup()
const options = { app: 'Notes', address: 'https://notes.example', now: Date.UTC(2026, 4, 3, 23, 59) }

describe('a sheet to print', () => {
  test('has the words, the check, the end of the principal, the date, the address, and what the words are for', () => {
    expect(toSheet(backup, options)).toEqual({
      app: 'Notes',
      address: 'https://notes.example',
      date: '2026-05-03',
      words: backup.words,
      check: backup.check,
      principalEnding: backup.principal.slice(-4),
      sentence: 'These words open only Notes, never a wallet.',
    })
  })

  test('names no address where there is none', () => {
    expect(toSheet(backup, { app: 'Notes' }).address).toBe('')
  })

  test('is a page that runs nothing and loads nothing', () => {
    const html = toHtml(toSheet(backup, options))
    for (const part of [...backup.words, backup.check, backup.principal.slice(-4), '2026-05-03', 'never a wallet'])
      expect(html).toContain(part)
    expect(html).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`)
    expect(html).not.toMatch(/<script|<img|<link|\ssrc=|\shref=|\son\w+=/i)
    expect(html.match(/<li>/g)).toHaveLength(24)
  })

  test('shows the name of the app and its address as text, whatever they contain', () => {
    const name = `</title><script>alert("1" & '2')</script>`
    const html = toHtml(toSheet(backup, { ...options, app: name, address: name }))
    expect(html).not.toContain('<script')
    expect(html).not.toContain('"1"')
    expect(html).toContain('&#60;script&#62;alert(&#34;1&#34; &#38; &#39;2&#39;)')
  })
})
