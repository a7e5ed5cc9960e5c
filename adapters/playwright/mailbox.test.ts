import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { openMailbox } from './mailbox.ts'

const folder = mkdtempSync(join(tmpdir(), 'latchkey-mail-'))
afterAll(() => rmSync(folder, { recursive: true }))

let count = 0

/** A mailbox, and the server that writes to it. */
function open() {
  const file = join(folder, `${++count}.jsonl`)
  const send = (mail: object, end = '\n'): void => appendFileSync(file, JSON.stringify(mail) + end)
  return { mailbox: openMailbox(file), send, file }
}

describe('openMailbox', () => {
  test('returns each message once, in order, to whom it was sent', async () => {
    const { mailbox, send } = open()
    send({ to: 'ada@example.com', subject: 'one' })
    send({ to: 'eve@example.com', subject: 'other' })
    send({ to: 'ada@example.com', subject: 'two' })
    const subjects = [await mailbox.next('ada@example.com'), await mailbox.next('ada@example.com')].map(
      ({ content }) => content['subject'],
    )
    expect(subjects).toEqual(['one', 'two'])
    await expect(mailbox.next('ada@example.com', 0)).rejects.toMatchObject({ code: 'TEST_MAIL_MISSING' })
  })

  test('waits for a message, and does not read one that is half written', async () => {
    const { mailbox, send, file } = open()
    const next = mailbox.next('ada@example.com')
    send({ to: 'ada@example.com', text: 'late' }, '')
    appendFileSync(file, '\n')
    expect((await next).content).toEqual({ text: 'late' })
  })

  test('knows nothing of what was sent before it was opened, by an earlier test or run', async () => {
    const { mailbox, send, file } = open()
    send({ to: '+4915112345678', otp: '1111' })
    expect(await mailbox.nextCode('+4915112345678')).toBe('1111')
    send({ to: '+4915112345678', otp: '2222' })
    const later = openMailbox(file)
    await expect(later.next('+4915112345678', 0)).rejects.toMatchObject({ code: 'TEST_MAIL_MISSING' })
    send({ to: '+4915112345678', otp: '3333' })
    expect(await later.nextCode('+4915112345678')).toBe('3333')
    // The server made the file anew.
    writeFileSync(file, '')
    const fresh = later.nextCode('+4915112345678')
    send({ to: '+4915112345678', otp: '4444' })
    expect(await fresh).toBe('4444')
  })

  test('gives each of two calls that wait a message of its own', async () => {
    const { mailbox, send } = open()
    const both = [mailbox.nextCode('ada@example.com'), mailbox.nextCode('ada@example.com')]
    send({ to: 'ada@example.com', otp: '1111' })
    send({ to: 'ada@example.com', otp: '2222' })
    expect(await Promise.all(both)).toEqual(['1111', '2222'])
  })

  test.each([
    [
      { text: 'Open https://app.example/verify?token=12345678 now' },
      'https://app.example/verify?token=12345678',
      undefined,
    ],
    [{ html: '<a href="https://app.example/a?b=1&amp;c=2">Sign in</a>' }, 'https://app.example/a?b=1&c=2', undefined],
    [{ text: 'Your code is 042137.' }, undefined, '042137'],
    [{ otp: '4711' }, undefined, '4711'],
    [{ otp: 471_100 }, undefined, '471100'],
    [{ text: 'Order A1234-5678, 123 of 123456789' }, undefined, undefined],
  ])('finds link and code in %j', async (content, link, code) => {
    const { mailbox, send } = open()
    send({ to: '+4915112345678', ...content })
    expect(await mailbox.next('+4915112345678')).toMatchObject({ link, code })
  })

  test('says what is missing', async () => {
    const { mailbox, send, file } = open()
    await expect(mailbox.next('ada@example.com', 0)).rejects.toThrow('no such file')
    send({ to: 'eve@example.com', text: 'no link' })
    await expect(mailbox.next('ada@example.com', 0)).rejects.toThrow('1 other addresses have unread mail')
    await expect(mailbox.nextLink('eve@example.com')).rejects.toMatchObject({ code: 'TEST_MAIL_MISSING' })
    appendFileSync(file, '{"email":"ada@example.com"}\n')
    await expect(mailbox.next('ada@example.com')).rejects.toThrow(`${file}:2 is no message`)
  })
})
