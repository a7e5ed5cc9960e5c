import { wordlist } from '@scure/bip39/wordlists/english.js'
import { LatchkeyError } from '../errors.ts'
import { sha256 } from '../identity/digest.ts'
import { formatSecret, parseSecret } from '../identity/secret.ts'
import { nearWords } from './near-words.ts'

// Only the word list comes from @scure/bip39: with its functions, this entry would be 4 kB larger (PBKDF2, SHA-512).

/** Number of words of a phrase: 256 bits and 8 bits of checksum, 11 bits a word. */
const WORDS = 24

/** Each word is the only one with its first four letters (BIP-39, "Wordlist"). */
const DISTINCT_LETTERS = 4

/**
 * Returns a device secret as 24 words (BIP-39, English), separated by spaces.
 *
 * @param secret - as from `auth.exportSecret()`
 * @throws {LatchkeyError} `SECRET_INVALID`
 */
export async function toPhrase(secret: string): Promise<string> {
  const bytes = parseSecret(secret)
  const bits = toBits([...bytes, (await sha256(bytes))[0]!], 8)
  return fromBits(bits, 11)
    .map((index) => wordlist[index])
    .join(' ')
}

/**
 * Reads 24 words. Case, white space, numbers and punctuation between the words do not matter, and the first four
 * letters of a word are enough.
 *
 * @returns the device secret as text
 * @throws {LatchkeyError} `PHRASE_LENGTH`: not 24 words; `PHRASE_WORD_UNKNOWN`: the message has the word's position,
 *   and {@link findUnknownWords} returns similar words; `PHRASE_CHECKSUM`: a word is wrong, or two are swapped. No
 *   message contains a word
 */
export async function parsePhrase(text: string): Promise<string> {
  const words = splitWords(text)
  if (words.length !== WORDS) throw new LatchkeyError('PHRASE_LENGTH', `${words.length} words instead of ${WORDS}`)
  const indexes = words.map(indexOf)
  const unknown = indexes.indexOf(-1)
  if (unknown >= 0) throw new LatchkeyError('PHRASE_WORD_UNKNOWN', `word ${unknown + 1}`)
  const bytes = Uint8Array.from(fromBits(toBits(indexes, 11), 8))
  const secret = bytes.slice(0, 32)
  if ((await sha256(secret))[0] !== bytes[32]) throw new LatchkeyError('PHRASE_CHECKSUM')
  return formatSecret(secret)
}

/** A word that is not in the list. */
export interface UnknownWord {
  /** Counted from 1. */
  readonly place: number
  /** At most four similar words of the list, the most similar first. Do not log them. */
  readonly nearWords: readonly string[]
}

/**
 * Returns the words of a text that are not in the list, so that a form can mark them. They reveal most of the secret,
 * so no error contains them.
 */
export function findUnknownWords(text: string): readonly UnknownWord[] {
  return splitWords(text).flatMap((word, index) =>
    indexOf(word) < 0 ? { place: index + 1, nearWords: nearWords(word, wordlist) } : [],
  )
}

/** True if a text is this word, written as `parsePhrase` accepts it. */
export function isWord(typed: string, word: string): boolean {
  const [only, ...others] = splitWords(typed)
  return only !== undefined && others.length === 0 && wordlist[indexOf(only)] === word
}

/** Invisible characters, such as soft hyphens, are removed; all other characters that are no letters separate words. */
function splitWords(text: string): readonly string[] {
  const plain = text.normalize('NFKC').replace(/\p{Cf}/gu, '')
  return plain.toLowerCase().match(/[\p{L}\p{M}]+/gu) ?? []
}

/** Returns the index of a word in the list, or -1. */
function indexOf(typed: string): number {
  const exact = wordlist.indexOf(typed)
  if (exact >= 0 || typed.length < DISTINCT_LETTERS) return exact
  return wordlist.findIndex((word) => word.startsWith(typed))
}

function toBits(numbers: readonly number[], width: number): string {
  return numbers.map((value) => value.toString(2).padStart(width, '0')).join('')
}

function fromBits(bits: string, width: number): number[] {
  return bits.match(new RegExp(`.{${width}}`, 'g'))!.map((group) => Number.parseInt(group, 2))
}
