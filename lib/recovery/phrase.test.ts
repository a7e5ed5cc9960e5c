import { createHash } from 'node:crypto'
import { entropyToMnemonic, mnemonicToEntropy } from '@scure/bip39'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import { fc } from '../seeded.testing.ts'
import { describe, expect, test } from 'vitest'
import { isLatchkeyError } from '../errors.ts'
import { formatSecret } from '../identity/secret.ts'
import vectors from '../vectors/bip39.json' with { type: 'json' }
import { findUnknownWords, isWord, parsePhrase, toPhrase } from './phrase.ts'

const secretOf = (hex: string): string => Buffer.from(hex, 'hex').toString('base64url')

describe('the word list', () => {
  test('is the one of BIP-39', () => {
    const text = wordlist.map((word) => `${word}\n`).join('')
    expect(createHash('sha256').update(text).digest('hex')).toBe(vectors.english_list_sha256)
  })

  test('has no two words with the same first four letters', () => {
    expect(new Set(wordlist.map((word) => word.slice(0, 4))).size).toBe(2048)
  })
})

describe('the vectors of BIP-39 with 256 bits', () => {
  test.each(vectors.vectors)('$entropy_hex', async ({ entropy_hex: hex, words }) => {
    expect(await toPhrase(secretOf(hex))).toBe(words)
    expect(await parsePhrase(words)).toBe(secretOf(hex))
  })
})

describe('other implementations agree', () => {
  test("python-mnemonic, Trezor's, on 32 secrets", async () => {
    expect(vectors.cross_check).toHaveLength(32)
    for (const { entropy_hex: hex, words } of vectors.cross_check) {
      expect(await toPhrase(secretOf(hex))).toBe(words)
      expect(await parsePhrase(words)).toBe(secretOf(hex))
    }
  })

  test('@scure/bip39 on any secret', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 32, maxLength: 32 }), async (bytes) => {
        const phrase = await toPhrase(formatSecret(bytes))
        expect(phrase).toBe(entropyToMnemonic(Uint8Array.from(bytes), wordlist))
        expect(await parsePhrase(phrase)).toBe(formatSecret(bytes))
      }),
    )
  })

  test('@scure/bip39 on any 24 words: the same ones are refused', async () => {
    const word = fc.constantFrom(...wordlist)
    await fc.assert(
      fc.asyncProperty(fc.array(word, { minLength: 24, maxLength: 24 }), async (words) => {
        const text = words.join(' ')
        expect(await codeOf(parsePhrase(text))).toBe(isValid(text) ? 'none' : 'PHRASE_CHECKSUM')
      }),
    )
  })
})

const PHRASE = vectors.cross_check[0]!.words
const SECRET = secretOf(vectors.cross_check[0]!.entropy_hex)
const WORDS = PHRASE.split(' ')

describe('reading forgives', () => {
  test.each([
    ['capital letters', PHRASE.toUpperCase()],
    ['white space', `\n\t ${WORDS.join(' \n\u00A0')} \r\n`],
    ['numbers', WORDS.map((word, index) => `${index + 1}. ${word}`).join('\n')],
    ['numbers without spaces', WORDS.map((word, index) => `${index + 1})${word}`).join('')],
    ['commas', WORDS.join(', ')],
    ['quotation marks and dashes', `“${WORDS.join(' – ')}”`],
    [
      'soft hyphens and zero-width spaces',
      WORDS.map((word) => `${word.slice(0, 2)}\u00AD${word.slice(2)}\u200B`).join(' '),
    ],
    ['full-width letters', PHRASE.replace(/[a-z]/g, (letter) => String.fromCodePoint(letter.codePointAt(0)! + 0xfee0))],
    ['first four letters', WORDS.map((word) => word.slice(0, 4)).join(' ')],
    ['more than the first four letters', WORDS.map((word) => word.slice(0, 5)).join(' ')],
  ])('%s', async (_, text) => {
    expect(await parsePhrase(text)).toBe(SECRET)
  })

  test('every word by its first four letters', () => {
    for (const word of wordlist) expect(isWord(word.slice(0, 4), word), word).toBe(true)
  })
})

describe('reading refuses', () => {
  test.each([
    ['nothing', '', 'PHRASE_LENGTH'],
    ['23 words', WORDS.slice(1).join(' '), 'PHRASE_LENGTH'],
    ['25 words', `${PHRASE} art`, 'PHRASE_LENGTH'],
    ['words without spaces', WORDS.join(''), 'PHRASE_LENGTH'],
    ["a wallet's 12 words", vectors.shorter[0]!.words, 'PHRASE_LENGTH'],
    ['a word that is not in the list', replaced(3, 'latchkey'), 'PHRASE_WORD_UNKNOWN'],
    ['three letters of a longer word', replaced(3, 'abs'), 'PHRASE_WORD_UNKNOWN'],
    ['letters of another alphabet', PHRASE.replace('a', 'а'), 'PHRASE_WORD_UNKNOWN'],
    ['a word with more letters', replaced(0, `${WORDS[0]}s`), 'PHRASE_WORD_UNKNOWN'],
    ['another word of the list', replaced(23, WORDS[23] === 'zoo' ? 'zone' : 'zoo'), 'PHRASE_CHECKSUM'],
  ])('%s', async (_, text, code) => {
    expect(await codeOf(parsePhrase(text))).toBe(code)
  })

  test('two swapped words, unless the checksum is the same by chance', async () => {
    const swaps = WORDS.flatMap((_, first) => WORDS.slice(first + 1).map((_, gap) => swapped(first, first + 1 + gap)))
    const codes = await Promise.all(swaps.map((text) => codeOf(parsePhrase(text))))
    expect(codes).toEqual(swaps.map((text) => (text === PHRASE || isValid(text) ? 'none' : 'PHRASE_CHECKSUM')))
    expect(codes.filter((code) => code === 'PHRASE_CHECKSUM').length).toBeGreaterThan(250)
  })

  test('and no error contains a word, only its place', async () => {
    const failures = [replaced(3, 'latchkey'), replaced(3, 'abs'), replaced(23, 'zone'), WORDS.slice(1).join(' ')]
    for (const text of failures) {
      const error = (await parsePhrase(text).catch((failure: unknown) => failure)) as Error
      expect(isLatchkeyError(error)).toBe(true)
      const said = `${error.message}\n${JSON.stringify(
        error,
        Object.getOwnPropertyNames(error).filter((name) => name !== 'stack'),
      )}`
      for (const word of [...WORDS, 'latchkey', 'zone']) expect(said).not.toMatch(new RegExp(`\\b${word}\\b`))
      expect(error.cause).toBeUndefined()
    }
    await expect(parsePhrase(replaced(3, 'latchkey'))).rejects.toThrow('PHRASE_WORD_UNKNOWN: word 4')
  })
})

describe('words that are not in the list', () => {
  test('come with their place and near words', () => {
    const text = replaced(0, 'abandom').replace(WORDS[23]!, 'absrub')
    expect(findUnknownWords(text)).toEqual([
      { place: 1, nearWords: ['abandon', 'random'] },
      { place: 24, nearWords: ['absorb', 'absurd'] },
    ])
    expect(findUnknownWords(PHRASE)).toEqual([])
  })

  test.each([
    ['a letter too many', 'abandonn', 'abandon'],
    ['a letter too few', 'abndon', 'abandon'],
    ['another letter', 'sbandon', 'abandon'],
    ['two letters swapped', 'baandon', 'abandon'],
    ['a plural', 'zones', 'zone'],
  ])('%s', (_, typed, meant) => {
    expect(findUnknownWords(typed)[0]!.nearWords[0]).toBe(meant)
  })

  test('come with at most four, and none where nothing is near', () => {
    expect(findUnknownWords('xat')[0]!.nearWords.length).toBeLessThanOrEqual(4)
    expect(findUnknownWords('x'.repeat(10_000))).toEqual([{ place: 1, nearWords: [] }])
  })
})

describe('one word typed again', () => {
  test('is compared as forgivingly as it is read', () => {
    for (const typed of ['abandon', ' ABANDON ', '1. abandon', 'aban']) expect(isWord(typed, 'abandon')).toBe(true)
    for (const typed of ['', 'aba', 'ability', 'abandon ability', 'abandons'])
      expect(isWord(typed, 'abandon')).toBe(false)
  })
})

test.each(['', 'abandon', `${SECRET}=`])('toPhrase refuses %j, which is no secret', async (secret) => {
  expect(await codeOf(toPhrase(secret))).toBe('SECRET_INVALID')
})

function replaced(at: number, word: string): string {
  return WORDS.with(at, word).join(' ')
}

function swapped(first: number, second: number): string {
  return WORDS.with(first, WORDS[second]!).with(second, WORDS[first]!).join(' ')
}

function isValid(text: string): boolean {
  try {
    return mnemonicToEntropy(text, wordlist).length === 32
  } catch {
    return false
  }
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'none'
  } catch (error) {
    return isLatchkeyError(error) ? error.code : String(error)
  }
}
